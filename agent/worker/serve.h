// The worker's conversation: job, refs, then requests until the agent hangs up.
#pragma once

namespace bedplate::worker {

// Reads frames from `fd` until its end. The exit status of the program: 0, or 2 when the agent broke the protocol.
int serve(int fd);

}  // namespace bedplate::worker
