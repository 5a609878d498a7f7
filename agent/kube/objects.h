// The objects of K3s's Addons as the cluster has them: whose they are, and who changed them last.
// Thread-safety: free functions and plain values; Kinds is used from one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/kube/kube.h"

namespace bedplate::kube {

// How an object is asked for.
struct ObjectRef {
  std::string group, kind;
  std::string space;  // namespace; "" for "default" where the kind has namespaces
  std::string name;
};

// Where the API keeps the objects of a kind.
struct KindPlace {
  std::string path;  // "/apis/apps/v1"
  std::string plural;
  bool namespaced = false;
};

// Which kinds the API has, asked for when they are needed and remembered as long as the object lives.
class Kinds {
 public:
  // nullopt: the API does not know this kind.
  host::Result<std::optional<KindPlace>> find(Api& api, const std::string& group, const std::string& kind);

 private:
  host::Result<std::map<std::string, KindPlace>> read(Api& api, const std::string& group);
  std::map<std::string, std::map<std::string, KindPlace>> known_;  // group -> kind -> place
};

// The Addon that K3s keeps an object for: "" when it is nobody's, nullopt when there is no such object or kind.
host::Result<std::optional<std::string>> ownerOf(Api& api, Kinds& kinds, const ObjectRef& object);

struct Owned {
  std::string space, name;
  std::string owner;  // its Addon
  // The last change by somebody who is neither K3s nor a controller; 0: none that K3s has not written over since.
  std::int64_t changedUs = 0;
  std::string changedBy;  // "kubectl-edit"
};

// All objects of a kind that belong to Addons.
host::Result<std::vector<Owned>> listOwned(Api& api, const KindPlace& place);

// Exposed for tests and fuzzing. "Malformed".
host::Result<std::vector<Owned>> parseOwned(std::string_view text);
host::Result<std::map<std::string, KindPlace>> parseKinds(std::string_view text, const std::string& path);

}  // namespace bedplate::kube
