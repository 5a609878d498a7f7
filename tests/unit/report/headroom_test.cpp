// What is said of limits that come near: on the screen, as warnings, as metrics, as JSON.
#include "agent/report/headroom.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "agent/report/gather.h"
#include "agent/report/report.h"
#include "tests/unit/report/sample.h"

namespace bedplate::report {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

Headroom roomy() {
  Headroom headroom;
  headroom.takenUs = kNow - 3'000'000;
  auto& conntrack = headroom.conntrack.emplace(Headroom::Conntrack{});
  conntrack.entries = 31'000;
  conntrack.limit = 262'144;
  conntrack.insertFailed = 0.5;
  conntrack.seconds = 300;
  conntrack.events = {{"insert_failed", 150}, {"drop", 0}, {"early_drop", 0}};
  auto& inotify = headroom.inotify.emplace(Headroom::Inotify{});
  inotify.instancesLimit = 128;
  inotify.watchesLimit = 192'536;
  inotify.watchesUs = kNow - 600'000'000;
  inotify.users = {{0, 40, 900}, {1000, 3, 20}};
  inotify.byInstances = {{812, 0, "k3s-server", "k3s.service", 20, 800}, {1, 0, "systemd", "init.scope", 6, 50}};
  inotify.byWatches = {{812, 0, "k3s-server", "k3s.service", 20, 800}};
  headroom.fileHandles = Headroom::FileHandles{2'619, 2'466'170};
  return headroom;
}

int exitOf(const Headroom& headroom) {
  Status status = goodStatus();
  status.disk = status.steal = R"({"verdict":"fit"})";
  status.headroom = headroom;
  judge(status, nullptr);
  return exitStatus(status, kNow, true);
}

std::string screenOf(const Headroom& headroom, std::size_t warnings = 0) {
  Status status = goodStatus();
  status.headroom = headroom;
  status.warnings.assign(warnings, "a warning");
  judge(status, nullptr);
  Screen screen;
  screen.nowUs = kNow;
  return render(status, screen);
}

TEST(Headroom, EnoughOfItIsOneQuietLine) {
  const Headroom headroom = roomy();
  EXPECT_FALSE(tight(headroom));
  EXPECT_THAT(headroomWarnings(headroom), IsEmpty());
  EXPECT_EQ(headroomLine(headroom), "conntrack 11 %, inotify instances 31 %, inotify watches <1 %, file handles <1 %");
  EXPECT_EQ(exitOf(headroom), 0);
  EXPECT_THAT(screenOf(headroom), HasSubstr("headroom    conntrack 11 %"));
}

TEST(Headroom, TheEdgeIsThreeQuarters) {
  Headroom headroom = roomy();
  headroom.conntrack->entries = 196'607;
  EXPECT_FALSE(tight(headroom));
  headroom.conntrack->entries = 196'608;
  EXPECT_TRUE(tight(headroom));
  EXPECT_EQ(headroomLine(headroom), "conntrack 75 %");
  EXPECT_THAT(headroomWarnings(headroom), ElementsAre(HasSubstr("tuning.conntrack.max")));
  EXPECT_EQ(exitOf(headroom), 1);
}

TEST(Headroom, AWarningNamesTheBiggestHolderAndTheWayOut) {
  Headroom headroom = roomy();
  headroom.inotify->users[0].instances = 110;
  EXPECT_THAT(headroomWarnings(headroom),
              ElementsAre("uid 0 has 85 % of its 128 inotify instances, most by k3s-server of k3s.service (20): raise "
                          "tuning.inotify.maxUserInstances in node.yaml"));
  EXPECT_EQ(headroomLine(headroom), "inotify instances 85 % (uid 0)");
  headroom = roomy();
  headroom.inotify->users[1].watches = 190'000;
  EXPECT_THAT(headroomWarnings(headroom),
              ElementsAre(testing::AllOf(HasSubstr("uid 1000 has 95 %"), HasSubstr("tuning.inotify.maxUserWatches"))))
      << "no holder of this user is known";
  headroom = roomy();
  headroom.fileHandles = Headroom::FileHandles{80, 100};
  EXPECT_THAT(headroomWarnings(headroom), ElementsAre(HasSubstr("fs.file-max")));
}

// The status is told anew when a text changes: not every minute because of one connection more.
TEST(Headroom, AWarningStaysTheSameWithinFivePerCent) {
  Headroom headroom = roomy();
  headroom.conntrack->entries = 210'000;  // 80.1 %
  const auto before = headroomWarnings(headroom);
  headroom.conntrack->entries = 222'000;  // 84.7 %
  EXPECT_EQ(headroomWarnings(headroom), before);
  headroom.conntrack->entries = 223'000;  // 85.1 %
  EXPECT_NE(headroomWarnings(headroom), before);
}

TEST(Headroom, LostPacketsAreAWarningInARoomyTable) {
  Headroom headroom = roomy();
  headroom.conntrack->earlyDrop = 2.5;
  EXPECT_EQ(headroomLine(headroom), "conntrack 11 %, throws out 2.5/s");
  EXPECT_THAT(headroomWarnings(headroom), ElementsAre(HasSubstr("early_drop")));
  EXPECT_EQ(exitOf(headroom), 1);
  headroom = roomy();
  headroom.conntrack->insertFailed = 1000;
  EXPECT_FALSE(tight(headroom)) << "two packets raced: the sender tries again";
}

TEST(Headroom, WhatWasNotSeenIsSaid) {
  Headroom headroom = roomy();
  headroom.inotify->unseen = 12;
  EXPECT_THAT(headroomLine(headroom), HasSubstr("; 12 processes not seen"));
}

TEST(Headroom, NothingKnownIsNoLine) {
  EXPECT_EQ(headroomLine(Headroom{}), "");
  EXPECT_FALSE(tight(Headroom{}));
  EXPECT_THAT(screenOf(Headroom{}), Not(HasSubstr("headroom")));
}

TEST(Headroom, TheTightLineOutlivesAFullScreen) {
  Headroom headroom = roomy();
  headroom.conntrack->entries = headroom.conntrack->limit;
  EXPECT_THAT(screenOf(headroom, 30), HasSubstr("headroom    conntrack 100 %"));
}

TEST(Headroom, GatherTakesTheSampleAndKeepsTheLastOne) {
  Headroom headroom = roomy();
  headroom.conntrack->entries = headroom.conntrack->limit;
  Inputs inputs;
  inputs.nowUs = kNow;
  inputs.headroom = &headroom;
  const Status first = gather(inputs, nullptr);
  ASSERT_TRUE(first.headroom);
  EXPECT_THAT(first.warnings, testing::Contains(HasSubstr("conntrack table is 100 % full")));
  inputs.headroom = nullptr;
  const Status second = gather(inputs, &first);
  ASSERT_TRUE(second.headroom);
  EXPECT_EQ(second.warnings, first.warnings);
}

TEST(Headroom, JsonComesBackAsItWas) {
  Status status = goodStatus();
  status.headroom = roomy();
  status.headroom->inotify->unseen = 2;
  status.headroom->inotify->watchesCut = true;
  const std::string text = toJson(status);
  const auto back = fromJson(text);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(toJson(*back), text);
  const auto json = nlohmann::json::parse(text)["headroom"];
  EXPECT_EQ(json["conntrack"]["entries"], 31'000);
  EXPECT_EQ(json["conntrack"]["perSecond"]["insertFailed"], 0.5);
  EXPECT_EQ(json["conntrack"]["events"]["insert_failed"], 150);
  EXPECT_EQ(json["inotify"]["users"][0]["instances"], 40);
  EXPECT_EQ(json["inotify"]["byInstances"][0]["unit"], "k3s.service");
  EXPECT_EQ(json["fileHandles"]["limit"], 2'466'170);
  EXPECT_TRUE(nlohmann::json::parse(toJson(goodStatus()))["headroom"].is_null());
}

TEST(Headroom, ForeignNumbersDoNoHarm) {
  Status status = goodStatus();
  for (const char* text :
       {R"({"headroom":{"conntrack":{"entries":9223372036854775807,"limit":1}}})",
        R"({"headroom":{"conntrack":{"entries":-9223372036854775808,"limit":1,"events":{"x":-1}}}})",
        R"({"headroom":{"inotify":{"instancesLimit":1,"users":[{"uid":-1,"instances":9223372036854775807}]}}})",
        R"({"headroom":{"fileHandles":{"used":5,"limit":0}}})"}) {
    const auto back = fromJson(text);
    ASSERT_TRUE(back) << text;
    EXPECT_FALSE(screenOf(*back->headroom).empty());
    static_cast<void>(headroomWarnings(*back->headroom));
  }
  for (const char* text : {R"({"headroom":[]})", R"({"headroom":{"conntrack":{"events":[]}}})",
                           R"({"headroom":{"inotify":{"users":[1]}}})", R"({"headroom":{"fileHandles":{"used":1.5}}})"})
    EXPECT_FALSE(fromJson(text)) << text;
}

TEST(Headroom, MetricsAreBounded) {
  Status status = goodStatus();
  status.headroom = roomy();
  for (int uid = 2000; uid < 2030; ++uid) status.headroom->inotify->users.push_back({uid, 1, 1});
  const std::string page = metrics(status, Counters{});
  EXPECT_THAT(page, HasSubstr("\nbedplate_conntrack_entries 31000\n"));
  EXPECT_THAT(page, HasSubstr("\nbedplate_conntrack_entries_limit 262144\n"));
  EXPECT_THAT(page, HasSubstr("\nbedplate_conntrack_events_total{event=\"insert_failed\"} 150\n"));
  EXPECT_THAT(page, HasSubstr("\nbedplate_inotify_instances{uid=\"0\"} 40\n"));
  EXPECT_THAT(page, HasSubstr("\nbedplate_inotify_instances_limit 128\n"));
  EXPECT_THAT(page, HasSubstr("\nbedplate_inotify_instances{uid=\"other\"} 22\n"));
  EXPECT_THAT(page, HasSubstr("\nbedplate_inotify_watches{uid=\"0\"} 900\n"));
  EXPECT_THAT(page, HasSubstr("\nbedplate_inotify_watches_limit 192536\n"));
  EXPECT_THAT(page, HasSubstr("\nbedplate_file_handles 2619\n"));
  EXPECT_THAT(page, Not(HasSubstr("uid=\"2020\"")));
  status.headroom.reset();
  EXPECT_THAT(metrics(status, Counters{}), Not(HasSubstr("conntrack")));
}

}  // namespace
}  // namespace bedplate::report
