#include "agent/kube/addons.h"

#include <gtest/gtest.h>

#include "agent/kube/objects.h"

namespace bedplate::kube {
namespace {

TEST(Addons, AreReadFromTheApisList) {
  const auto addons = parseAddons(R"({"items":[
      {"metadata":{"name":"app-1","uid":"u","resourceVersion":"7"},"spec":{"source":"/m/app-1.yaml","checksum":"c"}},
      {"metadata":{"name":"new"},"spec":{"source":"/m/new.yaml"}}, {"metadata":{}}, 7]})");
  ASSERT_TRUE(addons) << addons.error().text();
  ASSERT_EQ(addons->size(), 2U);
  EXPECT_EQ(addons->at(0).checksum, "c");
  EXPECT_EQ(addons->at(0).resourceVersion, "7");
  EXPECT_EQ(addons->at(1).checksum, "");
  for (const char* wrong : {"", "[]", "{}", R"({"items":7})", "<html>"}) {
    const auto refused = parseAddons(wrong);
    ASSERT_FALSE(refused) << wrong;
    EXPECT_EQ(refused.error().reason, "Malformed");
  }
}

TEST(AddonEvents, KeepNothingThatATerminalObeys) {
  const auto events = parseAddonEvents(R"({"items":[{"involvedObject":{"kind":"Addon","name":"app-1"},
      "reason":"ApplyManifestFailed","message":"bad \u001b[31m","lastTimestamp":"2026-11-29T12:00:01Z"},
      {"involvedObject":{"name":"app-1"},"message":"no reason"}]})");
  ASSERT_TRUE(events) << events.error().text();
  ASSERT_EQ(events->size(), 1U);
  EXPECT_EQ(events->at(0).lastUs, 1'795'953'601'000'000);
  EXPECT_EQ(events->at(0).message.find('\x1b'), std::string::npos);
}

std::string objectWith(const std::string& fields) {
  return R"({"items":[{"metadata":{"name":"o","namespace":"default","annotations":{
      "objectset.rio.cattle.io/owner-gvk":"k3s.cattle.io/v1, Kind=Addon",
      "objectset.rio.cattle.io/owner-name":"app-1"},"managedFields":[)" +
         fields + "]}}]}";
}

std::string entry(const std::string& manager, const std::string& time, const std::string& subresource = "") {
  return R"({"manager":")" + manager + R"(","operation":"Update","time":")" + time + R"(","subresource":")" +
         subresource + "\"}";
}

TEST(Owned, SaysWhoChangedItAfterK3s) {
  const std::string k3s = entry("deploy@web-01", "2026-11-29T12:00:00Z");
  const auto changedBy = [&](const std::string& other) {
    const auto owned = parseOwned(objectWith(k3s + "," + other));
    EXPECT_TRUE(owned);
    if (!owned || owned->size() != 1) return std::string("?");
    EXPECT_EQ(owned->front().owner, "app-1");
    return owned->front().changedUs == 0 ? std::string() : owned->front().changedBy;
  };
  EXPECT_EQ(changedBy(entry("kubectl-edit", "2026-11-29T12:00:05Z")), "kubectl-edit");
  EXPECT_EQ(changedBy(entry("kubectl-edit", "2026-11-29T11:00:00Z")), "");  // K3s wrote over it since
  EXPECT_EQ(changedBy(entry("kubectl-scale", "2026-11-29T12:00:05Z", "scale")), "");
  EXPECT_EQ(changedBy(entry("anything", "2026-11-29T12:00:05Z", "status")), "");
  EXPECT_EQ(changedBy(entry("kube-controller-manager", "2026-11-29T12:00:05Z")), "");
  EXPECT_EQ(changedBy(entry("argocd-controller", "2026-11-29T12:00:05Z")), "");
}

TEST(Owned, LeavesOutWhatIsNoAddons) {
  const auto owned = parseOwned(R"({"items":[{"metadata":{"name":"o","annotations":{
      "objectset.rio.cattle.io/owner-gvk":"helm.cattle.io/v1, Kind=HelmChart",
      "objectset.rio.cattle.io/owner-name":"x"}}},{"metadata":{"name":"plain"}}]})");
  ASSERT_TRUE(owned);
  EXPECT_TRUE(owned->empty());
  EXPECT_FALSE(parseOwned("{}"));
}

TEST(Kinds, AreTheOnesThatHaveAPlaceOfTheirOwn) {
  const auto kinds = parseKinds(R"({"resources":[{"name":"pods","kind":"Pod","namespaced":true},
      {"name":"pods/status","kind":"Pod","namespaced":true},{"name":"../secrets","kind":"Bad"},
      {"name":"nodes","kind":"Node","namespaced":false}]})",
                                "/api/v1");
  ASSERT_TRUE(kinds);
  EXPECT_EQ(kinds->size(), 2U);
  EXPECT_EQ(kinds->at("Pod").plural, "pods");
  EXPECT_TRUE(kinds->at("Pod").namespaced);
  EXPECT_FALSE(kinds->at("Node").namespaced);
  EXPECT_FALSE(parseKinds("[]", "/api/v1"));
}

}  // namespace
}  // namespace bedplate::kube
