// When commits got how far on this node (commit_times.h).
#include <algorithm>

#include "agent/apply/store_database.h"

namespace bedplate::apply {
namespace {

constexpr std::int64_t kKeptCommits = 1000;
constexpr const char* kSelect =
    "SELECT commit_id, subject, generation, seen_us, fetched_us, applied_us, confirmed_us, accepted_us, waited FROM "
    "commits ";

CommitTimes readTimes(const Statement& row) {
  CommitTimes times;
  times.commit = row.text(0);
  times.subject = row.text(1);
  times.generation = row.integer(2);
  times.seenUs = row.integer(3);
  times.fetchedUs = row.integer(4);
  times.appliedUs = row.integer(5);
  times.confirmedUs = row.integer(6);
  times.acceptedUs = row.integer(7);
  times.waited = row.text(8);
  return times;
}

host::Result<std::vector<CommitTimes>> readAll(Statement& select) {
  std::vector<CommitTimes> all;
  for (;;) {
    BEDPLATE_TRY_LET(const bool row, select.step());
    if (!row) return all;
    all.push_back(readTimes(select));
  }
}

}  // namespace

host::Status Store::putCommitTimes(const CommitTimes& times) {
  BEDPLATE_TRY_LET(Transaction transaction, Transaction::begin(db_->connection));
  BEDPLATE_TRY_LET(Statement put,
                   db_->connection.prepare(
                       "INSERT INTO commits VALUES(NULL,?1,?2,?3,?4,?5,?6,?7,?8,?9) ON CONFLICT(commit_id) DO UPDATE "
                       "SET subject = ?2, generation = ?3, seen_us = ?4, fetched_us = ?5, applied_us = ?6, "
                       "confirmed_us = ?7, accepted_us = ?8, waited = ?9"));
  BEDPLATE_TRY(put.bind(1, times.commit)
                   .bind(2, times.subject)
                   .bind(3, times.generation)
                   .bind(4, times.seenUs)
                   .bind(5, times.fetchedUs)
                   .bind(6, times.appliedUs)
                   .bind(7, times.confirmedUs)
                   .bind(8, times.acceptedUs)
                   .bind(9, times.waited)
                   .run());
  BEDPLATE_TRY(db_->retain("DELETE FROM commits WHERE id <= ?1", db_->connection.lastId(), kKeptCommits));
  return transaction.commit();
}

host::Result<std::optional<CommitTimes>> Store::commitTimes(const std::string& commit) {
  if (db_->schema < 2) return std::optional<CommitTimes>();
  BEDPLATE_TRY_LET(Statement select, db_->connection.prepare(std::string(kSelect) + "WHERE commit_id = ?1"));
  BEDPLATE_TRY_LET(auto all, readAll(select.bind(1, commit)));
  return all.empty() ? std::optional<CommitTimes>() : std::optional(std::move(all.front()));
}

host::Result<std::vector<CommitTimes>> Store::commits(std::int64_t sinceUs, std::size_t limit) {
  if (db_->schema < 2) return std::vector<CommitTimes>();
  BEDPLATE_TRY_LET(
      Statement select,
      db_->connection.prepare(std::string(kSelect) + "WHERE seen_us >= ?1 ORDER BY seen_us DESC, id DESC LIMIT ?2"));
  select.bind(1, sinceUs).bind(2, static_cast<std::int64_t>(std::min<std::size_t>(limit, 1'000'000)));
  return readAll(select);
}

}  // namespace bedplate::apply
