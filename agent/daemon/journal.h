// The one place where the daemon says something: the journal with fields, or stderr where there is none.
//
// Fields of an entry, besides MESSAGE and PRIORITY, each only when it is known (docs/status.md):
//   BEDPLATE_COMMIT (hex), BEDPLATE_GENERATION (number), BEDPLATE_KEY (sysctl, path or module), BEDPLATE_REASON (one
//   CamelCase word); of a drift BEDPLATE_OLD (what was found), BEDPLATE_NEW (what Git wants), BEDPLATE_WRITER.
// Thread-safety: say() may be called from several threads.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "tuning/host/result.h"

namespace bedplate::daemon {

// As in syslog(3).
enum class Level { error = 3, warning = 4, notice = 5, info = 6, debug = 7 };

struct Entry {
  Level level = Level::info;
  std::string message;
  std::string commit = {};
  std::int64_t generation = 0;
  std::string key = {};
  std::string reason = {};
  std::string found = {}, wanted = {}, writer = {};  // of a drift
};

class Journal {
 public:
  Journal() = default;
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  virtual ~Journal() = default;
  virtual void say(const Entry& entry) = 0;
};

// journald when stderr is connected to it (JOURNAL_STREAM), else lines on stderr, with a <N> prefix unless on a
// terminal.
class SystemJournal final : public Journal {
 public:
  SystemJournal();
  void say(const Entry& entry) override;

 private:
  void sayToJournald(const Entry& entry) const;
  void sayToStderr(const Entry& entry) const;
  bool journald_;
  bool terminal_;
};

// Keeps a failure that goes on from being said each minute: it is worth saying when it is new or another one, and then
// once an hour. Thread-safety: used from one thread.
class Repeats {
 public:
  bool worthSaying(const std::string& topic, const std::string& text, std::int64_t monotonicNs);
  // The topic is well again. True when it was not.
  bool over(const std::string& topic);

 private:
  struct Said {
    std::string text;
    std::int64_t atNs = 0;
  };
  std::map<std::string, Said> said_;
};

// An entry for an error: its text, its reason.
Entry entryFor(Level level, const std::string& doing, const host::Error& error);

}  // namespace bedplate::daemon
