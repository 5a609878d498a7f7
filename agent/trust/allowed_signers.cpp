#include "agent/trust/allowed_signers.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include "agent/trust/key_line.h"

namespace bedplate::trust {
namespace {

constexpr std::size_t kMaxPrincipals = 4096;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Takes `name` off the front, in any case.
bool takeName(std::string_view& text, std::string_view name) {
  if (text.size() < name.size() ||
      !std::equal(name.begin(), name.end(), text.begin(), [](char a, char b) { return a == lower(b); }))
    return false;
  text.remove_prefix(name.size());
  return true;
}

// "..." with \" for a quote within.
std::optional<std::string> takeQuoted(std::string_view& text) {
  if (text.empty() || text.front() != '"') return std::nullopt;
  std::string value;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return value;
    }
    if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == '"') ++i;
    value.push_back(text[i]);
  }
  return std::nullopt;
}

host::Result<std::int64_t> takeTime(std::string_view& options, const std::string& name) {
  const auto text = takeQuoted(options);
  if (!text) return badLine(name + " is not in quotes");
  const auto time = parseSignerTime(*text);
  if (!time) return badLine(name + "=\"" + *text + "\" is no time", "write YYYYMMDDHHMMSSZ, with or without HHMMSS");
  return *time;
}

class Options {
 public:
  explicit Options(AllowedSigner& signer) : signer_(signer) {}

  // Takes all options off the line.
  host::Status take(std::string_view& line) {
    for (;;) {
      BEDPLATE_TRY(takeOne(line));
      if (line.empty() || line.front() == ' ' || line.front() == '\t') break;
      if (line.front() != ',') return badLine("has options that are not separated by commas");
      line.remove_prefix(1);
    }
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (after_ && before_ && signer_.validBefore <= signer_.validAfter)
      return badLine("has a valid-before that is not after its valid-after");
    return {};
  }

 private:
  host::Status takeOne(std::string_view& line) {
    if (takeName(line, "cert-authority")) {
      signer_.certAuthority = true;
      return {};
    }
    if (takeName(line, "namespaces=")) {
      if (signer_.namespaces) return badLine("has namespaces twice");
      signer_.namespaces = takeQuoted(line);
      return signer_.namespaces ? host::Status{} : badLine("namespaces is not in quotes");
    }
    if (takeName(line, "valid-after=")) return takeBound(line, "valid-after", after_, signer_.validAfter);
    if (takeName(line, "valid-before=")) return takeBound(line, "valid-before", before_, signer_.validBefore);
    return badLine("has neither a key nor an option that is known where one must be",
                   "write: principals [cert-authority,namespaces=\"git\",valid-after=\"...\",valid-before=\"...\"] "
                   "type key");
  }

  static host::Status takeBound(std::string_view& line, const std::string& name, bool& given, std::int64_t& bound) {
    if (given) return badLine("has " + name + " twice");
    given = true;
    BEDPLATE_TRY_LET(bound, takeTime(line, name));
    return {};
  }

  AllowedSigner& signer_;
  bool after_ = false;
  bool before_ = false;
};

host::Result<std::string> takePrincipals(std::string_view& line) {
  std::string principals;
  if (line.front() == '"') {
    const std::size_t end = line.find('"', 1);
    if (end == std::string_view::npos) return badLine("has principals with a quote that is not closed");
    principals = line.substr(1, end - 1);
    line.remove_prefix(end + 1);
    if (!takeWord(line).empty()) return badLine("has principals with something behind their quotes");
  } else {
    principals = takeWord(line);
  }
  if (principals.empty() || principals.size() > kMaxPrincipals) return badLine("has no principals, or too many");
  return principals;
}

host::Result<AllowedSigner> parseLine(int number, std::string_view line) {
  AllowedSigner signer;
  signer.line = number;
  BEDPLATE_TRY_LET(signer.principals, takePrincipals(line));
  BEDPLATE_TRY_LET(auto key, takeKey(line));
  if (!key) {
    BEDPLATE_TRY(Options(signer).take(line));
    BEDPLATE_TRY_LET(key, takeKey(line));
  }
  if (!key) return badLine("has no key of a known type behind its principals and options");
  signer.key = std::move(*key);
  return signer;
}

}  // namespace

std::optional<std::int64_t> parseSignerTime(std::string_view text) {
  bool utc = false;
  for (const std::string_view zone : {"Z", "z", "UTC", "utc"})
    if (!utc && text.ends_with(zone)) {
      text.remove_suffix(zone.size());
      utc = true;
    }
  if (text.size() != 8 && text.size() != 12 && text.size() != 14) return std::nullopt;
  std::array<int, 6> parts{};  // year, month, day, hour, minute, second
  static constexpr std::array<int, 6> kLeast = {1970, 1, 1, 0, 0, 0}, kMost = {9999, 12, 31, 23, 59, 59};
  for (std::size_t i = 0, width = 4; !text.empty(); ++i, width = 2) {
    const char* end = text.data() + width;
    const auto parsed = std::from_chars(text.data(), end, parts.at(i));
    if (parsed.ec != std::errc{} || parsed.ptr != end || text.front() == '-') return std::nullopt;
    text.remove_prefix(width);
  }
  for (std::size_t i = 0; i < parts.size(); ++i)
    if (parts.at(i) < kLeast.at(i) || parts.at(i) > kMost.at(i)) return std::nullopt;
  std::tm time{};
  time.tm_year = parts[0] - 1900;
  time.tm_mon = parts[1] - 1;
  time.tm_mday = parts[2];
  time.tm_hour = parts[3];
  time.tm_min = parts[4];
  time.tm_sec = parts[5];
  time.tm_isdst = -1;
  return utc ? ::timegm(&time) : std::mktime(&time);
}

host::Result<std::vector<AllowedSigner>> parseAllowedSigners(const KeyFile& file) {
  std::vector<AllowedSigner> signers;
  BEDPLATE_TRY(eachLine(file, [&](int number, std::string_view line) -> host::Status {
    BEDPLATE_TRY_LET(auto signer, parseLine(number, line));
    signers.push_back(std::move(signer));
    return {};
  }));
  return signers;
}

}  // namespace bedplate::trust
