#include "agent/report/json_read.h"

#include <limits>
#include <nlohmann/json.hpp>

namespace bedplate::report {

const Json* find(const Json& object, const char* key) {
  const auto at = object.find(key);
  return at == object.end() || at->is_null() ? nullptr : &*at;
}

const Json& section(const Json& object, const char* key) {
  static const Json none = Json::object();
  const Json* found = find(object, key);
  if (found == nullptr) return none;
  if (!found->is_object()) throw WrongType(key);
  return *found;
}

const Json& list(const Json& object, const char* key) {
  static const Json none = Json::array();
  const Json* found = find(object, key);
  if (found == nullptr) return none;
  if (!found->is_array()) throw WrongType(key);
  return *found;
}

void read(const Json& object, const char* key, std::string& out) {
  if (const Json* found = find(object, key)) {
    if (!found->is_string()) throw WrongType(key);
    out = found->get<std::string>();
  }
}

void read(const Json& object, const char* key, std::int64_t& out) {
  if (const Json* found = find(object, key)) {
    const bool fits = found->is_number_unsigned()
                          ? found->get<std::uint64_t>() <= std::numeric_limits<std::int64_t>::max()
                          : found->is_number_integer();
    if (!fits) throw WrongType(key);
    out = found->get<std::int64_t>();
  }
}

void read(const Json& object, const char* key, double& out) {
  if (const Json* found = find(object, key)) {
    if (!found->is_number()) throw WrongType(key);
    out = found->get<double>();
  }
}

void read(const Json& object, const char* key, bool& out) {
  if (const Json* found = find(object, key)) {
    if (!found->is_boolean()) throw WrongType(key);
    out = found->get<bool>();
  }
}

void readTime(const Json& object, const char* key, std::int64_t& out) {
  std::string text;
  read(object, key, text);
  if (text.empty()) return;
  const auto parsed = parseTime(text);
  if (!parsed) throw WrongType(key);
  out = *parsed;
}

const Json& member(const Json& value, const char* key) {
  if (!value.is_object()) throw WrongType(key);
  return value;
}

}  // namespace bedplate::report
