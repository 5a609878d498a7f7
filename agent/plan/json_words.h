// What both sides of target.json have to say alike. Private to them.
#pragma once

#include "agent/plan/plan.h"

namespace bedplate::plan {

// 1 had no bounds and no sources: every rule was an exact one of a file. 2 had no stages of manifests: each was as Git
// said.
inline constexpr int kTargetFormat = 4;

inline const char* areaName(Area area) { return area == Area::k3sConfig ? "k3sConfig" : "manifest"; }

}  // namespace bedplate::plan
