#include "agent/config/keys.h"

#include <algorithm>
#include <array>

#include "agent/config/nearest.h"

namespace bedplate::config {
namespace {

using Wrong = std::optional<std::string>;

constexpr std::int64_t kSecond = 1000;
constexpr std::int64_t kHour = 3600 * kSecond;

bool within(std::string_view text, std::string_view extra) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || extra.find(c) != std::string_view::npos;
  });
}
constexpr std::string_view kUpper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

Wrong takeDuration(std::int64_t& into, std::string_view value, std::int64_t least, std::int64_t most,
                   const char* range) {
  const auto ms = parseDurationMs(value);
  if (!ms) return "'" + std::string(value) + "' is not a duration: write 30s, 5m, 2h or 1d";
  if (*ms < least || *ms > most) return "'" + std::string(value) + "' is out of range: allowed is " + range;
  into = *ms;
  return std::nullopt;
}

Wrong takeOneOf(std::string& into, std::string_view value, const std::vector<std::string_view>& allowed) {
  if (std::find(allowed.begin(), allowed.end(), value) == allowed.end()) {
    std::string why = "'" + std::string(value) + "' is not one of ";
    for (std::size_t i = 0; i < allowed.size(); ++i) why += (i == 0 ? "" : ", ") + std::string(allowed[i]);
    const std::string meant = nearest(value, allowed);
    return meant.empty() ? why : why + "; did you mean '" + meant + "'?";
  }
  into = value;
  return std::nullopt;
}

// The parts of a path between its slashes; none may be empty or lead elsewhere.
bool plainPath(std::string_view path) {
  while (!path.empty()) {
    const auto slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
  return false;
}

Wrong takeFile(std::string& into, std::string_view value) {
  if (value.front() != '/') return "'" + std::string(value) + "' is not an absolute path";
  const std::string_view below = value.substr(1);
  if (!plainPath(below))
    return "'" + std::string(value) + "' is not a plain path to a file ('.', '..' and '//' are not)";
  into = below;
  return std::nullopt;
}

Wrong takeUrl(Config& config, std::string_view value) {
  // The value itself stays out of the message: it may hold a password.
  if (auto why = refusedUrl(value)) return "the URL " + *why;
  config.repository.url = value;
  return std::nullopt;
}

// The rules of git-check-ref-format, as far as they matter for one branch.
Wrong takeBranch(Config& config, std::string_view value) {
  const bool characters = std::all_of(value.begin(), value.end(), [](char c) {
    return c > ' ' && c < 127 && std::string_view("~^:?*[\\").find(c) == std::string_view::npos;
  });
  const bool good = characters && value.front() != '-' && plainPath(value) && value.find("..") == value.npos &&
                    value.find("@{") == value.npos && value.find("/.") == value.npos && value.front() != '.' &&
                    value.back() != '.' && !value.ends_with(".lock") && value != "@";
  if (!good) return "'" + std::string(value) + "' is not the name of a branch";
  config.repository.branch = value;
  return std::nullopt;
}

Wrong takePath(Config& config, std::string_view value) {
  std::string_view path = value;
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  if (path.empty() || path == ".") {
    config.repository.path.clear();
    return std::nullopt;
  }
  if (!plainPath(path)) return "'" + std::string(value) + "' is not a plain path in the repository";
  config.repository.path = path;
  return std::nullopt;
}

Wrong takeNodeName(Config& config, std::string_view value) {
  const bool good = value.size() <= 253 && within(value, "-.") && within(value.substr(0, 1), "") &&
                    within(value.substr(value.size() - 1), "");
  if (!good) return "'" + std::string(value) + "' is not a Kubernetes node name: lower-case letters, digits, '-', '.'";
  config.node.name = value;
  return std::nullopt;
}

Wrong takeCluster(Config& config, std::string_view value) {
  const std::string extra = "-._" + std::string(kUpper);
  if (value.size() > 253 || !within(value, extra) || value.front() == '.' || value.front() == '-')
    return "'" + std::string(value) + "' is not a cluster name: letters, digits, '-', '_', '.'";
  config.node.cluster = value;
  return std::nullopt;
}

Wrong takeMode(Config& config, std::string_view value) {
  std::string mode;
  if (auto why = takeOneOf(mode, value, {"observe", "enforce"})) return why;
  config.node.mode = mode == "enforce" ? Mode::enforce : Mode::observe;
  return std::nullopt;
}

Wrong takeMinimumCommit(Config& config, std::string_view value) {
  std::string id(value);
  for (char& c : id)
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  if ((id.size() != 40 && id.size() != 64) || id.find_first_not_of("0123456789abcdef") != std::string::npos)
    return "'" + std::string(value) + "' is not a full commit id: 40 hex digits (git rev-parse gives them)";
  config.trust.minimumCommit = id;
  return std::nullopt;
}

Wrong takeEndpoints(Config& config, std::string_view value) {
  constexpr std::size_t kMost = 256;
  while (!value.empty()) {
    const auto end = std::min(value.find_first_of(" \t,"), value.size());
    const std::string_view one = value.substr(0, end);
    value.remove_prefix(std::min(end + 1, value.size()));
    if (one.empty()) continue;
    if (one.size() > 253 || !within(one, "-.*:" + std::string(kUpper)))
      return "'" + std::string(one) + "' is not a host name or a pattern such as *.example.com";
    if (config.policy.endpoints.size() == kMost) return "more than 256 endpoints";
    config.policy.endpoints.emplace_back(one);
  }
  return std::nullopt;
}

#define TEXT(MEMBER) [](const Config& c) -> const std::string& { return c.MEMBER; }
#define FILE_KEY(MEMBER) [](Config& c, std::string_view v) { return takeFile(c.MEMBER, v); }

std::vector<Key> make() {
  return {
      {"repository", "url", takeUrl},
      {"repository", "branch", takeBranch},
      {"repository", "path", takePath},
      {"repository", "interval",
       [](Config& c, std::string_view v) {
         return takeDuration(c.repository.intervalMs, v, kSecond, 24 * kHour, "1s to 1d");
       }},
      {"repository", "timeout",
       [](Config& c, std::string_view v) {
         return takeDuration(c.repository.timeoutMs, v, kSecond, kHour, "1s to 1h");
       }},
      {"repository", "ssh-key", FILE_KEY(repository.sshKey), FileKind::secret, TEXT(repository.sshKey)},
      {"repository", "known-hosts", FILE_KEY(repository.knownHosts), FileKind::readable, TEXT(repository.knownHosts)},
      {"repository", "ca-file", FILE_KEY(repository.caFile), FileKind::readable, TEXT(repository.caFile)},
      {"repository", "token-file", FILE_KEY(repository.tokenFile), FileKind::secret, TEXT(repository.tokenFile)},
      {"node", "name", takeNodeName},
      {"node", "role",
       [](Config& c, std::string_view v) { return takeOneOf(c.node.role, v, {"auto", "server", "agent"}); }},
      {"node", "cluster", takeCluster},
      {"node", "mode", takeMode},
      {"trust", "signatures",
       [](Config& c, std::string_view v) { return takeOneOf(c.trust.signatures, v, {"require", "warn", "off"}); }},
      {"trust", "allowed-signers", FILE_KEY(trust.allowedSigners), FileKind::readable, TEXT(trust.allowedSigners)},
      {"trust", "revoked-keys", FILE_KEY(trust.revokedKeys), FileKind::readable, TEXT(trust.revokedKeys)},
      {"trust", "gpg-keyring", FILE_KEY(trust.gpgKeyring), FileKind::readable, TEXT(trust.gpgKeyring)},
      {"trust", "minimum-commit", takeMinimumCommit},
      {"trust", "maximum-age",
       [](Config& c, std::string_view v) {
         return takeDuration(c.trust.maximumAgeMs, v, 0, 10 * 365 * 24 * kHour, "0 to 10 years");
       }},
      {"policy", "raw-secrets",
       [](Config& c, std::string_view v) { return takeOneOf(c.policy.rawSecrets, v, {"deny"}); }},
      {"policy", "endpoints", takeEndpoints, FileKind::none, nullptr, true},
      {"report", "metrics-file", FILE_KEY(report.metricsFile)},
      {"report", "status-file", FILE_KEY(report.statusFile)},
  };
}

}  // namespace

const std::vector<Key>& keys() {
  static const std::vector<Key> all = make();
  return all;
}

std::vector<std::string_view> sectionNames() {
  std::vector<std::string_view> names;
  for (const Key& key : keys())
    if (names.empty() || names.back() != key.section) names.push_back(key.section);
  return names;
}

std::vector<std::string_view> keyNames(std::string_view section) {
  std::vector<std::string_view> names;
  for (const Key& key : keys())
    if (key.section == section) names.push_back(key.name);
  return names;
}

}  // namespace bedplate::config
