// What is left of the manifests in force when others are wanted. K3s deletes nothing for a file that is gone, and
// deletes at once what a changed file lacks; so a manifest leaves in steps, each after K3s has answered the one before:
//
//   leaves Git          -> tombstone -> K3s has emptied it (its Addon has the tombstone's checksum) -> file gone
//                       -> its Addon gone
//   its objects moved   -> stays as it is until K3s has deployed the other manifest and gives it the objects ->
//   tombstone would remove much   -> stays as it is until somebody says that it may go
//
// The same for the objects that a changed manifest no longer holds: until they may go, its old content stays.
// Pure. Thread-safety: plain values and free functions.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/cluster/manifests.h"
#include "agent/plan/plan.h"

namespace bedplate::plan {

// How K3s names what it deploys from a file: its base name up to the first dot.
std::string addonOf(std::string_view path);

// What the cluster said of K3s's Addons at one time.
struct Deployed {
  struct Addon {
    std::string source;           // the file, as K3s sees it
    std::string checksum;         // hex SHA-256 of what was deployed last; "" before the first time
    std::string reason, message;  // of K3s's last event that is a warning; "" for none since it was last deployed
    bool operator==(const Addon&) const = default;
  };
  bool known = false;                         // the API answered; else the rest is of the last time it did
  std::string problem;                        // why it did not
  std::int64_t atUs = 0;                      // when it answered; 0: never
  std::map<std::string, Addon> addons;        // by name
  std::map<std::string, std::string> owners;  // identity() of objects that were asked for -> their Addon; "": of none
  std::map<std::string, std::string> again;   // paths whose objects are to be put right, and why
  // Whether K3s has deployed what this file holds.
  [[nodiscard]] bool has(const FileTarget& file) const;
  bool operator==(const Deployed&) const = default;
};

// A manifest that somebody placed by hand.
struct HandPlaced {
  std::string path;
  std::shared_ptr<const std::string> content;
};

struct Succession {
  const Target& wanted;  // of Git, with contents
  const Target& before;  // in force; its contents are asked for
  const Deployed& deployed;
  bool hasRun = false;               // K3s has run here: what it deployed may be there
  bool mayPrune = false;             // somebody said so by hand
  std::vector<std::string> allowed;  // k3s.manifests.allowPrune: files, and folders with a slash at the end
  std::set<std::string> elsewhere;   // paths that another server of the cluster holds
  std::vector<HandPlaced> byHand;
  std::function<host::Result<std::shared_ptr<const std::string>>(const std::string& sha256)> content;
};

struct Successor {
  Target target;
  std::vector<cluster::Object> awaited;  // whose owners have to be known for the next step
};

// A manifest that stays as it was, for now.
struct Waiting {
  std::string file;  // in the cluster directory
  Stage stage = Stage::guarded;
  std::string why;
};
std::vector<Waiting> waiting(const Target& target);

// The target to go to. Fails only where a content in force cannot be read.
host::Result<Successor> succeed(const Succession& in);

// `content` with a leading comment that says so: another checksum, the same objects.
std::string marked(const std::string& content, int times);

// Without what is on its way out: of a target that is to be gone back to.
Target withoutTombstones(Target target);

}  // namespace bedplate::plan
