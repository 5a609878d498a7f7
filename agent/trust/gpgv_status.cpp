#include "agent/trust/gpgv_status.h"

#include <charconv>
#include <map>
#include <vector>

#include "agent/source/text.h"

namespace bedplate::trust {
namespace {

constexpr std::string_view kPrefix = "[GNUPG:] ";
constexpr std::size_t kMaxUser = 200;
constexpr std::size_t kKeyIdDigits = 16;

std::string_view takeWord(std::string_view& line) {
  const std::size_t end = line.find(' ');
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  return word;
}

// A user id comes with %XX for what is not printable.
std::string unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    const char* digits = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() && std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2) {
      plain.push_back(static_cast<char>(value));
      i += 2;
    } else {
      plain.push_back(text[i]);
    }
  }
  return source::shownText(plain, kMaxUser);
}

struct Said {
  std::map<std::string_view, int> times;
  std::string_view goodKey, user;
  std::string_view fingerprint, primary, signatureClass;

  [[nodiscard]] bool has(std::string_view word) const { return times.contains(word); }
  [[nodiscard]] int count(std::string_view word) const { return has(word) ? times.at(word) : 0; }
};

void takeValid(std::string_view line, Said& said) {
  // fingerprint, date, timestamp, expiry, version, reserved, key algorithm, hash algorithm, class, primary key
  std::vector<std::string_view> fields;
  while (!line.empty()) fields.push_back(takeWord(line));
  constexpr std::size_t kClass = 8, kPrimary = 9;
  if (fields.size() <= kPrimary) return;
  said.fingerprint = fields.front();
  said.signatureClass = fields[kClass];
  said.primary = fields[kPrimary];
}

Said parse(std::string_view text) {
  Said said;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!line.starts_with(kPrefix) || end == std::string_view::npos) continue;
    line.remove_prefix(kPrefix.size());
    const std::string_view word = takeWord(line);
    ++said.times[word];
    if (word == "GOODSIG") {
      said.goodKey = takeWord(line);
      said.user = line;
    }
    if (word == "VALIDSIG") takeValid(line, said);
  }
  return said;
}

Verdict no(const Said& said, std::string_view reason, std::string_view why) {
  Verdict verdict;
  verdict.kind = "OpenPGP";
  verdict.key = source::shownText(said.primary, kMaxUser);
  verdict.reason = reason;
  verdict.why = why;
  return verdict;
}

}  // namespace

Verdict readGpgvStatus(std::string_view text) {
  const Said said = parse(text);
  if (said.count("NEWSIG") > 1) return no(said, "Malformed", "has more than one OpenPGP signature in one");
  if (said.has("BADSIG")) return no(said, "BadSignature", "has a signature that is not of what the commit says");
  if (said.has("REVKEYSIG")) return no(said, "Revoked", "is signed with an OpenPGP key that is revoked");
  if (said.has("EXPKEYSIG")) return no(said, "Expired", "is signed with an OpenPGP key that has expired");
  if (said.has("EXPSIG")) return no(said, "Expired", "has an OpenPGP signature that has expired");
  if (said.has("NO_PUBKEY")) return no(said, "UnknownKey", "is signed with an OpenPGP key that is not in the keyring");
  if (said.has("ERRSIG")) return no(said, "Unsupported", "has an OpenPGP signature that gpgv cannot check");
  if (said.has("NODATA") || said.has("UNEXPECTED") || !said.has("NEWSIG"))
    return no(said, "Malformed", "has an OpenPGP signature that is none");
  const bool one = said.count("GOODSIG") == 1 && said.count("VALIDSIG") == 1 && said.goodKey.size() == kKeyIdDigits &&
                   said.fingerprint.ends_with(said.goodKey);
  if (!one) return no(said, "BadSignature", "has an OpenPGP signature that gpgv does not call good");
  if (said.signatureClass != "00")
    return no(said, "Unsupported", "has an OpenPGP signature over text, whose line ends it leaves open");
  Verdict verdict = no(said, "Good", "");
  verdict.standing = Standing::good;
  verdict.principal = unescaped(said.user);
  return verdict;
}

}  // namespace bedplate::trust
