#include <algorithm>

#include "agent/apply/apply.h"
#include "agent/apply/sizing.h"
#include "agent/k3s/k3s.h"
#include "tuning/host/paths.h"

namespace bedplate::apply {
namespace {

constexpr mode_t kFileMode = 0600;

// The hash of a content, from a target that has it already: it holds the same object, so it is the same content.
std::string hashOf(const std::string& path, const std::shared_ptr<const std::string>& content,
                   const plan::Target* before) {
  if (before != nullptr) {
    const auto found = std::lower_bound(before->files.begin(), before->files.end(), path,
                                        [](const auto& file, const std::string& name) { return file.path < name; });
    if (found != before->files.end() && found->path == path && found->content == content) return found->sha256;
  }
  return plan::sha256(*content);
}

void add(plan::Target& target, plan::Area area, std::string path, const cluster::FileWant& want,
         const plan::Target* before) {
  std::string sha256 = hashOf(path, want.content, before);
  target.files.push_back(
      {area, std::move(path), want.file, want.layer, kFileMode, std::move(sha256), want.content, want.objects});
  target.files.back().sealed = want.sealed;
}

}  // namespace

host::Result<plan::Target> makeTarget(const cluster::Desired& desired, const source::Snapshot& snapshot,
                                      const host::Result<host::MachineSize>& machine, const plan::Target* before) {
  BEDPLATE_TRY_LET(auto sizes, sizingRules(desired.config, machine));
  plan::Target target;
  target.commit = snapshot.commit.id.hex();
  target.subject = snapshot.commit.subject;
  target.tree = snapshot.tree.hex();
  target.node = desired.node;
  target.layers = desired.layers;
  target.driftEnforce = desired.config.tuning.driftEnforce;
  target.selfHeal = desired.config.k3s.selfHeal == "off"       ? plan::SelfHeal::off
                    : desired.config.k3s.selfHeal == "objects" ? plan::SelfHeal::objects
                                                               : plan::SelfHeal::files;
  target.prune = desired.config.k3s.prune;
  target.modules = desired.modules;
  target.sysctls = std::move(sizes);
  // By strength, as they are shown: profile, sizes, sysctl.d, floors.
  const auto profile = std::find_if(desired.sysctls.begin(), desired.sysctls.end(),
                                    [](const auto& want) { return want.rule.source != sysctl::Source::profile; });
  target.sysctls.insert(target.sysctls.begin(), desired.sysctls.begin(), profile);
  target.sysctls.insert(target.sysctls.end(), profile, desired.sysctls.end());
  target.overwritten = desired.overwritten;
  for (const auto& want : desired.k3s) add(target, plan::Area::k3sConfig, k3s::configTarget(want.path), want, before);
  if (auto dropIn = conntrackDropIn(desired, target)) target.files.push_back(*std::move(dropIn));
  if (desired.node.role == "server")
    for (const auto& want : desired.manifests)
      add(target, plan::Area::manifest, host::joinPath(host::paths::k3sManifests, k3s::manifestFileName(want.path)),
          want, before);
  std::sort(target.files.begin(), target.files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return target;
}

}  // namespace bedplate::apply
