// Suspension, hold, bad trees, latch: small things that outlive a reboot.
#include <charconv>

#include "agent/apply/store_database.h"
#include "agent/apply/store_open.h"

namespace bedplate::apply {
namespace {

std::int64_t numberOr0(const std::optional<std::string>& text) {
  std::int64_t value = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

}  // namespace

host::Result<std::optional<Suspension>> Store::suspension() {
  BEDPLATE_TRY_LET(const auto reason, db_->setting("suspension.reason"));
  if (!reason) return std::optional<Suspension>();
  BEDPLATE_TRY_LET(const auto since, db_->setting("suspension.since"));
  BEDPLATE_TRY_LET(const auto until, db_->setting("suspension.until"));
  return std::optional<Suspension>({*reason, numberOr0(since), numberOr0(until)});
}

host::Status Store::suspend(const Suspension& suspension) {
  BEDPLATE_TRY_LET(Transaction transaction, Transaction::begin(db_->connection));
  BEDPLATE_TRY(putSetting(db_->connection, "suspension.reason", suspension.reason));
  BEDPLATE_TRY(putSetting(db_->connection, "suspension.since", std::to_string(suspension.sinceUs)));
  BEDPLATE_TRY(putSetting(db_->connection, "suspension.until", std::to_string(suspension.untilUs)));
  return transaction.commit();
}

host::Status Store::resume() {
  BEDPLATE_TRY_LET(Transaction transaction, Transaction::begin(db_->connection));
  BEDPLATE_TRY(db_->connection.execute(
      "DELETE FROM settings WHERE name LIKE 'suspension.%' OR name = 'hold'; DELETE FROM bad_trees"));
  return transaction.commit();
}

host::Result<std::optional<std::string>> Store::hold() { return db_->setting("hold"); }

host::Status Store::setHold(const std::string& tree) { return putSetting(db_->connection, "hold", tree); }

host::Status Store::clearHold() {
  BEDPLATE_TRY_LET(const auto held, hold());
  if (!held) return {};
  return db_->connection.execute("DELETE FROM settings WHERE name = 'hold'");
}

host::Result<std::optional<std::string>> Store::bad(const std::string& tree) {
  BEDPLATE_TRY_LET(Statement select, db_->connection.prepare("SELECT why FROM bad_trees WHERE tree = ?1"));
  BEDPLATE_TRY_LET(const bool row, select.bind(1, tree).step());
  if (!row) return std::optional<std::string>();
  return std::optional<std::string>(select.text(0));
}

host::Status Store::setBad(const std::string& tree, const std::string& why) {
  BEDPLATE_TRY_LET(Statement put, db_->connection.prepare("INSERT OR REPLACE INTO bad_trees VALUES(?1,?2)"));
  return put.bind(1, tree).bind(2, why).run();
}

host::Result<std::optional<Latch>> Store::latch() {
  BEDPLATE_TRY_LET(auto name, db_->setting("latch.name"));
  BEDPLATE_TRY_LET(auto role, db_->setting("latch.role"));
  BEDPLATE_TRY_LET(auto cluster, db_->setting("latch.cluster"));
  if (!name || !role || !cluster) return std::optional<Latch>();
  return std::optional<Latch>({std::move(*name), std::move(*role), std::move(*cluster)});
}

host::Status Store::setLatch(const Latch& latch) {
  BEDPLATE_TRY_LET(Transaction transaction, Transaction::begin(db_->connection));
  BEDPLATE_TRY(putSetting(db_->connection, "latch.name", latch.name));
  BEDPLATE_TRY(putSetting(db_->connection, "latch.role", latch.role));
  BEDPLATE_TRY(putSetting(db_->connection, "latch.cluster", latch.cluster));
  return transaction.commit();
}

}  // namespace bedplate::apply
