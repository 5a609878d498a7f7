// A quick answer to "is all as it was at the last look?", for the poll and for a sync with nothing new: one pread a key
// on a descriptor that stays open, one fstatat a file that no watch vouches for, and no maps, rules or database. Only
// after a look that found nothing to do; whatever differs, and each minute once, leads to a whole look. What a glance
// cannot see, new keys that a glob matches, is told by netlink.
//
// A descriptor on a key whose module or interface is gone reads ENOENT (the kernel cuts it off), also when a new one of
// the same name is there: that differs, and the whole look opens anew.
// Private to the Keeper. Thread-safety: as the Keeper.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/apply/apply.h"

namespace bedplate::apply {

class Glance {
 public:
  static constexpr std::int64_t kValidNs = 60'000'000'000;

  // Remembers what `seen` says. Null when a glance could not tell: something is unreadable, was written a moment ago,
  // or there are too few descriptors for so many keys.
  static std::unique_ptr<Glance> make(Machine& machine, const plan::Target& target, const plan::Observed& seen,
                                      const plan::Held& held, const SeenFiles& files, bool enforce);
  // What the store said when it was made, and what waits.
  void remember(Store& store, std::vector<plan::Pending> pending);
  // It says the same now: the same generation is in force, and the same things are held.
  bool of(Store& store) const;
  [[nodiscard]] const std::vector<plan::Pending>& pending() const { return pending_; }
  // There are rules for whatever matches.
  [[nodiscard]] bool globs() const { return globs_; }
  // Files that are to be looked at whatever a watch says of the others.
  void touch(const std::set<std::string>& paths) { touched_.insert(paths.begin(), paths.end()); }
  // Another generation is in force, and all that it changed was the content of these files, which were just put in
  // place: their contents are looked at until their times tell. False, and of no use any more, when it was not so.
  bool carry(Machine& machine, Store& store, const plan::Target& target, const std::vector<std::string>& put);
  // All is as it was, and it was a short time ago. `files` says what a watch vouches for, and is told of a look.
  bool same(Machine& machine, bool enforce, SeenFiles& files);

 private:
  struct Key {
    host::UniqueFd fd;
    std::string raw;  // as read
  };
  struct Directory {
    std::string path;
    std::vector<std::string> names;
    std::vector<host::FileInfo> infos;
  };
  struct Fresh {  // a file that may change without its times telling
    std::string path;
    std::string sha256;
  };
  struct Single {  // a boot file
    std::string path;
    bool present = false;
    host::FileInfo info;
  };
  bool keepKey(Machine& machine, const std::string& key, const plan::SysctlSeen& seen);
  bool keepFile(const std::string& path, const SeenFiles& files);
  bool sameKeys(Machine& machine);
  bool sameFiles(Machine& machine) const;
  bool sameBootFiles(Machine& machine) const;
  bool sameTouched(Machine& machine);
  bool sameFresh(Machine& machine);
  bool keepBootFiles(Machine& machine);
  host::FileInfo* find(const std::string& path);

  std::int64_t madeNs_ = 0;
  bool enforce_ = false;
  bool globs_ = false;
  std::set<std::string> touched_;
  std::uint64_t round_ = 0;  // of SeenFiles, in which the files were looked at
  std::int64_t number_ = 0;
  std::shared_ptr<const plan::Held> held_;
  std::vector<plan::Pending> pending_;
  std::vector<Key> keys_;
  std::vector<std::string> absent_;  // paths of keys that are not there
  std::vector<std::string> modules_;
  std::vector<Directory> directories_;  // with their names in order
  std::vector<Fresh> fresh_;
  std::vector<Single> singles_;
  std::string buffer_;
};

}  // namespace bedplate::apply
