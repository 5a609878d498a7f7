// Follows the head of the branch on its way into force, and writes down when it got how far. Private to reconcile.
//
// Durable writes: one when a head is first seen, so that a restart does not lose when that was, and one when its way
// ended. A head that is known and in force costs nothing. What cannot be written is left out: a number is no reason not
// to reconcile. Thread-safety: used from one thread at a time.
#pragma once

#include <optional>
#include <string>

#include "agent/apply/apply.h"
#include "agent/apply/commit_times.h"
#include "agent/apply/store.h"

namespace bedplate::apply {

class CommitClock {
 public:
  CommitClock(Store& store, host::Clock& clock) : store_(store), clock_(clock) {}

  // The remote says that this is the head.
  void seen(const std::string& commit);
  // Its objects are here and verified.
  void fetched(const std::string& subject);
  // The target of the head was gone to. Gives the times when it is confirmed with this run.
  std::optional<CommitTimes> applied(const RunResult& run);
  // The way ended early, for this reason. Those that pass by themselves (a remote that fails, a full disk) are part of
  // the latency; those that wait for people are no latency.
  void ended(const std::string& reason);

 private:
  [[nodiscard]] std::int64_t nowUs() const;
  bool open();
  void setApplied(const RunResult& run);

  Store& store_;
  host::Clock& clock_;
  std::optional<CommitTimes> times_;  // of the head; unset when none was seen, or none could be written
  std::int64_t baseUs_ = 0, baseNs_ = 0;
};

}  // namespace bedplate::apply
