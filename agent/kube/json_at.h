// A foreign JSON document taken apart without exceptions. Private to agent/kube.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace bedplate::kube {

// The member, or null where it is missing or `object` is no object.
inline const nlohmann::json* at(const nlohmann::json* object, const char* key) {
  if (object == nullptr || !object->is_object()) return nullptr;
  const auto found = object->find(key);
  return found == object->end() ? nullptr : &*found;
}

// "" where there is no such text.
inline std::string textAt(const nlohmann::json* object, const char* key) {
  const nlohmann::json* value = at(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

}  // namespace bedplate::kube
