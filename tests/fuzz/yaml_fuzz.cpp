#include <cstdlib>

#include "agent/cluster/manifests.h"
#include "agent/cluster/yaml.h"

namespace {

namespace yaml = bedplate::cluster::yaml;

// Nothing that was read without a problem may break the reader's promises.
void require(const yaml::Node& node, std::size_t depth) {
  if (depth > yaml::Limits{}.depth || node.at.line < 1 || node.at.column < 1) std::abort();
  for (const auto& item : node.items) require(item, depth + 1);
  for (std::size_t i = 0; i < node.entries.size(); ++i) {
    for (std::size_t j = 0; j < i && i < 100; ++j)
      if (node.entries[i].key == node.entries[j].key) std::abort();
    require(node.entries[i].value, depth + 1);
  }
}

void require(const std::vector<yaml::Problem>& problems) {
  if (problems.size() > 2 * yaml::Limits{}.problems) std::abort();
  for (const auto& problem : problems)
    if (problem.at.line < 1 || problem.at.column < 1 || problem.message.empty()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto document = yaml::read(text);
  require(document.problems);
  if (document.problems.empty() && document.root.kind != yaml::Kind::null) require(document.root, 0);
  if (document.problems.empty() && yaml::saysNothing(text) && document.root.kind != yaml::Kind::null) std::abort();
  bedplate::cluster::readManifest(text);
  return 0;
}
