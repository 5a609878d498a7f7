// The whole way, one function an arrow: fetch, verify, layers, plan, apply. `bedplate diff` stops before apply, the
// daemon does not; both run this.
//
// A failure on the way (an unreachable remote, a rewritten branch, a directory with errors) leaves the last good
// generation in force; SyncResult.problem says which and why.
// Thread-safety: a Reconciler is used from one thread at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/apply/apply.h"
#include "agent/apply/commit_clock.h"
#include "agent/apply/manifests.h"
#include "agent/apply/way.h"
#include "agent/cluster/cluster.h"
#include "agent/config/config.h"
#include "agent/plan/plan.h"
#include "agent/source/source.h"
#include "agent/trust/trust.h"

namespace bedplate::apply {

// The remote of bedplate.conf with its secrets read from their files. "Denied"/"NotFound" name the file; a private key
// that others may read is refused.
host::Result<source::Remote> makeRemote(const config::Config& config, host::Files& files);

// Who this node is, from bedplate.conf and the host. "RoleUnknown" when the role is auto and no K3s is installed.
host::Result<cluster::Identity> identify(const config::Config& config, host::Files& files);

// The floor that Git cannot lower, as bedplate.conf says.
cluster::Policy policyOf(const config::Config& config);

// The cluster's name: as bedplate.conf says, else from its repository.path.
std::string clusterOf(const config::Config& config);
// "clusters/oslo-prod/node" is oslo-prod's; nullopt for a path without such a folder.
std::optional<std::string> folderBelowClusters(const std::string& path);

struct SyncOptions {
  enum class Stop { afterPlan, afterApply };
  Stop stop = Stop::afterApply;
  std::string revision = {};  // "" is the head of the branch; others only with afterPlan
  bool retry = false;         // somebody asks: what was taken back because it cut the node off is tried again
  bool allowPrune = false;    // manifests may go that are held back otherwise
  // What K3s has made of the manifests so far; null: not known.
  std::shared_ptr<const plan::Deployed> deployed = nullptr;
};

struct SyncResult {
  // Set when the way ended early. Reasons: those of source::Session::start, PathNotFound, PathNotDirectory,
  // NotDescendant, SignatureRefused, InvalidClusterDirectory, RoleUnknown, IdentityChanged, TakenBack, Held,
  // ClusterWideValue, WriterNeeded, ...
  std::optional<host::Error> problem;
  // What is not signed as it must be. With signatures = require it is the problem as well, and the commit an older one.
  std::optional<host::Error> unverified;
  bool contact = false;                  // the remote answered
  std::string head;                      // hex, on the remote
  std::optional<source::Commit> commit;  // the one that was looked at (verified)
  bool unchanged = false;                // nothing new since the last one: only the host was looked at
  std::vector<std::string> layers;
  std::vector<cluster::Finding> findings;
  std::optional<cluster::NodeConfig::Benchmark> benchmark;  // of a cluster directory without errors
  std::optional<plan::Plan> plan;                           // what was, or would be, changed
  // By key, what K3s would see of it when it starts: "debug: unset -> true". All of its files on this host count.
  std::vector<std::string> k3sChanges;
  std::vector<plan::Waiting> waiting;  // manifests that are not as Git says for now
  // Why K3s's files of the commit are not placed: they were taken back, or a restart is under way. Empty: they are.
  std::string k3sHeldBack;
  std::optional<cluster::NodeConfig::Restart> restart;  // of a cluster directory without errors
  std::optional<RunResult> applied;                     // with afterApply
  std::optional<CommitTimes> confirmed;                 // the head, when it was confirmed with this sync
  double seconds = 0;
};

class Reconciler {
 public:
  // `store` and `keeper`, which works on it, must outlive it; with a read-only store only afterPlan works.
  Reconciler(const config::Config& config, Machine machine, Store& store, Keeper& keeper, source::WorkerSetup worker);
  ~Reconciler();

  SyncResult sync(const SyncOptions& options);

  // Goes on with the manifests of the commit that was seen last, where K3s has answered a step (options.deployed); asks
  // no remote. nullopt when there is nothing to do.
  std::optional<SyncResult> proceed(const SyncOptions& options);

  // Objects whose owners have to be known before manifests go on (plan::Successor).
  [[nodiscard]] const std::vector<cluster::Object>& awaited() const;
  // Those of the commit that was seen last; null before the first.
  [[nodiscard]] const ManifestRules* manifestRules() const;

 private:
  struct Memory;
  // Fetch, verify, layers: fills memory_ and the first half of the result.
  host::Status look(const SyncOptions& options, SyncResult& result);
  host::Result<Way> verified(source::Session& session, const SyncOptions& options);
  host::Status read(source::Session& session, Way way, const cluster::Identity& node, SyncResult& result);
  // Nothing stands against this target: it was not taken back, no rollback holds it.
  host::Status mayApply(const plan::Target& target);
  // What the commit that was seen says, as far as a result tells it.
  void tellSeen(SyncResult& result) const;
  // What Git says, with what is left of what is in force; remembered while nothing of it changes.
  host::Status whole(const SyncOptions& options);
  host::Result<bool> finishHeld(const SyncOptions& options, SyncResult& result);
  host::Status lookAhead(SyncResult& result);
  host::Status judgeK3sChange(const plan::Target& target, SyncResult& result);
  host::Status go(const SyncOptions& options, SyncResult& result);
  // Only the head is followed, and only by who may write.
  static bool follows(const SyncOptions& options) {
    return options.stop == SyncOptions::Stop::afterApply && options.revision.empty();
  }

  const config::Config& config_;
  Machine machine_;
  Store& store_;
  source::WorkerSetup worker_;
  source::Limits limits_;
  Keeper& keeper_;
  CommitClock clock_;
  std::unique_ptr<Memory> memory_;
};

}  // namespace bedplate::apply
