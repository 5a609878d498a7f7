// What the minute's look for inotify instances costs at 3,000 descriptors, and the hour's count at 100,000 watches;
// what both see is this machine and processes made for it, which hold what is missing. Built with -DBEDPLATE_BENCH=ON.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/lib/temp_tree.h"
#include "tuning/inotify/inotify.h"

namespace bedplate::inotify {
namespace {

// Instances are charged to users that nobody has, so that this machine's own limits stay as they are.
constexpr uid_t kUser = 61000;
constexpr int kPerUser = 100;  // of 128

// Processes that hold what `fill` made, until this ends.
class Holders {
 public:
  Holders() = default;
  ~Holders() {
    for (const pid_t pid : pids_) ::kill(pid, SIGKILL);
    for (const pid_t pid : pids_) ::waitpid(pid, nullptr, 0);
  }
  Holders(const Holders&) = delete;
  Holders& operator=(const Holders&) = delete;

  template <class Fill>
  bool add(uid_t uid, Fill fill) {
    int ready[2] = {-1, -1};
    if (::pipe2(ready, O_CLOEXEC) != 0) return false;
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::close(ready[0]);
      const bool good =
          (::geteuid() != 0 || ::setresuid(uid, uid, uid) == 0) && ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && fill();
      const char answer = good ? 'y' : 'n';
      static_cast<void>(!::write(ready[1], &answer, 1));
      ::close(ready[1]);
      for (;;) ::pause();
    }
    ::close(ready[1]);
    char answer = 'n';
    static_cast<void>(!::read(ready[0], &answer, 1));
    ::close(ready[0]);
    if (pid > 0) pids_.push_back(pid);
    return answer == 'y';
  }

 private:
  std::vector<pid_t> pids_;
};

struct World {
  testlib::TempTree tree;
  Holders holders;
  std::string trouble;
};

std::int64_t descriptorsNow(host::Files& files) {
  const auto usage = scan(files, {});
  return usage ? usage->descriptors : 0;
}

// Up to `descriptors` on this machine: processes of some 20 with one instance each, as on a node.
void fillDescriptors(World& world, host::Files& files, std::int64_t descriptors) {
  constexpr std::int64_t kEach = 20;
  for (int i = 0; world.trouble.empty(); ++i) {
    const std::int64_t missing = descriptors - descriptorsNow(files);
    if (missing <= 0) return;
    const bool instance = i < kPerUser;
    if (!world.holders.add(kUser, [&] {
          for (std::int64_t fd = 0; fd < std::min(kEach, missing); ++fd)
            if ((fd == 0 && instance ? ::inotify_init1(0) : ::eventfd(0, 0)) < 0) return false;
          return true;
        }))
      world.trouble = "cannot make the descriptors";
  }
}

// 100 instances of 1,000 files each.
void fillWatches(World& world, int watches) {
  constexpr int kFiles = 1000;
  constexpr int kInstances = 20;  // of a process
  for (int i = 0; i < kFiles; ++i) world.tree.write("w/" + std::to_string(i), "");
  ::chmod(world.tree.path().c_str(), 0755);
  const std::string directory = world.tree.path() + "/w/";
  for (int process = 0; process < watches / kFiles / kInstances; ++process)
    if (!world.holders.add(kUser + 1, [&] {
          for (int instance = 0; instance < kInstances; ++instance) {
            const int fd = ::inotify_init1(0);
            for (int i = 0; i < kFiles; ++i)
              if (::inotify_add_watch(fd, (directory + std::to_string(i)).c_str(), IN_MODIFY) < 0) return false;
          }
          return true;
        }))
      world.trouble = "cannot make the watches (fs.inotify.max_user_watches?)";
}

void measure(benchmark::State& state, host::Files& files, const World& world, const Request& request) {
  if (!world.trouble.empty()) {
    state.SkipWithError(world.trouble.c_str());
    return;
  }
  Usage last;
  for (auto _ : state) {
    auto usage = scan(files, request);
    if (!usage) {
      state.SkipWithError("cannot scan");
      return;
    }
    last = std::move(*usage);
  }
  std::int64_t instances = 0;
  std::int64_t watches = 0;
  for (const auto& user : last.users) {
    instances += user.instances;
    watches += user.watches;
  }
  state.counters["descriptors"] = static_cast<double>(last.descriptors);
  state.counters["instances"] = static_cast<double>(instances);
  state.counters["watches"] = static_cast<double>(watches);
}

// One world at a time, made when it is first asked for: each would be in the other's figures.
class Worlds {
 public:
  World& with(const char* name, const std::function<void(World&)>& fill) {
    if (name_ != name) {
      world_.reset();
      world_ = std::make_unique<World>();
      name_ = name;
      fill(*world_);
    }
    return *world_;
  }

 private:
  std::string name_;
  std::unique_ptr<World> world_;
};

void run(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  auto files = host::HostFiles::open("/");
  if (!files) return;
  Worlds worlds;
  const auto add = [&](const char* name, const char* world, const std::function<void(World&)>& fill,
                       const Request& request) {
    benchmark::RegisterBenchmark(name, [=, &worlds, &files](benchmark::State& state) {
      measure(state, *files, worlds.with(world, fill), request);
    })->Unit(benchmark::kMillisecond);
  };
  const auto descriptors = [&](World& world) { fillDescriptors(world, *files, 3000); };
  const auto watches = [](World& world) { fillWatches(world, 100'000); };
  add("instancesAt3000Descriptors", "descriptors", descriptors,
      {.watches = false, .goOn = {}, .compare = compareFiles});
  add("instancesWithoutCompare", "descriptors", descriptors, {.watches = false, .goOn = {}, .compare = {}});
  add("watchesAt100000", "watches", watches, {.watches = true, .goOn = {}, .compare = compareFiles});
  benchmark::RunSpecifiedBenchmarks();
}

}  // namespace
}  // namespace bedplate::inotify

int main(int argc, char** argv) {
  bedplate::inotify::run(argc, argv);
  return 0;
}
