// The measurements that state.db keeps, as numbers to draw: what came of each run of the disk's probe, of each window
// over etcd's, Argo CD's and Flux's own histograms, and of each window of CPU steal. Stored JSON is foreign here
// (another version wrote it, or half of one): what cannot be understood is left out. Thread-safety: plain values and
// free functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/apply/store.h"

namespace bedplate::report {

struct FsyncSample {
  enum class Source { probe, etcd };
  std::int64_t us = 0;
  Source source = Source::probe;
  std::string verdict, reason;
  std::int64_t count = 0;
  double mean = 0;                 // seconds
  std::optional<double> p50, p99;  // seconds; unset where etcd's buckets are too coarse, or there were too few
  double below = 0;                // etcd: all that is known of an unset one is that it is below this
  double max = 0;                  // probe
  std::int64_t stalls = 0;         // probe: over 500 ms
  bool sqlite = false;             // probe: judged by checkpoints, as SQLite does not flush each write
  // Seconds and how many: of a probe the middle of each of fio's buckets, of etcd the upper bound (infinity: over all).
  std::vector<std::pair<double, std::int64_t>> buckets;
};

struct StealSample {
  std::int64_t us = 0;
  std::string verdict, reason;
  std::optional<double> visible, hidden;                          // 0..1
  std::optional<double> cpuPressure, ioPressure, memoryPressure;  // 0..1
};

// What Argo CD or Flux reconciled in one window, by their own histograms.
struct ReconcileSample {
  enum class Source { argocd, flux };
  std::int64_t us = 0, windowUs = 0;  // the end of the window, and how long it was
  Source source = Source::argocd;
  std::int64_t count = 0;
  double mean = 0;                                       // seconds
  std::optional<double> p50, p99;                        // seconds; unset where there were too few
  std::vector<std::pair<double, std::int64_t>> buckets;  // upper bound in seconds (infinity: over all), how many
};
const char* name(ReconcileSample::Source source);    // "argocd", "flux"
const char* called(ReconcileSample::Source source);  // "Argo CD", "Flux"

std::optional<FsyncSample> fsyncSample(const apply::Sample& sample);
std::optional<StealSample> stealSample(const apply::Sample& sample);
std::optional<ReconcileSample> reconcileSample(const apply::Sample& sample);

// What is drawn of one node, oldest first.
struct Measurements {
  std::int64_t fromUs = 0, toUs = 0;
  std::vector<FsyncSample> fsync;
  std::vector<StealSample> steal;
  std::vector<ReconcileSample> reconciles;
  std::vector<apply::CommitTimes> commits;
  std::vector<apply::DriftEvent> drift;
  bool sqlite = false;       // the newest result of the probe is of a disk with SQLite: the limit is not for it
  double diskLimit = 0.010;  // seconds, at the 99th percentile: etcd's documentation, or what node.yaml says
  double stealLimit = 0.05;  // of CPU time
};

// From the state. At most 2000 of each, the newest.
host::Result<Measurements> measurements(apply::Store& store, std::int64_t fromUs, std::int64_t toUs);

}  // namespace bedplate::report
