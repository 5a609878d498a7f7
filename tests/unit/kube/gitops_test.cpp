#include "agent/kube/gitops.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace bedplate::kube {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kArgo = "/api/v1/namespaces/argocd/services/argocd-metrics:8082/proxy/metrics";
const std::string kPods =
    "/api/v1/namespaces/flux-system/pods?limit=20&labelSelector=app%20in%20(kustomize-controller%2Chelm-controller)";

// The API as a table of paths; 404 for others.
class FakeApi final : public source::HttpSession {
 public:
  host::Result<source::HttpResponse> send(const source::HttpRequest& request) override {
    EXPECT_EQ(request.url.substr(0, 22), "https://127.0.0.1:6443");
    EXPECT_EQ(request.key, "key");
    asked.push_back(request.url.substr(22));
    const auto found = answers.find(asked.back());
    if (found == answers.end()) return source::HttpResponse{404, ""};
    return found->second;
  }
  std::map<std::string, source::HttpResponse> answers;
  std::vector<std::string> asked;
};

std::string histogram(const std::string& name, const std::string& labels, int quick, int all) {
  return name + "_bucket{" + labels + ",le=\"0.5\"} " + std::to_string(quick) + "\n" + name + "_bucket{" + labels +
         ",le=\"+Inf\"} " + std::to_string(all) + "\n" + name + "_sum{" + labels + "} " + std::to_string(all) + "\n";
}

class GitOpsTest : public ::testing::Test {
 protected:
  FakeApi fake;
  Api api{fake, {"https://127.0.0.1:6443", "ca", "certificate", "key"}};
};

TEST_F(GitOpsTest, ReadsArgo) {
  fake.answers[kArgo] = {200, histogram("argocd_app_reconcile", "namespace=\"argocd\"", 5, 7)};
  const auto reading = readGitOps(api, GitOps::argocd);
  ASSERT_TRUE(reading) << reading.error().text();
  ASSERT_EQ(reading->size(), 1u);
  EXPECT_EQ(reading->begin()->second.count(), 7u);
}

TEST_F(GitOpsTest, AbsentIsAbsent) {
  const auto argo = readGitOps(api, GitOps::argocd);
  ASSERT_TRUE(argo);
  EXPECT_TRUE(argo->empty());
  fake.answers[kPods] = {200, R"({"kind":"PodList","items":[]})"};
  const auto flux = readGitOps(api, GitOps::flux);
  ASSERT_TRUE(flux) << flux.error().text();
  EXPECT_TRUE(flux->empty());
}

TEST_F(GitOpsTest, SaysWhatIsRefused) {
  fake.answers[kArgo] = {403, ""};
  const auto reading = readGitOps(api, GitOps::argocd);
  ASSERT_FALSE(reading);
  EXPECT_EQ(reading.error().reason, "Refused");
  EXPECT_THAT(reading.error().text(), HasSubstr("status 403"));
  fake.answers[kArgo] = {200, "argocd_app_reconcile_bucket{le=\"1\"} 1\n"};
  EXPECT_EQ(readGitOps(api, GitOps::argocd).error().reason, "Malformed");
  fake.answers[kPods] = {200, "<html>"};
  EXPECT_EQ(readGitOps(api, GitOps::flux).error().reason, "Malformed");
}

TEST_F(GitOpsTest, AsksEachPodOfFlux) {
  fake.answers[kPods] = {200, R"({"items":[{"metadata":{"name":"kustomize-controller-5f"},"status":{"phase":"Running"}},
    {"metadata":{"name":"helm-controller-7c"},"status":{"phase":"Pending"}}, 7, {"metadata":[]}, {},
    {"metadata":{"name":"../../secrets"},"status":{"phase":"Running"}},
    {"metadata":{"name":"helm-controller-9d"},"status":{"phase":"Running"}}]})"};
  fake.answers["/api/v1/namespaces/flux-system/pods/kustomize-controller-5f:8080/proxy/metrics"] = {
      200, histogram("gotk_reconcile_duration_seconds", "kind=\"Kustomization\",name=\"a\"", 1, 2) +
               histogram("gotk_reconcile_duration_seconds", "kind=\"Kustomization\",name=\"b\"", 1, 2)};
  fake.answers["/api/v1/namespaces/flux-system/pods/helm-controller-9d:8080/proxy/metrics"] = {200, "up 1\n"};
  const auto reading = readGitOps(api, GitOps::flux);
  ASSERT_TRUE(reading) << reading.error().text();
  EXPECT_EQ(fake.asked.size(), 3u);
  ASSERT_EQ(reading->size(), 1u);
  EXPECT_EQ(reading->at("kustomize-controller-5f").counts, (std::vector<std::uint64_t>{2, 2}));
}

TEST(GitOps, TakesNoNameThatNoPodHas) {
  const auto names = parsePodNames(R"({"items":[{"metadata":{"name":"a-1.b"},"status":{"phase":"Running"}},
    {"metadata":{"name":"A"},"status":{"phase":"Running"}},{"metadata":{"name":""},"status":{"phase":"Running"}},
    {"metadata":{"name":"a/b"},"status":{"phase":"Running"}},{"metadata":{"name":"a?b"},"status":{"phase":"Running"}}]})");
  ASSERT_TRUE(names);
  EXPECT_THAT(*names, ElementsAre("a-1.b"));
}

bench::Latencies latencies(std::vector<std::uint64_t> counts) {
  bench::Latencies made{{500'000'000}, std::move(counts), 0};
  made.sumNs = 1e9 * static_cast<double>(made.count());
  return made;
}

TEST(GitOps, AddsUpWhatEachControllerDidSince) {
  const GitOpsReading before = {{"a", latencies({10, 1})}, {"b", latencies({20, 2})}, {"gone", latencies({5, 5})}};
  const GitOpsReading after = {{"a", latencies({15, 1})}, {"b", latencies({20, 4})}, {"new", latencies({100, 0})}};
  const auto window = between(before, after);
  ASSERT_TRUE(window);
  EXPECT_EQ(window->counts, (std::vector<std::uint64_t>{5, 2}));
  EXPECT_EQ(window->meanNs(), 1'000'000'000u);
  EXPECT_FALSE(between({}, after));
  EXPECT_FALSE(between({{"a", latencies({10, 1})}}, {{"a", latencies({9, 1})}}));
}

TEST(GitOps, WritesJson) {
  EXPECT_EQ(toJson(GitOps::flux, latencies({400, 0}), 1'800'000'000'000, 7),
            R"({"probe":"gitops","measuredUs":7,"source":"flux","windowNs":1800000000000,"count":400,)"
            R"("meanNs":1000000000,"p50Ns":null,"p99Ns":null,"enough":true,"firstBucketNs":500000000,)"
            R"("buckets":[[500000000,400]]})");
}

}  // namespace
}  // namespace bedplate::kube
