// The verbs below `bedplate trust` that have a file of their own.
#pragma once

#include "agent/cli/arguments.h"

namespace bedplate::cli {

void addTrustVerify(const Verb& trust, Run& chosen);

}  // namespace bedplate::cli
