// Opening the database: schema, damage, rebuilding. Private to the store.
#pragma once

#include "agent/apply/database.h"
#include "agent/apply/store.h"

namespace bedplate::apply {

struct Opened {
  Connection connection;
  std::string note;  // what was repaired
  std::int64_t schema = 0;
};

host::Result<Opened> openForWriting(host::HostFiles& files, host::Clock& clock);
host::Result<Opened> openForReading(host::HostFiles& files);

// Adds a generation with its number as it is.
host::Status insertGeneration(Connection& connection, const Generation& generation);
host::Status putSetting(Connection& connection, std::string_view name, std::string_view value);

}  // namespace bedplate::apply
