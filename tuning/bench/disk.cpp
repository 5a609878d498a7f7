// Disk latency as etcd feels it: one small write and one fdatasync at a time, at a steady pace.
#include <fcntl.h>

#include <algorithm>
#include <cmath>

#include "tuning/bench/disk.h"
#include "tuning/bench/pace.h"
#include "tuning/bench/scratch.h"

namespace bedplate::bench {
namespace {

constexpr std::uint64_t kSegment = 64'000'000;  // etcd's

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
    const std::int64_t start = monotonicNow();
    double told = 0;
    for (std::uint64_t i = 0; i < options_.operations && !result_.stopped; ++i) {
      BEDPLATE_TRY(scratch_.makeRoom(data.size()));
      // When it should begin. In a closed loop there is no schedule: it begins when it can.
      std::int64_t due = monotonicNow();
      if (options_.perSecond > 0) due = dueOf(start, i);
      if (options_.longestNs != 0 && due - start > static_cast<std::int64_t>(options_.longestNs)) break;
      if (!waitUntil(due, cancel)) {
        result_.stopped = true;
        break;
      }
      BEDPLATE_TRY(one(data, due));
      if (result_.stopped) lateOnes(start, i + 1);
      const double share = static_cast<double>(i + 1) / static_cast<double>(options_.operations);
      if (progress && (share - told >= 0.005 || i + 1 == options_.operations)) {
        progress(share);
        told = share;
      }
    }
    result_.durationNs = static_cast<std::uint64_t>(monotonicNow() - start);
    return {};
  }

  DiskResult take() {
    result_.perSecond = options_.perSecond;
    result_.writeBytes = options_.writeBytes;
    result_.inMemory = scratch_.inMemory();
    return std::move(result_);
  }

 private:
  // When operation `i` should begin.
  [[nodiscard]] std::int64_t dueOf(std::int64_t start, std::uint64_t i) const {
    return start + static_cast<std::int64_t>(std::llround(static_cast<double>(i) * 1e9 / options_.perSecond));
  }
  // Those that were due while the last one stood, and are not made any more.
  void lateOnes(std::int64_t start, std::uint64_t next) {
    if (options_.perSecond == 0) return;
    const std::int64_t end = monotonicNow();
    for (; next < options_.operations && dueOf(start, next) < end; ++next)
      result_.response.add(static_cast<std::uint64_t>(end - dueOf(start, next)));
  }

  host::Status one(const std::string& data, std::int64_t due) {
    BEDPLATE_TRY(scratch_.append(data));
    const std::int64_t written = monotonicNow();
    BEDPLATE_TRY(scratch_.sync());
    const std::int64_t end = monotonicNow();
    const auto service = static_cast<std::uint64_t>(end - written);
    result_.service.add(service);
    // From the schedule, not from when we got to it: a slow operation also makes the next ones late, and a client of
    // the disk would feel that.
    if (options_.perSecond > 0) result_.response.add(static_cast<std::uint64_t>(std::max<std::int64_t>(end - due, 0)));
    if (service > kStallNs) ++result_.stalls;
    if (options_.stopAfterNs != 0 && service > options_.stopAfterNs) result_.stopped = true;
    return {};
  }

  Scratch& scratch_;
  const DiskOptions& options_;
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

host::Result<bool> liesInMemory(host::HostFiles& files, const std::string& directory) {
  BEDPLATE_TRY_LET(const host::UniqueFd fd, files.openAt(directory, O_RDONLY | O_DIRECTORY));
  return onMemory(fd);
}

}  // namespace bedplate::bench
