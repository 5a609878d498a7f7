// What an action came to, in one exit status and one text: the answer of the bus methods and the output of the CLI
// when it acts without a daemon. Both say the same because both call this.
// Thread-safety: free functions and plain values.
#pragma once

#include <string>

#include "agent/apply/reconcile.h"

namespace bedplate::report {

struct Answer {
  int exitStatus = 0;  // design section 7: 0 done, 1 failed, 4 rolled back
  std::string text;    // some lines without a newline at the end
};

Answer answer(const apply::SyncResult& result, config::Mode mode);
// Of a rollback, a release, a recovery: `verb` is "rolled back", "released", ...
Answer answer(const apply::RunResult& result, const std::string& verb);
Answer answer(const host::Error& error);

}  // namespace bedplate::report
