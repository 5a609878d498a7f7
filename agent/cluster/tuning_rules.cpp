#include "agent/cluster/tuning_rules.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/cluster/k3s_arguments.h"
#include "tuning/profiles/profiles.h"

namespace bedplate::cluster {

std::vector<SysctlWant> profileRules(const NodeConfig& config) {
  std::vector<SysctlWant> wants;
  const std::string name = config.tuning.profile.value_or("none");
  for (const auto& file : profiles::files(name))
    for (auto& rule : sysctl::parseProfile(file.text, std::string(file.name)).rules)
      wants.push_back({std::move(rule), name});
  return wants;
}

std::vector<SysctlWant> floorRules(const NodeConfig& config) {
  std::vector<SysctlWant> wants;
  for (const auto& floor : config.tuning.floors) {
    sysctl::Rule rule;
    rule.key = floor.key;
    rule.value = std::to_string(floor.least);
    rule.file = floor.said.file;
    rule.line = floor.said.line;
    rule.bound = sysctl::Bound::atLeast;
    rule.source = sysctl::Source::floor;
    wants.push_back({std::move(rule), floor.said.layer});
  }
  return wants;
}

// K3s takes conntrack-max-per-core (32768 unless told) times the cores, or conntrack-min where that is more, and sets
// nothing at all when conntrack-max-per-core is 0.
void handOverConntrack(Desired& desired, std::vector<Finding>& findings) {
  const auto& tuning = desired.config.tuning;
  if (!tuning.conntrackMax && !tuning.conntrackBuckets) return;
  const auto said = k3sArguments(k3sTexts(desired)).kubeProxy;
  auto& handOver = desired.conntrackHandOver;
  const auto perCore = said.find("conntrack-max-per-core");
  const bool own = perCore != said.end() || said.contains("conntrack-min");
  if (!own) {
    handOver.emplace_back("conntrack-max-per-core=0");
  } else if (tuning.conntrackMax && (perCore == said.end() || perCore->second != "0")) {
    const auto& at = tuning.conntrackMax->said;
    findings.push_back({Severity::warning, at.file, at.line, at.column,
                        fmt::format("tuning.conntrack.max: kube-proxy-arg {} in the K3s configuration lets K3s set "
                                    "net.netfilter.nf_conntrack_max as well, at each start: take one of them out",
                                    perCore == said.end() ? "conntrack-min" : "conntrack-max-per-core")});
  }
  std::vector<sysctl::Rule> rules;
  rules.reserve(desired.sysctls.size());
  for (const auto& want : desired.sysctls) rules.push_back(want.rule);
  for (const std::string_view name : {"established", "close-wait"}) {
    const std::string arg = "conntrack-tcp-timeout-" + std::string(name);
    std::string key = "net/netfilter/nf_conntrack_tcp_timeout_" + std::string(name);
    std::replace(key.begin(), key.end(), '-', '_');
    if (sysctl::asks(rules, key) && !said.contains(arg)) handOver.push_back(arg + "=0s");
  }
}

}  // namespace bedplate::cluster
