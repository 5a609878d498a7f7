// What both sides of target.json have to say alike. Private to them.
#pragma once

#include "agent/plan/plan.h"

namespace bedplate::plan {

inline constexpr int kTargetFormat = 2;  // 1 had no bounds and no sources: every rule was an exact one of a file

inline const char* areaName(Area area) { return area == Area::k3sConfig ? "k3sConfig" : "manifest"; }

}  // namespace bedplate::plan
