// What the daemon counts for as long as it runs. None of it ever goes back within one process; Prometheus takes a
// restart for what it is.
// Thread-safety: plain values.
#pragma once

#include <cstdint>
#include <vector>

#include "agent/report/measurements.h"

namespace bedplate::report {

// A histogram as Prometheus has them.
class Buckets {
 public:
  explicit Buckets(std::vector<double> bounds) : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {}

  // A bound holds its edge. Negative values and counts are left out.
  void add(double value, std::int64_t times = 1);
  // `times` values whose sum is known, in the bucket of `value`.
  void add(double value, std::int64_t times, double sum);

  [[nodiscard]] const std::vector<double>& bounds() const { return bounds_; }
  // Not cumulative; the last one is of what is over all bounds.
  [[nodiscard]] const std::vector<std::int64_t>& counts() const { return counts_; }
  [[nodiscard]] double sum() const { return sum_; }
  [[nodiscard]] std::int64_t total() const;

 private:
  std::vector<double> bounds_;
  std::vector<std::int64_t> counts_;
  double sum_ = 0;
};

// Bounds in seconds. Those of etcd are its own, so that its counts need not be guessed apart; a probe sees below 1 ms.
std::vector<double> etcdBounds();
std::vector<double> probeBounds();

struct Counters {
  Buckets reconcile{{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}};
  Buckets syncLatency{{0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800}};
  Buckets probeFsync{probeBounds()};
  Buckets etcdFsync{etcdBounds()};
  std::int64_t sysctlRepairs = 0, fileRepairs = 0, objectRepairs = 0;

  void addReconcile(double seconds) { reconcile.add(seconds); }
  // What was measured since the last one, of a probe or of etcd. Each result must be given once.
  void addFsync(const FsyncSample& sample);
};

}  // namespace bedplate::report
