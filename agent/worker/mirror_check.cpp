#include "agent/worker/mirror_check.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <string_view>

#include "tuning/host/unique_fd.h"

namespace bedplate::worker {
namespace {

namespace fs = std::filesystem;

constexpr int kDeepest = 16;  // refs/heads/a/branch/with/slashes
constexpr std::size_t kMostEntries = 100'000;
constexpr std::size_t kMostConfig = 4096;

// Ours has [core] alone. An include is a file that is read; [url] and [remote] say where to go, [http] through whom.
bool goodConfig(const fs::path& path) {
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

bool leadsElsewhere(const fs::path& path) {
  const fs::path name = path.filename();
  return name == "alternates" || name == "http-alternates" || name == "commondir" || name == "gitdir";
}

std::optional<std::string> whyNot(const fs::directory_entry& entry, int depth) {
  std::error_code failed;
  const auto status = entry.symlink_status(failed);
  // Gone meanwhile: another worker puts a new mirror in this one's place.
  if (failed || status.type() == fs::file_type::not_found) return std::nullopt;
  if (status.type() == fs::file_type::directory) {
    if (depth > kDeepest) return "is deeper than a mirror";
  } else if (status.type() != fs::file_type::regular) {
    return "is neither a file nor a directory";
  } else if (leadsElsewhere(entry.path())) {
    return "leads to another folder";
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> whyUnsound(const std::string& path) {
  std::error_code failed;
  const auto top = fs::symlink_status(path, failed).type();
  if (top == fs::file_type::not_found) return std::nullopt;
  if (top != fs::file_type::directory) return path + " is no directory";
  std::size_t count = 0;
  // Links are not followed; a folder that cannot be read is for the library to tell.
  for (fs::recursive_directory_iterator it(path, failed), end; !failed && it != end; it.increment(failed)) {
    if (++count > kMostEntries) return path + " holds more than a mirror";
    if (const auto why = whyNot(*it, it.depth())) return it->path().string() + " " + *why;
  }
  if (!goodConfig(fs::path(path) / "config")) return path + "/config says more than ours does";
  return std::nullopt;
}

}  // namespace bedplate::worker
