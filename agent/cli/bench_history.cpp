// bedplate bench history
#include "agent/report/bench_history.h"

#include <nlohmann/json.hpp>
#include <ostream>

#include "agent/cli/measured.h"
#include "agent/report/json.h"

namespace bedplate::cli {

host::Result<report::Measurements> measuredLast(Context& context, const std::string& window) {
  constexpr std::int64_t kMinuteMs = 60'000, kYearMs = 366LL * 24 * 60 * kMinuteMs;
  const auto ms = config::parseDurationMs(window);
  if (!ms || *ms < kMinuteMs || *ms > kYearMs)
    return host::fail("Invalid", "--for", "'" + window + "' is no duration from a minute to a year",
                      "write 6h, 24h, 7d");
  const std::int64_t nowUs = context.clock().wallUs();
  auto store = context.openStore();
  if (store) return report::measurements(*store, nowUs - *ms * 1000, nowUs);
  if (store.error().reason != "NotFound") return host::Failure(store.error());
  report::Measurements none;
  none.fromUs = nowUs - *ms * 1000;
  none.toUs = nowUs;
  return none;
}

int benchHistory(Context& context, const std::string& window) {
  const auto measured = measuredLast(context, window);
  if (!measured)
    return context.fail("bench history", measured.error(), measured.error().reason == "Invalid" ? kUsage : 1);
  if (context.json())
    context.out() << report::print(report::measurementsJson(*measured));
  else
    context.out() << report::renderMeasurements(*measured, context.screen(), context.terminal().unicode);
  return 0;
}

}  // namespace bedplate::cli
