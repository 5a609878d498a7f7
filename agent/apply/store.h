// What the agent remembers: generations, drift events, holds, in var/lib/bedplate/state.db; originals beside it.
//
// SQLite, journal_mode=DELETE, synchronous=EXTRA: a call that changes something is durable when it returns. One writer
// at a time, held to it by a lock beside the database; readers need none. No secret and no file content goes in here.
// A database that is corrupt is kept aside as state.db.corrupt-<time> and rebuilt from the generations on disk; one of
// a newer version is refused. Thread-safety: a Store is used from one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/apply/commit_times.h"
#include "agent/apply/contested.h"
#include "agent/apply/k3s_trial.h"
#include "agent/plan/plan.h"
#include "tuning/host/clock.h"
#include "tuning/host/files.h"

namespace bedplate::apply {

enum class GenerationState { applying, applied, rolledBack };
const char* name(GenerationState state);  // "applying", "applied", "rolled-back"

// One change with what came of it.
struct Outcome {
  plan::Change change;
  std::optional<host::Error> error;  // not set when the rule tolerates the failure: then change.note says so
};

struct Generation {
  std::int64_t number = 0;
  std::string commit, subject, tree, digest;
  std::string cause;  // "commit", "manifests" (a step that K3s answered), "rollback", "release", "boot"
  GenerationState state = GenerationState::applying;
  std::string why;  // of a rollback
  std::int64_t startedUs = 0, finishedUs = 0;
  std::string bootId;        // the boot it was started in
  int attempts = 0;          // how often its application was begun
  std::int64_t changes = 0;  // how many outcomes it has, also when they were not all read
  std::vector<Outcome> outcomes;
};

struct DriftEvent {
  std::int64_t wallUs = 0;
  std::string kind;      // "sysctl", "file" or "object" (of a manifest, in the cluster)
  std::string subject;   // key or path; of an object that of its manifest
  std::string from, to;  // found, put back; hashes for files
  std::string writer;    // "pid 1234 sysctl (ssh.service)"; "unknown" where nobody could tell
  bool repaired = false;
};

struct Sample {  // of a benchmark
  std::int64_t wallUs = 0;
  std::string probe;  // "disk", "etcd", "steal" or "gitops"
  std::string json;   // the result, as tuning/bench writes it
};

struct Suspension {
  std::string reason;
  std::int64_t sinceUs = 0;
  std::int64_t untilUs = 0;  // 0: until resumed
};

// `bedplate trust accept`.
struct Acceptance {
  std::string commit;  // hex
  std::int64_t wallUs = 0;
};

struct Latch {
  std::string name, role, cluster;
  bool operator==(const Latch&) const = default;
};

// Keys that can cut the node off, from before their first write until it is known that they did not: what it takes to
// put them back after a crash.
struct OpenGroup {
  std::string bootId;
  std::vector<std::string> checks;                          // what passed before
  std::vector<std::pair<std::string, std::string>> values;  // key and what it held, in the order of putting back
};

// Such keys were taken back, and are not tried again as they were.
struct CutOff {
  std::string group;  // groupDigest() of the target
  std::string why;
};

// What this process remembers of the generation in force; shared by all who work with one Store, gone with it. Nothing
// is lost with it: it saves reading, writing and saying things twice.
struct Notes {
  bool groupOpen = false;                       // the store has an OpenGroup of this boot
  bool parked = false;                          // the manifests are kept from K3s (Keeper::recover)
  bool settled = false;                         // no generation is `applying`, and the rest is of the one in force
  std::int64_t number = 0;                      // in force; 0: none
  std::string digest;                           // of it
  std::map<std::string, Outcome> unsettled;     // what could not be set when last tried, tolerated failures too
  std::set<std::string> pending;                // subjects that were pending at the last look
  std::map<std::string, std::string> reported;  // subject -> the state that was recorded as a drift and not put back
  Contests contests;                            // what somebody else keeps rewriting
  std::map<std::string, std::int64_t> tried;    // module or file that failed -> monotonicNs of the last try
};

// The lock that makes a process the writer: flock on var/lib/bedplate/lock. "Busy" when somebody else holds it (`why`
// says which pid). Released with the object.
host::Result<host::UniqueFd> lockState(host::HostFiles& files);

class Store {
 public:
  enum class Access { readWrite, readOnly };
  // readWrite makes the directory and the database when missing and needs the lock; readOnly changes nothing at all.
  // Reasons: "NotFound" (readOnly: no state yet), "Newer", "Corrupt" (readOnly only), "Busy", "Denied", NoSpace, ...
  // `files` is for all but the database itself (a fault-injecting one in tests); null: the same as `host`.
  static host::Result<Store> open(host::HostFiles& host, host::Clock& clock, Access access,
                                  host::Files* files = nullptr);
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  // What was done about a corrupt database when it was opened; empty when nothing.
  [[nodiscard]] const std::string& repairNote() const;

  // What is taken over, with the originals. It is kept in a file of its own, var/lib/bedplate/held, and not in the
  // database, so that an original outlives a corrupt database. Root only: "Denied" for others.
  host::Result<plan::Held> held();
  // The same without a copy. What it points to never changes: after take() or drop() there is another.
  host::Result<std::shared_ptr<const plan::Held>> sharedHeld();
  // Adds originals, durably and in one write; keeps an earlier one of the same key or path.
  host::Status take(const plan::Held& originals);
  // Forgets what was given back, in one write; what is not held is passed over.
  host::Status drop(const std::vector<std::string>& keys, const std::vector<std::string>& paths);

  // The number the next generation will get.
  host::Result<std::int64_t> nextNumber();
  // A new generation, `applying`; its number is set. Durable before it returns.
  host::Result<std::int64_t> begin(const Generation& generation);
  host::Status beganAgain(std::int64_t number, const std::string& bootId);  // attempts + 1
  host::Status finish(std::int64_t number, GenerationState state, const std::string& why,
                      const std::vector<Outcome>& outcomes);
  // Replaces the outcomes: what failed was tried again and went otherwise.
  host::Status setOutcomes(std::int64_t number, const std::vector<Outcome>& outcomes);
  // Reading a thousand outcomes to show that none failed would be most of the cost of a look.
  enum class With { allOutcomes, failures, noOutcomes };
  host::Result<std::optional<Generation>> generation(std::int64_t number, With with = With::allOutcomes);
  // The newest in this state.
  host::Result<std::optional<Generation>> latest(GenerationState state, With with = With::allOutcomes);
  host::Result<std::vector<Generation>> history(std::size_t limit);  // newest first, without outcomes
  host::Status forget(std::int64_t number);
  // The boot in which recovery last went through; "" before the first.
  host::Result<std::string> recoveredBoot();
  host::Status setRecoveredBoot(const std::string& bootId);

  host::Status addDrift(const DriftEvent& event);
  host::Status addDrift(const std::vector<DriftEvent>& events);                          // in one write
  host::Result<std::vector<DriftEvent>> drift(std::int64_t sinceUs, std::size_t limit);  // newest first
  host::Result<std::int64_t> driftCount(std::int64_t sinceUs);

  // Samples older than 31 days go, and the oldest beyond 10,000. "TooLarge": over 64 KiB.
  host::Status addSample(const Sample& sample);
  // Newest first.
  host::Result<std::vector<Sample>> samples(const std::string& probe, std::int64_t sinceUs, std::size_t limit);

  // A row for each commit that was once the head; the newest 1000 are kept.
  host::Status putCommitTimes(const CommitTimes& times);  // by its commit, new or in place of what there is
  host::Result<std::optional<CommitTimes>> commitTimes(const std::string& commit);
  host::Result<std::vector<CommitTimes>> commits(std::int64_t sinceUs, std::size_t limit);  // by seenUs, newest first

  host::Result<std::optional<Suspension>> suspension();
  host::Status suspend(const Suspension& suspension);
  host::Status resume();  // ends a suspension and a hold, and gives what was taken back another try
  // A rollback holds until the tree at repository.path is another one than `tree`.
  host::Result<std::optional<std::string>> hold();
  host::Status setHold(const std::string& tree);
  host::Status clearHold();  // changes nothing when there is none
  // Trees that were taken back and are not tried again, with the reason.
  host::Result<std::optional<std::string>> bad(const std::string& tree);
  host::Status setBad(const std::string& tree, const std::string& why);
  host::Result<std::optional<OpenGroup>> openGroup();
  host::Status setOpenGroup(const OpenGroup& group);
  host::Status closeGroup();
  host::Result<std::optional<CutOff>> cutOff();
  host::Status setCutOff(const CutOff& cutOff);  // ends the open group as well
  host::Status clearCutOff();                    // changes nothing when there is none
  // Restarts of K3s (store_k3s.cpp). A set that changes nothing writes nothing.
  host::Result<K3sTrial> k3sTrial();
  host::Status setK3sTrial(const K3sTrial& trial);
  // The trial, and that its part is not tried again, in one write.
  host::Status setK3sBad(const K3sTrial& trial, const std::string& why);
  host::Result<std::optional<std::string>> k3sBad(const std::string& part);
  host::Result<std::optional<K3sRunning>> k3sRunning();
  host::Status setK3sRunning(const K3sRunning& running);
  // The generation whose K3s configuration was last seen to run well; 0: what was there before the first.
  host::Result<std::int64_t> k3sConfirmed();
  host::Status setK3sConfirmed(std::int64_t generation);
  // Places below the root that a sealed file was ever written to: what lies there is not shown, also after it was
  // replaced by a plain one. Those of the target are added before the first write; a set that adds none writes nothing.
  host::Result<std::set<std::string>> sealedPaths();
  host::Status addSealedPaths(const plan::Target& target);
  // What the last good cluster directory said, so that a start without a remote measures by it.
  host::Result<cluster::NodeConfig::Benchmark> benchmark();
  host::Status setBenchmark(const cluster::NodeConfig::Benchmark& benchmark);  // writes nothing when it is the same
  // Whether the manifests are kept from K3s until Git was heard.
  host::Result<bool> parked();
  host::Status setParked(bool parked);
  // When commits that wait for a signature, theirs or that of one before them, were first seen: hex -> microseconds.
  host::Result<std::map<std::string, std::int64_t>> sights();
  // All of them; writes nothing when they are the same.
  host::Status setSights(const std::map<std::string, std::int64_t>& sights);
  host::Status addAcceptance(const Acceptance& acceptance);
  host::Result<std::vector<Acceptance>> acceptances(std::size_t limit);  // newest first
  host::Result<std::optional<Latch>> latch();
  host::Status setLatch(const Latch& latch);

  [[nodiscard]] Notes& notes();

 private:
  struct Database;
  explicit Store(std::unique_ptr<Database> database);
  std::unique_ptr<Database> db_;
};

}  // namespace bedplate::apply
