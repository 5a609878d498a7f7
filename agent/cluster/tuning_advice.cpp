#include "agent/cluster/tuning_advice.h"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "agent/cluster/k3s_arguments.h"
#include "agent/cluster/names.h"
#include "agent/cluster/node_keys.h"
#include "agent/cluster/values.h"

namespace bedplate::cluster {
namespace {

// The kubelet's keys, as the table of writers has them.
constexpr std::string_view kKubelet = "kubelet";

class Advice {
 public:
  Advice(Desired& desired, std::vector<Finding>& findings) : desired_(desired), findings_(findings) {
    // Bedplate itself adds the arguments of conntrackHandOver.
    std::string added = "kube-proxy-arg+:\n";
    for (const auto& arg : desired.conntrackHandOver) added += "- " + arg + "\n";
    auto texts = k3sTexts(desired);
    if (!desired.conntrackHandOver.empty()) texts.push_back(added);
    arguments_ = k3sArguments(texts);
    numbers_ = conntrackNumbers(arguments_);
  }

  void all() {
    for (const auto source :
         {sysctl::Source::profile, sysctl::Source::sizing, sysctl::Source::file, sysctl::Source::floor})
      for (const auto& want : desired_.sysctls)
        if (want.rule.source == source) takeWord(want);
    std::vector<std::pair<std::string, std::string>> values;
    for (const auto& [key, want] : last_)
      if (!want->rule.excluded) values.emplace_back(key, want->rule.value);
    for (const auto& hazard : sysctl::hazards(values)) {
      const auto& want = *last_.at(hazard.key);
      say(Severity::warning, want, sysctl::dotted(hazard.key) + " = " + want.rule.value + " " + hazard.why);
    }
    for (const auto& one : last_)
      if (!one.second->rule.excluded) writers(*one.second);
    if (arguments_.protectKernelDefaults) protectedKeys();
  }

 private:
  // The last word on each spelling of a key, as far as it can be told without a host; who is overruled is a note.
  void takeWord(const SysctlWant& want) {
    const SysctlWant*& last = last_[want.rule.key];
    const SysctlWant* before = std::exchange(last, &want);
    if (before == nullptr || before->rule.excluded || want.rule.excluded || before->rule.value == want.rule.value)
      return;
    if (want.rule.bound == sysctl::Bound::atLeast && !raises(want.rule.value, before->rule.value)) {
      last = before;
      return;
    }
    const bool file = before->rule.source == sysctl::Source::file;
    if (file && want.rule.source == sysctl::Source::floor)
      say(Severity::note, *before,
          fmt::format("{} is {} here; the floor in {}:{} raises it to {}", sysctl::dotted(want.rule.key),
                      inQuotes(before->rule.value), printable(want.rule.file), want.rule.line,
                      inQuotes(want.rule.value)));
    else if (file && before->layer != want.layer)
      say(Severity::note, want,
          fmt::format("{} is {} here and {} in {}:{}; the later layer wins", sysctl::dotted(want.rule.key),
                      inQuotes(want.rule.value), inQuotes(before->rule.value), printable(before->rule.file),
                      before->rule.line));
  }

  static bool raises(const std::string& least, const std::string& value) {
    const auto a = parseInteger(least), b = parseInteger(value);
    return !a || !b || *a > *b;
  }

  void writers(const SysctlWant& want) {
    const auto& rule = want.rule;
    for (const auto* writer : sysctl::conflicts(rule.key, rule.value, numbers_)) {
      // More than the least is right, too.
      const auto value = sysctl::setsValue(*writer, numbers_);
      if (rule.bound == sysctl::Bound::atLeast && value && !raises(rule.value, *value)) continue;
      const std::string sets = sysctl::setsText(*writer, numbers_);
      if (writer->who == kKubelet && arguments_.protectKernelDefaults) {
        say(Severity::error, want,
            fmt::format("{} = {}: K3s would not start: with protect-kernel-defaults its kubelet accepts only {}",
                        sysctl::dotted(rule.key), rule.value, sets));
        continue;
      }
      desired_.overwritten[rule.key] = fmt::format("{} sets it to {} {}", writer->who, sets, writer->when);
      say(Severity::warning, want,
          fmt::format("{}: {} sets it to {} {}: {}", sysctl::dotted(rule.key), writer->who, sets, writer->when,
                      writer->todo));
    }
  }

  // Those that Git does not set and the kernel has otherwise.
  void protectedKeys() {
    std::string missing;
    for (const char* key : {"vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops"})
      if (last_.find(key) == last_.end())
        for (const auto* writer : sysctl::knownWriters(key))
          if (writer->who == kKubelet)
            missing += (missing.empty() ? "" : ", ") + sysctl::dotted(key) + " = " + sysctl::setsText(*writer);
    if (missing.empty()) return;
    std::string file = "k3s/config.yaml";
    for (const auto& one : desired_.k3s)
      if (!one.sealed && one.content->find("protect-kernel-defaults") != std::string::npos) file = one.file;
    findings_.push_back({Severity::warning, file, 0, 0,
                         "with protect-kernel-defaults the kubelet does not start where the kernel's own values stand: "
                         "set " +
                             missing + " in sysctl.d"});
  }

  // A profile has no place in the cluster directory; what it brings is not the committer's to put right.
  void say(Severity severity, const SysctlWant& want, std::string message) {
    if (want.rule.source == sysctl::Source::profile) return;
    findings_.push_back({severity, want.rule.file, want.rule.line, 0, std::move(message)});
  }

  Desired& desired_;
  std::vector<Finding>& findings_;
  K3sArguments arguments_;
  sysctl::ConntrackNumbers numbers_;
  std::map<std::string, const SysctlWant*> last_;
};

}  // namespace

void adviseOnTuning(Desired& desired, std::vector<Finding>& findings) { Advice(desired, findings).all(); }

}  // namespace bedplate::cluster
