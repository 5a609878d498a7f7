#include "agent/cluster/values.h"

#include <gtest/gtest.h>

#include "agent/cluster/names.h"

namespace bedplate::cluster {
namespace {

TEST(Values, IntegersAreDecimalDigitsAndNothingElse) {
  EXPECT_EQ(parseInteger("0"), 0);
  EXPECT_EQ(parseInteger("9223372036854775807"), 9223372036854775807);
  for (const char* bad :
       {"", " 1", "1 ", "010", "00", "0x10", "1_000", "+1", "-1", "1.0", "1e3", "9223372036854775808"})
    EXPECT_EQ(parseInteger(bad), std::nullopt) << bad;
}

TEST(Values, DurationsNeedTheirUnit) {
  EXPECT_EQ(parseDuration("10ms"), 10);
  EXPECT_EQ(parseDuration("20s"), 20'000);
  EXPECT_EQ(parseDuration("30m"), 1'800'000);
  EXPECT_EQ(parseDuration("2h"), 7'200'000);
  EXPECT_EQ(parseDuration("1d"), 86'400'000);
  EXPECT_EQ(parseDuration("0s"), 0);
  for (const char* bad : {"", "30", "m", "1.5h", "1h30m", "30 m", "30M", "-1s", "010s", "9223372036854775807d"})
    EXPECT_EQ(parseDuration(bad), std::nullopt) << bad;
}

TEST(Values, PercentagesAreRatios) {
  EXPECT_DOUBLE_EQ(parsePercent("5%").value(), 0.05);
  EXPECT_DOUBLE_EQ(parsePercent("2.5%").value(), 0.025);
  EXPECT_DOUBLE_EQ(parsePercent("0.5%").value(), 0.005);
  EXPECT_DOUBLE_EQ(parsePercent("100%").value(), 1.0);
  for (const char* bad : {"", "%", "5", "5 %", "-5%", ".5%", "5.%", "100.1%", "05%", "1e1%", "nan%", "inf%", "0x5%"})
    EXPECT_EQ(parsePercent(bad), std::nullopt) << bad;
}

TEST(Values, BooleansAreTrueAndFalseOnly) {
  EXPECT_EQ(parseBoolean("true"), true);
  EXPECT_EQ(parseBoolean("false"), false);
  for (const char* bad : {"", "yes", "no", "on", "off", "True", "TRUE", "1", "0"})
    EXPECT_EQ(parseBoolean(bad), std::nullopt) << bad;
}

TEST(Values, TimesOfDayAndDays) {
  EXPECT_EQ(parseTimeOfDay("00:00"), 0);
  EXPECT_EQ(parseTimeOfDay("02:30"), 150);
  EXPECT_EQ(parseTimeOfDay("23:59"), 1439);
  for (const char* bad : {"", "2:00", "24:00", "12:60", "12-00", "12:0", "+1:00", "12:000"})
    EXPECT_EQ(parseTimeOfDay(bad), std::nullopt) << bad;
  EXPECT_EQ(parseDay("mon"), 0);
  EXPECT_EQ(parseDay("sun"), 6);
  EXPECT_EQ(parseDay("Monday"), std::nullopt);
}

TEST(Values, DurationsAreShownInTheirLargestUnit) {
  EXPECT_EQ(durationText(0), "0ms");
  EXPECT_EQ(durationText(1500), "1500ms");
  EXPECT_EQ(durationText(60'000), "1m");
  EXPECT_EQ(durationText(86'400'000), "1d");
}

TEST(Names, EditDistanceCountsASwapAsOne) {
  EXPECT_EQ(editDistance("", "abc"), 3u);
  EXPECT_EQ(editDistance("same", "same"), 0u);
  EXPECT_EQ(editDistance("SAME", "same"), 0u);
  EXPECT_EQ(editDistance("sever", "server"), 1u);
  EXPECT_EQ(editDistance("manfiests", "manifests"), 1u);
  EXPECT_EQ(editDistance("kitten", "sitting"), 3u);
}

TEST(Names, OnlyTyposAreGuessed) {
  EXPECT_EQ(nearest("sysctld", {"node.yaml", "sysctl.d"}), "sysctl.d");
  EXPECT_EQ(nearest("k3", {"k3s"}), "k3s");
  EXPECT_EQ(nearest("charts", {"node.yaml", "sysctl.d", "roles"}), std::nullopt);
  EXPECT_EQ(nearest(std::string(100000, 'x'), {"sysctl.d"}), std::nullopt);
}

TEST(Names, NodeNamesAreRfc1123Subdomains) {
  for (const char* good : {"a", "web-01", "web-01.oslo.example", "0"}) EXPECT_TRUE(isDnsSubdomain(good)) << good;
  for (const std::string& bad :
       {std::string(), std::string("Web"), std::string("web_1"), std::string("-a"), std::string("a-"),
        std::string("a..b"), std::string(".a"), std::string("a."), std::string(64, 'a'), std::string("a/b")})
    EXPECT_FALSE(isDnsSubdomain(bad)) << bad;
}

TEST(Names, WhatIsShownCannotMoveTheCursor) {
  EXPECT_EQ(inQuotes("a\x1b[2J\nb\xff"), "'a\\x1b[2J\\x0ab\\xff'");
  EXPECT_EQ(inQuotes(std::string(100, 'x')), "'" + std::string(60, 'x') + "...'");
}

}  // namespace
}  // namespace bedplate::cluster
