#include "agent/cluster/credentials.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string>

namespace bedplate::cluster {
namespace {

constexpr std::size_t kMost = 20;
constexpr std::string_view kPrivateKey = "a private key";

using Set = std::array<bool, 256>;

constexpr Set setOf(std::string_view characters) {
  Set set{};
  for (const char c : characters) set[static_cast<unsigned char>(c)] = true;
  return set;
}

#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
constexpr Set kAlnum = setOf(UPPER LOWER DIGITS);
constexpr Set kUpper = setOf(UPPER DIGITS);
constexpr Set kHex = setOf("abcdefABCDEF" DIGITS);
constexpr Set kWord = setOf(UPPER LOWER DIGITS "_-");  // base64url, too
constexpr Set kDotted = setOf(UPPER LOWER DIGITS "_-.");
constexpr Set kBase64 = setOf(UPPER LOWER DIGITS "+/");
constexpr Set kLabel = setOf(UPPER DIGITS " ");
#undef UPPER
#undef LOWER
#undef DIGITS

bool in(const Set& set, char c) { return set[static_cast<unsigned char>(c)]; }

// A beginning, and how many of which characters follow it. Beginnings that are words of their own are left out: what
// has no mark of its maker (Hetzner's tokens, passwords) cannot be told from other text.
struct Shape {
  std::string_view begin;
  std::string_view what;
  const Set* set;
  std::size_t least, most;
};
constexpr std::size_t kAny = 1 << 20;
const std::array<Shape, 35> kShapes = {{
    {"AKIA", "an AWS access key", &kUpper, 16, 16},
    {"ASIA", "an AWS access key", &kUpper, 16, 16},
    {"AIza", "a Google API key", &kWord, 35, 35},
    {"AGE-SECRET-KEY-1", "an age secret key", &kUpper, 50, 80},
    {"AGE-SECRET-KEY-PQ-1", "an age secret key", &kUpper, 50, kAny},
    {"SG.", "a SendGrid key", &kDotted, 60, 80},
    {"dckr_oat_", "a Docker Hub token", &kWord, 20, kAny},
    {"dckr_pat_", "a Docker Hub token", &kWord, 20, kAny},
    {"doo_v1_", "a DigitalOcean token", &kHex, 64, 64},
    {"dop_v1_", "a DigitalOcean token", &kHex, 64, 64},
    {"dor_v1_", "a DigitalOcean token", &kHex, 64, 64},
    {"gho_", "a GitHub token", &kAlnum, 36, kAny},
    {"ghp_", "a GitHub token", &kAlnum, 36, kAny},
    {"ghr_", "a GitHub token", &kAlnum, 36, kAny},
    {"ghs_", "a GitHub token", &kAlnum, 36, kAny},
    {"ghu_", "a GitHub token", &kAlnum, 36, kAny},
    {"github_pat_", "a GitHub token", &kWord, 50, kAny},
    {"gldt-", "a GitLab token", &kWord, 20, kAny},
    {"glpat-", "a GitLab token", &kWord, 20, kAny},
    {"glrt-", "a GitLab token", &kWord, 20, kAny},
    {"hvb.", "a Vault token", &kDotted, 24, kAny},
    {"hvs.", "a Vault token", &kDotted, 24, kAny},
    {"npm_", "an npm token", &kAlnum, 36, 36},
    {"pypi-Ag", "a PyPI token", &kWord, 50, kAny},
    {"rk_live_", "a Stripe key", &kAlnum, 16, kAny},
    {"sk_live_", "a Stripe key", &kAlnum, 16, kAny},
    {"tskey-auth-", "a Tailscale key", &kWord, 20, kAny},
    {"tskey-client-", "a Tailscale key", &kWord, 20, kAny},
    {"xapp-", "a Slack token", &kWord, 20, kAny},
    {"xoxa-", "a Slack token", &kWord, 20, kAny},
    {"xoxb-", "a Slack token", &kWord, 20, kAny},
    {"xoxe-", "a Slack token", &kWord, 20, kAny},
    {"xoxp-", "a Slack token", &kWord, 20, kAny},
    {"xoxr-", "a Slack token", &kWord, 20, kAny},
    {"xoxs-", "a Slack token", &kWord, 20, kAny},
}};

// What any of them, and of those below, begins with.
constexpr Set kFirst = setOf("ABKPSadeghnprstx");

std::string_view runAt(std::string_view text, std::size_t at, const Set& set, std::size_t most = kAny) {
  std::size_t end = at;
  while (end < text.size() && end - at < most && in(set, text[end])) ++end;
  return text.substr(std::min(at, text.size()), end - at);
}

// What stands in for a value ("xxxxxxxx", "0000") has few characters of its own.
bool isVaried(std::string_view text) {
  std::bitset<256> seen;
  for (const char c : text.substr(0, 64)) seen.set(static_cast<unsigned char>(c));
  return seen.count() >= 6;
}

bool startsWithNoCase(std::string_view text, std::string_view lower) {
  if (text.size() < lower.size()) return false;
  return std::equal(lower.begin(), lower.end(), text.begin(),
                    [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b - 'A' + 'a' : b); });
}

class Finder {
 public:
  explicit Finder(std::string_view text) : text_(text) {}

  std::vector<Credential> run() {
    for (std::size_t at = 0; at < text_.size() && found_.size() < kMost; ++at) {
      if (!in(kFirst, text_[at])) continue;
      const char next = at + 1 < text_.size() ? text_[at + 1] : '\0';
      if (text_[at] == 'B' && next == 'E')
        pem(at);
      else if ((text_[at] == 's' || text_[at] == 'S') && (next == 'e' || next == 'E'))
        awsSecret(at);
      else if (beginsWord(at))
        word(at);
    }
    return std::move(found_);
  }

 private:
  // Only what begins a word is looked at, so that every byte is looked at a few times at most. In JSON and in quotes
  // the n of "\n" is no letter.
  [[nodiscard]] bool beginsWord(std::size_t at) const {
    if (at == 0 || !in(kWord, text_[at - 1])) return true;
    return at > 1 && text_[at - 2] == '\\' && (text_[at - 1] == 'n' || text_[at - 1] == 't' || text_[at - 1] == 'r');
  }

  void word(std::size_t at) {
    const auto rest = text_.substr(at);
    if (rest.starts_with("eyJ")) return jwt(at);
    if (rest.starts_with("K10")) return k3sToken(at);
    if (rest.starts_with("PuTTY-User-Key-File-")) return say(at, kPrivateKey, true);
    for (const auto& shape : kShapes) {
      if (shape.begin[0] != text_[at] || !rest.starts_with(shape.begin)) continue;
      // No more is looked at than decides: with dots, a next word begins within this one.
      const auto body =
          runAt(text_, at + shape.begin.size(), *shape.set, shape.most == kAny ? shape.least : shape.most);
      const std::size_t end = at + shape.begin.size() + body.size();
      const bool cut = shape.most != kAny && end < text_.size() && in(kWord, text_[end]);
      if (body.size() < shape.least || cut || !isVaried(body)) continue;
      if (body.ends_with("EXAMPLE")) continue;  // in AWS's documentation
      // Slack's beginnings could be words joined by hyphens, its tokens hold numbers.
      if (shape.begin[0] == 'x' && body.find_first_of("0123456789") == body.npos) continue;
      return say(at, shape.what, false);
    }
  }

  // "-----BEGIN ... PRIVATE KEY-----" (PEM, OpenSSH, PGP, encrypted or not; SSH2 has four dashes) and a text that could
  // be one; with none it is an explanation.
  void pem(std::size_t at) {
    if (!text_.substr(at).starts_with("BEGIN ") || at == 0 || (text_[at - 1] != '-' && text_[at - 1] != ' ')) return;
    const auto label = runAt(text_.substr(0, std::min(at + 64, text_.size())), at, kLabel);
    if (label.find("PRIVATE KEY") == label.npos || !text_.substr(at + label.size()).starts_with("----")) return;
    std::size_t body = at + label.size();
    while (body < text_.size() && text_[body] == '-') ++body;
    constexpr std::size_t kWindow = 2048, kLine = 32;  // a key with headers and a comment begins within it
    const auto window = text_.substr(body, std::min(kWindow, std::min(text_.find("----", body), text_.size()) - body));
    for (std::size_t i = 0; i < window.size(); ++i) {
      const auto run = runAt(window, i, kBase64);
      if (run.size() >= kLine && isVaried(run)) return say(at, kPrivateKey, true);
      i += run.size();
    }
  }

  // "aws_secret_access_key = ...", "secretAccessKey: ...", and the name and value of an environment variable.
  void awsSecret(std::size_t at) {
    std::size_t end = at;
    for (const std::string_view part : {"secret", "access", "key"}) {
      if (end > at && end < text_.size() && (text_[end] == '_' || text_[end] == '-')) ++end;
      if (!startsWithNoCase(text_.substr(end), part)) return;
      end += part.size();
    }
    constexpr std::string_view kBetween = " \t\r\n\"'\\:=,", kValue = "value";
    constexpr std::size_t kFar = 200;
    const std::size_t limit = std::min(text_.size(), end + kFar);
    while (end < limit && kBetween.find(text_[end]) != kBetween.npos) ++end;
    if (startsWithNoCase(text_.substr(end), kValue)) end += kValue.size();
    while (end < limit && kBetween.find(text_[end]) != kBetween.npos) ++end;
    const auto run = runAt(text_, end, kBase64);
    const bool hex = std::all_of(run.begin(), run.end(), [](char c) { return in(kHex, c); });  // a SHA-1
    if (run.size() == 40 && !hex && isVaried(run) && !run.ends_with("EXAMPLEKEY"))
      say(end, "an AWS secret access key", false);
  }

  // K10<SHA-256 of the cluster's CA>::<user>:<password>
  void k3sToken(std::size_t at) {
    const auto hash = runAt(text_, at + 3, kHex);
    if (hash.size() == 64 && text_.substr(at + 67).starts_with("::") && isVaried(hash)) say(at, "a K3s token", false);
  }

  // Three parts of base64url; the first is JSON that names how the token is signed.
  void jwt(std::size_t at) {
    if (at > 0 && text_[at - 1] == '.') return;
    const auto header = runAt(text_, at, kWord);
    const auto payload = runAt(text_, at + header.size() + 1, kWord);
    const std::size_t last = at + header.size() + 1 + payload.size();
    if (last >= text_.size() || text_[at + header.size()] != '.' || text_[last] != '.') return;
    if (!payload.starts_with("eyJ") || runAt(text_, last + 1, kWord).size() < 20) return;
    if (decodeBase64Loosely(header.substr(0, 1024)).find("\"alg\"") == std::string::npos) return;
    say(at, "a JSON Web Token", false);
  }

  void say(std::size_t at, std::string_view what, bool isKey) {
    // Places are counted on from the last one.
    const auto between = text_.substr(counted_, at - std::min(at, counted_));
    line_ += static_cast<int>(std::count(between.begin(), between.end(), '\n'));
    counted_ = std::max(at, counted_);
    const auto newline = text_.rfind('\n', at);
    const std::size_t begin = newline == text_.npos ? 0 : newline + 1;
    const auto line = text_.substr(begin, std::min(text_.find('\n', at), text_.size()) - begin);
    found_.push_back({{line_, static_cast<int>(at - begin) + 1},
                      what,
                      isKey,
                      !isKey && line.find(kNoSecret) != std::string_view::npos});
  }

  std::string_view text_;
  std::vector<Credential> found_;
  std::size_t counted_ = 0;
  int line_ = 1;
};

}  // namespace

std::string decodeBase64Loosely(std::string_view text) {
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    std::uint32_t value = 0;
    if (c >= 'A' && c <= 'Z')
      value = static_cast<std::uint32_t>(c - 'A');
    else if (c >= 'a' && c <= 'z')
      value = static_cast<std::uint32_t>(c - 'a') + 26;
    else if (c >= '0' && c <= '9')
      value = static_cast<std::uint32_t>(c - '0') + 52;
    else if (c == '+' || c == '-')
      value = 62;
    else if (c == '/' || c == '_')
      value = 63;
    else
      continue;
    bits = bits << 6 | value;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xff);
  }
  return bytes;
}

std::vector<Credential> findCredentials(std::string_view text) { return Finder(text).run(); }

}  // namespace bedplate::cluster
