#include "tests/unit/apply/fake_k3s.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

namespace bedplate::apply::testing_node {
namespace {

// "Y2VydA==": any text does; nobody looks into it.
inline constexpr const char* kKubeconfig =
    "apiVersion: v1\nkind: Config\ncurrent-context: default\n"
    "clusters:\n- name: default\n  cluster:\n    server: https://127.0.0.1:6443\n    certificate-authority-data: "
    "Y2VydA==\n"
    "contexts:\n- name: default\n  context:\n    cluster: default\n    user: default\n"
    "users:\n- name: default\n  user:\n    client-certificate-data: Y2VydA==\n    client-key-data: Y2VydA==\n";

}  // namespace

// The API, as long as K3s is up.
class FakeK3s::Session final : public source::HttpSession {
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

void FakeK3s::start() {
  auto world = load();
  world["startedNs"] = clock_.monotonic;
  world["good"] = tree_.read(kConfig).find("no-such") == std::string::npos && !world.value("broken", false);
  world["starts"] = world.value("starts", 0) + 1;
  world["ran"] = tree_.read(kConfig);
  save(world);
  tree_.write("etc/rancher/k3s/k3s.yaml", kKubeconfig);
}

void FakeK3s::down() { set("startedNs", 0); }

nlohmann::json FakeK3s::load() const {
  const std::string text = tree_.read("world.json");
  return text.empty() ? nlohmann::json::object() : nlohmann::json::parse(text);
}

void FakeK3s::save(const nlohmann::json& world) { tree_.write("world.json", world.dump()); }

void FakeK3s::set(const char* key, const nlohmann::json& value) {
  auto world = load();
  world[key] = value;
  save(world);
}

int FakeK3s::restarts() const { return load().value("restarts", 0); }

std::string FakeK3s::ran() const { return load().value("ran", ""); }

bool FakeK3s::up() const {
  const auto world = load();
  return world.value("startedNs", std::int64_t{0}) != 0 && world.value("good", false);
}

host::Result<k3s::UnitState> FakeK3s::look(const std::string& unit) {
  called();
  EXPECT_EQ(unit, "k3s.service");
  auto world = load();
  k3s::UnitState state;
  if (const std::int64_t ends = world.value("endsNs", std::int64_t{0}); ends != 0) {
    if (clock_.monotonic < ends) {
      state.active = "deactivating";
      state.sub = "stop-sigterm";
      state.startedNs = world.value("startedNs", std::int64_t{0});
      state.job = true;
      return state;
    }
    set("endsNs", 0);
    start();
    world = load();
  }
  state.startedNs = world.value("startedNs", std::int64_t{0});
  state.active = state.startedNs == 0 ? "inactive" : "active";
  state.sub = state.startedNs == 0 ? "dead" : world.value("exited", false) ? "exited" : "running";
  if (state.startedNs != 0 && !world.value("good", false)) {
    state.active = "activating";
    state.sub = "auto-restart";
    // It ends and is started again, on what lies there then.
    if (clock_.monotonic - state.startedNs >= 5'000'000'000) start();
  }
  return state;
}

host::Status FakeK3s::restart(const std::string& unit) {
  called();
  EXPECT_EQ(unit, "k3s.service");
  if (load().value("denied", false)) return host::fail("Denied", unit, "Access denied");
  set("restarts", restarts() + 1);
  if (const std::int64_t after = load().value("endsAfterMs", std::int64_t{0}); after != 0)
    set("endsNs", clock_.monotonic + after * 1'000'000);
  else
    start();
  called();
  return {};
}

K3sTools FakeK3s::tools(host::Files& files) {
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

void FakeK3s::called() {
  if (killAt > 0 && --killAt == 0) ::_exit(kKilled);
}

nlohmann::json FakeK3s::node() const {
  const auto world = load();
  nlohmann::json node;
  node["metadata"] = {{"name", "web-01"},
                      {"labels", {{"node-role.kubernetes.io/control-plane", "true"}}},
                      {"annotations", world.value("annotations", nlohmann::json::object())}};
  node["status"]["conditions"] = {{{"type", "Ready"}, {"status", "True"}}};
  return node;
}

host::Result<source::HttpResponse> FakeK3s::answer(const std::string& method, const std::string& path,
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

}  // namespace bedplate::apply::testing_node
