#include "agent/kube/lease.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/kube/json_at.h"
#include "agent/kube/time.h"
#include "agent/source/text.h"

namespace bedplate::kube {
namespace {

using nlohmann::json;

constexpr std::size_t kMostLease = 64 << 10;
constexpr std::size_t kLongestName = 253;
constexpr const char* kCollection = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
constexpr const char* kTrial = "bedplate.dev/trial";

std::string path() { return std::string(kCollection) + "/" + kLeaseName; }

std::string body(const std::optional<Lease>& current, const std::string& holder, const Trial& trial,
                 std::int64_t nowUs) {
  const bool same = current && current->holder == holder;
  json metadata = {{"name", kLeaseName},
                   {"namespace", "kube-system"},
                   {"labels", {{"app.kubernetes.io/managed-by", "bedplate"}}},
                   {"annotations", {{kTrial, toJson(trial)}}}};
  if (current) metadata["resourceVersion"] = current->version;
  json spec = {{"holderIdentity", holder},
               {"leaseDurationSeconds", kLeaseSeconds},
               {"renewTime", microTime(nowUs)},
               {"leaseTransitions", (current ? current->transitions : 0) + (same || holder.empty() ? 0 : 1)}};
  spec["acquireTime"] = microTime(same && current->acquiredUs > 0 ? current->acquiredUs : nowUs);
  return json{{"apiVersion", "coordination.k8s.io/v1"}, {"kind", "Lease"}, {"metadata", metadata}, {"spec", spec}}.dump(
      -1, ' ', false, json::error_handler_t::replace);
}

host::Result<Lease> write(Api& api, const std::optional<Lease>& current, const std::string& holder, const Trial& trial,
                          std::int64_t nowUs) {
  const std::string text = body(current, holder, trial, nowUs);
  BEDPLATE_TRY_LET(const std::string answer, current ? api.replace(path(), text) : api.create(kCollection, text));
  return parseLease(answer);
}

}  // namespace

host::Result<Lease> parseLease(std::string_view text) {
  const json from = json::parse(text, nullptr, /*allow_exceptions=*/false);
  const json* metadata = at(&from, "metadata");
  const json* spec = at(&from, "spec");
  Lease lease;
  lease.version = textAt(metadata, "resourceVersion");
  if (metadata == nullptr || lease.version.empty())
    return host::fail("Malformed", "the API's answer", "is no Lease with a version");
  lease.holder = source::shownText(textAt(spec, "holderIdentity"), kLongestName);
  if (const json* count = at(spec, "leaseTransitions"); count != nullptr && count->is_number_integer())
    lease.transitions = std::clamp<std::int64_t>(count->get<std::int64_t>(), 0, 1'000'000'000);
  lease.acquiredUs = parseTime(textAt(spec, "acquireTime")).value_or(0);
  if (const std::string trial = textAt(at(metadata, "annotations"), kTrial); !trial.empty())
    lease.trial = parseTrial(trial);
  return lease;
}

host::Result<std::optional<Lease>> readLease(Api& api) {
  auto text = api.get(path(), kMostLease);
  if (!text && text.error().reason == "NotFound") return std::optional<Lease>();
  if (!text) return host::Failure(std::move(text).error());
  BEDPLATE_TRY_LET(auto lease, parseLease(*text));
  return std::optional<Lease>(std::move(lease));
}

host::Result<Lease> holdLease(Api& api, const std::optional<Lease>& current, const std::string& me, const Trial& trial,
                              std::int64_t nowUs) {
  return write(api, current, me, trial, nowUs);
}

host::Status freeLease(Api& api, const Lease& current, const Trial& trial, std::int64_t nowUs) {
  BEDPLATE_TRY(write(api, current, "", trial, nowUs));
  return {};
}

void LeaseWatch::saw(const Lease& lease, std::int64_t monotonicNs) {
  if (lease.version == version_) return;
  version_ = lease.version;
  sinceNs_ = monotonicNs;
}

bool LeaseWatch::old(std::int64_t monotonicNs) const {
  return !version_.empty() && monotonicNs - sinceNs_ > kLeaseSeconds * 1'000'000'000;
}

std::string mayNotTake(const Lease& lease, const std::string& me, bool old, const Node* holder) {
  if (lease.holder.empty() || lease.holder == me || holder == nullptr) return {};
  if (const std::string why = notWell(*holder); !why.empty())
    return lease.holder + " holds the lease " + kLeaseName + " and " + why;
  if (!old) return lease.holder + " holds the lease " + kLeaseName;
  // It is up again, and may be up because it went back: without its word that is not known.
  if (lease.trial && lease.trial->outcome == "running") {
    const bool said = holder->trial && holder->trial->content == lease.trial->content &&
                      (holder->trial->outcome == "confirmed" || holder->trial->outcome == "rolled-back");
    if (!said)
      return lease.holder +
             " began to restart K3s and has not said how it went (bedplate status there; to go on without "
             "it: kubectl -n kube-system delete lease " +
             std::string(kLeaseName) + ")";
  }
  return {};
}

}  // namespace bedplate::kube
