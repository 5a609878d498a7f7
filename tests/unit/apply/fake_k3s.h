// A K3s with its unit and its API on a tree: what it reads at its start decides whether it comes up. Its state lies in
// files below the tree, so that it outlives a killed process.
#pragma once

#include <unistd.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "agent/apply/k3s_care.h"
#include "agent/apply/k3s_hands.h"
#include "agent/kube/lease.h"
#include "tests/unit/apply/node.h"

namespace bedplate::apply::testing_node {

// "Y2VydA==": any text does; nobody looks into it.
inline constexpr const char* kKubeconfig =
    "apiVersion: v1\nkind: Config\ncurrent-context: default\n"
    "clusters:\n- name: default\n  cluster:\n    server: https://127.0.0.1:6443\n    certificate-authority-data: "
    "Y2VydA==\n"
    "contexts:\n- name: default\n  context:\n    cluster: default\n    user: default\n"
    "users:\n- name: default\n  user:\n    client-certificate-data: Y2VydA==\n    client-key-data: Y2VydA==\n";

class FakeK3s final : public k3s::Unit {
 public:
  static constexpr int kKilled = 78;

  FakeK3s(testlib::TempTree& tree, testlib::FakeClock& clock) : tree_(tree), clock_(clock) {}

  // Starts as systemd would: reads what lies there now.
  void start() {
    auto world = load();
    world["startedNs"] = clock_.monotonic;
    world["good"] = tree_.read(kConfig).find("no-such") == std::string::npos && !world.value("broken", false);
    world["starts"] = world.value("starts", 0) + 1;
    world["ran"] = tree_.read(kConfig);
    save(world);
    tree_.write("etc/rancher/k3s/k3s.yaml", kKubeconfig);
  }
  // The machine went down.
  void down() {
    auto world = load();
    world["startedNs"] = 0;
    save(world);
  }
  nlohmann::json load() const {
    const std::string text = tree_.read("world.json");
    return text.empty() ? nlohmann::json::object() : nlohmann::json::parse(text);
  }
  void save(const nlohmann::json& world) { tree_.write("world.json", world.dump()); }
  void set(const char* key, const nlohmann::json& value) {
    auto world = load();
    world[key] = value;
    save(world);
  }
  [[nodiscard]] int restarts() const { return load().value("restarts", 0); }
  [[nodiscard]] std::string ran() const { return load().value("ran", ""); }
  [[nodiscard]] bool up() const {
    const auto world = load();
    return world.value("startedNs", std::int64_t{0}) != 0 && world.value("good", false);
  }

  host::Result<k3s::UnitState> look(const std::string& unit) override {
    called();
    EXPECT_EQ(unit, "k3s.service");
    auto world = load();
    k3s::UnitState state;
    state.startedNs = world.value("startedNs", std::int64_t{0});
    state.active = state.startedNs == 0 ? "inactive" : "active";
    if (state.startedNs != 0 && !world.value("good", false)) {
      state.active = "activating";
      state.sub = "auto-restart";
      // It ends and is started again, on what lies there then.
      if (clock_.monotonic - state.startedNs >= 5'000'000'000) start();
    }
    return state;
  }
  host::Status restart(const std::string& unit) override {
    called();
    EXPECT_EQ(unit, "k3s.service");
    if (load().value("denied", false)) return host::fail("Denied", unit, "Access denied");
    set("restarts", restarts() + 1);
    start();
    called();
    return {};
  }

  // The API, as long as K3s is up.
  class Session final : public source::HttpSession {
   public:
    explicit Session(FakeK3s& k3s) : k3s_(k3s) {}
    host::Result<source::HttpResponse> send(const source::HttpRequest& request) override {
      k3s_.called();
      if (!k3s_.up() || k3s_.load().value("apiAway", false))
        return host::fail("Unreachable", request.url, "connection refused");
      return k3s_.answer(request.method, request.url.substr(22), request.body);
    }

   private:
    FakeK3s& k3s_;
  };

  K3sTools tools(host::Files& files) {
    return {.files = files,
            .clock = clock_,
            .unit = *this,
            .session =
                [this] { return host::Result<std::unique_ptr<source::HttpSession>>(std::make_unique<Session>(*this)); },
            .log =
                [](const std::string&, std::int64_t) {
                  return std::vector<std::string>{R"(time="x" level=fatal msg="unknown flag: --no-such")"};
                },
            .pause =
                [this](std::int64_t ms) {
                  clock_.advanceMs(ms);
                  return !stop;
                }};
  }

  // The process is killed at the k-th call to the outside.
  int killAt = 0;
  bool stop = false;

 private:
  void called() {
    if (killAt > 0 && --killAt == 0) ::_exit(kKilled);
  }
  [[nodiscard]] nlohmann::json node() const {
    const auto world = load();
    nlohmann::json node;
    node["metadata"] = {{"name", "web-01"},
                        {"labels", {{"node-role.kubernetes.io/control-plane", "true"}}},
                        {"annotations", world.value("annotations", nlohmann::json::object())}};
    node["status"]["conditions"] = {{{"type", "Ready"}, {"status", "True"}}};
    return node;
  }
  host::Result<source::HttpResponse> answer(const std::string& method, const std::string& path,
                                            const std::string& body) {
    auto world = load();
    const auto ok = [](const nlohmann::json& json) { return source::HttpResponse{200, json.dump()}; };
    if (path == "/readyz") return source::HttpResponse{200, "ok"};
    if (path == "/api/v1/nodes/web-01" && method == "GET") return ok(node());
    if (path == "/api/v1/nodes/web-01" && method == "PATCH") {
      const auto patch = nlohmann::json::parse(body);
      for (const auto& [key, value] : patch["metadata"]["annotations"].items()) world["annotations"][key] = value;
      save(world);
      return ok(node());
    }
    if (path.starts_with("/api/v1/nodes?")) return ok({{"items", {node()}}});
    if (path.find("/leases") == std::string::npos) return source::HttpResponse{404, ""};
    const bool there = world.contains("lease");
    if (method == "GET") return there ? ok(world["lease"]) : source::HttpResponse{404, ""};
    auto lease = nlohmann::json::parse(body);
    if ((method == "POST") == there) return source::HttpResponse{409, ""};
    if (there && lease["metadata"]["resourceVersion"] != world["lease"]["metadata"]["resourceVersion"])
      return source::HttpResponse{409, ""};
    world["version"] = world.value("version", 0) + 1;
    lease["metadata"]["resourceVersion"] = std::to_string(world.value("version", 0));
    world["lease"] = lease;
    save(world);
    return ok(lease);
  }

  testlib::TempTree& tree_;
  testlib::FakeClock& clock_;
};

// A process that cares for K3s: engine and thread in one.
struct Carer {
  Carer(testlib::TempTree& tree, testlib::FakeClock& time, host::Files& files, FakeK3s& fake)
      : clock(time),
        process(tree, time, files),
        care(process.machine, process.store, process.keeper),
        hands(fake.tools(files)) {}

  std::optional<K3sNews> step() {
    const auto order = care.order({"web-01", "server", "oslo"}, &policy, true);
    if (!order) throw std::runtime_error(order.error().text());
    if (!order->active) return std::nullopt;
    const auto news = hands.work(*order);
    if (!news) return std::nullopt;
    last = *news;
    const auto took = care.take(*news);
    if (!took) throw std::runtime_error(took.error().text());
    if (!took->said.empty()) said += took->said + "\n";
    return news;
  }
  // Until a look finds nothing more to do.
  void settle() {
    for (int i = 0; i < 20; ++i) {
      const auto news = step();
      clock.advanceMs(15'000);
      const auto trial = process.store.k3sTrial().value();
      const bool done = trial.phase == K3sTrial::Phase::idle && (trial.outcome.empty() || trial.told);
      if (news && news->kind == K3sNews::Kind::looked && done) return;
    }
  }
  void apply(const plan::Target& target) {
    auto instead = k3sInstead(process.keeper, process.store, target);
    if (!instead) throw std::runtime_error(instead.error().text());
    auto run = process.keeper.apply(*instead ? (*instead)->target : target, "commit");
    if (!run) throw std::runtime_error(run.error().text());
  }
  K3sTrial trial() { return process.store.k3sTrial().value(); }
  K3sShown shown(std::optional<bool> heldBack = std::nullopt) {
    return k3sShown(process.store, care.last(), heldBack).value();
  }

  testlib::FakeClock& clock;
  cluster::NodeConfig::Restart policy;
  Process process;
  K3sCare care;
  K3sHands hands;
  std::optional<K3sNews> last;
  std::string said;
};

}  // namespace bedplate::apply::testing_node
