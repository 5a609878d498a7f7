// bedplate explain KEY|PATH: where a value comes from, what it was before, who else writes it, what happened to it.
#include "agent/report/explain.h"

#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "agent/cli/arguments.h"
#include "agent/report/text.h"

namespace bedplate::cli {
namespace {

using report::Colour;
using report::Explanation;

constexpr std::size_t kStatusLimit = 8 << 20;
constexpr std::size_t kDriftShown = 5;
constexpr int kNotKnown = 2;

// The state is opened as far as this user may read it.
host::Result<report::Known> gatherKnown(Context& context, std::optional<apply::Store>& store) {
  report::Known known;
  known.files = &context.files();
  const auto text = context.files().read(context.configAsFarAsReadable().report.statusFile, kStatusLimit);
  if (text)
    if (auto status = report::fromJson(*text)) known.status = std::move(*status);
  auto opened = context.openStore();
  if (!opened) {
    if (opened.error().reason == "NotFound") return known;
    return tl::make_unexpected(opened.error());
  }
  store.emplace(std::move(*opened));
  known.store = &*store;
  modules::SystemdLoader loader(context.files());
  apply::Keeper keeper({context.files(), context.files(), context.clock(), loader}, *store);
  BEDPLATE_TRY_LET(known.target, keeper.stored(std::nullopt));
  known.open = [&context, cluster = known.target ? known.target->node.cluster
                                                 : ""](const plan::FileTarget& file) -> std::optional<std::string> {
    if (!file.content) return std::nullopt;
    const auto secret = trust::keysOf(context.files())(*file.content, trust::sealedFor(cluster, file.file));
    return secret ? std::optional(plan::sha256(secret->view())) : std::nullopt;
  };
  if (auto held = store->held()) known.held = std::move(*held);
  if (const auto latest = store->latest(apply::GenerationState::applied); latest && *latest)
    known.generation = (*latest)->number;
  return known;
}

class Printer {
 public:
  explicit Printer(Context& context) : context_(context), colour_(context.terminal().colour) {}

  void print(const Explanation& it) {
    context_.out() << report::paint(report::clean(it.subject), Colour::bold, colour_) << "\n";
    if (it.wanted)
      row("wanted", *it.wanted + (it.generation > 0 ? fmt::format("  (generation {})", it.generation) : ""));
    else if (it.kind == "sysctl" && it.sources.empty())
      row("wanted", "nothing: it is not managed on this node");
    if (it.held) row("held", *it.held);
    for (const auto& one : it.sources)
      if (one.wins) row("from", fmt::format("{}  {}", one.layer, one.place));
    Group overruled(*this, "overruled");
    for (const auto& one : it.sources)
      if (!one.wins) overruled.add(fmt::format("{}  {}  {}", one.value, one.layer, one.place));
    if (it.original) row("original", *it.original + (it.originalNote ? "  (" + *it.originalNote + ")" : ""));
    if (it.kind == "sysctl") writers(it);
    drift(it);
    Group notes(*this, "note");
    for (const auto& note : it.notes) notes.add(note);
  }

 private:
  // Lines under one label.
  class Group {
   public:
    Group(Printer& printer, const char* label) : printer_(printer), label_(label) {}
    void add(const std::string& text, Colour colour = Colour::none) {
      printer_.row(label_, text, colour);
      label_ = "";
    }

   private:
    Printer& printer_;
    const char* label_;
  };

  void row(std::string_view label, const std::string& text, Colour colour = Colour::none) {
    context_.out() << report::paint(fmt::format("  {:<12}", label), Colour::faint, colour_)
                   << report::paint(report::clean(text), colour, colour_) << "\n";
  }

  void writers(const Explanation& it) {
    Group known(*this, "also by");
    for (const auto& one : it.writers) {
      const std::string where = one.here ? "" : " (not seen on this host)";
      if (one.sets.empty())
        known.add(one.who + " leaves it alone, as its arguments say" + where);
      else if (one.conflicts)
        known.add(fmt::format("{} sets {} {}{}: {}", one.who, one.sets, one.when, where, one.todo),
                  one.here ? Colour::yellow : Colour::none);
      else
        known.add(fmt::format("{} sets {} {}{}{}", one.who, one.sets, one.when,
                              one.fixed && it.wanted ? ", as wanted" : "", where));
    }
    for (const auto& one : it.found) {
      const std::string who = one.who.empty() ? "" : " (" + one.who + ")";
      const bool other = it.wanted && *it.wanted != one.rule.value;
      known.add(fmt::format("{}:{}{} sets {} {}{}", context_.files().shown(one.rule.file), one.rule.line, who,
                            one.rule.value, one.when,
                            !other           ? ""
                            : one.lastAtBoot ? ": until the agent starts this value stands"
                                             : ""),
                other && one.lastAtBoot ? Colour::yellow : Colour::none);
    }
    if (it.writers.empty() && it.found.empty()) known.add("nobody that is known");
  }

  void drift(const Explanation& it) {
    const auto now = context_.clock().wallUs();
    Group lines(*this, "drift");
    for (std::size_t i = 0; i < it.drift.size() && i < kDriftShown; ++i) {
      const auto& event = it.drift[i];
      lines.add(fmt::format("{}: {} {} {}, by {}", report::ago(event.wallUs, now), event.from,
                            event.repaired ? "put back to" : "left, should be", event.to,
                            event.writer.empty() ? "unknown" : event.writer));
    }
    if (it.drift.size() > kDriftShown)
      lines.add(fmt::format("{} more: bedplate history", it.drift.size() - kDriftShown));
  }

  Context& context_;
  bool colour_;
};

int run(Context& context, const std::string& subject) {
  std::optional<apply::Store> store;
  const auto known = gatherKnown(context, store);
  if (!known) return context.fail("explain", known.error(), kNotKnown);
  Explanation explanation;
  const auto within = [&](const std::string& folder) {
    return subject.starts_with(folder) || subject.find("/" + folder) != std::string::npos;
  };
  const bool inGit = within("manifests/") || within("k3s/");
  if (inGit || subject.starts_with('/')) {
    explanation = report::explainPath(*known, std::filesystem::path(subject).lexically_normal().relative_path());
  } else {
    const auto key = sysctl::normaliseKey(subject);
    if (!key) return context.fail("explain", key.error(), kNotKnown);
    explanation = report::explainKey(*known, *key);
  }
  if (!explanation.known) {
    const auto error = host::fail(
        "NotFound", explanation.subject, "is not managed on this node",
        "keys are written as net.ipv4.ip_forward, files as /etc/..., or manifests/... and k3s/... as in Git");
    return context.fail("explain", error.value(), kNotKnown);
  }
  if (context.json())
    context.out() << report::print(report::explanationJson(explanation));
  else
    Printer(context).print(explanation);
  return 0;
}

}  // namespace

void addExplain(CLI::App& app, Run& chosen) {
  auto subject = std::make_shared<std::string>();
  const Verb verb(app, "explain", "Where a value or file comes from, what it was, who else writes it");
  verb.option("KEY|PATH", *subject, "A sysctl, or a file that Bedplate manages").required();
  verb.runs(chosen, [subject](Context& context) { return run(context, *subject); });
}

}  // namespace bedplate::cli
