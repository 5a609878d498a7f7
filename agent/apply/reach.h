// Whether the node still reaches what it reached before: looked at before and after keys are set that can cut it off
// (sysctl::cutsOff).
// Thread-safety: used from one thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bedplate::apply {

struct Check {
  std::string name;  // "IPv4 gateway", "Git remote": the same before and after
  bool passed = false;
  std::string why;  // when it did not: "192.0.2.1 on eth0 does not answer"
};

class Reach {
 public:
  Reach() = default;
  Reach(const Reach&) = delete;
  Reach& operator=(const Reach&) = delete;
  virtual ~Reach() = default;

  // A check for each way there is; what cannot be looked at is left out. Takes a few seconds at most. The Git remote's
  // answer of a moment ago counts.
  virtual std::vector<Check> before() = 0;
  // The named ones again, asked afresh, in at most about `budgetMs`. The first that fails may be the last that is
  // looked at; what cannot be looked at is left out.
  virtual std::vector<Check> after(const std::vector<std::string>& names, std::int64_t budgetMs) = 0;
  // The Git remote has just answered.
  virtual void answered() = 0;
  // The default routes that before() saw and that are gone come back, as far as that goes.
  virtual void putRoutesBack() = 0;
};

}  // namespace bedplate::apply
