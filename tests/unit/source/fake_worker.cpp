// A worker that lies: the branch in its job says how, or the URL in its request. Stands where bedplate-worker and
// bedplate-http stand, with the same socket.
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>

#include "agent/source/source.h"
#include "agent/worker/wire.h"
#include "tests/unit/source/hostile_world.h"

namespace {

namespace source = bedplate::source;
namespace wire = bedplate::wire;
using source::ObjectId;
using source::ObjectType;
using wire::Kind;
using wire::Writer;

constexpr int kSocket = 3;

void send(const std::string& bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t n = ::send(kSocket, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) ::_exit(0);
    sent += static_cast<std::size_t>(n);
  }
}

std::optional<wire::Frame> receive() {
  static std::string buffer;
  for (;;) {
    bool bad = false;
    if (auto frame = wire::takeFrame(buffer, bad)) return frame;
    char chunk[4096];
    const ssize_t n = ::recv(kSocket, chunk, sizeof chunk, 0);
    if (bad || n <= 0) return std::nullopt;
    buffer.append(chunk, static_cast<std::size_t>(n));
  }
}

std::map<ObjectId, std::string> blobs() {
  std::map<ObjectId, std::string> all;
  for (const std::string text : {"zero", "one", "two"}) all[source::hashObject(ObjectType::blob, text, 20)] = text;
  return all;
}

[[noreturn]] void forever() {
  for (;;) ::pause();
}

[[noreturn]] void progressForever(bool moving) {
  for (std::uint64_t value = 1;; value += moving ? 1 : 0) {
    send(Writer(Kind::progress).u64(value).finish());
    ::usleep(2000);
  }
}

void beforeRefs(const std::string& how) {
  if (how == "exit") {
    std::fputs("one\nlibgit2.so.1.5: cannot open shared object file\n", stderr);
    ::_exit(3);
  }
  if (how == "crash") ::raise(SIGSYS);  // none that a sanitizer takes for itself
  if (how == "silent") forever();
  if (how == "still") progressForever(false);
  if (how == "garbage") send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  if (how == "long-frame") send(std::string("\0\0\0\3\x40", 5));
  if (how == "unasked") send(Writer(Kind::fetched).finish());
  if (how == "short-id") send(Writer(Kind::refs).text("abc").finish());
  if (how == "reason") send(Writer(Kind::failure).text("RootShell").text("please").finish());
  if (how == "escape") send(Writer(Kind::failure).text("RemoteUnreachable").text("\x1b[2Jall is well\n").finish());
  if (how == "noise")
    for (int i = 0; i < 20000; ++i)
      std::fputs("a line on stderr that nobody asked for, and another after it\n", stderr);
}

// Length of the object and bytes that do not agree with it.
void sendAnnounced(const std::string& id, std::uint32_t announced, const std::string& bytes) {
  std::string frame = Writer(Kind::object).u8(3).text(id).u32(announced).finish() + bytes;
  const auto length = static_cast<std::uint32_t>(frame.size() - 4);
  for (unsigned i = 0; i < 4; ++i) frame[i] = static_cast<char>(length >> (8 * i));
  send(frame);
}

void answerOf(const source::World& world, const std::string& payload) {
  wire::Reader reader(payload);
  reader.u8();
  const std::uint32_t limit = *reader.u32();
  while (!reader.done()) {
    const std::string id(*reader.text());
    const auto it = world.things.find(*ObjectId::fromBytes(id));
    if (it == world.things.end()) {
      send(Writer(Kind::missing).text(id).finish());
      continue;
    }
    const std::string bytes = it->second.make();
    if (bytes.size() > limit)
      send(Writer(Kind::oversize).text(id).finish());
    else
      send(Writer(Kind::object).u8(static_cast<std::uint8_t>(it->second.type)).text(id).text(bytes).finish());
  }
}

// A history that never ends, each commit on the one before.
[[noreturn]] void commitsForever(std::size_t messageBytes) {
  const ObjectId tree = source::hashObject(ObjectType::tree, "", 20);
  ObjectId parent;
  for (;;) {
    const std::string raw = source::commitText(tree, parent, messageBytes);
    parent = source::hashObject(ObjectType::commit, raw, 20);
    send(Writer(Kind::object).u8(1).text(parent.bytes()).text(raw).finish());
  }
}

[[noreturn]] void objectsForever(const std::string& id) {
  for (;;) send(Writer(Kind::object).u8(3).text(id).text("zero").finish());
}

void answerWant(const std::string& how, const std::string& payload) {
  static const auto known = blobs();
  static const auto world = source::worldOf(how);
  if (world) return answerOf(*world, payload);
  wire::Reader reader(payload);
  reader.u8();
  reader.u32();
  while (!reader.done()) {
    const auto wanted = reader.text();
    if (!wanted) ::_exit(4);
    std::string id(*wanted);
    const auto it = known.find(*ObjectId::fromBytes(id));
    std::string bytes = it == known.end() ? "" : it->second;
    std::uint8_t type = 3;
    if (how == "swapped") bytes = "one";
    if (how == "swapped-id") id = std::string(20, 'x');
    if (how == "type") type = 2;
    if (how == "more-than-announced") return sendAnnounced(id, 4, bytes + "and more");
    if (how == "less-than-announced") return sendAnnounced(id, 60, bytes);
    if (how == "larger-than-a-frame") return send(std::string("\xff\xff\xff\x7f\x43", 5) + std::string(100000, 'x'));
    if (how == "endless-object") return send(std::string("\xff\xff\xff\x03\x43", 5) + std::string(1 << 26, 'x'));
    if (how == "endless-objects") objectsForever(id);
    if (how == "withheld" || it == known.end())
      send(Writer(Kind::missing).text(id).finish());
    else
      send(Writer(Kind::object).u8(type).text(id).text(bytes).finish());
  }
}

void answerRequest(const std::string& payload) {
  wire::Reader reader(payload);
  reader.text();
  const std::string how(*reader.text());
  if (how == "silent") forever();
  if (how == "exit") ::_exit(3);
  if (how == "large") send(Writer(Kind::response).u32(200).text(std::string(5000, 'x')).finish());
  if (how == "just-too-large") send(Writer(Kind::response).u32(200).text(std::string(101, 'x')).finish());
  if (how == "status") send(Writer(Kind::response).u32(7).text("").finish());
  if (how == "left-over") send(Writer(Kind::response).u32(200).text("").u8(1).finish());
  if (how == "unasked") send(Writer(Kind::fetched).finish());
  if (how == "of-git") send(Writer(Kind::failure).text("BranchNotFound").text("x").finish());
  if (how == "reason") send(Writer(Kind::unanswered).text("RootShell").text("please").finish());
  if (how == "escape") send(Writer(Kind::unanswered).text("Unreachable").text("\x1b[2Jall is well\n").finish());
  if (how == "honest") send(Writer(Kind::response).u32(404).text(std::string(100, 'x')).finish());
}

}  // namespace

int main() {
  auto job = receive();
  for (; job && job->kind == Kind::request; job = receive()) answerRequest(job->payload);
  if (!job || job->kind == Kind::quit) return 1;
  wire::Reader reader(job->payload);
  reader.text();
  const std::string how(*reader.text());
  beforeRefs(how);
  const auto world = source::worldOf(how);
  send(Writer(Kind::refs).text(world ? world->head.bytes() : std::string(20, 'h')).finish());
  while (const auto frame = receive()) {
    if (how == "dies-later") ::raise(SIGKILL);
    if (how == "endless") progressForever(true);
    if (frame->kind == Kind::range) commitsForever(how == "fat-commits" ? 1'000'000 : 100);
    if (frame->kind == Kind::want) answerWant(how, frame->payload);
    if (frame->kind == Kind::fetch) send(Writer(Kind::fetched).finish());
    if (frame->kind == Kind::quit && how != "stays") return 0;
  }
  if (how == "stays") forever();
  return 0;
}
