#include "agent/config/nearest.h"

#include <algorithm>

namespace bedplate::config {
namespace {

// Beyond this a name is not a typo; it also bounds the work that a hostile file can ask for.
constexpr std::size_t kLongest = 64;

std::string folded(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '_') c = '-';
  }
  return out;
}

// Optimal string alignment distance, three rows at a time.
std::size_t edits(const std::string& a, const std::string& b) {
  std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t differs = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + differs});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(above);
    above.swap(row);
  }
  return above[b.size()];
}

}  // namespace

std::string nearest(std::string_view wrong, const std::vector<std::string_view>& names) {
  if (wrong.size() > kLongest) return {};
  const std::string from = folded(wrong);
  std::string best;
  std::size_t bestEdits = 0;
  for (const std::string_view name : names) {
    const std::size_t distance = edits(from, folded(name));
    if (distance > std::max<std::size_t>(1, name.size() / 3)) continue;
    if (best.empty() || distance < bestEdits) {
      best = name;
      bestEdits = distance;
    }
  }
  return best;
}

}  // namespace bedplate::config
