// A small node for tests of the Keeper: a kernel of a few keys, K3s's directories, a hand-made configuration.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "agent/apply/apply.h"
#include "tests/lib/fake_sealed.h"
#include "tests/lib/forwarding_files.h"
#include "tests/lib/temp_tree.h"
#include "tuning/host/paths.h"

namespace bedplate::apply::testing_node {

// These tests flush a lot; what a disk may lose is played, not provoked.
inline const bool kInMemory = std::filesystem::exists("/dev/shm") && ::setenv("TMPDIR", "/dev/shm", 1) == 0;

inline constexpr const char* kConfig = "etc/rancher/k3s/config.yaml";
inline constexpr const char* kRegistries = "etc/rancher/k3s/registries.yaml";
inline constexpr const char* kHandMade = "token: made-by-hand\n";
inline constexpr const char* kBridge = "net/bridge/bridge-nf-call-iptables";

// Loads a module as the kernel does: its directory appears, and its keys.
class FakeLoader final : public modules::Loader {
 public:
  explicit FakeLoader(testlib::TempTree& tree) : tree_(tree) {}
  host::Status load(const std::string& name) override {
    ++asked;
    if (!known.contains(name)) return host::fail("NotLoaded", name, "there is no such module");
    tree_.write("sys/module/" + name + "/refcnt", "0\n");
    if (name == "br_netfilter") tree_.write(std::string("proc/sys/") + kBridge, "0\n");
    return {};
  }
  std::set<std::string> known = {"br_netfilter"};
  int asked = 0;

 private:
  testlib::TempTree& tree_;
};

// A kernel that refuses some values.
class Kernel final : public testlib::ForwardingFiles {
 public:
  using ForwardingFiles::ForwardingFiles;
  host::Status writeValue(const std::string& path, std::string_view value) override {
    ++writes;
    order.push_back(path);
    if (refuses.contains(path)) return host::failErrno(EINVAL, shown(path), "cannot write");
    return inner_.writeValue(path, value);
  }
  std::set<std::string> refuses;
  int writes = 0;
  std::vector<std::string> order;  // paths of the values that were written
};

inline const std::map<std::string, std::string>& kernelDefaults() {
  static const std::map<std::string, std::string> kDefaults = {
      {"vm/swappiness", "60"},      {"vm/max_map_count", "65530"},        {"net/core/somaxconn", "4096"},
      {"net/ipv4/ip_forward", "0"}, {"net/ipv4/conf/all/rp_filter", "0"}, {"net/ipv4/conf/eth0/rp_filter", "0"}};
  return kDefaults;
}

inline void bootKernel(testlib::TempTree& tree, const std::string& bootId) {
  tree.remove("proc");
  tree.remove("sys");
  tree.write(host::paths::bootIdFile, bootId + "\n");
  for (const auto& [key, value] : kernelDefaults()) tree.write("proc/sys/" + key, value + "\n");
  tree.write("sys/module/overlay/refcnt", "0\n");
}

// What systemd does before we start.
inline void systemdAtBoot(testlib::TempTree& tree) {
  for (const auto& entry : modules::parse(tree.read(host::paths::bootModules), "").entries)
    static_cast<void>(FakeLoader(tree).load(entry.name));
  sysctl::Tree keys(tree.files());
  const auto wants = sysctl::resolve(sysctl::parse(tree.read(host::paths::bootSysctl), "").rules, keys);
  for (const auto& want : wants.value()) static_cast<void>(keys.write(want.key, want.value));
}

inline void makeNode(testlib::TempTree& tree) {
  bootKernel(tree, "boot-1");
  tree.write(kConfig, kHandMade);
  std::filesystem::permissions(tree.path() + "/" + kConfig, std::filesystem::perms(0640));
}

struct TargetBuilder {
  plan::Target target;

  explicit TargetBuilder(const std::string& name) {
    target.commit = plan::sha256(name).substr(0, 40);
    target.tree = plan::sha256("tree " + name).substr(0, 40);
    target.subject = name;
    target.node = {"web-01", "server", "oslo"};
    target.layers = {"cluster"};
  }
  TargetBuilder& sysctl(const std::string& key, const std::string& value, bool tolerant = false) {
    cluster::SysctlWant want;
    want.rule.key = key;
    want.rule.value = value;
    want.rule.tolerant = tolerant;
    want.rule.file = "sysctl.d/a.conf";
    want.rule.line = static_cast<int>(target.sysctls.size()) + 1;
    want.layer = "cluster";
    target.sysctls.push_back(want);
    return *this;
  }
  TargetBuilder& module(const std::string& name) {
    target.modules.push_back({{name, "modules-load.d/a.conf", 1}, "cluster"});
    return *this;
  }
  TargetBuilder& file(plan::Area area, const std::string& path, const std::string& content) {
    target.files.push_back(
        {area, path, "f", "cluster", 0600, plan::sha256(content), std::make_shared<const std::string>(content)});
    std::sort(target.files.begin(), target.files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
    return *this;
  }
  TargetBuilder& config(const std::string& content) { return file(plan::Area::k3sConfig, kConfig, content); }
  TargetBuilder& sealed(const std::string& content, const std::string& path = kRegistries) {
    file(plan::Area::k3sConfig, path, testlib::fakeSealed(content));
    for (auto& one : target.files)
      if (one.path == path) {
        one.sealed = true;
        one.file = "k3s/" + path.substr(path.rfind('/') + 1) + ".sealed";
      }
    return *this;
  }
  TargetBuilder& manifest(const std::string& name, const std::string& content) {
    return file(plan::Area::manifest, host::joinPath(host::paths::k3sManifests, name), content);
  }
};

// A process on the node: its store and its keeper.
struct Process {
  Process(testlib::TempTree& tree, host::Clock& clock, host::Files& files, Reach* reach = nullptr)
      : loader(tree),
        machine{tree.files(), files, clock, loader, reach, &fake.opener},
        store(openStore(tree, clock, files)),
        keeper(machine, store) {}

  static Store openStore(testlib::TempTree& tree, host::Clock& clock, host::Files& files) {
    auto opened = Store::open(tree.files(), clock, Store::Access::readWrite, &files);
    if (!opened) throw std::runtime_error(opened.error().text());
    return std::move(*opened);
  }

  FakeLoader loader;
  testlib::FakeOpener fake;  // of sealed files
  Machine machine;
  Store store;
  Keeper keeper;
};

// All that matters of the host: kernel values, K3s's files, boot files. Without the key that K3s claims: it is never
// given back.
inline std::map<std::string, std::string> view(const testlib::TempTree& tree) {
  std::map<std::string, std::string> all;
  for (const auto& [key, value] : kernelDefaults()) all[key] = sysctl::normaliseValue(tree.read("proc/sys/" + key));
  for (const std::string folder : {"etc/rancher/k3s", "var/lib/rancher/k3s/server/manifests"}) {
    if (!tree.exists(folder)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(tree.path() + "/" + folder))
      if (entry.is_regular_file()) {
        const std::string path = entry.path().string().substr(tree.path().size() + 1);
        all[path] = tree.read(path);
      }
  }
  for (const char* path : {host::paths::bootSysctl, host::paths::bootModules})
    if (tree.exists(path)) all[path] = tree.read(path);
  return all;
}

}  // namespace bedplate::apply::testing_node
