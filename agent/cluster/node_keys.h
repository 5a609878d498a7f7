// The keys of node.yaml and how each is read. Internal to NodeYaml.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/cluster/node_yaml.h"
#include "agent/cluster/yaml.h"

namespace bedplate::cluster {

// What a key's reader gets: the value, where it is, and where to say what is wrong.
struct KeyValue {
  const yaml::Node& node;
  Said said;  // place of the key
  Draft& draft;
  std::function<void(yaml::Place, std::string)> error;
};

struct Key {
  std::string_view path;
  void (*read)(KeyValue&);
};

const std::vector<Key>& keys();

// Keys that are read and judged but do nothing yet in this version. A version that gives one its effect deletes its
// line.
bool isActive(std::string_view path);

}  // namespace bedplate::cluster
