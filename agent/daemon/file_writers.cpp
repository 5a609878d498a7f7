#include "agent/daemon/file_writers.h"

#include <fcntl.h>
#include <sys/fanotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "tuning/host/paths.h"

namespace bedplate::daemon {
namespace {

constexpr std::uint64_t kMask =
    FAN_CLOSE_WRITE | FAN_CREATE | FAN_DELETE | FAN_MOVED_TO | FAN_MOVED_FROM | FAN_ATTRIB | FAN_EVENT_ON_CHILD;
constexpr std::size_t kBuffer = 8192;
constexpr int kMostReads = 64;  // what is left is read next time

// What an event says of a directory: its file system and its handle there.
std::string handleOf(const void* fsid, int type, const void* bytes, std::size_t size) {
  std::string handle(static_cast<const char*>(fsid), sizeof(fsid_t));
  handle.append(reinterpret_cast<const char*>(&type), sizeof type);
  return handle.append(static_cast<const char*>(bytes), size);
}

std::string handleOf(int directory) {
  alignas(file_handle) std::array<char, sizeof(file_handle) + MAX_HANDLE_SZ> room{};
  auto* handle = reinterpret_cast<file_handle*>(room.data());
  handle->handle_bytes = MAX_HANDLE_SZ;
  int mount = 0;
  struct statfs fs{};
  if (::name_to_handle_at(directory, "", handle, &mount, AT_EMPTY_PATH) != 0 || ::fstatfs(directory, &fs) != 0)
    return {};
  return handleOf(&fs.f_fsid, handle->handle_type, room.data() + sizeof(file_handle), handle->handle_bytes);
}

}  // namespace

host::Result<FileWriters> FileWriters::open(host::HostFiles& files) {
  constexpr unsigned kFlags = FAN_CLASS_NOTIF | FAN_NONBLOCK | FAN_CLOEXEC | FAN_REPORT_DFID_NAME;
  bool pidfds = false;
  host::UniqueFd group;
#ifdef FAN_REPORT_PIDFD
  group = host::UniqueFd(::fanotify_init(kFlags | FAN_REPORT_PIDFD, O_RDONLY | O_CLOEXEC));
  pidfds = group.valid();
#endif
  if (!group.valid()) group = host::UniqueFd(::fanotify_init(kFlags, O_RDONLY | O_CLOEXEC));
  if (!group.valid()) return host::failErrno(errno, "fanotify", "cannot tell who writes files");
  FileWriters writers(files, std::move(group));
  writers.pidfds_ = pidfds;
  return writers;
}

void FileWriters::watch(const std::set<std::string>& files) {
  paths_ = files;
  missed_ = 0;
  directories_.clear();
  ::fanotify_mark(group_.get(), FAN_MARK_FLUSH, 0, AT_FDCWD, nullptr);
  std::string last = "/";
  for (const auto& path : files) {
    const std::string directory = host::parentPath(path);
    if (directory == last) continue;
    last = directory;
    const auto opened = files_->openAt(directory, O_PATH | O_DIRECTORY);
    if (!opened) continue;
    const std::string link = std::string("/") + host::paths::selfDescriptors + "/" + std::to_string(opened->get());
    const std::string handle = handleOf(opened->get());
    if (handle.empty() || ::fanotify_mark(group_.get(), FAN_MARK_ADD, kMask, AT_FDCWD, link.c_str()) != 0)
      ++missed_;
    else
      directories_[handle] = directory;
  }
}

void FileWriters::tell(const char* event, std::size_t size, const Take& take) const {
  fanotify_event_metadata head;
  std::memcpy(&head, event, sizeof head);
  std::string path;
  host::UniqueFd process;
  for (std::size_t at = head.metadata_len; at + sizeof(fanotify_event_info_header) <= size;) {
    fanotify_event_info_header info;
    std::memcpy(&info, event + at, sizeof info);
    if (info.len < sizeof info || at + info.len > size) break;
#ifdef FAN_REPORT_PIDFD
    if (info.info_type == FAN_EVENT_INFO_TYPE_PIDFD && info.len >= sizeof(fanotify_event_info_pidfd)) {
      fanotify_event_info_pidfd pidfd;
      std::memcpy(&pidfd, event + at, sizeof pidfd);
      process = host::UniqueFd(pidfd.pidfd);
    }
#endif
    constexpr std::size_t kFixed = sizeof(fanotify_event_info_fid) + sizeof(file_handle);
    if (info.info_type == FAN_EVENT_INFO_TYPE_DFID_NAME && info.len > kFixed) {
      const char* fsid = event + at + offsetof(fanotify_event_info_fid, fsid);
      file_handle handle;
      std::memcpy(&handle, event + at + sizeof(fanotify_event_info_fid), sizeof handle);
      if (kFixed + handle.handle_bytes < info.len) {
        const char* bytes = event + at + kFixed;
        const char* name = bytes + handle.handle_bytes;
        const std::size_t room = info.len - kFixed - handle.handle_bytes;
        const auto directory = directories_.find(handleOf(fsid, handle.handle_type, bytes, handle.handle_bytes));
        if (directory != directories_.end())
          path = host::joinPath(directory->second, std::string(name, ::strnlen(name, room)));
      }
    }
    at += info.len;
  }
  if (head.pid == ::getpid() || paths_.count(path) == 0) return;
  const bool known = !pidfds_ || process.valid();
  take(path, known ? head.pid : 0, process.valid() ? process.get() : -1);
}

void FileWriters::drain(const Take& take) {
  alignas(fanotify_event_metadata) std::array<char, kBuffer> buffer;
  for (int turn = 0; turn < kMostReads; ++turn) {
    const ssize_t size = ::read(group_.get(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return;
    for (std::size_t at = 0; at + sizeof(fanotify_event_metadata) <= static_cast<std::size_t>(size);) {
      fanotify_event_metadata head;
      std::memcpy(&head, buffer.data() + at, sizeof head);
      if (head.event_len < sizeof head || at + head.event_len > static_cast<std::size_t>(size)) return;
      tell(buffer.data() + at, head.event_len, take);
      at += head.event_len;
    }
  }
}

}  // namespace bedplate::daemon
