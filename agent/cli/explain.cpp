// bedplate explain KEY|PATH: where a value comes from, what it was before, and what happened to it.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <ostream>

#include "agent/cli/verbs.h"
#include "agent/report/json.h"
#include "agent/report/text.h"
#include "tuning/host/paths.h"
#include "tuning/sysctl/sysctl.h"

namespace bedplate::cli {
namespace {

using report::Json;

constexpr std::size_t kFileLimit = 2 << 20;
constexpr std::size_t kStatusLimit = 8 << 20;
constexpr std::size_t kDriftLimit = 500;
constexpr std::size_t kDriftShown = 3;
constexpr int kNotKnown = 2;

// What is known on this node, as far as it can be read.
struct Known {
  std::optional<apply::Store> store;
  std::optional<plan::Target> target;
  std::optional<plan::Held> held;
  std::optional<report::Status> status;
  std::int64_t generation = 0;
};

// One source of a value, or one line of the answer.
struct Source {
  std::string value, layer, place;
  bool wins = false;
};

struct Explanation {
  std::string subject, kind;
  std::optional<std::string> wanted, held, original, originalNote;
  std::vector<Source> sources;
  std::vector<apply::DriftEvent> drift;
  std::vector<std::string> notes;
  std::int64_t generation = 0;
  bool known = false;
};

host::Result<Known> gatherKnown(Context& context) {
  Known known;
  const auto text = context.files().read(context.configAsFarAsReadable().report.statusFile, kStatusLimit);
  if (text)
    if (auto status = report::fromJson(*text)) known.status = std::move(*status);
  auto store = context.openStore();
  if (!store) {
    if (store.error().reason == "NotFound") return known;
    return tl::make_unexpected(store.error());
  }
  known.store.emplace(std::move(*store));
  modules::SystemdLoader loader(context.files());
  apply::Keeper keeper({context.files(), context.files(), context.clock(), loader}, *known.store);
  BEDPLATE_TRY_LET(known.target, keeper.stored(std::nullopt));
  if (auto held = known.store->held()) known.held = std::move(*held);
  if (const auto latest = known.store->latest(apply::GenerationState::applied); latest && *latest)
    known.generation = (*latest)->number;
  return known;
}

void addDrift(Known& known, const std::string& subject, Explanation& explanation) {
  if (!known.store) return;
  const auto events = known.store->drift(0, kDriftLimit);
  if (!events) return;
  for (const auto& event : *events)
    if (event.subject == subject) explanation.drift.push_back(event);
  if (!explanation.drift.empty()) explanation.known = true;
}

// What the status says of it: pending, failed, planned.
void addStatus(const Known& known, const std::string& shown, Explanation& explanation) {
  if (!known.status) return;
  const auto add = [&](const std::vector<report::KeyProblem>& problems, const char* what) {
    for (const auto& one : problems) {
      if (one.subject != shown) continue;
      explanation.notes.push_back(std::string(what) + ": " + one.why);
      explanation.known = true;
    }
  };
  add(known.status->tuning.pending, "pending");
  add(known.status->tuning.failed, "failed");
  add(known.status->k3s.failed, "failed");
  add(known.status->drift.unrepaired, "drifted");
  for (const auto& change : known.status->pendingChanges) {
    if (report::shownSubject(change) != shown) continue;
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

void addRules(Context& context, const plan::Target& target, const plan::Held& held, const std::string& key,
              Explanation& explanation) {
  sysctl::Tree tree(context.files());
  std::vector<sysctl::Rule> rules;
  rules.reserve(target.sysctls.size());
  for (const auto& want : target.sysctls) rules.push_back(want.rule);
  const auto original = [&](const std::string& asked) {
    const auto found = held.sysctls.find(asked);
    return found == held.sysctls.end() ? std::nullopt : std::optional(found->second.value);
  };
  std::optional<std::size_t> winner;
  if (const auto wants = sysctl::resolve(rules, tree, original))
    for (const auto& want : *wants)
      if (want.key == key) {
        winner = want.rule;
        explanation.wanted = want.value;
        if (!want.problem.empty()) explanation.notes.push_back(want.problem);
      }
  for (std::size_t i = rules.size(); i-- > 0;) {
    if (!matches(rules[i], key, tree)) continue;
    const std::string glob = rules[i].key == key ? "" : ", by " + sysctl::dotted(rules[i].key);
    explanation.sources.push_back({valueOf(rules[i]), layerOf(target.sysctls[i]),
                                   fmt::format("{}:{}{}", rules[i].file, rules[i].line, glob), winner == i});
  }
  if (!explanation.sources.empty()) explanation.known = true;
}

Explanation explainKey(Context& context, Known& known, const std::string& key) {
  Explanation explanation;
  explanation.kind = "sysctl";
  explanation.subject = sysctl::dotted(key);
  explanation.generation = known.generation;
  const auto value = sysctl::Tree(context.files()).read(key);
  if (value)
    explanation.held = *value;
  else
    explanation.notes.push_back(value.error().reason == "NotFound"
                                    ? "the kernel has no such key now: its module may not be loaded"
                                    : "cannot be read: " + value.error().why);
  if (known.target) addRules(context, *known.target, known.held.value_or(plan::Held{}), key, explanation);
  if (known.held) {
    const auto original = known.held->sysctls.find(key);
    if (original != known.held->sysctls.end()) {
      explanation.original = original->second.value;
      const bool thisBoot = original->second.bootId == host::bootId(context.files());
      explanation.originalNote = thisBoot ? "taken in this boot" : "taken in an earlier boot";
      explanation.known = true;
    }
  }
  addDrift(known, key, explanation);
  addStatus(known, explanation.subject, explanation);
  if (sysctl::claimedByK3s(key))
    explanation.notes.emplace_back("K3s or the kubelet sets it too: it is let go unchanged, never given back");
  return explanation;
}

std::string shortHash(const std::string& hash) { return hash.substr(0, 12); }

void addFile(const plan::Target& target, const std::string& path, Explanation& explanation) {
  for (const auto& file : target.files) {
    if (file.path != path) continue;
    explanation.wanted = "sha256 " + shortHash(file.sha256);
    explanation.sources.push_back({shortHash(file.sha256), file.layer, file.file, true});
    explanation.known = true;
    if (explanation.held && *explanation.held != *explanation.wanted)
      explanation.notes.emplace_back("it differs from what Git says");
  }
}

Explanation explainPath(Context& context, Known& known, const std::string& path) {
  Explanation explanation;
  explanation.kind = "file";
  explanation.subject = "/" + path;
  explanation.generation = known.generation;
  const auto content = context.files().read(path, kFileLimit);
  if (content)
    explanation.held = "sha256 " + shortHash(plan::sha256(*content));
  else if (content.error().reason == "NotFound")
    explanation.held = "absent";
  else
    explanation.notes.push_back("cannot be read: " + content.error().why);
  if (known.target) addFile(*known.target, path, explanation);
  if (known.held) {
    const auto original = known.held->files.find(path);
    if (original != known.held->files.end()) {
      explanation.known = true;
      explanation.original = original->second.existed ? "sha256 " + shortHash(original->second.sha256) : "absent";
      if (original->second.existed)
        explanation.originalNote = "kept in " + context.files().shown(host::paths::originals);
    }
  }
  const bool boot = path == host::paths::bootSysctl || path == host::paths::bootModules;
  if (boot) {
    explanation.known = true;
    explanation.notes.emplace_back("written by Bedplate from what is in force, for the next boot; not to be edited");
  }
  addDrift(known, path, explanation);
  addStatus(known, explanation.subject, explanation);
  return explanation;
}

Json json(const Explanation& it) {
  const auto text = [](const std::optional<std::string>& value) { return value ? Json(*value) : Json(nullptr); };
  Json result{{"subject", it.subject},     {"kind", it.kind},        {"generation", it.generation},
              {"wanted", text(it.wanted)}, {"held", text(it.held)},  {"original", text(it.original)},
              {"sources", Json::array()},  {"drift", Json::array()}, {"notes", it.notes}};
  for (const auto& one : it.sources)
    result["sources"].push_back(
        Json{{"value", one.value}, {"layer", one.layer}, {"place", one.place}, {"wins", one.wins}});
  for (const auto& event : it.drift) result["drift"].push_back(report::driftJson(event));
  return result;
}

void print(Context& context, const Explanation& it) {
  auto& out = context.out();
  const bool colour = context.terminal().colour;
  const auto row = [&](std::string_view label, const std::string& text) {
    out << report::paint(fmt::format("  {:<12}", label), report::Colour::faint, colour) << report::clean(text) << "\n";
  };
  out << report::paint(report::clean(it.subject), report::Colour::bold, colour) << "\n";
  if (it.wanted) row("wanted", *it.wanted + (it.generation > 0 ? fmt::format("  (generation {})", it.generation) : ""));
  if (it.held) row("held", *it.held);
  bool first = true;
  for (const auto& one : it.sources) {
    if (one.wins) row("from", fmt::format("{}  {}", one.layer, one.place));
  }
  for (const auto& one : it.sources) {
    if (one.wins) continue;
    row(first ? "overruled" : "", fmt::format("{}  {}  {}", one.value, one.layer, one.place));
    first = false;
  }
  if (it.original) row("original", *it.original + (it.originalNote ? "  (" + *it.originalNote + ")" : ""));
  const auto now = context.clock().wallUs();
  for (std::size_t i = 0; i < it.drift.size() && i < kDriftShown; ++i) {
    const auto& event = it.drift[i];
    row(i == 0 ? "drift" : "", fmt::format("{}: {} {} {}, by {}", report::ago(event.wallUs, now), event.from,
                                           event.repaired ? "put back to" : "left, should be", event.to,
                                           event.writer.empty() ? "unknown" : event.writer));
  }
  if (it.drift.size() > kDriftShown) row("", fmt::format("{} more: bedplate history", it.drift.size() - kDriftShown));
  for (const auto& note : it.notes) row("note", note);
}

int run(Context& context, const std::string& subject) {
  auto known = gatherKnown(context);
  if (!known) return context.fail("explain", known.error(), kNotKnown);
  Explanation explanation;
  if (subject.starts_with('/')) {
    explanation = explainPath(context, *known, std::filesystem::path(subject).lexically_normal().relative_path());
  } else {
    const auto key = sysctl::normaliseKey(subject);
    if (!key) return context.fail("explain", key.error(), kNotKnown);
    explanation = explainKey(context, *known, *key);
  }
  if (!explanation.known) {
    const auto error = host::fail("NotFound", explanation.subject, "is not managed on this node",
                                  "keys are written as net.ipv4.ip_forward, files as /etc/...");
    return context.fail("explain", error.value(), kNotKnown);
  }
  if (context.json())
    context.out() << report::print(json(explanation));
  else
    print(context, explanation);
  return 0;
}

}  // namespace

void addExplain(CLI::App& app, Run& chosen) {
  auto subject = std::make_shared<std::string>();
  auto* verb = app.add_subcommand("explain", "Where a value or file comes from, what it was, who changed it");
  verb->add_option("KEY|PATH", *subject, "A sysctl, or a file that Bedplate manages")->required();
  verb->callback([&chosen, subject] { chosen = [subject](Context& context) { return run(context, *subject); }; });
}

}  // namespace bedplate::cli
