// What outlives a reboot of a restart of K3s.
#include <algorithm>
#include <charconv>

#include "agent/apply/k3s_trial.h"
#include "agent/apply/store_database.h"
#include "agent/apply/store_k3s.h"
#include "agent/apply/store_open.h"

namespace bedplate::apply {
namespace {

constexpr const char* kTrial = "k3s.trial";
constexpr const char* kRunning = "k3s.running";
constexpr const char* kConfirmed = "k3s.confirmed";

// With the trees that are not tried again, so that what ends their ban ends this one.
std::string badName(const std::string& part) { return "k3s:" + part; }

}  // namespace

host::Result<K3sTrial> Store::k3sTrial() {
  BEDPLATE_TRY_LET(const auto text, db_->setting(kTrial));
  return text ? parseTrialText(*text).value_or(K3sTrial{}) : K3sTrial{};
}

host::Status Store::setK3sTrial(const K3sTrial& trial) {
  const std::string said = text(trial);
  BEDPLATE_TRY_LET(const auto before, db_->setting(kTrial));
  if (before.value_or(text(K3sTrial{})) == said) return {};
  return putSetting(db_->connection, kTrial, said);
}

host::Status Store::setK3sBad(const K3sTrial& trial, const std::string& why) {
  BEDPLATE_TRY_LET(Transaction transaction, Transaction::begin(db_->connection));
  if (!trial.part.empty()) BEDPLATE_TRY(setBad(badName(trial.part), why));
  BEDPLATE_TRY(putSetting(db_->connection, kTrial, text(trial)));
  return transaction.commit();
}

host::Result<std::optional<std::string>> Store::k3sBad(const std::string& part) { return bad(badName(part)); }

host::Result<std::optional<K3sRunning>> Store::k3sRunning() {
  BEDPLATE_TRY_LET(const auto text, db_->setting(kRunning));
  return text ? parseRunning(*text) : std::nullopt;
}

host::Status Store::setK3sRunning(const K3sRunning& running) {
  BEDPLATE_TRY_LET(const auto before, k3sRunning());
  if (before && *before == running) return {};
  return putSetting(db_->connection, kRunning, text(running));
}

std::string sealedText(const std::set<std::string>& paths) {
  std::string text;
  for (const auto& path : paths) text += path + "\n";
  return text;
}

host::Result<std::set<std::string>> Store::sealedPaths() {
  BEDPLATE_TRY_LET(const auto text, db_->setting(kSealedPaths));
  std::set<std::string> paths;
  std::string_view rest = text ? std::string_view(*text) : std::string_view();
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    if (end > 0) paths.emplace(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return paths;
}

host::Status Store::addSealedPaths(const plan::Target& target) {
  BEDPLATE_TRY_LET(auto paths, sealedPaths());
  const std::size_t before = paths.size();
  for (const auto& file : target.files)
    if (file.sealed) paths.insert(file.path);
  if (paths.size() == before) return {};
  return putSetting(db_->connection, kSealedPaths, sealedText(paths));
}

host::Result<std::int64_t> Store::k3sConfirmed() {
  BEDPLATE_TRY_LET(const auto text, db_->setting(kConfirmed));
  std::int64_t number = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), number);
  return number;
}

host::Status Store::setK3sConfirmed(std::int64_t generation) {
  BEDPLATE_TRY_LET(const std::int64_t before, k3sConfirmed());
  if (before == generation) return {};
  return putSetting(db_->connection, kConfirmed, std::to_string(generation));
}

}  // namespace bedplate::apply
