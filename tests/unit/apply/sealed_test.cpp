// Sealed files: in their place and nowhere else, and what becomes of them without a key.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/apply/fingerprint.h"
#include "agent/apply/rollback.h"
#include "agent/trust/armor.h"
#include "tests/unit/apply/keeper_fixture.h"

namespace bedplate::apply::testing_node {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kSecret = "configs: {r.example.org: {auth: {password: hunter2}}}\n";
constexpr const char* kOther = "configs: {r.example.org: {auth: {password: swordfish}}}\n";

plan::Target with(const std::string& content, const std::string& name = "sealed") {
  return TargetBuilder(name).sysctl("vm/swappiness", "10").sealed(content).target;
}

struct KeeperSealed : KeeperTest {
  bool& hasKey() { return process->fake.hasKey; }
  // The files of the node in which a text stands.
  std::vector<std::string> holding(const std::string& text) {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(tree.path())) {
      const std::string path = entry.path().string().substr(tree.path().size() + 1);
      if (entry.is_regular_file() && tree.read(path).find(text) != std::string::npos) found.push_back(path);
    }
    return found;
  }
  // What may be known of a content that is not to be known.
  void expectNowhere(const std::string& content) {
    EXPECT_THAT(holding(plan::sha256(content).substr(0, 12)), IsEmpty()) << content;
  }
};

TEST_F(KeeperSealed, IsWrittenOpenedAndKeptSealed) {
  const RunResult result = apply(with(kSecret));
  EXPECT_FALSE(result.failed());
  EXPECT_EQ(tree.read(kRegistries), kSecret);
  EXPECT_EQ(tree.files().info(kRegistries)->mode, 0600u);
  EXPECT_THAT(holding("hunter2"), testing::ElementsAre(kRegistries));
  expectNowhere(kSecret);
  const std::string sealed = testlib::fakeSealed(kSecret);
  EXPECT_EQ(tree.read(std::string(host::paths::generationBlobs) + "/" + plan::sha256(sealed)), sealed);
  // It is shown by what stands in Git.
  ASSERT_EQ(result.outcomes.size(), 2u);
  EXPECT_EQ(result.outcomes[1].change.to, plan::sha256(sealed).substr(0, 12));
  EXPECT_THAT(plan::text(result.outcomes[1].change), HasSubstr("sealed"));
}

TEST_F(KeeperSealed, WhatIsAsWantedIsLeftAlone) {
  apply(with(kSecret));
  recover();  // remembers the boot
  const auto before = disk();
  EXPECT_TRUE(apply(with(kSecret)).outcomes.empty());
  EXPECT_TRUE(repair().outcomes.empty());
  start();
  EXPECT_TRUE(recover().outcomes.empty());
  EXPECT_EQ(disk(), before);
}

// Sealing the same anew makes a generation, as its text is another one, and leaves the file as it is.
TEST_F(KeeperSealed, TheSameSealedAnewDoesNotTouchTheFile) {
  apply(with(kSecret));
  const auto before = tree.files().info(kRegistries).value();
  auto again = with(kSecret);
  std::string bytes = trust::parseEnvelope(*again.files[0].content).value().bytes;
  bytes[2] = 'y';
  again.files[0].content = std::make_shared<const std::string>(trust::encodeBase64(bytes));
  again.files[0].sha256 = plan::sha256(*again.files[0].content);
  const RunResult result = apply(again);
  EXPECT_TRUE(result.generation);
  EXPECT_TRUE(result.outcomes.empty());
  EXPECT_EQ(tree.files().info(kRegistries).value(), before);
}

TEST_F(KeeperSealed, DriftIsPutBackAndShownByAKeyedHash) {
  apply(with(kSecret));
  tree.write(kRegistries, "password: guessable\n");
  const RunResult result = repair();
  ASSERT_EQ(result.drifts.size(), 1u);
  EXPECT_TRUE(result.drifts[0].repaired);
  EXPECT_EQ(tree.read(kRegistries), kSecret);
  const std::string plain = plan::sha256("password: guessable\n");
  EXPECT_EQ(result.drifts[0].from, Fingerprint::of(tree.files())(plain).substr(0, 12));
  EXPECT_EQ(result.drifts[0].to, plan::sha256(testlib::fakeSealed(kSecret)).substr(0, 12));
  expectNowhere("password: guessable\n");
  expectNowhere(kSecret);
}

// The text of the sealed file, as somebody may have copied it there, is not what it stands for.
TEST_F(KeeperSealed, TheSealedTextItselfInItsPlaceIsDrift) {
  apply(with(kSecret));
  tree.write(kRegistries, testlib::fakeSealed(kSecret));
  EXPECT_EQ(repair().drifts.size(), 1u);
  EXPECT_EQ(tree.read(kRegistries), kSecret);
}

TEST_F(KeeperSealed, ARebootBringsItBackWithoutGit) {
  apply(with(kSecret));
  tree.remove(kRegistries);
  EXPECT_FALSE(reboot("boot-2").failed());
  EXPECT_EQ(tree.read(kRegistries), kSecret);
  EXPECT_EQ(tree.files().info(kRegistries)->mode, 0600u);
}

// What K3s runs with is better than nothing; and it is said, at the first look without the key and at every later one.
TEST_F(KeeperSealed, WithoutItsKeyTheLastContentStays) {
  apply(with(kSecret));
  start();
  hasKey() = false;
  const RunResult result = recover();
  EXPECT_TRUE(result.failed());
  ASSERT_EQ(result.outcomes.size(), 1u);
  ASSERT_TRUE(result.outcomes[0].error);
  EXPECT_EQ(result.outcomes[0].error->reason, "SealedElsewhere");
  EXPECT_EQ(result.outcomes[0].error->thing, "k3s/registries.yaml.sealed");
  EXPECT_EQ(result.outcomes[0].change.from, "not known");
  EXPECT_THAT(result.drifts, IsEmpty());
  EXPECT_EQ(tree.read(kRegistries), kSecret);
  EXPECT_TRUE(repair().failed());
  EXPECT_EQ(tree.read(kRegistries), kSecret);
  EXPECT_EQ(driftCount(), 0);

  hasKey() = true;
  clock.advanceMs(120'000);
  EXPECT_FALSE(repair().failed());
  EXPECT_EQ(tree.read(kRegistries), kSecret);
}

TEST_F(KeeperSealed, WithoutItsKeyNothingComesInPlaceOfWhatIsMissing) {
  apply(with(kSecret));
  tree.remove(kRegistries);
  start();
  hasKey() = false;
  EXPECT_TRUE(recover().failed());
  EXPECT_FALSE(tree.exists(kRegistries));
  EXPECT_EQ(value("vm/swappiness"), "10");  // the rest goes on
}

TEST_F(KeeperSealed, ARollbackBringsTheOtherContent) {
  apply(with(kSecret, "one"));
  apply(with(kOther, "two"));
  EXPECT_EQ(tree.read(kRegistries), kOther);
  Machine& machine = process->machine;
  ASSERT_TRUE(rollBack(machine, process->keeper, process->store, 1, {}, {}));
  EXPECT_EQ(tree.read(kRegistries), kSecret);
  EXPECT_THAT(holding("swordfish"), IsEmpty());

  process->fake.hasKey = false;
  const auto without = rollBack(machine, process->keeper, process->store, 2, {}, {});
  ASSERT_TRUE(without);
  EXPECT_TRUE(without->failed());
  EXPECT_EQ(tree.read(kRegistries), kSecret);
}

TEST_F(KeeperSealed, WhatWasThereBeforeComesBackAndIsNotHashedInTheOpen) {
  tree.write(kRegistries, kOther);
  apply(with(kSecret));
  expectNowhere(kSecret);
  const std::string kept = std::string(host::paths::originals) + "/" + plan::sha256(kOther);
  EXPECT_EQ(tree.read(kept), kOther);  // root's, as ever
  const RunResult result = apply(TargetBuilder("none").sysctl("vm/swappiness", "10").target);
  EXPECT_EQ(tree.read(kRegistries), kOther);
  ASSERT_EQ(result.outcomes.size(), 1u);
  EXPECT_EQ(result.outcomes[0].change.to, "the original");
  EXPECT_EQ(result.outcomes[0].change.from, Fingerprint::of(tree.files())(plan::sha256(kSecret)).substr(0, 12));
  expectNowhere(kSecret);
  expectNowhere(kOther);
}

// A release leaves K3s's files where they are. Who comes back later must not take our own for somebody's original.
TEST_F(KeeperSealed, ItsContentNeverBecomesAnOriginal) {
  apply(with(kSecret));
  keep(process->keeper.release());
  EXPECT_EQ(tree.read(kRegistries), kSecret);
  apply(with(kSecret, "again"));
  EXPECT_THAT(holding("hunter2"), testing::ElementsAre(kRegistries));
}

TEST_F(KeeperSealed, APlainFileInItsPlaceIsOne) {
  apply(with(kSecret));
  apply(TargetBuilder("plain").sysctl("vm/swappiness", "10").file(plan::Area::k3sConfig, kRegistries, "a: b\n").target);
  EXPECT_EQ(tree.read(kRegistries), "a: b\n");
  EXPECT_THAT(holding("hunter2"), IsEmpty());
  expectNowhere(kSecret);
  apply(with(kSecret, "back"));
  EXPECT_EQ(tree.read(kRegistries), kSecret);
  expectNowhere(kSecret);
}

TEST_F(KeeperSealed, PlacesAreRememberedAlsoAfterADamagedDatabase) {
  EXPECT_THAT(process->store.sealedPaths().value(), IsEmpty());
  apply(with(kSecret));
  EXPECT_THAT(process->store.sealedPaths().value(), testing::ElementsAre(kRegistries));
  apply(TargetBuilder("plain").sysctl("vm/swappiness", "11").target);
  EXPECT_THAT(process->store.sealedPaths().value(), testing::ElementsAre(kRegistries));
  process.reset();
  tree.write(host::paths::stateDb, "rubbish");
  start();
  EXPECT_THAT(process->store.sealedPaths().value(), testing::ElementsAre(kRegistries));
}

TEST_F(KeeperSealed, FingerprintsAreOfOneNode) {
  const std::string here = Fingerprint::of(tree.files())("x");
  EXPECT_EQ(Fingerprint::of(tree.files())("x"), here);
  EXPECT_NE(Fingerprint::of(tree.files())("y"), here);
  EXPECT_NE(here, plan::sha256("x"));
  EXPECT_EQ(tree.files().info(host::paths::fingerprintKey)->mode, 0600u);
  testlib::TempTree other;
  ASSERT_TRUE(ensureFingerprintKey(other.files()));
  EXPECT_NE(Fingerprint::of(other.files())("x"), here);
  start();
  EXPECT_EQ(Fingerprint::of(tree.files())("x"), here);
}

// RFC 4231, test case 2, with the key padded as HMAC pads it.
TEST_F(KeeperSealed, FingerprintsAreHmacSha256) {
  std::string key = "Jefe";
  key.resize(Fingerprint::kKey, '\0');
  tree.write(host::paths::fingerprintKey, key);
  EXPECT_EQ(Fingerprint::of(tree.files())("what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

}  // namespace
}  // namespace bedplate::apply::testing_node
