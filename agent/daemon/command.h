// What the event loop asks of the engine, and what it gets back.
// Thread-safety: plain values; a Runner is used from one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "agent/apply/apply.h"
#include "agent/apply/k3s_order.h"
#include "agent/plan/succession.h"
#include "agent/report/answer.h"
#include "tuning/host/result.h"

namespace bedplate::daemon {

enum class Act { start, sync, repair, sample, measured, rollback, release, accept, suspend, resume, reload };
const char* name(Act act);

// What a probe found.
struct Measured {
  std::string probe;        // "disk", "steal", ...
  std::string json;         // as tuning/bench writes it
  bool keep = true;         // a sample for the state; else only to be shown: why nothing was measured
  std::string sample = {};  // what is kept where that is less than `json`; "": all of it
  std::shared_ptr<const plan::Deployed> deployed = nullptr;  // of "manifests"
  std::shared_ptr<const apply::K3sNews> k3s = nullptr;       // of "k3s-restart", which has nothing else
};

// Which manifests K3s is asked about. The same object while it is the same.
struct ManifestWatch {
  std::shared_ptr<const plan::Target> target;  // in force, without contents
  std::vector<cluster::Object> awaited;        // whose owners are asked for
  bool enforce = false;                        // else nothing is changed in the cluster
};

// What probes have to know: node.yaml's `benchmark` with the defaults, and where the node stands.
struct Measuring {
  bool active = false;  // there is a repository, and a state to keep samples in
  std::string node;     // spreads a fleet
  std::int64_t diskEveryMs = 30 * 60'000, diskForMs = 20'000, diskP99LimitMs = 10;
  std::int64_t stealWindowMs = 5 * 60'000;
  double stealLimit = 0.05;
  std::int64_t diskMeasuredUs = 0;  // wall clock of the newest disk sample in the state; 0: none
  // etcd's own histogram is delivered: the disk is not written to.
  bool passiveDisk = false;
  std::shared_ptr<const ManifestWatch> manifests;  // null: none
  std::shared_ptr<const apply::K3sOrder> k3s;  // the same object while it is the same; null: nothing to do about K3s
  bool operator==(const Measuring&) const = default;
};

struct Command {
  Act act = Act::sync;
  bool allowPrune = false;      // of sync
  bool byHand = false;          // of sync: somebody asked for it
  std::int64_t number = 0;      // of rollback: the generation; of suspend: until when (µs since the epoch, 0: resumed)
  std::string text = {};        // of accept: the commit; of suspend: the reason
  apply::Writers writers = {};  // of repair: who was seen to write what
  bool whole = false;           // of repair and sync: keys came or went
  apply::News news = {};        // of repair and sync: what those who watch have to tell
  Measured measured = {};       // of measured
};

// What the loop has to know after a command.
struct Facts {
  std::string statusJson;             // of the last status; "" before the first
  bool statusChanged = false;         // something other than times is another than before this command
  bool configured = false;            // there is something to do at all
  bool active = false;                // drift is looked for: neither suspended nor without state
  std::int64_t suspendedUntilUs = 0;  // 0: not suspended, or without an end
  // Files (below the root) and keys whose drift is put back; null for none. The same object while they are the same.
  std::shared_ptr<const std::set<std::string>> managed, keys;
  std::string line;  // for STATUS=
  Measuring measuring;
};

struct Done {
  Act act = Act::sync;
  report::Answer answer;
  std::optional<host::Error> error;    // the command was not done
  std::optional<std::int64_t> nextMs;  // when to look at the remote again; unset: as before
  bool cancelled = false;              // a sync that was interrupted and should be tried again
  bool repaired = false;               // drift was put back
  bool quiet = false;                  // nothing was found and nothing is to be shown: no facts
  bool wantsSync = false;              // a sync should follow at once
  bool small = false;                  // nothing was new: it took no memory to speak of
  bool fatal = false;                  // of start: another process holds the state
  Facts facts;
};

// Does one command after the other; the engine, or a fake of it.
class Runner {
 public:
  Runner() = default;
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;
  virtual ~Runner() = default;
  virtual Done run(const Command& command) = 0;
};

}  // namespace bedplate::daemon
