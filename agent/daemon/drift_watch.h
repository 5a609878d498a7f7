// All that the loop watches for drift: keys (sysctl::KeyWatch), files (PathWatch), and who was at them.
// Whoever wrote is looked at the moment the event comes, as most do not live long.
// Thread-safety: used from the thread that runs the loop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "agent/apply/apply.h"
#include "agent/daemon/event.h"
#include "agent/daemon/file_writers.h"
#include "agent/daemon/journal.h"
#include "agent/daemon/path_watch.h"
#include "tuning/host/clock.h"
#include "tuning/sysctl/watch.h"

namespace bedplate::daemon {

class DriftWatch {
 public:
  using Paths = std::shared_ptr<const std::set<std::string>>;  // null: none

  // `changed`: something that is watched was written.
  DriftWatch(sd_event* event, host::HostFiles& files, host::Clock& clock, Journal& journal,
             std::function<void()> changed);
  DriftWatch(const DriftWatch&) = delete;
  DriftWatch& operator=(const DriftWatch&) = delete;

  // What is watched from now on; cheap when they are the same objects as before.
  void watch(const Paths& files, const Paths& keys);
  // Interfaces or modules came or went, or the poll found what no event told of: keys may be other files now.
  void refreshKeys() { keys_.refresh(); }
  // Files were put back: their directories may be other ones now.
  void refreshFiles();
  // Until the next take() no event of a key calls: the kernel makes one of those that are alike.
  void pause();
  // Who was seen at what since the last call.
  apply::Writers take();
  // What happened to files since the last call with `forget`; calls `changed` for what was not known yet. News of keys
  // are not in it.
  apply::News news(bool forget);

 private:
  void watchFiles(const Paths& files);
  bool drainFiles();
  void onKeys();
  bool drainKeys();
  void onWriters();
  void saw(const std::string& subject, pid_t pid, int pidfd);
  void sayOnce(const std::string& topic, const Entry& entry);

  sd_event* event_;
  host::HostFiles& files_;
  host::Clock& clock_;
  Journal& journal_;
  std::function<void()> changed_;
  Repeats repeats_;
  sysctl::KeyWatch keys_;
  std::optional<PathWatch> paths_;
  std::optional<FileWriters> writers_;
  std::unique_ptr<Readable> keysReady_, pathsReady_, writersReady_;
  Paths watchedFiles_, watchedKeys_;
  apply::Writers seen_;
  bool gap_ = true;  // the watch on files was not whole all the time
  std::set<std::string> touched_;
};

}  // namespace bedplate::daemon
