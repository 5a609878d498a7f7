#include "agent/apply/reconcile.h"

#include <algorithm>
#include <utility>

#include "agent/apply/k3s_care.h"
#include "agent/apply/k3s_change.h"
#include "agent/apply/worker_setup.h"
#include "agent/k3s/k3s.h"
#include "agent/trust/trust.h"
#include "tuning/host/paths.h"

namespace bedplate::apply {
namespace {

// What is remembered of the last good look at the remote.
struct Seen {
  source::ObjectId head;
  source::Commit commit;
  cluster::Identity node;
  plan::Target target;
  ManifestRules manifests;
  cluster::NodeConfig::Benchmark benchmark;
  cluster::NodeConfig::Restart restart;
  std::vector<std::string> layers;
  std::vector<cluster::Finding> findings;
  std::optional<host::Error> unverified;  // as in Way
};

// The target made to follow the one in force.
struct Whole {
  std::int64_t number;  // of the one in force
  std::shared_ptr<const plan::Deployed> deployed;
  bool mayPrune;
  std::string k3sState;  // by which K3s's files were chosen
  std::string heldBack;  // why they are not those of the commit
  plan::Successor successor;
  std::string digest;
};

// A head whose cluster directory is refused; it need not be read again to be refused again.
struct Refused {
  source::ObjectId head;
  source::Commit commit;
  cluster::Identity node;
  std::vector<cluster::Finding> findings;
  host::Error error;
};

host::Failure invalidDirectory(const std::vector<cluster::Finding>& findings, const std::string& path) {
  std::size_t errors = 0;
  const cluster::Finding* first = nullptr;
  for (const auto& finding : findings) {
    if (finding.severity != cluster::Severity::error) continue;
    ++errors;
    if (first == nullptr) first = &finding;
  }
  std::string why = "has " + std::to_string(errors) + (errors == 1 ? " error" : " errors");
  if (first != nullptr) why += (errors == 1 ? ": " : ", first: ") + cluster::text(*first);
  return host::fail("InvalidClusterDirectory", path, why,
                    "nothing was changed; fix it in Git (bedplate check shows all findings) and push");
}

// The name was found out, not configured, and is another one than at the first apply.
host::Status checkDetected(const std::string& what, const std::string& configured, const std::string& now,
                           const std::string& latched) {
  if (!configured.empty() || now == latched) return {};
  return host::fail("IdentityChanged", "this node's " + what, "was " + latched + " and now looks like " + now,
                    "say which it is with '" + what + " = ...' in the [node] section of bedplate.conf");
}

std::string configuredRole(const config::Config& config) {
  return config.node.role == "auto" ? std::string() : config.node.role;
}

// A rename by DHCP must not drop a layer; what the operator wrote into bedplate.conf is a decision.
host::Status checkLatch(const config::Config& config, const cluster::Identity& node, Store& store) {
  BEDPLATE_TRY_LET(const auto latch, store.latch());
  if (!latch) return {};
  BEDPLATE_TRY(checkDetected("name", config.node.name, node.name, latch->name));
  BEDPLATE_TRY(checkDetected("role", configuredRole(config), node.role, latch->role));
  return checkDetected("cluster", config.node.cluster, node.cluster, latch->cluster);
}

host::Status writeLatch(const cluster::Identity& node, Store& store) {
  const Latch wanted{node.name, node.role, node.cluster};
  BEDPLATE_TRY_LET(const auto latch, store.latch());
  if (latch && *latch == wanted) return {};
  return store.setLatch(wanted);
}

plan::Plan planOf(const RunResult& run) {
  plan::Plan plan;
  for (const auto& outcome : run.outcomes) plan.changes.push_back(outcome.change);
  plan.pending = run.pending;
  return plan;
}

}  // namespace

struct Reconciler::Memory {
  std::optional<Seen> seen;
  std::optional<Whole> whole;  // of what was seen
  std::optional<Refused> refused;
  source::BlobCache blobs;
  cluster::ValidBlobs valid;
};

Reconciler::Reconciler(const config::Config& config, Machine machine, Store& store, Keeper& keeper,
                       source::WorkerSetup worker)
    : config_(config),
      machine_(machine),
      store_(store),
      worker_(std::move(worker)),
      keeper_(keeper),
      clock_(store, machine.clock),
      memory_(std::make_unique<Memory>()) {}

Reconciler::~Reconciler() = default;

host::Status Reconciler::look(const SyncOptions& options, SyncResult& result) {
  BEDPLATE_TRY_LET(const auto node, identify(config_, machine_.files));
  BEDPLATE_TRY(checkLatch(config_, node, store_));
  BEDPLATE_TRY_LET(const auto remote, makeRemote(config_, machine_.files));
  BEDPLATE_TRY(prepareMirrorDirectory(machine_.host, worker_.user));
  BEDPLATE_TRY_LET(auto session, source::Session::start(remote, worker_));
  result.contact = true;
  if (machine_.reach != nullptr) machine_.reach->answered();
  result.head = session->head().hex();
  if (follows(options)) clock_.seen(result.head);

  auto& seen = memory_->seen;
  const auto& refused = memory_->refused;
  if (options.revision.empty() && refused && refused->head == session->head() && refused->node == node) {
    result.unchanged = true;
    result.commit = refused->commit;
    result.findings = refused->findings;
    return host::Failure(refused->error);
  }
  // What is not signed as it must be is looked at each time: keys may have come.
  result.unchanged =
      options.revision.empty() && seen && seen->head == session->head() && seen->node == node && !seen->unverified;
  if (!result.unchanged) {
    BEDPLATE_TRY(session->fetch());
    BEDPLATE_TRY_LET(auto way, verified(*session, options));
    result.commit = way.commit;
    if (follows(options) && way.commit.id == session->head()) clock_.fetched(way.commit.subject);
    BEDPLATE_TRY(read(*session, std::move(way), node, result));
  }
  tellSeen(result);
  return {};
}

void Reconciler::tellSeen(SyncResult& result) const {
  const Seen& seen = *memory_->seen;
  result.commit = seen.commit;
  result.layers = seen.layers;
  result.findings = seen.findings;
  result.benchmark = seen.benchmark;
  result.restart = seen.restart;
  result.unverified = seen.unverified;
}

host::Result<Way> Reconciler::verified(source::Session& session, const SyncOptions& options) {
  if (options.revision.empty()) return findWay(session, config_, machine_, store_, limits_, follows(options));
  // Another revision is only looked at, never gone to: the rules are for the head.
  BEDPLATE_TRY_LET(const auto id, session.resolve(options.revision));
  BEDPLATE_TRY_LET(auto commit, source::readCommit(session, id));
  return Way{std::move(commit), {}};
}

host::Status Reconciler::read(source::Session& session, Way way, const cluster::Identity& node, SyncResult& result) {
  source::Commit& commit = way.commit;
  std::vector<source::Refusal> refusals;
  BEDPLATE_TRY_LET(const auto snapshot,
                   source::readSnapshot(session, commit, config_.repository.path, limits_, memory_->blobs, refusals));
  auto compiled = cluster::compile(snapshot, refusals, node, policyOf(config_), &memory_->valid, machine_.opener);
  result.findings = compiled.findings;
  memory_->refused.reset();
  if (!compiled.desired) {
    auto error = invalidDirectory(compiled.findings, config_.repository.path).value();
    memory_->refused = Refused{session.head(), std::move(commit), node, std::move(compiled.findings), error};
    return host::Failure(std::move(error));
  }

  BEDPLATE_TRY_LET(auto target, makeTarget(*compiled.desired, snapshot, host::machineSize(machine_.files),
                                           memory_->seen ? &memory_->seen->target : nullptr));
  memory_->blobs.clear();
  for (const auto& file : snapshot.files) memory_->blobs.emplace(file.id, file.content);
  memory_->whole.reset();
  memory_->seen = Seen{.head = session.head(),
                       .commit = std::move(commit),
                       .node = node,
                       .target = std::move(target),
                       .manifests = {compiled.desired->config.k3s.writer, compiled.desired->config.k3s.allowPrune},
                       .benchmark = compiled.desired->config.benchmark,
                       .restart = compiled.desired->config.k3s.restart,
                       .layers = compiled.desired->layers,
                       .findings = std::move(compiled.findings),
                       .unverified = std::move(way.unverified)};
  return {};
}

host::Status Reconciler::mayApply(const plan::Target& target) {
  BEDPLATE_TRY_LET(const auto bad, store_.bad(target.tree));
  if (bad)
    return host::fail("TakenBack", "commit " + target.commit.substr(0, 7), "was taken back before: " + *bad,
                      "push a commit that changes " + config_.repository.path + ", or bedplate resume to try it again");
  BEDPLATE_TRY_LET(const auto hold, store_.hold());
  if (!hold) return {};
  if (*hold == target.tree)
    return host::fail("Held", "commit " + target.commit.substr(0, 7), "is held back by a rollback",
                      "push a commit that changes " + config_.repository.path + ", or bedplate resume");
  return store_.clearHold();
}

host::Status Reconciler::judgeK3sChange(const plan::Target& target, SyncResult& result) {
  BEDPLATE_TRY_LET(const auto held, store_.sharedHeld());
  BEDPLATE_TRY_LET(auto paths, store_.sealedPaths());
  const K3sChange change =
      k3sChange(machine_.files, target, *held,
                {std::move(paths), [&](const plan::FileTarget& file) { return openSealed(machine_, target, file); }});
  result.k3sChanges = text(change);
  const auto critical = criticalChanges(machine_.files, change);
  if (critical.empty()) return {};
  std::string keys;
  for (const auto& key : critical) keys += (keys.empty() ? "" : ", ") + key;
  return host::fail("ClusterWideValue", "commit " + target.commit.substr(0, 7),
                    "changes " + keys +
                        " of a cluster that runs: all servers must agree on it for its life, and one "
                        "that restarts with another value breaks the cluster later and elsewhere",
                    "take it back in Git; a new value is for a new cluster");
}

host::Status Reconciler::whole(const SyncOptions& options) {
  BEDPLATE_TRY_LET(const auto row, store_.latest(GenerationState::applied, Store::With::noOutcomes));
  const std::int64_t number = row ? row->number : 0;
  auto& known = memory_->whole;
  const Seen& seen = *memory_->seen;
  BEDPLATE_TRY_LET(const std::string k3sState, k3sStateOf(store_, seen.target));
  if (known && known->number == number && known->deployed == options.deployed &&
      known->mayPrune == options.allowPrune && known->k3sState == k3sState)
    return {};
  known.reset();
  BEDPLATE_TRY_LET(const auto instead, k3sInstead(keeper_, store_, seen.target));
  BEDPLATE_TRY(checkWriter(machine_.files, seen.target, seen.manifests));
  static const plan::Deployed kUnknown;
  BEDPLATE_TRY_LET(auto successor, follow(machine_, keeper_, instead ? instead->target : seen.target, seen.manifests,
                                          options.deployed ? *options.deployed : kUnknown, options.allowPrune));
  std::string digest = plan::digest(successor.target);
  known = Whole{number,
                options.deployed,
                options.allowPrune,
                k3sState,
                instead ? instead->why : std::string(),
                std::move(successor),
                std::move(digest)};
  return {};
}

// While a rollback holds, only what is on its way out since then goes on. Whether that is so.
host::Result<bool> Reconciler::finishHeld(const SyncOptions& options, SyncResult& result) {
  BEDPLATE_TRY_LET(const auto hold, store_.hold());
  if (!hold) return false;
  BEDPLATE_TRY_LET(const auto current, keeper_.current());
  const auto isTombstone = [](const auto& file) { return file.stage == plan::Stage::tombstone; };
  const bool open =
      current != nullptr && options.deployed &&
      (!current->buried.empty() || std::any_of(current->files.begin(), current->files.end(), isTombstone));
  if (!open) return true;
  BEDPLATE_TRY_LET(const auto next, follow(machine_, keeper_, plan::withoutTombstones(*current),
                                           memory_->seen->manifests, *options.deployed, /*mayPrune=*/false));
  std::string digest = plan::digest(next.target);
  if (digest == store_.notes().digest) return true;
  BEDPLATE_TRY_LET(result.applied, keeper_.apply(next.target, "manifests", std::move(digest)));
  result.commit = memory_->seen->commit;
  result.unchanged = true;
  return true;
}

std::optional<SyncResult> Reconciler::proceed(const SyncOptions& options) {
  if (!memory_->seen || memory_->refused || config_.node.mode == config::Mode::observe) return std::nullopt;
  SyncResult result;
  if (auto held = finishHeld(options, result); !held || *held) {
    if (!held) result.problem = std::move(held).error();
    return result.problem || result.applied ? std::optional(std::move(result)) : std::nullopt;
  }
  const auto status = whole(options);
  if (status && store_.notes().digest == memory_->whole->digest) return std::nullopt;
  result.unchanged = true;
  result.head = memory_->seen->head.hex();
  tellSeen(result);
  if (auto gone = status ? go(options, result) : status; !gone) result.problem = std::move(gone).error();
  return result;
}

const std::vector<cluster::Object>& Reconciler::awaited() const {
  static const std::vector<cluster::Object> kNone;
  return memory_->whole ? memory_->whole->successor.awaited : kNone;
}

const ManifestRules* Reconciler::manifestRules() const { return memory_->seen ? &memory_->seen->manifests : nullptr; }

host::Status Reconciler::go(const SyncOptions& options, SyncResult& result) {
  auto may = mayApply(memory_->seen->target);
  if (may) may = whole(options);
  if (may) result.k3sHeldBack = memory_->whole->heldBack;
  // What is in force was judged when it came; where the host differs from it now, that is drift. Nothing is read for
  // it.
  const auto current = store_.latest(GenerationState::applied, Store::With::noOutcomes);
  const bool inForce = may && current && *current && (*current)->digest == memory_->whole->digest;
  if (may && !inForce) may = judgeK3sChange(memory_->whole->successor.target, result);
  if (!may) {
    // What is in force stays in force, and is still looked after.
    if (auto run = keeper_.repair(true)) result.applied = std::move(*run);
    return may;
  }
  const plan::Target& target = memory_->whole->successor.target;
  BEDPLATE_TRY(writeLatch(target.node, store_));
  BEDPLATE_TRY_LET(const auto accepted, trust::readAccepted(machine_.files));
  const auto& commit = memory_->seen->commit.id;
  if (!accepted || accepted->commit != commit)
    BEDPLATE_TRY(trust::writeAccepted(machine_.files, {commit, "agent", machine_.clock.wallUs()}));
  // A step that K3s has answered is no commit of its own.
  const bool step = current && *current && (*current)->commit == target.commit && (*current)->cause != "rollback";
  BEDPLATE_TRY_LET(result.applied, keeper_.apply(target, step ? "manifests" : "commit", memory_->whole->digest));
  result.plan = planOf(*result.applied);
  if (memory_->seen->unverified && memory_->seen->head != commit)
    clock_.ended("SignatureRefused");
  else if (result.k3sHeldBack.empty())
    result.confirmed = clock_.applied(*result.applied);
  else
    clock_.ended("K3sHeldBack");
  return {};
}

host::Status Reconciler::lookAhead(SyncResult& result) {
  const plan::Target& target = memory_->whole->successor.target;
  result.waiting = plan::waiting(target);
  result.k3sHeldBack = memory_->whole->heldBack;
  BEDPLATE_TRY_LET(result.plan, keeper_.plan(target));
  return judgeK3sChange(target, result);
}

SyncResult Reconciler::sync(const SyncOptions& options) {
  SyncResult result;
  const std::int64_t begin = machine_.clock.monotonicNs();
  const bool planOnly = options.stop == SyncOptions::Stop::afterPlan || config_.node.mode == config::Mode::observe;
  host::Status status = look(options, result);
  if (!status && !planOnly) {
    // The last good generation stays in force, and is looked after without a remote as well.
    if (auto run = keeper_.repair(true)) result.applied = std::move(*run);
  }
  if (status && !planOnly && options.retry) {
    store_.notes().tried.clear();
    status = store_.clearCutOff();
  }
  // Heard and verified in this boot, whatever becomes of the commit.
  if (status && !planOnly) status = keeper_.unpark();
  if (status) {
    if (!planOnly)
      status = go(options, result);
    else if (status = whole(options); status)
      status = lookAhead(result);
  }
  // A revision that was only looked at must not pass for the head.
  if (!options.revision.empty()) {
    memory_->seen.reset();
    memory_->whole.reset();
    memory_->refused.reset();
  }
  if (follows(options) && !result.head.empty()) {
    if (!status) clock_.ended(status.error().reason);
    if (status && planOnly) clock_.ended("Observing");
  }
  if (status && result.unverified && config_.trust.signatures == "require") status = host::Failure(*result.unverified);
  if (!status) result.problem = std::move(status).error();
  result.seconds = static_cast<double>(machine_.clock.monotonicNs() - begin) / 1e9;
  return result;
}

}  // namespace bedplate::apply
