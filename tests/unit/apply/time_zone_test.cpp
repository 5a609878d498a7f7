#include "agent/apply/time_zone.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <vector>

#include "tests/lib/temp_tree.h"

namespace bedplate::apply {
namespace {

// What the C library says, in a process of its own: it knows one zone at a time.
std::vector<long> libraryOffsets(const std::string& zone, const std::vector<std::int64_t>& times) {
  int ends[2];
  if (::pipe(ends) != 0) return {};
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv("TZ", (":" + zone).c_str(), 1);
    ::tzset();
    for (const std::int64_t at : times) {
      const auto time = static_cast<std::time_t>(at);
      std::tm local{};
      ::localtime_r(&time, &local);
      const long offset = local.tm_gmtoff;
      if (::write(ends[1], &offset, sizeof offset) != sizeof offset) ::_exit(1);
    }
    ::_exit(0);
  }
  ::close(ends[1]);
  std::vector<long> offsets(times.size(), -1);
  for (long& offset : offsets) static_cast<void>(!::read(ends[0], &offset, sizeof offset));
  ::waitpid(child, nullptr, 0);
  ::close(ends[0]);
  return offsets;
}

TEST(TimeZone, SaysWhatTheLibrarySays) {
  auto files = host::HostFiles::open("/");
  ASSERT_TRUE(files);
  int compared = 0;
  for (const std::string name :
       {"Europe/Oslo", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo",
        "Pacific/Auckland", "Africa/Casablanca", "Europe/Dublin", "America/Nuuk", "Etc/GMT+5"}) {
    const auto zone = TimeZone::read(*files, name);
    if (!zone && zone.error().reason == "NotFound") continue;  // a machine without the database
    ASSERT_TRUE(zone) << zone.error().text();
    // Each 11 days and some hours, over what is in the tables and over what is in the rule.
    std::vector<std::int64_t> times;
    for (const std::int64_t begin : {0L, 1'600'000'000L, 2'100'000'000L, 4'000'000'000L})
      for (int i = 0; i < 40; ++i) times.push_back(begin + i * std::int64_t{977'713});
    // And around a change, to the second.
    std::int64_t low = 1'790'000'000, high = low + 200 * 86400;
    while (high - low > 1 && zone->offsetAt(low) != zone->offsetAt(high)) {
      const std::int64_t middle = (low + high) / 2;
      (zone->offsetAt(middle) == zone->offsetAt(high) ? high : low) = middle;
    }
    times.insert(times.end(), {low, high});
    const auto offsets = libraryOffsets(name, times);
    for (std::size_t i = 0; i < times.size(); ++i, ++compared)
      ASSERT_EQ(zone->offsetAt(times[i]), offsets[i]) << name << " at " << times[i];
  }
  if (compared == 0) GTEST_SKIP() << "no time zones on this machine";
}

std::string slim(const std::string& rule) {
  const auto header = [](char types, char names) {
    return std::string("TZif2") + std::string(15 + 16, '\0') + std::string("\0\0\0", 3) + types +
           std::string("\0\0\0", 3) + names;
  };
  // The first block is empty but for one type, as zic -b slim makes it.
  return header(1, 1) + std::string(6, '\0') + std::string(1, '\0') + header(1, 4) + std::string(6, '\0') +
         std::string("UTC\0", 4) + "\n" + rule + "\n";
}

TEST(TimeZone, ReadsRules) {
  const auto at = [](const std::string& rule, std::int64_t when) {
    const auto zone = TimeZone::parse(slim(rule), "x");
    return zone ? zone->offsetAt(when) : -1;
  };
  EXPECT_EQ(at("UTC0", 0), 0);
  EXPECT_EQ(at("<+0330>-3:30", 0), 12600);
  EXPECT_EQ(at("EST5", 0), -18000);
  EXPECT_EQ(at("CET-1CEST,M3.5.0,M10.5.0/3", 1'800'000'000), 3600);  // 2027-01-15
  EXPECT_EQ(at("CET-1CEST,M3.5.0,M10.5.0/3", 1'815'000'000), 7200);  // 2027-07-07
  // Days of the year: from its 60th without a leap day on, and from the 60th with it.
  EXPECT_EQ(at("AAA-1BBB,J60/0,J300/0", 1'709'247'600), 7200);  // 2024-03-01, 00:00
  EXPECT_EQ(at("AAA-1BBB,J60/0,J300/0", 1'709'247'599), 3600);
  EXPECT_EQ(at("AAA-1BBB,59/0,300/0", 1'709'161'200), 7200);  // 2024-02-29
}

TEST(TimeZone, RefusesWhatIsNone) {
  EXPECT_TRUE(TimeZone::parse(slim("UTC0"), "x"));
  for (const std::string rule : {"U0", "UTC", "UTC0CEST", "UTC0CEST,M3.5.0", "UTC0CEST,M13.1.0,M1.1.0",
                                 "UTC0CEST,M3.6.0,M1.1.0", "UTC0CEST,J0,J1", "UTC999", "UTC0CEST,M3.5.0,M10.5.0x"})
    EXPECT_FALSE(TimeZone::parse(slim(rule), "x")) << rule;
  const std::string good = slim("CET-1CEST,M3.5.0,M10.5.0/3");
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(TimeZone::parse(good.substr(0, size), "x")) << size;
  testlib::TempTree tree;
  EXPECT_EQ(TimeZone::read(tree.files(), "Mars/Olympus").error().reason, "NotFound");
  EXPECT_EQ(TimeZone::read(tree.files(), "../../../etc/passwd").error().reason, "NotFound");
  EXPECT_EQ(TimeZone::read(tree.files(), "UTC")->offsetAt(0), 0);  // without a database
}

}  // namespace
}  // namespace bedplate::apply
