#include "agent/daemon/drift_watch.h"

#include <fmt/format.h>

#include "tuning/process/process.h"

namespace bedplate::daemon {

DriftWatch::DriftWatch(sd_event* event, host::HostFiles& files, host::Clock& clock, Journal& journal,
                       std::function<void()> changed)
    : event_(event),
      files_(files),
      clock_(clock),
      journal_(journal),
      changed_(std::move(changed)),
      keys_(sysctl::KeyWatch::open(files)) {
  if (keys_.fd() >= 0) keysReady_ = std::make_unique<Readable>(event_, keys_.fd(), [this] { onKeys(); });
  std::string text = std::string("changes of keys are seen by ") + sysctl::name(keys_.by());
  if (!keys_.why().empty()) text += " (" + keys_.why() + "); their writers are not known";
  const bool full = keys_.by() == sysctl::KeyWatch::By::fanotify;
  journal_.say({.level = full ? Level::info : Level::warning, .message = text, .reason = "Watching"});
  if (auto opened = FileWriters::open(files_)) {
    writers_.emplace(std::move(*opened));
    writersReady_ = std::make_unique<Readable>(event_, writers_->fd(), [this] { onWriters(); });
  }
}

void DriftWatch::sayOnce(const std::string& topic, const Entry& entry) {
  if (repeats_.worthSaying(topic, entry.message, clock_.monotonicNs())) journal_.say(entry);
}

void DriftWatch::watch(const Paths& files, const Paths& keys) {
  if (keys != watchedKeys_) {
    watchedKeys_ = keys;
    keys_.watch(keys ? *keys : std::set<std::string>());
    if (keys_.missed() > 0)
      sayOnce("keys",
              {.level = Level::warning,
               .message = fmt::format("{} keys are only polled: the limit of descriptors or of marks is reached "
                                      "(LimitNOFILE of the unit, fs.fanotify.max_user_marks)",
                                      keys_.missed()),
               .reason = "WatchLimit"});
  }
  watchFiles(files);
}

void DriftWatch::watchFiles(const Paths& files) {
  const bool none = !files || files->empty();
  if ((files == watchedFiles_ || (none && !watchedFiles_)) && (paths_ || none)) return;
  if (!paths_) {
    auto watch = PathWatch::open(files_);
    // The poll still finds what changes.
    if (!watch) return sayOnce("inotify", entryFor(Level::warning, "files are only polled", watch.error()));
    paths_.emplace(std::move(*watch));
    pathsReady_ = std::make_unique<Readable>(event_, paths_->fd(), [this] {
      if (drainFiles()) changed_();
    });
  }
  gap_ = true;
  paths_->watch(none ? std::set<std::string>() : *files);
  if (writers_) writers_->watch(none ? std::set<std::string>() : *files);
  watchedFiles_ = none ? nullptr : files;
  if (paths_->missed() > 0)
    sayOnce("inotify", {.level = Level::warning,
                        .message = "the kernel gives no more inotify watches; some files are only polled: raise "
                                   "fs.inotify.max_user_watches",
                        .reason = "WatchLimit"});
}

void DriftWatch::refreshFiles() {
  if (writers_ && watchedFiles_) writers_->watch(*watchedFiles_);
}

void DriftWatch::saw(const std::string& subject, pid_t pid, int pidfd) {
  if (pid <= 0) return;
  std::function<bool()> same;
  if (pidfd >= 0) same = [pidfd] { return process::isThere(pidfd); };
  if (auto who = process::identify(files_, pid, same)) seen_.insert_or_assign(subject, process::text(*who));
}

void DriftWatch::pause() {
  if (keysReady_) keysReady_->enable(false);
}

bool DriftWatch::drainKeys() {
  bool any = false;
  const bool lost = keys_.drain([&](const std::string& key, pid_t pid, int pidfd) {
    any = true;
    // Whoever comes last has the word, also when nobody can say who that is.
    seen_.erase(key);
    saw(key, pid, pidfd);
  });
  return any || lost;
}

bool DriftWatch::drainFiles() {
  return paths_->drain([this](const std::string& path) {
    if (path.empty())
      gap_ = true;
    else
      touched_.insert(path);
  });
}

apply::News DriftWatch::news(bool forget) {
  apply::News news;
  if (!paths_) return news;
  if (drainFiles() && !forget) changed_();
  news.files = !gap_ && paths_->missed() == 0;
  news.touched = touched_;
  if (forget) {
    gap_ = false;
    touched_.clear();
  }
  return news;
}

void DriftWatch::onKeys() {
  if (drainKeys()) changed_();
}

void DriftWatch::onWriters() {
  writers_->drain([&](const std::string& path, pid_t pid, int pidfd) {
    seen_.erase(path);
    saw(path, pid, pidfd);
  });
}

apply::Writers DriftWatch::take() {
  // A file's event and its writer's come in no order.
  if (writers_) onWriters();
  if (keysReady_) {
    drainKeys();
    keysReady_->enable(true);
  }
  return std::exchange(seen_, {});
}

}  // namespace bedplate::daemon
