// Ours beside the real systemd-sysctl on the real kernel: each run in a network namespace of its own, so that no value
// of the machine is touched (below /proc/sys/net a thread sees its own namespace).
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>

#include "tests/lib/netns.h"
#include "tests/lib/temp_tree.h"
#include "tuning/sysctl/sysctl.h"

namespace bedplate::sysctl {
namespace {

using testlib::inNamespace;

constexpr const char* kSystemd = "/lib/systemd/systemd-sysctl";
const std::vector<std::string> kDevices = {"all", "default", "lo"};
// Keys that no other key changes behind our back.
const std::vector<std::string> kNames = {"rp_filter", "log_martians", "arp_ignore", "arp_announce"};

std::string dump(Tree& tree) {
  std::string text;
  for (const std::string& device : kDevices)
    for (const std::string& name : kNames) {
      const std::string key = "net/ipv4/conf/" + device + "/" + name;
      text += key + "=" + tree.read(key).value_or("?") + "\n";
    }
  for (const char* key : {"net/ipv4/tcp_rmem", "net/ipv4/ip_local_reserved_ports", "net/ipv4/tcp_keepalive_time"})
    text += std::string(key) + "=" + tree.read(key).value_or("?") + "\n";
  return text;
}

// The kernel carries a write to "default" on to every device whose own value nobody has set. systemd writes in the
// order of the file and we in that of the keys, so the outcome would differ by the order of writing: set every value
// once.
void settle(Tree& tree) {
  for (const std::string& device : kDevices)
    for (const std::string& name : kNames)
      for (const char* value : {"1", "0"}) static_cast<void>(tree.write("net/ipv4/conf/" + device + "/" + name, value));
}

std::string ours(const std::string& file) {
  return inNamespace([&] {
    auto files = host::HostFiles::open("/");
    if (!files) return files.error().text();
    Tree tree(*files);
    settle(tree);
    const auto text = files->read(file.substr(1), 1 << 20);
    const auto wants = resolve(parse(text.value(), file).rules, tree);
    if (!wants) return wants.error().text();
    // Tolerated or not, systemd goes on after a failure; so does this.
    for (const Want& want : *wants) static_cast<void>(tree.write(want.key, want.value));
    return dump(tree);
  });
}

std::string systemds(const std::string& file) {
  return inNamespace([&] {
    auto files = host::HostFiles::open("/");
    if (!files) return files.error().text();
    Tree tree(*files);
    settle(tree);
    const pid_t pid = ::fork();
    if (pid == 0) {
      const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
      ::dup2(null, 2);
      ::execl(kSystemd, kSystemd, file.c_str(), nullptr);
      ::_exit(127);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) == 127) return std::string("systemd-sysctl did not run");
    return dump(tree);
  });
}

class Kernel : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: needs root for a network namespace";
    if (::access(kSystemd, X_OK) != 0) GTEST_SKIP() << "SKIPPED: no " << kSystemd << " to compare with";
    const std::string probe = inNamespace([] { return std::string("ok"); });
    if (probe != "ok") GTEST_SKIP() << probe;
    const std::string writable = inNamespace([] {
      return ::access("/proc/sys/net/ipv4/conf/all/rp_filter", W_OK) == 0 ? std::string("yes") : std::string("no");
    });
    if (writable != "yes") GTEST_SKIP() << "SKIPPED: /proc/sys/net cannot be written here";
  }

  void same(const std::string& text) {
    tree_.write("t.conf", text);
    const std::string file = tree_.path() + "/t.conf";
    const std::string mine = ours(file);
    EXPECT_NE(mine.find("net/ipv4/conf/lo/rp_filter="), std::string::npos) << mine;
    EXPECT_EQ(mine, systemds(file)) << "for the file:\n" << text;
  }

  testlib::TempTree tree_;
};

TEST_F(Kernel, EveryFormMeansWhatItMeansToSystemd) {
  same("net.ipv4.conf.all.rp_filter = 2\n");
  same("net/ipv4/conf/lo/rp_filter=1\n; x\n # y\n\nnet.ipv4.conf.default.log_martians =\t1 \r\n");
  same("net.ipv4.conf.*.rp_filter = 1\n-net.ipv4.conf.lo.rp_filter\n");
  same("net.ipv4.conf.*.rp_filter = 1\n-net.ipv4.conf.l*.rp_filter\n");
  same("net.ipv4.conf.l*.rp_filter = 1\n-net.ipv4.conf.l*.rp_filter\n");
  same("net.ipv4.conf.lo.rp_filter = 2\nnet.ipv4.conf.*.rp_filter = 1\n");
  same("net.ipv4.conf.lo.rp_filter = 2\n-net.ipv4.conf.lo.rp_filter\n");
  same("-net.ipv4.conf.lo.rp_filter = 2\n-net.ipv4.conf.none.rp_filter = 2\nnet.ipv4.nothing = 1\n");
  same("net.ipv4.conf.[al]*.rp_filter = 1\nnet.ipv4.conf.?o.rp_filter = 2\n");
  same("net.ipv4.tcp_rmem = 4096   131072\t6291456\nnet.ipv4.ip_local_reserved_ports = 8080-8090\n");
  same("net.ipv4.ip_local_reserved_ports = 8080\nnet.ipv4.ip_local_reserved_ports =\n");
  same("net.ipv4.tcp_keepalive_time = 0x40\nnet.ipv4.conf.all.rp_filter = nonsense\n");
}

TEST_F(Kernel, RandomFilesGiveTheSameValues) {
  std::mt19937 random(20261123);  // NOLINT: the same files on every run
  const auto pick = [&random](const auto& from) { return from[random() % from.size()]; };
  const std::vector<std::string> places = {"all", "default", "lo", "*", "l*", "?o", "[ad]*", "a*", "none"};
  for (int round = 0; round < 60; ++round) {
    std::string text;
    int value = 0;
    for (std::size_t line = 0; line < 1 + random() % 10; ++line) {
      // 0, 1, 2 in turn: a glob is then never repeated with the value it had, which is where we differ on purpose.
      value = (value + 1) % 3;
      std::string key = "net.ipv4.conf." + pick(places) + "." + pick(kNames);
      if (random() % 3 == 0) key = normaliseKey(key).value();
      const auto form = random() % 6;
      text += form == 0 ? "-" + key + "\n" : (form == 1 ? "-" : "") + key + " = " + std::to_string(value) + "\n";
    }
    same(text);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace bedplate::sysctl
