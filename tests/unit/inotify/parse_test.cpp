#include "tuning/inotify/parse.h"

#include <gtest/gtest.h>

namespace bedplate::inotify {
namespace {

constexpr const char* kInfo =
    "pos:\t0\nflags:\t02004000\nmnt_id:\t15\nino:\t1060\n"
    "inotify wd:2 ino:1f sdev:800010 mask:800afce ignored_mask:0 fhandle-bytes:8 fhandle-type:1 f_handle:1f\n"
    "inotify wd:1 ino:2 sdev:800010 mask:3 ignored_mask:0\n";

TEST(WatchCount, CountsLinesHoweverTheyAreCut) {
  const std::string text = kInfo;
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    WatchCount count;
    for (std::size_t at = 0; at < text.size(); at += piece) count.take(std::string_view(text).substr(at, piece));
    EXPECT_EQ(count.watches(), 2) << piece;
  }
}

TEST(WatchCount, TakesOnlyTheBeginningOfALine) {
  WatchCount count;
  count.take(" inotify wd:1\ninotify inotify wd:2\ninotify wd\ninotify wd:");
  EXPECT_EQ(count.watches(), 1) << "the last one";
}

TEST(UnitOf, IsTheInnermostUnit) {
  EXPECT_EQ(unitOf("0::/system.slice/k3s.service\n"), "k3s.service");
  EXPECT_EQ(unitOf("0::/user.slice/user-1000.slice/user@1000.service/app.slice/code.scope\n"), "code.scope");
  EXPECT_EQ(unitOf("12:memory:/a.service\n1:name=systemd:/user.slice/session-3.scope\n0::/b.service\n"),
            "session-3.scope");
  EXPECT_EQ(unitOf("0::/\n"), "");
  EXPECT_EQ(unitOf(""), "");
  EXPECT_EQ(unitOf("0::/x\x1b[31m.service\n"), "x?[31m.service");
}

TEST(UnitOf, OfAContainerIsItsPod) {
  EXPECT_EQ(unitOf("0::/kubepods.slice/kubepods-burstable.slice/"
                   "kubepods-burstable-pod3f2a91c0_1111_2222_3333_444455556666.slice/cri-containerd-aabb.scope\n"),
            "pod 3f2a91c0-1111-2222-3333-444455556666");
  EXPECT_EQ(unitOf("0::/kubepods/besteffort/pod3f2a91c0-1111-2222-3333-444455556666/0123abcd\n"),
            "pod 3f2a91c0-1111-2222-3333-444455556666");
  EXPECT_EQ(unitOf("0::/kubepods.slice/kubepods-pod0123456789abcdef0123456789abcdef.slice/x.scope\n"),
            "pod 0123456789abcdef0123456789abcdef");
  EXPECT_EQ(unitOf("0::/system.slice/my-podman.service\n"), "my-podman.service");
}

TEST(ParseNumber, TakesDigitsOnly) {
  EXPECT_EQ(parseNumber("1"), 1);
  EXPECT_EQ(parseNumber("0"), 0);
  for (const char* bad : {"", "-1", "+1", "1a", "self", "99999999999"}) EXPECT_FALSE(parseNumber(bad)) << bad;
}

TEST(FileNumbers, AreThree) {
  const auto numbers = parseFileNumbers("2619\t0\t9223372036854775807\n");
  ASSERT_TRUE(numbers);
  EXPECT_EQ(numbers->used, 2619);
  EXPECT_EQ(numbers->limit, 9223372036854775807);
  for (const char* bad : {"", "1 2", "1 2 -3\n", "1 2 3 4\n", "a b c\n", "1 2 9223372036854775808\n"})
    EXPECT_FALSE(parseFileNumbers(bad)) << bad;
}

}  // namespace
}  // namespace bedplate::inotify
