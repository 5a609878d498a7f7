// Asks K3s what it has made of the manifests, and removes the Addons of those that are gone. Seldom where nothing is
// awaited: the API of a small server has better things to do.
// Thread-safety: used from the K3s thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "agent/daemon/journal.h"
#include "agent/daemon/object_watch.h"
#include "agent/daemon/probe_thread.h"
#include "agent/kube/addons.h"
#include "agent/kube/objects.h"
#include "agent/plan/succession.h"
#include "tuning/host/files.h"

namespace bedplate::daemon {

class AddonsJob final : public ProbeJob {
 public:
  // While something is awaited (K3s looks at its files each 15 s): at first soon, then seldomer, and seldom when it has
  // been for long.
  static constexpr std::int64_t kFirstNs = 1'000'000'000;
  static constexpr std::int64_t kSoonNs = 5'000'000'000;
  static constexpr std::int64_t kLongNs = 30'000'000'000;
  static constexpr std::int64_t kPatienceNs = 300'000'000'000;
  // While all is as it should be; at the objects, with selfHeal: objects, at most this often.
  static constexpr std::int64_t kIdleNs = 300'000'000'000;
  static constexpr std::int64_t kObjectsNs = 60'000'000'000;

  struct Setup {
    host::Files& files;
    host::Clock& clock;
    Journal& journal;
    source::WorkerSetup worker;
  };
  explicit AddonsJob(Setup setup) : setup_(std::move(setup)), objects_(setup_.files) {}

  std::optional<std::int64_t> dueNs(const Measuring& measuring, std::int64_t nowNs) override;
  // Probe "manifests": what K3s says (Measured::deployed), when it is another than before.
  std::optional<Measured> run(const Measuring& measuring, const std::atomic<bool>& cancel) override;

 private:
  host::Status ask(const ManifestWatch& watch, plan::Deployed& deployed, const std::atomic<bool>& cancel);
  // The Addons that something is awaited of; nullopt when those are many, or not known.
  [[nodiscard]] std::optional<std::vector<std::string>> few(const ManifestWatch& watch) const;
  host::Status askFew(kube::Api& api, const ManifestWatch& watch, const std::vector<std::string>& names,
                      plan::Deployed& deployed);
  host::Status askAll(kube::Api& api, const ManifestWatch& watch, plan::Deployed& deployed);
  void takeAddons(const ManifestWatch& watch, const std::vector<kube::Addon>& addons, plan::Deployed& deployed) const;
  void takeEvents(const ManifestWatch& watch, const std::vector<kube::AddonEvent>& events, plan::Deployed& deployed);
  host::Status bury(kube::Api& api, const ManifestWatch& watch, plan::Deployed& deployed);
  [[nodiscard]] bool awaits(const ManifestWatch& watch, const plan::Deployed& deployed) const;

  Setup setup_;
  Repeats repeats_;
  kube::Kinds kinds_;
  ObjectWatch objects_;
  std::shared_ptr<const ManifestWatch> asked_;  // of the last run
  plan::Deployed last_;
  bool told_ = false;
  bool awaits_ = false;
  std::int64_t lastNs_ = 0, sinceNs_ = 0;
  std::optional<std::int64_t> lookedNs_;  // at the objects
  std::optional<std::int64_t> allNs_;     // when it asked for all Addons
};

}  // namespace bedplate::daemon
