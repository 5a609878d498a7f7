#include "agent/daemon/headroom_window.h"

#include <algorithm>
#include <cmath>

#include "tuning/process/process.h"

namespace bedplate::daemon {
namespace {

constexpr std::size_t kUsers = 20;

std::vector<report::Headroom::Holder> named(const std::vector<inotify::Holder>& holders, host::Files& files) {
  std::vector<report::Headroom::Holder> list;
  list.reserve(holders.size());
  for (const inotify::Holder& one : holders) {
    report::Headroom::Holder holder{
        .pid = one.pid, .uid = one.uid, .name = {}, .unit = {}, .instances = one.instances, .watches = one.watches};
    if (const auto process = process::identify(files, static_cast<pid_t>(one.pid))) {
      holder.name = process->command;
      holder.unit = process->pod.empty() ? process->unit : "pod " + process->pod;
    }
    list.push_back(std::move(holder));
  }
  return list;
}

double share(std::int64_t used, std::int64_t limit) {
  return static_cast<double>(used) / static_cast<double>(std::max<std::int64_t>(limit, 1));
}

// Of many users those who are nearest to either limit; the order stays by instances.
void keepNearest(report::Headroom::Inotify& inotify) {
  using User = report::Headroom::User;
  const auto nearness = [&](const User& user) {
    return std::max(share(user.instances, inotify.instancesLimit), share(user.watches, inotify.watchesLimit));
  };
  auto& users = inotify.users;
  std::sort(users.begin(), users.end(), [&](const User& a, const User& b) { return nearness(a) > nearness(b); });
  users.resize(kUsers);
  std::sort(users.begin(), users.end(), [](const User& a, const User& b) {
    return a.instances != b.instances ? a.instances > b.instances : a.uid < b.uid;
  });
}

}  // namespace

std::optional<report::Headroom::Conntrack> HeadroomWindow::conntrack(host::Files& files, std::int64_t nowNs,
                                                                     bool kernel) {
  const auto stats = conntrack::readStats(files, kernel);
  if (!stats) {
    points_.clear();
    return std::nullopt;
  }
  totals_.add(*stats);
  report::Headroom::Conntrack result;
  result.entries = static_cast<std::int64_t>(stats->entries);
  result.limit = static_cast<std::int64_t>(stats->limit);
  if (stats->cpus.empty()) return result;
  for (std::size_t i = 0; i < conntrack::kEvents; ++i) {
    const auto event = static_cast<conntrack::Event>(i);
    result.events.emplace_back(conntrack::name(event), static_cast<std::int64_t>(totals_.of(event)));
  }
  Point point{.monotonicNs = nowNs, .losses = {}};
  for (std::size_t i = 0; i < kLosses.size(); ++i) point.losses[i] = totals_.of(kLosses[i]);
  points_.push_back(point);
  if (points_.size() > kSamples) points_.pop_front();
  const Point& first = points_.front();
  const double seconds = static_cast<double>(nowNs - first.monotonicNs) / 1e9;
  if (seconds <= 0) return result;
  const auto rate = [&](std::size_t i) { return static_cast<double>(point.losses[i] - first.losses[i]) / seconds; };
  result.insertFailed = rate(0);
  result.drop = rate(1);
  result.earlyDrop = rate(2);
  result.seconds = std::llround(seconds);
  return result;
}

// Not with the first sample: a node that starts has other things to do.
bool HeadroomWindow::timeForWatches(std::int64_t nowNs) {
  if (!firstNs_) {
    firstNs_ = nowNs;
    return false;
  }
  return !watchesNs_ || nowNs - *watchesNs_ >= kWatchesNs;
}

void HeadroomWindow::keepWatches(const inotify::Usage& usage, host::Files& files, std::int64_t wallUs) {
  watchesUs_ = wallUs;
  watchesCut_ = usage.watchesCut;
  watchesOf_.clear();
  for (const auto& user : usage.users) watchesOf_[user.uid] = user.watches;
  byWatches_ = named(usage.byWatches, files);
}

std::optional<report::Headroom::Inotify> HeadroomWindow::inotify(host::Files& files, host::Clock& clock, bool kernel) {
  const std::int64_t began = clock.monotonicNs();
  inotify::Request request;
  request.watches = timeForWatches(began);
  request.goOn = [&] { return clock.monotonicNs() - began < kWatchesBudgetNs; };
  if (kernel) request.compare = inotify::compareFiles;
  const auto usage = inotify::scan(files, request);
  const auto limits = inotify::readLimits(files);
  if (!usage || !limits) return std::nullopt;
  if (request.watches) {
    watchesNs_ = began;
    keepWatches(*usage, files, clock.wallUs());
  }
  report::Headroom::Inotify result;
  result.instancesLimit = limits->instances;
  result.watchesLimit = limits->watches;
  result.watchesUs = watchesUs_;
  result.watchesCut = watchesCut_;
  result.unseen = usage->unseen;
  result.byInstances = named(usage->byInstances, files);
  result.byWatches = byWatches_;
  for (const auto& user : usage->users) {
    const auto watches = watchesOf_.find(user.uid);
    result.users.push_back({user.uid, user.instances, watches == watchesOf_.end() ? 0 : watches->second});
  }
  if (result.users.size() > kUsers) keepNearest(result);
  return result;
}

report::Headroom HeadroomWindow::sample(host::Files& files, host::Clock& clock, bool kernel) {
  report::Headroom headroom;
  headroom.takenUs = clock.wallUs();
  headroom.conntrack = conntrack(files, clock.monotonicNs(), kernel);
  headroom.inotify = inotify(files, clock, kernel);
  if (const auto handles = inotify::readFileHandles(files))
    headroom.fileHandles = report::Headroom::FileHandles{handles->used, handles->limit};
  return headroom;
}

}  // namespace bedplate::daemon
