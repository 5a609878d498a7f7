// What the event loop asks of the engine, and what it gets back.
// Thread-safety: plain values; a Runner is used from one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "agent/apply/apply.h"
#include "agent/report/answer.h"
#include "tuning/host/result.h"

namespace bedplate::daemon {

enum class Act { start, sync, repair, sample, rollback, release, accept, suspend, resume, reload };
const char* name(Act act);

struct Command {
  Act act = Act::sync;
  bool allowPrune = false;      // of sync
  bool byHand = false;          // of sync: somebody asked for it
  std::int64_t number = 0;      // of rollback: the generation; of suspend: until when (µs since the epoch, 0: resumed)
  std::string text = {};        // of accept: the commit; of suspend: the reason
  apply::Writers writers = {};  // of repair: who was seen to write what
  bool whole = false;           // of repair: keys came or went
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
