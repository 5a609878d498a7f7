// Kubernetes manifests, as far as a node may judge them: every document is an object with a name.
// Thread-safety: free functions and plain values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/cluster/yaml.h"

namespace bedplate::cluster {

// What an object tells K3s to reach, or keeps that it should not.
struct Mention {
  enum class Kind { endpoint, standard, credential };
  Kind kind = Kind::endpoint;  // standard: a host that is reached because no other is named
  yaml::Place at;
  std::string what;  // "spec.repo"; of a credential its name, never its value
  std::string host;
  bool operator==(const Mention&) const = default;
};

// One object, as far as the rules about several manifests look at it.
struct Object {
  yaml::Place at;
  std::string group;  // of apiVersion; "" for the core
  std::string kind;
  std::string space;  // namespace; "" when none is said, which K3s takes for "default"
  std::string name;
  bool rawSecret = false;                  // a Secret with its content
  bool stays = false;                      // K3s's label objectset.rio.cattle.io/prune: "false"
  bool selfHeals = false, prunes = false;  // spec.syncPolicy.automated of an Argo CD Application
  std::vector<Mention> mentions;           // of a HelmChart, a HelmChartConfig, a Secret in kube-system
};

// What makes it this object, for K3s: group, kind, namespace ("default" where none is said) and name.
std::string identity(const Object& object);
// As people write it: "Deployment argocd/argo-cd".
std::string shown(const Object& object);

struct Manifest {
  std::vector<yaml::Problem> problems;  // empty when nothing is wrong
  std::vector<Object> objects;          // in the order of the text, items of lists too
};

// Reads a manifest (YAML or JSON, several documents, lists of objects). No tree is built: this runs over every manifest
// of a repository on every node.
Manifest readManifest(std::string_view text);

}  // namespace bedplate::cluster
