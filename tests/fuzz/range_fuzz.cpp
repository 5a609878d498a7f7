#include <cstdlib>
#include <vector>

#include "agent/source/range.h"
#include "tests/unit/source/fake_objects.h"

namespace {

using bedplate::source::Commit;
using bedplate::source::FakeObjects;
using bedplate::source::Limits;
using bedplate::source::ObjectId;

constexpr std::size_t kCommits = 16;

struct History {
  explicit History(const std::uint8_t* masks);
  FakeObjects objects;
  std::vector<Commit> commits;
  std::vector<unsigned> parents;    // a bit for each
  std::vector<unsigned> ancestors;  // with itself
};

History::History(const std::uint8_t* masks) {
  const ObjectId tree = objects.tree({});
  for (std::size_t i = 0; i < kCommits; ++i) {
    const unsigned mask = (masks[2 * i] | static_cast<unsigned>(masks[2 * i + 1]) << 8U) & ((1U << i) - 1U);
    std::vector<ObjectId> named;
    unsigned known = 1U << i;
    for (std::size_t p = 0; p < i; ++p) {
      if ((mask >> p & 1U) == 0) continue;
      named.push_back(commits[p].id);
      known |= ancestors[p];
    }
    commits.push_back(objects.commit(tree, named, std::to_string(i)));
    parents.push_back(mask);
    ancestors.push_back(known);
  }
}

// The same judgement by sets of bits: parents first, all reached from the head, and every way out ends in the past of
// the base, one of them in the base itself.
bool sound(const History& history, std::size_t base, std::size_t head, const std::vector<std::size_t>& list) {
  unsigned inside = 0;
  for (const auto one : list) inside |= 1U << one;
  unsigned seen = 0;
  unsigned edge = 0;
  for (const auto one : list) {
    if (one == base || (seen >> one & 1U) != 0) return false;
    if ((history.parents[one] & inside & ~seen) != 0) return false;
    seen |= 1U << one;
    edge |= history.parents[one] & ~inside;
  }
  if (list.empty() || list.back() != head) return false;
  unsigned reached = 1U << head;
  for (std::size_t i = kCommits; i-- > 0;)
    if ((reached >> i & 1U) != 0) reached |= history.parents[i] & inside;
  return reached == inside && (edge >> base & 1U) != 0 && (edge & ~history.ancestors[base]) == 0;
}

}  // namespace

// A history as a worker may send it: any commits, in any order.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kHeader = 2 * kCommits + 2;
  if (size < kHeader || size > kHeader + 2 * kCommits) return 0;
  History history(data);
  const std::size_t base = data[2 * kCommits] % kCommits;
  const std::size_t head = data[2 * kCommits + 1] % kCommits;
  std::vector<std::size_t> list;
  std::vector<Commit> commits;
  for (std::size_t i = kHeader; i < size; ++i) {
    list.push_back(data[i] % kCommits);
    commits.push_back(history.commits[list.back()]);
  }
  const auto judged =
      checkRange(history.objects, history.commits[base].id, history.commits[head].id, commits, Limits{});
  if (judged.has_value() != sound(history, base, head, list)) std::abort();
  return 0;
}
