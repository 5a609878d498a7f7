#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "agent/config/config.h"
#include "tests/lib/temp_tree.h"
#include "tuning/host/paths.h"

namespace bedplate::config {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ConfigLoad : public testing::Test {
 protected:
  Loaded load() {
    auto result = config::load(tree.files(), host::paths::configFile);
    EXPECT_TRUE(result) << result.error().text();
    return result ? *result : Loaded{};
  }
  std::vector<std::string> problems() {
    std::vector<std::string> all;
    for (const auto& problem : load().problems) all.push_back(text(problem));
    return all;
  }
  void mode(const std::string& path, mode_t bits) { ASSERT_EQ(::chmod((tree.path() + "/" + path).c_str(), bits), 0); }
  testlib::TempTree tree;
};

TEST_F(ConfigLoad, NoFileIsAnUnconfiguredNode) {
  const Loaded loaded = load();
  EXPECT_THAT(loaded.problems, IsEmpty());
  EXPECT_THAT(loaded.files, IsEmpty());
  EXPECT_FALSE(loaded.config.configured());
}

TEST_F(ConfigLoad, ProblemsOfTheTextComeBeforeThoseOfTheFilesItNames) {
  tree.write("etc/bedplate/bedplate.conf", "[repository]\ntoken-file = /etc/none\nbranhc = main\n");
  const Loaded loaded = load();
  ASSERT_EQ(loaded.problems.size(), 2U);
  EXPECT_EQ(loaded.ofText, 1U);
  EXPECT_THAT(loaded.problems[0].message, HasSubstr("branhc"));
}

TEST_F(ConfigLoad, DropInsGoOverTheMainFileInByteOrder) {
  tree.write("etc/bedplate/bedplate.conf", "[repository]\nurl = file:///a\npath = p\nbranch = main\n");
  tree.write("etc/bedplate/bedplate.conf.d/9-z.conf", "[repository]\nbranch = nine\n");
  tree.write("etc/bedplate/bedplate.conf.d/10-a.conf", "[repository]\nbranch = ten\ninterval = 2m\n");
  tree.write("etc/bedplate/bedplate.conf.d/.99-hidden.conf", "[repository]\nbranch = hidden\n");
  tree.write("etc/bedplate/bedplate.conf.d/99-x.conf.dpkg-old", "[repository]\nbranch = old\n");
  const Loaded loaded = load();
  EXPECT_THAT(loaded.problems, IsEmpty());
  EXPECT_EQ(loaded.config.repository.branch, "nine");
  EXPECT_EQ(loaded.config.repository.intervalMs, 120000);
  EXPECT_THAT(loaded.files, ElementsAre(HasSubstr("bedplate.conf"), HasSubstr("10-a.conf"), HasSubstr("9-z.conf")));
}

TEST_F(ConfigLoad, ProblemsNameTheFileTheyAreIn) {
  tree.write("etc/bedplate/bedplate.conf", "[node]\nmdoe = enforce\n");
  tree.write("etc/bedplate/bedplate.conf.d/10-a.conf", "\n[repository]\nbranhc = x\n");
  EXPECT_THAT(problems(), ElementsAre(HasSubstr(tree.path() + "/etc/bedplate/bedplate.conf:2: "),
                                      HasSubstr(tree.path() + "/etc/bedplate/bedplate.conf.d/10-a.conf:3: ")));
}

TEST_F(ConfigLoad, AKeyThatOthersMayReadIsRefused) {
  tree.write("etc/bedplate/key", "secret");
  tree.write("etc/bedplate/known_hosts", "host ssh-ed25519 AAAA");
  tree.write("etc/bedplate/bedplate.conf",
             "[repository]\nurl = git@host:x\npath = p\nssh-key = /etc/bedplate/key\n"
             "known-hosts = /etc/bedplate/known_hosts\n");
  for (const mode_t open : {0640u, 0604u, 0660u, 0601u}) {
    mode("etc/bedplate/key", open);
    EXPECT_THAT(problems(), ElementsAre(AllOf(HasSubstr("bedplate.conf:4: "), HasSubstr("chmod 600")))) << open;
  }
  mode("etc/bedplate/key", 0600);
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(ConfigLoad, KeyFilesThatCannotServeAreTold) {
  tree.write("etc/bedplate/real", "x");
  mode("etc/bedplate/real", 0600);
  tree.write("etc/bedplate/dir/x", "x");
  tree.write("etc/bedplate/empty", "");
  ASSERT_EQ(::symlink("real", (tree.path() + "/etc/bedplate/link").c_str()), 0);
  tree.write(
      "etc/bedplate/bedplate.conf",
      "[repository]\nurl = https://host/x\npath = p\ntoken-file = /etc/bedplate/link\nssh-key = /etc/bedplate/no\n"
      "ca-file = /etc/bedplate/dir\nknown-hosts = /etc/bedplate/empty\n");
  EXPECT_THAT(problems(), testing::UnorderedElementsAre(AllOf(HasSubstr(":4: "), HasSubstr("symbolic link")),
                                                        AllOf(HasSubstr(":5: "), HasSubstr("No such file")),
                                                        AllOf(HasSubstr(":6: "), HasSubstr("not a regular file")),
                                                        AllOf(HasSubstr(":7: "), HasSubstr("is empty"))));
}

TEST_F(ConfigLoad, SshWithoutKeyOrHostKeyIsRefused) {
  tree.write("etc/bedplate/bedplate.conf", "[repository]\nurl = ssh://git@host/x\npath = p\n");
  EXPECT_THAT(problems(), ElementsAre(HasSubstr("ssh needs ssh-key"), HasSubstr("ssh needs known-hosts")));
}

TEST_F(ConfigLoad, ARepositoryNeedsAPath) {
  tree.write("etc/bedplate/bedplate.conf", "[repository]\nurl = file:///x\n");
  EXPECT_THAT(problems(), ElementsAre(AllOf(HasSubstr("bedplate.conf:2: "), HasSubstr("path is not set"))));
}

TEST_F(ConfigLoad, KeysMeanThatSignaturesAreRequired) {
  tree.write("etc/bedplate/signers", "x");
  tree.write("etc/bedplate/bedplate.conf", "[trust]\nmaximum-age = 30d\n");
  EXPECT_EQ(load().config.trust.signatures, "off");
  for (const char* key : {"allowed-signers", "gpg-keyring"}) {
    tree.write("etc/bedplate/bedplate.conf", "[trust]\n" + std::string(key) + " = /etc/bedplate/signers\n");
    EXPECT_THAT(problems(), IsEmpty());
    EXPECT_EQ(load().config.trust.signatures, "require");
  }
  tree.write("etc/bedplate/bedplate.conf.d/1.conf", "[trust]\nsignatures = warn\n");
  EXPECT_EQ(load().config.trust.signatures, "warn");
  tree.write("etc/bedplate/bedplate.conf", "");
  EXPECT_THAT(problems(), ElementsAre(AllOf(HasSubstr("1.conf:2: "), HasSubstr("whose signatures count"))));
}

TEST_F(ConfigLoad, WhoeverMayWriteToAKeyFileDecides) {
  tree.write("etc/bedplate/signers", "x");
  mode("etc/bedplate/signers", 0664);
  tree.write("etc/bedplate/bedplate.conf", "[trust]\nallowed-signers = /etc/bedplate/signers\n");
  EXPECT_THAT(problems(), ElementsAre(AllOf(HasSubstr(":2: "), HasSubstr("may be written by others"))));
}

TEST_F(ConfigLoad, ADirectoryInThePlaceOfAFileIsAProblem) {
  tree.write("etc/bedplate/bedplate.conf.d/x.conf/y", "");
  EXPECT_THAT(problems(), ElementsAre(AllOf(HasSubstr("x.conf: "), HasSubstr("not a regular file"))));
}

TEST_F(ConfigLoad, TheShippedFileIsAllCommentsAndItsExamplesAreValid) {
  std::ifstream in(BEDPLATE_SHIPPED_CONF);
  std::stringstream shipped;
  shipped << in.rdbuf();
  ASSERT_FALSE(shipped.str().empty());
  tree.write("etc/bedplate/bedplate.conf", shipped.str());
  EXPECT_THAT(problems(), IsEmpty());
  EXPECT_FALSE(load().config.configured());
  // "#key = value" is a default or an example; it must be one that is taken.
  std::string active;
  for (std::string line; std::getline(shipped, line);) {
    const bool example = line.starts_with("#") && !line.starts_with("# ") && !line.ends_with("=");
    active += (example ? line.substr(1) : line.starts_with("[") ? line : "") + "\n";
  }
  EXPECT_THAT(active, AllOf(HasSubstr("[trust]\n"), HasSubstr("branch = ")));
  Config config;
  std::vector<Problem> wrong;
  parse(active, "shipped", config, wrong);
  for (const auto& problem : wrong) ADD_FAILURE() << text(problem);
}

}  // namespace
}  // namespace bedplate::config
