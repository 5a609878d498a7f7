#include "agent/cluster/node_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "agent/cluster/names.h"
#include "agent/cluster/values.h"
#include "tuning/profiles/profiles.h"

namespace bedplate::cluster {
namespace {

constexpr std::array<std::string_view, 0> kNotActiveYet = {};

constexpr std::int64_t kSecond = 1000, kMinute = 60 * kSecond, kHour = 60 * kMinute, kDay = 24 * kHour;
constexpr std::int64_t kIntMax = std::numeric_limits<std::int32_t>::max();  // what these kernel values hold
constexpr std::size_t kLongestList = 1000;

// The text of a scalar, or an error.
const std::string* scalar(KeyValue& value) {
  if (value.node.kind == yaml::Kind::scalar) return &value.node.text;
  value.error(value.node.at, "needs one value, not a list or a mapping");
  return nullptr;
}

std::optional<std::string> word(KeyValue& value, const std::vector<std::string>& words) {
  const auto* text = scalar(value);
  if (text == nullptr) return std::nullopt;
  if (std::find(words.begin(), words.end(), *text) != words.end()) return *text;
  value.error(value.node.at, inQuotes(*text) + " is not known here" + suggestion(*text, words));
  return std::nullopt;
}

std::optional<std::int64_t> duration(KeyValue& value, std::int64_t least, std::int64_t most) {
  const auto* text = scalar(value);
  if (text == nullptr) return std::nullopt;
  const auto ms = parseDuration(*text);
  if (ms && *ms >= least && *ms <= most) return ms;
  if (ms)
    value.error(value.node.at, fmt::format("{} is out of range: from {} to {}", inQuotes(*text), durationText(least),
                                           durationText(most)));
  else
    value.error(value.node.at, inQuotes(*text) + " is not a duration: an integer and ms, s, m, h or d, such as 30m");
  return std::nullopt;
}

std::optional<std::int64_t> integer(KeyValue& value, const yaml::Node& node, std::int64_t least, std::int64_t most) {
  const auto number = node.kind == yaml::Kind::scalar ? parseInteger(node.text) : std::nullopt;
  if (number && *number >= least && *number <= most) return number;
  if (number)
    value.error(node.at, fmt::format("{} is out of range: from {} to {}", inQuotes(node.text), least, most));
  else if (node.kind == yaml::Kind::scalar)
    value.error(node.at, inQuotes(node.text) + " is not an integer: decimal digits only");
  else
    value.error(node.at, "needs an integer");
  return std::nullopt;
}

// "auto" is 0.
void autoOrInteger(KeyValue& value, std::optional<Amount>& target) {
  if (value.node.kind == yaml::Kind::scalar && value.node.text == "auto") {
    target = Amount{0, value.said};
    return;
  }
  if (value.node.kind == yaml::Kind::scalar && !parseInteger(value.node.text)) {
    value.error(value.node.at, inQuotes(value.node.text) + " is neither auto nor an integer (decimal digits only)");
    return;
  }
  if (const auto number = integer(value, value.node, 1, kIntMax)) target = Amount{*number, value.said};
}

std::optional<bool> boolean(KeyValue& value) {
  const auto* text = scalar(value);
  if (text == nullptr) return std::nullopt;
  const auto answer = parseBoolean(*text);
  if (!answer) value.error(value.node.at, inQuotes(*text) + " is not true or false");
  return answer;
}

// A list of texts that `judge` accepts: it gives what is wrong, or nothing.
template <class Judge>
std::optional<std::vector<std::string>> list(KeyValue& value, Judge judge) {
  if (value.node.kind != yaml::Kind::sequence) {
    value.error(value.node.at, "needs a list, such as [a, b]");
    return std::nullopt;
  }
  if (value.node.items.size() > kLongestList) {
    value.error(value.node.at, fmt::format("more than {} entries", kLongestList));
    return std::nullopt;
  }
  std::vector<std::string> texts;
  bool good = true;
  for (const auto& item : value.node.items) {
    const std::string wrong = item.kind != yaml::Kind::scalar ? "needs text here" : judge(item.text);
    if (!wrong.empty()) value.error(item.at, wrong);
    good = good && wrong.empty();
    texts.push_back(item.text);
  }
  if (!good) return std::nullopt;
  return texts;
}

std::string judgeNodeName(const std::string& text) {
  if (isDnsSubdomain(text)) return {};
  return inQuotes(text) + " is not a node name: lower-case letters, digits, '-' and '.'";
}

std::string judgeEndpoint(const std::string& text) {
  constexpr std::string_view kGood = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-*:[]";
  if (!text.empty() && text.size() <= 253 && text.find_first_not_of(kGood) == std::string::npos) return {};
  return inQuotes(text) + " is not a host pattern, such as *.example.com";
}

std::string judgePruneName(const std::string& text) {
  const bool good = !text.empty() && text.size() <= 512 && text.compare(0, 10, "manifests/") == 0 &&
                    std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
  return good ? std::string()
              : inQuotes(text) + " is no manifest, such as manifests/old.yaml, or manifests/old/ for all of a folder";
}

void readProfile(KeyValue& value) {
  auto known = profiles::names();
  known.emplace_back("none");
  if (auto name = word(value, known)) value.draft.config.tuning.profile = name;
}

void setFloor(Draft& draft, Floor floor) {
  auto& floors = draft.config.tuning.floors;
  const auto found =
      std::find_if(floors.begin(), floors.end(), [&](const Floor& earlier) { return earlier.key == floor.key; });
  if (found == floors.end())
    floors.push_back(std::move(floor));
  else
    *found = std::move(floor);
}

void readFloors(KeyValue& value) {
  if (value.node.kind != yaml::Kind::mapping)
    return value.error(value.node.at, "needs a mapping of kernel keys to their least values");
  for (const auto& entry : value.node.entries) {
    const auto key = sysctl::normaliseKey(entry.key);
    if (!key) {
      value.error(entry.at, inQuotes(entry.key) + " is not a kernel key: " + key.error().why);
      continue;
    }
    if (key->find_first_of("*?[") != std::string::npos) {
      value.error(entry.at, inQuotes(entry.key) + ": a floor is for one key, not for a pattern");
      continue;
    }
    const auto least = integer(value, entry.value, 0, std::numeric_limits<std::int64_t>::max());
    if (!least) continue;
    if (const auto why = sysctl::refused(*key, std::to_string(*least)))
      value.error(entry.at, "refused: " + *why);
    else
      setFloor(value.draft, {*key, *least, {value.said.file, entry.at.line, entry.at.column, value.said.layer}});
  }
}

void readConntrackMax(KeyValue& value) { autoOrInteger(value, value.draft.config.tuning.conntrackMax); }
void readConntrackBuckets(KeyValue& value) { autoOrInteger(value, value.draft.config.tuning.conntrackBuckets); }
void readInotifyInstances(KeyValue& value) { autoOrInteger(value, value.draft.config.tuning.inotifyInstances); }
void readInotifyWatches(KeyValue& value) { autoOrInteger(value, value.draft.config.tuning.inotifyWatches); }

void readDrift(KeyValue& value) {
  if (const auto what = word(value, {"enforce", "report"})) value.draft.config.tuning.driftEnforce = *what == "enforce";
}

void readDiskEvery(KeyValue& value) {
  if (const auto ms = duration(value, kMinute, 30 * kDay)) value.draft.config.benchmark.diskEveryMs = ms;
  value.draft.every = value.said;
}
void readDiskFor(KeyValue& value) {
  if (const auto ms = duration(value, kSecond, 10 * kMinute)) value.draft.config.benchmark.diskForMs = ms;
  value.draft.duration = value.said;
}
void readDiskLimit(KeyValue& value) {
  if (const auto ms = duration(value, 1, 10 * kSecond)) value.draft.config.benchmark.diskP99LimitMs = ms;
}
void readStealWindow(KeyValue& value) {
  if (const auto ms = duration(value, 10 * kSecond, kDay)) value.draft.config.benchmark.stealWindowMs = ms;
}
void readStealLimit(KeyValue& value) {
  const auto* text = scalar(value);
  if (text == nullptr) return;
  const auto ratio = parsePercent(*text);
  if (!ratio || *ratio <= 0)
    value.error(value.node.at, inQuotes(*text) + " is not a percentage over 0% and up to 100%, such as 5%");
  else
    value.draft.config.benchmark.stealLimit = ratio;
}

void readRestartMode(KeyValue& value) {
  if (const auto mode = word(value, {"auto", "window", "never"})) value.draft.config.k3s.restart.mode = *mode;
  value.draft.mode = value.said;
}
void readCanary(KeyValue& value) {
  if (auto names = list(value, judgeNodeName)) value.draft.config.k3s.restart.canary = *std::move(names);
}
void readSpread(KeyValue& value) {
  if (const auto ms = duration(value, 0, kDay)) value.draft.config.k3s.restart.spreadMs = ms;
}
void readDays(KeyValue& value) {
  value.draft.window = value.said;
  const auto names = list(value, [](const std::string& text) {
    return parseDay(text) ? std::string() : inQuotes(text) + " is not a day" + suggestion(text, dayNames());
  });
  if (!names) return;
  if (names->empty()) return value.error(value.node.at, "a window without days never opens; leave the key out for all");
  std::set<int> days;
  for (const auto& name : *names) days.insert(*parseDay(name));
  value.draft.days = days;
}
void readTime(KeyValue& value, std::optional<int>& target) {
  value.draft.window = value.said;
  const auto* text = scalar(value);
  if (text == nullptr) return;
  if (const auto minute = parseTimeOfDay(*text))
    target = minute;
  else
    value.error(value.node.at, inQuotes(*text) + " is not a time of day, such as \"02:00\"");
}
void readFrom(KeyValue& value) { readTime(value, value.draft.from); }
void readTo(KeyValue& value) { readTime(value, value.draft.to); }
void readTimezone(KeyValue& value) {
  value.draft.window = value.said;
  const auto* text = scalar(value);
  if (text == nullptr) return;
  constexpr std::string_view kGood = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-/";
  const bool good = !text->empty() && text->size() <= 64 && text->front() != '/' && text->back() != '/' &&
                    text->find("//") == std::string::npos && text->find_first_not_of(kGood) == std::string::npos;
  if (good)
    value.draft.timezone = *text;
  else
    value.error(value.node.at, inQuotes(*text) + " is not a time zone, such as Europe/Oslo or UTC");
}
void readConfirmTimeout(KeyValue& value) {
  if (const auto ms = duration(value, 10 * kSecond, kHour)) value.draft.config.k3s.restart.confirmTimeoutMs = ms;
}
void readWriter(KeyValue& value) {
  const auto* text = scalar(value);
  if (text == nullptr) return;
  if (const auto wrong = judgeNodeName(*text); !wrong.empty()) return value.error(value.node.at, wrong);
  value.draft.config.k3s.writer = *text;
}
void readPrune(KeyValue& value) {
  if (const auto answer = boolean(value)) value.draft.config.k3s.prune = *answer;
}
void readSelfHeal(KeyValue& value) {
  if (const auto what = word(value, {"off", "files", "objects"})) value.draft.config.k3s.selfHeal = *what;
}
void readAllowPrune(KeyValue& value) {
  if (auto names = list(value, judgePruneName)) value.draft.config.k3s.allowPrune = *std::move(names);
}
void readRawSecrets(KeyValue& value) {
  const auto* text = scalar(value);
  if (text == nullptr) return;
  if (*text == "deny")
    value.draft.config.policy.rawSecrets = *text;
  else
    value.error(value.node.at, inQuotes(*text) + " is not known here: node.yaml may only tighten, which is deny");
}
void readEndpoints(KeyValue& value) {
  if (auto patterns = list(value, judgeEndpoint)) value.draft.config.policy.endpoints = std::move(patterns);
}

}  // namespace

const std::vector<Key>& keys() {
  static const std::vector<Key> all = {
      {"tuning.profile", readProfile},
      {"tuning.floors", readFloors},
      {"tuning.conntrack.max", readConntrackMax},
      {"tuning.conntrack.buckets", readConntrackBuckets},
      {"tuning.inotify.maxUserInstances", readInotifyInstances},
      {"tuning.inotify.maxUserWatches", readInotifyWatches},
      {"tuning.drift", readDrift},
      {"benchmark.disk.every", readDiskEvery},
      {"benchmark.disk.for", readDiskFor},
      {"benchmark.disk.p99Limit", readDiskLimit},
      {"benchmark.steal.window", readStealWindow},
      {"benchmark.steal.limit", readStealLimit},
      {"k3s.restart.mode", readRestartMode},
      {"k3s.restart.canary", readCanary},
      {"k3s.restart.spread", readSpread},
      {"k3s.restart.window.days", readDays},
      {"k3s.restart.window.from", readFrom},
      {"k3s.restart.window.to", readTo},
      {"k3s.restart.window.timezone", readTimezone},
      {"k3s.confirm.timeout", readConfirmTimeout},
      {"k3s.manifests.writer", readWriter},
      {"k3s.manifests.prune", readPrune},
      {"k3s.manifests.selfHeal", readSelfHeal},
      {"k3s.manifests.allowPrune", readAllowPrune},
      {"policy.rawSecrets", readRawSecrets},
      {"policy.endpoints", readEndpoints},
  };
  return all;
}

bool isActive(std::string_view path) {
  return std::find(kNotActiveYet.begin(), kNotActiveYet.end(), path) == kNotActiveYet.end();
}

}  // namespace bedplate::cluster
