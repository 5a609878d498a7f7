#include "agent/daemon/journal.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

// The file, line and function of this file would be the same for all entries.
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include <cstdlib>
#include <vector>

namespace bedplate::daemon {
namespace {

constexpr std::int64_t kHourNs = 3'600'000'000'000;

// systemd sets JOURNAL_STREAM to "DEVICE:INODE" of the stderr it gave us.
bool stderrIsJournal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat status{};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &status) != 0) return false;
  return fmt::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

// Foreign text (a commit's subject, a key) must not begin a line of its own on a terminal or in a log.
std::string oneLine(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < ' ' || c == 127) c = c == '\n' ? ' ' : '?';
  return text;
}

}  // namespace

SystemJournal::SystemJournal() : journald_(stderrIsJournal()), terminal_(::isatty(STDERR_FILENO) == 1) {}

void SystemJournal::say(const Entry& entry) {
  if (journald_)
    sayToJournald(entry);
  else
    sayToStderr(entry);
}

void SystemJournal::sayToJournald(const Entry& entry) const {
  std::vector<std::string> fields = {"MESSAGE=" + entry.message,
                                     "PRIORITY=" + std::to_string(static_cast<int>(entry.level)),
                                     "SYSLOG_IDENTIFIER=bedplated"};
  if (!entry.commit.empty()) fields.push_back("BEDPLATE_COMMIT=" + entry.commit);
  if (entry.generation > 0) fields.push_back("BEDPLATE_GENERATION=" + std::to_string(entry.generation));
  if (!entry.key.empty()) fields.push_back("BEDPLATE_KEY=" + entry.key);
  if (!entry.reason.empty()) fields.push_back("BEDPLATE_REASON=" + entry.reason);
  if (!entry.writer.empty()) {
    fields.push_back("BEDPLATE_OLD=" + entry.found);
    fields.push_back("BEDPLATE_NEW=" + entry.wanted);
    fields.push_back("BEDPLATE_WRITER=" + entry.writer);
  }
  std::vector<iovec> parts;
  parts.reserve(fields.size());
  for (auto& field : fields) parts.push_back({field.data(), field.size()});
  if (::sd_journal_sendv(parts.data(), static_cast<int>(parts.size())) < 0) sayToStderr(entry);
}

void SystemJournal::sayToStderr(const Entry& entry) const {
  std::string line = terminal_ ? "" : fmt::format("<{}>", static_cast<int>(entry.level));
  line += oneLine(entry.message);
  if (!entry.reason.empty()) line += " [" + oneLine(entry.reason) + "]";
  line += '\n';
  // One write: lines of two threads do not mix. There is nobody to tell when it fails.
  static_cast<void>(!::write(STDERR_FILENO, line.data(), line.size()));
}

bool Repeats::worthSaying(const std::string& topic, const std::string& text, std::int64_t monotonicNs) {
  auto [said, fresh] = said_.try_emplace(topic);
  if (!fresh && said->second.text == text && monotonicNs - said->second.atNs < kHourNs) return false;
  said->second = {text, monotonicNs};
  return true;
}

bool Repeats::over(const std::string& topic) { return said_.erase(topic) > 0; }

Entry entryFor(Level level, const std::string& doing, const host::Error& error) {
  return {.level = level, .message = doing + ": " + error.text(), .reason = error.reason};
}

}  // namespace bedplate::daemon
