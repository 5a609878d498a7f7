#include "agent/kube/lease.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace bedplate::kube {
namespace {

using ::testing::HasSubstr;

const Trial kTrial{"server-1", "tree", "content", "running", ""};

// One Lease with the rules of the API: a create of what is there and a replace of another version are conflicts.
class LeaseApi final : public source::HttpSession {
 public:
  host::Result<source::HttpResponse> send(const source::HttpRequest& request) override {
    const std::string item = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/bedplate-k3s-restart";
    const std::string path = request.url.substr(22);
    if (request.method == "GET") {
      EXPECT_EQ(path, item);
      return lease.is_null() ? source::HttpResponse{404, ""} : source::HttpResponse{200, lease.dump()};
    }
    auto body = nlohmann::json::parse(request.body);
    const bool creates = request.method == "POST";
    EXPECT_EQ(creates ? path + "/bedplate-k3s-restart" : path, item);
    if (creates != lease.is_null()) return source::HttpResponse{409, ""};
    if (!creates && body["metadata"]["resourceVersion"] != lease["metadata"]["resourceVersion"])
      return source::HttpResponse{409, ""};
    body["metadata"]["resourceVersion"] = std::to_string(++version);
    lease = body;
    return source::HttpResponse{200, lease.dump()};
  }
  nlohmann::json lease;
  int version = 0;
};

class LeaseTest : public ::testing::Test {
 protected:
  LeaseApi fake;
  Api api{fake, {"https://127.0.0.1:6443", "ca", "certificate", "key"}};
};

TEST_F(LeaseTest, IsHeldRenewedAndFreed) {
  ASSERT_FALSE(*readLease(api));
  auto lease = holdLease(api, std::nullopt, "server-1", kTrial, 1'000'000);
  ASSERT_TRUE(lease) << lease.error().text();
  EXPECT_EQ(lease->holder, "server-1");
  EXPECT_EQ(lease->transitions, 1);
  EXPECT_EQ(lease->trial, kTrial);
  lease = holdLease(api, *lease, "server-1", kTrial, 9'000'000);
  ASSERT_TRUE(lease);
  EXPECT_EQ(lease->transitions, 1);
  EXPECT_EQ(lease->acquiredUs, 1'000'000);
  EXPECT_EQ(fake.lease["spec"]["renewTime"], "1970-01-01T00:00:09.000000Z");
  EXPECT_EQ(fake.lease["spec"]["leaseDurationSeconds"], kLeaseSeconds);
  Trial ended = kTrial;
  ended.outcome = "rolled-back";
  ASSERT_TRUE(freeLease(api, *lease, ended, 10'000'000));
  const auto free = readLease(api);
  ASSERT_TRUE(free && *free);
  EXPECT_EQ((*free)->holder, "");
  EXPECT_EQ((*free)->trial->outcome, "rolled-back");
  EXPECT_EQ((*free)->transitions, 1);
  EXPECT_EQ(holdLease(api, **free, "server-2", kTrial, 11'000'000)->transitions, 2);
}

TEST_F(LeaseTest, OfTwoWhoTakeItOneHasAConflict) {
  const auto first = holdLease(api, std::nullopt, "server-1", kTrial, 1);
  ASSERT_TRUE(first);
  EXPECT_EQ(holdLease(api, std::nullopt, "server-2", kTrial, 1).error().reason, "Conflict");
  ASSERT_TRUE(freeLease(api, *first, kTrial, 2));
  const auto seen = readLease(api);
  ASSERT_TRUE(holdLease(api, **seen, "server-2", kTrial, 3));
  EXPECT_EQ(holdLease(api, **seen, "server-3", kTrial, 3).error().reason, "Conflict");
  EXPECT_EQ(freeLease(api, *first, kTrial, 4).error().reason, "Conflict");  // one who was away frees nothing
  EXPECT_EQ(fake.lease["spec"]["holderIdentity"], "server-2");
}

TEST(LeaseText, RefusesWhatIsNone) {
  for (const char* text : {"", "[]", "{}", R"({"metadata":{}})", R"({"metadata":{"resourceVersion":7}})"})
    EXPECT_FALSE(parseLease(text)) << text;
  const auto bare = parseLease(R"({"metadata":{"resourceVersion":"7"},"spec":{"leaseTransitions":-5}})");
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->holder, "");
  EXPECT_EQ(bare->transitions, 0);
}

TEST(LeaseWatch, CountsByItsOwnClock) {
  LeaseWatch watch;
  EXPECT_FALSE(watch.old(1'000'000'000'000));
  Lease lease;
  lease.version = "1";
  watch.saw(lease, 0);
  const std::int64_t late = (kLeaseSeconds + 1) * 1'000'000'000;
  EXPECT_FALSE(watch.old(late - 1'000'000'000));
  EXPECT_TRUE(watch.old(late));
  lease.version = "2";
  watch.saw(lease, late);
  EXPECT_FALSE(watch.old(late));
  EXPECT_TRUE(watch.old(2 * late));
}

TEST(LeaseTaking, IsByHealthAndNotByTimeAlone) {
  Lease lease;
  lease.version = "1";
  Node holder;
  holder.ready = true;
  EXPECT_EQ(mayNotTake(lease, "server-2", false, nullptr), "");  // free
  lease.holder = "server-1";
  lease.trial = kTrial;
  EXPECT_EQ(mayNotTake(lease, "server-1", false, &holder), "");  // ours
  EXPECT_EQ(mayNotTake(lease, "server-2", true, nullptr), "");   // of a server that is no more
  EXPECT_THAT(mayNotTake(lease, "server-2", false, &holder), HasSubstr("server-1 holds the lease"));
  // Old, and well: only with his word.
  EXPECT_THAT(mayNotTake(lease, "server-2", true, &holder), HasSubstr("has not said how it went"));
  holder.trial = Trial{"server-1", "tree", "another", "confirmed", ""};
  EXPECT_THAT(mayNotTake(lease, "server-2", true, &holder), HasSubstr("has not said how it went"));
  for (const char* outcome : {"confirmed", "rolled-back"}) {
    holder.trial = Trial{"server-1", "tree", "content", outcome, ""};
    EXPECT_EQ(mayNotTake(lease, "server-2", true, &holder), "") << outcome;
  }
  // Old, and not well: never.
  holder.ready = false;
  EXPECT_THAT(mayNotTake(lease, "server-2", true, &holder), HasSubstr("is not Ready"));
  holder.ready = holder.etcd = true;
  EXPECT_THAT(mayNotTake(lease, "server-2", true, &holder), HasSubstr("voter"));
  // Between restarts a holder that went away holds up nobody who is healthy.
  holder.etcd = false;
  holder.trial.reset();
  lease.trial->outcome = "confirmed";
  EXPECT_EQ(mayNotTake(lease, "server-2", true, &holder), "");
}

}  // namespace
}  // namespace bedplate::kube
