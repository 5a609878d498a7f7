#include "agent/worker/mirror.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <thread>
#include <utility>

#include "agent/worker/git_error.h"
#include "agent/worker/git_handles.h"

namespace bedplate::worker {
namespace {

git_oid oidOf(std::string_view bytes) {
  git_oid oid{};
  bytes.copy(reinterpret_cast<char*>(oid.id), sizeof oid.id);
  return oid;
}

std::string bytesOf(const git_oid& oid) { return {reinterpret_cast<const char*>(oid.id), sizeof oid.id}; }

git_object_t kindOf(std::uint8_t type) {
  switch (type) {
    case 1: return GIT_OBJECT_COMMIT;
    case 2: return GIT_OBJECT_TREE;
    case 3: return GIT_OBJECT_BLOB;
    default: return GIT_OBJECT_INVALID;
  }
}

// No '{': neither reflogs, dates nor searches; what is asked for is a commit, not a computation.
bool goodRevision(std::string_view revision) {
  static constexpr std::string_view kTaken = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._/+-~^";
  return !revision.empty() && revision.size() <= 256 && revision.front() != '-' &&
         revision.find_first_not_of(kTaken) == std::string_view::npos;
}

}  // namespace

Mirror::Mirror(Mirror&& other) noexcept
    : repository_(std::exchange(other.repository_, nullptr)), odb_(std::exchange(other.odb_, nullptr)) {}

Mirror& Mirror::operator=(Mirror&& other) noexcept {
  std::swap(repository_, other.repository_);
  std::swap(odb_, other.odb_);
  return *this;
}

Mirror::~Mirror() {
  git_odb_free(odb_);
  git_repository_free(repository_);
}

host::Result<Mirror> Mirror::open(const std::string& path) {
  git_repository* raw = nullptr;
  // open_bare: never looks upwards, never at who owns it.
  if (git_repository_open_bare(&raw, path.c_str()) != 0) return mirrorFailed("cannot be opened");
  return take(raw);
}

host::Result<Mirror> Mirror::openLocal(const std::string& path) {
  git_repository* raw = nullptr;
  if (git_repository_open_ext(&raw, path.c_str(), GIT_REPOSITORY_OPEN_NO_SEARCH, nullptr) != 0)
    return mirrorFailed("cannot be opened");
  return take(raw);
}

host::Result<Mirror> Mirror::take(git_repository* raw) {
  Mirror mirror(raw);
  // Read now, when it is still known whose fault it is.
  Handle<git_config> config;
  if (git_repository_config(Out(config), raw) != 0 || git_repository_odb(&mirror.odb_, raw) != 0)
    return mirrorFailed("cannot be opened");
  return mirror;
}

host::Result<Mirror> Mirror::create(const std::string& path) {
  removeTree(path);
  git_repository_init_options options = GIT_REPOSITORY_INIT_OPTIONS_INIT;
  options.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_MKDIR | GIT_REPOSITORY_INIT_NO_REINIT;
  git_repository* raw = nullptr;
  if (git_repository_init_ext(&raw, path.c_str(), &options) != 0) return mirrorFailed("cannot be made");
  Mirror mirror(raw);
  if (git_repository_odb(&mirror.odb_, raw) != 0) return mirrorFailed("cannot be opened");
  return mirror;
}

std::size_t Mirror::packs() const {
  std::size_t count = 0;
  std::error_code failed;
  const std::filesystem::path folder = std::filesystem::path(git_repository_path(repository_)) / "objects/pack";
  for (std::filesystem::directory_iterator it(folder, failed), end; !failed && it != end; it.increment(failed))
    if (it->path().extension() == ".pack") ++count;
  return count;
}

bool Mirror::has(const std::string& hex) const {
  git_oid oid{};
  return git_oid_fromstr(&oid, hex.c_str()) == 0 && git_odb_exists(odb_, &oid) == 1;
}

host::Status Mirror::point(const std::string& branch, const std::string& hex) {
  const std::string name = "refs/heads/" + branch;
  git_oid wanted{};
  if (git_oid_fromstr(&wanted, hex.c_str()) != 0) return mirrorFailed("was given a head that is no id");
  git_oid now{};
  if (git_reference_name_to_id(&now, repository_, name.c_str()) != 0 || git_oid_equal(&now, &wanted) == 0) {
    Handle<git_reference> made;
    if (git_reference_create(Out(made), repository_, name.c_str(), &wanted, 1, nullptr) != 0)
      return mirrorFailed("cannot be pointed at the new head");
  }
  Handle<git_reference> head;
  if (git_reference_lookup(Out(head), repository_, "HEAD") == 0) {
    const char* target = git_reference_symbolic_target(head.get());
    if (target != nullptr && name == target) return {};
  }
  if (git_repository_set_head(repository_, name.c_str()) != 0) return mirrorFailed("cannot be pointed at the branch");
  return {};
}

Mirror::Answer Mirror::read(std::uint8_t type, std::string_view idBytes, std::size_t limit,
                            const std::function<void(std::string_view)>& take) {
  if (idBytes.size() != sizeof(git_oid::id)) return Answer::missing;
  const git_oid oid = oidOf(idBytes);
  std::size_t size = 0;
  git_object_t kind = GIT_OBJECT_INVALID;
  const int looked = git_odb_read_header(&size, &kind, odb_, &oid);
  if (looked == GIT_ENOTFOUND || (looked == 0 && kind != kindOf(type))) return Answer::missing;
  if (looked != 0) return Answer::broken;
  if (size > limit) return Answer::oversize;
  Handle<git_odb_object> object;
  if (git_odb_read(Out(object), odb_, &oid) != 0) return Answer::broken;
  take({static_cast<const char*>(git_odb_object_data(object.get())), git_odb_object_size(object.get())});
  return Answer::found;
}

host::Result<std::vector<std::string>> Mirror::range(std::string_view baseBytes, std::string_view headBytes,
                                                     std::size_t most) {
  if (baseBytes.size() != sizeof(git_oid::id) || headBytes.size() != sizeof(git_oid::id))
    return host::fail("MirrorFailed", "", "was asked for ids of another kind");
  const git_oid base = oidOf(baseBytes);
  const git_oid head = oidOf(headBytes);
  if (git_odb_exists(odb_, &head) != 1) return host::fail("ObjectMissing", "", "does not hold the head");
  const bool descends = git_odb_exists(odb_, &base) == 1 &&
                        (git_oid_equal(&base, &head) == 1 || git_graph_descendant_of(repository_, &head, &base) == 1);
  if (!descends) return host::fail("NotDescendant", "", "the head does not descend from the base");
  Handle<git_revwalk> walk;
  if (git_revwalk_new(Out(walk), repository_) != 0) return mirrorFailed("cannot be walked");
  if (git_revwalk_sorting(walk.get(), GIT_SORT_TOPOLOGICAL | GIT_SORT_REVERSE) != 0 ||
      git_revwalk_push(walk.get(), &head) != 0 || git_revwalk_hide(walk.get(), &base) != 0)
    return mirrorFailed("cannot be walked");
  std::vector<std::string> ids;
  git_oid oid{};
  int result = 0;
  while ((result = git_revwalk_next(&oid, walk.get())) == 0) {
    if (ids.size() == most) return host::fail("TooManyCommits", "", "more than " + std::to_string(most) + " commits");
    ids.push_back(bytesOf(oid));
  }
  if (result != GIT_ITEROVER) return mirrorFailed("cannot be walked");
  return ids;
}

host::Result<std::string> Mirror::resolve(const std::string& revision) {
  const auto missing = [] { return host::fail("ObjectMissing", "", "names no commit of the branch"); };
  if (!goodRevision(revision)) return missing();
  Handle<git_object> object;
  Handle<git_object> commit;
  if (git_revparse_single(Out(object), repository_, revision.c_str()) != 0) return missing();
  if (git_object_peel(Out(commit), object.get(), GIT_OBJECT_COMMIT) != 0) return missing();
  return bytesOf(*git_object_id(commit.get()));
}

host::Result<host::UniqueFd> lockMirror(const std::string& path, std::int64_t timeoutMs) {
  const std::string name = path + ".lock";
  host::UniqueFd fd(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  if (!fd.valid())
    return host::fail("MirrorFailed", "", "cannot make " + name + ": " + std::generic_category().message(errno));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeoutMs);
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      return host::fail("MirrorFailed", "", "cannot lock " + name + ": " + std::generic_category().message(errno));
    if (std::chrono::steady_clock::now() >= deadline)
      return host::fail("MirrorFailed", "", "another fetch holds " + name);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return fd;
}

void removeTree(const std::string& path) {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

host::Status replaceMirror(const std::string& fresh, const std::string& path) {
  if (::syscall(SYS_renameat2, AT_FDCWD, fresh.c_str(), AT_FDCWD, path.c_str(), RENAME_EXCHANGE) == 0) {
    removeTree(fresh);
    return {};
  }
  // Nothing there, or a file system that cannot exchange.
  removeTree(path);
  if (::rename(fresh.c_str(), path.c_str()) != 0)
    return host::fail("MirrorFailed", "", "cannot be put in place: " + std::generic_category().message(errno));
  return {};
}

}  // namespace bedplate::worker
