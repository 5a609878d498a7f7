// The tunings that ship, as data: k3s.conf and the other files of this folder, which are built into the program.
//
// Their format is that of sysctl.d(5) with "key >= number" besides (sysctl::parseProfile); every key has a comment that
// says why it is there and from whom the number is.
// Thread-safety: free functions; the texts live as long as the program.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bedplate::profiles {

struct File {
  std::string_view name;  // "k3s.conf"
  std::string_view text;
};

// The profiles there are: "k3s", "k3s-high-traffic".
const std::vector<std::string>& names();

// What a profile consists of, the weaker first: "k3s-high-traffic" is k3s.conf and then its own file. Empty for any
// other name.
std::vector<File> files(std::string_view name);

}  // namespace bedplate::profiles
