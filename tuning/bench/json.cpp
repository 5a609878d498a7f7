// Results as JSON, as the state database and the status keep them, and back as one line.
#include <fmt/format.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "tuning/bench/bench.h"
#include "tuning/bench/words.h"

namespace bedplate::bench {
namespace {

using Json = nlohmann::ordered_json;

// The value of a key when it is of this kind, else nullopt: the text may come from an older or a newer version.
std::optional<std::string> textOf(const Json& json, const char* key) {
  const auto it = json.find(key);
  if (it == json.end() || !it->is_string()) return std::nullopt;
  return it->get<std::string>();
}

std::optional<double> numberOf(const Json& json, const char* key) {
  const auto it = json.find(key);
  if (it == json.end() || !it->is_number()) return std::nullopt;
  return it->get<double>();
}

std::optional<std::int64_t> wholeOf(const Json& json, const char* key) {
  const auto it = json.find(key);
  if (it == json.end() || !it->is_number_integer()) return std::nullopt;
  const auto value = it->get<double>();
  // Beyond what a clock or a counter here can say; also keeps differences from overflowing.
  if (!(value >= 0 && value < 4e18)) return std::nullopt;
  return it->get<std::int64_t>();
}

std::string diskLine(const Json& json) {
  const auto operations = wholeOf(json, "operations");
  const auto reason = textOf(json, "reason");
  if (!operations || !reason) return {};
  // Without a p99, and where something else was judged, the reason says what.
  const auto p99 = wholeOf(json, "p99Ns");
  const auto checkpoint = json.find("checkpoint");
  if (!p99 || (checkpoint != json.end() && checkpoint->is_object())) return *reason;
  return fmt::format("p99 {} over {} writes", latencyWords(static_cast<std::uint64_t>(*p99)), *operations);
}

std::string etcdLine(const Json& json) {
  const auto wal = json.find("walFsync");
  if (wal == json.end() || !wal->is_object()) return {};
  const auto count = wholeOf(*wal, "count"), p99 = wholeOf(*wal, "p99Ns"), mean = wholeOf(*wal, "meanNs");
  const auto first = wholeOf(*wal, "firstBucketNs");
  if (!count || !mean || !first) return {};
  const std::string shown = p99 ? latencyWords(static_cast<std::uint64_t>(*p99))
                                : fmt::format("< {} (mean {})", latencyWords(static_cast<std::uint64_t>(*first)),
                                              latencyWords(static_cast<std::uint64_t>(*mean)));
  return fmt::format("p99 {} over {} fsyncs of etcd", shown, *count);
}

std::optional<double> shareOf(const Json& json, const char* key) {
  const auto ratio = numberOf(json, key);
  return ratio && *ratio >= 0 && *ratio <= 1 ? ratio : std::nullopt;
}

std::string stealLine(const Json& json) {
  const auto ratio = shareOf(json, "ratio");
  const auto window = wholeOf(json, "windowNs");
  std::string line;
  if (ratio && window)
    line = fmt::format("{} of CPU time stolen over {}", shareWords(*ratio), spanWords(*window / 1000));
  const auto hidden = json.find("hidden");
  if (hidden == json.end() || !hidden->is_object()) return line;
  const auto unreported = shareOf(*hidden, "ratio");
  if (!unreported) return line;
  return line + fmt::format("{}{} hidden", line.empty() ? "" : ", ", shareWords(*unreported));
}

}  // namespace

std::string summary(const std::string& json, std::int64_t nowUs) {
  if (json.size() > (1 << 20)) return {};
  const Json parsed = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) return {};
  const auto probe = textOf(parsed, "probe");
  const auto verdict = textOf(parsed, "verdict");
  const auto reason = textOf(parsed, "reason");
  const auto measured = wholeOf(parsed, "measuredUs");
  if (!probe || !verdict || !reason || !measured || (*probe != "disk" && *probe != "steal" && *probe != "etcd"))
    return {};
  std::string what = *verdict == "unknown" ? *reason
                     : *probe == "disk"    ? diskLine(parsed)
                     : *probe == "etcd"    ? etcdLine(parsed)
                                           : stealLine(parsed);
  if (what.empty()) return {};
  return fmt::format("{}, {}, {} ago", *verdict, what, spanWords(std::max<std::int64_t>(nowUs, 0) - *measured));
}

}  // namespace bedplate::bench
