// When commits that wait were first seen, and what the operator has accepted.
#include "agent/apply/store_database.h"

namespace bedplate::apply {
namespace {

constexpr std::int64_t kSchemaOfTrust = 3;
constexpr std::int64_t kKeptAcceptances = 1000;

}  // namespace

host::Result<std::map<std::string, std::int64_t>> Store::sights() {
  std::map<std::string, std::int64_t> sights;
  if (db_->schema < kSchemaOfTrust) return sights;
  BEDPLATE_TRY_LET(Statement select, db_->connection.prepare("SELECT commit_id, seen_us FROM sights"));
  for (;;) {
    BEDPLATE_TRY_LET(const bool row, select.step());
    if (!row) return sights;
    sights.emplace(select.text(0), select.integer(1));
  }
}

host::Status Store::setSights(const std::map<std::string, std::int64_t>& wanted) {
  BEDPLATE_TRY_LET(const auto known, sights());
  if (known == wanted) return {};
  BEDPLATE_TRY_LET(Transaction transaction, Transaction::begin(db_->connection));
  BEDPLATE_TRY(db_->connection.execute("DELETE FROM sights"));
  BEDPLATE_TRY_LET(Statement put, db_->connection.prepare("INSERT INTO sights VALUES(?1,?2)"));
  for (const auto& [commit, seenUs] : wanted) BEDPLATE_TRY(put.bind(1, commit).bind(2, seenUs).run());
  return transaction.commit();
}

host::Status Store::addAcceptance(const Acceptance& acceptance) {
  BEDPLATE_TRY_LET(Statement insert,
                   db_->connection.prepare("INSERT INTO acceptances(wall_us, commit_id) VALUES(?1,?2)"));
  BEDPLATE_TRY(insert.bind(1, acceptance.wallUs).bind(2, acceptance.commit).run());
  return db_->retain("DELETE FROM acceptances WHERE id <= ?1", db_->connection.lastId(), kKeptAcceptances);
}

host::Result<std::vector<Acceptance>> Store::acceptances(std::size_t limit) {
  std::vector<Acceptance> all;
  if (db_->schema < kSchemaOfTrust) return all;
  BEDPLATE_TRY_LET(Statement select,
                   db_->connection.prepare("SELECT commit_id, wall_us FROM acceptances ORDER BY id DESC LIMIT ?1"));
  select.bind(1, static_cast<std::int64_t>(limit));
  for (;;) {
    BEDPLATE_TRY_LET(const bool row, select.step());
    if (!row) return all;
    all.push_back({select.text(0), select.integer(1)});
  }
}

}  // namespace bedplate::apply
