// bedplate check DIR: every finding of a cluster directory, for every node and role in it, without a node. On a node,
// by the policy of its bedplate.conf: what is clean here must not be refused there.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <tuple>

#include "agent/apply/reconcile.h"
#include "agent/cli/arguments.h"
#include "agent/cluster/cluster.h"
#include "agent/report/json.h"
#include "agent/report/text.h"
#include "tuning/host/paths.h"

namespace bedplate::cli {
namespace {

using cluster::Finding;
using cluster::Identity;
using cluster::Severity;
using report::Json;

struct Asked {
  std::string directory, node, role;
  bool strict = false;
};

// Of bedplate.conf, where there is one and it has a policy.
struct Floor {
  cluster::Policy policy;
  std::vector<std::string> files;  // that were read; empty: no policy
};

struct Checked {
  std::vector<Finding> findings;
  Floor floor;
  std::vector<std::string> roles, nodes;
  std::size_t files = 0;

  [[nodiscard]] std::int64_t count(Severity severity) const {
    return std::count_if(findings.begin(), findings.end(),
                         [&](const Finding& one) { return one.severity == severity; });
  }
};

bool holds(host::Files& files, const std::string& path) { return files.info(path).has_value(); }

// Somebody who names the repository instead of one cluster's directory is told which there are.
host::Status looksLikeOne(host::Files& files, const std::string& directory) {
  for (const char* known : {"node.yaml", "sysctl.d", "modules-load.d", "k3s", "manifests", "roles", "nodes"})
    if (holds(files, known)) return {};
  constexpr std::size_t kMost = 20;
  std::vector<std::string> found;
  const auto clusters = files.list("clusters", 10000);
  if (clusters)
    for (const auto& name : *clusters)
      if (holds(files, "clusters/" + name + "/node")) found.push_back("clusters/" + name + "/node");
  if (found.empty()) {
    if (holds(files, "node")) found.emplace_back("node");
  }
  if (found.empty()) return {};  // empty, or wrong all through: the findings say so
  std::string choice;
  for (std::size_t i = 0; i < found.size() && i < kMost; ++i)
    choice += (i == 0 ? "" : ", ") + host::joinPath(directory, found[i]);
  return host::fail("NotAClusterDirectory", directory, "is not itself a cluster directory", "check " + choice);
}

// The cluster's name, for sealed files: where the directory lies, else as this node has it.
std::string clusterFor(Context& context, const std::string& directory) {
  std::error_code ignored;
  const auto path = std::filesystem::absolute(directory, ignored).lexically_normal();
  if (auto found = apply::folderBelowClusters(path.string())) return *std::move(found);
  return apply::clusterOf(context.configAsFarAsReadable());
}

// Opens sealed files with the keys of this machine, where there are some that this user may read. What they do not open
// is another node's, and no mistake.
trust::Opener openerOf(Context& context) {
  return [opener = trust::keysOf(context.files())](std::string_view text, const trust::SealedFor& whom) {
    auto opened = opener(text, whom);
    if (opened || opened.error().reason == "SealedTooWidely" || opened.error().reason == "SealedDamaged" ||
        opened.error().reason == "NotSealed")
      return opened;
    host::Error error = std::move(opened).error();
    error.reason = trust::kNotHere;
    return host::Result<trust::Secret>(tl::unexpect, std::move(error));
  };
}

std::vector<Identity> identities(const Asked& asked, const cluster::Members& members, const std::string& cluster) {
  std::vector<std::string> roles = {"server", "agent"}, nodes = members.nodes;
  if (!asked.role.empty()) roles = {asked.role};
  if (!asked.node.empty())
    nodes = {asked.node};
  else
    nodes.emplace_back("any-other-node");  // one without a layer of its own
  std::vector<Identity> all;
  for (const auto& node : nodes)
    for (const auto& role : roles) all.push_back({node, role, cluster});
  return all;
}

bool concerns(const std::string& file, const Identity& node) {
  if (file.starts_with("nodes/")) return file.starts_with("nodes/" + node.name + "/");
  if (file.starts_with("roles/")) return file.starts_with("roles/" + node.role + "/");
  return true;
}

struct Order {
  bool operator()(const Finding& a, const Finding& b) const {
    return std::tie(a.file, a.line, a.column, a.severity, a.message) <
           std::tie(b.file, b.line, b.column, b.severity, b.message);
  }
};

// Only the text of bedplate.conf counts: elsewhere than on its node the keys that it names are missing.
host::Result<Floor> floorOf(Context& context) {
  BEDPLATE_TRY_LET(auto loaded, config::load(context.files(), context.configPath()));
  const std::string shown = context.files().shown(context.configPath());
  if (loaded.files.empty() && loaded.problems.empty() && context.configPath() != host::paths::configFile)
    return host::fail("NotFound", shown, "no such file", "name a bedplate.conf with --config, or leave it out");
  if (loaded.ofText > 0)
    return host::fail("InvalidConfiguration", shown,
                      "its policy cannot be relied on: " + config::text(loaded.problems.front()),
                      "mend it; bedplated --check-config shows all there is");
  const auto& said = loaded.config.policy;
  Floor floor;
  if (said.rawSecrets.empty() && said.endpoints.empty()) return floor;
  floor.policy = apply::policyOf(loaded.config);
  floor.files = std::move(loaded.files);
  return floor;
}

// Equal findings are one. A note ("masks nothing") holds only when it does for every node that reads the file.
std::vector<Finding> merged(const source::Snapshot& snapshot, const std::vector<source::Refusal>& refusals,
                            const std::vector<Identity>& all, const cluster::Policy& floor,
                            const trust::Opener& opener) {
  std::map<Finding, std::size_t, Order> found;
  cluster::ValidBlobs valid;
  for (const auto& node : all) {
    auto findings = cluster::compile(snapshot, refusals, node, floor, &valid, &opener).findings;
    std::sort(findings.begin(), findings.end(), Order());
    findings.erase(std::unique(findings.begin(), findings.end()), findings.end());
    for (auto& finding : findings) ++found[std::move(finding)];
  }
  std::vector<Finding> kept;
  for (const auto& [finding, times] : found) {
    const auto readers =
        std::count_if(all.begin(), all.end(), [&](const Identity& n) { return concerns(finding.file, n); });
    if (finding.severity != Severity::note || times >= static_cast<std::size_t>(readers)) kept.push_back(finding);
  }
  return kept;
}

host::Result<Checked> check(Context& context, const Asked& asked) {
  auto files = host::HostFiles::open(asked.directory);
  if (!files) {
    host::Error error = std::move(files).error();
    if (error.todo.empty()) error.todo = "name the directory of one cluster, as clusters/oslo-prod/node";
    return host::Failure(std::move(error));
  }
  BEDPLATE_TRY(looksLikeOne(*files, asked.directory));
  std::vector<source::Refusal> refusals;
  BEDPLATE_TRY_LET(const auto snapshot, source::readDirectory(*files, "", source::Limits{}, refusals));
  const auto members = cluster::members(snapshot);
  Checked checked;
  BEDPLATE_TRY_LET(checked.floor, floorOf(context));
  const auto all = identities(asked, members, clusterFor(context, asked.directory));
  checked.findings = merged(snapshot, refusals, all, checked.floor.policy, openerOf(context));
  checked.files = snapshot.files.size();
  for (const auto& node : all) {
    const auto add = [](std::vector<std::string>& list, const std::string& name) {
      if (std::find(list.begin(), list.end(), name) == list.end()) list.push_back(name);
    };
    add(checked.roles, node.role);
    if (std::find(members.nodes.begin(), members.nodes.end(), node.name) != members.nodes.end())
      add(checked.nodes, node.name);
  }
  return checked;
}

bool passes(const Checked& checked, bool strict) {
  return checked.count(Severity::error) == 0 && (!strict || checked.count(Severity::warning) == 0);
}

Json json(const Checked& checked, const Asked& asked) {
  Json findings = Json::array();
  for (const auto& finding : checked.findings) findings.push_back(report::findingJson(finding));
  return Json{{"directory", asked.directory},
              {"strict", asked.strict},
              {"clean", passes(checked, asked.strict)},
              {"files", checked.files},
              {"roles", checked.roles},
              {"nodes", checked.nodes},
              {"policy", checked.floor.files},
              {"errors", checked.count(Severity::error)},
              {"warnings", checked.count(Severity::warning)},
              {"notes", checked.count(Severity::note)},
              {"findings", std::move(findings)}};
}

std::string list(const std::vector<std::string>& names) {
  std::string all;
  for (const auto& name : names) all += (all.empty() ? "" : ", ") + name;
  return all;
}

report::Colour colourOf(Severity severity) {
  if (severity == Severity::error) return report::Colour::red;
  return severity == Severity::warning ? report::Colour::yellow : report::Colour::faint;
}

void print(Context& context, const Checked& checked, const Asked& asked) {
  const bool colour = context.terminal().colour;
  for (Finding finding : checked.findings) {
    const Severity severity = finding.severity;
    // As a compiler would name it, so that an editor or CI finds the place.
    if (!finding.file.empty()) finding.file = host::joinPath(asked.directory, finding.file);
    context.out() << report::paint(report::clean(cluster::text(finding)), colourOf(severity), colour) << "\n";
  }
  const auto errors = checked.count(Severity::error), warnings = checked.count(Severity::warning);
  std::string line =
      fmt::format("{} in {}: {}, {}", asked.directory, report::count(static_cast<std::int64_t>(checked.files), "file"),
                  report::count(errors, "error"), report::count(warnings, "warning"));
  line += "; for role " + list(checked.roles);
  if (!checked.nodes.empty()) line += "; node " + list(checked.nodes);
  if (!checked.floor.files.empty()) line += "; with the policy of " + list(checked.floor.files);
  if (errors == 0 && warnings > 0 && asked.strict) line += "; with --strict a warning is an error";
  context.out() << report::clean(line) << "\n";
}

int run(Context& context, Asked asked) {
  while (asked.directory.size() > 1 && asked.directory.back() == '/') asked.directory.pop_back();
  const auto checked = check(context, asked);
  if (!checked) return context.fail("check", checked.error());
  if (context.json())
    context.out() << report::print(json(*checked, asked));
  else
    print(context, *checked, asked);
  return passes(*checked, asked.strict) ? 0 : 1;
}

}  // namespace

void addCheck(CLI::App& app, Run& chosen) {
  auto asked = std::make_shared<Asked>();
  const Verb verb(app, "check", "Validate a cluster directory offline: every finding with file and line");
  verb.option("DIR", asked->directory, "The directory of one cluster").required();
  verb.option("--node", asked->node, "Only for this node");
  verb.option("--role", asked->role, "Only for this role").oneOf({"server", "agent"});
  verb.flag("--strict", asked->strict, "Warnings are errors");
  verb.runs(chosen, [asked](Context& context) { return run(context, *asked); });
}

}  // namespace bedplate::cli
