// bedplate diff [REV]
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "agent/apply/reconcile.h"
#include "agent/apply/worker_setup.h"
#include "agent/cli/arguments.h"
#include "agent/report/explain.h"
#include "agent/report/json.h"
#include "agent/report/text.h"
#include "tuning/sysctl/sysctl.h"

namespace bedplate::cli {
namespace {

using report::Json;

// A state that is nobody's: before the first sync there is none, and looking must not make one.
class EmptyState {
 public:
  static host::Result<std::unique_ptr<EmptyState>> make(Context& context) {
    std::string pattern = (std::filesystem::temp_directory_path() / "bedplate-diff-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) return host::failErrno(errno, pattern, "cannot make a directory");
    std::unique_ptr<EmptyState> state(new EmptyState(pattern));
    BEDPLATE_TRY_LET(auto files, host::HostFiles::open(pattern));
    state->files_.emplace(std::move(files));
    BEDPLATE_TRY_LET(auto store, apply::Store::open(*state->files_, context.clock(), apply::Store::Access::readWrite));
    state->store_.emplace(std::move(store));
    return state;
  }
  EmptyState(const EmptyState&) = delete;
  EmptyState& operator=(const EmptyState&) = delete;
  ~EmptyState() {
    store_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  apply::Store& store() { return *store_; }

 private:
  explicit EmptyState(std::string path) : path_(std::move(path)) {}
  std::string path_;
  std::optional<host::HostFiles> files_;
  std::optional<apply::Store> store_;
};

Json resultJson(const apply::SyncResult& result) {
  Json json{{"commit", result.commit ? result.commit->id.hex() : ""},
            {"subject", result.commit ? result.commit->subject : ""},
            {"head", result.head},
            {"layers", result.layers},
            {"changes", Json::array()},
            {"pending", Json::array()},
            {"waiting", Json::array()},
            {"k3s", result.k3sChanges},
            {"findings", Json::array()},
            {"problem", report::errorJson(result.problem)}};
  for (const auto& finding : result.findings) json["findings"].push_back(report::findingJson(finding));
  for (const auto& one : result.waiting)
    json["waiting"].push_back(Json{{"file", one.file}, {"stage", plan::name(one.stage)}, {"why", one.why}});
  if (!result.plan) return json;
  for (const auto& change : result.plan->changes) json["changes"].push_back(report::changeJson(change));
  for (const auto& one : result.plan->pending)
    json["pending"].push_back(Json{{"subject", one.subject}, {"why", one.why}});
  return json;
}

std::string waitingText(const plan::Waiting& one) {
  if (one.stage == plan::Stage::guarded)
    return "held    " + one.file + "  stays as it is: " + one.why +
           "; bedplate sync --allow-prune, or k3s.manifests.allowPrune in node.yaml";
  return "moving  " + one.file + "  stays as it is: " + one.why;
}

void print(Context& context, const apply::SyncResult& result) {
  auto& out = context.out();
  // Notes are for `bedplate check`: they say nothing of what would change.
  for (const auto& finding : result.findings)
    if (finding.severity != cluster::Severity::note) out << report::clean(cluster::text(finding)) << "\n";
  if (!result.plan) return;
  for (const auto& change : result.plan->changes) out << report::clean(plan::text(change)) << "\n";
  for (const auto& one : result.plan->pending) {
    const bool key = one.subject.find('/') != std::string::npos;
    out << report::clean("pending " + (key ? sysctl::dotted(one.subject) : one.subject) + ": " + one.why) << "\n";
  }
  for (const auto& one : result.waiting) out << report::clean(waitingText(one)) << "\n";
  for (const auto& change : result.k3sChanges) out << report::clean("K3s, at its next start: " + change) << "\n";
  const std::string at = result.commit ? result.commit->id.shortHex() + " " + result.commit->subject : result.head;
  const auto changes = static_cast<std::int64_t>(result.plan->changes.size());
  out << (changes == 0 ? "nothing to change for " : report::count(changes, "change") + " for ") << report::clean(at)
      << "\n";
}

host::Result<apply::SyncResult> look(Context& context, const std::string& revision) {
  BEDPLATE_TRY_LET(const auto config, context.config());
  if (!config.configured())
    return host::fail("Unconfigured", context.files().shown(context.configPath()), "names no repository",
                      "set url and path in its [repository] section");
  auto store = context.openStore();
  std::unique_ptr<EmptyState> empty;
  if (!store) {
    if (store.error().reason != "NotFound") return tl::make_unexpected(store.error());
    BEDPLATE_TRY_LET(empty, EmptyState::make(context));
  }
  modules::SystemdLoader loader(context.files());
  const trust::Opener opener = trust::keysOf(context.files());
  const apply::Machine machine{context.files(), context.files(), context.clock(), loader, nullptr, &opener};
  apply::Store& state = empty ? empty->store() : *store;
  apply::Keeper keeper(machine, state);
  apply::Reconciler reconciler(config, machine, state, keeper, apply::workerSetup(context.files()));
  auto result = reconciler.sync({apply::SyncOptions::Stop::afterPlan, revision});
  if (result.plan) report::noteHostWriters(*result.plan, context.files());
  return result;
}

int run(Context& context, const std::string& revision) {
  constexpr int kNothing = 0, kSomething = 1, kError = 2;
  const auto result = look(context, revision);
  if (!result) return context.fail("diff", result.error(), kError);
  if (context.json())
    context.out() << report::print(resultJson(*result));
  else
    print(context, *result);
  if (result->problem) return context.fail("diff", *result->problem, kError);
  return result->plan && !result->plan->changes.empty() ? kSomething : kNothing;
}

}  // namespace

void addDiff(CLI::App& app, Run& chosen) {
  auto revision = std::make_shared<std::string>();
  const Verb verb(app, "diff", "What the next sync would change; exits 1 when there is something");
  verb.option("REV", *revision, "A commit or branch of the repository; the head of the branch without it");
  verb.runs(chosen, [revision](Context& context) { return run(context, *revision); });
}

}  // namespace bedplate::cli
