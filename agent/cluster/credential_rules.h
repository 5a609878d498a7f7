// Private keys and tokens in the files of a cluster directory. Internal to compile().
// Thread-safety: free functions.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/cluster/cluster.h"
#include "agent/cluster/credentials.h"

namespace bedplate::cluster {

using Credentials = std::map<std::string, std::vector<Credential>>;  // by file

// Every file is looked at, also those of other nodes and those for people: who reads one reads all. `valid` may be
// null.
Credentials credentialsOf(const source::Snapshot& snapshot, ValidBlobs* valid);

// Whether this file holds one that no line excuses.
bool holdsCredential(const Credentials& credentials, const std::string& file, bool denyRawSecrets);

// Adds an error for each. What else was found in those files goes, because it may quote them. With `denyRawSecrets` no
// line is excused; else an excused one is a note.
void judgeCredentials(const Credentials& credentials, bool denyRawSecrets, std::vector<Finding>& findings);

}  // namespace bedplate::cluster
