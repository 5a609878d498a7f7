// Restarts of K3s, as far as the world goes: systemd, the Kubernetes API, the default gateway. Does what an order says
// and tells what came of it; holds no state that a crash could take.
//
// Everything here may be done again: a restart that was asked for before a crash is seen by the start of K3s's process,
// and not asked for twice.
// Thread-safety: used from one thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/apply/k3s_order.h"
#include "agent/apply/k3s_policy.h"
#include "agent/apply/reach.h"
#include "agent/k3s/unit.h"
#include "agent/kube/kube.h"
#include "tuning/host/clock.h"
#include "tuning/host/files.h"

namespace bedplate::apply {

struct K3sTools {
  host::Files& files;
  host::Clock& clock;
  k3s::Unit& unit;
  // Something to ask the API with, anew each time; what it gives must live as long as the call that it was made for.
  std::function<host::Result<std::unique_ptr<source::HttpSession>>()> session;
  // K3s's log since a time (µs since the epoch).
  std::function<std::vector<std::string>(const std::string& unit, std::int64_t sinceUs)> log;
  Reach* reach = nullptr;  // for the default gateways; null: they are not looked at
  // Waits some milliseconds; false: there is to be no more waiting, the agent ends.
  std::function<bool(std::int64_t ms)> pause;
  std::int64_t settleMs = 10'000;  // K3s has to be well for as long: one of its parts may end after it said it is up
  std::int64_t everyMs = 1'000;
};

class K3sHands {
 public:
  explicit K3sHands(K3sTools tools) : tools_(std::move(tools)) {}

  // Of a start that nobody looked at beforehand: what K3s must do wherever it runs.
  static std::vector<std::string> checksOfBoot();

  // nullopt: interrupted, the order stands. May take as long as the trial's timeout.
  std::optional<K3sNews> work(const K3sOrder& order);

 private:
  struct Cluster;
  struct Look {
    std::vector<Check> checks;
    k3s::UnitState unit;
    std::string configHash;
  };
  K3sNews look(const K3sOrder& order);
  std::optional<K3sNews> tryIt(const K3sOrder& order);
  std::optional<K3sNews> goBack(const K3sOrder& order);
  // Until all of the checks pass for a while, or the time is over. False: interrupted.
  bool watch(const K3sOrder& order, bool mayFailEarly, K3sNews& news);
  // Waits until K3s was started since the trial began: by the boot, or because `restart` asks for it. False:
  // interrupted.
  bool awaitStart(const K3sOrder& order, bool restart);
  void freeLeft(const K3sOrder& order, Cluster& cluster);

  host::Result<std::unique_ptr<Cluster>> connect();
  // What K3s was started with, as far as the clock can tell.
  std::optional<K3sRunning> running(const K3sOrder& order, const k3s::UnitState& unit, const std::string& effective);
  void decide(const K3sOrder& order, Cluster& cluster, const std::optional<kube::Node>& own, K3sNews& news);
  host::Result<ClusterSeen> see(const K3sOrder& order, Cluster& cluster, const std::optional<kube::Node>& own);
  Verdict take(const K3sOrder& order, Cluster& cluster, const RestartWish& wish, ClusterSeen& seen);
  Look checks(const K3sOrder& order);
  std::vector<Check> gateways(const std::vector<std::string>& names);
  bool tell(const K3sOrder& order, Cluster& cluster, const std::optional<kube::Node>& own);
  void renew(const K3sOrder& order);
  std::int64_t wallOf(std::int64_t monotonicNs);

  K3sTools tools_;
  kube::LeaseWatch lease_;
  std::string saidTree_;  // for which a canary has said on its Node that it runs with it
};

}  // namespace bedplate::apply
