#include <algorithm>

#include "agent/apply/apply.h"
#include "agent/apply/sizing.h"
#include "agent/k3s/k3s.h"
#include "tuning/host/paths.h"

namespace bedplate::apply {
namespace {

constexpr mode_t kFileMode = 0600;

void add(plan::Target& target, plan::Area area, std::string path, const cluster::FileWant& want) {
  target.files.push_back(
      {area, std::move(path), want.file, want.layer, kFileMode, plan::sha256(*want.content), want.content});
}

}  // namespace

host::Result<plan::Target> makeTarget(const cluster::Desired& desired, const source::Snapshot& snapshot,
                                      const host::Result<host::MachineSize>& machine) {
  BEDPLATE_TRY_LET(auto sizes, sizingRules(desired.config, machine));
  plan::Target target;
  target.commit = snapshot.commit.id.hex();
  target.subject = snapshot.commit.subject;
  target.tree = snapshot.tree.hex();
  target.node = desired.node;
  target.layers = desired.layers;
  target.driftEnforce = desired.config.tuning.driftEnforce;
  target.modules = desired.modules;
  target.sysctls = std::move(sizes);
  // By strength, as they are shown: profile, sizes, sysctl.d, floors.
  const auto profile = std::find_if(desired.sysctls.begin(), desired.sysctls.end(),
                                    [](const auto& want) { return want.rule.source != sysctl::Source::profile; });
  target.sysctls.insert(target.sysctls.begin(), desired.sysctls.begin(), profile);
  target.sysctls.insert(target.sysctls.end(), profile, desired.sysctls.end());
  target.overwritten = desired.overwritten;
  for (const auto& want : desired.k3s) add(target, plan::Area::k3sConfig, k3s::configTarget(want.path), want);
  if (auto dropIn = conntrackDropIn(desired, target)) target.files.push_back(*std::move(dropIn));
  if (desired.node.role == "server")
    for (const auto& want : desired.manifests)
      add(target, plan::Area::manifest, host::joinPath(host::paths::k3sManifests, k3s::manifestFileName(want.path)),
          want);
  std::sort(target.files.begin(), target.files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return target;
}

}  // namespace bedplate::apply
