#include "tuning/links/gateway.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/cache.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>

namespace bedplate::links {
namespace {

constexpr std::uint32_t kAdvertisedSeconds = 1800;
constexpr int kLookAgainMs = 20;

template <auto release>
struct Release {
  template <class T>
  void operator()(T* object) const {
    release(object);
  }
};

using Socket = std::unique_ptr<nl_sock, Release<nl_socket_free>>;
using Cache = std::unique_ptr<nl_cache, Release<nl_cache_free>>;
using Route = std::unique_ptr<rtnl_route, Release<rtnl_route_put>>;
using Neighbour = std::unique_ptr<rtnl_neigh, Release<rtnl_neigh_put>>;
using Address = std::unique_ptr<nl_addr, Release<nl_addr_put>>;
using Message = std::unique_ptr<nl_msg, Release<nlmsg_free>>;

host::Failure failed(const char* what, int error) {
  const bool denied = error == -NLE_PERM;
  return host::fail(denied ? "Denied" : "NetlinkFailed", what, ::nl_geterror(error),
                    denied ? "run it as root" : "it is tried again");
}

host::Result<Socket> connect() {
  Socket socket(::nl_socket_alloc());
  if (!socket) return failed("netlink", -NLE_NOMEM);
  if (const int error = ::nl_connect(socket.get(), NETLINK_ROUTE); error < 0) return failed("netlink", error);
  return socket;
}

std::string textOf(nl_addr* address) {
  std::array<char, 64> buffer{};
  ::nl_addr2str(address, buffer.data(), buffer.size());
  return buffer.data();
}

std::string nameOf(int index) {
  std::array<char, IF_NAMESIZE> buffer{};
  const char* name = ::if_indextoname(static_cast<unsigned>(index), buffer.data());
  return name != nullptr ? name : "interface " + std::to_string(index);
}

bool isDefault(rtnl_route* route) {
  nl_addr* destination = ::rtnl_route_get_dst(route);
  return (destination == nullptr || ::nl_addr_get_prefixlen(destination) == 0) &&
         ::rtnl_route_get_table(route) == RT_TABLE_MAIN && ::rtnl_route_get_type(route) == RTN_UNICAST &&
         ::rtnl_route_get_nnexthops(route) > 0;
}

std::vector<DefaultRoute::Hop> hopsOf(rtnl_route* route) {
  std::vector<DefaultRoute::Hop> hops;
  for (int i = 0; i < ::rtnl_route_get_nnexthops(route); ++i) {
    rtnl_nexthop* hop = ::rtnl_route_nexthop_n(route, i);
    nl_addr* gateway = ::rtnl_route_nh_get_gateway(hop);
    if (gateway == nullptr) gateway = ::rtnl_route_nh_get_via(hop);
    const int index = ::rtnl_route_nh_get_ifindex(hop);
    hops.push_back({gateway != nullptr ? textOf(gateway) : std::string(), index, nameOf(index)});
  }
  return hops;
}

std::optional<Family> familyOf(rtnl_route* route) {
  const auto family = ::rtnl_route_get_family(route);
  if (family == AF_INET) return Family::ipv4;
  if (family == AF_INET6) return Family::ipv6;
  return std::nullopt;
}

// What identifies a route for the kernel, as far as default routes go.
bool same(rtnl_route* a, rtnl_route* b) {
  if (::rtnl_route_get_priority(a) != ::rtnl_route_get_priority(b)) return false;
  const auto one = hopsOf(a);
  const auto other = hopsOf(b);
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [](const auto& x, const auto& y) { return x.gateway == y.gateway && x.index == y.index; });
}

host::Status add(nl_sock* socket, rtnl_route* route) {
  nl_msg* made = nullptr;
  if (const int error = ::rtnl_route_build_add_request(route, NLM_F_CREATE, &made); error < 0)
    return failed("default route", error);
  Message message(made);
  if (::rtnl_route_get_protocol(route) == RTPROT_RA) ::nla_put_u32(message.get(), RTA_EXPIRES, kAdvertisedSeconds);
  // It is freed by the call, whatever comes of it.
  if (const int error = ::nl_send_sync(socket, message.release()); error < 0) return failed("default route", error);
  return {};
}

// One gateway whose answer is waited for.
struct Asked {
  std::size_t route;
  const DefaultRoute::Hop* hop;
  Address address;
  bool settled = false;
};

class Asking {
 public:
  Asking(Socket socket, Cache neighbours) : socket_(std::move(socket)), neighbours_(std::move(neighbours)) {}

  // REACHABLE may be memory: PROBE makes the kernel ask now. An entry without a link address is asked for by use.
  host::Status begin(const Asked& asked) {
    Neighbour known = find(asked);
    const int state = known ? ::rtnl_neigh_get_state(known.get()) : NUD_NONE;
    if ((state & (NUD_NOARP | NUD_PERMANENT | NUD_INCOMPLETE | NUD_PROBE)) != 0) return {};
    const bool knows = (state & (NUD_REACHABLE | NUD_STALE | NUD_DELAY)) != 0;
    Neighbour wanted(::rtnl_neigh_alloc());
    if (!wanted) return failed("neighbour", -NLE_NOMEM);
    ::rtnl_neigh_set_ifindex(wanted.get(), asked.hop->index);
    ::rtnl_neigh_set_dst(wanted.get(), asked.address.get());
    ::rtnl_neigh_set_state(wanted.get(), knows ? NUD_PROBE : NUD_NONE);
    if (!knows) ::rtnl_neigh_set_flags(wanted.get(), NTF_USE);
    const int error = ::rtnl_neigh_add(socket_.get(), wanted.get(), knows ? NLM_F_REPLACE : NLM_F_CREATE);
    // The entry may have gone, or changed, meanwhile: the next round asks again.
    if (error == -NLE_PERM) return failed("neighbour", error);
    return {};
  }

  host::Status look() {
    const int error = ::nl_cache_refill(socket_.get(), neighbours_.get());
    return error < 0 ? host::Status(failed("neighbours", error)) : host::Status();
  }

  bool answered(const Asked& asked) {
    const Neighbour known = find(asked);
    return known && (::rtnl_neigh_get_state(known.get()) & (NUD_REACHABLE | NUD_NOARP | NUD_PERMANENT)) != 0;
  }

 private:
  Neighbour find(const Asked& asked) {
    return Neighbour(::rtnl_neigh_get(neighbours_.get(), asked.hop->index, asked.address.get()));
  }

  Socket socket_;
  Cache neighbours_;
};

std::vector<Asked> gatewaysOf(const std::vector<DefaultRoute>& routes, std::vector<Answer>& answers) {
  std::vector<Asked> all;
  for (std::size_t i = 0; i < routes.size(); ++i)
    for (const auto& hop : routes[i].hops) {
      nl_addr* address = nullptr;
      if (hop.gateway.empty())
        answers[i].answers = true;
      else if (::nl_addr_parse(hop.gateway.c_str(), AF_UNSPEC, &address) == 0)
        all.push_back({i, &hop, Address(address), false});
    }
  return all;
}

}  // namespace

struct Routes::Kept {
  std::vector<Route> ipv6;
};

Routes::Routes() : kept_(std::make_unique<Kept>()) {}
Routes::Routes(Routes&& other) noexcept = default;
Routes& Routes::operator=(Routes&& other) noexcept = default;
Routes::~Routes() = default;

std::string text(const DefaultRoute::Hop& hop) {
  return hop.gateway.empty() ? hop.interface : hop.gateway + " on " + hop.interface;
}

host::Result<Routes> Routes::read() {
  BEDPLATE_TRY_LET(const Socket socket, connect());
  nl_cache* filled = nullptr;
  if (const int error = ::rtnl_route_alloc_cache(socket.get(), AF_UNSPEC, 0, &filled); error < 0)
    return failed("routes", error);
  const Cache cache(filled);
  Routes routes;
  for (nl_object* object = ::nl_cache_get_first(cache.get()); object != nullptr; object = ::nl_cache_get_next(object)) {
    auto* route = reinterpret_cast<rtnl_route*>(object);
    const auto family = familyOf(route);
    if (!family || !isDefault(route)) continue;
    const bool advertised = ::rtnl_route_get_protocol(route) == RTPROT_RA;
    DefaultRoute found{*family, ::rtnl_route_get_priority(route), advertised, hopsOf(route)};
    const auto before = std::find_if(routes.best_.begin(), routes.best_.end(),
                                     [&](const DefaultRoute& one) { return one.family == *family; });
    if (before == routes.best_.end())
      routes.best_.push_back(std::move(found));
    else if (found.metric < before->metric)
      *before = std::move(found);
    if (*family == Family::ipv6)
      routes.kept_->ipv6.emplace_back(reinterpret_cast<rtnl_route*>(::nl_object_clone(object)));
  }
  return routes;
}

host::Result<int> Routes::putBack() const {
  if (kept_->ipv6.empty()) return 0;
  BEDPLATE_TRY_LET(const Routes now, read());
  BEDPLATE_TRY_LET(const Socket socket, connect());
  int added = 0;
  for (const auto& route : kept_->ipv6) {
    const auto& there = now.kept_->ipv6;
    const bool present =
        std::any_of(there.begin(), there.end(), [&](const Route& one) { return same(one.get(), route.get()); });
    if (!present && add(socket.get(), route.get())) ++added;
  }
  return added;
}

host::Result<std::vector<Answer>> ask(const std::vector<DefaultRoute>& routes, std::int64_t budgetMs) {
  std::vector<Answer> answers(routes.size());
  std::vector<Asked> all = gatewaysOf(routes, answers);
  if (all.empty()) return answers;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(budgetMs);
  BEDPLATE_TRY_LET(Socket socket, connect());
  nl_cache* filled = nullptr;
  if (const int error = ::rtnl_neigh_alloc_cache(socket.get(), &filled); error < 0) return failed("neighbours", error);
  Asking asking(std::move(socket), Cache(filled));
  for (const auto& asked : all) BEDPLATE_TRY(asking.begin(asked));
  for (;;) {
    BEDPLATE_TRY(asking.look());
    bool open = false;
    for (auto& asked : all) {
      Answer& answer = answers[asked.route];
      if (asked.settled || answer.answers) continue;
      asked.settled = answer.answers = asking.answered(asked);
      open = open || !asked.settled;
    }
    if (!open || std::chrono::steady_clock::now() >= deadline) break;
    // What the kernel gave up on is asked for once more.
    for (const auto& asked : all)
      if (!asked.settled) BEDPLATE_TRY(asking.begin(asked));
    static_cast<void>(::poll(nullptr, 0, kLookAgainMs));
  }
  for (const auto& asked : all)
    if (!answers[asked.route].answers) {
      std::string& why = answers[asked.route].why;
      why += (why.empty() ? "" : ", ") + text(*asked.hop);
    }
  for (auto& answer : answers)
    if (!answer.answers) answer.why += " does not answer";
  return answers;
}

}  // namespace bedplate::links
