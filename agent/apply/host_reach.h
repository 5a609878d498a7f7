// The real look at the network: default gateways by way of the kernel, the Git remote by way of the worker. Root asks
// no server itself.
// Thread-safety: used from one thread at a time.
#pragma once

#include <functional>
#include <optional>

#include "agent/apply/reach.h"
#include "agent/config/config.h"
#include "agent/source/source.h"
#include "tuning/host/clock.h"
#include "tuning/host/files.h"
#include "tuning/links/gateway.h"

namespace bedplate::apply {

class HostReach final : public Reach {
 public:
  // `config` gives null while there is none. Where proc/sys below the root of `files` is no kernel's but a tree of
  // files, there is nothing to be cut off and no check. A remote that is a path proves nothing and is none.
  HostReach(host::HostFiles& files, host::Clock& clock, source::WorkerSetup worker,
            std::function<const config::Config*()> config);

  std::vector<Check> before() override;
  std::vector<Check> after(const std::vector<std::string>& names, std::int64_t budgetMs) override;
  void answered() override { answeredNs_ = clock_.monotonicNs(); }
  void putRoutesBack() override;

 private:
  bool ofThisKernel();
  // The gateways of these routes, and whether an advertised route will be renewed.
  std::vector<Check> gateways(const std::vector<links::DefaultRoute>& routes, std::int64_t budgetMs);
  std::optional<Check> advertised(const links::DefaultRoute& route);
  std::optional<source::Remote> remote();
  // Asked until it answers or the time is over; nothing when it cannot be asked.
  std::optional<Check> askRemote(std::int64_t budgetMs);

  host::HostFiles& files_;
  host::Clock& clock_;
  source::WorkerSetup worker_;
  std::function<const config::Config*()> config_;
  std::optional<std::int64_t> answeredNs_;
  std::optional<links::Routes> routes_;  // as before() saw them
};

}  // namespace bedplate::apply
