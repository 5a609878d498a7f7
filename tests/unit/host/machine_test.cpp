#include "tuning/host/machine.h"

#include <gtest/gtest.h>

#include "tests/lib/temp_tree.h"

namespace bedplate::host {
namespace {

TEST(MachineSize, CountsTheCpusOfAList) {
  for (const auto& [list, count] : std::initializer_list<std::pair<const char*, int>>{{"0\n", 1},
                                                                                      {"0-3\n", 4},
                                                                                      {"0-3,8", 5},
                                                                                      {"0,2,4-7\n", 6},
                                                                                      {"", 0},
                                                                                      {"\n", 0},
                                                                                      {"0-", 0},
                                                                                      {"3-0", 0},
                                                                                      {"0,,1", 0},
                                                                                      {"0-3,", 0},
                                                                                      {"x", 0},
                                                                                      {"-1", 0},
                                                                                      {"0-99999999999999999999", 0},
                                                                                      {"0-1000000", 0}})
    EXPECT_EQ(countCpus(list), count) << '"' << list << '"';
}

TEST(MachineSize, IsWhatTheKernelShows) {
  testlib::TempTree tree;
  tree.write("proc/meminfo", "MemTotal:        4015656 kB\nMemFree:  1 kB\n");
  tree.write("sys/devices/system/cpu/online", "0-1\n");
  tree.write("proc/stat", "cpu  1 2 3\ncpu0 1 2\ncpu1 1 2\ncpu2 1 2\nintr 5\n");
  EXPECT_EQ(machineSize(tree.files()), (MachineSize{4015656ULL * 1024, 2}));
  tree.remove("sys/devices/system/cpu/online");
  EXPECT_EQ(machineSize(tree.files()), (MachineSize{4015656ULL * 1024, 3})) << "where sysfs is not mounted";
}

TEST(MachineSize, NamesTheFileThatDoesNotSayIt) {
  testlib::TempTree tree;
  EXPECT_EQ(machineSize(tree.files()).error().reason, "NotFound");
  for (const char* text : {"", "MemTotal: kB\n", "MemTotal: 5 MB\n", "MemTotal: 99999999999999999999 kB\n",
                           "MemTotal: 0 kB\n", "SwapTotal: 5 kB\n"}) {
    tree.write("proc/meminfo", text);
    const auto size = machineSize(tree.files());
    ASSERT_FALSE(size) << text;
    EXPECT_EQ(size.error().reason, "Unknown");
    EXPECT_NE(size.error().thing.find("proc/meminfo"), std::string::npos);
  }
  tree.write("proc/meminfo", "MemTotal: 5 kB\n");
  ASSERT_FALSE(machineSize(tree.files()));
  EXPECT_NE(machineSize(tree.files()).error().thing.find("cpu/online"), std::string::npos);
}

TEST(MachineSize, OfThisMachineCanBeRead) {
  auto files = HostFiles::open("/");
  ASSERT_TRUE(files);
  const auto size = machineSize(*files);
  ASSERT_TRUE(size) << size.error().text();
  EXPECT_GT(size->memoryBytes, 64U << 20);
  EXPECT_GE(size->cores, 1);
}

}  // namespace
}  // namespace bedplate::host
