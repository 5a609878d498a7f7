// Interfaces on the real kernel, in network namespaces; uevents as text.
#include "tuning/links/links.h"

#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>

#include "tests/lib/netns.h"

namespace bedplate::links {
namespace {

using namespace std::string_literals;
using testlib::inNamespace;
using testlib::ip;

TEST(Uevent, OfTheKernel) {
  const auto event =
      parseUevent("add@/module/br_netfilter\0ACTION=add\0DEVPATH=/module/br_netfilter\0SUBSYSTEM=module\0SEQNUM=7\0"s);
  ASSERT_TRUE(event);
  EXPECT_EQ(event->action, "add");
  EXPECT_EQ(event->path, "/module/br_netfilter");
  EXPECT_EQ(event->subsystem, "module");
}

TEST(Uevent, WhatIsNotOfTheKernelIsPassedOver) {
  EXPECT_FALSE(parseUevent("libudev\0\xfe\xed\xca\xfe"s));
  EXPECT_FALSE(parseUevent(""));
  EXPECT_FALSE(parseUevent("add"));
  EXPECT_FALSE(parseUevent("@/x"));
  EXPECT_FALSE(parseUevent("add@x"));
  EXPECT_FALSE(parseUevent("add@/a b"));
  EXPECT_FALSE(parseUevent("add@/x\0SUBSYSTEM=mod\nule\0"s));
  EXPECT_FALSE(parseUevent("add@/" + std::string(5000, 'x')));
  EXPECT_EQ(parseUevent("add@/x")->subsystem, "");
}

#define BEDPLATE_CHECK(CONDITION) \
  if (!(CONDITION)) return std::string(#CONDITION " does not hold, line ") + std::to_string(__LINE__)

bool came(Links& links, int ms = 2000) {
  pollfd ready[2] = {{links.interfaces(), POLLIN, 0}, {links.modules(), POLLIN, 0}};
  for (;;) {
    if (::poll(ready, 2, ms) <= 0) return false;
    if (links.drain()) return true;
  }
}

TEST(Interfaces, ThatComeGoAndAreRenamedAreTold) {
  const std::string outcome = inNamespace([]() -> std::string {
    auto opened = Links::open();
    if (!opened) return "SKIPPED: " + opened.error().text();
    Links& links = *opened;
    BEDPLATE_CHECK(links.interfaces() >= 0);
    BEDPLATE_CHECK(!came(links, 50));
    if (!ip({"link", "add", "b0", "type", "bridge"})) return "SKIPPED: no bridge to be made (iproute2)";
    BEDPLATE_CHECK(came(links));
    while (came(links, 50)) {
    }
    BEDPLATE_CHECK(ip({"link", "set", "b0", "mtu", "1400"}));
    BEDPLATE_CHECK(!came(links, 100));
    BEDPLATE_CHECK(ip({"link", "set", "b0", "name", "b1"}));
    BEDPLATE_CHECK(came(links));
    BEDPLATE_CHECK(ip({"link", "add", "v0", "type", "veth", "peer", "name", "v1"}));
    BEDPLATE_CHECK(came(links));
    while (came(links, 50)) {
    }
    BEDPLATE_CHECK(ip({"link", "set", "v0", "master", "b1"}));
    BEDPLATE_CHECK(ip({"link", "set", "v0", "nomaster"}));
    BEDPLATE_CHECK(!came(links, 100));
    BEDPLATE_CHECK(ip({"link", "del", "b1"}));
    BEDPLATE_CHECK(came(links));
    return "";
  });
  if (outcome.rfind("SKIPPED", 0) == 0) GTEST_SKIP() << outcome;
  EXPECT_EQ(outcome, "");
}

TEST(Interfaces, OnlyTheKernelIsHeard) {
  const std::string outcome = inNamespace([]() -> std::string {
    auto opened = Links::open();
    if (!opened) return "SKIPPED: " + opened.error().text();
    if (opened->modules() < 0) return "SKIPPED: " + opened->why();
    sockaddr_nl address{};
    socklen_t size = sizeof address;
    BEDPLATE_CHECK(::getsockname(opened->modules(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    const int other = ::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
    address.nl_groups = 0;
    const std::string text = "add@/module/x\0SUBSYSTEM=module\0"s;
    if (::sendto(other, text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&address), size) < 0)
      return "SKIPPED: the kernel takes no message to another's socket here";
    BEDPLATE_CHECK(!came(*opened, 200));
    return "";
  });
  if (outcome.rfind("SKIPPED", 0) == 0) GTEST_SKIP() << outcome;
  EXPECT_EQ(outcome, "");
}

}  // namespace
}  // namespace bedplate::links
