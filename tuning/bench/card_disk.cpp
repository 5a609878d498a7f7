// From a directory through partitions, LVM, encryption and RAID to the disks.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "tuning/bench/card_disk.h"
#include "tuning/bench/card_parse.h"
#include "tuning/host/paths.h"

namespace bedplate::bench {
namespace {

constexpr std::size_t kMostText = 4096;
constexpr std::size_t kMostMounts = 4 << 20;
constexpr int kDeepest = 8;
constexpr std::size_t kMostDisks = 16;
constexpr std::uint64_t kSector = 512;  // of `size`, whatever the disk's own are

std::string text(host::Files& files, const std::string& path) {
  const auto read = files.read(path, kMostText);
  return read ? *read : std::string();
}

std::uint64_t number(const std::string& value) {
  std::uint64_t parsed = 0;
  std::from_chars(value.data(), value.data() + value.size(), parsed);
  return parsed;
}

class Finder {
 public:
  Finder(host::Files& files, Place& place) : files_(files), place_(place) {}

  // `device` is a directory of one block device; false when it is none.
  bool follow(const std::string& device, int depth) {
    const std::string event = text(files_, host::joinPath(device, "uevent"));
    std::string name = valueOf(event, "DEVNAME");
    if (name.empty() || depth > kDeepest) return false;
    std::replace(name.begin(), name.end(), '/', '!');  // as sysfs writes "cciss/c0d0"
    if (valueOf(event, "DEVTYPE") == "partition") {
      note(name);
      // The partition's directory lies in its disk's.
      return follow(device + "/..", depth + 1);
    }
    const auto slaves = files_.list(host::joinPath(device, "slaves"), 64);
    if (!slaves || slaves->empty()) {
      add(device, name, valueOf(event, "MAJOR") + ":" + valueOf(event, "MINOR"));
      return true;
    }
    const std::string mapped = shortLine(text(files_, host::joinPath(device, "dm/name")));
    const std::string level = shortLine(text(files_, host::joinPath(device, "md/level")));
    note((mapped.empty() ? name : mapped) + (level.empty() ? "" : " (" + level + ")"));
    for (const auto& slave : *slaves)
      if (place_.disks.size() < kMostDisks) follow(host::joinPath(host::paths::blockClass, slave), depth + 1);
    return true;
  }

 private:
  void note(const std::string& part) {
    if (place_.through.size() > 200) return;
    place_.through += (place_.through.empty() ? "" : " on ") + part;
  }

  void add(const std::string& device, const std::string& name, const std::string& number_) {
    if (std::any_of(place_.disks.begin(), place_.disks.end(), [&](const Disk& disk) { return disk.name == name; }))
      return;
    const auto attribute = [&](const char* file) { return text(files_, host::joinPath(device, file)); };
    Disk disk;
    disk.name = shortLine(name);
    static_cast<void>(files_.links(host::paths::blockDevices, 100000, [&](std::string_view link, std::string_view to) {
      if (link == number_) disk.kind = kindOf(to, name);
    }));
    disk.model = shortLine(attribute("device/model"));
    const std::string vendor = shortLine(attribute("device/vendor"));
    // Of virtio the vendor is a number.
    if (!disk.model.empty() && !vendor.empty() && !disk.model.starts_with(vendor))
      disk.model = vendor + " " + disk.model;
    disk.scheduler = chosen(attribute("queue/scheduler"));
    disk.writeCache = shortLine(attribute("queue/write_cache"));
    const std::string rotational = shortLine(attribute("queue/rotational"));
    if (rotational == "0" || rotational == "1") disk.rotational = rotational == "1";
    const std::uint64_t sectors = number(attribute("size"));
    disk.bytes = sectors < UINT64_MAX / kSector ? sectors * kSector : 0;
    place_.disks.push_back(std::move(disk));
  }

  host::Files& files_;
  Place& place_;
};

}  // namespace

Place findPlace(host::Files& files, const std::string& directory) {
  Place place;
  place.directory = files.shown(directory);
  const auto mounts = files.read(host::paths::procMounts, kMostMounts);
  const auto mount = mounts ? mountOf(*mounts, directory) : std::nullopt;
  if (!mount) return place;
  place.fileSystem = mount->type;
  place.source = mount->source;
  Finder finder(files, place);
  if (!mount->device.starts_with("0:")) {
    finder.follow(host::joinPath(host::paths::blockDevices, mount->device), 0);
    return place;
  }
  // btrfs and others have a number of their own; their source names the device.
  const std::string_view source = mount->source;
  if (source.starts_with('/'))
    finder.follow(host::joinPath(host::paths::blockClass, source.substr(source.rfind('/') + 1)), 0);
  return place;
}

}  // namespace bedplate::bench
