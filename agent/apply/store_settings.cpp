// Suspension, hold, bad trees, groups of keys, latch: small things that outlive a reboot.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

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
  // What is on its way now is late because somebody wanted it so.
  BEDPLATE_TRY(
      db_->connection.execute("UPDATE commits SET waited = 'Suspended' WHERE confirmed_us = 0 AND waited = '' "
                              "AND id = (SELECT max(id) FROM commits)"));
  return transaction.commit();
}

host::Status Store::resume() {
  BEDPLATE_TRY_LET(Transaction transaction, Transaction::begin(db_->connection));
  BEDPLATE_TRY(
      db_->connection.execute("DELETE FROM settings WHERE name LIKE 'suspension.%' OR name LIKE 'cutoff.%' OR name = "
                              "'hold'; DELETE FROM bad_trees"));
  return transaction.commit();
}

namespace {

constexpr const char* kBenchmark = "benchmark";
constexpr std::string_view kUnset = "-";

// Its members in their order, a blank between; the ratio in millionths.
std::string benchmarkText(const cluster::NodeConfig::Benchmark& benchmark) {
  const auto text = [](const std::optional<std::int64_t>& value) {
    return value ? std::to_string(*value) : std::string(kUnset);
  };
  std::optional<std::int64_t> millionths;
  if (benchmark.stealLimit) millionths = std::llround(*benchmark.stealLimit * 1e6);
  return text(benchmark.diskEveryMs) + " " + text(benchmark.diskForMs) + " " + text(benchmark.diskP99LimitMs) + " " +
         text(benchmark.stealWindowMs) + " " + text(millionths);
}

std::optional<std::int64_t> nextNumber(std::string_view& text) {
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(std::min(word.size() + 1, text.size()));
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size() || value < 0) return std::nullopt;
  return value;
}

cluster::NodeConfig::Benchmark benchmarkOf(std::string_view text) {
  cluster::NodeConfig::Benchmark benchmark;
  for (auto* member :
       {&benchmark.diskEveryMs, &benchmark.diskForMs, &benchmark.diskP99LimitMs, &benchmark.stealWindowMs})
    *member = nextNumber(text);
  if (const auto millionths = nextNumber(text)) benchmark.stealLimit = static_cast<double>(*millionths) / 1e6;
  return benchmark;
}

}  // namespace

host::Result<cluster::NodeConfig::Benchmark> Store::benchmark() {
  BEDPLATE_TRY_LET(const auto text, db_->setting(kBenchmark));
  return benchmarkOf(text.value_or(""));
}

host::Status Store::setBenchmark(const cluster::NodeConfig::Benchmark& benchmark) {
  const std::string text = benchmarkText(benchmark);
  BEDPLATE_TRY_LET(const auto before, db_->setting(kBenchmark));
  if (before.value_or(benchmarkText({})) == text) return {};
  return putSetting(db_->connection, kBenchmark, text);
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

// One line each, "boot", "check" or "value" first; keys hold no blanks.
host::Result<std::optional<OpenGroup>> Store::openGroup() {
  BEDPLATE_TRY_LET(const auto text, db_->setting("group"));
  if (!text) return std::optional<OpenGroup>();
  OpenGroup group;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const std::size_t blank = std::min(line.find(' '), line.size());
    const std::string_view kind = line.substr(0, blank);
    const std::string_view said = line.substr(std::min(blank + 1, line.size()));
    if (kind == "boot") group.bootId = said;
    if (kind == "check") group.checks.emplace_back(said);
    if (kind != "value") continue;
    const std::size_t middle = std::min(said.find(' '), said.size());
    group.values.emplace_back(said.substr(0, middle), said.substr(std::min(middle + 1, said.size())));
  }
  return std::optional<OpenGroup>(std::move(group));
}

host::Status Store::setOpenGroup(const OpenGroup& group) {
  std::string text = "boot " + group.bootId + "\n";
  for (const auto& check : group.checks) text += "check " + check + "\n";
  for (const auto& [key, value] : group.values) text += "value " + key + " " + value + "\n";
  return putSetting(db_->connection, "group", text);
}

host::Status Store::closeGroup() { return db_->connection.execute("DELETE FROM settings WHERE name = 'group'"); }

host::Result<std::optional<CutOff>> Store::cutOff() {
  BEDPLATE_TRY_LET(auto group, db_->setting("cutoff.group"));
  if (!group) return std::optional<CutOff>();
  BEDPLATE_TRY_LET(auto why, db_->setting("cutoff.why"));
  return std::optional<CutOff>({std::move(*group), why.value_or("")});
}

host::Status Store::setCutOff(const CutOff& cutOff) {
  BEDPLATE_TRY_LET(Transaction transaction, Transaction::begin(db_->connection));
  BEDPLATE_TRY(putSetting(db_->connection, "cutoff.group", cutOff.group));
  BEDPLATE_TRY(putSetting(db_->connection, "cutoff.why", cutOff.why));
  BEDPLATE_TRY(closeGroup());
  return transaction.commit();
}

host::Status Store::clearCutOff() {
  BEDPLATE_TRY_LET(const auto there, db_->setting("cutoff.group"));
  if (!there) return {};
  return db_->connection.execute("DELETE FROM settings WHERE name LIKE 'cutoff.%'");
}

host::Result<bool> Store::parked() {
  BEDPLATE_TRY_LET(const auto parked, db_->setting("parked"));
  return parked.has_value();
}

host::Status Store::setParked(bool parked) {
  if (parked) return putSetting(db_->connection, "parked", "1");
  return db_->connection.execute("DELETE FROM settings WHERE name = 'parked'");
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
