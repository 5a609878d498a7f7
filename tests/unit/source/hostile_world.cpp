#include "tests/unit/source/hostile_world.h"

#include <cstdio>

namespace bedplate::source {
namespace {

constexpr std::size_t kMiB = 1 << 20;
constexpr std::size_t kTreeBytes = 4 * kMiB;

std::string numbered(std::size_t number) {
  char text[16];
  std::snprintf(text, sizeof text, "%07zu", number);
  return text;
}

std::string entry(const std::string& mode, const std::string& name, const ObjectId& id) {
  return mode + " " + name + std::string(1, '\0') + std::string(id.bytes());
}

// Entries f0000000, f0000001, ... until it is as large; `salt` makes it differ from others.
std::string largeTree(std::size_t salt, const std::string& suffix, std::size_t most) {
  const ObjectId blob = hashObject(ObjectType::blob, numbered(salt), 20);
  std::string raw;
  for (std::size_t i = 0; i < most; ++i) {
    const std::string one = entry("100644", "f" + numbered(i) + suffix, blob);
    if (raw.size() + one.size() > kTreeBytes) break;
    raw += one;
  }
  return raw;
}

void rootOf(World& world, const std::string& mode, const std::map<std::string, ObjectId>& entries) {
  std::string raw;
  for (const auto& [name, id] : entries) raw += entry(mode, name, id);
  const ObjectId root = world.add(ObjectType::tree, [raw] { return raw; });
  const std::string commit = commitText(root, {}, 1);
  world.head = world.add(ObjectType::commit, [commit] { return commit; });
}

}  // namespace

ObjectId World::add(ObjectType type, std::function<std::string()> make) {
  const ObjectId id = hashObject(type, make(), 20);
  things[id] = {type, std::move(make)};
  return id;
}

std::string commitText(const ObjectId& tree, const ObjectId& parent, std::size_t messageBytes) {
  std::string raw = "tree " + tree.hex() + "\n";
  if (!parent.empty()) raw += "parent " + parent.hex() + "\n";
  raw += "author A <a@x> 1 +0000\ncommitter A <a@x> 1 +0000\n\n";
  return raw + std::string(messageBytes, 'x');
}

std::optional<World> worldOf(const std::string& name) {
  World world;
  std::map<std::string, ObjectId> entries;
  if (name == "fat-blobs") {
    for (std::size_t i = 0; i < 100; ++i)
      entries["f" + numbered(i)] = world.add(ObjectType::blob, [i] {
        std::string content(kMiB, 'x');
        return content.replace(0, 7, numbered(i));
      });
    rootOf(world, "100644", entries);
  } else if (name == "fat-trees") {
    for (std::size_t i = 0; i < 40; ++i)
      entries["d" + numbered(i)] = world.add(ObjectType::tree, [i] { return largeTree(i, "", 1'000'000); });
    rootOf(world, "40000", entries);
  } else if (name == "wide") {
    const ObjectId root = world.add(ObjectType::tree, [] { return largeTree(0, "", 1'000'000); });
    const std::string commit = commitText(root, {}, 1);
    world.head = world.add(ObjectType::commit, [commit] { return commit; });
  } else if (name == "refused-names") {
    for (std::size_t i = 0; i < 100; ++i)
      entries["d" + numbered(i)] =
          world.add(ObjectType::tree, [i] { return largeTree(i, "\x01" + std::string(150, '~'), 10'000); });
    rootOf(world, "40000", entries);
  } else if (name == "treeless") {
    const std::string commit = commitText(hashObject(ObjectType::tree, "kept back", 20), {}, 1);
    world.head = world.add(ObjectType::commit, [commit] { return commit; });
  } else {
    return std::nullopt;
  }
  return world;
}

}  // namespace bedplate::source
