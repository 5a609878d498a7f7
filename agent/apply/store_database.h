// What a Store holds. Private to the store.
#pragma once

#include "agent/apply/database.h"
#include "agent/apply/held_file.h"
#include "agent/apply/store.h"

namespace bedplate::apply {

struct Store::Database {
  Connection connection;
  std::string note;
  host::Clock& clock;
  host::Files& files;
  bool writable;
  std::int64_t schema;                     // a reader may meet an older database
  std::shared_ptr<const plan::Held> held;  // as in the file; only the writer may remember it
  Notes notes;

  host::Result<std::optional<std::string>> setting(std::string_view key) {
    BEDPLATE_TRY_LET(Statement select, connection.prepare("SELECT value FROM settings WHERE name = ?1"));
    BEDPLATE_TRY_LET(const bool row, select.bind(1, key).step());
    return row ? std::optional(select.text(0)) : std::nullopt;
  }

  host::Status write(plan::Held next) {
    BEDPLATE_TRY(writeHeld(files, next));
    held = std::make_shared<const plan::Held>(std::move(next));
    return {};
  }

  // Rows beyond what is kept, when `last` is the newest id.
  host::Status retain(const char* sql, std::int64_t last, std::int64_t kept) {
    if (last <= kept) return {};
    BEDPLATE_TRY_LET(Statement remove, connection.prepare(sql));
    return remove.bind(1, last - kept).run();
  }

  host::Status changeOne(const char* sql, std::int64_t number, std::string_view text) {
    BEDPLATE_TRY_LET(Statement update, connection.prepare(sql));
    return update.bind(1, number).bind(2, text).run();
  }
};

}  // namespace bedplate::apply
