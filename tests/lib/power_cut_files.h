// Files that fail, or lose power, at the k-th change.
//
// Until something is flushed, a power cut may undo it. Two extremes of what a disk may do are played: `all` undoes
// every change that was not flushed, names and contents alike; `contents` keeps the names and leaves half of what was
// not flushed in the files, as a file system does that orders its metadata alone. `nothing` is a kill: what was done
// stays, and a file that was being written is half there.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/lib/forwarding_files.h"
#include "tests/lib/temp_tree.h"

namespace bedplate::testlib {

enum class Loss { nothing, contents, all };

class PowerCutFiles final : public ForwardingFiles {
 public:
  static constexpr int kExitStatus = 77;

  explicit PowerCutFiles(TempTree& tree) : ForwardingFiles(tree.files()), tree_(tree) {}

  // The process ends (with kExitStatus) instead of making the k-th change, counted from 1.
  void cutAt(int k, Loss loss) {
    cutAt_ = k;
    loss_ = loss;
  }
  // The k-th change fails with this errno; with `onwards` all after it as well (a disk that stays full).
  void failAt(int k, int errnum, bool onwards) {
    failAt_ = k;
    errnum_ = errnum;
    onwards_ = onwards;
  }
  [[nodiscard]] int changes() const { return changes_; }

  host::Status makeDirectories(const std::string& path, mode_t mode) override;
  host::Status create(const std::string& path, std::string_view content, mode_t mode, uid_t uid, gid_t gid) override;
  host::Status flush(const std::string& path) override;
  host::Status flushFileSystem(const std::string& path) override;
  host::Status rename(const std::string& from, const std::string& to) override;
  host::Status remove(const std::string& path) override;
  host::Status writeValue(const std::string& path, std::string_view value) override;

 private:
  struct Saved {
    std::string content;
    mode_t mode = 0;
  };
  struct Undo {
    enum class Kind { created, renamed, removed } kind;
    std::string path;
    std::string from;            // of a rename
    std::optional<Saved> saved;  // what was at `path` before
  };
  // Counts, and fails (what needs space on a disk) or dies when it is time.
  host::Status step(const std::string& path, bool disk);
  [[nodiscard]] std::optional<Saved> save(const std::string& path);
  void lose();
  void put(const std::string& path, const Saved& saved);

  TempTree& tree_;
  int changes_ = 0, cutAt_ = 0, failAt_ = 0, errnum_ = 0;
  bool onwards_ = false;
  Loss loss_ = Loss::nothing;
  std::vector<Undo> undo_;
  std::set<std::string> dirty_;  // files whose content is not flushed
};

}  // namespace bedplate::testlib
