#include "agent/apply/sizing.h"

#include "agent/k3s/k3s.h"
#include "tuning/conntrack/conntrack.h"
#include "tuning/inotify/inotify.h"

namespace bedplate::apply {
namespace {

using sysctl::Bound;

constexpr const char* kMax = "net/netfilter/nf_conntrack_max";
constexpr const char* kBuckets = "net/netfilter/nf_conntrack_buckets";
constexpr const char* kInstances = "fs/inotify/max_user_instances";
constexpr const char* kWatches = "fs/inotify/max_user_watches";

cluster::SysctlWant want(const char* key, const cluster::Amount& amount, std::int64_t sized, Bound bound) {
  const bool sizedHere = amount.number == 0;
  sysctl::Rule rule;
  rule.key = key;
  rule.value = std::to_string(sizedHere ? sized : amount.number);
  rule.bound = sizedHere ? bound : Bound::exact;
  rule.source = sysctl::Source::sizing;
  rule.file = amount.said.file;
  rule.line = amount.said.line;
  return {std::move(rule), amount.said.layer};
}

}  // namespace

host::Result<std::vector<cluster::SysctlWant>> sizingRules(const cluster::NodeConfig& config,
                                                           const host::Result<host::MachineSize>& machine) {
  const auto& tuning = config.tuning;
  for (const auto* amount :
       {&tuning.conntrackMax, &tuning.conntrackBuckets, &tuning.inotifyInstances, &tuning.inotifyWatches})
    if (*amount && (*amount)->number == 0 && !machine) return tl::make_unexpected(machine.error());
  const host::MachineSize size = machine.value_or(host::MachineSize{0, 1});
  conntrack::Size table = conntrack::sizeFor(size.memoryBytes, size.cores);
  // Buckets go with the limit that holds here, be it sized or said.
  if (tuning.conntrackMax && tuning.conntrackMax->number != 0) table.buckets = tuning.conntrackMax->number;
  const inotify::Limits limits = inotify::sizeFor(size.memoryBytes);

  std::vector<cluster::SysctlWant> wants;
  if (tuning.conntrackMax) wants.push_back(want(kMax, *tuning.conntrackMax, table.max, Bound::atLeast));
  // A resize locks the whole table for tens of milliseconds: not for less than a factor of two.
  if (tuning.conntrackBuckets) wants.push_back(want(kBuckets, *tuning.conntrackBuckets, table.buckets, Bound::about));
  if (tuning.inotifyInstances)
    wants.push_back(want(kInstances, *tuning.inotifyInstances, limits.instances, Bound::atLeast));
  if (tuning.inotifyWatches) wants.push_back(want(kWatches, *tuning.inotifyWatches, limits.watches, Bound::atLeast));
  return wants;
}

std::optional<plan::FileTarget> conntrackDropIn(const cluster::Desired& desired, const plan::Target& target) {
  const auto& tuning = desired.config.tuning;
  const auto& asked = tuning.conntrackMax ? tuning.conntrackMax : tuning.conntrackBuckets;
  if (!asked || desired.conntrackHandOver.empty()) return std::nullopt;
  std::vector<std::string> others;
  for (const auto& file : target.files)
    if (file.area == plan::Area::k3sConfig) others.push_back(file.path);
  plan::FileTarget file;
  file.area = plan::Area::k3sConfig;
  file.path = k3s::lastDropIn("bedplate-conntrack.yaml", others);
  file.file = asked->said.file;
  file.layer = asked->said.layer;
  const std::string content = k3s::kubeProxyDropIn(desired.conntrackHandOver);
  file.sha256 = plan::sha256(content);
  file.content = std::make_shared<const std::string>(content);
  return file;
}

}  // namespace bedplate::apply
