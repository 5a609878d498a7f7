#include "agent/kube/nodes.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/kube/json_at.h"
#include "agent/kube/time.h"
#include "agent/source/text.h"

namespace bedplate::kube {
namespace {

using nlohmann::json;

constexpr std::size_t kMostList = 16 << 20;  // servers are few, but a Node names 50 images
constexpr std::size_t kMostNode = 2 << 20;
constexpr std::size_t kMostArguments = 2000;
constexpr std::size_t kLongestWord = 8192;
constexpr std::size_t kLongestName = 253;
constexpr std::size_t kMostTrial = 4096;
constexpr std::size_t kShownWhy = 400;
constexpr const char* kTrial = "bedplate.dev/k3s";

host::Failure malformed(const std::string& why) { return host::fail("Malformed", "the API's answer", why); }

bool nodeName(std::string_view name) {
  return !name.empty() && name.size() <= kLongestName && name.front() != '.' && name.front() != '-' &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; });
}

const json* condition(const json& node, std::string_view type) {
  const json* list = at(at(&node, "status"), "conditions");
  if (list == nullptr || !list->is_array()) return nullptr;
  for (const auto& one : *list)
    if (textAt(&one, "type") == type) return &one;
  return nullptr;
}

// The JSON list of words that an annotation holds; empty for anything else.
std::vector<std::string> words(const std::string& text) {
  const json list = json::parse(text, nullptr, /*allow_exceptions=*/false);
  std::vector<std::string> found;
  if (!list.is_array() || list.size() > kMostArguments) return found;
  for (const auto& word : list) {
    if (!word.is_string() || word.get_ref<const std::string&>().size() > kLongestWord) return {};
    found.push_back(word.get<std::string>());
  }
  return found;
}

std::string shown(const json* object, const char* key) { return source::shownText(textAt(object, key), kShownWhy); }

void readReady(const json& from, Node& node) {
  const json* ready = condition(from, "Ready");
  node.ready = textAt(ready, "status") == "True";
  node.heardUs = parseTime(textAt(ready, "lastHeartbeatTime"));
  if (node.ready) return;
  node.notReady = ready == nullptr ? "it has not said so yet" : shown(ready, "reason");
  if (const std::string message = shown(ready, "message"); !message.empty()) node.notReady += ": " + message;
}

host::Result<Node> nodeOf(const json& from) {
  const json* metadata = at(&from, "metadata");
  Node node;
  node.name = textAt(metadata, "name");
  if (!nodeName(node.name)) return malformed("holds a Node without a name");
  const json* labels = at(metadata, "labels");
  const auto labelled = [&](const char* label) { return at(labels, label) != nullptr; };
  node.etcd = labelled("node-role.kubernetes.io/etcd");
  node.server = node.etcd || labelled("node-role.kubernetes.io/control-plane");
  node.voter = textAt(condition(from, "EtcdIsVoter"), "status") == "True";
  const json* annotations = at(metadata, "annotations");
  node.args = words(textAt(annotations, "k3s.io/node-args"));
  node.configHash = source::shownText(textAt(annotations, "k3s.io/node-config-hash"), kShownWhy);
  if (const std::string trial = textAt(annotations, kTrial); !trial.empty()) node.trial = parseTrial(trial);
  readReady(from, node);
  return node;
}

json parsed(std::string_view text) { return json::parse(text, nullptr, /*allow_exceptions=*/false); }

}  // namespace

std::string toJson(const Trial& trial) {
  return json{{"node", trial.node},
              {"tree", trial.tree},
              {"content", trial.content},
              {"outcome", trial.outcome},
              {"why", trial.why}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

std::optional<Trial> parseTrial(std::string_view text) {
  if (text.size() > kMostTrial) return std::nullopt;
  const json from = parsed(text);
  if (!from.is_object()) return std::nullopt;
  Trial trial{shown(&from, "node"), shown(&from, "tree"), shown(&from, "content"), shown(&from, "outcome"),
              shown(&from, "why")};
  if (trial.outcome.empty()) return std::nullopt;
  return trial;
}

host::Result<Node> parseNode(std::string_view text) {
  const json from = parsed(text);
  if (!from.is_object()) return malformed("is no Node");
  return nodeOf(from);
}

host::Result<std::vector<Node>> parseNodes(std::string_view text) {
  const json from = parsed(text);
  const json* items = itemsOf(from);
  if (items == nullptr) return malformed("is no list of Nodes");
  std::vector<Node> nodes;
  for (const auto& item : *items) {
    BEDPLATE_TRY_LET(auto node, nodeOf(item));
    nodes.push_back(std::move(node));
  }
  std::sort(nodes.begin(), nodes.end(), [](const Node& a, const Node& b) { return a.name < b.name; });
  return nodes;
}

host::Result<std::vector<Node>> readServers(Api& api) {
  BEDPLATE_TRY_LET(const std::string text,
                   api.get("/api/v1/nodes?labelSelector=node-role.kubernetes.io%2Fcontrol-plane", kMostList));
  BEDPLATE_TRY_LET(auto nodes, parseNodes(text));
  // A member of etcd without an API server counts for the quorum as well.
  BEDPLATE_TRY_LET(const std::string more,
                   api.get("/api/v1/nodes?labelSelector=node-role.kubernetes.io%2Fetcd", kMostList));
  BEDPLATE_TRY_LET(auto members, parseNodes(more));
  for (auto& member : members) {
    const bool known = std::any_of(nodes.begin(), nodes.end(), [&](const Node& n) { return n.name == member.name; });
    if (!known) nodes.push_back(std::move(member));
  }
  std::sort(nodes.begin(), nodes.end(), [](const Node& a, const Node& b) { return a.name < b.name; });
  return nodes;
}

host::Result<Node> readNode(Api& api, const std::string& name) {
  if (!nodeName(name))
    return host::fail("Malformed", name, "is not the name of a Node", "set node-name in K3s's configuration");
  BEDPLATE_TRY_LET(const std::string text, api.get("/api/v1/nodes/" + name, kMostNode));
  return parseNode(text);
}

host::Status tellTrial(Api& api, const std::string& name, const Trial& trial) {
  if (!nodeName(name))
    return host::fail("Malformed", name, "is not the name of a Node", "set node-name in K3s's configuration");
  const json patch = {{"metadata", {{"annotations", {{kTrial, toJson(trial)}}}}}};
  BEDPLATE_TRY(api.patch("/api/v1/nodes/" + name, patch.dump(-1, ' ', false, json::error_handler_t::replace)));
  return {};
}

std::string notWell(const Node& node) {
  if (!node.ready) return "is not Ready (" + node.notReady + ")";
  if (node.etcd && !node.voter) return "is not a voter of etcd";
  return {};
}

}  // namespace bedplate::kube
