#include "tuning/bench/disk_window.h"

#include <fmt/format.h>

namespace bedplate::bench {
namespace {

void addTo(DiskSeen& seen, const DiskRound& round) {
  seen.service.merge(round.service, round.maxNs);
  seen.checkpoints.merge(round.checkpoints, round.checkpointMaxNs);
  seen.stalls += round.stalls;
}

// The rounds of a moving window, added up; only the greatest sample is one of all that were in it.
class Sum {
 public:
  void add(const DiskRound& round) { addTo(seen_, round); }
  void take(const DiskRound& round) {
    seen_.service.take(round.service);
    seen_.checkpoints.take(round.checkpoints);
    seen_.stalls -= round.stalls;
  }
  [[nodiscard]] const DiskSeen& seen() const { return seen_; }

 private:
  DiskSeen seen_;
};

}  // namespace

void DiskWindow::add(DiskRound round) {
  if (!rounds_.empty() && round.wallUs <= rounds_.back().wallUs) return;
  rounds_.push_back(std::move(round));
  while (rounds_.size() > kRounds || rounds_.back().wallUs - rounds_.front().wallUs > kKeptUs) rounds_.pop_front();
}

DiskDay DiskWindow::day(DiskLimits limits, std::int64_t nowUs) const {
  DiskDay day;
  for (const auto& round : rounds_)
    if (round.wallUs <= nowUs) limits.sqlite = day.sqlite = round.sqlite;
  day.windowNs = kWindowUs * 1000;
  Sum sum;
  Steady steady;
  auto first = rounds_.begin();
  for (auto round = rounds_.begin(); round != rounds_.end() && round->wallUs <= nowUs; ++round) {
    sum.add(*round);
    for (; round->wallUs - first->wallUs >= kWindowUs; ++first) sum.take(*first);
    steady = settle(steady, judgeDisk(sum.seen(), limits).verdict, judgeDisk(sum.seen(), limits, kMargin).verdict);
    if (nowUs - round->wallUs >= kWindowUs) continue;
    day.measuredUs = round->wallUs;
    ++day.rounds;
    // Once more, as the greatest sample cannot be taken out of a sum.
    addTo(day.seen, *round);
  }
  if (day.rounds == 0) {
    day.judged.reason = "nothing was measured in 24 h";
    return day;
  }
  day.judged = judgeDisk(day.seen, limits);
  if (day.judged.verdict != Verdict::unknown && steady.verdict > day.judged.verdict) {
    day.judged.reason += fmt::format("; {} until {} rounds in succession stay {:.0f} % below", name(steady.verdict),
                                     kGoodReadings, (1 - kMargin) * 100);
    day.judged.verdict = steady.verdict;
  }
  return day;
}

}  // namespace bedplate::bench
