// From the head of a branch to the commit that this node may go to.
// Thread-safety: free functions; one writer.
#pragma once

#include <memory>
#include <optional>

#include "agent/apply/apply.h"
#include "agent/apply/store.h"
#include "agent/config/config.h"
#include "agent/source/source.h"
#include "agent/trust/trust.h"

namespace bedplate::apply {

struct Way {
  source::Commit commit;  // to go to
  // Why that is not the head ("SignatureRefused"); with signatures = warn it is the head, and this is what it lacks.
  std::optional<host::Error> unverified;
};

// The history rule and, as [trust] signatures says, the signatures of what is new. When the node may go nowhere that is
// an error: "NotDescendant", "SignatureRefused", those of a key file that cannot be read. `keep`: when commits were
// first seen is written down, should they have to wait.
host::Result<Way> findWay(source::Session& session, const config::Config& config, Machine& machine, Store& store,
                          const source::Limits& limits, bool keep);

// The files of keys that [trust] names.
host::Result<trust::KeyFiles> keyFilesOf(const config::Config& config, host::Files& files);

// The keys that they hold.
host::Result<std::unique_ptr<trust::Verifier>> makeVerifier(const config::Config& config, host::HostFiles& host,
                                                            host::Files& files);

// The operator says that the branch may go on from there. Durable, and in the history.
host::Status acceptCommit(Store& store, Machine& machine, const source::ObjectId& commit);

}  // namespace bedplate::apply
