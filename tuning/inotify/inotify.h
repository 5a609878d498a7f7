// Inotify: how many instances and watches each user has of those that the kernel allows, which processes have most of
// them (tuning/process names them), and how many it should allow.
//
// The kernel charges an instance, and each of its watches, to the effective uid and user namespace that made it
// (fs/notify/inotify/inotify_user.c). That cannot be asked; what can be seen is who holds it. So counted is, for the
// effective uid of a process, each inotify descriptor it has ("anon_inode:inotify" in proc/PID/fd); watches are the
// "inotify wd:" lines of proc/PID/fdinfo. Where this differs from the kernel's own count:
// - A descriptor that several processes hold (a fork) is one instance: told apart by kcmp(2) while there are at most
//   kMostCompared of them, and counted for each beyond. The first process, by pid, has it.
// - A process that changed its uid after making the instance is counted under the new one.
// - A container with a user namespace of its own is counted under its uid as seen from here; the kernel charges it
//   there, and to the maker of the namespace here.
// Thread-safety: free functions and plain values.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "tuning/host/files.h"

namespace bedplate::inotify {

inline constexpr std::size_t kMostCompared = 512;

struct Holder {
  std::int64_t pid = 0;
  std::uint32_t uid = 0;
  std::int64_t instances = 0;
  std::int64_t watches = 0;  // 0 unless they were counted
};

struct User {
  std::uint32_t uid = 0;
  std::int64_t instances = 0;
  std::int64_t watches = 0;  // 0 unless they were counted
};

struct Usage {
  std::vector<User> users;  // most instances first
  // The biggest, at most kMostHolders; the second list is empty unless watches were counted.
  std::vector<Holder> byInstances, byWatches;
  std::int64_t descriptors = 0;  // of all kinds that were looked at
  // Processes that could not be looked into (no CAP_SYS_PTRACE): what they hold is missing.
  std::int64_t unseen = 0;
  // Some instances' watches were not counted: the budget was used up.
  bool watchesCut = false;
};

struct Limits {
  std::int64_t instances = 0;  // fs.inotify.max_user_instances
  std::int64_t watches = 0;    // fs.inotify.max_user_watches
  bool operator==(const Limits&) const = default;
};

inline constexpr std::size_t kMostHolders = 10;

// Whether two descriptors of two processes are one open file: 0 the same, 1 the first before the second in the kernel's
// order, 2 after it; anything else: cannot tell (kcmp(2)).
using Compare = std::function<int(std::int64_t pidA, int fdA, std::int64_t pidB, int fdB)>;
// kcmp(2) of the running kernel.
int compareFiles(std::int64_t pidA, int fdA, std::int64_t pidB, int fdB);

struct Request {
  bool watches = false;  // the kernel prints a line for each: about 2 µs a watch
  // Stops counting watches when it returns false, asked before each instance; null: never.
  std::function<bool()> goOn;
  Compare compare;  // null: each descriptor is an instance of its own
};

// Looks through proc/. "NotFound" where there is no proc.
host::Result<Usage> scan(host::Files& files, const Request& request);

// "NotFound" where the kernel has no inotify.
host::Result<Limits> readLimits(host::Files& files);

// The system's file handles, proc/sys/fs/file-nr.
struct FileHandles {
  std::int64_t used = 0;
  std::int64_t limit = 0;  // fs.file-max
};
host::Result<FileHandles> readFileHandles(host::Files& files);

// --- how many there should be ---------------------------------------------------------------------------------------
//
// On a node almost all of them belong to uid 0: the kubelet, containerd's shims (each watches the cgroup of its pod),
// log shippers and every container without a user namespace. Beyond the limit a program says "Too many open files" or
// "No space left on device". Nothing is allocated until it is used.
// Source of the kernel's choice: inotify_user_setup() in fs/notify/inotify/inotify_user.c of Linux 6.1.

// What one watch takes at most: its mark, and the inode that it keeps in memory (1313 B as the kernel counts it
// in 6.x).
inline constexpr std::int64_t kWatchBytes = 1344;

// The kernel's own choice: 128 instances; watches for 1 % of the memory, from 8192 to 1048576.
Limits kernelDefault(std::uint64_t memoryBytes);

// The size for a node of a cluster:
//
//   instances = 8192, what kubespray, Talos, Bottlerocket, Gardener, kops and EKS set: the kernel's 128 are used up by
//               some forty pods.
//   watches   = 1/16 of the memory in watches of kWatchBytes, rounded down to 8192, from 65536 to 1048576, where the
//               kernel ends as well; never below the kernel's own choice.
//
// 1 GiB: 65536; 4 GiB: 196608; 8 GiB: 393216; 16 GiB: 794624; 22 GiB and more: 1048576.
Limits sizeFor(std::uint64_t memoryBytes);

}  // namespace bedplate::inotify
