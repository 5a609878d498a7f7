// The running kernel, in a network namespace of the test's own: connections over lo are tracked and counted.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "tuning/conntrack/conntrack.h"
#include "tuning/conntrack/netlink.h"
#include "tuning/host/paths.h"

namespace bedplate::conntrack {
namespace {

using host::UniqueFd;

int runProgram(std::vector<std::string> words) {
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t pid = 0;
  if (const int error = ::posix_spawnp(&pid, argv[0], nullptr, nullptr, argv.data(), environ); error != 0)
    return -error;
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

bool raiseLoopback() {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");  // NOLINT: three bytes into sixteen
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  return ::ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0;
}

class ConntrackKernel : public testing::Test {
 protected:
  void SetUp() override {
    if (::unshare(CLONE_NEWNET) != 0)
      GTEST_SKIP() << "SKIPPED: no network namespace of its own: " << std::strerror(errno);
    ASSERT_TRUE(raiseLoopback());
    auto files = host::HostFiles::open("/");
    ASSERT_TRUE(files);
    files_ = std::make_unique<host::HostFiles>(std::move(*files));
    if (!files_->info(host::paths::conntrackCount)) GTEST_SKIP() << "SKIPPED: nf_conntrack is not loaded here";
    // The kernel tracks where a rule asks for it.
    const int status = runProgram({"nft",
                                   "add table ip t; add chain ip t c { type filter hook output priority 0; }; "
                                   "add rule ip t c ct state invalid counter"});
    if (status != 0) GTEST_SKIP() << "SKIPPED: nft does not work here (status " << status << ")";
  }

  // Both ends of connections over lo.
  void connect(std::size_t number) {
    const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(listener.get(), 1024), 0);
    socklen_t size = sizeof address;
    ASSERT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    for (std::size_t i = 0; i < number; ++i) {
      UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      ASSERT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
      ends_.emplace_back(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      ASSERT_TRUE(ends_.back().valid());
      ends_.push_back(std::move(client));
    }
  }

  std::unique_ptr<host::HostFiles> files_;
  std::vector<UniqueFd> ends_;
};

TEST_F(ConntrackKernel, CountsRealConnectionsByNetlinkAndByText) {
  const auto before = readStats(*files_, true);
  ASSERT_TRUE(before) << before.error().text();
  ASSERT_EQ(before->source, Source::netlink) << askKernel().error().text();
  ASSERT_NO_FATAL_FAILURE(connect(50));
  const auto after = readStats(*files_, true);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->entries, before->entries + 50);
  EXPECT_GT(after->limit, after->entries);
  EXPECT_FALSE(after->cpus.empty());

  const auto text = readStats(*files_, false);
  ASSERT_TRUE(text) << text.error().text();
  EXPECT_EQ(text->source, Source::text);
  EXPECT_EQ(text->entries, after->entries);
  EXPECT_EQ(text->limit, after->limit);
  ASSERT_EQ(text->cpus.size(), after->cpus.size()) << "a line a CPU";
  for (std::size_t i = 0; i < text->cpus.size(); ++i) EXPECT_EQ(text->cpus[i].counters, after->cpus[i].counters);
}

// A TCP packet with SYN and FIN belongs to no connection.
TEST_F(ConntrackKernel, CountsWhatIsInvalid) {
  Totals totals;
  totals.add(*readStats(*files_, true));
  const UniqueFd raw(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP));
  ASSERT_TRUE(raw.valid()) << std::strerror(errno);
  tcphdr packet{};
  packet.th_sport = htons(1);
  packet.th_dport = htons(2);
  packet.th_off = sizeof packet / 4;
  packet.th_flags = TH_SYN | TH_FIN;
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int i = 0; i < 3; ++i)
    ASSERT_EQ(::sendto(raw.get(), &packet, sizeof packet, 0, reinterpret_cast<sockaddr*>(&to), sizeof to),
              static_cast<ssize_t>(sizeof packet));
  totals.add(*readStats(*files_, true));
  EXPECT_GE(totals.of(Event::invalid), 3U);
  EXPECT_EQ(totals.of(Event::drop), 0U);
}

TEST_F(ConntrackKernel, WithoutTheRightTheTextIsRead) {
  if (::seteuid(65534) != 0) GTEST_SKIP() << "SKIPPED: cannot drop the rights: " << std::strerror(errno);
  const auto asked = askKernel();
  const auto stats = readStats(*files_, true);
  ASSERT_EQ(::seteuid(0), 0);
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().reason, "Denied") << asked.error().text();
  ASSERT_TRUE(stats) << stats.error().text();
  EXPECT_EQ(stats->source, Source::text);
}

}  // namespace
}  // namespace bedplate::conntrack
