#include "tests/unit/cluster/snapshots.h"

#include <algorithm>

namespace bedplate::cluster {

source::Snapshot snapshotOf(std::vector<std::pair<std::string, std::string>> files) {
  std::sort(files.begin(), files.end());
  source::Snapshot snapshot;
  for (auto& [path, content] : files) {
    auto shared = std::make_shared<const std::string>(std::move(content));
    const auto id = source::hashObject(source::ObjectType::blob, *shared, 20);
    snapshot.files.push_back({path, id, std::move(shared)});
  }
  return snapshot;
}

Compiled compiled(std::vector<std::pair<std::string, std::string>> files, const std::string& role,
                  const std::string& name) {
  return compile(snapshotOf(std::move(files)), {}, {name, role, "oslo-prod"}, {}, nullptr);
}

std::vector<std::string> texts(const std::vector<Finding>& findings) {
  std::vector<std::string> all;
  for (const auto& finding : findings) all.push_back(text(finding));
  return all;
}

}  // namespace bedplate::cluster
