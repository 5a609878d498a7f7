#include "agent/report/datastore.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "agent/k3s/k3s.h"
#include "tuning/host/paths.h"

namespace bedplate::report {
namespace {

namespace paths = host::paths;

constexpr std::size_t kTable = 32 << 20;
constexpr std::size_t kComm = 64;
constexpr std::size_t kProcesses = 1 << 20;
constexpr std::string_view kListen = "0A";  // TCP_LISTEN of the kernel

bool isDirectory(host::Files& files, const std::string& path) {
  const auto info = files.info(path);
  return info && info->kind == host::FileKind::directory;
}

// Blanks and digits of a number in hex.
std::string_view word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  const std::string_view found = line.substr(0, line.find(' '));
  line.remove_prefix(found.size());
  return found;
}

bool isPid(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// etcd itself, or K3s as a server: that one holds etcd within.
std::string aliveProcess(host::Files& files, const Datastore& store) {
  const auto names = files.list(paths::proc, kProcesses);
  if (!names) return std::string(paths::proc) + " cannot be read";
  for (const auto& name : *names) {
    if (!isPid(name)) continue;
    auto comm = files.read(host::joinPath(paths::proc, name) + "/comm", kComm);
    if (!comm) continue;
    while (!comm->empty() && comm->back() == '\n') comm->pop_back();
    if (*comm == "etcd") return "process " + name + " is etcd";
    if (store.kind == Datastore::Kind::etcd && (*comm == "k3s-server" || *comm == "k3s"))
      return "process " + name + " is K3s with etcd in it";
  }
  return {};
}

}  // namespace

const char* name(Datastore::Kind kind) {
  switch (kind) {
    case Datastore::Kind::none: return "none";
    case Datastore::Kind::etcd: return "etcd";
    case Datastore::Kind::sqlite: return "sqlite";
    case Datastore::Kind::external: return "external";
  }
  return "none";
}

Datastore datastore(host::Files& files) {
  const std::string server = host::joinPath(k3s::detectDataDir(files), "server");
  Datastore store;
  for (std::string path = server + "/db"; !path.empty() && store.directory.empty(); path = host::parentPath(path))
    if (isDirectory(files, path)) store.directory = path;
  // K3s that went from SQLite to etcd leaves the old file under another name; etcd counts where both are.
  if (isDirectory(files, server + "/db/etcd"))
    store.kind = Datastore::Kind::etcd;
  else if (k3s::hasExternalDatastore(files))
    store.kind = Datastore::Kind::external;
  else if (files.info(server + "/db/state.db"))
    store.kind = Datastore::Kind::sqlite;
  return store;
}

bool listens(std::string_view table, unsigned port) {
  while (!table.empty()) {
    std::string_view line = table.substr(0, table.find('\n'));
    table.remove_prefix(std::min(line.size() + 1, table.size()));
    word(line);  // "0:"
    const std::string_view local = word(line);
    word(line);  // of the other end
    if (word(line) != kListen) continue;
    const std::size_t colon = local.rfind(':');
    if (colon == std::string_view::npos) continue;
    unsigned found = 0;
    const auto [end, error] = std::from_chars(local.data() + colon + 1, local.data() + local.size(), found, 16);
    if (error == std::errc() && end == local.data() + local.size() && found == port) return true;
  }
  return false;
}

std::string liveEtcd(host::Files& files, const Datastore& store) {
  constexpr unsigned kPorts[] = {2379, 2381};  // clients, and the metrics of K3s's
  if (auto why = aliveProcess(files, store); !why.empty()) return why;
  for (const char* protocol : {"tcp", "tcp6"}) {
    const auto table = files.read(host::joinPath(host::joinPath(paths::proc, "net"), protocol), kTable);
    if (!table) continue;  // there is no IPv6, or no network at all
    for (const unsigned port : kPorts)
      if (listens(*table, port)) return "something listens on TCP port " + std::to_string(port) + ", as etcd does";
  }
  return {};
}

}  // namespace bedplate::report
