// Checkpoints of SQLite, as kine has them. *Traced* (strace of SQLite 3.40, journal_mode=WAL, synchronous=NORMAL, rows
// as kine's of 3 KB): between two of them 1000 pages go into the log without a flush; then the log is flushed, some 125
// pages are written into the database by rising offset, most of them side by side, and that is flushed.
#include <algorithm>

#include "tuning/bench/disk.h"
#include "tuning/bench/pace.h"
#include "tuning/bench/scratch.h"

namespace bedplate::bench {
namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kLogPages = 1000;
constexpr std::uint64_t kDatabasePages = 125;
constexpr std::uint64_t kBytes = (kLogPages + 8 * kDatabasePages) * kPage;

host::Status writeLog(Scratch& scratch, std::string_view page) {
  for (std::uint64_t i = 0; i < kLogPages; ++i) BEDPLATE_TRY(scratch.rewrite(i * kPage, page));
  return {};
}

// Where the log ends, one page in eight.
host::Status writeDatabase(Scratch& scratch, std::string_view page) {
  for (std::uint64_t i = 0; i < kDatabasePages; ++i) BEDPLATE_TRY(scratch.rewrite((kLogPages + 8 * i) * kPage, page));
  return {};
}

// A log and a database are written over and over: their blocks exist. The first time it is the file system's work.
host::Status fill(Scratch& scratch, std::string_view page) {
  while (scratch.used() < kBytes) BEDPLATE_TRY(scratch.append(page));
  return scratch.sync();
}

}  // namespace

host::Status measureCheckpoints(host::HostFiles& files, const CheckpointOptions& options, DiskResult& result,
                                const Progress& progress, const std::atomic<bool>* cancel) {
  const std::string page = noise(kPage);
  BEDPLATE_TRY_LET(Scratch scratch, Scratch::open(files, options.directory, kBytes));
  BEDPLATE_TRY(fill(scratch, page));
  result.inMemory = scratch.inMemory();
  const std::int64_t start = monotonicNow();
  for (std::uint64_t i = 0; i < options.checkpoints; ++i) {
    if (!waitUntil(start + static_cast<std::int64_t>(i * options.everyNs), cancel)) {
      result.stopped = true;
      break;
    }
    BEDPLATE_TRY(writeLog(scratch, page));
    const std::int64_t began = monotonicNow();
    BEDPLATE_TRY(scratch.sync());
    BEDPLATE_TRY(writeDatabase(scratch, page));
    BEDPLATE_TRY(scratch.sync());
    const auto took = static_cast<std::uint64_t>(monotonicNow() - began);
    result.checkpoints.add(took);
    if (progress) progress(static_cast<double>(i + 1) / static_cast<double>(options.checkpoints));
    if (options.stopAfterNs != 0 && took > options.stopAfterNs) {
      result.stopped = true;
      break;
    }
  }
  return {};
}

}  // namespace bedplate::bench
