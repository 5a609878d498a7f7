// The texts of the files beside this one, made by CMake (embedded.cpp.in). Private to tuning/profiles.
#pragma once

#include <string_view>

namespace bedplate::profiles {

extern const std::string_view kK3s;
extern const std::string_view kK3sHighTraffic;

}  // namespace bedplate::profiles
