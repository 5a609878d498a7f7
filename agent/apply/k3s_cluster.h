// What the two halves of K3sHands share. Private to them.
#pragma once

#include <memory>
#include <utility>

#include "agent/apply/k3s_hands.h"

namespace bedplate::apply {

// A conversation with the API.
struct K3sHands::Cluster {
  Cluster(std::unique_ptr<source::HttpSession> made, kube::Access access)
      : session(std::move(made)), api(*session, std::move(access)) {}
  std::unique_ptr<source::HttpSession> session;
  kube::Api api;
};

inline bool isServer(const K3sOrder& order) { return order.role != "agent"; }

}  // namespace bedplate::apply
