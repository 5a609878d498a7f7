#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/lib/temp_tree.h"
#include "tuning/sysctl/sysctl.h"

namespace bedplate::sysctl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A kernel that answers as the tree below it, and can refuse, keep its own mind, or hide a value.
class FakeKernel final : public host::Files {
 public:
  explicit FakeKernel(host::Files& below) : below_(below) {}
  host::Result<std::string> read(const std::string& path, std::size_t limit) override {
    ++reads;
    if (readErrno != 0) return host::failErrno(readErrno, path, "cannot read");
    return below_.read(path, limit);
  }
  host::Status writeValue(const std::string& path, std::string_view value) override {
    ++writes;
    written = value;
    if (writeErrno != 0) return host::failErrno(writeErrno, path, "cannot write");
    return below_.writeValue(path, clampTo.empty() ? value : std::string_view(clampTo));
  }
  host::Result<host::FileInfo> info(const std::string& p) override { return below_.info(p); }
  host::Result<std::vector<std::string>> list(const std::string& p, std::size_t n) override {
    return below_.list(p, n);
  }
  host::Status makeDirectories(const std::string&, mode_t) override { return unexpected(); }
  host::Status create(const std::string&, std::string_view, mode_t, uid_t, gid_t) override { return unexpected(); }
  host::Status flush(const std::string&) override { return unexpected(); }
  host::Status flushFileSystem(const std::string&) override { return unexpected(); }
  host::Status rename(const std::string&, const std::string&) override { return unexpected(); }
  host::Status remove(const std::string&) override { return unexpected(); }
  [[nodiscard]] std::string shown(const std::string& path) const override { return below_.shown(path); }

  int reads = 0;
  int writes = 0;
  int readErrno = 0;
  int writeErrno = 0;
  std::string written;
  std::string clampTo;

 private:
  static host::Status unexpected() {
    ADD_FAILURE() << "a key is only read and written";
    return {};
  }
  host::Files& below_;
};

class TreeTest : public testing::Test {
 protected:
  void SetUp() override { files_.write("proc/sys/vm/swappiness", "60\n"); }
  testlib::TempTree files_;
  FakeKernel kernel_{files_.files()};
  Tree tree_{kernel_};
};

TEST_F(TreeTest, ReadsTheNormalForm) {
  files_.write("proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456\n");
  EXPECT_EQ(tree_.read("net/ipv4/tcp_rmem").value(), "4096 131072 6291456");
  EXPECT_EQ(tree_.read("vm/swappiness").value(), "60");
  files_.write("proc/sys/net/ipv4/empty", "\n");
  EXPECT_EQ(tree_.read("net/ipv4/empty").value(), "");
}

TEST_F(TreeTest, AKeyThatIsNotThereIsNamedAsTheOperatorKnowsIt) {
  const auto result = tree_.read("net/netfilter/nf_conntrack_max");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, "NotFound");
  EXPECT_EQ(result.error().text(),
            "net.netfilter.nf_conntrack_max: the kernel has no such key: check the spelling, or load the module that "
            "brings it");
}

TEST_F(TreeTest, NeverLeavesProcSys) {
  files_.write("proc/secret", "x");
  for (const char* key : {"../secret", "vm/../../secret", "", "vm//swappiness", "./vm/swappiness"}) {
    EXPECT_EQ(tree_.read(key).error().reason, "Invalid") << key;
    EXPECT_EQ(tree_.write(key, "1").error().reason, "Invalid") << key;
    EXPECT_EQ(tree_.expand(key).error().reason, "Invalid") << key;
  }
  EXPECT_EQ(kernel_.reads + kernel_.writes, 0);
}

TEST_F(TreeTest, WritesOnceAndReadsBack) {
  ASSERT_TRUE(tree_.write("vm/swappiness", "10"));
  EXPECT_EQ(kernel_.written, "10\n");
  EXPECT_EQ(kernel_.writes, 1);
  EXPECT_EQ(files_.read("proc/sys/vm/swappiness"), "10\n");
}

TEST_F(TreeTest, AnEqualValueIsNotWritten) {
  ASSERT_TRUE(tree_.write("vm/swappiness", " 60 "));
  EXPECT_EQ(kernel_.writes, 0);
}

TEST_F(TreeTest, AValueThatTheKernelDoesNotTakeIsSaidWithTheKey) {
  kernel_.writeErrno = EINVAL;
  const auto result = tree_.write("vm/swappiness", "900");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, "Invalid");
  EXPECT_EQ(result.error().errnum, EINVAL);
  EXPECT_THAT(result.error().text(), HasSubstr("vm.swappiness: the kernel does not take \"900\""));
  EXPECT_FALSE(result.error().todo.empty());
}

TEST_F(TreeTest, AValueThatTheKernelChangesDiffers) {
  kernel_.clampTo = "200\n";
  const auto result = tree_.write("vm/swappiness", "900");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, "Differs");
  EXPECT_THAT(result.error().why, HasSubstr("\"900\""));
  EXPECT_THAT(result.error().why, HasSubstr("\"200\""));
}

TEST_F(TreeTest, AMissingKeyIsNotWritten) {
  EXPECT_EQ(tree_.write("vm/none", "1").error().reason, "NotFound");
  EXPECT_EQ(kernel_.writes, 0);
  EXPECT_FALSE(files_.exists("proc/sys/vm/none"));
}

TEST_F(TreeTest, AWriteOnlyKeyIsWrittenOnTheKernelsWord) {
  kernel_.readErrno = EACCES;
  EXPECT_TRUE(tree_.write("vm/swappiness", "10"));
  EXPECT_EQ(kernel_.writes, 1);
  kernel_.writeErrno = EPERM;
  EXPECT_EQ(tree_.write("vm/swappiness", "10").error().reason, "Denied");
}

TEST_F(TreeTest, ExpandsInByteOrder) {
  for (const char* key : {"b", "a", "B", ".hidden", "d/x"}) files_.write(std::string("proc/sys/t/") + key, "1");
  EXPECT_THAT(tree_.expand("t/*").value(), ElementsAre("t/B", "t/a", "t/b"));
  EXPECT_THAT(tree_.expand("t/[ab]").value(), ElementsAre("t/a", "t/b"));
  EXPECT_THAT(tree_.expand("*/?").value(), ElementsAre("t/B", "t/a", "t/b"));
  EXPECT_THAT(tree_.expand("t/*/x").value(), ElementsAre("t/d/x"));
  EXPECT_THAT(tree_.expand("none/*").value(), ElementsAre());
}

}  // namespace
}  // namespace bedplate::sysctl
