#include "agent/worker/url.h"

#include <gtest/gtest.h>

namespace bedplate::worker {
namespace {

TEST(Url, TakesEveryFormThatGitTakes) {
  const auto ssh = parseUrl("ssh://deploy@git.example.org:2222/infra/oslo.git");
  ASSERT_TRUE(ssh);
  EXPECT_EQ(ssh->user, "deploy");
  EXPECT_EQ(ssh->host, "git.example.org");
  EXPECT_EQ(ssh->port, 2222);
  EXPECT_EQ(ssh->path, "/infra/oslo.git");
  const auto scp = parseUrl("git@git.example.org:infra/oslo.git");
  ASSERT_TRUE(scp);
  EXPECT_EQ(scp->scheme, Scheme::ssh);
  EXPECT_EQ(scp->port, 22);
  EXPECT_EQ(scp->path, "infra/oslo.git");
  EXPECT_EQ(parseUrl("https://git.example.org/a%20b.git")->port, 443);
  EXPECT_EQ(parseUrl("ssh://[fe80::1]:22/x")->host, "fe80::1");
  EXPECT_EQ(parseUrl("file:///srv/gøy.git")->path, "/srv/gøy.git");
}

TEST(Url, RefusesWhatAShellOrALibraryMightTurn) {
  for (const char* url : {"",
                          "/srv/x.git",
                          "http://host/x",
                          "git://host/x",
                          "ext::sh -c id",
                          "ftp://host/x",
                          "ssh://-oProxyCommand=id/x",
                          "ssh://host/`id`",
                          "ssh://host/$(id)",
                          "ssh://host/a;b",
                          "ssh://host/a'b",
                          "ssh://host/a%27b",
                          "ssh://host/",
                          "ssh://host",
                          "ssh://-u@host/x",
                          "git@host:-x",
                          "git@host:",
                          "git@ho st:x",
                          "git@host:x\ny",
                          "ssh://host:0/x",
                          "ssh://host:65536/x",
                          "ssh://host:22x/x",
                          "ssh://[::1/x",
                          "ssh://[::1]x/x",
                          "ssh://[]/x",
                          "https://u:password@host/x",
                          "https://host/x?y",
                          "https:///x",
                          "file://host/x",
                          "file://x"}) {
    const auto parsed = parseUrl(url);
    ASSERT_FALSE(parsed) << url;
    EXPECT_EQ(parsed.error().reason, "UrlRefused") << url;
  }
}

}  // namespace
}  // namespace bedplate::worker
