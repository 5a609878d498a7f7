#include "agent/report/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

#include "agent/apply/fingerprint.h"
#include "agent/cluster/k3s_arguments.h"
#include "agent/k3s/k3s.h"
#include "tuning/host/clock.h"
#include "tuning/host/machine.h"
#include "tuning/host/paths.h"
#include "tuning/host/wiped.h"

namespace bedplate::report {
namespace {

constexpr std::size_t kFileLimit = 2 << 20;
constexpr std::size_t kDriftLimit = 500;

void addDrift(const Known& known, const std::string& subject, Explanation& explanation) {
  if (known.store == nullptr) return;
  const auto events = known.store->drift(0, kDriftLimit);
  if (!events) return;
  for (const auto& event : *events)
    if (event.subject == subject) explanation.drift.push_back(event);
  if (!explanation.drift.empty()) explanation.known = true;
}

// What the status says of it: pending, failed, planned.
void addStatus(const Known& known, Explanation& explanation) {
  if (!known.status) return;
  const auto add = [&](const std::vector<KeyProblem>& problems, const char* what) {
    for (const auto& one : problems) {
      if (one.subject != explanation.subject) continue;
      explanation.notes.push_back(std::string(what) + ": " + one.why);
      explanation.known = true;
    }
  };
  add(known.status->tuning.pending, "pending");
  add(known.status->tuning.failed, "failed");
  add(known.status->k3s.failed, "failed");
  add(known.status->drift.unrepaired, "drifted");
  if (known.status->k3s.deployed)
    for (const auto& one : known.status->k3s.deployed->open)
      if ("/" + one.path == explanation.subject)
        explanation.notes.push_back(one.state + ": " + (one.reason.empty() ? "" : one.reason + ": ") + one.message);
  for (const auto& contest : known.status->drift.contested) {
    if (shownSubject(contest) != explanation.subject) continue;
    explanation.notes.push_back("contested: " + whyContested(contest));
    explanation.known = true;
  }
  for (const auto& change : known.status->pendingChanges) {
    if (shownSubject(change) != explanation.subject) continue;
    explanation.notes.push_back("planned, not made: " + change.from + " -> " + change.to +
                                (change.origin.empty() ? "" : " (" + change.origin + ")"));
    explanation.known = true;
  }
}

bool matches(const sysctl::Rule& rule, const std::string& key, sysctl::Tree& tree) {
  if (rule.key == key) return true;
  if (!rule.isGlob()) return false;
  const auto keys = tree.expand(rule.key);
  return keys && std::find(keys->begin(), keys->end(), key) != keys->end();
}

std::string valueOf(const sysctl::Rule& rule) {
  if (rule.excluded) return "excluded";
  const char* bound = rule.bound == sysctl::Bound::atLeast ? "at least "
                      : rule.bound == sysctl::Bound::about ? "about "
                                                           : "";
  return bound + rule.value;
}

std::string layerOf(const cluster::SysctlWant& want) {
  switch (want.rule.source) {
    case sysctl::Source::profile: return "profile " + want.layer;
    case sysctl::Source::sizing: return "sizing, " + want.layer;
    case sysctl::Source::floor: return "floors, " + want.layer;
    case sysctl::Source::file: break;
  }
  return want.layer;
}

// The winner first, then from the strongest to the weakest.
std::vector<Source> sourcesOf(const plan::Target& target, const std::string& key, std::optional<std::size_t> winner,
                              sysctl::Tree& tree) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < target.sysctls.size(); ++i)
    if (matches(target.sysctls[i].rule, key, tree)) order.push_back(i);
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const auto rank = [&](std::size_t i) { return std::tuple(winner == i, target.sysctls[i].rule.source, i); };
    return rank(a) > rank(b);
  });
  std::vector<Source> sources;
  for (const std::size_t i : order) {
    const auto& want = target.sysctls[i];
    const std::string glob = want.rule.key == key ? "" : ", by " + sysctl::dotted(want.rule.key);
    sources.push_back(
        {valueOf(want.rule), layerOf(want), fmt::format("{}:{}{}", want.rule.file, want.rule.line, glob), winner == i});
  }
  return sources;
}

std::optional<sysctl::Want> addRules(const Known& known, const std::string& key, Explanation& explanation) {
  if (!known.target) return std::nullopt;
  sysctl::Tree tree(*known.files);
  std::vector<sysctl::Rule> rules;
  rules.reserve(known.target->sysctls.size());
  for (const auto& want : known.target->sysctls) rules.push_back(want.rule);
  const auto original = [&](const std::string& asked) -> std::optional<std::string> {
    if (!known.held) return std::nullopt;
    const auto found = known.held->sysctls.find(asked);
    return found == known.held->sysctls.end() ? std::nullopt : std::optional(found->second.value);
  };
  std::optional<sysctl::Want> wanted;
  if (auto wants = sysctl::resolve(rules, tree, original))
    for (auto& want : *wants)
      if (want.key == key) wanted = std::move(want);
  if (wanted) {
    explanation.wanted = wanted->value;
    if (wanted->fromBase) explanation.notes.emplace_back("what the kernel had is enough, and stays");
    if (!wanted->problem.empty()) explanation.notes.push_back(wanted->problem);
  }
  explanation.sources = sourcesOf(*known.target, key, wanted ? std::optional(wanted->rule) : std::nullopt, tree);
  if (!explanation.sources.empty()) explanation.known = true;
  return wanted;
}

void addOriginal(const Known& known, const std::string& key, Explanation& explanation) {
  if (!known.held) return;
  const auto original = known.held->sysctls.find(key);
  if (original == known.held->sysctls.end()) return;
  explanation.original = original->second.value;
  explanation.originalNote = original->second.bootId == host::bootId(*known.files)
                                 ? "taken in this boot"
                                 : "taken in an earlier boot: the kernel's own default stands after a reboot";
  explanation.known = true;
}

// K3s's configuration as it lies on this host, also what is not from Git, in the order in which K3s reads it.
cluster::K3sArguments k3sArgumentsOf(host::Files& files) {
  std::vector<std::string> texts;
  const host::Wiped wiped(texts);
  for (const auto& path : k3s::configFiles(files))
    if (auto text = files.read(path, kFileLimit)) texts.push_back(std::move(*text));
  return cluster::k3sArguments({texts.begin(), texts.end()});
}

sysctl::ConntrackNumbers numbersOf(host::Files& files, const cluster::K3sArguments& arguments) {
  auto numbers = cluster::conntrackNumbers(arguments);
  if (const auto size = host::machineSize(files)) numbers.cores = size->cores;
  return numbers;
}

void addWriters(host::Files& files, const std::string& key, const std::optional<sysctl::Want>& wanted,
                Explanation& explanation) {
  const auto host = sysctl::hostWriters(files);
  const auto arguments = k3sArgumentsOf(files);
  const auto numbers = numbersOf(files, arguments);
  const bool k3s = k3s::detectRole(files).has_value();
  for (const auto* known : sysctl::knownWriters(key)) {
    Writer writer;
    writer.who = known->who;
    writer.when = known->when;
    writer.sets = sysctl::setsText(*known, numbers);
    writer.todo = known->todo;
    writer.fixed = known->sets != sysctl::KnownWriter::Sets::ownFile;
    const bool partOfK3s = known->everyNode || known->who == "kube-proxy" || known->who == "CNI bridge";
    writer.here =
        partOfK3s ? k3s : std::find(host.present.begin(), host.present.end(), known->who) != host.present.end();
    // More than the least is right, too.
    const auto value = sysctl::setsValue(*known, numbers);
    writer.conflicts = wanted && value && !sysctl::meets(*wanted, *value);
    if (known->who == "kubelet" && arguments.protectKernelDefaults)
      writer.when = "at each start, and does not start on another value (protect-kernel-defaults)";
    explanation.writers.push_back(std::move(writer));
  }
  for (const auto* rule : sysctl::setting(host, key)) explanation.found.push_back(*rule);
  for (const auto& path : host.unreadable)
    explanation.notes.push_back(files.shown(path) + " could not be read to its end: it may set the key too");
  // A key that is nobody's here still has an answer.
  if (explanation.held && (!explanation.writers.empty() || !explanation.found.empty())) explanation.known = true;
}

std::string shortHash(const std::string& hash) { return hash.substr(0, 12); }

constexpr const char* kUnopened = "present";

// What lies in K3s's configuration may hold a secret, which a plain hash of it would help to guess: it is shown as the
// hash of what it was made from, or as a keyed one.
std::string shownContent(const Known& known, const std::string& path, const std::string& content) {
  const std::string plain = plan::sha256(content);
  if (!apply::inK3sConfig(path)) return "sha256 " + shortHash(plain);
  if (known.target)
    for (const auto& file : known.target->files) {
      if (file.path != path) continue;
      if (!file.sealed && file.sha256 == plain) return "sha256 " + shortHash(plain);
      if (!file.sealed) break;
      const auto opened = known.open ? known.open(file) : std::nullopt;
      if (!opened) return kUnopened;
      if (*opened == plain) return "sealed sha256 " + shortHash(file.sha256);
    }
  return "other content, keyed hash " + shortHash(apply::Fingerprint::of(*known.files)(plain));
}

void addFile(const plan::Target& target, const std::string& path, Explanation& explanation) {
  for (const auto& file : target.files) {
    if (file.path != path) continue;
    explanation.wanted = (file.sealed ? "sealed sha256 " : "sha256 ") + shortHash(file.sha256);
    explanation.sources.push_back({shortHash(file.sha256), file.layer, file.file, true});
    explanation.known = true;
    if (explanation.held && *explanation.held != *explanation.wanted)
      explanation.notes.emplace_back(
          *explanation.held == kUnopened
              ? "whether it is what Git says cannot be told: no key here opens the sealed file"
              : "it differs from what Git says");
    if (file.sealed)
      explanation.notes.emplace_back(
          "sealed: the hash is that of the sealed file in Git; what it holds is never shown (docs/sealed.md)");
  }
}

}  // namespace

sysctl::ConntrackNumbers conntrackNumbersOf(host::Files& files) { return numbersOf(files, k3sArgumentsOf(files)); }

void noteHostWriters(plan::Plan& plan, host::Files& files) {
  const auto host = sysctl::hostWriters(files);
  for (auto& change : plan.changes) {
    if (change.action != plan::Action::setSysctl) continue;
    const auto add = [&change](const std::string& more) { change.note += (change.note.empty() ? "" : "; ") + more; };
    for (const auto* rule : sysctl::setting(host, change.subject))
      if (rule->lastAtBoot && rule->rule.value != change.to)
        add(fmt::format("{}:{} sets it to {} {}", files.shown(rule->rule.file), rule->rule.line, rule->rule.value,
                        rule->when));
    for (const auto* known : sysctl::knownWriters(change.subject))
      if (std::find(host.present.begin(), host.present.end(), known->who) != host.present.end() &&
          sysctl::conflicts(*known, change.to))
        add(fmt::format("{} sets it to {} {}", known->who, sysctl::setsText(*known), known->when));
  }
}

Explanation explainKey(const Known& known, const std::string& key) {
  Explanation explanation;
  explanation.kind = "sysctl";
  explanation.subject = sysctl::dotted(key);
  explanation.generation = known.generation;
  const auto value = sysctl::Tree(*known.files).read(key);
  if (value)
    explanation.held = *value;
  else
    explanation.notes.push_back(value.error().reason == "NotFound"
                                    ? "the kernel has no such key now: its module may not be loaded"
                                    : "cannot be read: " + value.error().why);
  const auto wanted = addRules(known, key, explanation);
  addOriginal(known, key, explanation);
  addWriters(*known.files, key, wanted, explanation);
  addDrift(known, key, explanation);
  addStatus(known, explanation);
  if (sysctl::claimedByK3s(key))
    explanation.notes.emplace_back("K3s or the kubelet sets it too: it is let go unchanged, never given back");
  return explanation;
}

Explanation explainPath(const Known& known, const std::string& said) {
  std::string path = said;
  // As Git calls it, which is what the status says.
  if (known.target)
    for (const auto& file : known.target->files)
      if (file.file == said) path = file.path;
  Explanation explanation;
  explanation.kind = "file";
  explanation.subject = "/" + path;
  explanation.generation = known.generation;
  auto content = known.files->read(path, kFileLimit);
  if (content) {
    explanation.held = shownContent(known, path, *content);
    host::wipe(*content);
  }
  if (!content && content.error().reason == "NotFound")
    explanation.held = "absent";
  else if (!content)
    explanation.notes.push_back("cannot be read: " + content.error().why);
  if (known.target) addFile(*known.target, path, explanation);
  if (known.held) {
    const auto original = known.held->files.find(path);
    if (original != known.held->files.end()) {
      explanation.known = true;
      explanation.original = original->second.existed ? "sha256 " + shortHash(original->second.sha256) : "absent";
      if (original->second.existed) explanation.originalNote = "kept in " + known.files->shown(host::paths::originals);
    }
  }
  if (path == host::paths::bootSysctl || path == host::paths::bootModules) {
    explanation.known = true;
    explanation.notes.emplace_back("written by Bedplate from what is in force, for the next boot; not to be edited");
  }
  addDrift(known, path, explanation);
  addStatus(known, explanation);
  return explanation;
}

Json explanationJson(const Explanation& it) {
  const auto text = [](const std::optional<std::string>& value) { return value ? Json(*value) : Json(nullptr); };
  Json result{{"subject", it.subject},
              {"kind", it.kind},
              {"generation", it.generation},
              {"wanted", text(it.wanted)},
              {"held", text(it.held)},
              {"original", text(it.original)},
              {"originalNote", text(it.originalNote)},
              {"sources", Json::array()},
              {"writers", Json::array()},
              {"found", Json::array()},
              {"drift", Json::array()},
              {"notes", it.notes}};
  for (const auto& one : it.sources)
    result["sources"].push_back(
        Json{{"value", one.value}, {"layer", one.layer}, {"place", one.place}, {"wins", one.wins}});
  for (const auto& one : it.writers)
    result["writers"].push_back(Json{{"who", one.who},
                                     {"when", one.when},
                                     {"sets", one.sets},
                                     {"conflicts", one.conflicts},
                                     {"here", one.here},
                                     {"todo", one.todo}});
  for (const auto& one : it.found)
    result["found"].push_back(Json{{"file", "/" + one.rule.file},
                                   {"line", one.rule.line},
                                   {"value", one.rule.value},
                                   {"who", one.who},
                                   {"when", one.when},
                                   {"lastAtBoot", one.lastAtBoot}});
  for (const auto& event : it.drift) result["drift"].push_back(driftJson(event));
  return result;
}

}  // namespace bedplate::report
