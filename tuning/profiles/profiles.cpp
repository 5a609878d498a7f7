#include "tuning/profiles/profiles.h"

#include "tuning/profiles/embedded.h"

namespace bedplate::profiles {

const std::vector<std::string>& names() {
  static const std::vector<std::string> all = {"k3s", "k3s-high-traffic"};
  return all;
}

std::vector<File> files(std::string_view name) {
  std::vector<File> all;
  if (name == "k3s" || name == "k3s-high-traffic") all.push_back({"k3s.conf", kK3s});
  if (name == "k3s-high-traffic") all.push_back({"k3s-high-traffic.conf", kK3sHighTraffic});
  return all;
}

}  // namespace bedplate::profiles
