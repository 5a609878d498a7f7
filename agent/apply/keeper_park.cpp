// A server that was away must not bring back what the others have left behind: at its start K3s applies by force
// whatever manifests it finds. So they wait outside until Git was heard in this boot.
#include "agent/apply/apply.h"
#include "tuning/host/paths.h"

namespace bedplate::apply {

host::Status Keeper::park() {
  BEDPLATE_TRY_LET(const auto target, current());
  if (target == nullptr || !target->parks) return {};
  // First: a crash in between leaves files that are not there to be found by a repair that knows why.
  BEDPLATE_TRY(store_.setParked(true));
  store_.notes().parked = true;
  std::set<std::string> places;
  for (const auto& file : target->files) {
    if (file.area != plan::Area::manifest) continue;
    const auto info = machine_.files.info(file.path);
    if (!info || info->kind != host::FileKind::regular) continue;
    // All that it holds is in generations/ as well, or is drift that Git's word replaces.
    BEDPLATE_TRY(machine_.files.remove(file.path));
    places.insert(host::parentPath(file.path));
  }
  for (const auto& place : places) BEDPLATE_TRY(machine_.files.flush(place));
  return {};
}

host::Status Keeper::unpark() {
  if (!store_.notes().parked) return {};
  BEDPLATE_TRY(store_.setParked(false));
  unparked_ = true;
  store_.notes().parked = false;
  lookWhole();
  return {};
}

}  // namespace bedplate::apply
