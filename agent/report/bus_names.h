// The agent on the system bus. Everyone may read, root may act. docs/status.md describes it.
//
//   Sync(b allowPrune) -> (i exitStatus, s text)   reconciles and answers when it is done
//   Rollback(x generation) -> (i, s)               0 for the one before the current one
//   Release() -> (i, s)
//   Accept(s commit) -> (i, s)
//   Suspend(s reason, x untilUs), Resume(), Reload()
//   property Status (s): the JSON of status.json;  signal Changed()
#pragma once

namespace bedplate::report::bus {

inline constexpr const char* service = "dev.bedplate.Bedplate1";
inline constexpr const char* path = "/dev/bedplate/Bedplate1";
inline constexpr const char* interface = "dev.bedplate.Bedplate1";

}  // namespace bedplate::report::bus
