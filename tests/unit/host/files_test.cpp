#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>

#include "tests/lib/temp_tree.h"

namespace bedplate::host {
namespace {

using testing::ElementsAre;

TEST(Files, ReadsWhatIsThereAndNamesWhatIsNot) {
  testlib::TempTree tree;
  tree.write("etc/a", "hello\n");
  EXPECT_EQ(tree.files().read("etc/a", 100).value(), "hello\n");
  const auto missing = tree.files().read("etc/b", 100);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().reason, "NotFound");
  EXPECT_EQ(missing.error().thing, tree.path() + "/etc/b");
}

TEST(Files, RefusesWhatIsOverTheLimitAtItsExactEdge) {
  testlib::TempTree tree;
  tree.write("a", std::string(100, 'x'));
  EXPECT_TRUE(tree.files().read("a", 100));
  const auto over = tree.files().read("a", 99);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().reason, "TooLarge");
}

TEST(Files, DoesNotHangOnAFifo) {
  testlib::TempTree tree;
  ASSERT_EQ(::mkfifo((tree.path() + "/fifo").c_str(), 0600), 0);
  const auto result = tree.files().read("fifo", 100);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, "NotAFile");
}

TEST(Files, AValueReplacesALongerOneWholly) {
  testlib::TempTree tree;
  tree.write("proc/sys/fs/x", "1048576\n");
  ASSERT_TRUE(tree.files().writeValue("proc/sys/fs/x", "512\n"));
  EXPECT_EQ(tree.read("proc/sys/fs/x"), "512\n");
  ASSERT_TRUE(tree.files().writeValue("proc/sys/fs/x", "524288\n"));
  EXPECT_EQ(tree.read("proc/sys/fs/x"), "524288\n");
}

TEST(Files, LinksStayInsideTheRoot) {
  testlib::TempTree tree;
  tree.write("etc/passwd", "mine");
  ASSERT_EQ(::symlink("/etc/passwd", (tree.path() + "/absolute").c_str()), 0);
  ASSERT_EQ(::symlink("../../../../etc/passwd", (tree.path() + "/upward").c_str()), 0);
  EXPECT_EQ(tree.files().read("absolute", 100).value(), "mine");
  EXPECT_EQ(tree.files().read("upward", 100).value(), "mine");
  EXPECT_EQ(tree.files().info("absolute").value().kind, FileKind::symlink);
}

TEST(Files, CreateNeverReplaces) {
  testlib::TempTree tree;
  tree.write("a", "old");
  const auto result = tree.files().create("a", "new", 0600, ::getuid(), ::getgid());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, "Exists");
  EXPECT_EQ(tree.read("a"), "old");
}

TEST(Files, ListsInByteOrder) {
  testlib::TempTree tree;
  for (const char* name : {"d/b", "d/a", "d/B", "d/.x"}) tree.write(name, "");
  EXPECT_THAT(tree.files().list("d", 10).value(), ElementsAre(".x", "B", "a", "b"));
  EXPECT_EQ(tree.files().list("d", 3).error().reason, "TooLarge");
}

TEST(ReplaceFiles, PutsAllInPlaceWithTheirModesAndLeavesNoStage) {
  testlib::TempTree tree;
  tree.write("out/a", "old");
  std::size_t done = 0;
  const std::vector<Replacement> wanted = {{"out/a", "1", 0600, ::getuid(), ::getgid()},
                                           {"out/deep/b", "2", 0644, ::getuid(), ::getgid()}};
  ASSERT_TRUE(replaceFiles(tree.files(), "stage", wanted, 0700, &done));
  EXPECT_EQ(done, 2u);
  EXPECT_EQ(tree.read("out/a"), "1");
  EXPECT_EQ(tree.read("out/deep/b"), "2");
  EXPECT_EQ(tree.files().info("out/a").value().mode, 0600u);
  EXPECT_EQ(tree.files().info("out/deep").value().mode, 0700u);
  EXPECT_THAT(tree.files().list("stage", 10).value(), ElementsAre());
}

TEST(ReplaceFiles, TakesOverAStageThatACrashLeft) {
  testlib::TempTree tree;
  tree.write("stage/0", "half");
  ASSERT_TRUE(replaceFiles(tree.files(), "stage", {{"a", "whole", 0600, ::getuid(), ::getgid()}}));
  EXPECT_EQ(tree.read("a"), "whole");
}

TEST(ReplaceFiles, AFailureLeavesTheOldFileAndNothingStaged) {
  testlib::TempTree tree;
  tree.write("a/file", "in the way of a directory");
  tree.write("b", "old");
  const std::vector<Replacement> wanted = {{"b", "new", 0600, ::getuid(), ::getgid()},
                                           {"a/file/c", "x", 0600, ::getuid(), ::getgid()}};
  ASSERT_FALSE(replaceFiles(tree.files(), "stage", wanted));
  EXPECT_EQ(tree.read("b"), "old");
  EXPECT_THAT(tree.files().list("stage", 10).value(), ElementsAre());
}

TEST(Files, LooksAtManyNamesAsItLooksAtEach) {
  testlib::TempTree tree;
  tree.write("d/a", "one");
  tree.write("secret", "x");
  ASSERT_EQ(::symlink("a", (tree.path() + "/d/link").c_str()), 0);
  const std::vector<std::string_view> names = {"a", "gone", "link", "..", "../secret"};
  for (const std::string directory : {"d", "nowhere", "secret"}) {
    std::vector<std::size_t> order;
    tree.files().infos(directory, names, [&](std::size_t i, const Result<FileInfo>& many) {
      order.push_back(i);
      const auto one = tree.files().info(joinPath(directory, names[i]));
      ASSERT_EQ(many.has_value(), one.has_value()) << directory << " " << names[i];
      if (one) {
        EXPECT_EQ(*many, *one);
      } else {
        EXPECT_EQ(many.error().text(), one.error().text());
      }
    });
    EXPECT_THAT(order, ElementsAre(0, 1, 2, 3, 4));
  }
}

TEST(Files, AValueIsReadWholeWhateverItsLength) {
  testlib::TempTree tree;
  for (const std::size_t length : {0U, 1U, 1023U, 1024U, 1025U, 5000U}) {
    std::string value(length, '7');
    for (const char* end : {"", "\n"}) {
      tree.write("value", value + end);
      EXPECT_EQ(tree.files().readValue("value", 100'000).value(), value + end);
    }
  }
  EXPECT_EQ(tree.files().readValue("value", 99).error().reason, "TooLarge");
  tree.write("value", "1234\n");
  EXPECT_EQ(tree.files().readValue("value", 4).error().reason, "TooLarge");
  EXPECT_EQ(tree.files().readValue("gone", 9).error().reason, "NotFound");
  ASSERT_EQ(::mkfifo((tree.path() + "/fifo").c_str(), 0600), 0);
  EXPECT_EQ(tree.files().readValue("fifo", 9).error().reason, "NotAFile");
  EXPECT_EQ(tree.files().readValue("", 9).error().reason, "NotAFile");
}

TEST(Files, LinksAreReadAndNotFollowed) {
  testlib::TempTree tree;
  tree.write("d/file", "x");
  ASSERT_EQ(::symlink("anon_inode:inotify", (tree.path() + "/d/7").c_str()), 0);
  ASSERT_EQ(::symlink("/etc/passwd", (tree.path() + "/d/8").c_str()), 0);
  std::map<std::string, std::string> found;
  const auto take = [&](std::string_view name, std::string_view target) { found.emplace(name, target); };
  ASSERT_TRUE(tree.files().links("d", 2, take));
  EXPECT_EQ(found, (std::map<std::string, std::string>{{"7", "anon_inode:inotify"}, {"8", "/etc/passwd"}}));
  EXPECT_EQ(tree.files().links("d", 1, take).error().reason, "TooLarge");
  EXPECT_EQ(tree.files().links("gone", 1, take).error().reason, "NotFound");
  EXPECT_FALSE(tree.files().links("d/file", 1, take));
}

TEST(Files, DescriptorsOfAProcessAreLinks) {
  auto files = HostFiles::open("/");
  ASSERT_TRUE(files);
  bool null = false;
  const UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(files->links("proc/self/fd", 1000, [&](std::string_view name, std::string_view target) {
    if (name == std::to_string(fd.get())) null = target == "/dev/null";
  }));
  EXPECT_TRUE(null);
}

TEST(Files, AStreamIsTheContentInPieces) {
  testlib::TempTree tree;
  for (const std::size_t length : {0U, 1U, 65536U, 65537U, 200'000U}) {
    std::string content(length, 'x');
    if (length > 0) content.back() = '$';
    tree.write("f", content);
    std::string all;
    const auto take = [&](std::string_view piece) { all += piece; };
    ASSERT_TRUE(tree.files().stream("f", length, take)) << length;
    EXPECT_EQ(all, content);
    if (length == 0) continue;
    all.clear();
    EXPECT_EQ(tree.files().stream("f", length - 1, take).error().reason, "TooLarge");
    EXPECT_EQ(all, content.substr(0, length - 1));
  }
  EXPECT_EQ(tree.files().stream("", 9, [](std::string_view) {}).error().reason, "NotAFile");
}

TEST(Error, TextNamesTheThingTheReasonAndTheWayOut) {
  const Error error{"NoSpace", 28, "/var/lib/x", "cannot write: No space left on device", "free some space"};
  EXPECT_EQ(error.text(), "/var/lib/x: cannot write: No space left on device: free some space");
}

}  // namespace
}  // namespace bedplate::host
