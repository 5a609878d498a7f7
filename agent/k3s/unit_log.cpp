#include "agent/k3s/unit_log.h"

#include <systemd/sd-journal.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "agent/k3s/k3s.h"
#include "tuning/host/paths.h"

namespace bedplate::k3s {
namespace {

constexpr std::size_t kMostLines = 3000;
constexpr std::size_t kMostEntries = 200'000;  // K3s says a lot in half an hour
constexpr std::size_t kLongestLine = 4096;
constexpr std::size_t kMostFile = 64 << 20;

struct CloseJournal {
  void operator()(sd_journal* journal) const { sd_journal_close(journal); }
};
using Journal = std::unique_ptr<sd_journal, CloseJournal>;
using Lines = std::deque<std::string>;

void add(Lines& lines, std::string_view line) {
  if (lines.size() == kMostLines) lines.pop_front();
  lines.emplace_back(line.substr(0, kLongestLine));
}

Journal openJournal(host::Files& files, bool own) {
  sd_journal* raw = nullptr;
  const std::string below = files.shown(host::paths::journal);
  const int r = own ? sd_journal_open(&raw, SD_JOURNAL_LOCAL_ONLY) : sd_journal_open_directory(&raw, below.c_str(), 0);
  return Journal(r < 0 ? nullptr : raw);
}

void readJournal(sd_journal* journal, const std::string& unit, std::int64_t sinceUs, Lines& lines) {
  const std::string byUnit = "_SYSTEMD_UNIT=" + unit;
  const std::string ofUnit = "UNIT=" + unit;
  if (sd_journal_add_match(journal, byUnit.data(), byUnit.size()) < 0 || sd_journal_add_disjunction(journal) < 0 ||
      sd_journal_add_match(journal, ofUnit.data(), ofUnit.size()) < 0 || sd_journal_add_match(journal, "_PID=1", 0) < 0)
    return;
  if (sd_journal_seek_realtime_usec(journal, static_cast<std::uint64_t>(std::max<std::int64_t>(sinceUs, 0))) < 0)
    return;
  for (std::size_t i = 0; i < kMostEntries && sd_journal_next(journal) > 0; ++i) {
    const void* data = nullptr;
    std::size_t size = 0;
    if (sd_journal_get_data(journal, "MESSAGE", &data, &size) < 0) continue;
    constexpr std::string_view kField = "MESSAGE=";
    const std::string_view text(static_cast<const char*>(data), size);
    if (text.size() > kField.size()) add(lines, text.substr(kField.size()));
  }
}

std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  if (text.size() < at + count) return std::nullopt;
  int value = 0;
  const auto [end, error] = std::from_chars(text.data() + at, text.data() + at + count, value);
  if (error != std::errc() || end != text.data() + at + count || value < 0) return std::nullopt;
  return value;
}

// Seconds since the epoch of a line that begins with time="2026-11-29T13:57:04+01:00".
std::optional<std::int64_t> secondsOf(std::string_view line) {
  constexpr std::string_view kMark = "time=\"";
  if (line.substr(0, kMark.size()) != kMark) return std::nullopt;
  line.remove_prefix(kMark.size());
  std::tm at{};
  constexpr std::pair<int std::tm::*, std::pair<std::size_t, std::size_t>> kFields[] = {
      {&std::tm::tm_year, {0, 4}},  {&std::tm::tm_mon, {5, 2}},  {&std::tm::tm_mday, {8, 2}},
      {&std::tm::tm_hour, {11, 2}}, {&std::tm::tm_min, {14, 2}}, {&std::tm::tm_sec, {17, 2}}};
  for (const auto& [field, place] : kFields) {
    const auto value = digits(line, place.first, place.second);
    if (!value) return std::nullopt;
    at.*field = *value;
  }
  at.tm_year -= 1900;
  at.tm_mon -= 1;
  const char sign = line.size() > 19 ? line[19] : '\0';
  if (sign != 'Z' && sign != '+' && sign != '-') return std::nullopt;
  const std::int64_t offset = (digits(line, 20, 2).value_or(0) * 60 + digits(line, 23, 2).value_or(0)) * 60;
  return static_cast<std::int64_t>(::timegm(&at)) - (sign == '+' ? offset : sign == '-' ? -offset : 0);
}

// A file holds earlier starts as well: what stands before the last line that is too old is not of this one.
void dropOld(Lines& lines, std::int64_t sinceUs) {
  for (auto line = lines.end(); line != lines.begin();) {
    const auto seconds = secondsOf(*--line);
    if (!seconds || *seconds >= sinceUs / 1'000'000) continue;
    lines.erase(lines.begin(), line + 1);
    return;
  }
}

void readFile(host::Files& files, const std::string& path, Lines& lines) {
  const auto text = files.read(path, kMostFile);
  if (!text) return;
  std::string_view rest = *text;
  constexpr std::size_t kTail = 1 << 20;
  if (rest.size() > kTail) rest.remove_prefix(rest.size() - kTail);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    add(lines, rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

}  // namespace

std::vector<std::string> unitLog(host::Files& files, bool ownJournal, const std::string& unit, std::int64_t sinceUs) {
  Lines lines;
  if (ownJournal || files.info(host::paths::journal))
    if (const Journal journal = openJournal(files, ownJournal)) readJournal(journal.get(), unit, sinceUs, lines);
  if (const std::string path = detectLogFile(files); !path.empty()) {
    Lines ofFile;
    readFile(files, path, ofFile);
    dropOld(ofFile, sinceUs);
    for (const auto& line : ofFile) add(lines, line);
  }
  return {lines.begin(), lines.end()};
}

}  // namespace bedplate::k3s
