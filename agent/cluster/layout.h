// Where the files of a cluster directory belong: which layer, and what each is for. Says what does not belong.
// Thread-safety: free functions.
#pragma once

#include <string>
#include <vector>

#include "agent/cluster/cluster.h"

namespace bedplate::cluster {

enum class Area { nodeYaml, sysctl, modules, k3s, manifest };

struct LayerFile {
  const source::File* file = nullptr;  // in the snapshot
  std::string path;                    // within the layer, without ".sealed"
  Area area = Area::nodeYaml;
  bool sealed = false;
};

struct Layer {
  std::string name;              // "cluster", "roles/server", "nodes/web-01"
  std::vector<LayerFile> files;  // in the order of the snapshot
};

// The layers of one node, in order; those without a file are left out. Files of other roles and nodes are not looked
// at, but their folders' names are.
std::vector<Layer> layersOf(const source::Snapshot& snapshot, const Identity& node, std::vector<Finding>& findings);

// Whether the file has nothing to say: only blank lines and comments. In a layer such a file masks.
bool isMask(Area area, std::string_view content);

// Whether any file, in any layer, says something.
bool saysAnything(const source::Snapshot& snapshot);

}  // namespace bedplate::cluster
