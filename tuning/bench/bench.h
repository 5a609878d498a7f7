// Measuring the machine: disk latency as etcd feels it, and CPU steal. A measurement never judges beyond its samples:
// too few give `unknown`. The whole contract; each topic has a header of its own, which it includes.
// Thread-safety: free functions; a run takes as long as it is told and is meant for a thread of its own.
#pragma once

#include <cstdint>
#include <string>

#include "tuning/bench/card.h"
#include "tuning/bench/cpu.h"
#include "tuning/bench/disk.h"
#include "tuning/bench/disk_json.h"
#include "tuning/bench/disk_window.h"
#include "tuning/bench/etcd.h"
#include "tuning/bench/exposition.h"
#include "tuning/bench/histogram.h"
#include "tuning/bench/judge.h"
#include "tuning/bench/osnoise.h"
#include "tuning/bench/pressure.h"
#include "tuning/bench/steal.h"
#include "tuning/bench/verdict.h"

namespace bedplate::bench {

std::string toJson(const CpuResult& result, std::int64_t wallUs);  // the sample "steal"
std::string toJson(const Pressures& pressures);
std::string toJson(const Card& card);
// One line for the status screen from the JSON ("fit, p99 2.1 ms over 500 writes, 12 min ago"); "" when it is not ours.
std::string summary(const std::string& json, std::int64_t nowUs);

}  // namespace bedplate::bench
