#include "agent/apply/host_reach.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sys/timerfd.h>
#include <sys/vfs.h>

#include <algorithm>
#include <chrono>

#include "agent/apply/reconcile.h"
#include "tuning/host/paths.h"
#include "tuning/sysctl/sysctl.h"

namespace bedplate::apply {
namespace {

constexpr const char* kGateway4 = "IPv4 gateway";
constexpr const char* kGateway6 = "IPv6 gateway";
constexpr const char* kAdvertised = "IPv6 router advertisements";
constexpr const char* kRemote = "Git remote";

constexpr std::int64_t kBeforeMs = 3000;  // each
constexpr std::int64_t kGatewayMs = 3000;
constexpr std::int64_t kFreshNs = 30'000'000'000;
constexpr std::int64_t kPauseMs = 300;
constexpr std::int64_t kShortestMs = 500;

const char* nameOf(links::Family family) { return family == links::Family::ipv4 ? kGateway4 : kGateway6; }

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// It answered, though not as it should: it is not out of reach.
bool isAnswer(const std::string& reason) {
  return reason == "AuthenticationFailed" || reason == "HostKeyRefused" || reason == "CertificateRefused" ||
         reason == "BranchNotFound";
}

bool isSilence(const std::string& reason) {
  return reason == "RemoteUnreachable" || reason == "Timeout" || reason == "Cancelled";
}

class Deadline {
 public:
  explicit Deadline(std::int64_t ms) : end_(std::chrono::steady_clock::now() + std::chrono::milliseconds(ms)) {}
  [[nodiscard]] std::int64_t leftMs() const {
    return std::chrono::ceil<std::chrono::milliseconds>(end_ - std::chrono::steady_clock::now()).count();
  }

 private:
  std::chrono::steady_clock::time_point end_;
};

}  // namespace

HostReach::HostReach(host::HostFiles& files, host::Clock& clock, source::WorkerSetup worker,
                     std::function<const config::Config*()> config)
    : files_(files), clock_(clock), worker_(std::move(worker)), config_(std::move(config)) {}

bool HostReach::ofThisKernel() {
  const auto sysctls = files_.openAt(host::paths::procSys, O_PATH | O_DIRECTORY);
  struct statfs where{};
  return sysctls && ::fstatfs(sysctls->get(), &where) == 0 && where.f_type == PROC_SUPER_MAGIC;
}

std::vector<Check> HostReach::before() {
  routes_.reset();
  if (!ofThisKernel()) return {};
  std::vector<Check> checks;
  if (auto routes = links::Routes::read()) {
    routes_ = std::move(*routes);
    checks = gateways(routes_->best(), kBeforeMs);
  }
  if (!remote()) return checks;
  if (answeredNs_ && clock_.monotonicNs() - *answeredNs_ < kFreshNs)
    checks.push_back({kRemote, true, ""});
  else if (auto check = askRemote(kBeforeMs))
    checks.push_back(std::move(*check));
  return checks;
}

std::vector<Check> HostReach::after(const std::vector<std::string>& names, std::int64_t budgetMs) {
  const Deadline deadline(budgetMs);
  std::vector<Check> checks;
  const auto failed = [&] {
    return std::any_of(checks.begin(), checks.end(), [](const auto& c) { return !c.passed; });
  };
  if (const auto routes = links::Routes::read()) {
    for (const auto family : {links::Family::ipv4, links::Family::ipv6}) {
      const auto& best = routes->best();
      const bool there =
          std::any_of(best.begin(), best.end(), [&](const links::DefaultRoute& one) { return one.family == family; });
      if (!there && contains(names, nameOf(family)))
        checks.push_back({nameOf(family), false, "its default route is gone"});
    }
    if (failed()) return checks;
    checks = gateways(routes->best(), std::min(kGatewayMs, budgetMs / 2));
    std::erase_if(checks, [&](const Check& check) { return !contains(names, check.name); });
    if (failed()) return checks;
  }
  if (contains(names, kRemote))
    if (auto check = askRemote(deadline.leftMs())) checks.push_back(std::move(*check));
  return checks;
}

void HostReach::putRoutesBack() {
  if (routes_) static_cast<void>(routes_->putBack());  // what does not come back shows in the look that follows
}

std::vector<Check> HostReach::gateways(const std::vector<links::DefaultRoute>& routes, std::int64_t budgetMs) {
  std::vector<Check> checks;
  const auto answers = links::ask(routes, budgetMs);
  for (std::size_t i = 0; i < routes.size(); ++i) {
    if (answers) checks.push_back({nameOf(routes[i].family), (*answers)[i].answers, (*answers)[i].why});
    if (auto check = advertised(routes[i])) checks.push_back(std::move(*check));
  }
  return checks;
}

// A route from an advertisement ends when the kernel takes no further ones, though that may be half an hour later.
std::optional<Check> HostReach::advertised(const links::DefaultRoute& route) {
  if (!route.advertised) return std::nullopt;
  sysctl::Tree tree(files_);
  const auto says = [&](const std::string& interface, const char* name, std::string_view value) {
    return tree.read("net/ipv6/conf/" + interface + "/" + name).value_or("") == value;
  };
  for (const auto& hop : route.hops) {
    const bool forwards = !says(hop.interface, "forwarding", "0");
    const bool accepts = says(hop.interface, "accept_ra", "2") || (says(hop.interface, "accept_ra", "1") && !forwards);
    if (accepts && says(hop.interface, "accept_ra_defrtr", "1")) return Check{kAdvertised, true, ""};
  }
  return Check{kAdvertised, false,
               "the default route came by one, and " + route.hops.front().interface +
                   " takes no more: it will end (accept_ra = 2 where forwarding is on)"};
}

std::optional<source::Remote> HostReach::remote() {
  const config::Config* config = config_();
  if (config == nullptr || !config->configured()) return std::nullopt;
  auto remote = makeRemote(*config, files_);
  if (!remote || remote->url.compare(0, 7, "file://") == 0 || remote->url.compare(0, 1, "/") == 0) return std::nullopt;
  return std::move(*remote);
}

std::optional<Check> HostReach::askRemote(std::int64_t budgetMs) {
  auto where = remote();
  if (!where) return std::nullopt;
  const Deadline deadline(budgetMs);
  std::string why = "no time was left to ask it";
  for (std::int64_t left = budgetMs; left >= kShortestMs; left = deadline.leftMs()) {
    // The end of the time ends the worker, whatever it does.
    const host::UniqueFd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    itimerspec at{};
    at.it_value.tv_sec = left / 1000;
    at.it_value.tv_nsec = left % 1000 * 1'000'000;
    if (!timer.valid() || ::timerfd_settime(timer.get(), 0, &at, nullptr) != 0) return std::nullopt;
    source::WorkerSetup setup = worker_;
    setup.interruptFd = timer.get();
    setup.interrupted = [] { return false; };
    where->timeoutMs = std::min(where->timeoutMs, left);
    const auto session = source::Session::start(*where, setup);
    if (session || isAnswer(session.error().reason)) {
      answered();
      return Check{kRemote, true, ""};
    }
    if (!isSilence(session.error().reason)) return std::nullopt;
    const bool timeOver = session.error().reason == "Cancelled" || session.error().reason == "Timeout";
    why = timeOver ? where->url + " is silent" : session.error().why;
    if (timeOver) break;
    static_cast<void>(::poll(nullptr, 0, static_cast<int>(kPauseMs)));
  }
  return Check{kRemote, false, why};
}

}  // namespace bedplate::apply
