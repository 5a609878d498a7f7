// The conversation with the worker: asks, and believes nothing that does not hash.
#include <openssl/crypto.h>

#include <algorithm>

#include "agent/source/channel.h"
#include "agent/source/process.h"
#include "agent/source/range.h"
#include "agent/source/source.h"

namespace bedplate::source {
namespace {

using wire::Kind;
using wire::Reader;
using wire::Writer;

constexpr std::size_t kSmallFrame = 4096;
constexpr std::size_t kAroundObject = 128;  // type, id and lengths beside the bytes
constexpr std::size_t kCommitBytes = 1 << 20;
constexpr std::size_t kIdsARequest = 256;
constexpr std::size_t kAroundCommit = 512;  // a Commit beside its raw bytes, and its place in the check of the range

// For messages: what stands between "://" and "@" after a colon is a password that does not belong there.
std::string shownUrl(const std::string& url) {
  const std::size_t start = url.find("://");
  const std::size_t at = url.find('@');
  if (start == std::string::npos || at == std::string::npos) return url;
  const std::size_t colon = url.find(':', start + 3);
  return colon < at ? url.substr(0, colon) + ":..." + url.substr(at) : url;
}

class WorkerSession final : public Session {
 public:
  WorkerSession(Process process, const Remote& remote, const WorkerSetup& setup)
      : channel_(std::move(process), shownUrl(remote.url), setup.mirror, remote.timeoutMs,
                 {setup.interruptFd, setup.interrupted}),
        mirror_(setup.mirror),
        local_(remote.url.empty()) {}
  ~WorkerSession() override { channel_.say(Writer(Kind::quit).finish()); }

  host::Status look(const Remote& remote);
  [[nodiscard]] const ObjectId& head() const override { return head_; }
  host::Status fetch() override;
  host::Result<std::vector<std::optional<std::string>>> get(ObjectType type, const std::vector<ObjectId>& ids,
                                                            std::size_t limit) override;
  host::Result<std::vector<Commit>> range(const ObjectId& base, const ObjectId& head, const Limits& limits) override;
  host::Result<ObjectId> resolve(const std::string& revision) override;

 private:
  host::Result<ObjectId> takeId(const wire::Frame& frame);
  host::Status want(ObjectType type, const ObjectId* ids, std::size_t count, std::size_t limit,
                    std::vector<std::optional<std::string>>& got);
  host::Result<std::optional<std::string>> takeObject(const wire::Frame& frame, ObjectType type, const ObjectId& wanted,
                                                      std::size_t limit);
  host::Result<Commit> takeCommit(const wire::Frame& frame);
  host::Failure forged(const ObjectId& wanted, std::string_view why);

  Channel channel_;
  std::string mirror_;
  bool local_;
  ObjectId head_;
};

host::Failure missing(const ObjectId& id, bool local) {
  if (local)
    return host::fail("ObjectMissing", id.hex(), "is not in this repository",
                      "a shallow clone lacks it: git fetch --unshallow");
  return host::fail("ObjectMissing", id.hex(), "is not in the mirror", "it is fetched anew with the next sync");
}

// What the worker refuses about a history names the commits, not the URL.
host::Failure ofHistory(host::Error error, const ObjectId& base, const ObjectId& head) {
  if (error.reason == "NotDescendant") error.why = "does not descend from " + base.hex();
  if (error.reason == "NotDescendant" || error.reason == "TooManyCommits") {
    error.thing = head.hex();
    error.todo = "look at it, then: bedplate trust accept " + head.hex();
  }
  return host::Failure(std::move(error));
}

host::Failure WorkerSession::forged(const ObjectId& wanted, std::string_view why) {
  return channel_.give(
      host::fail("ObjectRefused", wanted.hex(), why,
                 "nothing was changed; the worker or its mirror is not to be trusted: remove the mirror")
          .value());
}

host::Status WorkerSession::look(const Remote& remote) {
  std::string job = Writer(Kind::job)
                        .text(remote.url)
                        .text(remote.branch)
                        .text(mirror_)
                        .text(remote.sshKey)
                        .text(remote.knownHosts)
                        .text(remote.caFile)
                        .text(remote.token)
                        .u64(static_cast<std::uint64_t>(std::max<std::int64_t>(remote.timeoutMs, 1)))
                        .finish();
  const host::Status asked = channel_.ask(job);
  OPENSSL_cleanse(job.data(), job.size());
  BEDPLATE_TRY(asked);
  BEDPLATE_TRY_LET(const auto frame, channel_.next({Kind::refs}, kSmallFrame));
  BEDPLATE_TRY_LET(head_, takeId(frame));
  return {};
}

host::Result<ObjectId> WorkerSession::takeId(const wire::Frame& frame) {
  Reader reader(frame.payload);
  const auto bytes = reader.text();
  const auto id = bytes && reader.done() ? ObjectId::fromBytes(*bytes) : std::nullopt;
  if (!id || (!head_.empty() && id->size() != head_.size())) return channel_.breach("sent an id that is none");
  return *id;
}

host::Status WorkerSession::fetch() {
  BEDPLATE_TRY(channel_.ask(Writer(Kind::fetch).finish()));
  BEDPLATE_TRY(channel_.next({Kind::fetched}, kSmallFrame));
  return {};
}

host::Result<std::optional<std::string>> WorkerSession::takeObject(const wire::Frame& frame, ObjectType type,
                                                                   const ObjectId& wanted, std::size_t limit) {
  Reader reader(frame.payload);
  if (frame.kind == Kind::object && reader.u8() != static_cast<std::uint8_t>(type))
    return forged(wanted, "came as an object of another kind");
  if (reader.text() != wanted.bytes()) return forged(wanted, "another object came in its place");
  if (frame.kind != Kind::object) {
    if (!reader.done()) return channel_.breach("sent an answer that is too long");
    return std::nullopt;
  }
  const auto bytes = reader.text();
  if (!bytes || !reader.done()) return channel_.breach("sent an object that cannot be read");
  if (bytes->size() > limit) return forged(wanted, "came larger than was asked for");
  if (hashObject(type, *bytes, wanted.size()) != wanted) return forged(wanted, "its bytes have another hash");
  return std::string(*bytes);
}

host::Status WorkerSession::want(ObjectType type, const ObjectId* ids, std::size_t count, std::size_t limit,
                                 std::vector<std::optional<std::string>>& got) {
  Writer request(Kind::want);
  request.u8(static_cast<std::uint8_t>(type)).u32(static_cast<std::uint32_t>(limit));
  for (std::size_t i = 0; i < count; ++i) request.text(ids[i].bytes());
  BEDPLATE_TRY(channel_.ask(request.finish()));
  host::Status result;
  for (std::size_t i = 0; i < count; ++i) {
    BEDPLATE_TRY_LET(const auto frame, channel_.next({Kind::object, Kind::missing, Kind::oversize},
                                                     std::max(kSmallFrame, limit + kAroundObject)));
    BEDPLATE_TRY_LET(auto object, takeObject(frame, type, ids[i], limit));
    // The other answers are on their way: taken, so that the next request meets its own.
    if (frame.kind == Kind::missing && result) result = missing(ids[i], local_);
    if (result) got.push_back(std::move(object));
  }
  return result;
}

host::Result<std::vector<std::optional<std::string>>> WorkerSession::get(ObjectType type,
                                                                         const std::vector<ObjectId>& ids,
                                                                         std::size_t limit) {
  limit = std::min(limit, wire::kMaxFrame - kAroundObject);
  std::vector<std::optional<std::string>> got;
  got.reserve(ids.size());
  for (std::size_t at = 0; at < ids.size(); at += kIdsARequest)
    BEDPLATE_TRY(want(type, ids.data() + at, std::min(kIdsARequest, ids.size() - at), limit, got));
  return got;
}

host::Result<Commit> WorkerSession::takeCommit(const wire::Frame& frame) {
  Reader reader(frame.payload);
  if (frame.kind == Kind::object) reader.u8();
  const auto bytes = reader.text();
  const auto id = bytes ? ObjectId::fromBytes(*bytes) : std::nullopt;
  if (!id || id->size() != head_.size()) return channel_.breach("sent an id that is none");
  if (frame.kind == Kind::missing) return missing(*id, local_);
  BEDPLATE_TRY_LET(const auto raw, takeObject(frame, ObjectType::commit, *id, kCommitBytes));
  if (!raw) return channel_.give(host::fail("ObjectRefused", "commit " + id->hex(), "is larger than 1 MiB").value());
  return parseCommit(*id, *raw);
}

host::Result<std::vector<Commit>> WorkerSession::range(const ObjectId& base, const ObjectId& head,
                                                       const Limits& limits) {
  if (base.empty()) {
    BEDPLATE_TRY_LET(Commit only, readCommit(*this, head));
    return std::vector<Commit>{std::move(only)};
  }
  if (base == head) return std::vector<Commit>{};
  BEDPLATE_TRY(channel_.ask(Writer(Kind::range)
                                .text(base.bytes())
                                .text(head.bytes())
                                .u32(static_cast<std::uint32_t>(limits.newCommits))
                                .finish()));
  const auto tooMany = [&] {
    return channel_.give(host::fail("TooManyCommits", head.hex(), "has more new commits than are taken at once",
                                    "look at it, then: bedplate trust accept " + head.hex())
                             .value());
  };
  std::vector<Commit> commits;
  host::Status refused;
  std::size_t bytes = 0;
  for (;;) {
    const auto got =
        channel_.next({Kind::object, Kind::missing, Kind::oversize, Kind::end}, kCommitBytes + kAroundObject);
    if (!got) return ofHistory(got.error(), base, head);
    const wire::Frame& frame = *got;
    if (frame.kind == Kind::end) break;
    if (commits.size() == limits.newCommits) return tooMany();
    bytes += frame.payload.size() + kAroundCommit;
    if (bytes > limits.historyBytes) return tooMany();
    auto commit = takeCommit(frame);
    if (!commit && refused) refused = host::Failure(commit.error());
    if (commit) commits.push_back(std::move(*commit));
  }
  BEDPLATE_TRY(refused);
  BEDPLATE_TRY(checkRange(*this, base, head, commits, limits));
  return commits;
}

host::Result<ObjectId> WorkerSession::resolve(const std::string& revision) {
  BEDPLATE_TRY(channel_.ask(Writer(Kind::resolve).text(revision).finish()));
  auto frame = channel_.next({Kind::resolved}, kSmallFrame);
  if (!frame) {
    if (frame.error().reason == "ObjectMissing") frame.error().thing = revision;
    if (local_) frame.error().todo = "name a commit, a branch or a tag of the repository";
    return host::Failure(std::move(frame).error());
  }
  return takeId(*frame);
}

}  // namespace

host::Result<std::unique_ptr<Session>> Session::start(const Remote& remote, const WorkerSetup& setup) {
  Command command;
  // With the mirror go its lock, the one that is made beside it, and the worker's note of host keys.
  if (!remote.url.empty()) command.writable = host::parentPath(setup.mirror);
  BEDPLATE_TRY_LET(Process process, Process::start(setup, command));
  auto session = std::make_unique<WorkerSession>(std::move(process), remote, setup);
  BEDPLATE_TRY(session->look(remote));
  return session;
}

host::Result<std::unique_ptr<Session>> Session::open(const std::string& directory, const WorkerSetup& setup) {
  WorkerSetup local = setup;
  local.mirror = directory;
  auto session = start(Remote{}, local);
  if (!session && session.error().thing.empty()) session.error().thing = directory;
  if (!session && (session.error().reason == "BranchNotFound" || session.error().reason == "MirrorFailed")) {
    session.error().todo = "name the top of a work tree, or a bare repository, that has commits";
  }
  return session;
}

}  // namespace bedplate::source
