#include "agent/apply/k3s_trial.h"

#include <algorithm>
#include <charconv>
#include <map>

namespace bedplate::apply {
namespace {

using Phase = K3sTrial::Phase;

constexpr Phase kPhases[] = {Phase::idle, Phase::restarting, Phase::goingBack};

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// A value is one line.
std::string oneLine(std::string text) {
  std::replace_if(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return text;
}

std::multimap<std::string, std::string> entries(std::string_view text) {
  std::multimap<std::string, std::string> found;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t blank = std::min(line.find(' '), line.size());
    found.emplace(line.substr(0, blank), line.substr(std::min(blank + 1, line.size())));
  }
  return found;
}

}  // namespace

const char* name(Phase phase) {
  switch (phase) {
    case Phase::idle: return "idle";
    case Phase::restarting: return "restarting";
    case Phase::goingBack: return "going-back";
  }
  return "";
}

std::string text(const K3sTrial& trial) {
  std::string all = std::string("phase ") + name(trial.phase) + "\n";
  const auto add = [&](const char* key, const std::string& value) {
    if (!value.empty()) all += std::string(key) + " " + oneLine(value) + "\n";
  };
  const auto addNumber = [&](const char* key, std::int64_t value) {
    if (value != 0) add(key, std::to_string(value));
  };
  add("outcome", trial.outcome);
  addNumber("generation", trial.generation);
  add("commit", trial.commit);
  add("tree", trial.tree);
  add("part", trial.part);
  add("boot", trial.bootId);
  addNumber("began-us", trial.beganUs);
  addNumber("began-ns", trial.beganNs);
  addNumber("timeout-ms", trial.timeoutMs);
  for (const auto& check : trial.checks) add("check", check);
  addNumber("restarts", trial.restarts ? 1 : 0);
  add("why", trial.why);
  add("line", trial.line);
  addNumber("told", trial.told ? 1 : 0);
  addNumber("by-boot", trial.byBoot ? 1 : 0);
  return all;
}

std::optional<K3sTrial> parseTrialText(std::string_view said) {
  const auto all = entries(said);
  const auto word = [&](const char* key) {
    const auto found = all.find(key);
    return found == all.end() ? std::string() : found->second;
  };
  K3sTrial trial;
  const std::string phase = word("phase");
  const auto* known =
      std::find_if(std::begin(kPhases), std::end(kPhases), [&](Phase one) { return phase == name(one); });
  if (known == std::end(kPhases)) return std::nullopt;
  trial.phase = *known;
  trial.outcome = word("outcome");
  trial.generation = number(word("generation")).value_or(0);
  trial.commit = word("commit");
  trial.tree = word("tree");
  trial.part = word("part");
  trial.bootId = word("boot");
  trial.beganUs = number(word("began-us")).value_or(0);
  trial.beganNs = number(word("began-ns")).value_or(0);
  trial.timeoutMs = number(word("timeout-ms")).value_or(0);
  const auto [first, last] = all.equal_range("check");
  for (auto check = first; check != last; ++check) trial.checks.push_back(check->second);
  trial.restarts = word("restarts") == "1";
  trial.why = word("why");
  trial.line = word("line");
  trial.told = word("told") == "1";
  trial.byBoot = word("by-boot") == "1";
  return trial;
}

std::string text(const K3sRunning& running) {
  return running.bootId + " " + std::to_string(running.startedNs) + " " + running.effective;
}

std::optional<K3sRunning> parseRunning(std::string_view said) {
  const std::size_t one = said.find(' ');
  const std::size_t two = one == std::string_view::npos ? one : said.find(' ', one + 1);
  if (two == std::string_view::npos) return std::nullopt;
  const auto started = number(said.substr(one + 1, two - one - 1));
  if (!started) return std::nullopt;
  return K3sRunning{std::string(said.substr(0, one)), *started, std::string(said.substr(two + 1))};
}

}  // namespace bedplate::apply
