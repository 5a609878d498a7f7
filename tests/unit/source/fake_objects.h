// An object database in memory, for the tests of what is read from one.
#pragma once

#include <cstdio>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "agent/source/source.h"

namespace bedplate::source {

class FakeObjects final : public Objects {
 public:
  ObjectId add(ObjectType type, const std::string& bytes) {
    const ObjectId id = hashObject(type, bytes, 20);
    objects_[id] = {type, bytes};
    return id;
  }
  ObjectId blob(const std::string& content) { return add(ObjectType::blob, content); }
  // In git's order, as the caller gives them.
  ObjectId tree(const std::vector<TreeEntry>& entries) {
    std::string raw;
    for (const auto& entry : entries) {
      char mode[16];
      std::snprintf(mode, sizeof mode, "%o ", entry.mode);
      raw += mode + entry.name + std::string(1, '\0') + std::string(entry.id.bytes());
    }
    return add(ObjectType::tree, raw);
  }
  Commit commit(const ObjectId& root, const std::vector<ObjectId>& parents = {}, const std::string& subject = "x") {
    std::string raw = "tree " + root.hex() + "\n";
    for (const auto& parent : parents) raw += "parent " + parent.hex() + "\n";
    raw += "author A <a@x> 1 +0000\ncommitter A <a@x> 1 +0000\n\n" + subject + "\n";
    return *parseCommit(add(ObjectType::commit, raw), raw);
  }
  void forget(const ObjectId& id) { objects_.erase(id); }

  host::Result<std::vector<std::optional<std::string>>> get(ObjectType type, const std::vector<ObjectId>& ids,
                                                            std::size_t limit) override {
    ++requests;
    std::vector<std::optional<std::string>> got;
    for (const auto& id : ids) {
      asked.push_back(id);
      const auto it = objects_.find(id);
      if (it == objects_.end() || it->second.first != type)
        return host::fail("ObjectMissing", id.hex(), "is not there");
      if (it->second.second.size() > limit)
        got.emplace_back(std::nullopt);
      else
        got.emplace_back(it->second.second);
    }
    return got;
  }

  std::size_t requests = 0;
  std::vector<ObjectId> asked;

 private:
  std::map<ObjectId, std::pair<ObjectType, std::string>> objects_;
};

}  // namespace bedplate::source
