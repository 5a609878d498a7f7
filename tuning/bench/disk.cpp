// Disk latency as etcd feels it: one small write and one fdatasync at a time, at a steady pace.
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <ctime>

#include "tuning/bench/disk.h"

#include "tuning/bench/histogram.h"
#include "tuning/bench/scratch.h"

namespace bedplate::bench {
namespace {

constexpr std::uint64_t kSegment = 64'000'000;  // etcd's
constexpr std::uint64_t kStallNs = 500'000'000;
constexpr std::int64_t kSliceNs = 100'000'000;  // how long a wait goes on without a look at `cancel`

std::int64_t now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

bool cancelled(const std::atomic<bool>* cancel) { return cancel != nullptr && cancel->load(std::memory_order_relaxed); }

// False when it was cancelled before.
bool waitUntil(std::int64_t dueNs, const std::atomic<bool>* cancel) {
  for (;;) {
    if (cancelled(cancel)) return false;
    const std::int64_t current = now();
    if (current >= dueNs) return true;
    const std::int64_t wake = std::min(dueNs, current + kSliceNs);
    const timespec until{static_cast<time_t>(wake / 1'000'000'000), static_cast<long>(wake % 1'000'000'000)};
    ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
  }
}

// Bytes that no file system makes smaller.
std::string noise(std::size_t bytes) {
  std::string data(bytes, '\0');
  std::uint64_t state = 0x9E3779B97F4A7C15U;
  for (char& c : data) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    c = static_cast<char>(state >> 56);
  }
  return data;
}

host::Status check(const DiskOptions& options) {
  const auto invalid = [](const char* what, const char* why) { return host::fail("Invalid", what, why); };
  if (options.operations == 0) return invalid("operations", "must be at least 1");
  if (options.writeBytes == 0 || options.writeBytes > 1'000'000)
    return invalid("writeBytes", "must be 1 to 1000000 bytes");
  if (options.perSecond != 0 && !(options.perSecond >= 0.01 && options.perSecond <= 1e6))
    return invalid("perSecond", "must be 0.01 to 1000000, or 0 for a closed loop");
  return {};
}

class Run {
 public:
  Run(Scratch& scratch, const DiskOptions& options) : scratch_(scratch), options_(options) {}

  host::Status all(const Progress& progress, const std::atomic<bool>* cancel) {
    const std::string data = noise(options_.writeBytes);
    const std::int64_t start = now();
    double told = 0;
    for (std::uint64_t i = 0; i < options_.operations && !result_.stopped; ++i) {
      BEDPLATE_TRY(scratch_.makeRoom(data.size()));
      // When it should begin. In a closed loop there is no schedule: it begins when it can.
      std::int64_t due = now();
      if (options_.perSecond > 0)
        due = start + static_cast<std::int64_t>(std::llround(static_cast<double>(i) * 1e9 / options_.perSecond));
      if (!waitUntil(due, cancel)) {
        result_.stopped = true;
        break;
      }
      BEDPLATE_TRY(one(data, due));
      const double share = static_cast<double>(i + 1) / static_cast<double>(options_.operations);
      if (progress && (share - told >= 0.005 || i + 1 == options_.operations)) {
        progress(share);
        told = share;
      }
    }
    result_.durationNs = static_cast<std::uint64_t>(now() - start);
    return {};
  }

  DiskResult take() {
    // The middle of a bucket may lie above the greatest sample in it.
    const auto at = [](const Histogram& of, double percent) { return std::min(of.percentile(percent), of.max()); };
    result_.operations = service_.count();
    result_.p50Ns = at(service_, 50);
    result_.p90Ns = at(service_, 90);
    result_.p99Ns = at(service_, 99);
    result_.p999Ns = at(service_, 99.9);
    result_.maxNs = service_.max();
    result_.responseP99Ns = at(response_, 99);
    result_.responseMaxNs = response_.max();
    judgeDisk(result_, options_);
    if (scratch_.inMemory()) {
      result_.verdict = Verdict::unknown;
      result_.reason = "the directory lies in memory, there is no disk to measure";
    }
    return std::move(result_);
  }

 private:
  host::Status one(const std::string& data, std::int64_t due) {
    BEDPLATE_TRY(scratch_.append(data));
    const std::int64_t written = now();
    BEDPLATE_TRY(scratch_.sync());
    const std::int64_t end = now();
    const auto service = static_cast<std::uint64_t>(end - written);
    service_.add(service);
    // From the schedule, not from when we got to it: a slow operation also makes the next ones late, and a client of
    // the disk would feel that.
    response_.add(static_cast<std::uint64_t>(std::max<std::int64_t>(end - due, 0)));
    if (service > kStallNs) ++result_.stalls;
    if (options_.stopAfterNs != 0 && service > options_.stopAfterNs) result_.stopped = true;
    return {};
  }

  Scratch& scratch_;
  const DiskOptions& options_;
  Histogram service_;
  Histogram response_;
  DiskResult result_;
};

}  // namespace

host::Result<DiskResult> measureDisk(host::HostFiles& files, const DiskOptions& options, const Progress& progress,
                                     const std::atomic<bool>* cancel) {
  BEDPLATE_TRY(check(options));
  const std::uint64_t fit = kSegment / options.writeBytes;
  const std::uint64_t size = std::min(options.operations, fit) * options.writeBytes;
  BEDPLATE_TRY_LET(Scratch scratch, Scratch::open(files, options.directory, size));
  Run run(scratch, options);
  BEDPLATE_TRY(run.all(progress, cancel));
  return run.take();
}

}  // namespace bedplate::bench
