#include "agent/apply/database.h"

#include <fcntl.h>
#include <sqlite3.h>

#include <map>
#include <utility>

#include "tuning/host/paths.h"

namespace bedplate::apply {
namespace {

// How long a reader waits for the writer's commit, and a writer for readers.
constexpr int kBusyMs = 5000;

// Each takes some kilobytes.
constexpr std::size_t kMostIdle = 32;

host::Failure failSqlite(sqlite3* db, int code, const std::string& shown) {
  const std::string why = db != nullptr ? ::sqlite3_errmsg(db) : ::sqlite3_errstr(code);
  const int errnum = db != nullptr ? ::sqlite3_system_errno(db) : 0;
  switch (code & 0xff) {
    case SQLITE_FULL: return host::fail("NoSpace", shown, "cannot write: " + why, "free some space");
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return host::fail("Busy", shown, "is in use: " + why, "try again");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return host::fail("Corrupt", shown, "is damaged: " + why,
                        "restart bedplated: it keeps the file aside and rebuilds the state from generations/");
    case SQLITE_READONLY:
      // A journal that a crash left; only the writer may play it back.
      if (code == SQLITE_READONLY_ROLLBACK || code == SQLITE_READONLY_RECOVERY)
        return host::fail("Busy", shown, "was not closed cleanly", "start bedplated, or ask as root");
      return host::fail("ReadOnly", shown, "cannot write: " + why);
    default: break;
  }
  if (errnum != 0) return host::failErrno(errnum, shown, why);
  return host::fail("Io", shown, why);
}

}  // namespace

void CloseDatabase::operator()(sqlite3* db) const { ::sqlite3_close_v2(db); }

void FinalizeStatement::operator()(sqlite3_stmt* statement) const { ::sqlite3_finalize(statement); }

class Statements {
 public:
  using Handle = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

  // nullptr when there is none of this text.
  Handle take(std::string_view sql) {
    const auto found = idle_.find(sql);
    if (found == idle_.end()) return nullptr;
    Handle handle = std::move(found->second);
    idle_.erase(found);
    return handle;
  }

  void give(Handle handle) {
    ::sqlite3_reset(handle.get());
    ::sqlite3_clear_bindings(handle.get());
    if (idle_.size() >= kMostIdle) idle_.clear();
    std::string sql = ::sqlite3_sql(handle.get());
    idle_.emplace(std::move(sql), std::move(handle));
  }

 private:
  std::multimap<std::string, Handle, std::less<>> idle_;
};

Statement::Statement(Statement&& other) noexcept = default;

Statement::~Statement() {
  if (handle_) from_->give(std::move(handle_));
}

Connection::Connection(std::unique_ptr<sqlite3, CloseDatabase> handle, host::UniqueFd directory, std::string shown)
    : directory_(std::move(directory)),
      handle_(std::move(handle)),
      statements_(std::make_unique<Statements>()),
      shown_(std::move(shown)) {}

Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;
Connection::~Connection() = default;

std::int64_t Statement::integer(int column) const { return ::sqlite3_column_int64(handle_.get(), column); }

std::int64_t Connection::lastId() const { return ::sqlite3_last_insert_rowid(handle_.get()); }

Statement& Statement::bind(int at, std::int64_t value) {
  const int code = ::sqlite3_bind_int64(handle_.get(), at, value);
  if (bound_ == SQLITE_OK) bound_ = code;
  return *this;
}

Statement& Statement::bind(int at, std::string_view text) {
  const int code = ::sqlite3_bind_text64(handle_.get(), at, text.data() == nullptr ? "" : text.data(), text.size(),
                                         SQLITE_STATIC, SQLITE_UTF8);
  if (bound_ == SQLITE_OK) bound_ = code;
  return *this;
}

host::Result<bool> Statement::step() {
  sqlite3* db = ::sqlite3_db_handle(handle_.get());
  if (bound_ != SQLITE_OK) return failSqlite(db, bound_, shown_);
  const int code = ::sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return failSqlite(db, code, shown_);
}

host::Status Statement::run() {
  auto more = step();
  ::sqlite3_reset(handle_.get());
  if (!more) return tl::make_unexpected(std::move(more).error());
  return {};
}

std::string Statement::text(int column) const {
  const unsigned char* text = ::sqlite3_column_text(handle_.get(), column);
  const int length = ::sqlite3_column_bytes(handle_.get(), column);
  if (text == nullptr) return {};
  return {reinterpret_cast<const char*>(text), static_cast<std::size_t>(length)};
}

host::Result<Connection> Connection::open(host::HostFiles& files, int flags) {
  const std::string shown = files.shown(host::paths::stateDb);
  // SQLite wants a path, and the root may be anywhere: the directory is opened inside the root, and named by its fd.
  BEDPLATE_TRY_LET(host::UniqueFd directory, files.openAt(host::paths::stateDir, O_PATH | O_DIRECTORY));
  const std::string path = "/proc/self/fd/" + std::to_string(directory.get()) + "/state.db";
  sqlite3* raw = nullptr;
  const int code = ::sqlite3_open_v2(path.c_str(), &raw, flags | SQLITE_OPEN_EXRESCODE, nullptr);
  std::unique_ptr<sqlite3, CloseDatabase> handle(raw);
  if (code != SQLITE_OK) return failSqlite(raw, code, shown);
  ::sqlite3_busy_timeout(raw, kBusyMs);
  return Connection(std::move(handle), std::move(directory), shown);
}

host::Result<Statement> Connection::prepare(std::string_view sql) {
  if (auto known = statements_->take(sql)) return Statement(std::move(known), statements_.get(), shown_);
  sqlite3_stmt* raw = nullptr;
  const int code = ::sqlite3_prepare_v2(handle_.get(), sql.data(), static_cast<int>(sql.size()), &raw, nullptr);
  if (code != SQLITE_OK) return failSqlite(handle_.get(), code, shown_);
  return Statement(Statements::Handle(raw), statements_.get(), shown_);
}

host::Status Connection::execute(const char* sql) {
  const int code = ::sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return failSqlite(handle_.get(), code, shown_);
  return {};
}

host::Result<Transaction> Transaction::begin(Connection& connection) {
  BEDPLATE_TRY(connection.execute("BEGIN IMMEDIATE"));
  return Transaction(&connection);
}

Transaction::~Transaction() {
  if (connection_ != nullptr) static_cast<void>(connection_->execute("ROLLBACK"));
}

host::Status Transaction::commit() {
  BEDPLATE_TRY(connection_->execute("COMMIT"));
  connection_ = nullptr;
  return {};
}

}  // namespace bedplate::apply
