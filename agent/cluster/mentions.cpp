#include "agent/cluster/mentions.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "agent/cluster/credentials.h"
#include "agent/cluster/k3s_rules.h"
#include "agent/cluster/names.h"

namespace bedplate::cluster {
namespace {

using yaml::Kind;
using yaml::Node;

constexpr std::size_t kMost = 100;  // of one object; then there is enough to say

bool isChart(const Object& object) {
  return object.group == "helm.cattle.io" && (object.kind == "HelmChart" || object.kind == "HelmChartConfig");
}
bool isSecret(const Object& object) {
  return object.group.empty() && object.kind == "Secret" && object.space == "kube-system";
}

// Where objects begin, documents and items of lists, by line and column.
std::map<std::pair<int, int>, const Node*> nodesOf(const std::vector<Node>& documents) {
  std::map<std::pair<int, int>, const Node*> nodes;
  for (const auto& document : documents) {
    nodes[{document.at.line, document.at.column}] = &document;
    if (const auto* items = find(document, "items"))
      for (const auto& item : items->items) nodes[{item.at.line, item.at.column}] = &item;
  }
  return nodes;
}

std::vector<std::string_view> linesOf(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// "auth.rootPassword" is one, "existingSecret", "tokenTTL" and "passwordKey" are not.
bool namesCredential(std::string_view key) {
  std::string name = lower(key);
  std::erase_if(name, [](char c) { return c == '-' || c == '_'; });
  constexpr std::array<std::string_view, 11> kEnds = {"password",  "passwd",    "passphrase",   "token",
                                                      "secretkey", "accesskey", "clientsecret", "privatekey",
                                                      "apikey",    "authkey",   "encryptionkey"};
  return std::any_of(kEnds.begin(), kEnds.end(), [&](std::string_view end) { return name.ends_with(end); });
}

// Said here, and not a switch ("serviceAccountToken: true") or a reference that somebody fills in later.
bool isLiteral(const Node& value) {
  if (value.kind != Kind::scalar || value.text.empty()) return false;
  const auto word = lower(value.text);
  if (word == "true" || word == "false") return false;
  return value.text[0] != '$' && !value.text.starts_with("{{") && !value.text.starts_with("%{");
}

class Reader {
 public:
  Reader(const std::vector<std::string_view>& lines, Object& object) : lines_(lines), object_(object) {}

  void chart(const Node& node) {
    const auto* spec = find(node, "spec");
    if (spec == nullptr) return;
    const bool own = find(*spec, "chartContent") != nullptr;
    for (const auto& entry : spec->entries) {
      const auto& value = entry.value;
      if (entry.key == "repo") endpoint(value, "spec.repo");
      if (entry.key == "chart" && value.text.find("://") != std::string::npos) endpoint(value, "spec.chart");
      // The Helm controller adds this repository by itself.
      if (entry.key == "chart" && value.text.starts_with("stable/") && !own)
        add({Mention::Kind::standard, value.at, "spec.chart", "charts.helm.sh"});
      if (entry.key == "jobImage" && value.kind == Kind::scalar)
        add({Mention::Kind::endpoint, value.at, "spec.jobImage", registryOf(value.text)});
      if (entry.key == "set" || entry.key == "values") values(value, "", {});
      if (entry.key == "valuesContent" && value.kind == Kind::scalar) valuesContent(value);
    }
  }

  // The keys of K3s's etcd-s3-config-secret, in either form.
  void secret(const Node& node) {
    for (const char* form : {"stringData", "data"}) {
      const auto* data = find(node, form);
      if (data == nullptr) continue;
      for (const auto& entry : data->entries) {
        if (entry.key != "etcd-s3-endpoint" && entry.key != "etcd-s3-proxy") continue;
        Node plain = entry.value;
        if (form == std::string_view("data")) plain.text = decodeBase64Loosely(plain.text);
        if (entry.key == "etcd-s3-proxy" && plain.text == "none") continue;
        endpoint(plain, entry.key);
      }
    }
  }

 private:
  void add(Mention mention) {
    if (object_.mentions.size() < kMost) object_.mentions.push_back(std::move(mention));
  }

  void endpoint(const Node& value, const std::string& what) {
    const auto begin = value.text.find("://");
    // The server's own, which serves K3s's packaged charts.
    if (begin != std::string::npos && value.text.substr(begin + 3).starts_with("%{KUBERNETES_API}%")) return;
    for (auto& host : hostsOf(value.text)) add({Mention::Kind::endpoint, value.at, what, std::move(host)});
    if (begin != std::string::npos && value.text.find('@', begin) != std::string::npos)
      add({Mention::Kind::credential, value.at, what, ""});
  }

  // `above` is where the text begins in which the places count, for values that are a text within the text.
  void values(const Node& node, const std::string& path, yaml::Place above) {
    for (const auto& item : node.items) values(item, path, above);
    for (const auto& entry : node.entries) {
      const std::string name = path.empty() ? entry.key : path + "." + entry.key;
      if (name.size() > 256) continue;
      if (namesCredential(entry.key) && isLiteral(entry.value))
        add({Mention::Kind::credential, placeIn(above, entry.at), name, ""});
      values(entry.value, name, above);
    }
  }

  static yaml::Place placeIn(yaml::Place above, yaml::Place at) {
    if (above.line == 0) return at;
    if (above.column != 0) return above;
    return {above.line + at.line, 0};
  }

  void valuesContent(const Node& value) {
    const auto document = yaml::read(value.text);
    if (!document.problems.empty()) return;  // a template, or wrong: Helm will say so
    // Lines can be counted only in a block whose lines are kept; else the whole is where it stands.
    values(document.root, "", isBlock(value.at) ? yaml::Place{value.at.line, 0} : value.at);
  }

  [[nodiscard]] bool isBlock(yaml::Place at) const {
    const auto line = static_cast<std::size_t>(at.line) - 1, column = static_cast<std::size_t>(at.column) - 1;
    return line < lines_.size() && column < lines_[line].size() && lines_[line][column] == '|';
  }

  const std::vector<std::string_view>& lines_;
  Object& object_;
};

}  // namespace

void readMentions(std::string_view text, std::vector<Object>& objects) {
  const auto concerns = [](const Object& object) { return isChart(object) || isSecret(object); };
  if (std::none_of(objects.begin(), objects.end(), concerns)) return;
  const auto documents = yaml::readAll(text);
  const auto nodes = nodesOf(documents);
  const auto lines = linesOf(text);
  for (auto& object : objects) {
    const auto node = nodes.find({object.at.line, object.at.column});
    if (!concerns(object) || node == nodes.end()) continue;
    Reader reader(lines, object);
    if (isChart(object))
      reader.chart(*node->second);
    else
      reader.secret(*node->second);
  }
}

std::string registryOf(std::string_view image) {
  const auto slash = image.find('/');
  const auto first = image.substr(0, slash);
  const bool host =
      slash != std::string_view::npos && (first.find_first_of(".:") != std::string_view::npos || first == "localhost");
  if (!host) return "docker.io";
  const auto hosts = hostsOf(first);
  return hosts.empty() ? std::string("docker.io") : hosts.front();
}

}  // namespace bedplate::cluster
