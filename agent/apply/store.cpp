#include "agent/apply/store.h"

#include <algorithm>

#include "agent/apply/held_file.h"
#include "agent/apply/store_database.h"
#include "agent/apply/store_open.h"
#include "tuning/host/paths.h"

namespace bedplate::apply {
namespace {

constexpr std::int64_t kKeptDrift = 10000;
constexpr std::int64_t kKeptSamples = 10000;
constexpr std::int64_t kKeptSamplesUs = std::int64_t{31} * 24 * 3'600'000'000;
constexpr std::size_t kMaxSample = 64 << 10;
constexpr std::int64_t kKeptGenerations = 1000;

constexpr const char* kColumns =
    "number, commit_id, subject, tree, digest, cause, state, why, started_us, finished_us, boot_id, attempts";

GenerationState stateOf(const std::string& text) {
  if (text == name(GenerationState::applied)) return GenerationState::applied;
  if (text == name(GenerationState::rolledBack)) return GenerationState::rolledBack;
  return GenerationState::applying;
}

Generation readRow(const Statement& row) {
  Generation generation;
  generation.number = row.integer(0);
  generation.commit = row.text(1);
  generation.subject = row.text(2);
  generation.tree = row.text(3);
  generation.digest = row.text(4);
  generation.cause = row.text(5);
  generation.state = stateOf(row.text(6));
  generation.why = row.text(7);
  generation.startedUs = row.integer(8);
  generation.finishedUs = row.integer(9);
  generation.bootId = row.text(10);
  generation.attempts = static_cast<int>(row.integer(11));
  return generation;
}

plan::Action actionOf(const std::string& text) {
  using plan::Action;
  for (const auto action : {Action::loadModule, Action::setSysctl, Action::restoreSysctl, Action::releaseSysctl,
                            Action::writeFile, Action::restoreFile})
    if (text == plan::name(action)) return action;
  return Action::removeFile;
}

host::Result<std::vector<Outcome>> readOutcomes(Connection& connection, std::int64_t number, bool onlyFailed) {
  std::string sql =
      "SELECT action, subject, before, after, origin, note, reason, errnum, thing, why, todo FROM outcomes "
      "WHERE generation = ?1";
  if (onlyFailed) sql += " AND reason <> ''";
  BEDPLATE_TRY_LET(Statement rows, connection.prepare(sql + " ORDER BY position"));
  rows.bind(1, number);
  std::vector<Outcome> outcomes;
  for (;;) {
    BEDPLATE_TRY_LET(const bool row, rows.step());
    if (!row) return outcomes;
    Outcome outcome;
    outcome.change = {actionOf(rows.text(0)), rows.text(1), rows.text(2), rows.text(3), rows.text(4), rows.text(5)};
    if (const std::string reason = rows.text(6); !reason.empty())
      outcome.error = host::Error{reason, static_cast<int>(rows.integer(7)), rows.text(8), rows.text(9), rows.text(10)};
    outcomes.push_back(std::move(outcome));
  }
}

host::Result<std::int64_t> countOutcomes(Connection& connection, std::int64_t number) {
  BEDPLATE_TRY_LET(Statement count, connection.prepare("SELECT count(*) FROM outcomes WHERE generation = ?1"));
  BEDPLATE_TRY_LET(const bool row, count.bind(1, number).step());
  return row ? count.integer(0) : 0;
}

host::Status writeOutcomes(Connection& connection, std::int64_t number, const std::vector<Outcome>& outcomes) {
  BEDPLATE_TRY_LET(Statement clear, connection.prepare("DELETE FROM outcomes WHERE generation = ?1"));
  BEDPLATE_TRY(clear.bind(1, number).run());
  BEDPLATE_TRY_LET(Statement insert,
                   connection.prepare("INSERT INTO outcomes VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13)"));
  const host::Error none;
  std::int64_t position = 0;
  for (const auto& [change, failed] : outcomes) {
    const host::Error& error = failed ? *failed : none;
    BEDPLATE_TRY(insert.bind(1, number)
                     .bind(2, position++)
                     .bind(3, std::string_view(plan::name(change.action)))
                     .bind(4, change.subject)
                     .bind(5, change.from)
                     .bind(6, change.to)
                     .bind(7, change.origin)
                     .bind(8, change.note)
                     .bind(9, error.reason)
                     .bind(10, std::int64_t{error.errnum})
                     .bind(11, error.thing)
                     .bind(12, error.why)
                     .bind(13, error.todo)
                     .run());
  }
  return {};
}

}  // namespace

const char* name(GenerationState state) {
  switch (state) {
    case GenerationState::applying: return "applying";
    case GenerationState::applied: return "applied";
    case GenerationState::rolledBack: break;
  }
  return "rolled-back";
}

Store::Store(std::unique_ptr<Database> database) : db_(std::move(database)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

host::Result<Store> Store::open(host::HostFiles& host, host::Clock& clock, Access access, host::Files* files) {
  const bool writable = access == Access::readWrite;
  auto opened = writable ? openForWriting(host, clock) : openForReading(host);
  if (!opened) return tl::make_unexpected(std::move(opened).error());
  return Store(std::unique_ptr<Database>(new Database{std::move(opened->connection),
                                                      std::move(opened->note),
                                                      clock,
                                                      files == nullptr ? host : *files,
                                                      writable,
                                                      opened->schema,
                                                      {},
                                                      {}}));
}

const std::string& Store::repairNote() const { return db_->note; }
Notes& Store::notes() { return db_->notes; }

host::Result<std::shared_ptr<const plan::Held>> Store::sharedHeld() {
  if (db_->held) return db_->held;
  BEDPLATE_TRY_LET(plan::Held read, readHeld(db_->files));
  auto held = std::make_shared<const plan::Held>(std::move(read));
  if (db_->writable) db_->held = held;
  return held;
}

host::Result<plan::Held> Store::held() {
  BEDPLATE_TRY_LET(const auto held, sharedHeld());
  return *held;
}

host::Status Store::take(const plan::Held& originals) {
  if (originals.sysctls.empty() && originals.files.empty()) return {};
  BEDPLATE_TRY_LET(plan::Held next, held());
  const std::size_t before = next.sysctls.size() + next.files.size();
  next.sysctls.insert(originals.sysctls.begin(), originals.sysctls.end());
  next.files.insert(originals.files.begin(), originals.files.end());
  if (next.sysctls.size() + next.files.size() == before) return {};
  return db_->write(std::move(next));
}

host::Status Store::drop(const std::vector<std::string>& keys, const std::vector<std::string>& paths) {
  if (keys.empty() && paths.empty()) return {};
  BEDPLATE_TRY_LET(plan::Held next, held());
  std::size_t dropped = 0;
  for (const auto& key : keys) dropped += next.sysctls.erase(key);
  for (const auto& path : paths) dropped += next.files.erase(path);
  if (dropped == 0) return {};
  return db_->write(std::move(next));
}

host::Result<std::int64_t> Store::nextNumber() {
  BEDPLATE_TRY_LET(Statement select,
                   db_->connection.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'generations'"));
  BEDPLATE_TRY_LET(const bool row, select.step());
  return (row ? select.integer(0) : 0) + 1;
}

host::Result<std::int64_t> Store::begin(const Generation& generation) {
  BEDPLATE_TRY_LET(Transaction transaction, Transaction::begin(db_->connection));
  Generation row = generation;
  row.state = GenerationState::applying;
  row.startedUs = db_->clock.wallUs();
  row.attempts = 1;
  BEDPLATE_TRY(insertGeneration(db_->connection, row));
  const std::int64_t number = db_->connection.lastId();
  BEDPLATE_TRY(
      db_->retain("DELETE FROM generations WHERE number <= ?1 AND number <> (SELECT max(number) "
                  "FROM generations WHERE state = 'applied')",
                  number, kKeptGenerations));
  BEDPLATE_TRY(transaction.commit());
  return number;
}

host::Status Store::beganAgain(std::int64_t number, const std::string& bootId) {
  return db_->changeOne("UPDATE generations SET attempts = attempts + 1, boot_id = ?2 WHERE number = ?1", number,
                        bootId);
}

host::Status Store::finish(std::int64_t number, GenerationState state, const std::string& why,
                           const std::vector<Outcome>& outcomes) {
  BEDPLATE_TRY_LET(Transaction transaction, Transaction::begin(db_->connection));
  BEDPLATE_TRY_LET(
      Statement update,
      db_->connection.prepare("UPDATE generations SET state = ?2, why = ?3, finished_us = ?4 WHERE number = ?1"));
  BEDPLATE_TRY(
      update.bind(1, number).bind(2, std::string_view(name(state))).bind(3, why).bind(4, db_->clock.wallUs()).run());
  BEDPLATE_TRY(writeOutcomes(db_->connection, number, outcomes));
  return transaction.commit();
}

host::Status Store::setOutcomes(std::int64_t number, const std::vector<Outcome>& outcomes) {
  BEDPLATE_TRY_LET(Transaction transaction, Transaction::begin(db_->connection));
  BEDPLATE_TRY(writeOutcomes(db_->connection, number, outcomes));
  return transaction.commit();
}

host::Result<std::optional<Generation>> Store::generation(std::int64_t number, With with) {
  BEDPLATE_TRY_LET(Statement select,
                   db_->connection.prepare(std::string("SELECT ") + kColumns + " FROM generations WHERE number = ?1"));
  BEDPLATE_TRY_LET(const bool row, select.bind(1, number).step());
  if (!row) return std::optional<Generation>();
  Generation generation = readRow(select);
  if (with != With::noOutcomes) {
    BEDPLATE_TRY_LET(generation.outcomes, readOutcomes(db_->connection, number, with == With::failures));
  }
  generation.changes = static_cast<std::int64_t>(generation.outcomes.size());
  if (with != With::allOutcomes) {
    BEDPLATE_TRY_LET(generation.changes, countOutcomes(db_->connection, number));
  }
  return std::optional<Generation>(std::move(generation));
}

host::Result<std::optional<Generation>> Store::latest(GenerationState state, With with) {
  BEDPLATE_TRY_LET(Statement select, db_->connection.prepare("SELECT max(number) FROM generations WHERE state = ?1"));
  BEDPLATE_TRY_LET(const bool row, select.bind(1, std::string_view(name(state))).step());
  const std::int64_t number = row ? select.integer(0) : 0;
  if (number == 0) return std::optional<Generation>();
  return generation(number, with);
}

host::Result<std::vector<Generation>> Store::history(std::size_t limit) {
  BEDPLATE_TRY_LET(Statement select, db_->connection.prepare(std::string("SELECT ") + kColumns +
                                                             " FROM generations ORDER BY number DESC LIMIT ?1"));
  select.bind(1, static_cast<std::int64_t>(std::min<std::size_t>(limit, 1'000'000)));
  std::vector<Generation> all;
  for (;;) {
    BEDPLATE_TRY_LET(const bool row, select.step());
    if (!row) return all;
    all.push_back(readRow(select));
  }
}

host::Status Store::forget(std::int64_t number) {
  BEDPLATE_TRY_LET(Statement remove, db_->connection.prepare("DELETE FROM generations WHERE number = ?1"));
  return remove.bind(1, number).run();
}

host::Result<std::string> Store::recoveredBoot() {
  BEDPLATE_TRY_LET(auto boot, db_->setting("boot"));
  return boot.value_or("");
}

host::Status Store::setRecoveredBoot(const std::string& bootId) { return putSetting(db_->connection, "boot", bootId); }

host::Status Store::addDrift(const DriftEvent& event) { return addDrift(std::vector{event}); }

host::Status Store::addDrift(const std::vector<DriftEvent>& events) {
  if (events.empty()) return {};
  BEDPLATE_TRY_LET(Transaction transaction, Transaction::begin(db_->connection));
  BEDPLATE_TRY_LET(Statement insert, db_->connection.prepare("INSERT INTO drift VALUES(NULL,?1,?2,?3,?4,?5,?6,?7)"));
  for (const auto& event : events)
    BEDPLATE_TRY(insert.bind(1, event.wallUs)
                     .bind(2, event.kind)
                     .bind(3, event.subject)
                     .bind(4, event.from)
                     .bind(5, event.to)
                     .bind(6, event.writer)
                     .bind(7, std::int64_t{event.repaired})
                     .run());
  BEDPLATE_TRY(db_->retain("DELETE FROM drift WHERE id <= ?1", db_->connection.lastId(), kKeptDrift));
  return transaction.commit();
}

host::Result<std::vector<DriftEvent>> Store::drift(std::int64_t sinceUs, std::size_t limit) {
  BEDPLATE_TRY_LET(Statement select,
                   db_->connection.prepare("SELECT wall_us, kind, subject, before, after, writer, repaired FROM drift "
                                           "WHERE wall_us >= ?1 ORDER BY id DESC LIMIT ?2"));
  select.bind(1, sinceUs).bind(2, static_cast<std::int64_t>(std::min<std::size_t>(limit, 1'000'000)));
  std::vector<DriftEvent> events;
  for (;;) {
    BEDPLATE_TRY_LET(const bool row, select.step());
    if (!row) return events;
    events.push_back({select.integer(0), select.text(1), select.text(2), select.text(3), select.text(4), select.text(5),
                      select.integer(6) != 0});
  }
}

host::Result<std::int64_t> Store::driftCount(std::int64_t sinceUs) {
  BEDPLATE_TRY_LET(Statement select, db_->connection.prepare("SELECT count(*) FROM drift WHERE wall_us >= ?1"));
  BEDPLATE_TRY_LET(const bool row, select.bind(1, sinceUs).step());
  return row ? select.integer(0) : 0;
}

host::Status Store::addSample(const Sample& sample) {
  if (sample.json.size() > kMaxSample)
    return host::fail("TooLarge", "sample of " + sample.probe, "has more than 64 KiB");
  BEDPLATE_TRY_LET(Transaction transaction, Transaction::begin(db_->connection));
  BEDPLATE_TRY_LET(Statement insert, db_->connection.prepare("INSERT INTO samples VALUES(NULL,?1,?2,?3)"));
  BEDPLATE_TRY(insert.bind(1, sample.wallUs).bind(2, sample.probe).bind(3, sample.json).run());
  BEDPLATE_TRY(db_->retain("DELETE FROM samples WHERE id <= ?1", db_->connection.lastId(), kKeptSamples));
  BEDPLATE_TRY_LET(Statement old, db_->connection.prepare("DELETE FROM samples WHERE probe = ?1 AND wall_us < ?2"));
  BEDPLATE_TRY(old.bind(1, sample.probe).bind(2, sample.wallUs - kKeptSamplesUs).run());
  return transaction.commit();
}

host::Result<std::vector<Sample>> Store::samples(const std::string& probe, std::int64_t sinceUs, std::size_t limit) {
  BEDPLATE_TRY_LET(Statement select,
                   db_->connection.prepare("SELECT wall_us, probe, json FROM samples WHERE probe = ?1 AND wall_us >= "
                                           "?2 ORDER BY wall_us DESC, id DESC LIMIT ?3"));
  select.bind(1, probe).bind(2, sinceUs).bind(3, static_cast<std::int64_t>(std::min<std::size_t>(limit, 1'000'000)));
  std::vector<Sample> all;
  for (;;) {
    BEDPLATE_TRY_LET(const bool row, select.step());
    if (!row) return all;
    all.push_back({select.integer(0), select.text(1), select.text(2)});
  }
}

}  // namespace bedplate::apply
