// A K3s with its unit and its API on a tree: what it reads at its start decides whether it comes up. Its state lies in
// files below the tree, so that it outlives a killed process.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "agent/apply/k3s_care.h"
#include "agent/apply/k3s_hands.h"
#include "agent/kube/lease.h"
#include "tests/unit/apply/node.h"

namespace bedplate::apply::testing_node {

// Configurations of K3s: the last one ends it.
inline constexpr const char* kOld = "debug: false\n";
inline constexpr const char* kGood = "debug: true\n";
inline constexpr const char* kBad = "kubelet-arg: no-such=1\n";

inline plan::Target with(const std::string& name, const std::string& config) {
  return TargetBuilder(name).config(config).sysctl("vm/swappiness", "10").target;
}

class FakeK3s final : public k3s::Unit {
 public:
  static constexpr int kKilled = 78;

  FakeK3s(testlib::TempTree& tree, testlib::FakeClock& clock) : tree_(tree), clock_(clock) {}

  // Starts as systemd would: reads what lies there now.
  void start();
  // The machine went down.
  void down();
  // Its state: startedNs, good, broken, denied, apiAway, endsAfterMs, endsNs, restarts, ran, lease, annotations.
  [[nodiscard]] nlohmann::json load() const;
  void save(const nlohmann::json& world);
  void set(const char* key, const nlohmann::json& value);
  [[nodiscard]] int restarts() const;
  [[nodiscard]] std::string ran() const;  // the configuration that it read
  [[nodiscard]] bool up() const;

  host::Result<k3s::UnitState> look(const std::string& unit) override;
  host::Status restart(const std::string& unit) override;
  K3sTools tools(host::Files& files);

  // The process is killed at the k-th call to the outside.
  int killAt = 0;
  bool stop = false;

 private:
  class Session;
  void called();
  [[nodiscard]] nlohmann::json node() const;
  host::Result<source::HttpResponse> answer(const std::string& method, const std::string& path,
                                            const std::string& body);

  testlib::TempTree& tree_;
  testlib::FakeClock& clock_;
};

// A process that cares for K3s: engine and thread in one.
struct Carer {
  Carer(testlib::TempTree& tree, testlib::FakeClock& time, host::Files& files, FakeK3s& fake)
      : clock(time),
        process(tree, time, files),
        care(process.machine, process.store, process.keeper),
        hands(fake.tools(files)) {}

  std::optional<K3sNews> step() {
    auto order = care.order({"web-01", "server", "oslo"}, &policy, true);
    if (!order) throw std::runtime_error(order.error().text());
    order->asGit = asGit;
    if (!order->active) return std::nullopt;
    const auto news = hands.work(*order);
    if (!news) return std::nullopt;
    last = *news;
    const auto took = care.take(*news);
    if (!took) throw std::runtime_error(took.error().text());
    if (!took->said.empty()) said += took->said + "\n";
    return news;
  }
  // Until a look finds nothing more to do.
  void settle() {
    for (int i = 0; i < 20; ++i) {
      const auto news = step();
      clock.advanceMs(15'000);
      const auto trial = process.store.k3sTrial().value();
      const bool done = trial.phase == K3sTrial::Phase::idle && (trial.outcome.empty() || trial.told);
      if (news && news->kind == K3sNews::Kind::looked && done) return;
    }
  }
  void apply(const plan::Target& target) {
    auto instead = k3sInstead(process.keeper, process.store, target);
    if (!instead) throw std::runtime_error(instead.error().text());
    asGit = !*instead;
    auto run = process.keeper.apply(*instead ? (*instead)->target : target, "commit");
    if (!run) throw std::runtime_error(run.error().text());
  }
  K3sTrial trial() { return process.store.k3sTrial().value(); }
  K3sShown shown(const std::optional<std::string>& heldBack = std::nullopt) {
    return k3sShown(process.store, care.last(), heldBack).value();
  }

  testlib::FakeClock& clock;
  cluster::NodeConfig::Restart policy;
  bool asGit = true;  // at the last apply()
  Process process;
  K3sCare care;
  K3sHands hands;
  std::optional<K3sNews> last;
  std::string said;
};

}  // namespace bedplate::apply::testing_node
