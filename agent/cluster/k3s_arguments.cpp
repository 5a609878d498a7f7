#include "agent/cluster/k3s_arguments.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "agent/cluster/k3s_config.h"

namespace bedplate::cluster {
namespace {

std::optional<std::int64_t> integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

// "24h0m0s" as Go writes durations, in whole seconds; parts below a second count for nothing.
std::optional<std::int64_t> goSeconds(std::string_view text) {
  if (text == "0") return 0;
  std::int64_t total = 0;
  bool any = false;
  while (!text.empty()) {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto value = integer(text.substr(0, digits));
    text.remove_prefix(digits);
    const std::size_t letters = std::min(text.find_first_of("0123456789"), text.size());
    const std::string_view unit = text.substr(0, letters);
    text.remove_prefix(letters);
    constexpr std::int64_t kMost = 1'000'000'000;
    if (!value || *value > kMost) return std::nullopt;
    if (unit == "h")
      total += *value * 3600;
    else if (unit == "m")
      total += *value * 60;
    else if (unit == "s")
      total += *value;
    else if (unit != "ms" && unit != "us" && unit != "ns")
      return std::nullopt;
    any = true;
  }
  return any ? std::optional(total) : std::nullopt;
}

// "name=value", with or without dashes in front; "name" alone is true.
std::map<std::string, std::string> options(const std::vector<K3sItem>& list) {
  std::map<std::string, std::string> found;
  for (const auto& item : list) {
    const std::string& one = item.text;
    const std::size_t start = std::min(one.find_first_not_of('-'), one.size());
    const std::size_t equals = one.find('=', start);
    found[one.substr(start, equals == std::string::npos ? equals : equals - start)] =
        equals == std::string::npos ? "true" : one.substr(equals + 1);
  }
  return found;
}

bool isTrue(const std::string& text) { return text == "true" || text == "True" || text == "TRUE" || text == "1"; }

}  // namespace

K3sArguments k3sArguments(const std::vector<std::string_view>& texts) {
  std::vector<K3sText> named;
  named.reserve(texts.size());
  for (const auto text : texts) named.push_back({"", text});
  auto config = effectiveConfig(named);
  K3sArguments arguments;
  arguments.kubeProxy = options(config["kube-proxy-arg"]);
  const auto& protect = config["protect-kernel-defaults"];
  if (!protect.empty()) arguments.protectKernelDefaults = isTrue(protect.back().text);
  // An argument of the kubelet's own comes after what K3s passes on.
  const auto kubelet = options(config["kubelet-arg"]);
  if (const auto own = kubelet.find("protect-kernel-defaults"); own != kubelet.end())
    arguments.protectKernelDefaults = isTrue(own->second);
  wipe(config);  // on a host, tokens are among it
  return arguments;
}

std::vector<std::string_view> k3sTexts(const Desired& desired) {
  std::vector<std::string_view> texts;
  for (const auto& file : desired.k3s)
    if (file.path != "k3s/registries.yaml" && !file.sealed) texts.push_back(*file.content);
  return texts;
}

sysctl::ConntrackNumbers conntrackNumbers(const K3sArguments& arguments) {
  sysctl::ConntrackNumbers numbers;
  const auto set = [&](const char* name, std::int64_t& number, auto read) {
    const auto said = arguments.kubeProxy.find(name);
    if (said == arguments.kubeProxy.end()) return;
    if (const auto value = read(said->second)) number = *value;
  };
  set("conntrack-min", numbers.least, integer);
  set("conntrack-max-per-core", numbers.perCore, integer);
  set("conntrack-tcp-timeout-established", numbers.establishedS, goSeconds);
  set("conntrack-tcp-timeout-close-wait", numbers.closeWaitS, goSeconds);
  // Numbers beyond the kernel's own are of no use, and must not overflow what is computed from them.
  constexpr std::int64_t kMost = 1'000'000'000;
  numbers.least = std::min(numbers.least, kMost);
  numbers.perCore = std::min(numbers.perCore, kMost);
  return numbers;
}

}  // namespace bedplate::cluster
