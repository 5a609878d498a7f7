// What one worker is told to do: the first frame on its socket.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/worker/url.h"

namespace bedplate::worker {

struct Job {
  std::string url;
  std::string branch;
  std::string mirror;
  std::string sshKey;
  std::string knownHosts;
  std::string caFile;  // PEM text
  std::string token;
  std::int64_t timeoutMs = 0;
  Url parsed;
};

// nullopt when the payload is not a job. `parsed` is not filled in.
std::optional<Job> decodeJob(std::string_view payload);

}  // namespace bedplate::worker
