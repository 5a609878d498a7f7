// The running kernel: this process makes instances and watches, forks, and is found.
#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "tests/lib/temp_tree.h"
#include "tuning/inotify/inotify.h"

namespace bedplate::inotify {
namespace {

using host::UniqueFd;

// Few: the limit is 128 for all that this user runs.
constexpr int kInstances = 12;

const Holder* find(const Usage& usage, std::int64_t pid) {
  const auto at = std::find_if(usage.byInstances.begin(), usage.byInstances.end(),
                               [pid](const Holder& holder) { return holder.pid == pid; });
  return at == usage.byInstances.end() ? nullptr : &*at;
}

// A process that holds what this one holds, until it is let go.
class Child {
 public:
  Child() {
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) ::pause();
  }
  ~Child() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
};

class InotifyKernel : public testing::Test {
 protected:
  void SetUp() override {
    auto files = host::HostFiles::open("/");
    ASSERT_TRUE(files);
    files_ = std::make_unique<host::HostFiles>(std::move(*files));
    for (int i = 0; i < kInstances; ++i) {
      held_.emplace_back(::inotify_init1(IN_CLOEXEC));
      if (!held_.back().valid()) GTEST_SKIP() << "SKIPPED: no more inotify instances: " << std::strerror(errno);
    }
    for (int i = 0; i < 300; ++i) {
      const std::string name = "w/" + std::to_string(i);
      tree_.write(name, "");
      const std::string path = tree_.path() + "/" + name;
      ASSERT_GE(::inotify_add_watch(held_.front().get(), path.c_str(), IN_MODIFY), 0) << std::strerror(errno);
    }
  }

  testlib::TempTree tree_;
  std::vector<UniqueFd> held_;
  std::unique_ptr<host::HostFiles> files_;
};

TEST_F(InotifyKernel, FindsTheHolderWithItsWatches) {
  const auto usage = scan(*files_, {.watches = true, .goOn = {}, .compare = compareFiles});
  ASSERT_TRUE(usage) << usage.error().text();
  const Holder* self = find(*usage, ::getpid());
  ASSERT_NE(self, nullptr);
  EXPECT_EQ(self->uid, ::geteuid());
  EXPECT_EQ(self->instances, kInstances);
  EXPECT_EQ(self->watches, 300);
  EXPECT_GE(usage->descriptors, kInstances);
}

TEST_F(InotifyKernel, AForkDoesNotDoubleTheCount) {
  const Child child;
  const auto apart = scan(*files_, {.watches = false, .goOn = {}, .compare = {}});
  ASSERT_TRUE(apart);
  ASSERT_NE(find(*apart, child.pid()), nullptr);
  EXPECT_EQ(find(*apart, child.pid())->instances, kInstances) << "without kcmp each counts";
  if (compareFiles(::getpid(), held_[0].get(), child.pid(), held_[0].get()) != 0)
    GTEST_SKIP() << "SKIPPED: kcmp(2) does not work here: " << std::strerror(errno);
  const auto once = scan(*files_, {.watches = false, .goOn = {}, .compare = compareFiles});
  ASSERT_TRUE(once);
  const auto [first, second] = std::minmax<std::int64_t>({::getpid(), child.pid()});
  ASSERT_NE(find(*once, first), nullptr);
  EXPECT_EQ(find(*once, first)->instances, kInstances);
  EXPECT_EQ(find(*once, second), nullptr) << "the lower pid has them";
}

TEST_F(InotifyKernel, TheLimitIsTheKernels) {
  const auto limits = readLimits(*files_);
  ASSERT_TRUE(limits);
  EXPECT_GE(limits->instances, kInstances);
  EXPECT_GT(limits->watches, 300);
  EXPECT_GT(readFileHandles(*files_)->used, kInstances);
}

}  // namespace
}  // namespace bedplate::inotify
