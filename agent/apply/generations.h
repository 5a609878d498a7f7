// The files of generations: generations/N/target.json, and generations/blobs/<sha256> which they share, so that one
// changed manifest of a thousand does not rewrite the others. All 0600, durable when a call returns.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/plan/plan.h"
#include "tuning/host/files.h"

namespace bedplate::apply {

class Generations {
 public:
  explicit Generations(host::Files& files) : files_(files) {}

  [[nodiscard]] std::string targetPath(std::int64_t number) const;
  // Those that have a directory, lowest first.
  [[nodiscard]] host::Result<std::vector<std::int64_t>> numbers() const;
  // A target without contents. "NotFound", "Corrupt".
  [[nodiscard]] host::Result<plan::Target> read(std::int64_t number) const;
  // Whether every content it names is there.
  [[nodiscard]] bool complete(const plan::Target& target) const;
  // One content, checked against its hash: "Corrupt" when it is another.
  [[nodiscard]] host::Result<std::shared_ptr<const std::string>> content(const std::string& sha256) const;

  // Writes the contents that are not there yet, then target.json. Contents that are null must be there already.
  host::Status write(std::int64_t number, const plan::Target& target);
  // Removes one, without its contents.
  host::Status remove(std::int64_t number);
  // Removes all but `keep`, and the contents that none of them names. Does the most it can.
  void prune(const std::set<std::int64_t>& keep);

 private:
  host::Files& files_;
};

}  // namespace bedplate::apply
