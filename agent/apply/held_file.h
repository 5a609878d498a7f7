// The file var/lib/bedplate/held: what was taken over, one line each (docs/formats.md).
#pragma once

#include "agent/plan/plan.h"
#include "tuning/host/files.h"

namespace bedplate::apply {

std::string heldText(const plan::Held& held);
// "Corrupt" names the line. Foreign text is bounded and never trusted.
host::Result<plan::Held> parseHeld(std::string_view text);

// Nothing held when there is no file.
host::Result<plan::Held> readHeld(host::Files& files);
// Whole, atomically and durably.
host::Status writeHeld(host::Files& files, const plan::Held& held);

}  // namespace bedplate::apply
