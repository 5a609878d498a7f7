// A repository, a mirror and a worker's setup: what every test of the Git source begins with.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "agent/source/source.h"
#include "tests/integration/git/program.h"
#include "tests/lib/temp_tree.h"

namespace bedplate::gittest {

using source::ObjectId;
using source::Session;

class GitTest : public ::testing::Test {
 protected:
  GitTest();

  // git in the work tree beside the remote, or in `folder`.
  std::string git(Arguments arguments, const std::string& input = {}, const std::string& folder = {});
  // Writes the file, commits, pushes main, and gives the commit's id.
  std::string commit(const std::string& path, const std::string& content, const std::string& subject = "change");
  // A commit of this tree on main, pushed by force; parents as given.
  std::string commitTree(const std::string& treeId, const std::string& parent = {});
  std::string push(const std::string& commitId);

  host::Result<std::unique_ptr<Session>> start() { return Session::start(remote, setup); }
  // Starts and fetches; a test failure with its words when it does not work.
  std::unique_ptr<Session> fetched();
  // The reason for which it does not start or fetch; "" when it does. `text` is the whole message.
  std::string reason();
  host::Result<source::Snapshot> snapshot(Session& session, const std::string& path = "");
  [[nodiscard]] std::string at(const std::string& path) const { return tree.path() + "/" + path; }
  static ObjectId id(const std::string& hex) { return *ObjectId::fromHex(hex); }

  testlib::TempTree tree;
  std::string bare = at("remote/infra.git");
  std::string work = at("work");
  source::Remote remote;
  source::WorkerSetup setup;
  source::Limits limits;
  source::BlobCache cache;
  std::vector<source::Refusal> refusals;
  std::string text;
};

}  // namespace bedplate::gittest
