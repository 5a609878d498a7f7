// Looks at every descriptor of every process for inotify instances.
#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "tuning/host/paths.h"
#include "tuning/inotify/inotify.h"
#include "tuning/inotify/parse.h"

namespace bedplate::inotify {
namespace {

constexpr std::string_view kInotify = "anon_inode:inotify";
constexpr std::size_t kMostProcesses = 1 << 20;    // fs: more names than proc/ can have
constexpr std::size_t kMostDescriptors = 1 << 20;  // of one process: fs.nr_open
constexpr std::size_t kMostInfo = 256 << 20;       // 100 bytes a watch

struct Instance {
  std::int64_t pid = 0;
  int fd = 0;
};

bool byPid(const Instance& a, const Instance& b) { return a.pid != b.pid ? a.pid < b.pid : a.fd < b.fd; }

std::string inProcess(std::int64_t pid, const char* name) {
  return host::joinPath(host::joinPath(host::paths::proc, std::to_string(pid)), name);
}

// All inotify descriptors, by pid.
host::Result<std::vector<Instance>> collect(host::Files& files, Usage& usage) {
  std::vector<Instance> instances;
  BEDPLATE_TRY_LET(const auto names, files.list(host::paths::proc, kMostProcesses));
  for (const std::string& name : names) {
    const auto pid = parseNumber(name);
    if (!pid || *pid == 0) continue;
    const auto looked =
        files.links(inProcess(*pid, "fd"), kMostDescriptors, [&](std::string_view fd, std::string_view target) {
          ++usage.descriptors;
          if (target != kInotify) return;
          if (const auto number = parseNumber(fd)) instances.push_back({*pid, *number});
        });
    // A process that ended meanwhile holds nothing; one that may not be looked into may hold much.
    if (!looked && looked.error().reason != "NotFound" && looked.error().errnum != ESRCH) ++usage.unseen;
  }
  std::sort(instances.begin(), instances.end(), byPid);
  return instances;
}

// Keeps the first holder of each open file. The kernel has an order of files: each is sought among those before it. An
// order that is none (processes come and go) costs a double count, no more.
void dropShared(std::vector<Instance>& instances, const Compare& compare) {
  if (!compare || instances.size() > kMostCompared) return;
  std::vector<Instance> kept;
  for (const Instance& one : instances) {
    std::size_t low = 0;
    std::size_t high = kept.size();
    bool known = false;
    while (low < high && !known) {
      const std::size_t middle = low + (high - low) / 2;
      const int order = compare(one.pid, one.fd, kept[middle].pid, kept[middle].fd);
      known = order == 0;
      if (order == 1)
        high = middle;
      else
        low = middle + 1;
    }
    if (!known) kept.insert(kept.begin() + static_cast<std::ptrdiff_t>(low), one);
  }
  std::sort(kept.begin(), kept.end(), byPid);
  instances = std::move(kept);
}

// The owner of proc/PID is the effective uid, also of a process that may not be dumped.
void setOwners(host::Files& files, std::vector<Holder>& holders) {
  std::vector<std::string> texts;
  texts.reserve(holders.size());
  for (const Holder& holder : holders) texts.push_back(std::to_string(holder.pid));
  const std::vector<std::string_view> names(texts.begin(), texts.end());
  files.infos(host::paths::proc, names, [&](std::size_t i, host::Result<host::FileInfo> info) {
    if (info)
      holders[i].uid = info->uid;
    else
      holders[i].instances = 0;  // it ended, and took them along
  });
  std::erase_if(holders, [](const Holder& holder) { return holder.instances == 0; });
}

void countWatches(host::Files& files, const Request& request, const std::vector<Instance>& instances,
                  std::vector<Holder>& holders, bool& cut) {
  auto holder = holders.begin();
  for (const Instance& instance : instances) {
    while (holder != holders.end() && holder->pid < instance.pid) ++holder;
    if (holder == holders.end()) return;
    if (holder->pid != instance.pid) continue;
    if (request.goOn && !request.goOn()) {
      cut = true;
      return;
    }
    WatchCount count;
    const std::string path = host::joinPath(inProcess(instance.pid, "fdinfo"), std::to_string(instance.fd));
    const auto read = files.stream(path, kMostInfo, [&](std::string_view piece) { count.take(piece); });
    if (!read && read.error().reason != "NotFound" && read.error().errnum != ESRCH) cut = true;
    holder->watches += count.watches();
  }
}

std::vector<User> byUser(const std::vector<Holder>& holders) {
  std::map<std::uint32_t, User> users;
  for (const Holder& holder : holders) {
    User& user = users[holder.uid];
    user.uid = holder.uid;
    user.instances += holder.instances;
    user.watches += holder.watches;
  }
  std::vector<User> list;
  list.reserve(users.size());
  for (const auto& [uid, user] : users) list.push_back(user);
  std::sort(list.begin(), list.end(), [](const User& a, const User& b) {
    return a.instances != b.instances ? a.instances > b.instances : a.uid < b.uid;
  });
  return list;
}

std::vector<Holder> biggest(std::vector<Holder> holders, std::int64_t Holder::* number) {
  std::sort(holders.begin(), holders.end(), [number](const Holder& a, const Holder& b) {
    return a.*number != b.*number ? a.*number > b.*number : a.pid < b.pid;
  });
  if (holders.size() > kMostHolders) holders.resize(kMostHolders);
  return holders;
}

}  // namespace

int compareFiles(std::int64_t pidA, int fdA, std::int64_t pidB, int fdB) {
  return static_cast<int>(
      ::syscall(SYS_kcmp, pidA, pidB, KCMP_FILE, static_cast<unsigned long>(fdA), static_cast<unsigned long>(fdB)));
}

host::Result<Usage> scan(host::Files& files, const Request& request) {
  Usage usage;
  BEDPLATE_TRY_LET(auto instances, collect(files, usage));
  dropShared(instances, request.compare);
  std::vector<Holder> holders;
  for (const Instance& one : instances) {
    if (holders.empty() || holders.back().pid != one.pid) holders.emplace_back().pid = one.pid;
    ++holders.back().instances;
  }
  setOwners(files, holders);
  if (request.watches) countWatches(files, request, instances, holders, usage.watchesCut);
  usage.users = byUser(holders);
  usage.byInstances = biggest(holders, &Holder::instances);
  if (request.watches) usage.byWatches = biggest(holders, &Holder::watches);
  return usage;
}

}  // namespace bedplate::inotify
