// Where K3s of this host keeps its data, and whether an etcd lives there that a measurement must not hurt.
// Thread-safety: free functions and plain values.
#pragma once

#include <string>

#include "tuning/host/files.h"

namespace bedplate::report {

struct Datastore {
  // none: no server here yet, or an agent; external: in a database elsewhere.
  enum class Kind { none, etcd, sqlite, external };
  Kind kind = Kind::none;
  // Below the root: where it is, or the nearest directory that exists, on what will be its file system.
  std::string directory;
};
const char* name(Datastore::Kind kind);

Datastore datastore(host::Files& files);

// Why an etcd may be alive on this host ("process 812 is etcd", "127.0.0.1:2379 is listened on"), or "" when nothing
// looks like it. In doubt it is: a wrong "no" would hurt a cluster.
std::string liveEtcd(host::Files& files, const Datastore& store);

// Whether a TCP socket listens on this port (proc/net/tcp, proc/net/tcp6); public for its test.
bool listens(std::string_view table, unsigned port);

}  // namespace bedplate::report
