// How the daemon and the command line start the workers on this host: one answer for both.
// Thread-safety: free functions.
#pragma once

#include <string>

#include "agent/source/source.h"
#include "tuning/host/files.h"

namespace bedplate::apply {

// The workers that lie beside the running program, else the installed ones; the mirror below the root of `files`, which
// was opened with an absolute path. As user "bedplate"; on a tree (--root) of a machine without that user as "nobody".
source::WorkerSetup workerSetup(const host::HostFiles& files);

// gpgv, for trust::Verifier; as the workers' user, or as "nobody" where that one is not there: it opens no file.
source::WorkerSetup gpgvSetup(const host::HostFiles& files);

// The worker's directory, owned by its user; made when the package has not.
host::Status prepareMirrorDirectory(host::HostFiles& files, const std::string& user);

}  // namespace bedplate::apply
