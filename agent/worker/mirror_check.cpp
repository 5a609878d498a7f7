#include "agent/worker/mirror_check.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string_view>

#include "tuning/host/unique_fd.h"

namespace bedplate::worker {
namespace {

constexpr int kDeepest = 16;  // refs/heads/a/branch/with/slashes
constexpr std::size_t kMostEntries = 100'000;
constexpr std::size_t kMostConfig = 4096;

// Ours has [core] alone. An include is a file that is read; [url] and [remote] say where to go, [http] through whom.
bool goodConfig(const std::string& path) {
  const host::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd.valid()) return true;  // the library says so better
  std::string text(kMostConfig + 1, '\0');
  const ssize_t n = ::read(fd.get(), text.data(), text.size());
  text.resize(static_cast<std::size_t>(n > 0 ? n : 0));
  if (text.size() > kMostConfig) return false;
  for (std::size_t at = text.find('['); at != std::string::npos; at = text.find('[', at + 1))
    if (!std::string_view(text).substr(at).starts_with("[core]")) return false;
  return true;
}

bool leadsElsewhere(std::string_view name) {
  return name == "alternates" || name == "http-alternates" || name == "commondir" || name == "gitdir";
}

mode_t kindOf(int folder, const dirent& entry) {
  if (entry.d_type != DT_UNKNOWN) return static_cast<mode_t>(DTTOIF(entry.d_type));
  struct stat status{};
  return ::fstatat(folder, entry.d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? status.st_mode & S_IFMT : S_IFREG;
}

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

// By hand: std::filesystem takes twice as long, and there is a look each minute.
class Walk {
 public:
  // What is wrong below `name` in `parent`. A folder that is gone is not: another worker puts a new mirror in this
  // one's place. Nor one that cannot be read: the library says so better.
  std::optional<std::string> look(int parent, const char* name, int depth);

 private:
  std::optional<std::string> take(int folder, const dirent& entry, int depth);
  std::size_t count_ = 0;
};

std::optional<std::string> Walk::look(int parent, const char* name, int depth) {
  if (depth > kDeepest) return "is deeper than a mirror";
  const int fd = ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  const std::unique_ptr<DIR, CloseFolder> folder(fd < 0 ? nullptr : ::fdopendir(fd));
  if (!folder) return std::nullopt;
  while (const dirent* entry = ::readdir(folder.get())) {
    const std::string_view one(entry->d_name);
    if (one == "." || one == "..") continue;
    if (auto why = take(fd, *entry, depth)) return why;
  }
  return std::nullopt;
}

std::optional<std::string> Walk::take(int folder, const dirent& entry, int depth) {
  if (++count_ > kMostEntries) return "holds more than a mirror";
  const mode_t kind = kindOf(folder, entry);
  if (kind == S_IFDIR) return look(folder, entry.d_name, depth + 1);
  if (kind != S_IFREG) return std::string(entry.d_name) + " is neither a file nor a directory";
  if (leadsElsewhere(entry.d_name)) return std::string(entry.d_name) + " leads to another folder";
  return std::nullopt;
}

}  // namespace

std::optional<std::string> whyUnsound(const std::string& path) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) return std::nullopt;
  if (!S_ISDIR(status.st_mode)) return "is no directory";
  if (auto why = Walk().look(AT_FDCWD, path.c_str(), 0)) return why;
  if (!goodConfig(path + "/config")) return "config says more than ours does";
  return std::nullopt;
}

}  // namespace bedplate::worker
