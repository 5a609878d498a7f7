// Desired minus observed: what would be changed, in which order, and why. Pure.
//
// A Target is a desired state made concrete for this host: rules, and files with their places and bytes. It is what a
// generation stores, so that a boot or a rollback needs no Git. Observed is what the machine holds of it now. Held is
// what Bedplate has taken over so far, with the originals. make() compares the three.
// Thread-safety: plain values and free functions.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/cluster/cluster.h"
#include "tuning/host/result.h"

namespace bedplate::plan {

enum class Area { k3sConfig, manifest };

// Where a manifest stands on its way. All but `wanted` are no longer, or not yet, as Git says (succession.h).
enum class Stage {
  wanted,     // as Git says
  guarded,    // as before: what Git says would remove more than a commit may without somebody's word
  moving,     // as before: what it holds is in another manifest now, which K3s has to take over first
  tombstone,  // emptied: K3s removes its objects
};
const char* name(Stage stage);  // "wanted" and so on, for JSON

enum class SelfHeal { off, files, objects };
const char* name(SelfHeal selfHeal);

struct FileTarget {
  Area area = Area::manifest;
  std::string path;  // on the host, below the root
  std::string file;  // in the cluster directory
  std::string layer;
  mode_t mode = 0600;
  std::string sha256;  // hex, of content
  // Null in a Target that was read without its blobs. Of a sealed file the sealed text, as it lies in Git: what it
  // holds is no part of a Target, and is opened when it is written.
  std::shared_ptr<const std::string> content;
  std::shared_ptr<const std::vector<cluster::Object>> objects = nullptr;  // of a manifest that comes from Git
  Stage stage = Stage::wanted;
  std::string why = {};  // of a stage that waits: for what; no part of the digest
  int again = 0;         // how often K3s was made to put its objects right: `content` is that of Git, marked with it
  bool sealed = false;   // of K3s's configuration only
};

struct Target {
  std::string commit;  // hex; "" for the empty target
  std::string subject;
  std::string tree;  // hex, of the cluster directory
  cluster::Identity node;
  std::vector<std::string> layers;
  bool driftEnforce = true;
  // k3s.manifests of node.yaml: what becomes of a manifest that somebody edits, and of the objects of one that is gone.
  SelfHeal selfHeal = SelfHeal::files;
  bool prune = true;
  // With several servers the manifests wait, after a boot, for the first word of Git (Keeper::recover).
  bool parks = false;
  // Manifests that are gone, and whose Addons are to go: paths, in order. No part of the digest: they are gone from the
  // host.
  std::vector<std::string> buried;
  std::vector<cluster::ModuleWant> modules;
  std::vector<cluster::SysctlWant> sysctls;
  // As in cluster::Desired, for the notes of a plan. Not stored, and no part of the digest.
  std::map<std::string, std::string> overwritten;
  std::vector<FileTarget> files;  // by path
};

// Hex SHA-256 of some bytes.
std::string sha256(std::string_view bytes);

// Hex SHA-256 over all that decides what the host should be (not the commit, subject or tree): equal digests, equal
// hosts. Nor where a rule stands in Git: a comment that moves lines is no new host. `Target{}` is the target of a node
// from which everything was released.
std::string digest(const Target& target);

// JSON without contents, for generations/N/target.json (docs/formats.md), and back. "Corrupt" names what is wrong;
// whatever the text is, paths of the result lie in the directories of their area.
std::string toJson(const Target& target);
host::Result<Target> targetFromJson(const std::string& text);

struct SysctlSeen {
  sysctl::Want want;
  std::optional<std::string> value;  // what the kernel holds; unset when it cannot be read
  std::string problem;               // then why: "NotFound", "Denied", "Io"
};

struct FileSeen {
  bool present = false;
  bool regular = false;
  mode_t mode = 0;
  uid_t uid = 0;
  gid_t gid = 0;
  // Of a regular file; where it holds what a sealed one of the target does, that of the sealed text.
  std::string sha256;
  // How its content is shown where it is not as wanted and may hold a secret: a keyed hash. "": by its hash.
  std::string shown = {};
  bool unknown = false;  // no key opens the sealed file: whether it is as wanted cannot be told
};

struct Observed {
  std::map<std::string, bool> modules;                              // name -> loaded
  std::map<std::string, SysctlSeen> sysctls;                        // every key the target asks for now, by key
  std::map<std::string, std::optional<std::string>> formerSysctls;  // held keys that the target no longer asks for
  std::map<std::string, FileSeen> files;                            // every target path and every held path
  std::string bootId;
  uid_t uid = 0;  // as whom we write files
  gid_t gid = 0;
};

struct SysctlOriginal {
  std::string value;
  std::string bootId;  // the boot it was taken in
  bool operator==(const SysctlOriginal&) const = default;
};

struct FileOriginal {
  bool existed = false;
  mode_t mode = 0;
  uid_t uid = 0;
  gid_t gid = 0;
  std::string sha256;  // of the content kept in var/lib/bedplate/originals, when it existed
  Area area = Area::manifest;
  bool operator==(const FileOriginal&) const = default;
};

struct Held {
  std::map<std::string, SysctlOriginal> sysctls;
  std::map<std::string, FileOriginal> files;  // by host path
};

enum class Action { loadModule, setSysctl, restoreSysctl, releaseSysctl, writeFile, restoreFile, removeFile };

struct Change {
  Action action = Action::setSysctl;
  std::string subject;  // module name, key (path form), host path
  // Values for sysctls; short hashes for files ("absent" when there is none). Never a file's content.
  std::string from;
  std::string to;
  std::string origin;  // as originOf(); for files "nodes/web-01 k3s/config.yaml"; "" for what is given back
  std::string note;    // what an operator should know: "K3s reads this at its next start"
};

// A want that cannot be met now and is no error: its module or interface is not there.
struct Pending {
  std::string subject;
  std::string why;
};

struct Plan {
  // In the order of application: modules, sysctls (by sysctl::rank, then by key), K3s files, manifests; then what is
  // given back, in the same order. Only what is given back of the keys that can cut the node off goes with the others
  // of that kind.
  std::vector<Change> changes;
  std::vector<Pending> pending;
};

// The plan. A key that is no longer wanted is restored (in the boot its original was taken in), or released unchanged
// (after a reboot, or when K3s claims it). A tolerant rule whose key is missing is nothing at all.
Plan make(const Target& target, const Observed& observed, const Held& held);

// Where a rule comes from: "nodes/web-01 sysctl.d/50-x.conf:3", "profile k3s k3s.conf:12",
// "sizing conntrack cluster node.yaml:7", "floors nodes/web-01 node.yaml:9".
std::string originOf(const cluster::SysctlWant& want);

// One line, as `bedplate diff` prints it: "sysctl  net.ipv4.ip_forward  0 -> 1   (cluster sysctl.d/99-k8s.conf:3)".
std::string text(const Change& change);
// "setSysctl" and so on, for JSON.
const char* name(Action action);

}  // namespace bedplate::plan
