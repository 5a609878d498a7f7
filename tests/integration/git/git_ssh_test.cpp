// ssh:// and scp-like, against OpenSSH's own server on loopback with keys of the test.
#include <gmock/gmock.h>
#include <net/if.h>
#include <pwd.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include "tests/integration/git/fixture.h"

namespace bedplate::gittest {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kSshd = "/usr/sbin/sshd";

class GitSsh : public GitTest {
 protected:
  void SetUp() override {
    if (::access(kSshd, X_OK) != 0) GTEST_SKIP() << "SKIPPED: no " << kSshd << " here (openssh-server)";
    // sshd as root wants its folder for privilege separation.
    if (::geteuid() == 0) std::filesystem::create_directories("/run/sshd");
    user = ::getpwuid(::geteuid())->pw_name;
    for (const std::string type : {"ed25519", "ecdsa", "rsa"}) {
      run({"ssh-keygen", "-q", "-t", type, "-N", "", "-C", "", "-f", at("host_" + type)});
      hostKeys[type] = tree.read("host_" + type + ".pub");
    }
    run({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "deploy", "-f", at("deploy")});
    run({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "other", "-f", at("other")});
    tree.write("authorized_keys", tree.read("deploy.pub"));
    remote.sshKey = tree.read("deploy");
    head = commit("a", "1");
  }

  // Starts the server with host keys of these types and points the remote at it.
  void serve(const std::vector<std::string>& types, int fixedPort = 0) {
    port = fixedPort != 0 ? fixedPort : freePort();
    std::string config =
        "ListenAddress 127.0.0.1:" + std::to_string(port) + "\nPidFile none\nStrictModes no\nUsePAM no\n" +
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n" +
        "AuthorizedKeysFile " + at("authorized_keys") + "\n";
    for (const auto& type : types) config += "HostKey " + at("host_" + type) + "\n";
    tree.write("sshd_config", config);
    server = std::make_unique<Background>(Arguments{kSshd, "-D", "-e", "-f", at("sshd_config")}, at("sshd.log"));
    static_cast<void>(server->await("Server listening on"));
    name = port == 22 ? "127.0.0.1" : "[127.0.0.1]:" + std::to_string(port);
    remote.url = "ssh://" + user + "@127.0.0.1:" + std::to_string(port) + bare;
  }
  void know(const std::string& type) { remote.knownHosts += name + " " + hostKeys[type]; }

  std::map<std::string, std::string> hostKeys;
  std::string user;
  std::string name;
  std::string head;
  int port = 0;
  std::unique_ptr<Background> server;
};

TEST_F(GitSsh, FetchesWithADeployKeyFromMemory) {
  serve({"ed25519"});
  know("ed25519");
  auto session = fetched();
  ASSERT_TRUE(session);
  EXPECT_EQ(session->head().hex(), head);
  EXPECT_TRUE(snapshot(*session));
  session.reset();
  const auto second = commit("a", "2");
  session = fetched();
  ASSERT_TRUE(session);
  EXPECT_EQ(session->range(id(head), id(second), limits)->size(), 1u);
}

TEST_F(GitSsh, TakesHashedNames) {
  serve({"ed25519"});
  tree.write("known_hosts", name + " " + hostKeys["ed25519"]);
  run({"ssh-keygen", "-q", "-H", "-f", at("known_hosts")});
  remote.knownHosts = tree.read("known_hosts");
  EXPECT_THAT(remote.knownHosts, Not(HasSubstr("127.0.0.1")));
  EXPECT_EQ(reason(), "") << text;
}

TEST_F(GitSsh, AsksForTheKindOfKeyThatIsPinned) {
  serve({"rsa", "ecdsa", "ed25519"});
  for (const std::string type : {"ed25519", "ecdsa"}) {
    remote.knownHosts.clear();
    know(type);
    EXPECT_EQ(reason(), "") << type << ": " << text;
  }
}

TEST_F(GitSsh, RefusesAnotherHostKeyAndShowsIt) {
  serve({"ed25519"});
  run({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", at("stranger")});
  remote.knownHosts = name + " " + tree.read("stranger.pub");
  EXPECT_EQ(reason(), "HostKeyRefused");
  const auto shown = run({"ssh-keygen", "-l", "-f", at("host_ed25519.pub")});
  EXPECT_THAT(text, HasSubstr(shown.substr(4, 50)));  // "256 SHA256:..."
  EXPECT_THAT(text, HasSubstr("another key is known"));
  EXPECT_THAT(text, HasSubstr("known-hosts"));
  // Not a byte of ours was signed for a stranger.
  EXPECT_THAT(server->logged(), Not(HasSubstr("Accepted")));
}

TEST_F(GitSsh, RefusesAnUnknownHost) {
  serve({"ed25519"});
  EXPECT_EQ(reason(), "HostKeyRefused");
  EXPECT_THAT(text, HasSubstr("no key of this host is known"));
  // The same host at the usual port is another one.
  remote.knownHosts = "127.0.0.1 " + hostKeys["ed25519"];
  EXPECT_EQ(reason(), "HostKeyRefused");
  // What the user that runs us knows does not count.
  tree.write("state/git/.ssh/known_hosts", name + " " + hostKeys["ed25519"]);
  remote.knownHosts = "other.example.org " + hostKeys["ed25519"];
  EXPECT_EQ(reason(), "HostKeyRefused");
}

TEST_F(GitSsh, SaysThatTheKeyIsNotAccepted) {
  serve({"ed25519"});
  know("ed25519");
  remote.sshKey = tree.read("other");
  EXPECT_EQ(reason(), "AuthenticationFailed");
  EXPECT_THAT(text, HasSubstr("does not accept the SSH key"));
  remote.sshKey.clear();
  EXPECT_EQ(reason(), "AuthenticationFailed");
  EXPECT_THAT(text, HasSubstr("none is configured"));
  remote.sshKey = "-----BEGIN OPENSSH PRIVATE KEY-----\nnot a key\n-----END OPENSSH PRIVATE KEY-----\n";
  EXPECT_EQ(reason(), "AuthenticationFailed") << text;
}

TEST_F(GitSsh, TakesTheUserOfTheUrl) {
  serve({"ed25519"});
  know("ed25519");
  remote.url = "ssh://nobody-of-that-name@127.0.0.1:" + std::to_string(port) + bare;
  EXPECT_EQ(reason(), "AuthenticationFailed") << text;
  EXPECT_THAT(server->logged(), HasSubstr("nobody-of-that-name"));
}

TEST_F(GitSsh, SaysThatThereIsNoRepository) {
  serve({"ed25519"});
  know("ed25519");
  remote.url = "ssh://" + user + "@127.0.0.1:" + std::to_string(port) + at("nothing.git");
  EXPECT_EQ(reason(), "RemoteUnreachable") << text;
}

TEST_F(GitSsh, TakesScpLikeUrls) {
  // They name no port, so the server must have port 22: in a network of its own.
  if (::geteuid() != 0 || ::unshare(CLONE_NEWNET) != 0)
    GTEST_SKIP() << "SKIPPED: scp-like URLs need port 22, and that a network namespace (root)";
  const int control = ::socket(AF_INET, SOCK_DGRAM, 0);
  ifreq loopback{};
  std::string("lo").copy(loopback.ifr_name, IFNAMSIZ - 1);
  loopback.ifr_flags = IFF_UP | IFF_RUNNING;
  const int up = ::ioctl(control, SIOCSIFFLAGS, &loopback);
  ::close(control);
  ASSERT_EQ(up, 0);
  serve({"ed25519"}, 22);
  know("ed25519");
  remote.url = user + "@127.0.0.1:" + bare;
  EXPECT_EQ(reason(), "") << text;
}

}  // namespace
}  // namespace bedplate::gittest
