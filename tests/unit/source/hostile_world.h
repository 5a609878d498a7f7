// Objects that hash as they should and are meant to break whoever reads them: made when they are asked for, as they are
// many or large.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "agent/source/source.h"

namespace bedplate::source {

struct World {
  struct Thing {
    ObjectType type;
    std::function<std::string()> make;
  };
  ObjectId head;
  std::map<ObjectId, Thing> things;

  ObjectId add(ObjectType type, std::function<std::string()> make);
};

// By name; nullopt when there is none of that name.
//   fat-blobs      100 files of 1 MiB each
//   fat-trees      40 directories of 4 MiB each
//   wide           one directory of 4 MiB, on the way to the cluster directory "x"
//   refused-names  100 directories of 10,000 entries with names that are refused
//   treeless       a commit whose tree is not sent
std::optional<World> worldOf(const std::string& name);

// A commit on `parent` (none when empty) with a message of so many bytes.
std::string commitText(const ObjectId& tree, const ObjectId& parent, std::size_t messageBytes);

}  // namespace bedplate::source
