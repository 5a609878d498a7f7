#include "agent/k3s/journal_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/k3s/unit_log.h"
#include "tests/lib/temp_tree.h"

namespace bedplate::k3s {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kStart = R"x(time="2026-11-29T12:57:04Z" level=info msg="Starting k3s v1.34.3+k3s1 (x)")x";

// As K3s v1.34 was seen to write them.
TEST(LineThatMatters, IsWhatMadeK3sEnd) {
  EXPECT_EQ(lineThatMatters(
                {kStart, R"(time="2026-11-29T12:57:05Z" level=fatal msg="Error: invalid cluster-dns address x")"}),
            "Error: invalid cluster-dns address x");
  EXPECT_EQ(
      lineThatMatters(
          {kStart, "E1129 12:57:05.123456    1234 server.go:12] \"command failed\" err=\"unknown flag: --no-such\"",
           R"(time="2026-11-29T12:57:05Z" level=error msg="Shutdown request received: kubelet exited: failed to parse kubelet flag: unknown flag: --no-such")",
           R"(time="2026-11-29T12:57:06Z" level=error msg="Failed to list nodes")",
           "k3s.service: Main process exited, code=exited, status=0/SUCCESS"}),
      "Shutdown request received: kubelet exited: failed to parse kubelet flag: unknown flag: --no-such");
  EXPECT_EQ(
      lineThatMatters({kStart, "Error: unknown flag: --no-such",
                       R"(time="x" level=error msg="Shutdown request received: apiserver exited: unknown flag")"}),
      "Shutdown request received: apiserver exited: unknown flag");
  EXPECT_EQ(lineThatMatters({R"(time="x" level=fatal msg="first")", R"(time="x" level=fatal msg="last")"}), "last");
  EXPECT_EQ(lineThatMatters({kStart, "panic: runtime error: index out of range", "goroutine 1 [running]:"}),
            "panic: runtime error: index out of range");
  EXPECT_EQ(
      lineThatMatters({"k3s.service: Failed at step EXEC spawning /usr/local/bin/k3s: No such file or directory"}),
      "k3s.service: Failed at step EXEC spawning /usr/local/bin/k3s: No such file or directory");
  EXPECT_EQ(lineThatMatters({kStart, R"(time="x" level=error msg="Sending HTTP 503 response" x=y)",
                             R"(time="x" level=warning msg="w")"}),
            "Sending HTTP 503 response");
  EXPECT_EQ(lineThatMatters({"E1129 12:57:05.123456    1234 a.go:1] \"Unhandled Error\""}), "\"Unhandled Error\"");
  EXPECT_EQ(lineThatMatters({R"(time="x" level=fatal msg=word)"}), "word");
  EXPECT_EQ(lineThatMatters({kStart, "", "Every 15 seconds"}), "");
  EXPECT_EQ(lineThatMatters({}), "");
}

TEST(LineThatMatters, IsOneLineWithoutSecrets) {
  const std::string line = lineThatMatters(
      {R"x(time="x" level=fatal msg="failed to parse \"mysql://k3s:hunter2@tcp(db:3306)/k3s\":\nbad\t(token K10abc::server:s3cret)")x"});
  EXPECT_THAT(line, Not(HasSubstr("hunter2")));
  EXPECT_THAT(line, Not(HasSubstr("s3cret")));
  EXPECT_THAT(line, Not(HasSubstr("\n")));
  EXPECT_THAT(line, HasSubstr("@tcp(db:3306)/k3s"));
  EXPECT_LE(lineThatMatters({"panic: " + std::string(5000, 'x')}).size(), 400u);
  EXPECT_EQ(withoutSecrets("user:pw@tcp(db)/x and a@b.c"), "********@tcp(db)/x and a@b.c");
  EXPECT_EQ(withoutSecrets("https://127.0.0.1:6443/x"), "https://127.0.0.1:6443/x");
}

TEST(UnitLog, ReadsTheFileThatK3sNames) {
  testlib::TempTree tree;
  EXPECT_THAT(unitLog(tree.files(), false, "k3s.service", 0), IsEmpty());
  tree.write("etc/rancher/k3s/config.yaml", "log: /var/log/k3s.log\n");
  tree.write("var/log/k3s.log",
             "time=\"2026-11-29T12:00:00Z\" level=fatal msg=\"old\"\nof the old\n"
             "time=\"2026-11-29T13:57:04+01:00\" level=info msg=\"new\"\nplain\n");
  // 2026-11-29T12:57:00Z
  EXPECT_THAT(unitLog(tree.files(), false, "k3s.service", 1795957020'000'000),
              ElementsAre("of the old", HasSubstr("new"), "plain"));
  EXPECT_EQ(unitLog(tree.files(), false, "k3s.service", 0).size(), 4u);
}

}  // namespace
}  // namespace bedplate::k3s
