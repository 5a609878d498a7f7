// A status with something in every part.
#pragma once

#include "agent/report/report.h"

namespace bedplate::report {

inline constexpr std::int64_t kNow = 1'790'000'000'000'000;  // 2026-09-21T14:13:20Z

inline plan::Change sysctlChange(const std::string& key, const std::string& from, const std::string& to) {
  return {plan::Action::setSysctl, key, from, to, "cluster sysctl.d/99-k8s.conf:3", ""};
}

// As after a good day: nothing to complain about.
inline Status goodStatus() {
  Status status;
  status.version = "0.1.0";
  status.writtenUs = kNow - 2'000'000;
  status.startedUs = kNow - 3'600'000'000;
  status.node = {"web-01", "server", "oslo-prod"};
  status.mode = "enforce";
  status.source.url = "ssh://git@git.nordic-corp.no/infra.git";
  status.source.branch = "main";
  status.source.path = "clusters/oslo-prod/node";
  status.source.commit = status.source.head = "3f2a91c0000000000000000000000000000000aa";
  status.source.subject = "raise conntrack";
  status.source.checkedUs = status.source.contactUs = kNow - 12'000'000;
  status.source.nextUs = kNow + 48'000'000;
  status.source.committedUs = kNow - 86'400'000'000;
  status.layers = {"cluster", "roles/server", "nodes/web-01"};
  status.generation = {41, 41, status.source.commit, "applied", "", kNow - 600'000'000, 3, 0.21};
  status.tuning.held = 38;
  status.drift.total = 2;
  status.k3s.configFiles = 2;
  status.k3s.manifests = 12;
  return status;
}

}  // namespace bedplate::report
