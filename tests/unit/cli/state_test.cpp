// The verbs that read or change the state, on a tree without a daemon.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>

#include <nlohmann/json.hpp>

#include "agent/apply/apply.h"
#include "agent/trust/trust.h"
#include "tests/unit/cli/run.h"
#include "tests/unit/report/sample.h"

namespace bedplate::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class NoModules final : public modules::Loader {
 public:
  host::Status load(const std::string& name) override { return host::fail("NotLoaded", name, "is not there"); }
};

class State : public testing::Test {
 protected:
  State() {
    tree.write("etc/hostname", "web-01\n");
    tree.write("etc/bedplate/bedplate.conf",
               "[repository]\nurl = file:///nowhere/infra.git\npath = clusters/oslo-prod/node\n"
               "[node]\nname = web-01\nrole = server\nmode = enforce\n");
    tree.write("proc/sys/kernel/random/boot_id", "11111111-1111-1111-1111-111111111111\n");
    tree.write("proc/sys/vm/swappiness", "60\n");
    tree.write("proc/sys/vm/overcommit_memory", "0\n");
  }

  // Applies a generation in which swappiness has this value.
  void apply(const std::string& value, const std::string& cause = "commit") {
    const auto lock = apply::lockState(tree.files());
    ASSERT_TRUE(lock);
    auto store = apply::Store::open(tree.files(), clock, apply::Store::Access::readWrite);
    ASSERT_TRUE(store) << store.error().text();
    apply::Keeper keeper({tree.files(), tree.files(), clock, loader}, *store);
    plan::Target target;
    target.commit = std::string(38, 'c') + value;
    target.subject = "swappiness " + value;
    target.tree = std::string(38, 'd') + value;
    target.node = {"web-01", "server", "oslo-prod"};
    target.layers = {"cluster", "nodes/web-01"};
    target.sysctls = {{{"vm/swappiness", "1", false, false, "sysctl.d/10-x.conf", 1}, "cluster"},
                      {{"vm/swappiness", value, false, false, "nodes/web-01/sysctl.d/50-x.conf", 3}, "nodes/web-01"}};
    const auto result = keeper.apply(target, cause);
    ASSERT_TRUE(result) << result.error().text();
    ASSERT_FALSE(result->failed());
  }

  std::string swappiness() { return tree.read("proc/sys/vm/swappiness").substr(0, 2); }

  testlib::TempTree tree;
  host::SystemClock clock;
  NoModules loader;
};

TEST_F(State, StatusWithoutADaemonReadsTheStateAndExits3) {
  const Ran bare = runOn(tree, {"status"});
  EXPECT_EQ(bare.status, 3);
  EXPECT_FALSE(tree.exists("var"));  // looking leaves no trace
  apply("10");
  const Ran ran = runOn(tree, {"status"});
  EXPECT_EQ(ran.status, 3);
  EXPECT_THAT(ran.out, StartsWith("web-01  oslo-prod  server  enforce"));
  EXPECT_THAT(ran.out, HasSubstr("not running; this is what was known"));
  EXPECT_THAT(ran.out, HasSubstr("generation  1, applied"));
  EXPECT_THAT(ran.out, HasSubstr("1 key held"));
  EXPECT_THAT(ran.out, HasSubstr("layers      cluster, nodes/web-01\n"));
  const auto json = nlohmann::json::parse(runOn(tree, {"status", "-o", "json"}).out);
  EXPECT_EQ(json["generation"]["number"], 1);
}

TEST_F(State, StatusOfALivingDaemonIsItsFile) {
  report::Status status = report::goodStatus();
  status.writtenUs = clock.wallUs();
  status.source.checkedUs = status.writtenUs;
  status.source.nextUs = status.writtenUs + 60'000'000;
  report::judge(status, nullptr);
  tree.write("run/bedplate/status.json", report::toJson(status));
  apply("10");
  const auto lock = apply::lockState(tree.files());  // as the daemon holds it
  ASSERT_TRUE(lock);
  const Ran ran = runOn(tree, {"status"});
  EXPECT_EQ(ran.status, 0) << ran.out;
  EXPECT_THAT(ran.out, HasSubstr("generation  41"));
}

TEST_F(State, ABrokenStatusFileIsSaidAndTheStateRead) {
  apply("10");
  tree.write("run/bedplate/status.json", "{\"written\": ");
  const Ran ran = runOn(tree, {"status"});
  EXPECT_EQ(ran.status, 3);
  EXPECT_THAT(ran.out, HasSubstr("is no JSON"));
  EXPECT_THAT(ran.out, HasSubstr("generation  1, applied"));
}

TEST_F(State, ExplainKnowsTheWinnerTheLosersAndTheOriginal) {
  apply("10");
  const Ran ran = runOn(tree, {"explain", "vm.swappiness"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("  wanted      10  (generation 1)\n  held        10\n"
                                 "  from        nodes/web-01  nodes/web-01/sysctl.d/50-x.conf:3\n"
                                 "  overruled   1  cluster  sysctl.d/10-x.conf:1\n"
                                 "  original    60  (taken in this boot)\n"));
  const auto json = nlohmann::json::parse(runOn(tree, {"explain", "vm/swappiness", "-o", "json"}).out);
  EXPECT_EQ(json["original"], "60");
  EXPECT_TRUE(json["sources"][0]["wins"]);
  const Ran boot = runOn(tree, {"explain", "/etc/sysctl.d/99-zz-bedplate.conf"});
  EXPECT_EQ(boot.status, 0) << boot.err;
  // Not managed, but somebody is known to write it.
  const Ran kubelet = runOn(tree, {"explain", "vm.overcommit_memory"});
  EXPECT_EQ(kubelet.status, 0) << kubelet.err;
  EXPECT_THAT(kubelet.out, HasSubstr("  wanted      nothing: it is not managed on this node\n  held        0\n"
                                     "  also by     kubelet sets 1 at each start (not seen on this host)\n"));
  EXPECT_THAT(ran.out,
              HasSubstr("  also by     TuneD sets what its profile says at each start (not seen on this host)\n"));
  for (const char* unknown : {"kernel.random.boot_id", "no.such.key", "/etc/passwd", "a..b"}) {
    const Ran not_ = runOn(tree, {"explain", unknown});
    EXPECT_EQ(not_.status, 2) << unknown;
    EXPECT_THAT(not_.err, StartsWith("bedplate: explain: "));
  }
}

TEST_F(State, HistoryAndShow) {
  EXPECT_EQ(runOn(tree, {"history"}).out, "nothing happened yet\n");
  apply("10");
  apply("20");
  const Ran history = runOn(tree, {"history"});
  EXPECT_EQ(history.status, 0);
  EXPECT_LT(history.out.find("swappiness 20"), history.out.find("swappiness 10"));
  EXPECT_EQ(nlohmann::json::parse(runOn(tree, {"history", "-n", "1", "-o", "json"}).out)["generations"].size(), 1u);
  const Ran show = runOn(tree, {"show", "2"});
  EXPECT_EQ(show.status, 0);
  EXPECT_THAT(show.out,
              testing::AllOf(HasSubstr("10 -> 20"), HasSubstr("[original: 60]"),
                             HasSubstr("originals of its keys:\n  vm.swappiness  60  (taken in this boot)\n")));
  const Ran none = runOn(tree, {"show", "7"});
  EXPECT_EQ(none.status, 1);
  EXPECT_THAT(none.err, StartsWith("bedplate: show: generation 7: is not known"));
}

TEST_F(State, RollbackGoesBackAndHolds) {
  const Ran nothing = runOn(tree, {"rollback"});
  EXPECT_EQ(nothing.status, 1);
  EXPECT_THAT(nothing.err, StartsWith("bedplate: rollback: nothing was applied yet: "));
  apply("10");
  EXPECT_EQ(runOn(tree, {"rollback"}).status, 1);  // there is none before
  apply("20");
  const Ran back = runOn(tree, {"rollback"});
  EXPECT_EQ(back.status, 0) << back.err;
  EXPECT_EQ(swappiness(), "10");
  EXPECT_THAT(runOn(tree, {"status"}).out, HasSubstr("  hold "));
  const auto store = apply::Store::open(tree.files(), clock, apply::Store::Access::readOnly);
  EXPECT_EQ(const_cast<apply::Store&>(*store).hold().value(), std::string(38, 'd') + "20");
  EXPECT_EQ(runOn(tree, {"rollback", "3"}).status, 1);  // it is the one in force
  EXPECT_EQ(runOn(tree, {"rollback", "99"}).status, 1);
  EXPECT_EQ(runOn(tree, {"rollback", "2"}).status, 0);  // what Git says: nothing to hold
  EXPECT_EQ(swappiness(), "20");
  EXPECT_THAT(runOn(tree, {"status"}).out, testing::Not(HasSubstr("  hold ")));
}

TEST_F(State, SuspendAndResume) {
  EXPECT_EQ(runOn(tree, {"suspend", "--reason", "disk swap", "--for", "soon"}).status, 64);
  EXPECT_EQ(runOn(tree, {"suspend", "--reason", "disk swap", "--for", "2h"}).status, 0);
  EXPECT_THAT(runOn(tree, {"status"}).out, HasSubstr("suspended   disk swap, since 0s ago"));
  const Ran sync = runOn(tree, {"sync"});
  EXPECT_EQ(sync.status, 1);
  EXPECT_THAT(sync.err, HasSubstr("is suspended: disk swap: bedplate resume"));
  EXPECT_EQ(runOn(tree, {"resume"}).status, 0);
  EXPECT_THAT(runOn(tree, {"status"}).out, testing::Not(HasSubstr("disk swap")));
}

TEST_F(State, TrustAcceptMovesTheFloor) {
  const std::string commit(40, 'e');
  EXPECT_EQ(runOn(tree, {"trust", "accept", "eeeeeee"}).status, 1);  // the beginning of what?
  EXPECT_EQ(runOn(tree, {"trust", "accept", commit}).status, 0);
  const auto accepted = trust::readAccepted(tree.files());
  ASSERT_TRUE(accepted && *accepted);
  EXPECT_EQ((*accepted)->commit.hex(), commit);
  EXPECT_EQ((*accepted)->by, "operator");
  report::Status status = report::goodStatus();
  status.source.head = std::string(40, 'f');
  tree.write("run/bedplate/status.json", report::toJson(status));
  EXPECT_EQ(runOn(tree, {"trust", "accept", "fffffff"}).status, 0);
}

TEST_F(State, ReleaseGivesBackTheOriginal) {
  apply("10");
  ASSERT_EQ(swappiness(), "10");
  const Ran ran = runOn(tree, {"release", "-o", "json"});
  EXPECT_EQ(ran.status, 0) << ran.out << ran.err;
  EXPECT_EQ(nlohmann::json::parse(ran.out)["exitStatus"], 0);
  EXPECT_EQ(swappiness(), "60");
  EXPECT_EQ(runOn(tree, {"sync"}).status, 1);  // it stays so until resume
  EXPECT_THAT(runOn(tree, {"status"}).out, HasSubstr("suspended   released"));
}

TEST_F(State, WhileAnotherHoldsTheStateNothingIsDone) {
  apply("10");
  const auto lock = apply::lockState(tree.files());
  ASSERT_TRUE(lock);
  for (const std::vector<std::string>& verb : {std::vector<std::string>{"sync"},
                                               {"release"},
                                               {"rollback"},
                                               {"resume"},
                                               {"suspend", "--reason", "x"},
                                               {"trust", "accept", std::string(40, 'e')}}) {
    const Ran ran = runOn(tree, verb);
    EXPECT_EQ(ran.status, 1) << verb[0];
    EXPECT_THAT(ran.err, StartsWith("bedplate: "));
  }
  EXPECT_EQ(swappiness(), "10");
}

TEST_F(State, SyncAndDiffSayWhatIsMissing) {
  tree.write("etc/bedplate/bedplate.conf", "");
  EXPECT_EQ(runOn(tree, {"sync"}).status, 1);
  const Ran diff = runOn(tree, {"diff"});
  EXPECT_EQ(diff.status, 2);
  EXPECT_THAT(diff.err, HasSubstr("names no repository"));
  tree.write("etc/bedplate/bedplate.conf", "[repository]\nurl = \nbranhc = x\n");
  const Ran wrong = runOn(tree, {"sync"});
  EXPECT_EQ(wrong.status, 1);
  EXPECT_THAT(wrong.err, HasSubstr("bedplate.conf:3"));
}

}  // namespace
}  // namespace bedplate::cli
