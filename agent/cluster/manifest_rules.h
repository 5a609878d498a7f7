// What is wrong with manifests that are each well-formed: rules over all of them. Internal to compile().
// Thread-safety: free functions and plain values.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/cluster/cluster.h"
#include "agent/cluster/manifests.h"

namespace bedplate::cluster {

using Objects = std::shared_ptr<const std::vector<Object>>;

struct JudgedManifest {
  std::string file;  // within the cluster directory
  Objects objects;
};

// Adds findings: an object that two documents name is an error, as is a Secret with its content where `denyRawSecrets`
// (else a warning); an Argo CD Application that does not heal itself or does not prune is a warning; one that stays in
// the cluster by its label is a note.
void judgeTogether(const std::vector<JudgedManifest>& manifests, bool denyRawSecrets, std::vector<Finding>& findings);

}  // namespace bedplate::cluster
