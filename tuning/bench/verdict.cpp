#include "tuning/bench/verdict.h"

#include <algorithm>

namespace bedplate::bench {

const char* name(Verdict verdict) {
  switch (verdict) {
    case Verdict::fit: return "fit";
    case Verdict::marginal: return "marginal";
    case Verdict::unfit: return "unfit";
    case Verdict::unknown: return "unknown";
  }
  return "unknown";
}

// The enum is in the order of badness, unknown apart.
Steady settle(const Steady& before, Verdict now, Verdict strict) {
  if (now == Verdict::unknown || before.verdict == Verdict::unknown || now > before.verdict) return {now, 0, now};
  const Verdict reached = std::max(now, strict);
  if (strict == Verdict::unknown || reached >= before.verdict) return {before.verdict, 0, before.verdict};
  Steady next = before;
  next.towards = before.good == 0 ? reached : std::max(before.towards, reached);
  if (++next.good >= kGoodReadings) return {next.towards, 0, next.towards};
  return next;
}

}  // namespace bedplate::bench
