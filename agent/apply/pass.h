// One go at a target: look, plan, prepare, execute, settle. Private to the Keeper.
//
// look() reads. prepare() stages all new files; nothing that matters has changed after it. takeOriginals() makes the
// originals durable; only then execute() changes the host. settle() forgets what was given back.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/apply/apply.h"
#include "agent/apply/boot_files.h"
#include "agent/apply/generations.h"
#include "agent/apply/staging.h"

namespace bedplate::apply {

class Pass {
 public:
  Pass(Machine& machine, Store& store, const plan::Target& target, SeenFiles& known)
      : machine_(machine),
        store_(store),
        target_(target),
        known_(known),
        generations_(machine.files),
        staging_(machine.files) {}

  // With `otherBoot` what was begun in an earlier boot is ended in this one: its originals are given back like those of
  // this boot, because the boot files may have brought its values here.
  host::Status look(bool otherBoot = false);
  [[nodiscard]] const plan::Target& target() const { return target_; }
  [[nodiscard]] const plan::Plan& plan() const { return plan_; }
  [[nodiscard]] const plan::Observed& seen() const { return seen_; }
  [[nodiscard]] const plan::Held& held() const { return *held_; }

  // Leaves a change out of what follows.
  template <class Condition>
  void leaveOut(Condition condition) {
    std::erase_if(plan_.changes, condition);
  }
  // Leaves out what failed a short time ago: it counts as failed again.
  void defer(const Outcome& last);
  // Files stay as they are, are forgotten, and their originals stay where they are kept.
  void keepFiles();

  // The keys that can cut the node off are set with a look at the network before and after; else like any other.
  void ask() { asks_ = true; }
  // Whether the rule of this change is for whatever the glob matches.
  [[nodiscard]] bool byGlob(const plan::Change& change) const;
  [[nodiscard]] bool isManifest(const std::string& path) const { return areaOf(path) == plan::Area::manifest; }
  // Whether the boot file sets it to this: it was confirmed in an earlier boot.
  [[nodiscard]] bool heldAtBoot(const plan::Change& change);

  // Whether anything at all is to be done: a change, an original to take, something to forget.
  [[nodiscard]] bool idle() const;

  // Fails for want of space; with `lenient` that is a failure of the files alone.
  host::Status prepare(bool lenient);
  // On an error the changes that need the originals will fail.
  host::Status takeOriginals();
  void execute();
  host::Status writeBoot();
  host::Status settle();

  // What was taken back because the node was cut off, in words; "" for nothing.
  [[nodiscard]] const std::string& tookBack() const { return tookBack_; }
  [[nodiscard]] std::vector<Outcome>& outcomes() { return outcomes_; }
  // Subjects that could not be brought to what is wanted, with the reason; tolerated ones too.
  [[nodiscard]] const std::map<std::string, std::string>& unsettled() const { return unsettled_; }

 private:
  using Status = host::Status;

  [[nodiscard]] plan::Held originalsToTake();
  void takeFile(const plan::FileTarget& file, plan::Held& take);
  Status keepContent(const std::string& path, plan::FileOriginal& original);

  [[nodiscard]] Status inTheWay(const std::string& path) const;
  void stageWrite(const std::string& path);
  void stageRestore(const std::string& path);

  void loadModules();
  void lookAgain();
  Status set(const plan::Change& change);
  // pass_group.cpp
  void setSysctls();
  void setAgain();
  Status prepareGroup(const std::vector<plan::Change>& group, std::vector<std::string>& checks);
  void closeGroup();
  void takeBack(const std::vector<std::string>& checks, const std::string& why);
  std::size_t markTakenBack(const std::string& why);
  Status remove(const std::string& path);
  void run(const plan::Change& change);
  void runAll(plan::Action action);
  void runFiles(plan::Action action, plan::Area area);
  void flushed(std::size_t from);
  void note(plan::Change change, const Status& status);
  [[nodiscard]] plan::Area areaOf(const std::string& path) const;
  [[nodiscard]] const plan::FileTarget* wanted(const std::string& path) const;
  [[nodiscard]] std::vector<std::string> keysToDrop() const;
  [[nodiscard]] std::vector<std::string> pathsToDrop() const;

  Machine& machine_;
  Store& store_;
  const plan::Target& target_;
  SeenFiles& known_;
  Generations generations_;
  Staging staging_;
  plan::Observed seen_;
  std::shared_ptr<const plan::Held> held_ = std::make_shared<const plan::Held>();  // as the store has it
  plan::Plan plan_;
  bool keepFiles_ = false;
  bool asks_ = false;
  std::set<std::string> undone_;  // keys that cut the node off, in this run or before
  std::string tookBack_;
  std::vector<Outcome> outcomes_;
  std::map<std::string, std::string> unsettled_;
  std::map<std::string, host::Error> blocked_;  // subjects whose original cannot be kept
  std::vector<std::string> places_;             // directories in which files were removed
};

}  // namespace bedplate::apply
