// What libgit2 said, in our words.
#pragma once

#include <string>
#include <string_view>

#include "tuning/host/result.h"

namespace bedplate::worker {

// The last error's text, fit to be shown; "no reason given" where there is none.
std::string gitMessage();

// "MirrorFailed" with the last error's text after `doing`.
host::Failure mirrorFailed(std::string_view doing);

}  // namespace bedplate::worker
