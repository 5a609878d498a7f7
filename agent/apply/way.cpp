#include "agent/apply/way.h"

#include <map>

#include "agent/apply/worker_setup.h"

namespace bedplate::apply {
namespace {

constexpr std::size_t kMaxKeyFile = 16 << 20;

host::Result<trust::Rules> rulesOf(const config::Config& config) {
  trust::Rules rules;
  if (config.trust.minimumCommit.empty()) return rules;
  rules.minimumCommit = source::ObjectId::fromHex(config.trust.minimumCommit);
  if (!rules.minimumCommit)
    return host::fail("InvalidConfiguration", "minimum-commit", "is not a full commit id", "give all 40 hex digits");
  return rules;
}

host::Status readKeys(host::Files& files, const std::string& path, std::optional<trust::KeyFile>& into) {
  if (path.empty()) return {};
  BEDPLATE_TRY_LET(auto text, files.read(path, kMaxKeyFile));
  into = trust::KeyFile{files.shown(path), std::move(text)};
  return {};
}

host::Error refusal(const trust::Judged::Bad& bad, const std::string& stays) {
  const std::string id = bad.commit.id.hex();
  return {"SignatureRefused", 0, "commit " + bad.commit.id.shortHex() + " (" + bad.commit.subject + ")",
          trust::whose(bad.commit, bad.verdict),
          "this node stays at " + stays + "; sign it and push again, or, if it is right: bedplate trust accept " + id};
}

}  // namespace

host::Result<trust::KeyFiles> keyFilesOf(const config::Config& config, host::Files& files) {
  trust::KeyFiles keys;
  BEDPLATE_TRY(readKeys(files, config.trust.allowedSigners, keys.allowedSigners));
  BEDPLATE_TRY(readKeys(files, config.trust.revokedKeys, keys.revokedKeys));
  BEDPLATE_TRY(readKeys(files, config.trust.gpgKeyring, keys.gpgKeyring));
  return keys;
}

host::Result<std::unique_ptr<trust::Verifier>> makeVerifier(const config::Config& config, host::HostFiles& host,
                                                            host::Files& files) {
  BEDPLATE_TRY_LET(const auto keys, keyFilesOf(config, files));
  return trust::Verifier::make(keys, gpgvSetup(host));
}

host::Result<Way> findWay(source::Session& session, const config::Config& config, Machine& machine, Store& store,
                          const source::Limits& limits, bool keep) {
  BEDPLATE_TRY_LET(const auto rules, rulesOf(config));
  BEDPLATE_TRY_LET(const auto accepted, trust::readAccepted(machine.files));
  BEDPLATE_TRY_LET(auto commits, trust::newCommits(session, session.head(), accepted, rules, limits));
  if (commits.empty()) {
    BEDPLATE_TRY_LET(auto head, source::readCommit(session, session.head()));
    if (keep) BEDPLATE_TRY(store.setSights({}));
    return Way{std::move(head), {}};
  }
  if (config.trust.signatures == "off") return Way{std::move(commits.back()), {}};

  BEDPLATE_TRY_LET(const auto verifier, makeVerifier(config, machine.host, machine.files));
  BEDPLATE_TRY_LET(const auto known, store.sights());
  const std::int64_t nowUs = machine.clock.wallUs();
  const auto seenAt = [&](const source::ObjectId& commit) {
    const auto found = known.find(commit.hex());
    return found == known.end() ? nowUs : found->second;
  };
  BEDPLATE_TRY_LET(auto judged, trust::judge(session, *verifier, commits, config.repository.path, !accepted, seenAt));
  if (keep) {
    std::map<std::string, std::int64_t> waiting;
    if (judged.bad)
      for (const auto& commit : commits) waiting.emplace(commit.id.hex(), seenAt(commit.id));
    BEDPLATE_TRY(store.setSights(waiting));
  }
  if (!judged.bad) return Way{std::move(commits.back()), {}};
  const std::string stays = judged.to  ? judged.to->id.shortHex()
                            : accepted ? accepted->commit.shortHex()
                                       : std::string("what it has");
  host::Error error = refusal(*judged.bad, stays);
  if (config.trust.signatures == "warn") {
    error.todo = "signatures = warn: this node goes on; sign what changes " + config.repository.path;
    return Way{std::move(commits.back()), std::move(error)};
  }
  if (!judged.to) return host::Failure(std::move(error));
  return Way{std::move(*judged.to), std::move(error)};
}

host::Status acceptCommit(Store& store, Machine& machine, const source::ObjectId& commit) {
  const std::int64_t nowUs = machine.clock.wallUs();
  // The floor first: without its line in the history it is still the operator's, and says so.
  BEDPLATE_TRY(trust::writeAccepted(machine.files, {commit, "operator", nowUs}));
  return store.addAcceptance({commit.hex(), nowUs});
}

}  // namespace bedplate::apply
