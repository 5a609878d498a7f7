#include <gtest/gtest.h>

#include "tests/lib/temp_tree.h"
#include "tuning/modules/modules.h"

namespace bedplate::modules {
namespace {

TEST(Loaded, WhatSysModuleHas) {
  testlib::TempTree tree;
  EXPECT_FALSE(loaded(tree.files(), "overlay"));
  tree.write("sys/module/overlay/initstate", "live\n");
  EXPECT_TRUE(loaded(tree.files(), "overlay"));
  EXPECT_FALSE(loaded(tree.files(), "over"));
}

TEST(Loaded, WhatIsBuiltIntoTheRunningKernel) {
  testlib::TempTree tree;
  tree.write("proc/sys/kernel/osrelease", "6.1.0-9-cloud\n");
  tree.write("lib/modules/6.1.0-9-cloud/modules.builtin",
             "kernel/net/bridge/br_netfilter.ko\nkernel/net/netfilter/xt-mark.ko\nlast.ko");
  tree.write("lib/modules/5.0/modules.builtin", "kernel/fs/old.ko\n");
  for (const char* name : {"br_netfilter", "xt_mark", "last"}) EXPECT_TRUE(loaded(tree.files(), name)) << name;
  for (const char* name : {"netfilter", "br_netfilte", "r_netfilter", "old", "ko", "bridge"})
    EXPECT_FALSE(loaded(tree.files(), name)) << name;
}

TEST(Loaded, ANameThatIsNoneIsNotLookedFor) {
  testlib::TempTree tree;
  tree.write("sys/secret", "x");
  tree.write("sys/module/a/b", "x");
  for (const char* name : {"../secret", "a/b", ".", "..", ""}) EXPECT_FALSE(loaded(tree.files(), name)) << name;
  tree.write("proc/sys/kernel/osrelease", "../../etc\n");
  tree.write("etc/modules.builtin", "x.ko\n");
  EXPECT_FALSE(loaded(tree.files(), "x"));
}

}  // namespace
}  // namespace bedplate::modules
