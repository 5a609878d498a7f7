#include "agent/kube/nodes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "agent/kube/time.h"

namespace bedplate::kube {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class FakeApi final : public source::HttpSession {
 public:
  host::Result<source::HttpResponse> send(const source::HttpRequest& request) override {
    asked.push_back(request.method + " " + request.url.substr(22));
    bodies.push_back(request.body);
    const auto found = answers.find(asked.back());
    if (found == answers.end()) return source::HttpResponse{404, ""};
    return found->second;
  }
  std::map<std::string, source::HttpResponse> answers;
  std::vector<std::string> asked, bodies;
};

std::string node(const std::string& name, const std::string& ready = "True", const std::string& more = "") {
  return R"({"metadata":{"name":")" + name + R"(","labels":{"node-role.kubernetes.io/control-plane":"true"},)" +
         R"("annotations":{"k3s.io/node-args":"[\"server\",\"--debug\",\"true\"]","k3s.io/node-config-hash":"ABC="}},)" +
         R"("status":{"conditions":[{"type":"Ready","status":")" + ready +
         R"(","reason":"KubeletNotReady","message":"no network","lastHeartbeatTime":"2026-11-29T12:00:00Z"})" + more +
         "]}}";
}

class NodesTest : public ::testing::Test {
 protected:
  FakeApi fake;
  Api api{fake, {"https://127.0.0.1:6443", "ca", "certificate", "key"}};
};

TEST(Node, TellsWhatK3sWasStartedWith) {
  const auto found = parseNode(node("web-01"));
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_EQ(found->name, "web-01");
  EXPECT_TRUE(found->ready);
  EXPECT_TRUE(found->server);
  EXPECT_FALSE(found->etcd);
  EXPECT_THAT(found->args, ElementsAre("server", "--debug", "true"));
  EXPECT_EQ(found->configHash, "ABC=");
  EXPECT_EQ(found->heardUs, parseTime("2026-11-29T12:00:00Z"));
  EXPECT_EQ(notWell(*found), "");
}

TEST(Node, IsWellOnlyWhenReadyAndAVoter) {
  EXPECT_EQ(notWell(*parseNode(node("a", "False"))), "is not Ready (KubeletNotReady: no network)");
  EXPECT_THAT(notWell(*parseNode(node("a", "Unknown"))), HasSubstr("is not Ready"));
  EXPECT_THAT(notWell(*parseNode(R"({"metadata":{"name":"a"}})")), HasSubstr("has not said so yet"));
  Node member;
  member.ready = member.server = member.etcd = true;
  EXPECT_EQ(notWell(member), "is not a voter of etcd");
  member.voter = true;
  EXPECT_EQ(notWell(member), "");
  const auto learner = parseNode(node("a", "True", R"(,{"type":"EtcdIsVoter","status":"False"})"));
  EXPECT_FALSE(learner->voter);
  const auto voter = parseNode(node("a", "True", R"(,{"type":"EtcdIsVoter","status":"True"})"));
  EXPECT_TRUE(voter->voter);
}

TEST(Node, RefusesWhatIsNone) {
  for (const char* text : {"", "[]", "{", R"({"metadata":{}})", R"({"metadata":{"name":7}})",
                           R"({"metadata":{"name":"../x"}})", R"({"metadata":{"name":"a/b"}})"})
    EXPECT_FALSE(parseNode(text)) << text;
  EXPECT_FALSE(parseNodes(R"({"items":{}})"));
  EXPECT_FALSE(parseNodes(R"({"items":[{"metadata":{"name":"a"}},7]})"));
  EXPECT_TRUE(parseNodes(R"({"items":[]})")->empty());
  const auto odd =
      parseNode(R"({"metadata":{"name":"a","annotations":{"k3s.io/node-args":"[1]","bedplate.dev/k3s":"x"}}})");
  ASSERT_TRUE(odd);
  EXPECT_TRUE(odd->args.empty());
  EXPECT_FALSE(odd->trial);
}

TEST(TrialText, ComesBackAndIsFitToBeShown) {
  const Trial trial{"web-01", "aa", "bb", "rolled-back", "unknown flag: --no-such"};
  EXPECT_EQ(parseTrial(toJson(trial)), trial);
  const auto foreign = parseTrial(R"({"outcome":"failed","why":"\u001b[2J)" + std::string(1000, 'x') + "\"}");
  ASSERT_TRUE(foreign);
  EXPECT_LE(foreign->why.size(), 400u);
  EXPECT_THAT(foreign->why, Not(HasSubstr("\x1b")));
  EXPECT_FALSE(parseTrial("{}"));
  EXPECT_FALSE(parseTrial(std::string(5000, ' ') + toJson(trial)));
}

TEST_F(NodesTest, ServersAreThoseWithTheControlPlaneOrEtcd) {
  fake.answers["GET /api/v1/nodes?labelSelector=node-role.kubernetes.io%2Fcontrol-plane"] = {
      200, R"({"items":[)" + node("b") + "," + node("a") + "]}"};
  fake.answers["GET /api/v1/nodes?labelSelector=node-role.kubernetes.io%2Fetcd"] = {
      200, R"({"items":[)" + node("a") + "," + node("c") + "]}"};
  const auto servers = readServers(api);
  ASSERT_TRUE(servers);
  std::vector<std::string> names;
  for (const auto& one : *servers) names.push_back(one.name);
  EXPECT_THAT(names, ElementsAre("a", "b", "c"));
}

TEST_F(NodesTest, SaysATrialOnItsOwnNode) {
  fake.answers["PATCH /api/v1/nodes/web-01"] = {200, "{}"};
  ASSERT_TRUE(tellTrial(api, "web-01", {"web-01", "t", "c", "confirmed", ""}));
  EXPECT_THAT(fake.bodies.back(), HasSubstr(R"({"metadata":{"annotations":{"bedplate.dev/k3s":)"));
  EXPECT_EQ(readNode(api, "a/../b").error().reason, "Malformed");
  EXPECT_EQ(tellTrial(api, "", {}).error().reason, "Malformed");
  EXPECT_EQ(readNode(api, "web-02").error().reason, "NotFound");
  EXPECT_EQ(fake.asked.size(), 2u);
}

TEST(Time, IsReadAndWritten) {
  EXPECT_EQ(parseTime("1970-01-01T00:00:01Z"), 1'000'000);
  EXPECT_EQ(parseTime("2026-11-29T12:57:04.123456Z"), 1795957024123456);
  EXPECT_EQ(parseTime("2026-11-29T12:57:04.1Z"), 1795957024100000);
  EXPECT_EQ(microTime(1795957024123456), "2026-11-29T12:57:04.123456Z");
  EXPECT_EQ(parseTime("2024-02-29T00:00:00Z"), 1709164800000000);
  for (const char* text : {"", "2026-11-29", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-11-29T24:00:00Z",
                           "2026-11-29T12:57:04+01:00", "2026-11-29T12:57:04.Z", "2026-11-29T12:57:04Zx",
                           "2026-11-29T12:57:04.1234567890Z"})
    EXPECT_FALSE(parseTime(text)) << text;
}

}  // namespace
}  // namespace bedplate::kube
