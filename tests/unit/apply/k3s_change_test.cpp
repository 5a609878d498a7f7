#include "agent/apply/k3s_change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/lib/temp_tree.h"

namespace bedplate::apply {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

plan::FileTarget wanted(const std::string& name, const std::string& content) {
  plan::FileTarget file;
  file.area = plan::Area::k3sConfig;
  file.path = "etc/rancher/k3s/" + name;
  file.content = std::make_shared<const std::string>(content);
  return file;
}

class K3sChangeTest : public testing::Test {
 protected:
  K3sChange change() { return k3sChange(tree.files(), target, held); }
  testlib::TempTree tree;
  plan::Target target;
  plan::Held held;
};

TEST_F(K3sChangeTest, MergesWhatIsThereWithWhatGitWants) {
  tree.write("etc/rancher/k3s/config.yaml", "debug: true\nnode-label: [a=1]\n");
  tree.write("etc/rancher/k3s/config.yaml.d/50-by-hand.yaml", "node-label+: [b=2]\n");
  target.files = {wanted("config.yaml.d/20-git.yaml", "node-label: [c=3]\ndebug: false\n"),
                  wanted("registries.yaml", "mirrors: {}\n")};
  // What was by hand is later by name, and adds.
  EXPECT_THAT(text(change()), ElementsAre("debug: true -> false", "node-label: a=1,b=2 -> c=3,b=2"));
}

TEST_F(K3sChangeTest, WhatLeftGitIsTakenAway) {
  tree.write("etc/rancher/k3s/config.yaml.d/20-git.yaml", "debug: true\n");
  held.files["etc/rancher/k3s/config.yaml.d/20-git.yaml"].area = plan::Area::k3sConfig;
  EXPECT_THAT(text(change()), ElementsAre("debug: true -> unset"));
}

TEST_F(K3sChangeTest, AnotherFileWithTheSameWordsIsNoChange) {
  tree.write("etc/rancher/k3s/config.yaml", "debug: true\n");
  target.files = {wanted("config.yaml", "# from Git\ndebug: true\n")};
  EXPECT_THAT(text(change()), IsEmpty());
}

TEST_F(K3sChangeTest, ASecretIsNotShown) {
  tree.write("etc/rancher/k3s/config.yaml", "token: abc\n");
  target.files = {wanted("config.yaml", "token: def\n")};
  EXPECT_THAT(text(change()), ElementsAre("token: (a secret) -> (a secret)"));
}

TEST_F(K3sChangeTest, WhatServersMustAgreeOnMayChangeBeforeTheFirstStartOnly) {
  tree.write("etc/rancher/k3s/config.yaml", "cluster-cidr: 10.42.0.0/16\n");
  target.files = {wanted("config.yaml", "cluster-cidr: 10.52.0.0/16\nsecrets-encryption: true\ndebug: true\n")};
  EXPECT_THAT(criticalChanges(tree.files(), change()), IsEmpty());
  tree.write("var/lib/rancher/k3s/server/db/state.db", "");
  EXPECT_THAT(criticalChanges(tree.files(), change()), ElementsAre("cluster-cidr", "secrets-encryption"));
}

}  // namespace
}  // namespace bedplate::apply
