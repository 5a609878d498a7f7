// How near the kernel is to limits that break a node when they are reached: connection tracking, inotify, file handles.
// Sampled by the daemon; here are its plain values, what is said of them and from when on it is a warning.
// Thread-safety: plain values and free functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bedplate::report {

struct Headroom {
  struct Conntrack {
    std::int64_t entries = 0, limit = 0;
    // Per second, over the last `seconds` (five minutes once there are samples enough); 0 before the second sample.
    double insertFailed = 0, drop = 0, earlyDrop = 0;
    std::int64_t seconds = 0;
    // Since the daemon started, by the kernel's name of the counter; empty where the kernel does not count.
    std::vector<std::pair<std::string, std::int64_t>> events;
  };
  struct User {
    std::int64_t uid = 0, instances = 0, watches = 0;  // watches as last counted
  };
  struct Holder {
    std::int64_t pid = 0, uid = 0;
    std::string name;  // "promtail", as the process calls itself; "" when it is gone
    std::string unit;  // "k3s.service", "pod 3f2a91c0-..."; "" for neither
    std::int64_t instances = 0, watches = 0;
  };
  struct Inotify {
    std::int64_t instancesLimit = 0, watchesLimit = 0;  // for each uid; 0: not known
    std::int64_t watchesUs = 0;                         // when they were counted; 0: not yet
    bool watchesCut = false;                            // not all of them were
    std::int64_t unseen = 0;                            // processes that could not be looked into
    std::vector<User> users;                            // most instances first
    std::vector<Holder> byInstances, byWatches;         // the biggest; the second one as of watchesUs
  };
  struct FileHandles {
    std::int64_t used = 0, limit = 0;
  };

  std::int64_t takenUs = 0;
  std::optional<Conntrack> conntrack;  // unset: the kernel tracks no connections
  std::optional<Inotify> inotify;
  std::optional<FileHandles> fileHandles;
};

// From this share of a limit on there is a warning.
inline constexpr double kTight = 0.75;

// Whether anything is tight, or conntrack throws packets or connections away.
bool tight(const Headroom& headroom);
// A text for each thing that is, with what to do. They change with every 5 % only.
std::vector<std::string> headroomWarnings(const Headroom& headroom);
// For one line of a screen: what is tight, or else all of it in short.
std::string headroomLine(const Headroom& headroom);

}  // namespace bedplate::report
