// Two network namespaces with a veth pair between them: this node, and the router that is its gateway.
#include "tuning/links/gateway.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>

#include "tuning/host/unique_fd.h"

namespace bedplate::links {
namespace {

bool ip(const std::string& line) {
  std::vector<std::string> words = {"ip"};
  for (std::size_t begin = 0; begin < line.size();) {
    const std::size_t end = std::min(line.find(' ', begin), line.size());
    words.push_back(line.substr(begin, end - begin));
    begin = end + 1;
  }
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::execvp("ip", arguments.data());
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool put(const std::string& key, const std::string& value) {
  const host::UniqueFd fd(::open(("/proc/sys/" + key).c_str(), O_WRONLY | O_CLOEXEC));
  return fd.valid() && ::write(fd.get(), value.data(), value.size()) == static_cast<ssize_t>(value.size());
}

// The namespace of this process becomes the node's: "near" 192.0.2.10/24 and 2001:db8::10/64, a peer with .1 and ::1.
// False without the rights for it.
class Network {
 public:
  bool make() {
    if (::unshare(CLONE_NEWNET) != 0) return false;
    int ready[2];
    if (::pipe2(ready, O_CLOEXEC) != 0 || ::pipe2(end_, O_CLOEXEC) != 0) return false;
    router_ = ::fork();
    if (router_ == 0) {
      ::close(end_[1]);
      char byte = ::unshare(CLONE_NEWNET) == 0 ? 'y' : 'n';
      static_cast<void>(!::write(ready[1], &byte, 1));
      // Until the node's process goes, or says so.
      static_cast<void>(!::read(end_[0], &byte, 1));
      ::_exit(0);
    }
    ::close(end_[0]);
    char byte = 'n';
    static_cast<void>(!::read(ready[0], &byte, 1));
    const std::string router = std::to_string(router_);
    return byte == 'y' && ip("link set lo up") && ip("link add near type veth peer name far netns " + router) &&
           ip("link set near up") && put("net/ipv6/conf/near/accept_dad", "0") &&
           ip("address add 192.0.2.10/24 dev near") && ip("address add 2001:db8::10/64 dev near nodad") &&
           onRouter("address add 192.0.2.1/24 dev far") && onRouter("address add 2001:db8::1/64 dev far nodad") &&
           onRouter("link set far up");
  }
  bool onRouter(const std::string& line) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      const host::UniqueFd there(
          ::open(("/proc/" + std::to_string(router_) + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC));
      ::_exit(::setns(there.get(), CLONE_NEWNET) == 0 && ip(line) ? 0 : 1);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  ~Network() {
    if (router_ <= 0) return;
    ::close(end_[1]);
    ::waitpid(router_, nullptr, 0);
  }

 private:
  pid_t router_ = -1;
  int end_[2] = {-1, -1};
};

// Runs it in a child, as the namespace is the process's for good; "" when all was as expected.
std::string inNetwork(const std::function<std::string(Network&)>& work) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return "pipe";
  const pid_t pid = ::fork();
  if (pid == 0) {
    std::string said;
    {
      Network network;
      said = network.make() ? work(network) : "no network";
    }
    static_cast<void>(!::write(ends[1], said.data(), said.size()));
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string said;
  char buffer[1024];
  for (ssize_t n = 0; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;)
    said.append(buffer, static_cast<std::size_t>(n));
  ::close(ends[0]);
  ::waitpid(pid, nullptr, 0);
  return said;
}

#define IN_NETWORK(said, work)              \
  const std::string said = inNetwork(work); \
  if (said == "no network") GTEST_SKIP() << "SKIPPED: needs root, ip(8) and network namespaces of its own"

std::string shown(const std::vector<DefaultRoute>& routes) {
  std::string text;
  for (const auto& route : routes) {
    text += route.family == Family::ipv4 ? "4" : "6";
    text += route.advertised ? " advertised" : "";
    for (const auto& hop : route.hops) text += " " + links::text(hop);
    text += " metric " + std::to_string(route.metric) + "\n";
  }
  return text;
}

std::string asked(const host::Result<Routes>& routes, std::int64_t budgetMs) {
  if (!routes) return routes.error().text();
  const auto answers = ask(routes->best(), budgetMs);
  if (!answers) return answers.error().text();
  std::string text;
  for (const auto& answer : *answers) text += (answer.answers ? std::string("answers") : answer.why) + "\n";
  return text;
}

TEST(Gateway, TheBestRouteOfEachFamilyIsTaken) {
  IN_NETWORK(said, [](Network&) {
    std::string text = shown(Routes::read().value().best());
    ip("route add default via 192.0.2.2 metric 200");
    ip("route add default via 192.0.2.1 metric 100");
    ip("route add default via 192.0.2.3 metric 50 table 77");
    ip("-6 route add default via 2001:db8::1 dev near metric 20 proto ra");
    ip("-6 route add 2001:db8:1::/64 via 2001:db8::2 dev near");
    return text + shown(Routes::read().value().best());
  });
  EXPECT_EQ(said, "4 192.0.2.1 on near metric 100\n6 advertised 2001:db8::1 on near metric 20\n");
}

TEST(Gateway, OneThatIsThereAnswersAtOnceAndAgain) {
  IN_NETWORK(said, [](Network&) {
    ip("route add default via 192.0.2.1");
    ip("-6 route add default via 2001:db8::1 dev near");
    const auto begin = std::chrono::steady_clock::now();
    std::string text = asked(Routes::read(), 3000);
    text += asked(Routes::read(), 3000);  // what is remembered is asked for anew
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    return text + (took.count() < 2.5 ? "soon" : "late " + std::to_string(took.count()));
  });
  EXPECT_EQ(said, "answers\nanswers\nanswers\nanswers\nsoon");
}

TEST(Gateway, OneThatIsGoneDoesNotThoughItIsRemembered) {
  IN_NETWORK(said, [](Network& network) {
    ip("route add default via 192.0.2.1");
    ip("-6 route add default via 2001:db8::1 dev near");
    std::string text = asked(Routes::read(), 3000);
    network.onRouter("address del 192.0.2.1/24 dev far");
    network.onRouter("link set far arp off");
    text += asked(Routes::read(), 1500);
    network.onRouter("address add 192.0.2.1/24 dev far");
    network.onRouter("link set far arp on");
    return text + asked(Routes::read(), 5000);
  });
  EXPECT_EQ(
      said,
      "answers\nanswers\n192.0.2.1 on near does not answer\n2001:db8::1 on near does not answer\nanswers\nanswers\n");
}

TEST(Gateway, AnInterfaceWithoutOneNeedsNoAnswer) {
  IN_NETWORK(said, [](Network&) {
    ip("route add default dev near");
    return asked(Routes::read(), 100);
  });
  EXPECT_EQ(said, "answers\n");
}

TEST(Gateway, AnAdvertisedRouteIsPutBackForAWhile) {
  IN_NETWORK(said, [](Network&) {
    ip("-6 route add default via 2001:db8::1 dev near proto ra metric 1024");
    const auto before = Routes::read();
    std::string text = std::to_string(before->putBack().value()) + " ";
    ip("-6 route del default via 2001:db8::1 dev near");
    text += shown(Routes::read().value().best());
    text += std::to_string(before->putBack().value()) + " ";
    return text + shown(Routes::read().value().best());
  });
  EXPECT_EQ(said, "0 1 6 advertised 2001:db8::1 on near metric 1024\n");
}

TEST(Gateway, WhereThereIsNoDefaultRouteNothingIsAsked) {
  IN_NETWORK(said, [](Network&) { return asked(Routes::read(), 3000) + "done"; });
  EXPECT_EQ(said, "done");
}

}  // namespace
}  // namespace bedplate::links
