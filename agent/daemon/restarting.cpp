// Restarts of K3s, as far as the engine has a part in them: it keeps the state, and says what is to be done next.
#include "agent/daemon/engine.h"

namespace bedplate::daemon {

host::Status Engine::restarting(const apply::K3sNews& news, Done& done) {
  if (!care_) return {};
  const auto took = care_->take(news);
  if (!took) {
    tellError("k3s", "cannot go on with a restart of K3s", took.error());
    return host::Failure(took.error());
  }
  repeats_.over("k3s");
  // What systemd denies it denies each time.
  if (!took->said.empty() && (!took->bad || repeats_.worthSaying("k3s-bad", took->said, setup_.clock.monotonicNs())))
    setup_.journal.say({.level = took->bad ? Level::error : Level::notice,
                        .message = took->said,
                        .reason = took->bad ? "K3sRolledBack" : "K3sRestart"});
  if (took->wantsSync) k3sHeldBack_.reset();  // it was said of the restart that is over
  done.wantsSync = took->wantsSync && config_ && config_->configured();
  return {};
}

void Engine::adoptRestart(const apply::SyncResult& result) {
  if (!result.restart) return;
  restart_ = result.restart;
  k3sHeldBack_ = result.k3sHeldBack;
}

void Engine::refreshK3s(const report::Status& status) {
  std::shared_ptr<const apply::K3sOrder> before = std::exchange(k3sOrder_, nullptr);
  if (!care_ || status.node.name.empty() || (status.node.role != "server" && status.node.role != "agent")) return;
  const cluster::Identity node{status.node.name, status.node.role, status.node.cluster};
  auto order = care_->order(node, restart_ ? &*restart_ : nullptr, enforcing() && !status.suspended);
  if (!order) return tellError("k3s", "cannot look after K3s", order.error());
  if (!order->active) return;
  order->asGit = k3sHeldBack_ && k3sHeldBack_->empty();
  k3sOrder_ =
      before && *before == *order ? std::move(before) : std::make_shared<const apply::K3sOrder>(*std::move(order));
}

}  // namespace bedplate::daemon
