// The default routes of this network namespace, and whether the gateways they name answer.
//
// Routes and neighbours are the kernel's own (rtnetlink, main table); the question to a neighbour is asked by the
// kernel as it always does, by ARP or neighbour solicitation: no packet is made here. Changing anything needs
// CAP_NET_ADMIN. Thread-safety: one thread an object; free functions.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tuning/host/result.h"

namespace bedplate::links {

enum class Family { ipv4, ipv6 };

// The default route that the kernel takes: of those of a family the one with the smallest metric.
struct DefaultRoute {
  Family family = Family::ipv4;
  std::uint32_t metric = 0;
  bool advertised = false;  // from a router advertisement that the kernel took (IPv6)
  struct Hop {
    std::string gateway;  // "192.0.2.1", "fe80::1"; "" for an interface that needs none (point to point)
    int index = 0;        // of the interface
    std::string interface;
  };
  std::vector<Hop> hops;  // never empty
};

// "192.0.2.1 on eth0".
std::string text(const DefaultRoute::Hop& hop);

struct Answer {
  bool answers = false;
  std::string why;  // when not: "192.0.2.1 on eth0 does not answer"
};

class Routes {
 public:
  // All default routes as they are now. "NetlinkFailed".
  static host::Result<Routes> read();
  Routes(Routes&& other) noexcept;
  Routes& operator=(Routes&& other) noexcept;
  ~Routes();

  // The best of each family that has one.
  [[nodiscard]] const std::vector<DefaultRoute>& best() const { return best_; }

  // Adds the IPv6 default routes of this moment that are no longer there (the kernel forgets those from router
  // advertisements, and does not ask for new ones). One that was advertised lives half an hour, which is how long a
  // router's word usually holds: the next advertisement is to take over. Gives how many were added; what the kernel
  // does not take back is passed over.
  host::Result<int> putBack() const;

 private:
  struct Kept;
  Routes();
  std::vector<DefaultRoute> best_;
  std::unique_ptr<Kept> kept_;
};

// Whether the gateways answer now: what the kernel remembers of them is put to the proof first. All are asked at once;
// a route answers when one of its hops does, or needs no gateway. Takes at most `budgetMs`, and far less when they
// answer. An error ("NetlinkFailed", "Denied") says nothing about them. In the order of `routes`.
host::Result<std::vector<Answer>> ask(const std::vector<DefaultRoute>& routes, std::int64_t budgetMs);

}  // namespace bedplate::links
