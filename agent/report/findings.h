// What a period of measurements comes to: the numbers that a reader is given before the plots.
// Thread-safety: free functions and plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "agent/report/measurements.h"

namespace bedplate::report {

struct FsyncFindings {
  std::int64_t flushes = 0;        // in all results
  std::size_t results = 0;         // runs of the probe, or windows over etcd's histogram
  std::size_t over = 0;            // of them with a p99 over the limit
  std::int64_t slow = 0;           // flushes over the limit; only of results with buckets
  std::int64_t stalls = 0;         // over 500 ms, of a probe
  std::optional<double> p50, p99;  // seconds, over all results together; of etcd the upper bound of its bucket
  double mean = 0;                 // seconds
  double worstP99 = 0;             // seconds, of one result
  std::int64_t worstUs = 0;        // when that was
  std::vector<std::pair<double, std::int64_t>> buckets;  // of all together, ascending; as in FsyncSample
};

// nullopt when there is no result of this source.
std::optional<FsyncFindings> fsyncFindings(const std::vector<FsyncSample>& samples, FsyncSample::Source source,
                                           double limit);

struct StealFindings {
  std::size_t results = 0;
  double median = 0, most = 0;  // 0..1
  std::int64_t mostUs = 0;
  std::size_t over = 0;
};

// Of the visible or the hidden ones; nullopt when there is none.
std::optional<StealFindings> stealFindings(const std::vector<StealSample>& samples,
                                           std::optional<double> StealSample::* kind, double limit);

struct ReconcileFindings {
  std::int64_t reconciles = 0;  // in all results
  std::size_t results = 0;      // windows
  double mean = 0;              // seconds, of all reconciles together
  std::optional<double> p50, p99;
  double worstMean = 0;  // of one window
  std::int64_t worstUs = 0;
};

// Of Argo CD or Flux, p50 and p99 as the upper bound of their bucket; nullopt when there is none.
std::optional<ReconcileFindings> reconcileFindings(const std::vector<ReconcileSample>& samples,
                                                   ReconcileSample::Source source);

// What the host did in some windows of reconciling: medians, unset where nothing was measured in them.
struct HostMeanwhile {
  std::size_t results = 0;
  double mean = 0;  // seconds a reconcile took, the median of the windows
  std::optional<double> flushP99, visible, hidden, ioPressure;
};
// The windows with the slowest reconciles, a fourth of all, held against the others: whether a slow disk or steal goes
// with them.
struct ReconcilesBeside {
  HostMeanwhile slowest, others;
};
// nullopt for fewer than 8 windows in which the disk or the CPU was measured too.
std::optional<ReconcilesBeside> reconcilesBeside(const Measurements& measured, ReconcileSample::Source source);

}  // namespace bedplate::report
