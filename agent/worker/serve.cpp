#include "agent/worker/serve.h"

#include <git2.h>

#include <chrono>
#include <optional>
#include <string>

#include "agent/worker/channel.h"
#include "agent/worker/connection.h"
#include "agent/worker/job.h"
#include "agent/worker/library.h"
#include "agent/worker/mirror.h"
#include "agent/worker/mirror_check.h"
#include "agent/worker/rescue.h"

namespace bedplate::worker {
namespace {

using wire::Frame;
using wire::Kind;
using wire::Writer;

// Beyond this libgit2, which never packs, is slow to look; the mirror is fetched anew.
constexpr std::size_t kMaxPacks = 50;
constexpr auto kProgressEvery = std::chrono::milliseconds(100);
constexpr std::uint8_t kCommitType = 1;
constexpr std::size_t kMaxWhy = 1000;
constexpr std::size_t kMaxCommit = 1 << 20;

std::string bytesOfHex(const std::string& hex) {
  git_oid oid{};
  git_oid_fromstr(&oid, hex.c_str());
  return {reinterpret_cast<const char*>(oid.id), sizeof oid.id};
}

std::string hexOf(const std::string& bytes) {
  git_oid oid{};
  bytes.copy(reinterpret_cast<char*>(oid.id), sizeof oid.id);
  char hex[GIT_OID_HEXSZ + 1];
  return git_oid_tostr(hex, sizeof hex, &oid);
}

class Conversation {
 public:
  explicit Conversation(int fd) : channel_(fd) {}
  int run();

 private:
  host::Status begin(const Frame& first);
  host::Status beginLocal();
  bool answer(const Frame& frame);
  bool fail(const host::Error& error);
  host::Status openMirror();
  host::Status fetch();
  host::Status rebuild();
  host::Status bring(Mirror& mirror, Connection& connection, const std::string& head);
  bool want(wire::Reader& reader);
  bool sendObject(std::uint8_t type, std::string_view id, std::size_t limit);
  bool range(wire::Reader& reader);
  bool resolve(wire::Reader& reader);
  Connection::Progress progress();

  Channel channel_;
  Job job_;
  std::string head_;  // hex
  std::optional<Mirror> mirror_;
  std::optional<Connection> connection_;
  std::chrono::steady_clock::time_point told_;
};

int Conversation::run() {
  auto first = channel_.receive();
  if (!first || first->kind != Kind::job) return 2;
  if (auto begun = begin(*first); !begun) {
    fail(begun.error());
    return 0;
  }
  if (!channel_.send(Writer(Kind::refs).text(bytesOfHex(head_)).finish())) return 0;
  while (const auto frame = channel_.receive()) {
    if (frame->kind == Kind::quit) return 0;
    if (!answer(*frame)) return 2;
  }
  return 0;
}

host::Status Conversation::begin(const Frame& first) {
  auto job = decodeJob(first.payload);
  if (!job) return host::fail("WorkerFailed", "", "the job cannot be read");
  job_ = std::move(*job);
  if (job_.url.empty()) return beginLocal();
  BEDPLATE_TRY_LET(job_.parsed, parseUrl(job_.url));
  BEDPLATE_TRY(prepareLibrary(job_));
  int valid = 0;
  if (git_reference_name_is_valid(&valid, ("refs/heads/" + job_.branch).c_str()) != 0 || valid == 0)
    return host::fail("BranchNotFound", "", "'" + job_.branch + "' cannot be the name of a branch");
  rescueMirror(job_.mirror);
  BEDPLATE_TRY(openMirror());
  connection_.emplace(job_, mirror_->repository(), progress());
  BEDPLATE_TRY_LET(head_, connection_->look());
  return {};
}

// No remote: the repository is read where it is. Nothing is rescued, locked or written.
host::Status Conversation::beginLocal() {
  BEDPLATE_TRY(prepareLibrary(job_));
  BEDPLATE_TRY_LET(mirror_, Mirror::openLocal(job_.mirror));
  const auto head = mirror_->resolve("HEAD");
  if (!head) return host::fail("BranchNotFound", "", "has no commit that is HEAD");
  head_ = hexOf(*head);
  return {};
}

host::Status Conversation::openMirror() {
  if (whyUnsound(job_.mirror)) setMirrorAside();
  if (auto there = Mirror::open(job_.mirror)) {
    mirror_ = std::move(*there);
    return {};
  }
  BEDPLATE_TRY_LET(const host::UniqueFd lock, lockMirror(job_.mirror, job_.timeoutMs / 2));
  // Another worker may have made it while we waited.
  auto made = Mirror::open(job_.mirror);
  if (!made) made = Mirror::create(job_.mirror);
  BEDPLATE_TRY_LET(mirror_, std::move(made));
  return {};
}

Connection::Progress Conversation::progress() {
  return [this](std::uint64_t value) {
    const auto now = std::chrono::steady_clock::now();
    if (now - told_ < kProgressEvery) return true;
    told_ = now;
    return channel_.send(Writer(Kind::progress).u64(value).finish());
  };
}

bool Conversation::fail(const host::Error& error) {
  return channel_.send(Writer(Kind::failure).text(error.reason).text(error.why.substr(0, kMaxWhy)).finish());
}

bool Conversation::answer(const Frame& frame) {
  wire::Reader reader(frame.payload);
  switch (frame.kind) {
    case Kind::fetch: {
      const auto fetched = fetch();
      return fetched ? channel_.send(Writer(Kind::fetched).finish()) : fail(fetched.error());
    }
    case Kind::want: return want(reader);
    case Kind::range: return range(reader);
    case Kind::resolve: return resolve(reader);
    default: return false;
  }
}

host::Status Conversation::bring(Mirror& mirror, Connection& connection, const std::string& head) {
  BEDPLATE_TRY(connection.download());
  // Its refs may promise what its packs do not hold: then nothing was asked for.
  if (!mirror.has(head)) return host::fail("MirrorFailed", "", "does not hold what was fetched");
  return mirror.point(job_.branch, head);
}

host::Status Conversation::fetch() {
  if (!connection_) return {};  // what there is, is here
  // Held by a commit that came before: rolled back, or fetched and then cut short.
  BEDPLATE_TRY_LET(const host::UniqueFd lock, lockMirror(job_.mirror, job_.timeoutMs / 2));
  if (mirror_->has(head_)) return mirror_->point(job_.branch, head_);
  if (mirror_->packs() > kMaxPacks) return rebuild();
  auto brought = bring(*mirror_, *connection_, head_);
  if (!brought && brought.error().reason == "MirrorFailed") return rebuild();
  return brought;
}

host::Status Conversation::rebuild() {
  const std::string path = job_.mirror + ".new";
  {
    BEDPLATE_TRY_LET(Mirror fresh, Mirror::create(path));
    Connection connection(job_, fresh.repository(), progress());
    BEDPLATE_TRY_LET(const std::string head, connection.look());
    BEDPLATE_TRY(bring(fresh, connection, head));
  }
  connection_.reset();
  mirror_.reset();
  BEDPLATE_TRY(replaceMirror(path, job_.mirror));
  BEDPLATE_TRY_LET(mirror_, Mirror::open(job_.mirror));
  if (!mirror_->has(head_)) return host::fail("RemoteUnreachable", "", "the branch moved while it was fetched");
  return {};
}

bool Conversation::sendObject(std::uint8_t type, std::string_view id, std::size_t limit) {
  bool sent = true;
  const auto found = mirror_->read(type, id, limit, [&](std::string_view bytes) {
    sent = channel_.queue(Writer(Kind::object).u8(type).text(id).text(bytes).finish());
  });
  switch (found) {
    case Mirror::Answer::found: return sent;
    case Mirror::Answer::oversize: return channel_.queue(Writer(Kind::oversize).text(id).finish());
    case Mirror::Answer::broken: setMirrorAside(); break;
    case Mirror::Answer::missing:
      // A commit may be any that somebody typed; a tree or a blob is named by what the mirror holds.
      if (type != kCommitType) setMirrorAside();
      break;
  }
  return channel_.queue(Writer(Kind::missing).text(id).finish());
}

bool Conversation::want(wire::Reader& reader) {
  const auto type = reader.u8();
  const auto limit = reader.u32();
  if (!type || !limit) return false;
  while (!reader.done()) {
    const auto id = reader.text();
    if (!id || !sendObject(*type, *id, *limit)) return false;
  }
  return channel_.flush();
}

bool Conversation::range(wire::Reader& reader) {
  const auto base = reader.text();
  const auto head = reader.text();
  const auto most = reader.u32();
  if (!base || !head || !most || !reader.done()) return false;
  const auto ids = mirror_->range(*base, *head, *most);
  if (!ids) return fail(ids.error());
  for (const auto& id : *ids)
    if (!sendObject(kCommitType, id, kMaxCommit)) return false;
  return channel_.send(Writer(Kind::end).finish());
}

bool Conversation::resolve(wire::Reader& reader) {
  const auto revision = reader.text();
  if (!revision || !reader.done()) return false;
  const auto id = mirror_->resolve(std::string(*revision));
  return id ? channel_.send(Writer(Kind::resolved).text(*id).finish()) : fail(id.error());
}

}  // namespace

int serve(int fd) { return Conversation(fd).run(); }

}  // namespace bedplate::worker
