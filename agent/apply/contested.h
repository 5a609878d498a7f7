// Things that somebody else keeps rewriting. The agent does not fight over them: after five times in ten minutes it
// leaves the thing as the other wants it, says who that is, and tries again after an hour, or when the desired state is
// another one (then there is a new generation, and this is forgotten).
//
// All of it follows from the recorded drift events, so that a restart does not begin the war again.
// Thread-safety: plain values.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

namespace bedplate::apply {

struct DriftEvent;

struct Contest {
  std::string kind, subject;  // as in DriftEvent
  std::string value;          // what the other wants
  std::string wanted;         // what Git wants
  std::string writer;         // the last one that was seen at it, or "unknown"
  std::int64_t sinceUs = 0;
  std::int64_t times = 0;  // rewritten so often before it was given up
  bool operator==(const Contest&) const = default;
};

class Contests {
 public:
  static constexpr std::int64_t kMost = 5;
  static constexpr std::int64_t kWindowUs = 600'000'000;
  static constexpr std::int64_t kTruceUs = 3'600'000'000;

  // An event as it is recorded, in the order of time. One that comes on top of kMost within the window is a contest.
  void add(const DriftEvent& event);
  // Whether one more event at this time would be a contest.
  [[nodiscard]] bool overdone(const std::string& subject, std::int64_t nowUs) const;
  // The contest over this that holds now; null when there is none, or the hour has passed.
  [[nodiscard]] const Contest* find(const std::string& subject, std::int64_t nowUs) const;
  [[nodiscard]] std::vector<Contest> all(std::int64_t nowUs) const;
  [[nodiscard]] bool empty() const { return contests_.empty(); }
  // The thing is as it should be, without us: given up by the other. What was a contest a moment ago still counts.
  void settled(const std::string& subject, std::int64_t nowUs);
  bool operator==(const Contests&) const = default;

 private:
  struct Past {
    std::deque<std::int64_t> timesUs;
    std::string writer;
    bool operator==(const Past&) const = default;
  };
  void forget(std::int64_t nowUs);
  std::map<std::string, Past> past_;
  std::map<std::string, Contest> contests_;
};

// From recorded events, newest first as the store gives them.
Contests contestsOf(const std::vector<DriftEvent>& newestFirst);

}  // namespace bedplate::apply
