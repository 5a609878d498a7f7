#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/config/config.h"

namespace bedplate::config {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Outcome {
  Config config;
  std::vector<std::string> problems;
};

Outcome parsed(std::string_view input) {
  Outcome outcome;
  std::vector<Problem> problems;
  parse(input, "f", outcome.config, problems);
  for (const auto& problem : problems) outcome.problems.push_back(text(problem));
  return outcome;
}

TEST(ConfigParse, TakesEveryKey) {
  const auto [config, problems] = parsed(
      "# comment\n"
      "[repository]\n"
      "url = git@git.example.com:infra.git ; said so\n"
      "branch=release/1\n"
      "path = /clusters/oslo-prod/node/\n"
      "interval = 5m\n"
      "timeout: 20s\n"
      "ssh-key = /etc/bedplate/deploy_key\n"
      "known-hosts = /etc/bedplate/known_hosts\n"
      "ca-file = /etc/bedplate/ca.pem\n"
      "token-file = /etc/bedplate/token\r\n"
      "[node]\n"
      "name = web-01\n"
      "role = server\n"
      "cluster = oslo-prod\n"
      "mode = enforce\n"
      "[trust]\n"
      "signatures = off\n"
      "allowed-signers = /etc/bedplate/signers\n"
      "revoked-keys = /etc/bedplate/revoked\n"
      "gpg-keyring = /etc/bedplate/ring\n"
      "minimum-commit = 0123456789ABCDEF0123456789abcdef01234567\n"
      "maximum-age = 7d\n"
      "[policy]\n"
      "raw-secrets = deny\n"
      "endpoints = *.example.com, 10.0.0.1\n"
      "  api.example.org\n"
      "[report]\n"
      "metrics-file = /var/lib/node_exporter/bedplate.prom\n"
      "status-file = /run/bedplate/other.json\n");
  EXPECT_THAT(problems, IsEmpty());
  EXPECT_EQ(config.repository.url, "git@git.example.com:infra.git");
  EXPECT_EQ(config.repository.branch, "release/1");
  EXPECT_EQ(config.repository.path, "clusters/oslo-prod/node");
  EXPECT_EQ(config.repository.intervalMs, 300000);
  EXPECT_EQ(config.repository.timeoutMs, 20000);
  EXPECT_EQ(config.repository.sshKey, "etc/bedplate/deploy_key");
  EXPECT_EQ(config.repository.knownHosts, "etc/bedplate/known_hosts");
  EXPECT_EQ(config.repository.caFile, "etc/bedplate/ca.pem");
  EXPECT_EQ(config.repository.tokenFile, "etc/bedplate/token");
  EXPECT_EQ(config.node.name, "web-01");
  EXPECT_EQ(config.node.role, "server");
  EXPECT_EQ(config.node.cluster, "oslo-prod");
  EXPECT_EQ(config.node.mode, Mode::enforce);
  EXPECT_EQ(config.trust.allowedSigners, "etc/bedplate/signers");
  EXPECT_EQ(config.trust.revokedKeys, "etc/bedplate/revoked");
  EXPECT_EQ(config.trust.gpgKeyring, "etc/bedplate/ring");
  EXPECT_EQ(config.trust.minimumCommit, "0123456789abcdef0123456789abcdef01234567");
  EXPECT_EQ(config.trust.maximumAgeMs, 7 * 86400000);
  EXPECT_EQ(config.policy.rawSecrets, "deny");
  EXPECT_THAT(config.policy.endpoints, ElementsAre("*.example.com", "10.0.0.1", "api.example.org"));
  EXPECT_EQ(config.report.metricsFile, "var/lib/node_exporter/bedplate.prom");
  EXPECT_EQ(config.report.statusFile, "run/bedplate/other.json");
}

TEST(ConfigParse, NothingAtAllIsTheDefaults) {
  const auto [config, problems] = parsed("");
  EXPECT_THAT(problems, IsEmpty());
  EXPECT_FALSE(config.configured());
  EXPECT_EQ(config.node.mode, Mode::observe);
  EXPECT_EQ(config.repository.intervalMs, 60000);
}

TEST(ConfigParse, TellsAllProblemsWithTheirLines) {
  const auto [config, problems] = parsed(
      "stray = 1\n"
      "[repositry]\n"
      "url = x\n"
      "\n"
      "[repository]\n"
      "intervall = 5m\n"
      "interval = often\n"
      "timeout = 0s\n"
      "url = http://host/x\n"
      "just words\n"
      "[node]\n"
      "mode = enforced\n"
      "mode = observe\n"
      "[open\n"
      "[zzz]\n");
  EXPECT_THAT(problems, ElementsAre(AllOf(HasSubstr("f:1: "), HasSubstr("before any [section]")),
                                    AllOf(HasSubstr("f:2: "), HasSubstr("did you mean 'repository'?")),
                                    AllOf(HasSubstr("f:6: "), HasSubstr("did you mean 'interval'?")),
                                    AllOf(HasSubstr("f:7: "), HasSubstr("interval: 'often' is not a duration")),
                                    AllOf(HasSubstr("f:8: "), HasSubstr("allowed is 1s to 1h")),
                                    AllOf(HasSubstr("f:9: "), HasSubstr("not encrypted")),
                                    AllOf(HasSubstr("f:10: "), HasSubstr("neither [section] nor key = value")),
                                    AllOf(HasSubstr("f:12: "), HasSubstr("did you mean 'enforce'?")),
                                    AllOf(HasSubstr("f:13: "), HasSubstr("set twice, first in line 12")),
                                    AllOf(HasSubstr("f:14: "), HasSubstr("a section is written [name]")),
                                    AllOf(HasSubstr("f:15: "), HasSubstr("repository, node, trust, policy, report"))));
  EXPECT_EQ(config.repository.intervalMs, 60000);
}

TEST(ConfigParse, APasswordInAUrlIsNotRepeated) {
  const auto problems = parsed("[repository]\nurl = https://me:hunter2@host/x\n").problems;
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_THAT(problems[0], testing::Not(HasSubstr("hunter2")));
}

TEST(ConfigParse, ALongLineIsAProblemAndNotTwoLines) {
  const auto [config, problems] = parsed("[node]\nname = " + std::string(250, 'a') + "\nrole = agent\n");
  EXPECT_THAT(problems, ElementsAre(AllOf(HasSubstr("f:2: "), HasSubstr("longer than"))));
  EXPECT_EQ(config.node.role, "agent");
  EXPECT_THAT(parsed("# " + std::string(5000, 'a') + "\n").problems, IsEmpty());
}

TEST(ConfigParse, ControlCharactersAndNulAreRefused) {
  EXPECT_THAT(parsed(std::string_view("[node]\nname = a\0b\n", 18)).problems, ElementsAre(HasSubstr("f:2: ")));
  EXPECT_THAT(parsed("[node]\nname = a\033[2Jb\n").problems, ElementsAre(HasSubstr("control character")));
}

TEST(ConfigParse, AnIndentedLineDoesNotSlipIntoTheKeyAbove) {
  const auto [config, problems] = parsed("[node]\nname = web-01\n  role = agent\n");
  EXPECT_THAT(problems, ElementsAre(AllOf(HasSubstr("f:3: "), HasSubstr("would continue 'name'"))));
  EXPECT_EQ(config.node.name, "web-01");
}

TEST(ConfigParse, RefusesValuesThatAreNotOfTheirKind) {
  for (const char* wrong :
       {"[repository]\nbranch = -x\n", "[repository]\nbranch = a..b\n", "[repository]\nbranch = a b\n",
        "[repository]\nbranch = a.lock\n", "[repository]\nbranch =\n", "[repository]\npath = a/../b\n",
        "[repository]\npath = a//b\n", "[repository]\nssh-key = deploy_key\n", "[repository]\nssh-key = /\n",
        "[repository]\nssh-key = /etc/../x\n", "[node]\nname = Web_01\n", "[node]\nname = -a\n",
        "[node]\ncluster = ..\n", "[node]\ncluster = a/b\n", "[trust]\nminimum-commit = abc123\n",
        "[trust]\nsignatures = yes\n", "[policy]\nraw-secrets = allow\n", "[policy]\nendpoints = a/b\n"})
    EXPECT_EQ(parsed(wrong).problems.size(), 1u) << wrong;
  EXPECT_EQ(parsed("[repository]\npath = .\n").config.repository.path, "");
}

}  // namespace
}  // namespace bedplate::config
