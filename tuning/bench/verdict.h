// What a measurement says of the node. Part of the contract of tuning/bench (bench.h).
// Thread-safety: free functions and plain values.
#pragma once

#include <string>

namespace bedplate::bench {

enum class Verdict { fit, marginal, unfit, unknown };
const char* name(Verdict verdict);

struct Judged {
  Verdict verdict = Verdict::unknown;
  std::string reason;  // the numbers that decided, in words
};

// A verdict that is made again and again must not flap between two words while the numbers stand at a limit. It gets
// worse at once, and better when kGoodReadings readings in succession were better than it by limits of kMargin of the
// real ones; it then takes the worst of those. From and to unknown it goes at once: that is no judgement.
inline constexpr int kGoodReadings = 3;
inline constexpr double kMargin = 0.8;

struct Steady {
  Verdict verdict = Verdict::unknown;
  // Readings in succession that were better, and the worst of them.
  int good = 0;
  Verdict towards = Verdict::unknown;
};
// `now` is the reading by the real limits, `strict` the same by kMargin of them.
Steady settle(const Steady& before, Verdict now, Verdict strict);

}  // namespace bedplate::bench
