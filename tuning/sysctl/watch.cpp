#include "tuning/sysctl/watch.h"

#include <fcntl.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "tuning/host/paths.h"

namespace bedplate::sysctl {
namespace {

// A write is enough; the end of it (CLOSE_WRITE) would wake us a second time for the same news.
constexpr std::uint64_t kFanotifyMask = FAN_MODIFY;
constexpr std::uint32_t kInotifyMask = IN_MODIFY;
// Each event may bring two descriptors; so many at once must be to be had.
constexpr std::size_t kBuffer = 2048;
// One who writes faster than we read must not keep us; what is left is read next time.
constexpr int kMostReads = 64;

std::string linkTo(int fd) { return std::string("/") + host::paths::selfDescriptors + "/" + std::to_string(fd); }

std::string because(const char* what) {
  return std::string(what) + ": " + std::error_code(errno, std::generic_category()).message();
}

host::UniqueFd fanotifyGroup(bool& pidfds) {
  constexpr unsigned kFlags = FAN_CLASS_NOTIF | FAN_NONBLOCK | FAN_CLOEXEC;
  constexpr unsigned kEventFlags = O_RDONLY | O_CLOEXEC;
#ifdef FAN_REPORT_PIDFD
  host::UniqueFd group(::fanotify_init(kFlags | FAN_REPORT_PIDFD, kEventFlags));
  pidfds = group.valid();
  if (pidfds || errno != EINVAL) return group;
#endif
  pidfds = false;
  return host::UniqueFd(::fanotify_init(kFlags, kEventFlags));
}

std::size_t descriptorLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  return static_cast<std::size_t>(limit.rlim_cur);
}

bool overflowed(const fanotify_event_metadata& event) { return (event.mask & FAN_Q_OVERFLOW) != 0; }
bool overflowed(const inotify_event& event) { return (event.mask & IN_Q_OVERFLOW) != 0; }

// Reads what there is and gives each event with its bytes to `one`, which gives its length, or 0 for an event of a
// version that is not ours. True when events were lost.
template <class Event, class One>
bool readEvents(int group, const One& one) {
  alignas(Event) std::array<char, kBuffer> buffer;
  bool lost = false;
  for (int turn = 0; turn < kMostReads; ++turn) {
    const ssize_t size = ::read(group, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    // Anything but "nothing more" means that an event could not be given to us.
    if (size < 0) return lost || errno != EAGAIN;
    if (size == 0) return lost;
    for (std::size_t at = 0; at + sizeof(Event) <= static_cast<std::size_t>(size);) {
      Event event;
      std::memcpy(&event, buffer.data() + at, sizeof event);
      lost = lost || overflowed(event);
      const std::size_t length = one(buffer.data() + at, event);
      if (length == 0) return true;
      at += length;
    }
  }
  return lost;
}

// The pidfd among the records behind an event; -1 for none, and for a process that is gone.
int pidfdOf(const char* event, const fanotify_event_metadata& head) {
#ifdef FAN_REPORT_PIDFD
  for (std::size_t at = head.metadata_len; at + sizeof(fanotify_event_info_pidfd) <= head.event_len;) {
    fanotify_event_info_pidfd info;
    std::memcpy(&info, event + at, sizeof info);
    if (info.hdr.info_type == FAN_EVENT_INFO_TYPE_PIDFD) return info.pidfd;
    if (info.hdr.len == 0) break;
    at += info.hdr.len;
  }
#else
  static_cast<void>(event);
  static_cast<void>(head);
#endif
  return -1;
}

}  // namespace

const char* name(KeyWatch::By by) {
  switch (by) {
    case KeyWatch::By::fanotify: return "fanotify";
    case KeyWatch::By::inotify: return "inotify";
    case KeyWatch::By::poll: return "poll";
  }
  return "";
}

KeyWatch KeyWatch::open(host::HostFiles& files, const Options& options) {
  KeyWatch watch(files);
  watch.spare_ = options.spareDescriptors;
  if (options.fanotify) {
    watch.group_ = fanotifyGroup(watch.pidfds_);
    // Some kernels give a group and no marks (no rights in a user namespace, a file system that has none).
    if (const auto root = files.openAt(host::paths::procSys, O_PATH); watch.group_.valid() && root) {
      const std::string link = linkTo(root->get());
      if (::fanotify_mark(watch.group_.get(), FAN_MARK_ADD, kFanotifyMask, AT_FDCWD, link.c_str()) == 0) {
        ::fanotify_mark(watch.group_.get(), FAN_MARK_REMOVE, kFanotifyMask, AT_FDCWD, link.c_str());
        watch.by_ = By::fanotify;
        return watch;
      }
    }
    watch.why_ = because("no fanotify");
  } else {
    watch.why_ = "no fanotify: turned off";
  }
  watch.group_ = options.inotify ? host::UniqueFd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) : host::UniqueFd();
  if (watch.group_.valid())
    watch.by_ = By::inotify;
  else
    watch.why_ += options.inotify ? "; " + because("no inotify") : "; no inotify: turned off";
  return watch;
}

bool KeyWatch::mark(Pin& pin) {
  const std::string link = linkTo(pin.fd.get());
  if (by_ == By::fanotify)
    return ::fanotify_mark(group_.get(), FAN_MARK_ADD, kFanotifyMask, AT_FDCWD, link.c_str()) == 0;
  pin.wd = ::inotify_add_watch(group_.get(), link.c_str(), kInotifyMask);
  return pin.wd >= 0;
}

void KeyWatch::pin(const std::string& key) {
  if (pins_.size() + spare_ >= descriptorLimit()) {
    ++missed_;
    return;
  }
  auto opened = files_->openAt(host::joinPath(host::paths::procSys, key), O_PATH | O_NOFOLLOW);
  struct stat status{};
  if (!opened) {
    if (opened.error().errnum == EMFILE || opened.error().errnum == ENFILE) ++missed_;
    return;
  }
  if (::fstat(opened->get(), &status) != 0 || !S_ISREG(status.st_mode)) return;
  Pin pin{std::move(*opened), status.st_ino, -1};
  if (!mark(pin)) {
    ++missed_;
    return;
  }
  byInode_[pin.inode] = key;
  if (pin.wd >= 0) byWatch_[pin.wd] = key;
  pins_.insert_or_assign(key, std::move(pin));
}

void KeyWatch::forget(const std::string& key) {
  const auto pin = pins_.find(key);
  if (pin == pins_.end()) return;
  // Of a file that is gone the kernel has dropped the mark by itself; then these fail and nothing is amiss.
  if (by_ == By::fanotify)
    ::fanotify_mark(group_.get(), FAN_MARK_REMOVE, kFanotifyMask, AT_FDCWD, linkTo(pin->second.fd.get()).c_str());
  else if (pin->second.wd >= 0)
    ::inotify_rm_watch(group_.get(), pin->second.wd);
  if (const auto known = byInode_.find(pin->second.inode); known != byInode_.end() && known->second == key)
    byInode_.erase(known);
  if (const auto known = byWatch_.find(pin->second.wd); known != byWatch_.end() && known->second == key)
    byWatch_.erase(known);
  pins_.erase(pin);
}

void KeyWatch::watch(const std::set<std::string>& keys) {
  wanted_ = keys;
  if (by_ == By::poll) return;
  std::set<std::string> gone;
  for (const auto& [key, pin] : pins_)
    if (wanted_.count(key) == 0) gone.insert(key);
  for (const auto& key : gone) forget(key);
  missed_ = 0;
  for (const auto& key : wanted_)
    if (pins_.count(key) == 0) pin(key);
}

void KeyWatch::refresh() {
  if (by_ == By::poll) return;
  std::set<std::string> other;
  for (const auto& [key, pin] : pins_) {
    const auto info = files_->info(host::joinPath(host::paths::procSys, key));
    if (!info || info->inode != pin.inode) other.insert(key);
  }
  for (const auto& key : other) forget(key);
  missed_ = 0;
  for (const auto& key : wanted_)
    if (pins_.count(key) == 0) pin(key);
}

bool KeyWatch::drain(const Take& take) {
  if (by_ == By::fanotify) return drainFanotify(take);
  return by_ == By::inotify && drainInotify(take);
}

bool KeyWatch::drainFanotify(const Take& take) {
  const pid_t self = ::getpid();
  return readEvents<fanotify_event_metadata>(group_.get(), [&](const char* bytes, const auto& event) -> std::size_t {
    if (event.vers != FANOTIFY_METADATA_VERSION || event.event_len < sizeof event) return 0;
    const host::UniqueFd file(event.fd);
    const host::UniqueFd process(pidfdOf(bytes, event));
    struct stat status{};
    if (!file.valid() || event.pid == self || ::fstat(file.get(), &status) != 0) return event.event_len;
    // With pidfds a process without one is gone, and its number may be another's.
    const bool known = !pidfds_ || process.valid();
    // Else a mark that was just taken off.
    if (const auto key = byInode_.find(status.st_ino); key != byInode_.end())
      take(key->second, known ? event.pid : 0, process.valid() ? process.get() : -1);
    return event.event_len;
  });
}

bool KeyWatch::drainInotify(const Take& take) {
  return readEvents<inotify_event>(group_.get(), [&](const char*, const auto& event) -> std::size_t {
    const auto key = byWatch_.find(event.wd);
    if (key != byWatch_.end() && (event.mask & IN_MODIFY) != 0) take(key->second, 0, -1);
    return sizeof event + event.len;
  });
}

}  // namespace bedplate::sysctl
