// SQLite behind Results: a database, statements, transactions. Private to the store.
// Thread-safety: used from one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "tuning/host/files.h"

struct sqlite3;
struct sqlite3_stmt;

namespace bedplate::apply {

struct CloseDatabase {
  void operator()(sqlite3* db) const;
};
struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const;
};

// Statements that were used, by their text: to compile one costs more than to run it.
class Statements;

// Ends its reading with itself.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();
  // Parameters from 1 on; the text must live until the statement is stepped.
  Statement& bind(int at, std::int64_t value);
  Statement& bind(int at, std::string_view text);
  // True while there is a row.
  host::Result<bool> step();
  // Steps a statement that gives no rows, and makes it ready to run again.
  host::Status run();

  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::string text(int column) const;

 private:
  friend class Connection;
  Statement(std::unique_ptr<sqlite3_stmt, FinalizeStatement> handle, Statements* from, const std::string& shown)
      : handle_(std::move(handle)), from_(from), shown_(shown) {}

  std::unique_ptr<sqlite3_stmt, FinalizeStatement> handle_;
  Statements* from_;  // takes it back
  std::string shown_;
  int bound_ = 0;  // SQLITE_OK, or the first failure to bind
};

class Connection {
 public:
  // Opens state.db below the root; `flags` as sqlite3_open_v2. Errors as failSqlite().
  static host::Result<Connection> open(host::HostFiles& files, int flags);
  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;
  ~Connection();

  // Must not outlive the connection.
  host::Result<Statement> prepare(std::string_view sql);
  host::Status execute(const char* sql);
  [[nodiscard]] std::int64_t lastId() const;
  [[nodiscard]] const std::string& shown() const { return shown_; }

 private:
  Connection(std::unique_ptr<sqlite3, CloseDatabase> handle, host::UniqueFd directory, std::string shown);

  host::UniqueFd directory_;
  std::unique_ptr<sqlite3, CloseDatabase> handle_;
  std::unique_ptr<Statements> statements_;  // gone before the handle
  std::string shown_;
};

// Takes everything back unless it was committed.
class Transaction {
 public:
  static host::Result<Transaction> begin(Connection& connection);
  Transaction(Transaction&& other) noexcept : connection_(std::exchange(other.connection_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  host::Status commit();

 private:
  explicit Transaction(Connection* connection) : connection_(connection) {}
  Connection* connection_;
};

}  // namespace bedplate::apply
