// A worker's conversation, until the agent hangs up. Of Git: job, refs, then requests (serve.cpp). Of HTTP: requests
// (http_serve.cpp). Each program has one of the two.
#pragma once

namespace bedplate::worker {

// Reads frames from `fd` until its end. The exit status of the program: 0, or 2 when the agent broke the protocol.
int serve(int fd);

}  // namespace bedplate::worker
