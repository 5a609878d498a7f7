// Builds a Status from what is known: the configuration, the state, and the last run.
#pragma once

#include "agent/apply/reconcile.h"
#include "agent/report/report.h"

namespace bedplate::report {

struct Inputs {
  const config::Config* config = nullptr;     // null: unconfigured
  apply::Store* store = nullptr;              // null: no state yet
  host::Files* files = nullptr;               // to name a node without a latch, and to see when K3s started
  const apply::SyncResult* sync = nullptr;    // the last one of this process, if any
  const apply::RunResult* lastRun = nullptr;  // the last apply, repair or recovery, if any
  const std::string* disk = nullptr;          // the day of the disk as this process knows it, if any (bench::DiskDay)
  const Deployment* deployed = nullptr;       // of the manifests, as this process knows it, if any
  const Headroom* headroom = nullptr;         // the last sample of this process, if any
  const std::optional<apply::K3sNews>* k3s = nullptr;  // what a look at K3s found, where this process looks
  std::optional<std::string> k3sHeldBack = {};         // why Git's configuration of K3s is not placed
  std::int64_t nowUs = 0, startedUs = 0, nextUs = 0;
  std::int64_t contactUs = 0;  // last time the remote answered; 0: not in this process
  std::int64_t checkedUs = 0;  // last time it was asked, with or without an answer; 0: not in this process
};

// `before` carries over what the inputs do not know (contact, head, `since` of conditions). Ends with judge().
Status gather(const Inputs& inputs, const Status* before);

}  // namespace bedplate::report
