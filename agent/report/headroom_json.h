// The headroom as JSON (docs/status.md) and back.
// Thread-safety: free functions.
#pragma once

#include <optional>

#include "agent/report/headroom.h"
#include "agent/report/json.h"

namespace bedplate::report {

Json headroomJson(const std::optional<Headroom>& headroom);
// Throws WrongType (json_read.h).
Headroom readHeadroom(const Json& json);

}  // namespace bedplate::report
