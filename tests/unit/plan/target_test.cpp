#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "agent/plan/plan.h"

namespace bedplate::plan {
namespace {

using testing::HasSubstr;

Target example() {
  Target target;
  target.commit = std::string(40, 'c');
  target.subject = "raise conntrack \xf0\x9f\x94\xa7";
  target.tree = std::string(40, '7');
  target.node = {"web-01", "server", "oslo-prod"};
  target.layers = {"cluster", "nodes/web-01"};
  target.modules = {{{"br_netfilter", "modules-load.d/k3s.conf", 1}, "cluster"}};
  sysctl::Rule rule;
  rule.key = "net/ipv4/conf/*/rp_filter";
  rule.value = "2";
  rule.tolerant = true;
  rule.file = "sysctl.d/a.conf";
  rule.line = 4;
  target.sysctls = {{rule, "cluster"}};
  target.files = {{Area::k3sConfig, "etc/rancher/k3s/config.yaml", "k3s/config.yaml", "cluster", 0600, sha256("a"),
                   std::make_shared<const std::string>("a")},
                  {Area::manifest, "var/lib/rancher/k3s/server/manifests/bedplate/x-1.yaml", "manifests/x.yaml",
                   "cluster", 0600, sha256("b"), nullptr}};
  return target;
}

TEST(Sha256, KnowsTheTestVectors) {
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

// What the library writes for the tree that these members make: its order, its indents, its escapes.
TEST(TargetJson, IsWhatTheLibraryWrites) {
  Target target = example();
  EXPECT_EQ(toJson(target), nlohmann::json::parse(toJson(target)).dump(1) + "\n");
  target.subject = "\"quotes\" \\ \x01\t\x7f \xc3\xb8";
  target.layers.clear();
  target.modules.clear();
  target.files[0].path += "\n";
  EXPECT_EQ(toJson(target), nlohmann::json::parse(toJson(target)).dump(1) + "\n");
  EXPECT_EQ(toJson(Target{}), nlohmann::json::parse(toJson(Target{})).dump(1) + "\n");
  target.subject = "no UTF-8 \xff";
  EXPECT_EQ(nlohmann::json::parse(toJson(target))["subject"], "no UTF-8 \xef\xbf\xbd");
}

TEST(Digest, IsOfWhatTheHostShouldBe) {
  const std::string digestOfExample = digest(example());
  EXPECT_EQ(digest(example()), digestOfExample);
  const auto changed = [&](const std::function<void(Target&)>& change) {
    Target target = example();
    change(target);
    return digest(target) != digestOfExample;
  };
  EXPECT_FALSE(changed([](Target& t) { t.commit = "other"; }));
  EXPECT_FALSE(changed([](Target& t) { t.subject = t.tree = "other"; }));
  EXPECT_FALSE(changed([](Target& t) { t.sysctls[0].rule.line = 9; }));
  EXPECT_FALSE(changed([](Target& t) { t.files[0].content = nullptr; }));
  EXPECT_TRUE(changed([](Target& t) { t.driftEnforce = false; }));
  EXPECT_TRUE(changed([](Target& t) { t.modules.clear(); }));
  EXPECT_TRUE(changed([](Target& t) { t.sysctls[0].rule.value = "1"; }));
  EXPECT_TRUE(changed([](Target& t) { t.sysctls[0].rule.tolerant = false; }));
  EXPECT_TRUE(changed([](Target& t) { t.sysctls[0].rule.excluded = true; }));
  EXPECT_TRUE(changed([](Target& t) { t.sysctls.push_back(t.sysctls[0]); }));
  EXPECT_TRUE(changed([](Target& t) { t.files[0].mode = 0644; }));
  EXPECT_TRUE(changed([](Target& t) { t.files[1].sha256 = sha256("c"); }));
  EXPECT_TRUE(changed([](Target& t) { t.files.pop_back(); }));
  EXPECT_NE(digest(Target{}), digestOfExample);
}

TEST(Digest, DoesNotConfuseWhereOneFieldEndsAndTheNextBegins) {
  Target one = example();
  Target two = example();
  one.sysctls[0].rule.key = "a/b";
  one.sysctls[0].rule.value = "c";
  two.sysctls[0].rule.key = "a/";
  two.sysctls[0].rule.value = "bc";
  EXPECT_NE(digest(one), digest(two));
}

TEST(Digest, OfPlainRulesIsWhatItWasBeforeThereWereBounds) {
  // As the version that wrote format 1 made it: nobody gets a new generation for an upgrade.
  Target target;
  sysctl::Rule rule;
  rule.key = "vm/swappiness";
  rule.value = "1";
  target.sysctls = {{rule, "cluster"}};
  EXPECT_EQ(digest(target), sha256("bedplate target 1\nenforce\n\nsysctls\n13:vm/swappiness1:1--\nfiles\n"));
  target.sysctls[0].rule.bound = sysctl::Bound::atLeast;
  const std::string least = digest(target);
  target.sysctls[0].rule.source = sysctl::Source::floor;
  EXPECT_NE(digest(target), least);
  EXPECT_NE(digest(target), digest(Target{}));
}

TEST(TargetJson, ASealedFileStaysOne) {
  Target target = example();
  const std::string plain = digest(target);
  target.files[0].sealed = true;
  EXPECT_NE(digest(target), plain);
  const std::string text = toJson(target);
  EXPECT_EQ(text, nlohmann::json::parse(text).dump(1) + "\n");
  const auto back = targetFromJson(text);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_TRUE(back->files[0].sealed);
  EXPECT_FALSE(back->files[1].sealed);
  target.files[1].sealed = true;
  EXPECT_EQ(targetFromJson(toJson(target)).error().why, "only K3s's configuration is sealed");
}

TEST(TargetJson, ComesBackWithoutContents) {
  const Target target = example();
  const std::string text = toJson(target);
  const auto back = targetFromJson(text);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(toJson(*back), text);
  EXPECT_EQ(digest(*back), digest(target));
  EXPECT_EQ(back->commit, target.commit);
  EXPECT_EQ(back->node.name, "web-01");
  EXPECT_EQ(back->files[0].content, nullptr);
  EXPECT_EQ(back->sysctls[0].rule, target.sysctls[0].rule);
  ASSERT_TRUE(targetFromJson(toJson(Target{})));
}

TEST(TargetJson, ReadsWhatTheVersionBeforeBoundsWrote) {
  const auto old = targetFromJson(
      R"({"format": 1, "commit": "c", "subject": "s", "tree": "t",
          "node": {"name": "n", "role": "server", "cluster": "o"}, "layers": [], "driftEnforce": true, "modules": [],
          "sysctls": [{"key": "vm/swappiness", "value": "1", "tolerant": false, "excluded": false, "file": "f",
                       "line": 1, "layer": "cluster"}], "files": []})");
  ASSERT_TRUE(old) << old.error().text();
  EXPECT_EQ(old->sysctls.at(0).rule.bound, sysctl::Bound::exact);
  EXPECT_EQ(old->sysctls.at(0).rule.source, sysctl::Source::file);
}

TEST(TargetJson, RefusesWhatItIsNot) {
  const std::string good = toJson(example());
  const auto refused = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    if (at != std::string::npos) text.replace(at, from.size(), to);
    const auto result = targetFromJson(text);
    if (result) return std::string();
    EXPECT_EQ(result.error().reason, "Corrupt");
    return result.error().why;
  };
  EXPECT_THAT(refused("\"format\": 4", "\"format\": 5"), HasSubstr("format"));
  EXPECT_THAT(refused("\"format\": 4", "\"format\": 0"), HasSubstr("format"));
  EXPECT_THAT(refused("\"exact\"", "\"atMost\""), HasSubstr("bound"));
  EXPECT_THAT(refused("\"exact\"", "\"atLeast\""), HasSubstr("has a bound and is not one key"));
  EXPECT_THAT(refused("\"source\": \"file\"", "\"source\": \"me\""), HasSubstr("source"));
  EXPECT_THAT(refused("\"mode\": 384", "\"mode\": -1"), HasSubstr("mode"));
  EXPECT_THAT(refused("\"mode\": 384", "\"mode\": 2541"), HasSubstr("mode"));
  EXPECT_THAT(refused("\"k3sConfig\"", "\"sshd\""), HasSubstr("area"));
  EXPECT_THAT(refused("etc/rancher/k3s/config.yaml", "etc/rancher/k3s/../../shadow"), HasSubstr("no place"));
  EXPECT_THAT(refused("etc/rancher/k3s/config.yaml", "etc/shadow"), HasSubstr("no place"));
  EXPECT_THAT(refused("etc/rancher/k3s/config.yaml", "etc/rancher/k3s/a\\u0000b"), HasSubstr("no place"));
  EXPECT_THAT(refused("bedplate/x-1.yaml", "../x-1.yaml"), HasSubstr("no place"));
  EXPECT_THAT(refused("net/ipv4/conf/*/rp_filter", "../../etc/passwd"), HasSubstr("not a sysctl key"));
  EXPECT_THAT(refused("br_netfilter", "../x"), HasSubstr("module"));
  EXPECT_THAT(refused(sha256("a"), "abc"), HasSubstr("hash"));
  EXPECT_THAT(refused("\"layers\": [", "\"layers\": [1, "), HasSubstr("layers"));
  EXPECT_THAT(refused("\"driftEnforce\": true", "\"driftEnforce\": null"), HasSubstr("driftEnforce"));
}

TEST(TargetJson, RefusesOddTextsWithoutThrowing) {
  for (const std::string& text : {std::string(), std::string("null"), std::string("[]"), std::string("{"),
                                  std::string("{\"node\": 3}"), std::string(100000, '['), std::string("\xff\xfe{}")}) {
    const auto result = targetFromJson(text);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().reason, "Corrupt");
  }
}

}  // namespace
}  // namespace bedplate::plan
