// The status of this node, from whoever knows it best: the daemon over the bus, its last file, or the state.
// Thread-safety: used from one thread.
#pragma once

#include <optional>
#include <string>

#include "agent/cli/context.h"

namespace bedplate::cli {

struct FoundStatus {
  std::optional<report::Status> status;  // always set by findStatus()
  bool alive = false;                    // a daemon runs
  std::string manifests;                 // JSON of every manifest (report/manifests.h); "" where there is none
  std::string trouble;                   // why a source of the status could not be used
};

FoundStatus findStatus(Context& context);

}  // namespace bedplate::cli
