// All that the daemon does which may block: the disk, the remote, the kernel. One command at a time, each giving the
// facts that the event loop needs to go on. `bedplated --once` uses it without a loop.
//
// A configuration with problems, a state that cannot be opened and an unreachable remote are facts, not ends: the
// engine stays usable, what was applied last stays in force, and the next command tries again.
// Thread-safety: used from one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/apply/apply.h"
#include "agent/apply/host_reach.h"
#include "agent/apply/k3s_care.h"
#include "agent/apply/reconcile.h"
#include "agent/config/config.h"
#include "agent/daemon/command.h"
#include "agent/daemon/headroom_window.h"
#include "agent/daemon/journal.h"
#include "agent/daemon/schedule.h"
#include "agent/report/report.h"
#include "tuning/bench/bench.h"
#include "tuning/host/clock.h"
#include "tuning/host/files.h"
#include "tuning/modules/modules.h"

namespace bedplate::daemon {

struct EngineSetup {
  host::HostFiles& files;
  host::Clock& clock;
  modules::Loader& modules;
  Journal& journal;
  std::string configPath;  // below the root
  source::WorkerSetup worker;
  std::function<double()> chance;  // uniform in [0, 1)
  bool ownKernel = false;          // the files are this machine's, no tree: what is no file may be asked of its kernel
  std::int64_t lockWaitMs = 3000;  // a command line that holds the state is waited for
  host::Files* changed = nullptr;  // what is applied and kept goes through here, in tests; null: through `files`
};

// For files that a crash may take (the status lies in /run, metrics are made again): whole at any moment, not flushed,
// so that an idle agent costs a disk nothing.
host::Status replaceUnflushed(host::Files& files, const std::string& path, const std::string& content);

class Engine final : public Runner {
 public:
  explicit Engine(EngineSetup setup);
  ~Engine() override;

  // `start` comes first, once.
  Done run(const Command& command) override;

 private:
  // Configuration and state (engine.cpp).
  host::Status loadConfig();
  void sayProblems();
  void adopt(config::Config config);
  host::Status openState();
  host::Status ensureState();
  [[nodiscard]] bool enforcing() const;
  host::Result<std::optional<apply::Suspension>> suspension();
  host::Status needs(bool configured);
  apply::Machine machine();
  void ensureSealing();

  // The commands (commands.cpp).
  void start(Done& done);
  host::Status dispatch(const Command& command, Done& done);
  host::Status sync(const Command& command, Done& done);
  host::Status trySync(const Command& command, Done& done, bool& remoteFails);
  host::Status repair(const Command& command, Done& done);
  host::Status recover();
  host::Status rollback(const Command& command, Done& done);
  host::Status release(Done& done);
  host::Status accept(const Command& command, Done& done);
  host::Status suspend(const Command& command, Done& done);
  host::Status resume(Done& done);
  host::Status reload(Done& done);

  // Measuring (measuring.cpp).
  host::Status measured(const Measured& measured);
  void takeDisk(const Measured& measured);
  void readSamples();
  void judgeDisk();
  void adoptBenchmark(const apply::SyncResult& result);
  [[nodiscard]] Measuring measuring(const report::Status& status) const;

  // What K3s makes of the manifests (deploying.cpp).
  host::Status deployed(std::shared_ptr<const plan::Deployed> deployed);
  std::shared_ptr<const plan::Deployed> answering(const plan::Deployed& deployed);
  host::Status proceed();
  void refreshManifests();
  void keepAccepted();
  // Restarts of K3s (restarting.cpp).
  host::Status restarting(const apply::K3sNews& news, Done& done);
  void refreshK3s(const report::Status& status);
  void adoptRestart(const apply::SyncResult& result);

  // What is said (telling.cpp).
  void tellSync(const apply::SyncResult& result);
  void tellRun(const apply::RunResult& run, const std::string& cause);
  void tellRepair(const apply::RunResult& run);
  void tellDrift(const apply::RunResult& run);
  void tellError(const std::string& topic, const std::string& doing, const host::Error& error);

  // What is shown (status.cpp).
  void refresh(bool always);
  void refreshManaged();
  report::Status makeStatus();
  void addProblems(report::Status& status) const;
  void publish(const report::Status& status);
  [[nodiscard]] std::string line(const report::Status& status) const;

  EngineSetup setup_;
  std::int64_t startedUs_;
  std::unique_ptr<config::Config> config_;  // null while there is none without problems
  std::vector<config::Problem> problems_;
  bool kept_ = false;  // a new configuration has problems and the old one is in use
  host::UniqueFd lock_;
  apply::HostReach reach_;
  trust::Opener opener_;
  bool sealingReady_ = false;
  std::unique_ptr<apply::Store> store_;
  std::unique_ptr<apply::Keeper> keeper_;
  std::unique_ptr<apply::K3sCare> care_;
  std::unique_ptr<apply::Reconciler> reconciler_;
  std::optional<host::Error> stateError_;

  Schedule schedule_{60000};
  HeadroomWindow headroomWindow_;
  Repeats repeats_;
  std::optional<apply::SyncResult> lastSync_;
  std::optional<apply::RunResult> lastRun_;
  std::int64_t contactUs_ = 0, checkedUs_ = 0, nextUs_ = 0;
  std::optional<std::string> steal_;
  std::shared_ptr<const plan::Deployed> deployed_;  // as K3s said last; null before the first time
  std::shared_ptr<const ManifestWatch> manifests_;  // what it is asked about
  bool syncing_ = false;  // a sync waits for the remote: what K3s said meanwhile is looked at after it
  std::optional<report::Deployment> deployment_;  // what both say together
  struct ManifestsOf {
    std::int64_t number;
    std::shared_ptr<const plan::Deployed> deployed;
    bool parked, enforce;
    std::vector<std::string> awaited;
    bool operator==(const ManifestsOf&) const = default;
  };
  std::optional<ManifestsOf> manifestsOf_;               // what that was made of
  std::optional<cluster::NodeConfig::Restart> restart_;  // of the last good look at Git
  std::optional<std::string> k3sHeldBack_;               // as that look found it
  std::shared_ptr<const apply::K3sOrder> k3sOrder_;
  cluster::NodeConfig::Benchmark benchmark_;
  bench::DiskWindow diskWindow_;
  bench::DiskSkip diskSkip_;
  std::optional<std::string> disk_;  // what both say together
  std::int64_t diskJudgedUs_ = 0;    // when
  std::int64_t diskMeasuredUs_ = 0;
  std::optional<std::string> etcd_;  // what its own measurements say, while it delivers them
  std::optional<report::Headroom> headroom_;
  report::Counters counters_;
  Facts facts_;
  std::optional<report::Status> status_;         // the last one
  std::string statusFile_;                       // where it was written
  std::string comparable_;                       // status_ without what changes by itself
  std::shared_ptr<const plan::Held> managedOf_;  // what facts_.managed was made of
  std::vector<apply::Contest> contested_;        // and facts_.keys
};

}  // namespace bedplate::daemon
