// When two texts are one value for the kernel. What stands here was seen on a kernel
// (tests/unit/sysctl/kernel_test.cpp) or stands in its source:
//   - integers: proc_get_long() reads them with base 0 and prints them decimal;
//   - net.ipv4.ip_local_reserved_ports: proc_do_large_bitmap() prints sorted, joined ranges;
//   - net.netfilter.nf_conntrack_buckets: nf_ct_alloc_hashtable() rounds up to PAGE_SIZE / sizeof(a list head).
#include "tuning/sysctl/values.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>

#include "tuning/sysctl/sysctl.h"

namespace bedplate::sysctl {
namespace {

constexpr std::uint64_t kListHead = 8;  // bytes of a pointer; every target is 64-bit
constexpr int kMostPorts = 65536;

template <class Number>
std::optional<Number> digits(std::string_view text, int base) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string_view firstWord(std::string_view& rest, char separator) {
  const std::size_t end = rest.find(separator);
  const std::string_view word = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return word;
}

// Word by word: the same text, or the same integer.
bool sameWords(std::string_view wanted, std::string_view held) {
  while (!wanted.empty() && !held.empty()) {
    const std::string_view a = firstWord(wanted, ' '), b = firstWord(held, ' ');
    if (a == b) continue;
    const auto number = integer(a);
    if (!number || number != integer(b)) return false;
  }
  return wanted.empty() && held.empty();
}

}  // namespace

std::strong_ordering Integer::operator<=>(const Integer& other) const {
  if (negative != other.negative) return negative ? std::strong_ordering::less : std::strong_ordering::greater;
  return negative ? other.magnitude <=> magnitude : magnitude <=> other.magnitude;
}

Integer Integer::twice() const {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  return {negative, magnitude > kMost / 2 ? kMost : magnitude * 2};
}

std::optional<Integer> integer(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    base = 16;
    text.remove_prefix(2);
  } else if (text.size() > 1 && text.front() == '0') {
    base = 8;
  }
  const auto magnitude = digits<std::uint64_t>(text, base);
  if (!magnitude) return std::nullopt;
  return Integer{negative && *magnitude != 0, *magnitude};
}

std::uint64_t wholePages(std::uint64_t buckets, std::uint64_t pageSize) {
  const std::uint64_t step = pageSize / kListHead;
  if (buckets > std::numeric_limits<std::uint64_t>::max() - step) return buckets;
  return (buckets + step - 1) / step * step;
}

std::optional<std::string> portRanges(std::string_view text) {
  std::map<int, int> ranges;  // first -> last, disjoint and not touching
  while (!text.empty()) {
    std::string_view range = firstWord(text, ',');
    const auto first = digits<int>(firstWord(range, '-'), 10);
    const auto last = range.empty() ? first : digits<int>(range, 10);
    if (!first || !last || *first < 0 || *last < *first || *last >= kMostPorts) return std::nullopt;
    int from = *first, to = *last;
    auto next = ranges.upper_bound(from);
    if (next != ranges.begin() && std::prev(next)->second + 1 >= from) --next;
    while (next != ranges.end() && next->first <= to + 1) {
      from = std::min(from, next->first);
      to = std::max(to, next->second);
      next = ranges.erase(next);
    }
    ranges.emplace(from, to);
  }
  std::string shown;
  for (const auto& [first, last] : ranges)
    shown += (shown.empty() ? "" : ",") + std::to_string(first) + (first == last ? "" : "-" + std::to_string(last));
  return shown;
}

bool same(std::string_view key, std::string_view wanted, std::string_view held) {
  if (wanted == held || sameWords(wanted, held)) return true;
  if (key == "net/netfilter/nf_conntrack_buckets") {
    const auto want = integer(wanted), have = integer(held);
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    return want && have && !want->negative && *have == Integer{false, wholePages(want->magnitude, page)};
  }
  if (key == "net/ipv4/ip_local_reserved_ports") {
    const auto want = portRanges(wanted);
    return want && want == portRanges(held);
  }
  return false;
}

bool meets(const Want& want, std::string_view held) {
  if (!want.problem.empty()) return false;
  if (same(want.key, want.value, held)) return true;
  if (want.bound == Bound::exact) return false;
  const auto least = integer(want.value), have = integer(held);
  if (!least || !have) return false;
  return (want.bound == Bound::about ? have->twice() : *have) >= *least;
}

}  // namespace bedplate::sysctl
