#include "agent/apply/contested.h"

#include <algorithm>

#include "agent/apply/store.h"

namespace bedplate::apply {
namespace {

// What is remembered of the past is tidied from so many things on.
constexpr std::size_t kMuchPast = 1000;
constexpr const char* kUnknown = "unknown";

bool recent(std::int64_t thenUs, std::int64_t nowUs, std::int64_t windowUs) {
  // Either way: a clock that was set back must not make a war endless.
  return nowUs - thenUs < windowUs && thenUs - nowUs < windowUs;
}

std::int64_t count(const std::deque<std::int64_t>& timesUs, std::int64_t nowUs) {
  return std::count_if(timesUs.begin(), timesUs.end(),
                       [&](std::int64_t then) { return recent(then, nowUs, Contests::kWindowUs); });
}

}  // namespace

void Contests::forget(std::int64_t nowUs) {
  std::erase_if(past_, [&](const auto& entry) { return count(entry.second.timesUs, nowUs) == 0; });
}

void Contests::add(const DriftEvent& event) {
  if (past_.size() >= kMuchPast) forget(event.wallUs);
  Past& past = past_[event.subject];
  if (event.writer != kUnknown) past.writer = event.writer;
  const bool contested = count(past.timesUs, event.wallUs) >= kMost;
  past.timesUs.push_back(event.wallUs);
  if (past.timesUs.size() > static_cast<std::size_t>(kMost)) past.timesUs.pop_front();
  if (!contested) {
    contests_.erase(event.subject);
    return;
  }
  contests_[event.subject] = {
      event.kind,   event.subject, event.from, event.to, past.writer.empty() ? kUnknown : past.writer,
      event.wallUs, kMost + 1};
}

bool Contests::overdone(const std::string& subject, std::int64_t nowUs) const {
  const auto past = past_.find(subject);
  return past != past_.end() && count(past->second.timesUs, nowUs) >= kMost;
}

const Contest* Contests::find(const std::string& subject, std::int64_t nowUs) const {
  const auto contest = contests_.find(subject);
  const bool holds = contest != contests_.end() && recent(contest->second.sinceUs, nowUs, kTruceUs);
  return holds ? &contest->second : nullptr;
}

std::vector<Contest> Contests::all(std::int64_t nowUs) const {
  std::vector<Contest> all;
  for (const auto& [subject, contest] : contests_)
    if (recent(contest.sinceUs, nowUs, kTruceUs)) all.push_back(contest);
  return all;
}

void Contests::settled(const std::string& subject, std::int64_t nowUs) {
  const auto contest = contests_.find(subject);
  if (contest != contests_.end() && !recent(contest->second.sinceUs, nowUs, kWindowUs)) contests_.erase(contest);
}

Contests contestsOf(const std::vector<DriftEvent>& newestFirst) {
  Contests contests;
  for (auto event = newestFirst.rbegin(); event != newestFirst.rend(); ++event) contests.add(*event);
  return contests;
}

}  // namespace bedplate::apply
