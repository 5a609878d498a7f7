// Servers that do not answer as they should.
#include <gmock/gmock.h>

#include <chrono>

#include "tests/integration/git/fixture.h"

namespace bedplate::gittest {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::HasSubstr;

class GitNetwork : public GitTest {};

TEST_F(GitNetwork, ASilentServerCostsTheDeadline) {
  const SilentServer server;
  remote.timeoutMs = 500;
  for (const std::string scheme : {"ssh://git@", "https://"}) {
    remote.url = scheme + "127.0.0.1:" + std::to_string(server.port()) + "/x.git";
    const auto before = steady_clock::now();
    EXPECT_EQ(reason(), "Timeout") << text;
    EXPECT_GE(steady_clock::now() - before, milliseconds(500));
    EXPECT_LT(steady_clock::now() - before, milliseconds(500 * 20));
    EXPECT_THAT(text, HasSubstr(remote.url));
  }
}

TEST_F(GitNetwork, ARefusedConnectionIsSaid) {
  for (const std::string scheme : {"ssh://git@", "https://"}) {
    remote.url = scheme + "127.0.0.1:" + std::to_string(freePort()) + "/x.git";
    EXPECT_EQ(reason(), "RemoteUnreachable");
    EXPECT_THAT(text, HasSubstr("refused"));
  }
}

TEST_F(GitNetwork, AnUnknownNameIsSaid) {
  remote.url = "https://git.nowhere.invalid/x.git";
  EXPECT_EQ(reason(), "RemoteUnreachable");
  EXPECT_THAT(text, HasSubstr("git.nowhere.invalid"));
}

}  // namespace
}  // namespace bedplate::gittest
