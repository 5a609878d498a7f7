#include "agent/apply/commit_clock.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace bedplate::apply {
namespace {

bool passes(std::string_view reason) {
  constexpr std::array<std::string_view, 10> kPassing = {"RemoteUnreachable", "Timeout", "WorkerFailed", "MirrorFailed",
                                                         "Cancelled",         "Busy",    "NoSpace",      "ReadOnly",
                                                         "StateFailed",       "Io"};
  return std::find(kPassing.begin(), kPassing.end(), reason) != kPassing.end();
}

// Why a run does not confirm what it applied; "" when it does.
std::string failureOf(const Notes& notes) {
  std::string why;
  for (const auto& [subject, outcome] : notes.unsettled) {
    if (!outcome.error) continue;
    if (outcome.error->reason == "CutOff") return "CutOff";
    why = "Failed";
  }
  return why;
}

}  // namespace

std::int64_t CommitClock::nowUs() const { return baseUs_ + (clock_.monotonicNs() - baseNs_) / 1000; }

void CommitClock::seen(const std::string& commit) {
  if (times_ && times_->commit == commit) return;
  times_.reset();
  baseUs_ = clock_.wallUs();
  baseNs_ = clock_.monotonicNs();
  auto known = store_.commitTimes(commit);
  if (!known) return;
  if (*known) {
    times_ = std::move(**known);
    return;
  }
  CommitTimes fresh;
  fresh.commit = commit;
  fresh.seenUs = baseUs_;
  if (store_.putCommitTimes(fresh)) times_ = std::move(fresh);
}

bool CommitClock::open() { return times_ && times_->confirmedUs == 0; }

void CommitClock::fetched(const std::string& subject) {
  if (!open() || times_->fetchedUs != 0) return;
  times_->subject = subject;
  times_->fetchedUs = nowUs();
}

// A generation that was made in this run, one that a restart finished, or none, as the commit changes nothing here.
void CommitClock::setApplied(const RunResult& run) {
  const auto row = store_.latest(GenerationState::applied, Store::With::noOutcomes);
  if (!row) return;
  times_->appliedUs = nowUs();
  if (!*row || (*row)->commit != times_->commit) return;
  times_->generation = (*row)->number;
  if (run.generation != (*row)->number) times_->appliedUs = std::max(times_->seenUs, (*row)->finishedUs);
}

std::optional<CommitTimes> CommitClock::applied(const RunResult& run) {
  if (!open() || run.undone) return std::nullopt;
  const bool first = times_->appliedUs == 0;
  if (first) setApplied(run);
  if (times_->appliedUs == 0) return std::nullopt;
  const std::string failure = failureOf(store_.notes());
  if (failure.empty()) times_->confirmedUs = std::max(nowUs(), times_->appliedUs);
  if (!failure.empty() && !first) return std::nullopt;
  // A suspension may have marked the row meanwhile.
  if (auto row = store_.commitTimes(times_->commit); row && *row) times_->waited = (*row)->waited;
  if (times_->waited.empty()) times_->waited = failure;
  if (!store_.putCommitTimes(*times_)) {
    times_.reset();  // the next look reads what is known
    return std::nullopt;
  }
  if (times_->confirmedUs == 0) return std::nullopt;
  return times_;
}

void CommitClock::ended(const std::string& reason) {
  if (!open() || passes(reason) || !times_->waited.empty()) return;
  times_->waited = reason;
  if (!store_.putCommitTimes(*times_)) times_.reset();
}

}  // namespace bedplate::apply
