// bedplate trust verify [RANGE]: whose signatures the commits carry.
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "agent/apply/reconcile.h"
#include "agent/apply/worker_setup.h"
#include "agent/cli/arguments.h"
#include "agent/cli/trust.h"
#include "agent/report/json.h"
#include "agent/report/text.h"
#include "agent/trust/trust.h"

namespace bedplate::cli {
namespace {

using report::Json;
using source::Commit;
using source::ObjectId;
using trust::Standing;
using trust::Verdict;

constexpr std::size_t kMaxKeyFile = 16 << 20;

struct Asked {
  std::string range, repository, allowedSigners, revokedKeys, gpgKeyring, path;
};

struct Judged {
  Commit commit;
  bool mustBeSigned = true;
  Verdict verdict;

  [[nodiscard]] bool passes() const { return !mustBeSigned || verdict.standing == Standing::good; }
  [[nodiscard]] const char* word() const {
    if (verdict.standing == Standing::good) return "good";
    if (!mustBeSigned) return "exempt";
    return verdict.standing == Standing::bad ? "bad" : "unsigned";
  }
};

// A file that was named on the command line is where the caller is, not below the root.
host::Result<trust::KeyFile> readHere(const std::string& name) {
  BEDPLATE_TRY_LET(auto files, host::HostFiles::open("/"));
  std::error_code failed;
  const std::filesystem::path path = std::filesystem::absolute(name, failed);
  if (failed) return host::fail("NotFound", name, "is no path: " + failed.message());
  BEDPLATE_TRY_LET(auto text, files.read(path.lexically_normal().relative_path().string(), kMaxKeyFile));
  return trust::KeyFile{name, std::move(text)};
}

// What is named takes the place of what is configured.
host::Status replace(std::optional<trust::KeyFile>& keys, const std::string& named) {
  if (named.empty()) return {};
  BEDPLATE_TRY_LET(keys, readHere(named));
  return {};
}

host::Result<std::unique_ptr<trust::Verifier>> makeVerifier(Context& context, const Asked& asked,
                                                            const config::Config& config) {
  config::Config others = config;
  if (!asked.allowedSigners.empty()) others.trust.allowedSigners.clear();
  if (!asked.revokedKeys.empty()) others.trust.revokedKeys.clear();
  if (!asked.gpgKeyring.empty()) others.trust.gpgKeyring.clear();
  BEDPLATE_TRY_LET(auto keys, apply::keyFilesOf(others, context.files()));
  BEDPLATE_TRY(replace(keys.allowedSigners, asked.allowedSigners));
  BEDPLATE_TRY(replace(keys.revokedKeys, asked.revokedKeys));
  BEDPLATE_TRY(replace(keys.gpgKeyring, asked.gpgKeyring));
  if (!keys.allowedSigners && !keys.gpgKeyring)
    return host::fail("NoKeys", "", "nothing says whose signatures count",
                      asked.repository.empty()
                          ? "set allowed-signers in the [trust] section of bedplate.conf, or name --allowed-signers"
                          : "name --allowed-signers FILE or --gpg-keyring FILE");
  return trust::Verifier::make(keys, apply::gpgvSetup(context.files()));
}

// Root reads somebody's repository as that somebody, where there is a name for it.
std::string readerOf(const std::string& directory) {
  struct stat info{};
  if (::geteuid() != 0 || ::stat(directory.c_str(), &info) != 0 || info.st_uid == 0) return {};
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(info.st_uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return {};
  return entry.pw_name;
}

host::Result<std::unique_ptr<source::Session>> openSession(Context& context, const Asked& asked,
                                                           const config::Config& config) {
  source::WorkerSetup worker = apply::workerSetup(context.files());
  if (!asked.repository.empty()) {
    std::error_code failed;
    const std::string directory = std::filesystem::absolute(asked.repository, failed).lexically_normal().string();
    worker.user = readerOf(directory);
    return source::Session::open(directory, worker);
  }
  if (!config.configured())
    return host::fail("Unconfigured", context.files().shown(context.configPath()), "names no repository",
                      "set url and path in its [repository] section, or name a clone with --repo");
  BEDPLATE_TRY_LET(const auto remote, apply::makeRemote(config, context.files()));
  BEDPLATE_TRY(apply::prepareMirrorDirectory(context.files(), worker.user));
  BEDPLATE_TRY_LET(auto session, source::Session::start(remote, worker));
  BEDPLATE_TRY(session->fetch());
  return session;
}

// "A..B" is what B has and A has not; a revision alone is that commit; nothing is the head, on a node with all that
// lies between minimum-commit and it.
host::Result<std::vector<Commit>> commitsOf(source::Session& session, const std::string& range,
                                            const config::Config& config) {
  if (range.empty()) {
    const auto minimum = ObjectId::fromHex(config.trust.minimumCommit);
    return session.range(minimum.value_or(ObjectId{}), session.head(), {});
  }
  const std::size_t dots = range.find("..");
  if (dots == std::string::npos) {
    BEDPLATE_TRY_LET(const auto id, session.resolve(range));
    return session.range(ObjectId{}, id, {});
  }
  const std::string from = range.substr(0, dots), to = range.substr(dots + 2);
  if (from.empty() || to.starts_with('.'))
    return host::fail("Invalid", range, "is no range", "write A..B, or A.. for all from A to the head");
  BEDPLATE_TRY_LET(const auto base, session.resolve(from));
  ObjectId head = session.head();
  if (!to.empty()) {
    BEDPLATE_TRY_LET(head, session.resolve(to));
  }
  auto commits = session.range(base, head, {});
  if (!commits && commits.error().reason == "NotDescendant")
    commits.error().todo = "begin where they part: $(git merge-base " + from + " " + (to.empty() ? "HEAD" : to) +
                           "); a shallow clone lacks it: git fetch --unshallow";
  return commits;
}

host::Result<std::vector<Judged>> judge(Context& context, const Asked& asked, std::int64_t atUs) {
  const config::Config config = asked.repository.empty() ? context.configAsFarAsReadable() : config::Config{};
  BEDPLATE_TRY_LET(const auto verifier, makeVerifier(context, asked, config));
  BEDPLATE_TRY_LET(const auto session, openSession(context, asked, config));
  BEDPLATE_TRY_LET(auto commits, commitsOf(*session, asked.range, config));
  std::vector<bool> must(commits.size(), true);
  if (!asked.path.empty()) {
    BEDPLATE_TRY_LET(must, trust::mustBeSigned(*session, commits, asked.path));
  }
  std::vector<Judged> judged;
  judged.reserve(commits.size());
  for (std::size_t i = 0; i < commits.size(); ++i) {
    BEDPLATE_TRY_LET(auto verdict, verifier->verify(commits[i], atUs));
    commits[i].raw.clear();
    judged.push_back({std::move(commits[i]), must[i], std::move(verdict)});
  }
  return judged;
}

Json json(const std::vector<Judged>& all, const Asked& asked, std::int64_t atUs) {
  Json commits = Json::array();
  std::int64_t failed = 0;
  for (const auto& one : all) {
    failed += one.passes() ? 0 : 1;
    commits.push_back(Json{{"commit", one.commit.id.hex()},
                           {"subject", one.commit.subject},
                           {"author", one.commit.author},
                           {"verdict", one.word()},
                           {"mustBeSigned", one.mustBeSigned},
                           {"reason", one.verdict.reason},
                           {"message", one.verdict.why},
                           {"principal", one.verdict.principal},
                           {"key", one.verdict.key},
                           {"kind", one.verdict.kind},
                           {"payload", one.verdict.payload.hex()}});
  }
  return Json{{"passed", failed == 0},
              {"failed", failed},
              {"path", asked.path},
              {"at", host::isoTime(atUs)},
              {"commits", std::move(commits)}};
}

void print(Context& context, const std::vector<Judged>& all, const Asked& asked) {
  const bool colour = context.terminal().colour;
  std::int64_t failed = 0, exempt = 0;
  for (const auto& one : all) {
    failed += one.passes() ? 0 : 1;
    exempt += one.word() == std::string_view("exempt") ? 1 : 0;
    const std::string line =
        " " + one.commit.id.shortHex() + " " + trust::whose(one.commit, one.verdict) + " | " + one.commit.subject;
    std::string word = one.word();
    word.resize(8, ' ');
    context.out() << report::paint(word, !one.passes() ? report::Colour::red : report::Colour::green, colour)
                  << report::clean(line) << "\n";
  }
  const auto count = static_cast<std::int64_t>(all.size());
  std::string line = report::count(count, "commit") + ": ";
  line += failed == 0 ? "all that must be signed are" : std::to_string(failed) + " not signed as they must be";
  if (exempt > 0) line += "; " + std::to_string(exempt) + " exempt, for they change nothing at " + asked.path;
  context.out() << report::clean(line) << "\n";
}

int run(Context& context, const Asked& asked) {
  const std::int64_t atUs = context.clock().wallUs();
  const auto judged = judge(context, asked, atUs);
  if (!judged) return context.fail("trust verify", judged.error());
  if (context.json())
    context.out() << report::print(json(*judged, asked, atUs));
  else
    print(context, *judged, asked);
  for (const auto& one : *judged)
    if (!one.passes()) return 1;
  return 0;
}

}  // namespace

void addTrustVerify(const Verb& trust, Run& chosen) {
  auto asked = std::make_shared<Asked>();
  const Verb verb =
      trust.verb("verify", "Whose signatures commits carry, one line each; exits 1 when one lacks its own");
  verb.option("RANGE", asked->range, "A..B, or one commit; the head without it, from minimum-commit where that is set");
  verb.option("--repo", asked->repository, "A clone on this machine, without an agent").named("DIR");
  verb.option("--allowed-signers", asked->allowedSigners, "Instead of the one in bedplate.conf").named("FILE");
  verb.option("--revoked-keys", asked->revokedKeys, "Instead of the one in bedplate.conf").named("FILE");
  verb.option("--gpg-keyring", asked->gpgKeyring, "Instead of the one in bedplate.conf").named("FILE");
  verb.option("--path", asked->path, "Only what changes the tree at this path has to be signed").named("PATH");
  verb.runs(chosen, [asked](Context& context) { return run(context, *asked); });
}

}  // namespace bedplate::cli
