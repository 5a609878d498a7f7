#include "agent/apply/store_open.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "agent/apply/fingerprint.h"
#include "agent/apply/generations.h"
#include "agent/apply/store_k3s.h"
#include "tuning/host/paths.h"

namespace bedplate::apply {
namespace {

constexpr std::int64_t kSchema = 3;
// quick_check reads the whole file; retention keeps ours far below this.
constexpr std::uint64_t kCheckedBytes = 64 << 20;

constexpr const char* kTables = R"(
CREATE TABLE generations(
  number INTEGER PRIMARY KEY AUTOINCREMENT, commit_id TEXT NOT NULL, subject TEXT NOT NULL, tree TEXT NOT NULL,
  digest TEXT NOT NULL, cause TEXT NOT NULL, state TEXT NOT NULL, why TEXT NOT NULL, started_us INTEGER NOT NULL,
  finished_us INTEGER NOT NULL, boot_id TEXT NOT NULL, attempts INTEGER NOT NULL);
CREATE TABLE outcomes(
  generation INTEGER NOT NULL REFERENCES generations(number) ON DELETE CASCADE, position INTEGER NOT NULL,
  action TEXT NOT NULL, subject TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL, origin TEXT NOT NULL,
  note TEXT NOT NULL, reason TEXT NOT NULL, errnum INTEGER NOT NULL, thing TEXT NOT NULL, why TEXT NOT NULL,
  todo TEXT NOT NULL, PRIMARY KEY(generation, position)) WITHOUT ROWID;
CREATE TABLE drift(
  id INTEGER PRIMARY KEY, wall_us INTEGER NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, before TEXT NOT NULL,
  after TEXT NOT NULL, writer TEXT NOT NULL, repaired INTEGER NOT NULL);
CREATE INDEX drift_time ON drift(wall_us);
CREATE TABLE samples(
  id INTEGER PRIMARY KEY, wall_us INTEGER NOT NULL, probe TEXT NOT NULL, json TEXT NOT NULL);
CREATE INDEX samples_time ON samples(probe, wall_us);
CREATE TABLE bad_trees(tree TEXT PRIMARY KEY, why TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE settings(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
PRAGMA user_version = 1;
)";

// What each later version adds.
constexpr const char* kSecond = R"(
CREATE TABLE commits(
  id INTEGER PRIMARY KEY, commit_id TEXT NOT NULL UNIQUE, subject TEXT NOT NULL, generation INTEGER NOT NULL,
  seen_us INTEGER NOT NULL, fetched_us INTEGER NOT NULL, applied_us INTEGER NOT NULL, confirmed_us INTEGER NOT NULL,
  accepted_us INTEGER NOT NULL, waited TEXT NOT NULL);
CREATE INDEX commits_time ON commits(seen_us);
PRAGMA user_version = 2;
)";

constexpr const char* kThird = R"(
CREATE TABLE sights(commit_id TEXT PRIMARY KEY, seen_us INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE acceptances(id INTEGER PRIMARY KEY, wall_us INTEGER NOT NULL, commit_id TEXT NOT NULL);
PRAGMA user_version = 3;
)";

host::Result<std::int64_t> schemaOf(Connection& connection) {
  BEDPLATE_TRY_LET(Statement statement, connection.prepare("PRAGMA user_version"));
  BEDPLATE_TRY_LET(const bool row, statement.step());
  return row ? statement.integer(0) : 0;
}

host::Failure newer(const Connection& connection, std::int64_t schema) {
  return host::fail(
      "Newer", connection.shown(),
      "is of a newer Bedplate (schema " + std::to_string(schema) + ", this one knows " + std::to_string(kSchema) + ")",
      "install that version again; this one changes nothing");
}

host::Status check(Connection& connection, host::HostFiles& files) {
  const auto info = files.info(host::paths::stateDb);
  if (info && info->size > kCheckedBytes) return {};
  BEDPLATE_TRY_LET(Statement statement, connection.prepare("PRAGMA quick_check(1)"));
  BEDPLATE_TRY_LET(const bool row, statement.step());
  if (row && statement.text(0) == "ok") return {};
  return host::fail("Corrupt", connection.shown(), row ? statement.text(0) : "cannot be checked");
}

// What lies in generations/ is what was applied: others are removed when they are taken back.
host::Result<std::size_t> importGenerations(Connection& connection, host::HostFiles& files) {
  std::size_t count = 0;
  std::set<std::string> sealed;
  const Generations stored(files);
  plan::Target newest;
  BEDPLATE_TRY_LET(const auto numbers, stored.numbers());
  for (const std::int64_t number : numbers) {
    auto target = stored.read(number);
    if (!target || !stored.complete(*target)) continue;
    Generation generation;
    generation.number = number;
    generation.commit = target->commit;
    generation.subject = target->subject;
    generation.tree = target->tree;
    generation.digest = plan::digest(*target);
    generation.cause = "commit";
    generation.state = GenerationState::applied;
    generation.why = "found on disk";
    const auto info = files.info(stored.targetPath(number));
    generation.startedUs = generation.finishedUs = info ? info->modifiedNs / 1000 : 0;
    generation.attempts = 1;
    BEDPLATE_TRY(insertGeneration(connection, generation));
    for (const auto& file : target->files)
      if (file.sealed) sealed.insert(file.path);
    newest = std::move(*target);
    ++count;
  }
  if (!sealed.empty()) BEDPLATE_TRY(putSetting(connection, kSealedPaths, sealedText(sealed)));
  if (!newest.node.name.empty()) {
    BEDPLATE_TRY(putSetting(connection, "latch.name", newest.node.name));
    BEDPLATE_TRY(putSetting(connection, "latch.role", newest.node.role));
    BEDPLATE_TRY(putSetting(connection, "latch.cluster", newest.node.cluster));
  }
  return count;
}

host::Result<Opened> openChecked(host::HostFiles& files) {
  BEDPLATE_TRY_LET(Connection connection, Connection::open(files, SQLITE_OPEN_READWRITE));
  BEDPLATE_TRY(connection.execute("PRAGMA journal_mode=DELETE; PRAGMA synchronous=EXTRA; PRAGMA foreign_keys=ON"));
  BEDPLATE_TRY_LET(const std::int64_t schema, schemaOf(connection));
  if (schema > kSchema) return newer(connection, schema);
  BEDPLATE_TRY(check(connection, files));
  Opened opened{std::move(connection), {}, kSchema};
  if (schema == kSchema) return opened;
  BEDPLATE_TRY_LET(Transaction transaction, Transaction::begin(opened.connection));
  std::size_t count = 0;
  if (schema == 0) {
    BEDPLATE_TRY(opened.connection.execute(kTables));
    BEDPLATE_TRY_LET(count, importGenerations(opened.connection, files));
  }
  if (schema < 2) BEDPLATE_TRY(opened.connection.execute(kSecond));
  BEDPLATE_TRY(opened.connection.execute(kThird));
  BEDPLATE_TRY(transaction.commit());
  if (count > 0)
    opened.note = "rebuilt with " + std::to_string(count) +
                  " generations found on disk; history, drift events, suspension and holds before now are not in it";
  return opened;
}

host::Result<std::string> setAside(host::HostFiles& files, host::Clock& clock) {
  std::string aside = std::string(host::paths::stateDb) + ".corrupt-" + host::isoTime(clock.wallUs());
  // The journal first: one that is left without its database would be played into the new one.
  const std::string journal = std::string(host::paths::stateDb) + "-journal";
  if (auto moved = files.rename(journal, aside + "-journal"); !moved && moved.error().errnum != ENOENT)
    return tl::make_unexpected(std::move(moved).error());
  BEDPLATE_TRY(files.rename(host::paths::stateDb, aside));
  BEDPLATE_TRY(files.flush(host::paths::stateDir));
  return aside;
}

// SQLite makes files by the umask; the mode is ours to say. No secret is in it, so readers need not be root.
host::Status makeFile(host::HostFiles& files) {
  BEDPLATE_TRY_LET(host::UniqueFd fd, files.openAt(host::paths::stateDb, O_RDWR | O_CREAT | O_NOFOLLOW, 0644));
  if (::fchmod(fd.get(), 0644) != 0)
    return host::failErrno(errno, files.shown(host::paths::stateDb), "cannot set the mode");
  return {};
}

}  // namespace

host::Status insertGeneration(Connection& connection, const Generation& generation) {
  BEDPLATE_TRY_LET(
      Statement insert,
      connection.prepare("INSERT INTO generations VALUES(NULLIF(?1,0),?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)"));
  return insert.bind(1, generation.number)
      .bind(2, generation.commit)
      .bind(3, generation.subject)
      .bind(4, generation.tree)
      .bind(5, generation.digest)
      .bind(6, generation.cause)
      .bind(7, std::string_view(name(generation.state)))
      .bind(8, generation.why)
      .bind(9, generation.startedUs)
      .bind(10, generation.finishedUs)
      .bind(11, generation.bootId)
      .bind(12, std::int64_t{generation.attempts})
      .run();
}

host::Status putSetting(Connection& connection, std::string_view name, std::string_view value) {
  BEDPLATE_TRY_LET(Statement put, connection.prepare("INSERT OR REPLACE INTO settings VALUES(?1,?2)"));
  return put.bind(1, name).bind(2, value).run();
}

host::Result<Opened> openForWriting(host::HostFiles& files, host::Clock& clock) {
  BEDPLATE_TRY(files.makeDirectories(host::paths::stateDir, 0711));
  BEDPLATE_TRY(ensureFingerprintKey(files));
  const bool fresh = !files.info(host::paths::stateDb);
  if (fresh) BEDPLATE_TRY(makeFile(files));
  auto opened = openChecked(files);
  if (opened && fresh && !opened->note.empty()) opened->note = "state.db was missing: " + opened->note;
  if (opened || opened.error().reason != "Corrupt") return opened;
  const std::string why = opened.error().why;
  BEDPLATE_TRY_LET(const std::string aside, setAside(files, clock));
  BEDPLATE_TRY(makeFile(files));
  opened = openChecked(files);
  if (!opened) return opened;
  if (opened->note.empty()) opened->note = "made anew, as no generation was found on disk";
  opened->note = "state.db was damaged (" + why + ") and is kept as " + files.shown(aside) + ": " + opened->note;
  return opened;
}

host::Result<Opened> openForReading(host::HostFiles& files) {
  BEDPLATE_TRY(files.info(host::paths::stateDb));
  BEDPLATE_TRY_LET(Connection connection, Connection::open(files, SQLITE_OPEN_READONLY));
  BEDPLATE_TRY_LET(const std::int64_t schema, schemaOf(connection));
  if (schema > kSchema) return newer(connection, schema);
  if (schema == 0)
    return host::fail("NotFound", connection.shown(), "holds no state yet", "start bedplated, or run bedplate sync");
  return Opened{std::move(connection), {}, schema};
}

}  // namespace bedplate::apply
