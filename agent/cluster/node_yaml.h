// node.yaml: every key of it, parsed, judged and merged over the layers.
// Thread-safety: one NodeYaml is used from one thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/cluster/cluster.h"

namespace bedplate::cluster {

namespace yaml {
struct Node;
struct Place;
}  // namespace yaml

// What the layers have said so far.
struct Draft {
  NodeConfig config;
  std::optional<std::set<int>> days;
  std::optional<int> from, to;
  std::optional<std::string> timezone;
  std::optional<Said> window, mode, every, duration;  // for the rules that tie two keys together
};

class NodeYaml {
 public:
  // Findings go to `findings`, which outlives this object.
  explicit NodeYaml(std::vector<Finding>& findings) : findings_(findings) {}

  // The next layer's file: its keys replace those of the layers before. `file` is within the cluster directory.
  void add(const std::string& file, std::string_view text);
  // All of them together; checks what only holds of the whole.
  NodeConfig finish();

 private:
  void header(const std::string& file, const yaml::Node& root);
  void section(const std::string& file, const yaml::Node& node, const std::string& prefix);
  void report(Severity severity, const std::string& file, yaml::Place at, std::string message);

  std::vector<Finding>& findings_;
  Draft draft_;
};

// The paths of all keys ("tuning.profile"), in the order of the documentation.
std::vector<std::string> nodeYamlKeys();

}  // namespace bedplate::cluster
