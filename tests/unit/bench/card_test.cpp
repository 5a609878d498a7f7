#include "tuning/bench/card.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/bench/machine_tree.h"
#include "tuning/bench/card_parse.h"

namespace bedplate::bench {
namespace {

using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kDatastore = "var/lib/rancher/k3s/server/db";

Card cardOf(const std::string& machine) {
  MachineTree tree(machine);
  return readCard(tree.files(), kDatastore);
}

TEST(Card, OfAVirtioDiskOnKvm) {
  const Card card = cardOf("kvm");
  EXPECT_EQ(card.cpuModel, "AMD EPYC");
  EXPECT_EQ(card.cpus, 2);
  EXPECT_NEAR(card.mhz.value_or(0), 2596.15, 1);
  EXPECT_EQ(card.kernel, "6.1.0-32-amd64");
  EXPECT_EQ(card.memoryBytes, 24661234U * 1024UL);
  EXPECT_GT(card.bootUs, 1'700'000'000'000'000);
  EXPECT_EQ(card.clockSource, "tsc");
  EXPECT_THAT(card.clockSources, ElementsAre("tsc", "kvm-clock"));
  EXPECT_EQ(card.clockFinding, "");
  EXPECT_EQ(card.place.fileSystem, "ext4");
  EXPECT_EQ(card.place.through, "");
  ASSERT_THAT(card.place.disks, SizeIs(1));
  const Disk& disk = card.place.disks.front();
  EXPECT_EQ(disk.name, "vda");
  EXPECT_EQ(disk.kind, "virtio");
  EXPECT_EQ(disk.scheduler, "mq-deadline");
  EXPECT_EQ(disk.writeCache, "write back");
  EXPECT_EQ(disk.rotational, true);
  EXPECT_EQ(disk.bytes, 536870912UL * 512);
}

TEST(Card, ThroughAPartition) {
  const Card card = cardOf("kvm-no-steal");
  EXPECT_EQ(card.place.through, "sda1");
  EXPECT_THAT(card.place.disks, ElementsAre(Field(&Disk::name, "sda")));
  EXPECT_EQ(card.place.disks.front().kind, "virtio-scsi");
  EXPECT_EQ(card.place.disks.front().model, "QEMU HARDDISK");
  EXPECT_EQ(card.hypervisor, "KVM");
  EXPECT_EQ(card.machine, "QEMU Standard PC (i440FX + PIIX, 1996)");
  EXPECT_THAT(card.clockFinding, HasSubstr("no usable TSC"));
}

TEST(Card, ThroughLvmWithABlankInTheName) {
  MachineTree tree("vmware");
  const Card card = readCard(tree.files(), kDatastore);
  EXPECT_EQ(card.hypervisor, "VMware");
  EXPECT_EQ(card.place.source, "/dev/mapper/rl-rancher data");
  EXPECT_EQ(card.place.fileSystem, "xfs");
  EXPECT_EQ(card.place.through, "rl-rancher on sda3");
  EXPECT_THAT(card.place.disks, ElementsAre(Field(&Disk::model, "VMware Virtual disk")));
  EXPECT_EQ(readCard(tree.files(), "var/lib/other").place.through, "rl-root on sda3");
}

TEST(Card, ThroughRaidToTwoDisksAndThroughBtrfs) {
  MachineTree tree("metal");
  const Card card = readCard(tree.files(), kDatastore);
  EXPECT_EQ(card.hypervisor, "none");
  EXPECT_EQ(card.place.through, "md0 (raid1) on nvme0n1p1 on nvme1n1p1");
  EXPECT_THAT(card.place.disks, ElementsAre(Field(&Disk::name, "nvme0n1"), Field(&Disk::name, "nvme1n1")));
  EXPECT_EQ(card.place.disks.front().kind, "NVMe");
  EXPECT_EQ(card.place.disks.front().model, "SAMSUNG MZVLB1T0HALR-00000");
  EXPECT_EQ(card.place.disks.front().rotational, false);
  EXPECT_THAT(card.clockFinding, HasSubstr("hpet is slow"));
  const Place root = readCard(tree.files(), "var/lib/other").place;
  EXPECT_EQ(root.fileSystem, "btrfs");
  EXPECT_EQ(root.through, "nvme0n1p2");
  EXPECT_THAT(root.disks, ElementsAre(Field(&Disk::name, "nvme0n1")));
}

TEST(Card, OfOtherMachines) {
  const Card arm = cardOf("arm64");
  EXPECT_EQ(arm.cpuModel, "Arm Neoverse N1");
  EXPECT_FALSE(arm.mhz);
  EXPECT_EQ(arm.hypervisor, "unknown");
  EXPECT_EQ(arm.clockFinding, "");
  const Card xen = cardOf("xen");
  EXPECT_EQ(xen.hypervisor, "Xen");
  EXPECT_EQ(xen.place.disks.front().kind, "Xen");
  EXPECT_THAT(xen.clockFinding, HasSubstr("xen is slow"));
  EXPECT_THAT(xen.clockFinding, HasSubstr("tsc"));
  const Card azure = cardOf("hyperv");
  EXPECT_EQ(azure.hypervisor, "Hyper-V");
  EXPECT_EQ(azure.place.disks.front().kind, "Hyper-V");
  EXPECT_EQ(azure.clockFinding, "");
}

TEST(Card, OfAnEmptyTreeIsEmpty) {
  testlib::TempTree tree;
  const Card card = readCard(tree.files(), kDatastore);
  EXPECT_EQ(card.cpuModel, "");
  EXPECT_EQ(card.memoryBytes, 0u);
  EXPECT_THAT(card.place.disks, IsEmpty());
}

TEST(Card, ALoopOfDevicesEnds) {
  testlib::TempTree tree;
  tree.write("proc/self/mountinfo", "1 0 9:1 / / rw - ext4 /dev/md1 rw\n");
  for (const char* device : {"sys/dev/block/9:1", "sys/class/block/md1", "sys/class/block/md2"}) {
    tree.write(std::string(device) + "/uevent", "MAJOR=9\nMINOR=1\nDEVNAME=md1\nDEVTYPE=disk\n");
    tree.write(std::string(device) + "/slaves/md1", "");
    tree.write(std::string(device) + "/slaves/md2", "");
  }
  const Place place = readCard(tree.files(), kDatastore).place;
  EXPECT_THAT(place.disks, IsEmpty());
  EXPECT_LT(place.through.size(), 300u);
}

TEST(MountOf, TheLongestAndOfThoseTheLast) {
  const std::string info =
      "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 8:2 / /var/lib rw shared:3 master:1 - xfs /dev/sdb rw\n"
      "3 1 8:3 / /var/lib rw - ext4 /dev/sdc rw\nnonsense\n4 1 8:4 / /var/li rw - ext4 /dev/sdd rw\n5 1 8:5 / var rw - "
      "x y\n";
  EXPECT_EQ(mountOf(info, "var/lib/rancher").value().source, "/dev/sdc");
  EXPECT_EQ(mountOf(info, "var/lib").value().source, "/dev/sdc");
  EXPECT_EQ(mountOf(info, "var/libx").value().source, "/dev/sda1");
  EXPECT_EQ(mountOf(info, "").value().source, "/dev/sda1");
  EXPECT_FALSE(mountOf("", "var"));
}

TEST(ClockFinding, SaysWhatToDo) {
  using Sources = std::vector<std::string>;
  EXPECT_EQ(clockFinding("tsc", Sources{"tsc"}, true, true), "");
  EXPECT_EQ(clockFinding("kvm-clock", Sources{"kvm-clock", "tsc"}, true, true), "");
  EXPECT_EQ(clockFinding("arch_sys_counter", Sources{"arch_sys_counter"}, true, false), "");
  EXPECT_EQ(clockFinding("", {}, true, true), "");
  EXPECT_THAT(clockFinding("acpi_pm", Sources{"tsc", "acpi_pm"}, true, true), HasSubstr("clocksource=tsc"));
  EXPECT_THAT(clockFinding("hpet", Sources{"hpet"}, true, true), HasSubstr("ask the provider"));
  EXPECT_THAT(clockFinding("hpet", Sources{"hpet"}, false, true), HasSubstr("kernel log"));
  EXPECT_THAT(clockFinding("kvm-clock", Sources{"kvm-clock"}, true, true), HasSubstr("no usable TSC"));
}

TEST(CardParse, ForeignTextIsShortAndPrintable) {
  EXPECT_EQ(shortLine("  a\x1b[31m  b\t\n c"), "a?[31m b");
  EXPECT_THAT(shortLine(std::string(500, 'x')), SizeIs(80));
  EXPECT_EQ(chosen("none [mq-deadline] kyber \n"), "mq-deadline");
  EXPECT_EQ(chosen("none\n"), "none");
  EXPECT_EQ(chosen("]x["), "]x[");
  EXPECT_EQ(valueOf("A=1\nAB=2\nB=3", "AB"), "2");
  EXPECT_EQ(valueOf("btime 17\n", "btime"), "17");
  EXPECT_EQ(valueOf("btime\n", "btime"), "");
  EXPECT_EQ(parseCpuInfo("cpu MHz\t: x\ncpu MHz : -1\nmodel name\t: \n").mhz, std::nullopt);
}

}  // namespace
}  // namespace bedplate::bench
