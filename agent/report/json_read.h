// Reading back JSON that may be of another version, or half of one: a missing or null key keeps its default, a value of
// another kind is thrown as WrongType, which fromJson turns into "Corrupt".
// Thread-safety: free functions.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <stdexcept>
#include <string>

#include "agent/report/json.h"

namespace bedplate::report {

struct WrongType : std::runtime_error {
  using std::runtime_error::runtime_error;
};

const Json* find(const Json& object, const char* key);
const Json& section(const Json& object, const char* key);
const Json& list(const Json& object, const char* key);
void read(const Json& object, const char* key, std::string& out);
void read(const Json& object, const char* key, std::int64_t& out);
void read(const Json& object, const char* key, double& out);
void read(const Json& object, const char* key, bool& out);
void readTime(const Json& object, const char* key, std::int64_t& out);
const Json& member(const Json& value, const char* key);

}  // namespace bedplate::report
