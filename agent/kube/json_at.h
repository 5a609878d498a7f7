// A foreign JSON document taken apart without exceptions. Private to agent/kube.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace bedplate::kube {

// The member, or null where it is missing or `object` is no object.
const nlohmann::json* at(const nlohmann::json* object, const char* key);

// The items of a list; null where the answer is none.
const nlohmann::json* itemsOf(const nlohmann::json& list);

// "" where there is no such text.
std::string textAt(const nlohmann::json* object, const char* key);

}  // namespace bedplate::kube
