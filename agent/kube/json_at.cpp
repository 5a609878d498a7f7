#include "agent/kube/json_at.h"

#include <nlohmann/json.hpp>

namespace bedplate::kube {

const nlohmann::json* at(const nlohmann::json* object, const char* key) {
  if (object == nullptr || !object->is_object()) return nullptr;
  const auto found = object->find(key);
  return found == object->end() ? nullptr : &*found;
}

const nlohmann::json* itemsOf(const nlohmann::json& list) {
  const nlohmann::json* items = at(&list, "items");
  return items != nullptr && items->is_array() ? items : nullptr;
}

std::string textAt(const nlohmann::json* object, const char* key) {
  const nlohmann::json* value = at(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

}  // namespace bedplate::kube
