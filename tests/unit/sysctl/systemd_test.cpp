// One corpus of sysctl.d directories, given to the real systemd-sysctl and to us: the same keys, values and precedence.
// Each side runs in a network and mount namespace of its own, with the corpus mounted over the directories that systemd
// reads; below /proc/sys/net a process sees its own network namespace, so that no value of the machine is touched.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>

#include "tests/lib/temp_tree.h"
#include "tuning/sysctl/sysctl.h"

namespace bedplate::sysctl {
namespace {

constexpr const char* kSystemd = "/lib/systemd/systemd-sysctl";
const std::vector<std::string> kInterfaces = {"enp3s0.200", "enp3s0", "v1", "v2"};

using Values = std::map<std::string, std::string>;
using Corpus = std::map<std::string, std::string>;  // "etc/50-a.conf", "run/50-a.conf" -> text

bool run(const std::vector<const char*>& words) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    ::dup2(null, 1);
    ::dup2(null, 2);
    std::vector<char*> args;
    for (const char* word : words) args.push_back(const_cast<char*>(word));
    args.push_back(nullptr);
    ::execvp(args[0], args.data());
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) != 127;
}

// An empty directory over another one, where that is.
bool cover(const char* directory) {
  struct stat info{};
  if (::stat(directory, &info) != 0) return true;
  return ::mount("none", directory, "tmpfs", 0, nullptr) == 0;
}

// "" or what there is not.
std::string enter(const Corpus& corpus) {
  if (::unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) return "network and mount namespaces";
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return "private mounts";
  std::error_code ignored;
  std::filesystem::create_directories("/etc/sysctl.d", ignored);
  std::filesystem::create_directories("/run/sysctl.d", ignored);
  for (const char* place :
       {"/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d"})
    if (!cover(place)) return std::string("a mount over ") + place;
  for (const auto& [name, text] : corpus) {
    const std::size_t slash = name.find('/');
    std::ofstream("/" + name.substr(0, slash) + "/sysctl.d" + name.substr(slash)) << text;
  }
  for (const std::string& name : kInterfaces)
    if (!run({"ip", "link", "add", "name", name.c_str(), "type", "dummy"}) ||
        ::access(("/proc/sys/net/ipv4/conf/" + name).c_str(), F_OK) != 0) {
      run({"ip", "link", "add", "name", name.c_str(), "type", "veth", "peer", "name", ("p" + name).c_str()});
      if (::access(("/proc/sys/net/ipv4/conf/" + name).c_str(), F_OK) != 0) return "an interface " + name;
    }
  return {};
}

// Every key of the namespace that can be read.
Values all(host::Files& files) {
  Values values;
  Tree tree(files);
  for (const char* top : {"net/ipv4", "net/ipv6", "net/core"}) {
    const std::string folder = std::string("/proc/sys/") + top;
    std::error_code error;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, error)) {
      if (!entry.is_regular_file(error)) continue;
      const std::string key = entry.path().string().substr(std::string("/proc/sys/").size());
      if (const auto value = tree.read(key)) values[key] = *value;
    }
  }
  return values;
}

struct Outcome {
  std::string missing;  // what the machine does not have for this test
  Values before, after;
};

// `work` in namespaces of its own, with what was there before and after.
Outcome inNamespaces(const Corpus& corpus, const std::function<void(host::Files&)>& work) {
  int ends[2];
  Outcome outcome;
  if (::pipe2(ends, O_CLOEXEC) != 0) return {"a pipe", {}, {}};
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::close(ends[0]);
    std::string text;
    const auto line = [&](char kind, const std::string& key, const std::string& value) {
      text += kind + key + "\t" + value + "\n";
    };
    std::string missing = enter(corpus);
    auto files = host::HostFiles::open("/");
    if (!files) missing = "/";
    if (missing.empty()) {
      for (const auto& [key, value] : all(*files)) line('b', key, value);
      work(*files);
      for (const auto& [key, value] : all(*files)) line('a', key, value);
    } else {
      line('m', missing, "");
    }
    for (std::string_view rest = text; !rest.empty();) {
      const ssize_t n = ::write(ends[1], rest.data(), rest.size());
      if (n <= 0) ::_exit(1);
      rest.remove_prefix(static_cast<std::size_t>(n));
    }
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string text;
  char buffer[65536];
  for (ssize_t n = 0; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(n));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return {"a child that ends well", {}, {}};
  std::istringstream lines(text);
  for (std::string one; std::getline(lines, one);) {
    const std::size_t tab = one.find('\t');
    const std::string key = one.substr(1, tab - 1);
    if (one[0] == 'm') outcome.missing = key;
    if (one[0] == 'b') outcome.before[key] = one.substr(tab + 1);
    if (one[0] == 'a') outcome.after[key] = one.substr(tab + 1);
  }
  return outcome;
}

Outcome systemds(const Corpus& corpus) {
  return inNamespaces(corpus, [](host::Files&) { run({kSystemd}); });
}

Outcome ours(const Corpus& corpus) {
  return inNamespaces(corpus, [&](host::Files& files) {
    // A file in /etc replaces one of the same name in /run, as a later layer does in Git; then by name.
    std::map<std::string, std::string> byName;
    for (const auto& [name, text] : corpus)
      if (const std::string base = name.substr(name.find('/') + 1); name.starts_with("etc/") || !byName.contains(base))
        byName[base] = text;
    std::vector<Rule> rules;
    for (const auto& [name, text] : byName)
      for (Rule& rule : parse(text, name).rules) rules.push_back(std::move(rule));
    Tree tree(files);
    const auto wants = resolve(rules, tree);
    if (!wants) return;
    // Twice, as an application does: some keys move others when they are written.
    for (int i = 0; i < 2; ++i)
      for (const Want& want : *wants) static_cast<void>(tree.write(want.key, want.value));
  });
}

Values changes(const Outcome& outcome) {
  Values changed;
  for (const auto& [key, value] : outcome.after) {
    const auto before = outcome.before.find(key);
    if (before == outcome.before.end() || before->second != value) changed[key] = value;
  }
  return changed;
}

std::string shown(const Values& values) {
  std::string text;
  for (const auto& [key, value] : values) text += dotted(key) + " = " + value + "\n";
  return text;
}

class Systemd : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: needs root for namespaces";
    if (::access(kSystemd, X_OK) != 0) GTEST_SKIP() << "SKIPPED: no " << kSystemd << " to compare with";
    if (const Outcome probe = ours({}); !probe.missing.empty())
      GTEST_SKIP() << "SKIPPED: there is no " << probe.missing;
    const Outcome probe = ours({{"etc/a.conf", "net.ipv4.conf.v1.rp_filter = 2\n"}});
    if (changes(probe).empty()) GTEST_SKIP() << "SKIPPED: /proc/sys/net cannot be written here";
  }

  // Both do the same, and it is at least what `expected` says.
  static void same(const Corpus& corpus, const Values& expected) {
    const Values theirs = changes(systemds(corpus)), mine = changes(ours(corpus));
    EXPECT_EQ(shown(mine), shown(theirs));
    for (const auto& [key, value] : expected) {
      const auto found = mine.find(normaliseKey(key).value());
      EXPECT_EQ(found == mine.end() ? "unchanged" : found->second, value) << key;
    }
  }
};

TEST_F(Systemd, BothSpellingsOfAKey) {
  same({{"etc/a.conf",
         "net.ipv4.conf.v1.rp_filter = 2\nnet/ipv4/conf/v2/rp_filter = 2\n"
         "net.ipv4.conf.enp3s0/200.log_martians = 1\nnet/ipv4/conf/enp3s0.200/arp_ignore = 1\n"
         "net/ipv6/conf/enp3s0.200/accept_ra = 2\nnet.ipv6.conf.enp3s0/200.accept_ra_defrtr = 0\n"}},
       {{"net.ipv4.conf.v1.rp_filter", "2"},
        {"net.ipv4.conf.enp3s0/200.log_martians", "1"},
        {"net/ipv4/conf/enp3s0.200/arp_ignore", "1"},
        {"net/ipv6/conf/enp3s0.200/accept_ra", "2"}});
}

TEST_F(Systemd, GlobsExclusionsAndExplicitKeys) {
  same({{"etc/a.conf",
         "net.ipv4.conf.v*.rp_filter = 1\nnet.ipv4.conf.v1.rp_filter = 2\n"
         "net.ipv4.conf.v2.log_martians = 0\nnet.ipv4.conf.v[12].log_martians = 1\n"
         "net.ipv4.conf.enp3s0*.arp_ignore = 1\n-net.ipv4.conf.enp3s0/200.arp_ignore\n"
         "-net.ipv4.conf.v2.arp_announce\nnet.ipv4.conf.v?.arp_announce = 2\n"
         "net.ipv6.conf.v*.accept_ra = 0\n-net.ipv6.conf.v*.accept_ra\n"
         "net.ipv6.conf.enp3s0*.accept_ra = 2\n-net.ipv6.conf.e*.accept_ra\n"}},
       {{"net.ipv4.conf.v1.rp_filter", "2"},
        {"net.ipv4.conf.v2.rp_filter", "1"},
        {"net.ipv4.conf.v2.log_martians", "unchanged"},
        {"net.ipv4.conf.v1.log_martians", "1"},
        {"net.ipv4.conf.enp3s0.arp_ignore", "1"},
        {"net.ipv4.conf.enp3s0/200.arp_ignore", "unchanged"},
        {"net.ipv4.conf.v2.arp_announce", "unchanged"},
        {"net.ipv4.conf.v1.arp_announce", "2"},
        {"net.ipv6.conf.v1.accept_ra", "unchanged"},
        {"net.ipv6.conf.enp3s0.accept_ra", "2"}});
}

TEST_F(Systemd, LaterFilesWinAndEtcReplacesRun) {
  same({{"etc/10-a.conf", "net.ipv4.tcp_keepalive_time = 100\nnet.ipv4.tcp_keepalive_probes = 5\n"},
        {"run/20-b.conf", "net.ipv4.tcp_keepalive_time = 200\n"},
        {"etc/30-c.conf", "net.ipv4.conf.v1.arp_ignore = 1\n"},
        {"run/30-c.conf", "net.ipv4.conf.v1.arp_ignore = 2\nnet.ipv4.tcp_keepalive_intvl = 60\n"},
        {"etc/99-z.conf", "-net.ipv4.tcp_keepalive_probes\n"}},
       {{"net.ipv4.tcp_keepalive_time", "200"},
        {"net.ipv4.conf.v1.arp_ignore", "1"},
        {"net.ipv4.tcp_keepalive_intvl", "unchanged"},
        {"net.ipv4.tcp_keepalive_probes", "unchanged"}});
}

TEST_F(Systemd, ValuesOfSeveralNumbersAndOddBlanks) {
  same({{"etc/a.conf",
         "net.ipv4.tcp_rmem =\t4096   131072\t\t6000000  \n  net.ipv4.tcp_wmem=4096 16384 4000000\r\n"
         "# comment\n; comment\n\n   \n\tnet.ipv4.ip_local_port_range = 20000\t50000\n"
         "net.ipv4.ip_local_reserved_ports = 8082,8080-8081\nnet.ipv4.ping_group_range = 0\t100\n"
         "net.ipv4.tcp_keepalive_time = 0x100\n"}},
       {{"net.ipv4.tcp_rmem", "4096 131072 6000000"},
        {"net.ipv4.tcp_wmem", "4096 16384 4000000"},
        {"net.ipv4.ip_local_port_range", "20000 50000"},
        {"net.ipv4.ip_local_reserved_ports", "8080-8082"},
        {"net.ipv4.tcp_keepalive_time", "256"}});
}

TEST_F(Systemd, MissingKeysAndRefusedValuesStopNothing) {
  same({{"etc/a.conf",
         "net.ipv4.no_such_key = 1\n-net.ipv4.no_such_either = 1\nnet.ipv4.conf.gone0.rp_filter = 1\n"
         "net.ipv4.conf.gone*.rp_filter = 1\nnet.ipv4.tcp_congestion_control = no_such_thing\n"
         "-net.ipv4.tcp_fin_timeout = many\nnet.ipv4.ip_local_port_range = 5\n"
         "not an assignment\n= 5\nnet.ipv4.tcp_keepalive_time = 300\n"}},
       {{"net.ipv4.tcp_keepalive_time", "300"}, {"net.ipv4.tcp_fin_timeout", "unchanged"}});
}

// Where we differ on purpose (sysctl.h).
TEST_F(Systemd, AGlobThatIsRepeatedCountsAtItsLastPlaceForUs) {
  const Corpus corpus = {{"etc/a.conf",
                          "net.ipv4.conf.v*.rp_filter = 2\nnet.ipv4.conf.v1*.rp_filter = 1\n"
                          "net.ipv4.conf.v*.rp_filter = 2\n"}};
  EXPECT_EQ(changes(systemds(corpus))["net/ipv4/conf/v1/rp_filter"], "1");
  EXPECT_EQ(changes(ours(corpus))["net/ipv4/conf/v1/rp_filter"], "2");
}

TEST_F(Systemd, ACommentBehindAValueIsAProblemForUs) {
  const Corpus corpus = {{"etc/a.conf", "net.ipv4.tcp_keepalive_time = 300 # five minutes\n"}};
  EXPECT_EQ(parse(corpus.begin()->second, "a.conf").problems.size(), 1U);
  EXPECT_TRUE(changes(ours(corpus)).empty());
}

TEST_F(Systemd, BracesInAGlobAreAProblemForUs) {
  const Corpus corpus = {{"etc/a.conf", "net.ipv4.conf.v{1,2}*.rp_filter = 2\n"}};
  EXPECT_EQ(parse(corpus.begin()->second, "a.conf").problems.size(), 1U);
  EXPECT_TRUE(changes(ours(corpus)).empty());
}

// A device's own value and then forwarding as a whole: systemd goes by the order of the lines, so that the second
// undoes the first. For us both hold.
TEST_F(Systemd, ForwardingAsAWholeDoesNotUndoADevicesOwnForUs) {
  const Corpus corpus = {{"etc/a.conf", "net.ipv4.conf.v1.forwarding = 0\nnet.ipv4.ip_forward = 1\n"}};
  EXPECT_EQ(changes(systemds(corpus))["net/ipv4/conf/v1/forwarding"], "1");
  const Values mine = changes(ours(corpus));
  EXPECT_FALSE(mine.contains("net/ipv4/conf/v1/forwarding"));
  EXPECT_EQ(mine.at("net/ipv4/ip_forward"), "1");
}

}  // namespace
}  // namespace bedplate::sysctl
