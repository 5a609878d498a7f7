#include "agent/cluster/node_yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/cluster/snapshots.h"

namespace bedplate::cluster {
namespace {

using testing::ElementsAre;
using testing::Pair;

// Keys and numbers of the floors.
std::vector<std::pair<std::string, std::int64_t>> floorsOf(const NodeConfig& config) {
  std::vector<std::pair<std::string, std::int64_t>> all;
  for (const auto& floor : config.tuning.floors) all.emplace_back(floor.key, floor.least);
  return all;
}

const std::string kHeader = "apiVersion: bedplate.dev/v1alpha1\nkind: NodeConfig\n";  // lines 1 and 2

// Findings that are not the notes on what is not active yet.
std::vector<std::string> complaints(const std::vector<Finding>& findings) {
  std::vector<Finding> kept;
  for (const auto& finding : findings)
    if (finding.severity != Severity::note) kept.push_back(finding);
  return texts(kept);
}

struct Read {
  NodeConfig config;
  std::vector<Finding> findings;
};

Read readLayers(const std::vector<std::string>& layers) {
  Read result;
  NodeYaml reader(result.findings);
  for (std::size_t i = 0; i < layers.size(); ++i)
    reader.add(i == 0 ? "node.yaml" : "layer" + std::to_string(i) + "/node.yaml", layers[i]);
  result.config = reader.finish();
  return result;
}

TEST(NodeYaml, EveryKeyOfTheDesign) {
  const auto [config, findings] = readLayers({kHeader + R"(
tuning:
  profile: k3s
  floors: {net.core.somaxconn: 32768, net.ipv4.conf.enp3s0/200.forwarding: 1}
  conntrack: {max: auto, buckets: 65536}
  inotify: {maxUserInstances: 8192, maxUserWatches: auto}
  drift: report
benchmark:
  disk: {every: 30m, for: 20s, p99Limit: 10ms}
  steal: {window: 5m, limit: 5%}
k3s:
  restart: {mode: window, canary: [web-01], spread: 30m,
            window: {days: [sat, sun], from: "02:00", to: 04:00, timezone: Europe/Oslo}}
  confirm: {timeout: 180s}
  manifests: {writer: web-01, prune: false, selfHeal: off, allowPrune: [manifests/old/]}
policy:
  rawSecrets: deny
  endpoints: ["*.nordic-corp.no"]
)"});
  EXPECT_THAT(complaints(findings), ElementsAre());
  EXPECT_EQ(config.tuning.profile, "k3s");
  EXPECT_THAT(floorsOf(config),
              ElementsAre(Pair("net/core/somaxconn", 32768), Pair("net/ipv4/conf/enp3s0.200/forwarding", 1)));
  EXPECT_EQ(config.tuning.conntrackMax.value().number, 0);
  EXPECT_EQ(config.tuning.conntrackBuckets.value().number, 65536);
  EXPECT_EQ(config.tuning.inotifyInstances.value().number, 8192);
  EXPECT_EQ(config.tuning.inotifyWatches.value().number, 0);
  EXPECT_FALSE(config.tuning.driftEnforce);
  EXPECT_EQ(config.benchmark.diskEveryMs, 1'800'000);
  EXPECT_EQ(config.benchmark.diskForMs, 20'000);
  EXPECT_EQ(config.benchmark.diskP99LimitMs, 10);
  EXPECT_EQ(config.benchmark.stealWindowMs, 300'000);
  EXPECT_DOUBLE_EQ(config.benchmark.stealLimit.value(), 0.05);
  EXPECT_EQ(config.k3s.restart.mode, "window");
  EXPECT_THAT(config.k3s.restart.canary, ElementsAre("web-01"));
  EXPECT_EQ(config.k3s.restart.spreadMs, 1'800'000);
  ASSERT_TRUE(config.k3s.restart.window);
  EXPECT_THAT(config.k3s.restart.window->days, ElementsAre(5, 6));
  EXPECT_EQ(config.k3s.restart.window->fromMinute, 120);
  EXPECT_EQ(config.k3s.restart.window->toMinute, 240);
  EXPECT_EQ(config.k3s.restart.window->timezone, "Europe/Oslo");
  EXPECT_EQ(config.k3s.restart.confirmTimeoutMs, 180'000);
  EXPECT_EQ(config.k3s.writer, "web-01");
  EXPECT_FALSE(config.k3s.prune);
  EXPECT_EQ(config.k3s.selfHeal, "off");
  EXPECT_THAT(config.k3s.allowPrune, ElementsAre("manifests/old/"));
  EXPECT_EQ(config.policy.rawSecrets, "deny");
  EXPECT_THAT(config.policy.endpoints.value(), ElementsAre("*.nordic-corp.no"));
}

TEST(NodeYaml, NothingSaidIsNothingSet) {
  const auto [config, findings] = readLayers({"", kHeader, kHeader + "tuning:\nk3s: {}\n"});
  EXPECT_THAT(texts(findings), ElementsAre());
  EXPECT_TRUE(config.tuning.driftEnforce);
  EXPECT_FALSE(config.tuning.profile || config.tuning.conntrackMax || config.k3s.restart.window ||
               config.policy.endpoints);
}

TEST(NodeYaml, EveryKeyIsActive) {
  const auto [config, findings] = readLayers(
      {kHeader + "policy:\n  rawSecrets: deny\nk3s: {confirm: {timeout: 60s}}\ntuning: {drift: report, profile: k3s}\n"
                 "benchmark:\n  disk:\n    p99Limit: 10ms\n  steal: {limit: 5%}\n"});
  EXPECT_THAT(texts(findings), ElementsAre());
  EXPECT_EQ(config.k3s.restart.confirmTimeoutMs, 60'000);
}

TEST(NodeYaml, LayersAreMergedKeyByKey) {
  const auto [config, findings] = readLayers({
      kHeader +
          "tuning: {profile: k3s, floors: {vm.swappiness: 1, net.core.somaxconn: 1024}, conntrack: {max: 100000}}\n"
          "k3s: {restart: {canary: [a, b], window: {from: '01:00', to: '02:00'}}}\n",
      kHeader + "tuning: {floors: {net.core.somaxconn: 4096}, conntrack: {buckets: 50000}}\n"
                "k3s: {restart: {canary: [c], window: {to: '03:00'}}}\n",
      kHeader + "tuning: {profile: none}\n",
  });
  EXPECT_THAT(complaints(findings), ElementsAre());
  EXPECT_EQ(config.tuning.profile, "none");
  EXPECT_THAT(floorsOf(config), ElementsAre(Pair("vm/swappiness", 1), Pair("net/core/somaxconn", 4096)));
  EXPECT_EQ(config.tuning.conntrackMax.value().number, 100000);
  EXPECT_EQ(config.tuning.conntrackBuckets.value().number, 50000);
  EXPECT_EQ(config.tuning.conntrackMax->said, (Said{"node.yaml", 3, 90, "cluster"}));
  EXPECT_EQ(config.tuning.floors[1].said, (Said{"layer1/node.yaml", 3, 19, "layer1"}));
  EXPECT_THAT(config.k3s.restart.canary, ElementsAre("c"));
  EXPECT_EQ(config.k3s.restart.window->fromMinute, 60);
  EXPECT_EQ(config.k3s.restart.window->toMinute, 180);
  EXPECT_THAT(config.k3s.restart.window->days, ElementsAre(0, 1, 2, 3, 4, 5, 6));
  EXPECT_EQ(config.k3s.restart.window->timezone, "UTC");
}

struct Case {
  const char* what;
  std::string text;  // behind the header: its first line is line 3
  std::vector<std::string> complaints;
};

// Without it the name of the test would be its bytes.
void PrintTo(const Case& value, std::ostream* out) { *out << value.what; }

class NodeYamlComplaints : public testing::TestWithParam<Case> {};

TEST_P(NodeYamlComplaints, HaveTheirPlaceAndTheWayOut) {
  EXPECT_EQ(complaints(readLayers({kHeader + GetParam().text}).findings), GetParam().complaints);
}

INSTANTIATE_TEST_SUITE_P(
    All, NodeYamlComplaints,
    testing::ValuesIn(std::vector<Case>{
        Case{
            "UnknownSection", "tunning: {}\n", {"node.yaml:3:1: error: unknown key 'tunning', did you mean 'tuning'?"}},
        Case{"UnknownKey",
             "tuning:\n  conntrak: {max: 1}\n",
             {"node.yaml:4:3: error: unknown key 'conntrak', did you mean 'conntrack'?"}},
        Case{"KeyOfAnotherSection",
             "drift: report\n",
             {"node.yaml:3:1: error: unknown key 'drift', did you mean 'tuning.drift'?"}},
        Case{"NothingNear",
             "policy:\n  zzz: 1\n",
             {"node.yaml:4:3: error: unknown key 'zzz'; valid here: rawSecrets, endpoints"}},
        Case{"CaseCounts",
             "tuning: {inotify: {maxuserwatches: auto}}\n",
             {"node.yaml:3:20: error: unknown key 'maxuserwatches', did you mean 'maxUserWatches'?"}},
        Case{"DottedKey",
             "tuning.drift: report\n",
             {"node.yaml:3:1: error: unknown key 'tuning.drift': write its parts below each other, without dots"}},
        Case{"EmptyKey",
             "'': 1\n",
             {"node.yaml:3:1: error: unknown key ''; valid here: apiVersion, kind, tuning, benchmark, k3s, policy"}},
        Case{"NoValue", "tuning:\n  drift:\n", {"node.yaml:4:3: error: tuning.drift has no value; leave the key out"}},
        Case{"SectionIsAValue",
             "tuning: k3s\n",
             {"node.yaml:3:9: error: tuning is a section: its keys stand below it, one a line"}},
        Case{"ValueIsAMapping",
             "tuning: {drift: {a: b}}\n",
             {"node.yaml:3:17: error: tuning.drift: needs one value, not a list or a mapping"}},
        Case{"WrongWord",
             "tuning: {drift: enforced}\n",
             {"node.yaml:3:17: error: tuning.drift: 'enforced' is not known here, did you mean 'enforce'?"}},
        Case{"UnknownProfile",
             "tuning: {profile: database}\n",
             {"node.yaml:3:19: error: tuning.profile: 'database' is not known here; valid here: k3s, k3s-high-traffic, "
              "none"}},
        Case{"MisspelledProfile",
             "tuning: {profile: k3s-high-trafic}\n",
             {"node.yaml:3:19: error: tuning.profile: 'k3s-high-trafic' is not known here, did you mean "
              "'k3s-high-traffic'?"}},
        Case{"NotAnInteger",
             "tuning: {conntrack: {max: 0x10000}}\n",
             {"node.yaml:3:27: error: tuning.conntrack.max: '0x10000' is neither auto nor an integer (decimal digits "
              "only)"}},
        Case{"IntegerOutOfRange",
             "tuning: {conntrack: {max: 0}}\n",
             {"node.yaml:3:27: error: tuning.conntrack.max: '0' is out of range: from 1 to 2147483647"}},
        Case{"FloorOfAnUnlikelyKey",
             "tuning:\n  floors:\n    net..core: 1\n",
             {"node.yaml:5:5: error: tuning.floors: 'net..core' is not a kernel key: a part of the key is empty"}},
        Case{"FloorOfAPattern",
             "tuning: {floors: {net.ipv4.conf.*.rp_filter: 1}}\n",
             {"node.yaml:3:19: error: tuning.floors: 'net.ipv4.conf.*.rp_filter': a floor is for one key, not for a "
              "pattern"}},
        Case{"FloorIsNoNumber",
             "tuning: {floors: {vm.swappiness: low}}\n",
             {"node.yaml:3:34: error: tuning.floors: 'low' is not an integer: decimal digits only"}},
        Case{"FloorOfARefusedKey",
             "tuning: {floors: {kernel.modules_disabled: 1}}\n",
             {"node.yaml:3:19: error: tuning.floors: refused: kernel.modules_disabled cannot be taken back without a "
              "reboot: no module would load any more"}},
        Case{"NotADuration",
             "benchmark: {disk: {every: 30}}\n",
             {"node.yaml:3:27: error: benchmark.disk.every: '30' is not a duration: an integer and ms, s, m, h or d, "
              "such as 30m"}},
        Case{"DurationOutOfRange",
             "benchmark: {disk: {p99Limit: 1h}}\n",
             {"node.yaml:3:30: error: benchmark.disk.p99Limit: '1h' is out of range: from 1ms to 10s"}},
        Case{"DiskNeverRests",
             "benchmark: {disk: {every: 1m, for: 40s}}\n",
             {"node.yaml:3:31: error: benchmark.disk.for is more than half of benchmark.disk.every: the disk would "
              "never rest"}},
        Case{
            "NotAPercentage",
            "benchmark: {steal: {limit: 0.05}}\n",
            {"node.yaml:3:28: error: benchmark.steal.limit: '0.05' is not a percentage over 0% and up to 100%, such as "
             "5%"}},
        Case{"NotABoolean",
             "k3s: {manifests: {prune: yes}}\n",
             {"node.yaml:3:26: error: k3s.manifests.prune: 'yes' is not true or false"}},
        Case{"NotAList",
             "k3s: {restart: {canary: web-01}}\n",
             {"node.yaml:3:25: error: k3s.restart.canary: needs a list, such as [a, b]"}},
        Case{"NotANodeName",
             "k3s: {restart: {canary: [web-01, Web_2]}}\n",
             {"node.yaml:3:34: error: k3s.restart.canary: 'Web_2' is not a node name: lower-case letters, digits, '-' "
              "and '.'"}},
        Case{"WriterIsNotANodeName",
             "k3s: {manifests: {writer: ../x}}\n",
             {"node.yaml:3:27: error: k3s.manifests.writer: '../x' is not a node name: lower-case letters, digits, '-' "
              "and '.'"}},
        Case{"NotADay",
             "k3s: {restart: {window: {days: [sta], from: '01:00', to: '02:00'}}}\n",
             {"node.yaml:3:33: error: k3s.restart.window.days: 'sta' is not a day, did you mean 'sat'?"}},
        Case{
            "NoDays",
            "k3s: {restart: {window: {days: [], from: '01:00', to: '02:00'}}}\n",
            {"node.yaml:3:32: error: k3s.restart.window.days: a window without days never opens; leave the key out for "
             "all"}},
        Case{"NotATime",
             "k3s: {restart: {window: {from: 2am, to: '02:00'}}}\n",
             {"node.yaml:3:32: error: k3s.restart.window.from: '2am' is not a time of day, such as \"02:00\"",
              "node.yaml:3:37: error: k3s.restart.window needs both from and to"}},
        Case{"HalfAWindow",
             "k3s: {restart: {window: {from: '02:00'}}}\n",
             {"node.yaml:3:26: error: k3s.restart.window needs both from and to"}},
        Case{"WindowThatNeverOpens",
             "k3s: {restart: {window: {from: '02:00', to: '02:00'}}}\n",
             {"node.yaml:3:41: error: k3s.restart.window: from and to are the same time"}},
        Case{"ModeWithoutWindow",
             "k3s: {restart: {mode: window}}\n",
             {"node.yaml:3:17: error: k3s.restart.mode is window, but there is no k3s.restart.window"}},
        Case{"NotATimezone",
             "k3s: {restart: {window: {from: '01:00', to: '02:00', timezone: ../etc/passwd}}}\n",
             {"node.yaml:3:64: error: k3s.restart.window.timezone: '../etc/passwd' is not a time zone, such as "
              "Europe/Oslo or UTC"}},
        Case{"PolicyOnlyTightens",
             "policy: {rawSecrets: allow}\n",
             {"node.yaml:3:22: error: policy.rawSecrets: 'allow' is not known here: node.yaml may only tighten, which "
              "is deny"}},
        Case{"NotAnEndpoint",
             "policy: {endpoints: ['a b']}\n",
             {"node.yaml:3:22: error: policy.endpoints: 'a b' is not a host pattern, such as *.example.com"}},
        Case{"NotAnObjectName",
             "k3s: {manifests: {allowPrune: ['']}}\n",
             {"node.yaml:3:32: error: k3s.manifests.allowPrune: '' is no manifest, such as manifests/old.yaml, or "
              "manifests/old/ for all of a folder"}},
        Case{"DuplicateKey",
             "tuning: {}\ntuning: {}\n",
             {"node.yaml:4:1: error: the key 'tuning' stands twice in one mapping"}}}),
    [](const auto& parameter) { return parameter.param.what; });

TEST(NodeYaml, HeaderIsRequired) {
  EXPECT_THAT(texts(readLayers({"tuning: {drift: report}\n"}).findings),
              ElementsAre("node.yaml:1:1: error: apiVersion is missing: write 'apiVersion: bedplate.dev/v1alpha1'",
                          "node.yaml:1:1: error: kind is missing: write 'kind: NodeConfig'"));
  EXPECT_THAT(texts(readLayers({"apiVersion: v1\nkind: Node\n"}).findings),
              ElementsAre("node.yaml:1:13: error: 'v1' is not known here: write 'apiVersion: bedplate.dev/v1alpha1'",
                          "node.yaml:2:7: error: 'Node' is not known here: write 'kind: NodeConfig'"));
  EXPECT_THAT(texts(readLayers({"- a\n"}).findings),
              ElementsAre("node.yaml:1:1: error: node.yaml is a mapping of keys to values"));
}

TEST(NodeYaml, EverythingWrongIsSaidAtOnce) {
  EXPECT_EQ(complaints(readLayers({kHeader + "a: 1\nb: 2\ntuning: {drift: x, profile: y}\n"}).findings).size(), 4u);
}

}  // namespace
}  // namespace bedplate::cluster
