#include "agent/apply/manifests.h"

#include "agent/apply/generations.h"
#include "agent/k3s/k3s.h"
#include "tuning/host/paths.h"

namespace bedplate::apply {
namespace {

constexpr std::size_t kMostByHand = 1000;
constexpr std::size_t kLargestByHand = 1 << 20;

bool hasManifests(const plan::Target& target) {
  for (const auto& file : target.files)
    if (file.area == plan::Area::manifest) return true;
  return false;
}

// What lies in K3s's manifests directory itself, is not ours and not K3s's own, and is not skipped.
std::vector<plan::HandPlaced> placedByHand(host::Files& files, const plan::Target* before) {
  std::vector<plan::HandPlaced> found;
  const std::string directory = host::parentPath(host::paths::k3sManifests);
  const auto names = files.list(directory, kMostByHand);
  if (!names) return found;
  std::set<std::string> known(names->begin(), names->end());
  if (before != nullptr)
    for (const auto& file : before->files) known.insert(file.path);
  for (const auto& name : *names) {
    std::string path = host::joinPath(directory, name);
    if (!k3s::isManifestName(name) || k3s::isPackaged(name) || known.count(name + ".skip") != 0) continue;
    if (known.count(path) != 0) continue;
    const auto info = files.info(path);
    if (!info || info->kind != host::FileKind::regular) continue;
    auto content = files.read(path, kLargestByHand);
    if (!content) continue;  // it stays with whoever placed it
    found.push_back({std::move(path), std::make_shared<const std::string>(*std::move(content))});
  }
  return found;
}

}  // namespace

host::Status checkWriter(host::Files& files, const plan::Target& wanted, const ManifestRules& rules) {
  if (rules.writer || wanted.node.role != "server" || !hasManifests(wanted) || !k3s::severalServers(files)) return {};
  return host::fail("WriterNeeded", "commit " + wanted.commit.substr(0, 7),
                    "has manifests, this cluster may have several servers, and node.yaml does not say which of them "
                    "holds the manifests: a server that was away would bring old ones back",
                    "set k3s.manifests.writer to the name of one server's node");
}

host::Result<plan::Successor> follow(Machine& machine, Keeper& keeper, const plan::Target& wanted,
                                     const ManifestRules& rules, const plan::Deployed& deployed, bool mayPrune) {
  auto& files = machine.files;
  BEDPLATE_TRY_LET(const auto before, keeper.current());
  static const plan::Target kNothing;
  plan::Target mine = wanted;
  std::set<std::string> elsewhere;
  const bool writes = !rules.writer || *rules.writer == wanted.node.name;
  mine.parks = writes && rules.writer && hasManifests(wanted) && k3s::severalServers(files);
  if (!writes) {
    for (const auto& file : wanted.files)
      if (file.area == plan::Area::manifest) elsewhere.insert(file.path);
    std::erase_if(mine.files, [](const auto& file) { return file.area == plan::Area::manifest; });
  }
  const Generations generations(files);
  plan::Succession in{.wanted = mine,
                      .before = before != nullptr ? *before : kNothing,
                      .deployed = deployed,
                      .hasRun = k3s::serverHasRun(files),
                      .mayPrune = mayPrune,
                      .allowed = rules.allowPrune,
                      .elsewhere = std::move(elsewhere),
                      .byHand = {},
                      .content = [&](const std::string& sha256) { return generations.content(sha256); }};
  if (writes && in.hasRun && hasManifests(mine)) in.byHand = placedByHand(files, before.get());
  return plan::succeed(in);
}

}  // namespace bedplate::apply
