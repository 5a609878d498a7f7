#include "agent/report/answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/report/sample.h"

namespace bedplate::report {
namespace {

using testing::HasSubstr;

apply::SyncResult synced() {
  apply::SyncResult result;
  source::Commit commit;
  commit.id = *source::ObjectId::fromHex("3f2a91c0000000000000000000000000000000aa");
  commit.subject = "raise conntrack";
  result.commit = commit;
  result.seconds = 0.5;
  result.applied.emplace();
  return result;
}

TEST(Answer, SaysWhatWasDone) {
  apply::SyncResult result = synced();
  EXPECT_EQ(answer(result, config::Mode::enforce).text, "3f2a91c  raise conntrack: nothing to change, 0.50s");
  result.applied->generation = 42;
  result.applied->outcomes.push_back({sysctlChange("net/ipv4/ip_forward", "0", "1"), std::nullopt});
  const Answer done = answer(result, config::Mode::enforce);
  EXPECT_EQ(done.exitStatus, 0);
  EXPECT_EQ(done.text, "3f2a91c  raise conntrack: 1 change, generation 42, 0.50s");
}

TEST(Answer, AFailedKeyIsAFailureWithItsName) {
  apply::SyncResult result = synced();
  result.applied->outcomes.push_back({sysctlChange("net/ipv4/ip_default_ttl", "64", "70000"),
                                      host::Error{"Invalid", 22, "", "the kernel refuses 70000", ""}});
  const Answer done = answer(result, config::Mode::enforce);
  EXPECT_EQ(done.exitStatus, 1);
  EXPECT_THAT(done.text, HasSubstr("failed: net.ipv4.ip_default_ttl: the kernel refuses 70000"));
}

TEST(Answer, AProblemHasItsReasonAndItsFindings) {
  apply::SyncResult result;
  result.problem = host::Error{"InvalidClusterDirectory", 0, "clusters/x", "has 1 error", "fix it"};
  result.findings.push_back({cluster::Severity::error, "node.yaml", 3, 1, "unknown key 'tunning'"});
  const Answer done = answer(result, config::Mode::enforce);
  EXPECT_EQ(done.exitStatus, 1);
  EXPECT_THAT(done.text, HasSubstr("InvalidClusterDirectory: clusters/x: has 1 error: fix it"));
  EXPECT_THAT(done.text, HasSubstr("node.yaml:3:1: error: unknown key 'tunning'"));
}

TEST(Answer, TakenBackIsFour) {
  apply::SyncResult result = synced();
  result.applied->outcomes.push_back(
      {sysctlChange("net/ipv4/ip_forward", "0", "1"), host::Error{"CutOff", 0, "", "taken back: it is silent", ""}});
  EXPECT_EQ(answer(result, config::Mode::enforce).exitStatus, 4);
  result.applied->outcomes.clear();
  result.applied->undone = true;
  EXPECT_EQ(answer(result, config::Mode::enforce).exitStatus, 4);
  EXPECT_EQ(answer(host::Error{"TakenBack", 0, "commit x", "was taken back", ""}).exitStatus, 4);
}

TEST(Answer, ObserveCountsWhatItLeft) {
  apply::SyncResult result = synced();
  result.applied.reset();
  result.plan.emplace();
  EXPECT_THAT(answer(result, config::Mode::observe).text, HasSubstr("nothing to change (mode observe)"));
  result.plan->changes.push_back(sysctlChange("net/ipv4/ip_forward", "0", "1"));
  const Answer done = answer(result, config::Mode::observe);
  EXPECT_EQ(done.exitStatus, 0);
  EXPECT_THAT(done.text, HasSubstr("1 change not made (mode observe): bedplate diff, bedplate enforce"));
}

}  // namespace
}  // namespace bedplate::report
