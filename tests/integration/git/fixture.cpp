#include "tests/integration/git/fixture.h"

#include <filesystem>

namespace bedplate::gittest {

GitTest::GitTest() {
  std::filesystem::create_directories(at("remote"));
  std::filesystem::create_directories(at("home"));
  std::filesystem::create_directories(at("state/git"));
  for (const auto& [name, value] : {std::pair<const char*, std::string>{"HOME", at("home")},
                                    {"GIT_CONFIG_NOSYSTEM", "1"},
                                    {"GIT_CONFIG_COUNT", "1"},
                                    {"GIT_CONFIG_KEY_0", "safe.directory"},
                                    {"GIT_CONFIG_VALUE_0", "*"},
                                    {"GIT_AUTHOR_NAME", "Ada"},
                                    {"GIT_AUTHOR_EMAIL", "ada@example.org"},
                                    {"GIT_COMMITTER_NAME", "Ada"},
                                    {"GIT_COMMITTER_EMAIL", "ada@example.org"}})
    ::setenv(name, value.c_str(), 1);
  run({"git", "init", "-q", "--bare", "-b", "main", bare});
  run({"git", "init", "-q", "-b", "main", work});
  git({"remote", "add", "origin", bare});
  remote.url = "file://" + bare;
  remote.branch = "main";
  remote.timeoutMs = 60000;
  setup.program = BEDPLATE_WORKER;
  setup.mirror = at("state/git/mirror.git");
  setup.user = "";
}

std::string GitTest::git(Arguments arguments, const std::string& input, const std::string& folder) {
  arguments.insert(arguments.begin(), "git");
  return run(arguments, input, folder.empty() ? work : folder);
}

std::string GitTest::commit(const std::string& path, const std::string& content, const std::string& subject) {
  tree.write("work/" + path, content);
  git({"add", "-A"});
  git({"commit", "-q", "-m", subject});
  git({"push", "-q", "-f", "origin", "HEAD:main"});
  return git({"rev-parse", "HEAD"});
}

std::string GitTest::push(const std::string& commitId) {
  git({"push", "-q", "-f", "origin", commitId + ":refs/heads/main"});
  return commitId;
}

std::string GitTest::commitTree(const std::string& treeId, const std::string& parent) {
  Arguments arguments{"commit-tree", treeId, "-m", "made"};
  if (!parent.empty()) arguments.insert(arguments.end(), {"-p", parent});
  return push(git(arguments));
}

std::unique_ptr<Session> GitTest::fetched() {
  auto session = start();
  if (!session) {
    ADD_FAILURE() << session.error().reason << ": " << session.error().text();
    return nullptr;
  }
  const auto done = (*session)->fetch();
  if (!done) ADD_FAILURE() << done.error().reason << ": " << done.error().text();
  return done ? std::move(*session) : nullptr;
}

std::string GitTest::reason() {
  text.clear();
  const auto session = start();
  const auto done = session ? (*session)->fetch() : host::Status(host::Failure(session.error()));
  if (done) return {};
  text = done.error().text();
  return done.error().reason;
}

host::Result<source::Snapshot> GitTest::snapshot(Session& session, const std::string& path) {
  refusals.clear();
  BEDPLATE_TRY_LET(const auto head, source::readCommit(session, session.head()));
  return source::readSnapshot(session, head, path, limits, cache, refusals);
}

}  // namespace bedplate::gittest
