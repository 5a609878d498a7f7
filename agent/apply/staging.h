// New files for K3s, staged where K3s does not look and put in place one rename each.
//
// Unlike host::replaceFiles each file succeeds or fails on its own: one directory in the way must not keep a thousand
// manifests from their place. All are written and flushed before the first change of a run, so that a full disk is
// found out while nothing has been touched.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "agent/plan/plan.h"
#include "tuning/host/files.h"

namespace bedplate::apply {

class Staging {
 public:
  explicit Staging(host::Files& files) : files_(files) {}
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  // Removes what was staged and not put in place.
  ~Staging();

  void add(plan::Area area, const std::string& path, std::shared_ptr<const std::string> content, mode_t mode, uid_t uid,
           gid_t gid);
  // Of a sealed file; wiped when it was staged.
  void add(plan::Area area, const std::string& path, trust::Secret content, mode_t mode, uid_t uid, gid_t gid);
  // Remembers why a file cannot be staged at all.
  void fail(const std::string& path, host::Error error) { failures_.insert_or_assign(path, std::move(error)); }
  // Writes and flushes all that was added. Fails only for want of space; other failures, and with `lenient` this one
  // too, are kept for put().
  host::Status stage(bool lenient);
  // Renames a staged file to its place; the directories are flushed by flushPlaces().
  host::Status put(const std::string& path);
  host::Status flushPlaces();

  // Removes what a crash left in the stages.
  static void sweep(host::Files& files);

 private:
  struct File {
    plan::Area area;
    std::shared_ptr<const std::string> content;
    mode_t mode;
    uid_t uid;
    gid_t gid;
    std::string temp;           // "" until it is staged
    trust::Secret secret = {};  // where there is no content
  };
  host::Status stageOne(const std::string& path, File& file, std::size_t index);

  host::Files& files_;
  std::map<std::string, File> staged_;
  std::map<std::string, host::Error> failures_;
  std::set<std::string> made_;    // directories that are there
  std::set<std::string> places_;  // directories with a name that is not flushed yet
};

// Where a run stages files of an area.
const char* stageDirectory(plan::Area area);

}  // namespace bedplate::apply
