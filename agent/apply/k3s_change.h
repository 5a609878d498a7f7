// What a target makes of K3s's configuration on this host: all of its files, also those that are not from Git.
// Thread-safety: free functions and plain values.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "agent/cluster/k3s_config.h"
#include "agent/plan/plan.h"
#include "tuning/host/files.h"

namespace bedplate::apply {

// K3s's configuration before and after a target, as K3s would merge it. Wiped when it goes: tokens are among it.
struct K3sChange {
  K3sChange() = default;
  K3sChange(K3sChange&&) = default;
  K3sChange& operator=(K3sChange&&) = default;
  ~K3sChange() {
    wipe(before);
    wipe(after);
  }
  cluster::K3sConfig before, after;
};

// What may not be shown: of files in these places, and of those that the target has sealed.
struct K3sSealed {
  std::set<std::string> paths = {};
  // Opens one of the target's; a file that it does not open is as it lies there.
  std::function<host::Result<trust::Secret>(const plan::FileTarget&)> open = nullptr;
};

// Of the files that lie there now, and of these with the target's put over them and those of `held` that left it taken
// away. A file of the target without its content is as it lies there; one that
// cannot be read says nothing.
K3sChange k3sChange(host::Files& files, const plan::Target& target, const plan::Held& held,
                    const K3sSealed& sealed = {});

// "cluster-cidr: 10.42.0.0/16 -> 10.52.0.0/16", by key; a credential is shown as "(a secret)", what comes out of a
// sealed file as "(sealed)". Empty: K3s sees no change.
std::vector<std::string> text(const K3sChange& change);

// Of the keys that all servers must agree on for the life of a cluster, those that change although a server of K3s has
// started here once: "cluster-cidr". A secret that is only set in another way is one, too.
std::vector<std::string> criticalChanges(host::Files& files, const K3sChange& change);

}  // namespace bedplate::apply
