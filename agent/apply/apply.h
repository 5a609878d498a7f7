// From a plan to a changed machine, so that a crash at any moment leaves the old state, the new one, or a journal from
// which the next start finishes or undoes it (design section 8).
//
// The order of one application: contents to generations/ (durable), the generation row `applying` (durable), for each
// change its original (durable) before its first write, the changes, the boot files, the row `applied`. Everything is
// idempotent, so finishing is applying again.
// Thread-safety: a Keeper is used from one thread at a time.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/apply/reach.h"
#include "agent/apply/store.h"
#include "agent/cluster/cluster.h"
#include "agent/plan/plan.h"
#include "agent/source/source.h"
#include "agent/trust/trust.h"
#include "tuning/host/clock.h"
#include "tuning/host/files.h"
#include "tuning/host/machine.h"
#include "tuning/modules/modules.h"

namespace bedplate::apply {

// The desired state made concrete for this host: places and names of files, sizes as numbers. Manifests have no place
// on an agent. With tuning.conntrack comes a drop-in by which K3s leaves those keys to us. Fails only when a size is to
// be taken from a machine that does not say how large it is. Contents that `before` holds too (the same objects) are
// not hashed again.
host::Result<plan::Target> makeTarget(const cluster::Desired& desired, const source::Snapshot& snapshot,
                                      const host::Result<host::MachineSize>& machine,
                                      const plan::Target* before = nullptr);

struct Machine {
  host::HostFiles& host;  // for the database and the lock
  host::Files& files;     // for everything else; a fault-injecting one in tests
  host::Clock& clock;
  modules::Loader& modules;
  Reach* reach = nullptr;                 // null: keys that can cut the node off are set like any other
  const trust::Opener* opener = nullptr;  // of sealed files; null: none can be opened
};

// What those who watch have to tell of the time since the last repair was asked for.
struct News {
  bool files = false;             // every file that is held was watched all the time, and `touched` is what happened
  std::set<std::string> touched;  // paths
  bool keys = false;              // interfaces and modules that come or go are told of (Keeper::lookWhole)
};

// Remembers the hashes of files by their identity (size, times, inode), so that an untouched file is not read again.
// Where a watch vouches for a file that is held it is not even looked at, for a few seconds: a watch does not see what
// is written through another hard link or a mapping, and those who poll for that do it as often.
struct SeenFiles {
  static constexpr std::int64_t kStillNs = 4'000'000'000;
  struct File {
    host::FileInfo info;
    std::string sha256;
    std::uint64_t round = 0;  // in which it was looked at
  };
  std::map<std::string, File> byPath;
  // Of sealed files that were opened: hash of the sealed text -> hash of what it holds. Never leaves the memory.
  std::map<std::string, std::string> opened;
  std::uint64_t round = 1;              // another one begins where the watch has a gap
  bool watched = false;                 // in this round
  std::optional<std::int64_t> wholeNs;  // when all that is held was looked at in this round

  void hear(const News& news);
  // A file that is held and was looked at in this round need not be looked at again.
  [[nodiscard]] bool still(std::uint64_t lookedAt, std::int64_t nowNs) const {
    return watched && lookedAt == round && wholeNs && nowNs - *wholeNs < kStillNs;
  }
};

// What the machine holds of the target and of what was held before. Reads only.
host::Result<plan::Observed> observe(Machine& machine, const plan::Target& target, const plan::Held& held,
                                     SeenFiles* seen = nullptr);

// What a sealed file of the target holds, from its content or, where it has none, from the generations on disk. Reasons
// of trust::Opener; the error's thing is the file.
host::Result<trust::Secret> openSealed(Machine& machine, const plan::Target& target, const plan::FileTarget& file);

// What one run of the keeper did.
struct RunResult {
  std::optional<std::int64_t> generation;  // the new one, when there is one
  std::vector<Outcome> outcomes;
  std::vector<plan::Pending> pending;
  std::vector<DriftEvent> drifts;     // that were recorded
  std::vector<Contest> contested;     // that began with this run
  bool undone = false;                // an interrupted generation was taken back
  std::string note;                   // for the operator: what was recovered, what is not given back and why
  [[nodiscard]] bool failed() const;  // any outcome with an error
};

// Who was seen to write a key or a file: subject -> text, as in DriftEvent.
using Writers = std::map<std::string, std::string>;

class Pass;
class Glance;

class Keeper {
 public:
  Keeper(Machine machine, Store& store);
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  // At start, before anything else: an `applying` generation of this boot is finished; of an earlier boot it is undone
  // (what took the machine down is not tried a third time: after two attempts it is undone in any boot and its tree is
  // marked bad). A release is always finished. Else the last applied generation is applied again from disk. No network.
  // In a new boot the manifests of a target that parks are taken from K3s first: what it finds at its start it applies
  // by force, and it may be old. They come back after unpark().
  host::Result<RunResult> recover();

  // Goes to the target: a new generation when its digest differs from the current one's, else a repair as the target's
  // driftEnforce has it. `cause` as in Generation. An error means that nothing on the host was changed; what failed in
  // part is in the outcomes. `digest` is plan::digest(target), where it is known already.
  host::Result<RunResult> apply(const plan::Target& target, const std::string& cause, std::string digest = {});

  // Puts back what drifted from the current generation and records each event. With `enforce` false, or where the
  // generation's driftEnforce is, it only records (once for one state). What could not be set before is tried again:
  // that is no drift. What is contested (contested.h) is left alone. Nothing at all when there is no generation.
  host::Result<RunResult> repair(bool enforce, const Writers& writers = {});

  // The next repair looks at everything: interfaces or modules came or went.
  void lookWhole();
  // Before a call that is to make use of it; who never calls it has every file looked at every time.
  void hear(const News& news);

  // Git was heard in this boot, or somebody decides without it: manifests that recover() has parked come back with the
  // next apply() or repair(), and that is no drift. Durable; nothing where none are parked.
  host::Status unpark();

  // What apply() would do.
  host::Result<plan::Plan> plan(const plan::Target& target);

  // The target in force, without contents; null when there is none.
  host::Result<std::shared_ptr<const plan::Target>> current();

  // The target of a generation from disk, with contents; of the newest applied one without a number.
  host::Result<std::optional<plan::Target>> stored(std::optional<std::int64_t> number);

  // Gives everything back (design section 8) and forgets it; leaves K3s's files, and the originals of those that were
  // there before in var/lib/bedplate/originals. The note names what is left.
  host::Result<RunResult> release();

 private:
  host::Status ready(RunResult* recovered);
  bool unchanged(bool enforce);  // by a glance
  host::Result<RunResult> advance(const plan::Target& target, const std::string& cause, const std::string& digest);
  // How to look after what is in force.
  struct Look {
    bool enforce = true;
    bool newBoot = false;   // the first time since the machine started
    bool retryAll = false;  // also what failed a short time ago
    bool mayAsk = true;     // the network may be looked at
    bool back = false;      // the manifests were parked, and come back
  };
  host::Result<RunResult> lookAfter(const plan::Target& target, const Look& look, const Writers& writers = {});
  // Tells drift from the rest and leaves out of the pass what is not to be put back.
  std::vector<DriftEvent> findDrift(Pass& pass, const Look& look, const Writers& writers);
  host::Status loadContests(std::int64_t sinceUs);
  // Which of the keys that can cut the node off are set in this run, and whether the network is looked at for them
  // (keeper_group.cpp).
  host::Status decideGroup(Pass& pass);
  host::Status decideGroup(Pass& pass, const Look& look, const std::set<std::string>& drifted);
  host::Result<RunResult> recoverInterrupted(const Generation& row, const std::string& boot);
  host::Result<RunResult> finishInterrupted(const Generation& row, const plan::Target& target);
  host::Result<RunResult> undo(const Generation& row, const std::string& why);
  host::Result<RunResult> letGo(std::int64_t number, bool otherBoot);
  // The end of a generation: changes, boot files, what is given back, the row.
  RunResult complete(Pass& pass, std::int64_t number, GenerationState state, const std::string& why,
                     std::string digest = {});
  host::Status loadNotes();
  host::Status findOpenGroup();
  host::Status park();  // keeper_park.cpp
  host::Result<std::shared_ptr<const plan::Target>> inForce();
  host::Result<std::shared_ptr<const plan::Target>> targetOf(std::int64_t number);
  void remember(const plan::Target& target);
  host::Status recordDrift(const std::vector<DriftEvent>& drifts, RunResult& result);
  void updateOutcomes(RunResult& result);
  void prune();

  Machine machine_;
  Store& store_;
  SeenFiles seen_;
  bool keysTold_ = false;           // as in News
  bool unparked_ = false;           // the manifests come back with the next run
  bool glances_ = false;            // only one who repairs needs them
  std::unique_ptr<Glance> glance_;  // of the last look that found nothing to do
  struct InForce {
    std::int64_t number;
    std::shared_ptr<const plan::Target> target;  // without contents
  };
  std::optional<InForce> target_;  // of the generation in force when it was read or applied
};

}  // namespace bedplate::apply
