// Values as integers. Private to tuning/sysctl.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bedplate::sysctl {

// An integer from -(2^64-1) to 2^64-1: kernel values are signed or unsigned longs.
struct Integer {
  bool negative = false;  // never with magnitude 0
  std::uint64_t magnitude = 0;
  bool operator==(const Integer&) const = default;
  std::strong_ordering operator<=>(const Integer& other) const;
  // Twice as much, or the greatest there is.
  [[nodiscard]] Integer twice() const;
};

// One integer as the kernel reads it: an optional minus, then decimal, 0 and octal, or 0x and hexadecimal digits.
std::optional<Integer> integer(std::string_view text);

// roundUp(buckets) with so many bytes a page; what nf_conntrack's hash table becomes.
std::uint64_t wholePages(std::uint64_t buckets, std::uint64_t pageSize);
// "10-12,11,3" -> "3,10-12", as the kernel shows a set of ports; nullopt when the text is no such set.
std::optional<std::string> portRanges(std::string_view text);

}  // namespace bedplate::sysctl
