// Restarts of K3s, as far as the state and the files go: what is tried, what is taken back, and what the next order is.
//
// What is durable is written before what it allows is done, so that a crash at any moment goes on from there: a trial
// of this boot goes on, one that a reboot or a power cut interrupted counts as not confirmed.
// Thread-safety: used from the thread that owns the store.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/apply/apply.h"
#include "agent/apply/k3s_order.h"

namespace bedplate::apply {

// For the status.
struct K3sShown {
  std::string state;  // "", "unknown", "waiting", "restarting", "going-back", "rolled-back", "failed"
  std::string reason, why, line;
  std::vector<std::string> keys;
  std::int64_t sinceUs = 0;
  std::string commit;      // that is not run with, of the last two
  std::string configHash;  // of what runs, as K3s says
  bool operator==(const K3sShown&) const = default;
};

class K3sCare {
 public:
  // All must outlive it.
  K3sCare(Machine machine, Store& store, Keeper& keeper) : machine_(machine), store_(store), keeper_(keeper) {}

  // At start, after Keeper::recover() and before K3s is started: a trial that another boot interrupted is taken back,
  // its files are the old ones when this returns. A boot onto files that nobody confirmed is a trial itself. No
  // network. Gives what was done, for people; "" when nothing.
  host::Result<std::string> start();

  // What is to be done now. `policy` is null until Git was read.
  host::Result<K3sOrder> order(const cluster::Identity& node, const cluster::NodeConfig::Restart* policy,
                               bool mayBegin);

  struct Took {
    std::string said;        // for people, of what changed; "" when nothing
    bool bad = false;        // it is a warning
    bool wantsSync = false;  // what Git says meanwhile waits no longer
  };
  // What came of an order. News of an order that is not the present one changes nothing.
  host::Result<Took> take(const K3sNews& news);

  // What a look found last; unset before the first.
  [[nodiscard]] const std::optional<K3sNews>& last() const { return last_; }

 private:
  host::Result<std::string> tryBoot();
  host::Status goBack(K3sTrial trial, const std::string& why, const std::string& line, bool restarts);
  host::Status putBack(K3sTrial trial);
  host::Result<Took> looked(const K3sNews& news);
  host::Status markProven(const std::string& part);
  host::Status end(K3sTrial trial, const std::string& outcome, const std::string& why);
  host::Result<std::string> partOf(std::int64_t generation);

  Machine machine_;
  Store& store_;
  Keeper& keeper_;
  std::optional<K3sNews> last_;
  std::map<std::int64_t, std::string> parts_;      // of generations, as far as they were asked for
  std::map<std::string, std::int64_t> firstSeen_;  // part -> when it was first in force
};

// `last` and what the state says, for people. `heldBack`: why the last look at Git found its configuration held back
// (SyncResult::k3sHeldBack); "": it did not; unset before the first look.
host::Result<K3sShown> k3sShown(Store& store, const std::optional<K3sNews>& last,
                                const std::optional<std::string>& heldBack);

// What is to be placed instead of `target`: with K3s's files of the trial that is under way, or, where its own were
// taken back, of the last configuration that ran well. nullopt: the target itself. `why` is for people.
struct K3sInstead {
  plan::Target target;
  std::string why;
};
// What that is chosen by: while it stays the same, so does the choice.
host::Result<std::string> k3sStateOf(Store& store, const plan::Target& target);
host::Result<std::optional<K3sInstead>> k3sInstead(Keeper& keeper, Store& store, const plan::Target& target);

}  // namespace bedplate::apply
