#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/report/report.h"
#include "tests/unit/report/sample.h"

namespace bedplate::report {
namespace {

using testing::HasSubstr;

apply::Generation generation(std::int64_t number, apply::GenerationState state) {
  apply::Generation one;
  one.number = number;
  one.commit = "3f2a91c0000000000000000000000000000000aa";
  one.subject = "raise conntrack";
  one.cause = "commit";
  one.state = state;
  one.startedUs = kNow + number * 1'000'000;
  one.finishedUs = one.startedUs + 210'000;
  return one;
}

const Screen kScreen{200, false, kNow, true, 0};

TEST(History, ListsGenerationsAndDriftByTime) {
  auto taken = generation(3, apply::GenerationState::rolledBack);
  taken.why = "interrupted";
  const apply::DriftEvent drift{kNow + 2'500'000, "sysctl", "net/ipv4/ip_forward", "0", "1", "unknown", true};
  const apply::CommitTimes times{.commit = generation(2, apply::GenerationState::applied).commit,
                                 .generation = 2,
                                 .seenUs = kNow,
                                 .fetchedUs = kNow + 800'000,
                                 .appliedUs = kNow + 1'500'000,
                                 .confirmedUs = kNow + 1'500'000};
  const std::string text =
      renderHistory({{taken, generation(2, apply::GenerationState::applied)}, {drift}, {times}}, kScreen);
  EXPECT_EQ(text,
            "2026-09-21 14:13:23      3  rolled-back  commit    3f2a91c       -  raise conntrack (interrupted)\n"
            "2026-09-21 14:13:22      -  drift        put back  net.ipv4.ip_forward  0 -> 1\n"
            "2026-09-21 14:13:22      2  applied      commit    3f2a91c   1.50s  raise conntrack\n"
            "from first seen to confirmed: p50 1.50s, p90 1.50s, max 1.50s over 1 commit\n");
  EXPECT_EQ(renderHistory({}, kScreen), "nothing happened yet\n");
}

TEST(History, ShowNamesEachChangeItsOriginalAndItsFailure) {
  auto one = generation(2, apply::GenerationState::applied);
  one.outcomes.push_back({sysctlChange("net/ipv4/ip_forward", "0", "1"), std::nullopt});
  one.outcomes.push_back({sysctlChange("net/ipv4/ip_default_ttl", "64", "70000"),
                          host::Error{"Invalid", 22, "net.ipv4.ip_default_ttl", "the kernel refuses 70000", ""}});
  plan::Held held;
  held.sysctls["net/ipv4/ip_forward"] = {"0", "boot"};
  held.sysctls["vm/swappiness"] = {"60", "before"};  // as wanted already: no change, but an original
  held.sysctls["vm/dirty_ratio"] = {"20", "boot"};   // of another generation
  held.files["etc/rancher/k3s/config.yaml"] = {true, 0600, 0, 0, std::string(64, 'a'), plan::Area::k3sConfig};
  plan::Target target;
  target.sysctls.push_back({{"vm/swap*", "60", false, false, "sysctl.d/a.conf", 1}, "cluster"});
  target.files.push_back(
      {plan::Area::k3sConfig, "etc/rancher/k3s/config.yaml", "k3s/config.yaml", "cluster", 0600, "", {}});
  const Originals originals = originalsOf(one, &target, held, "boot");
  const std::string text = renderGeneration(one, originals, std::nullopt, kScreen);
  EXPECT_THAT(text, HasSubstr("originals of its keys:\n"
                              "  net.ipv4.ip_forward  0  (taken in this boot)\n"
                              "  vm.swappiness  60  (taken in an earlier boot)\n"
                              "originals of its files:\n  /etc/rancher/k3s/config.yaml  kept (aaaaaaaa)\n"));
  EXPECT_EQ(originalsOf(one, nullptr, held, "boot").held.sysctls.size(), 1u);
  EXPECT_THAT(text, HasSubstr("generation 2  applied\n"));
  EXPECT_THAT(text, HasSubstr("2 changes:\n"));
  EXPECT_THAT(text, HasSubstr("0 -> 1"));
  EXPECT_THAT(text, HasSubstr("[original: 0]"));
  EXPECT_THAT(text, HasSubstr("FAILED: the kernel refuses 70000"));
  const auto json = nlohmann::json::parse(generationJson(one, originals, std::nullopt));
  EXPECT_EQ(json["originals"][1]["subject"], "vm.swappiness");
  EXPECT_EQ(json["originals"][1]["value"], "60");
  EXPECT_EQ(json["originals"][1]["thisBoot"], false);
  EXPECT_EQ(json["changes"][0]["subject"], "net.ipv4.ip_forward");
  EXPECT_TRUE(json["changes"][0]["error"].is_null());
  EXPECT_EQ(json["changes"][1]["error"]["reason"], "Invalid");
  EXPECT_EQ(json["state"], "applied");
}

TEST(History, JsonHasBothLists) {
  const auto json = nlohmann::json::parse(historyJson({{generation(2, apply::GenerationState::applied)}, {}, {}}));
  EXPECT_EQ(json["generations"][0]["number"], 2);
  EXPECT_EQ(json["generations"][0]["started"], "2026-09-21T14:13:22Z");
  EXPECT_TRUE(json["drift"].empty());
}

TEST(History, ShowSaysHowLongTheCommitTook) {
  const auto one = generation(2, apply::GenerationState::applied);
  apply::CommitTimes times{.commit = one.commit,
                           .subject = one.subject,
                           .generation = 2,
                           .seenUs = kNow,
                           .fetchedUs = kNow + 800'000,
                           .appliedUs = kNow + 1'500'000,
                           .confirmedUs = kNow + 1'520'000};
  EXPECT_THAT(renderGeneration(one, {}, times, kScreen),
              HasSubstr("latency     1.52s: seen 2026-09-21 14:13:20, fetched +0.80s, applied +1.50s, confirmed "
                        "+1.52s\n"));
  const auto json = nlohmann::json::parse(generationJson(one, {}, times));
  EXPECT_EQ(json["sync"]["seconds"]["fetched"], 0.8);
  EXPECT_EQ(json["sync"]["seconds"]["confirmed"], 1.52);
  EXPECT_TRUE(json["sync"]["seconds"]["accepted"].is_null());
  EXPECT_EQ(json["sync"]["seen"], "2026-09-21T14:13:20Z");
  times.waited = "Held";
  times.confirmedUs = 0;
  EXPECT_THAT(renderGeneration(one, {}, times, kScreen),
              HasSubstr("latency     seen 2026-09-21 14:13:20, fetched +0.80s, applied +1.50s; not counted: Held\n"));
  const auto history = nlohmann::json::parse(historyJson({{one}, {}, {times}}));
  EXPECT_EQ(history["commits"][0]["waited"], "Held");
  EXPECT_TRUE(history["syncLatency"].is_null());
}

}  // namespace
}  // namespace bedplate::report
