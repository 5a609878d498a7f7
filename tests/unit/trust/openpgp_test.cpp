#include "agent/trust/openpgp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/lib/temp_tree.h"

namespace bedplate::trust {
namespace {

using ::testing::HasSubstr;

// A shell script that stands for gpgv. What it writes to descriptor 3 is its status.
class OpenPgpTest : public ::testing::Test {
 protected:
  host::Result<Verdict> ask(const std::string& script, const std::string& signature = "signature") {
    tree.write("gpgv", "#!/bin/sh\n" + script + "\n");
    std::filesystem::permissions(tree.path() + "/gpgv", std::filesystem::perms::owner_all);
    source::WorkerSetup setup;
    setup.program = tree.path() + "/gpgv";
    setup.user = "";
    auto openPgp = OpenPgp::make({"ring", "\x98keys"}, setup);
    EXPECT_TRUE(openPgp) << openPgp.error().text();
    return openPgp->judge(signature, "payload");
  }

  testlib::TempTree tree;
  const std::string good =
      "echo '[GNUPG:] NEWSIG' >&3\n"
      "echo '[GNUPG:] GOODSIG 0123456789ABCDEF Ada' >&3\n"
      "echo '[GNUPG:] VALIDSIG 00000000000000000000000F0123456789ABCDEF 1 1 0 4 0 22 8 00 FF' >&3\n";
};

TEST_F(OpenPgpTest, HandsOverKeyringSignatureAndPayloadAndNothingElse) {
  const auto verdict =
      ask("[ \"$*\" = '--status-fd 3 --keyring /proc/self/fd/5 -- /proc/self/fd/6 /proc/self/fd/7' ] || exit 1\n"
          "[ \"$(tail -c 4 /proc/self/fd/5) $(cat /proc/self/fd/6) $(cat /proc/self/fd/7)\" = 'keys signature payload' "
          "] || exit 2\n"
          "[ -z \"$(cat)\" ] && [ ! -e /proc/self/fd/8 ] && [ -z \"$SECRET\" ] || exit 3\n"
          "echo x 2>/dev/null >/proc/self/fd/5 && exit 4\n" +
          good);
  ASSERT_TRUE(verdict) << verdict.error().text();
  EXPECT_EQ(verdict->reason, "Good") << verdict->why;
  EXPECT_EQ(verdict->key, "FF");
}

TEST_F(OpenPgpTest, ItsExitStatusIsNoMatter) {
  EXPECT_EQ(ask(good + "exit 2")->reason, "Good");
  EXPECT_EQ(ask("echo '[GNUPG:] NEWSIG' >&3\nexit 0")->standing, Standing::bad);
}

TEST_F(OpenPgpTest, WithoutAnAnswerThereIsNoVerdict) {
  for (const char* script : {"exit 0", "kill -9 $$", "exec /nonexistent"}) {
    const auto verdict = ask(script);
    ASSERT_FALSE(verdict) << script;
    EXPECT_EQ(verdict.error().reason, "GpgvFailed");
  }
  EXPECT_THAT(ask("echo no keyring >&2; exit 7").error().text(), HasSubstr("status 7, its last words: no keyring"));
}

TEST_F(OpenPgpTest, NeitherNoiseNorMassesHoldItUp) {
  EXPECT_EQ(ask("head -c 1000000 /dev/zero >&2\n" + good)->reason, "Good");
  EXPECT_THAT(ask("head -c 1000000 /dev/zero >&3\n" + good).error().why, HasSubstr("too much"));
  EXPECT_EQ(ask(good, std::string(20000, 'x'))->reason, "Malformed");
}

TEST_F(OpenPgpTest, AKeyringHasToBeOne) {
  for (const std::string& ring : {std::string(), std::string("text"), std::string("-----BEGIN PGP MESSAGE-----\n")})
    EXPECT_EQ(OpenPgp::make({"ring", ring}, {}).error().reason, "InvalidKeyFile") << ring;
  EXPECT_FALSE(OpenPgp::make({"ring", std::string((16 << 20) + 1, '\x98')}, {}));
  EXPECT_TRUE(OpenPgp::make({"ring", std::string("\0\0\0\x20\1\1\0\2KBXf\0\0\0\0", 16)}, {}));
}

}  // namespace
}  // namespace bedplate::trust
