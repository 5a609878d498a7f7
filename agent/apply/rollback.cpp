#include "agent/apply/rollback.h"

#include <string>

#include "agent/apply/k3s_care.h"

namespace bedplate::apply {
namespace {

constexpr std::size_t kLooked = 1000;  // generations

host::Failure notFound(const std::string& what, const std::string& why) {
  return host::fail("NotFound", what, why, "bedplate history lists what there is");
}

std::string named(std::int64_t number) { return "generation " + std::to_string(number); }

// Steps that K3s answered are on the way of one commit; nobody wants to go back by one.
bool sameWay(const Generation& one, const Generation& current) {
  return current.cause == "manifests" && !current.commit.empty() && one.commit == current.commit;
}

// The newest one before the current that made another host of this one.
host::Result<std::int64_t> before(const Generation& current, const std::vector<Generation>& history) {
  for (const auto& one : history)
    if (one.state == GenerationState::applied && one.number < current.number && one.digest != current.digest &&
        one.cause != "release" && !sameWay(one, current))
      return one.number;
  return notFound("rollback", "there is no generation before " + named(current.number) + " that differs from it");
}

std::string newestTreeOfGit(const std::vector<Generation>& history) {
  for (const auto& one : history)
    if (one.cause == "commit") return one.tree;
  return {};
}

// Nothing to hold back when the way leads to what Git says.
host::Status holdBack(Store& store, const std::string& tree, const plan::Target& target) {
  return tree.empty() || tree == target.tree ? store.clearHold() : store.setHold(tree);
}

}  // namespace

host::Result<RunResult> rollBack(Machine& machine, Keeper& keeper, Store& store, std::int64_t number,
                                 const ManifestRules& rules, const plan::Deployed& deployed) {
  BEDPLATE_TRY_LET(const auto current, store.latest(GenerationState::applied));
  if (!current) return notFound("rollback", "nothing was applied yet");
  BEDPLATE_TRY_LET(const auto history, store.history(kLooked));
  if (number == 0) {
    BEDPLATE_TRY_LET(number, before(*current, history));
  }
  if (number == current->number) return host::fail("Invalid", named(number), "is the one in force", "name another");
  BEDPLATE_TRY_LET(const auto row, store.generation(number));
  if (!row) return notFound(named(number), "is not known");
  if (row->state != GenerationState::applied) return notFound(named(number), "was not applied to its end");
  BEDPLATE_TRY_LET(const auto stored, keeper.stored(number));
  if (!stored) return notFound(named(number), "is not known");
  BEDPLATE_TRY_LET(const auto next,
                   follow(machine, keeper, plan::withoutTombstones(*stored), rules, deployed, /*mayPrune=*/false));
  // A configuration that K3s did not come up with is not placed by this either, nor one in the middle of a restart.
  BEDPLATE_TRY_LET(const auto instead, k3sInstead(keeper, store, next.target));
  const plan::Target& target = instead ? instead->target : next.target;

  // The hold comes first: without it a crash in between would let the next look at Git undo the rollback.
  BEDPLATE_TRY_LET(const auto heldBefore, store.hold());
  BEDPLATE_TRY(holdBack(store, newestTreeOfGit(history), target));
  BEDPLATE_TRY(keeper.unpark());
  auto result = keeper.apply(target, "rollback");
  if (result && instead) result->note += (result->note.empty() ? "" : "; ") + instead->why;
  if (!result) static_cast<void>(heldBefore ? store.setHold(*heldBefore) : store.clearHold());
  return result;
}

}  // namespace bedplate::apply
