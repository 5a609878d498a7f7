// `bedplate bench history`: the measurements of a while on one screen, and as JSON.
// Thread-safety: free functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/report/json.h"
#include "agent/report/measurements.h"
#include "agent/report/report.h"

namespace bedplate::report {

// One character a value, higher for more; blank for none. `least` and `most` are the ends of the scale, in eight steps
// (ASCII: seven).
std::string sparkline(const std::vector<std::optional<double>>& values, double least, double most, bool unicode);

std::string renderMeasurements(const Measurements& measured, const Screen& screen, bool unicode);
// The keys are documented in docs/monitoring.md. Durations in seconds, shares from 0 to 1.
Json measurementsJson(const Measurements& measured);

}  // namespace bedplate::report
