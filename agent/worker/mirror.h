// The bare mirror of one branch: made, read, rebuilt. Everything here runs as the unprivileged user.
//
// Beside the mirror ("x/mirror.git") stand "x/mirror.git.lock" (held while it is written), and for moments
// "x/mirror.git.new" (rebuilt, before it takes the mirror's place). Thread-safety: one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tuning/host/result.h"
#include "tuning/host/unique_fd.h"

struct git_odb;
struct git_repository;

namespace bedplate::worker {

class Mirror {
 public:
  // The bare repository at `path`. "MirrorFailed" when there is none, or none that can be opened.
  static host::Result<Mirror> open(const std::string& path);
  // Any repository at `path`, also one with a work tree, to be read and left as it is. "MirrorFailed".
  static host::Result<Mirror> openLocal(const std::string& path);
  // An empty one at `path`, whatever was there. Under the lock.
  static host::Result<Mirror> create(const std::string& path);
  Mirror(Mirror&&) noexcept;
  Mirror& operator=(Mirror&&) noexcept;
  ~Mirror();

  [[nodiscard]] git_repository* repository() const { return repository_; }
  [[nodiscard]] std::size_t packs() const;
  [[nodiscard]] bool has(const std::string& hex) const;
  // Points refs/heads/<branch> and HEAD there; writes nothing when they do already.
  host::Status point(const std::string& branch, const std::string& hex);

  enum class Answer { found, missing, oversize, broken };
  // `type` as in source::ObjectType. The bytes are good until the next call of `take` ends.
  Answer read(std::uint8_t type, std::string_view idBytes, std::size_t limit,
              const std::function<void(std::string_view)>& take);
  // The commits between base and head, parents first. "NotDescendant", "TooManyCommits", "MirrorFailed".
  host::Result<std::vector<std::string>> range(std::string_view baseBytes, std::string_view headBytes,
                                               std::size_t most);
  // The id (bytes) of the commit that a revision names. "ObjectMissing".
  host::Result<std::string> resolve(const std::string& revision);

 private:
  explicit Mirror(git_repository* repository) : repository_(repository) {}
  static host::Result<Mirror> take(git_repository* repository);
  git_repository* repository_ = nullptr;
  git_odb* odb_ = nullptr;
};

// The writer's lock, waited for up to `timeoutMs`; released with the descriptor. "MirrorFailed".
host::Result<host::UniqueFd> lockMirror(const std::string& path, std::int64_t timeoutMs);

// rm -rf, for a tree that is ours.
void removeTree(const std::string& path);

// Puts `fresh` in the place of the mirror at `path`, and removes what was there. "MirrorFailed".
host::Status replaceMirror(const std::string& fresh, const std::string& path);

}  // namespace bedplate::worker
