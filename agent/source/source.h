// Commits, trees and blobs as they come from the worker: bounded, hashed and parsed by us, whoever sent them.
//
// The worker (agent/worker) talks to the network as an unprivileged user; this side trusts nothing it says. An object
// is taken only if its bytes hash to the id that was asked for, so a worker can withhold but not forge.
// Thread-safety: plain values and free functions; a Session is used from one thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tuning/host/files.h"

namespace bedplate::source {

// SHA-1 (20 bytes) or SHA-256 (32 bytes).
class ObjectId {
 public:
  ObjectId() = default;
  // From 40 or 64 lower- or upper-case hex digits.
  static std::optional<ObjectId> fromHex(std::string_view hex);
  static std::optional<ObjectId> fromBytes(std::string_view bytes);
  [[nodiscard]] std::string hex() const;
  [[nodiscard]] std::string shortHex() const { return hex().substr(0, 7); }
  [[nodiscard]] std::string_view bytes() const { return {reinterpret_cast<const char*>(bytes_.data()), size_}; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  auto operator<=>(const ObjectId&) const = default;

 private:
  std::array<std::uint8_t, 32> bytes_{};
  std::size_t size_ = 0;
};

enum class ObjectType : std::uint8_t { commit = 1, tree = 2, blob = 3 };

// The id that git would give these bytes; `idSize` 20 or 32.
ObjectId hashObject(ObjectType type, std::string_view bytes, std::size_t idSize);

struct Commit {
  ObjectId id;
  ObjectId tree;
  std::vector<ObjectId> parents;
  std::string author;          // "Name <mail>", control characters replaced
  std::int64_t committed = 0;  // seconds since the epoch, the committer's word
  std::string subject;         // first line of the message, control characters replaced, at most 200 bytes
  std::string raw;             // the exact object, for signatures
};

struct TreeEntry {
  std::uint32_t mode = 0;  // 0100644, 0100755, 0120000 (link), 0160000 (submodule), 0040000 (directory)
  std::string name;
  ObjectId id;
};

// The formats of gitformat-commit and gitformat-tree. "ObjectRefused" for anything else: header out of order, NUL
// bytes, more than 64 parents, names that are empty, hold a slash or NUL, or are "." or "..", ".git" in any case.
host::Result<Commit> parseCommit(const ObjectId& id, std::string_view raw);
host::Result<std::vector<TreeEntry>> parseTree(std::string_view raw, std::size_t idSize);

// Limits of what one snapshot may hold, and one history. With them what a worker streams, whatever it is, stays below
// 64 MiB of the agent's memory (tests/unit/source/hostile_test.cpp).
struct Limits {
  std::size_t fileBytes = 1 << 20;
  std::size_t entriesPerDirectory = 10000;
  std::size_t totalFiles = 20000;
  std::size_t totalBytes = 24 << 20;
  std::size_t depth = 16;
  std::size_t newCommits = 100000;
  std::size_t historyBytes = 24 << 20;  // of new commits, with what each costs beside its bytes
};

// A file of the cluster directory.
struct File {
  std::string path;  // relative to the cluster directory, "sysctl.d/99-k8s.conf"
  ObjectId id;       // of the blob
  std::shared_ptr<const std::string> content;
};

// The cluster directory at one commit.
struct Snapshot {
  Commit commit;            // default-made for a local directory
  ObjectId tree;            // of the cluster directory; equal trees have equal files
  std::vector<File> files;  // by path
};

// Something that must not be in a cluster directory (a link, a submodule, a name, a size): where and why.
struct Refusal {
  std::string path;
  std::string why;
};

// Objects by id. "ObjectMissing" when there is none, "ObjectRefused" when it is not what was asked for.
// Larger than the limit is not an error, so that one big file is a refusal with its path and not the end.
class Objects {
 public:
  Objects() = default;
  Objects(const Objects&) = delete;
  Objects& operator=(const Objects&) = delete;
  virtual ~Objects() = default;
  // In the order asked for; each checked against its id and type. nullopt for one larger than `limit` bytes.
  virtual host::Result<std::vector<std::optional<std::string>>> get(ObjectType type, const std::vector<ObjectId>& ids,
                                                                    std::size_t limit) = 0;
};

// One commit, parsed. "ObjectMissing", "ObjectRefused" (also for one over 1 MiB).
host::Result<Commit> readCommit(Objects& objects, const ObjectId& id);

// Blobs that are known already, so that they need not be sent again.
using BlobCache = std::map<ObjectId, std::shared_ptr<const std::string>>;

// The files below `path` in a commit. Everything that must be refused is in `refusals` (all of it, not the first);
// "PathNotFound" and "PathNotDirectory" are errors. `path` "" or "." is the whole tree.
host::Result<Snapshot> readSnapshot(Objects& objects, const Commit& commit, const std::string& path,
                                    const Limits& limits, const BlobCache& cache, std::vector<Refusal>& refusals);
// The same from a directory on disk (bedplate check): ids are computed, .git is skipped.
host::Result<Snapshot> readDirectory(host::Files& files, const std::string& path, const Limits& limits,
                                     std::vector<Refusal>& refusals);

// Where Git is and how to get in. Secrets are in memory only.
struct Remote {
  std::string url;  // file://, ssh://, git@host:path, https://
  std::string branch;
  std::string sshKey;              // private key, OpenSSH PEM text
  std::string knownHosts;          // text of the known_hosts file
  std::string caFile;              // PEM text; empty: the system's
  std::string token;               // for https
  std::int64_t timeoutMs = 60000;  // without progress
};

// How the worker is started.
struct WorkerSetup {
  std::string program;                // path of bedplate-worker
  std::string httpProgram = {};       // path of bedplate-http
  std::string mirror;                 // path of the bare mirror, as the worker sees it; see host::paths::mirror
  std::string user = "bedplate";      // dropped to when we are root; "" keeps ours
  std::size_t memoryBytes = 1 << 30;  // RLIMIT_AS
  std::size_t fileBytes = 1 << 30;    // RLIMIT_FSIZE
  // A silent remote must hold neither drift repair nor the end of the daemon: where given, this descriptor is polled
  // beside the worker's in every wait, and when it is readable `interrupted` is called (which reads it empty). With
  // false the worker is killed and the call fails with "Cancelled"; with true the wait goes on, its deadline unmoved.
  int interruptFd = -1;
  std::function<bool()> interrupted = {};
};

// One conversation with a worker. Ends with the object: the worker is told to leave, and killed if it does not.
// Every wait has the deadline remote.timeoutMs without progress; past it the worker is killed: "Timeout".
class Session : public Objects {
 public:
  // Starts the worker and looks at the remote's refs. Reasons of failure: RemoteUnreachable, AuthenticationFailed,
  // HostKeyRefused, CertificateRefused, BranchNotFound, UrlRefused, Timeout, WorkerFailed, MirrorFailed.
  static host::Result<std::unique_ptr<Session>> start(const Remote& remote, const WorkerSetup& setup);
  // A repository that is on this machine, as it is: a work tree, a bare one, a linked work tree. Nothing is fetched and
  // nothing is written; head() is HEAD, and resolve() knows all of its branches and tags. "MirrorFailed",
  // "BranchNotFound" when HEAD names no commit.
  static host::Result<std::unique_ptr<Session>> open(const std::string& directory, const WorkerSetup& setup);

  // The head of the branch on the remote, before anything was fetched.
  [[nodiscard]] virtual const ObjectId& head() const = 0;
  // Brings the branch into the mirror (at once if it is there). After it objects can be had.
  virtual host::Status fetch() = 0;
  // The commits between `base` (not included) and `head` in an order in which parents come first; checked to be
  // connected: each is reached from head, and every path to the past ends in `base`, an ancestor of it, or a commit
  // without parents that is itself among them. "TooManyCommits" beyond limits.newCommits or historyBytes.
  // "NotDescendant" when head does not descend from base. With an empty base: the head alone.
  virtual host::Result<std::vector<Commit>> range(const ObjectId& base, const ObjectId& head, const Limits& limits) = 0;
  // A revision as git knows it ("HEAD~2", a branch of the remote, an id or the beginning of one) in the mirror.
  virtual host::Result<ObjectId> resolve(const std::string& revision) = 0;
};

}  // namespace bedplate::source
