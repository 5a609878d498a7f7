// The times of the Kubernetes API: RFC 3339 in UTC, as its objects hold them. Private to agent/kube.
// Thread-safety: free functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bedplate::kube {

// "2026-11-29T12:57:04Z" or with up to nine digits of a second, in microseconds since the epoch. nullopt for anything
// else, also for another offset than Z: the API writes none.
std::optional<std::int64_t> parseTime(std::string_view text);

// "2026-11-29T12:57:04.000000Z", as a MicroTime must be written.
std::string microTime(std::int64_t wallUs);

}  // namespace bedplate::kube
