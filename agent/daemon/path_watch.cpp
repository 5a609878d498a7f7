#include "agent/daemon/path_watch.h"

#include <fcntl.h>
#include <sys/inotify.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "tuning/host/paths.h"

namespace bedplate::daemon {
namespace {

constexpr std::uint32_t kStructure =
    IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
constexpr std::uint32_t kContent = IN_CLOSE_WRITE | IN_ATTRIB;
// The directory itself is another one, or none, from now on.
constexpr std::uint32_t kGone = IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT;

std::string lastName(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

}  // namespace

host::Result<PathWatch> PathWatch::open(host::HostFiles& files) {
  host::UniqueFd fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!fd.valid())
    return host::failErrno(errno, "inotify", "cannot begin to watch files", "raise fs.inotify.max_user_instances");
  return PathWatch(files, std::move(fd));
}

void PathWatch::addWay(const std::string& directory) {
  for (std::string path = directory; !path.empty(); path = host::parentPath(path))
    interests_[host::parentPath(path)].steps.insert(lastName(path));
}

void PathWatch::watch(const std::set<std::string>& files, const std::set<std::string>& directories) {
  interests_.clear();
  for (const auto& file : files) {
    const std::string directory = host::parentPath(file);
    interests_[directory].names.insert(lastName(file));
    addWay(directory);
  }
  for (const auto& directory : directories) {
    interests_[directory].all = true;
    addWay(directory);
  }
  arm();
}

void PathWatch::arm() {
  std::map<int, std::set<std::string>> now;
  missed_ = 0;
  for (const auto& [directory, interest] : interests_) {
    const auto opened = files_->openAt(directory, O_PATH | O_DIRECTORY);
    if (!opened) continue;  // its parent is watched for it
    const std::string link = std::string("/") + host::paths::selfDescriptors + "/" + std::to_string(opened->get());
    // The mask of a directory that two paths lead to is the sum of both.
    const bool content = interest.all || !interest.names.empty();
    const int wd = ::inotify_add_watch(fd_.get(), link.c_str(), kStructure | IN_MASK_ADD | (content ? kContent : 0));
    if (wd < 0)
      ++missed_;
    else
      now[wd].insert(directory);
  }
  for (const auto& [wd, ignored] : watched_)
    if (!now.contains(wd)) ::inotify_rm_watch(fd_.get(), wd);
  watched_ = std::move(now);
}

bool PathWatch::concerns(const Interest& interest, const std::string& name, std::uint32_t mask, bool& ways) const {
  if ((mask & kStructure) != 0 && interest.steps.contains(name)) {
    ways = true;
    return true;
  }
  return interest.all ? !name.empty() : interest.names.contains(name);
}

bool PathWatch::drain(const Take& take) {
  alignas(inotify_event) std::array<char, 16384> buffer;
  bool concerned = false;
  bool ways = false;
  for (;;) {
    const ssize_t size = ::read(fd_.get(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
      inotify_event event;
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const char* text = buffer.data() + at + sizeof event;
      const std::string name(text, event.len == 0 ? 0 : ::strnlen(text, event.len));
      at += sizeof event + event.len;
      // Events were lost: anything may have happened.
      if ((event.mask & IN_Q_OVERFLOW) != 0) concerned = ways = true;
      const auto directories = watched_.find(event.wd);
      if (directories == watched_.end()) continue;
      if ((event.mask & kGone) != 0) concerned = ways = true;
      for (const auto& directory : directories->second) {
        const auto interest = interests_.find(directory);
        if (interest == interests_.end() || !concerns(interest->second, name, event.mask, ways)) continue;
        concerned = true;
        if (take) take(host::joinPath(directory, name));
      }
    }
  }
  if (ways) {
    arm();
    if (take) take("");
  }
  return concerned;
}

}  // namespace bedplate::daemon
