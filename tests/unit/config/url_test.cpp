#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/config/config.h"
#include "agent/config/nearest.h"

namespace bedplate::config {
namespace {

using testing::HasSubstr;

TEST(ConfigDuration, TakesItsUnitsAndNothingElse) {
  EXPECT_EQ(parseDurationMs("250ms"), 250);
  EXPECT_EQ(parseDurationMs("60s"), 60000);
  EXPECT_EQ(parseDurationMs("5m"), 300000);
  EXPECT_EQ(parseDurationMs("2h"), 7200000);
  EXPECT_EQ(parseDurationMs("1d"), 86400000);
  EXPECT_EQ(parseDurationMs("7"), 7000);
  EXPECT_EQ(parseDurationMs("0"), 0);
  EXPECT_EQ(parseDurationMs("3650d"), std::int64_t{3650} * 86400000);
  for (const char* wrong : {"", "s", "-1s", "-0", "+5s", "1.5h", "5 m", "5M", "1w", "3651d", "99999999999999999999s",
                            "9223372036854775807d", "0x10s", "10s "})
    EXPECT_EQ(parseDurationMs(wrong), std::nullopt) << wrong;
}

TEST(ConfigUrl, TakesTheFourForms) {
  for (const char* good :
       {"https://git.example.com/infra.git", "https://git.example.com:8443/a/b", "ssh://git@git.example.com/infra.git",
        "ssh://git@git.example.com:2222/srv/infra", "git@git.example.com:infra.git", "git@[2001:db8::1]:infra.git",
        "ssh://git@[2001:db8::1]:22/infra", "file:///srv/git/infra.git", "git@host:~me/infra.git"})
    EXPECT_EQ(refusedUrl(good), std::nullopt) << good << ": " << refusedUrl(good).value_or("");
}

TEST(ConfigUrl, RefusesWhatIsNotOneAndSaysWhy) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "empty"},
      {"http://git.example.com/x", "not encrypted"},
      {"git://git.example.com/x", "not encrypted"},
      {"ext::sh -c id", "blank"},
      {"ext::sh", "not a repository"},
      {"/srv/git/x", "not a repository"},
      {"host:path", "not a repository"},
      {"https://user:secret@host/x", "password"},
      {"https://user@host/x", "token-file"},
      {"ssh://git:secret@host/x", "password"},
      {"ssh://-oProxyCommand=id/x", "begins with '-'"},
      {"git@-oProxyCommand:x", "begins with '-'"},
      {"git@host:-x", "begins with '-'"},
      {"ssh://git@host/-x", "begins with '-'"},
      {"-u@host:x", "user name"},
      {"git@host:x'y", "shell"},
      {"https://host/$(id)", "shell"},
      {"https://host:0/x", "port"},
      {"https://host:65536/x", "port"},
      {"https://host:/x", "port"},
      {"https://host", "no path"},
      {"https:///x", "no host"},
      {"git@host:", "no path"},
      {"git@[::1", "not a repository"},
      {"file://host/x", "absolute path"},
      {"file:///", "no path"},
      {"https://host/a\nb", "control"},
      {"https://h\xC3\xB8st/a", "ASCII"},
      {"ftp://host/x", "not supported"},
  };
  for (const auto& [url, why] : cases) {
    const auto refused = refusedUrl(url);
    ASSERT_TRUE(refused) << url;
    EXPECT_THAT(*refused, HasSubstr(why)) << url;
    EXPECT_THAT(*refused, HasSubstr("https://HOST/PATH")) << url;
  }
  EXPECT_TRUE(refusedUrl("https://host/" + std::string(2048, 'a')));
}

TEST(ConfigNearest, FindsTyposAndLeavesStrangersAlone) {
  const std::vector<std::string_view> names = {"url", "branch", "interval", "known-hosts"};
  EXPECT_EQ(nearest("URL", names), "url");
  EXPECT_EQ(nearest("ulr", names), "url");
  EXPECT_EQ(nearest("intervall", names), "interval");
  EXPECT_EQ(nearest("known_host", names), "known-hosts");
  EXPECT_EQ(nearest("brnach", names), "branch");
  EXPECT_EQ(nearest("password", names), "");
  EXPECT_EQ(nearest(std::string(100000, 'u'), names), "");
}

}  // namespace
}  // namespace bedplate::config
