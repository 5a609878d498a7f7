#include "agent/cluster/k3s_config.h"

#include "tuning/host/wiped.h"

namespace bedplate::cluster {

K3sConfig effectiveConfig(const std::vector<K3sText>& texts) {
  K3sConfig config;
  for (const auto& [file, text, secret] : texts) {
    auto document = yaml::read(text);
    if (!document.problems.empty()) continue;
    for (const auto& entry : document.root.entries) {
      std::string key = entry.key;
      const bool adds = !key.empty() && key.back() == '+';
      if (adds) key.pop_back();
      auto& items = config[key];
      if (!adds) items.clear();
      const auto& value = entry.value;
      if (value.kind == yaml::Kind::scalar) items.push_back({value.text, file, entry.at, secret});
      for (const auto& item : value.items)
        if (item.kind == yaml::Kind::scalar) items.push_back({item.text, file, item.at, secret});
    }
    yaml::wipe(document.root);
  }
  return config;
}

void wipe(K3sConfig& config) {
  for (auto& [key, items] : config)
    for (auto& item : items) host::wipe(item.text);
}

}  // namespace bedplate::cluster
