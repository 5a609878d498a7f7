#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "agent/kube/kube.h"

namespace bedplate::kube {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

class FakeSession final : public source::HttpSession {
 public:
  host::Result<source::HttpResponse> send(const source::HttpRequest& request) override {
    asked.push_back(request);
    return answer;
  }
  source::HttpResponse answer{200, "{}"};
  std::vector<source::HttpRequest> asked;
};

class ApiTest : public ::testing::Test {
 protected:
  FakeSession fake;
  Api api{fake, {"https://127.0.0.1:6443", "ca", "certificate", "key"}};
};

TEST_F(ApiTest, SendsWhatTheApiWants) {
  ASSERT_TRUE(api.get("/readyz", 100));
  ASSERT_TRUE(api.create("/c", "{1}"));
  ASSERT_TRUE(api.replace("/c/n", "{2}"));
  ASSERT_TRUE(api.patch("/c/n", "{3}"));
  ASSERT_TRUE(api.remove("/c/n", "{4}"));
  ASSERT_TRUE(api.remove("/c/n"));
  const std::vector<std::vector<std::string>> wanted = {
      {"GET", "/readyz", "", ""},
      {"POST", "/c", "{1}", "application/json"},
      {"PUT", "/c/n", "{2}", "application/json"},
      {"PATCH", "/c/n", "{3}", "application/merge-patch+json"},
      {"DELETE", "/c/n", "{4}", "application/json"},
      {"DELETE", "/c/n", "", ""},
  };
  ASSERT_EQ(fake.asked.size(), wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto& request = fake.asked[i];
    EXPECT_EQ((std::vector<std::string>{request.method, request.url.substr(22), request.body, request.contentType}),
              wanted[i]);
    EXPECT_EQ(request.ca + request.certificate + request.key, "cacertificatekey");
    EXPECT_EQ(request.deadlineMs, 10'000);
  }
  EXPECT_EQ(fake.asked.front().mostBytes, 100u);
}

TEST_F(ApiTest, TellsFailuresApart) {
  for (const auto& [status, reason] :
       {std::pair{400, "Refused"}, std::pair{401, "Refused"}, std::pair{403, "Refused"}, std::pair{404, "NotFound"},
        std::pair{409, "Conflict"}, std::pair{410, "Refused"}, std::pair{422, "Refused"}, std::pair{429, "Unavailable"},
        std::pair{500, "Unavailable"}, std::pair{503, "Unavailable"}}) {
    fake.answer = {status, R"({"kind":"Status","message":"leases \"x\" is [what it is]","code":1})"};
    const auto answer = api.replace("/c/n", "{}");
    ASSERT_FALSE(answer) << status;
    EXPECT_EQ(answer.error().reason, reason) << status;
    EXPECT_EQ(answer.error().thing, "https://127.0.0.1:6443/c/n");
    EXPECT_EQ(answer.error().why, "answers with status " + std::to_string(status) + ": leases \"x\" is [what it is]");
  }
  fake.answer = {201, "made"};
  EXPECT_EQ(*api.create("/c", "{}"), "made");
}

TEST(StatusMessage, ShowsWhatIsNoStatus) {
  EXPECT_EQ(parseStatusMessage(""), "");
  EXPECT_EQ(parseStatusMessage("Forbidden"), "Forbidden");
  EXPECT_EQ(parseStatusMessage(R"({"message":7})"), R"({"message":7})");
  EXPECT_THAT(parseStatusMessage("{\"message\":\"a\\u001b[2Jb\"}"), Not(HasSubstr("\x1b")));
  EXPECT_LE(parseStatusMessage(std::string(1 << 20, 'x')).size(), 500u);
  EXPECT_LE(parseStatusMessage(R"({"message":")" + std::string(1000, 'x') + "\"}").size(), 500u);
  EXPECT_LE(parseStatusMessage(std::string(1 << 20, '[')).size(), 500u);
}

}  // namespace
}  // namespace bedplate::kube
