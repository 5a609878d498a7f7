// The floor's file: one line, "1 <commit> <by> <microseconds>"; docs/formats.md.
#include <unistd.h>

#include <charconv>

#include "agent/trust/trust.h"
#include "tuning/host/paths.h"

namespace bedplate::trust {
namespace {

constexpr std::size_t kMaxFile = 4096;
constexpr std::string_view kVersion = "1";

std::string_view takeWord(std::string_view& line) {
  const std::size_t space = line.find(' ');
  const std::string_view word = line.substr(0, space);
  line.remove_prefix(space == std::string_view::npos ? line.size() : space + 1);
  return word;
}

std::optional<Accepted> parse(std::string_view text) {
  if (text.empty() || text.back() != '\n') return std::nullopt;
  text.remove_suffix(1);
  if (takeWord(text) != kVersion) return std::nullopt;
  const auto commit = source::ObjectId::fromHex(takeWord(text));
  const std::string_view by = takeWord(text);
  Accepted accepted;
  const auto time = std::from_chars(text.data(), text.data() + text.size(), accepted.wallUs);
  if (!commit || (by != "agent" && by != "operator") || time.ec != std::errc{} || time.ptr != text.data() + text.size())
    return std::nullopt;
  accepted.commit = *commit;
  accepted.by = by;
  return accepted;
}

}  // namespace

host::Result<std::optional<Accepted>> readAccepted(host::Files& files) {
  const auto text = files.read(host::paths::accepted, kMaxFile);
  if (!text && text.error().reason == "NotFound") return std::nullopt;
  const auto corrupt = [&] {
    return host::fail("Corrupt", files.shown(host::paths::accepted), "does not say which commit was accepted last",
                      "nothing newer is taken until: bedplate trust accept COMMIT");
  };
  if (!text && text.error().reason != "TooLarge" && text.error().reason != "NotAFile")
    return host::Failure(text.error());
  if (!text) return corrupt();
  auto accepted = parse(*text);
  if (!accepted) return corrupt();
  return accepted;
}

host::Status writeAccepted(host::Files& files, const Accepted& accepted) {
  const std::string line = std::string(kVersion) + " " + accepted.commit.hex() + " " + accepted.by + " " +
                           std::to_string(accepted.wallUs) + "\n";
  if (!parse(line)) return host::fail("Invalid", files.shown(host::paths::accepted), "would not be readable again");
  host::Replacement replacement{host::paths::accepted, line, 0600, ::geteuid(), ::getegid()};
  return host::replaceFile(files, replacement, 0711);
}

}  // namespace bedplate::trust
