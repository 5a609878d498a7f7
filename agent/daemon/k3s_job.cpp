#include "agent/daemon/k3s_job.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "agent/daemon/web_worker.h"
#include "agent/k3s/unit_log.h"

namespace bedplate::daemon {
namespace {

constexpr std::int64_t kSliceMs = 100;

// A worker with the session in it, as one.
class OwnSession final : public source::HttpSession {
 public:
  explicit OwnSession(WebWorker worker) : worker_(std::move(worker)) {}
  host::Result<source::HttpResponse> send(const source::HttpRequest& request) override {
    return worker_.session().send(request);
  }

 private:
  WebWorker worker_;
};

}  // namespace

K3sJob::K3sJob(Setup setup)
    : setup_(std::move(setup)),
      unit_(setup_.files),
      // Git is not asked: a server of it that cannot be reached is no proof against a commit.
      reach_(setup_.files, setup_.clock, setup_.worker, [] { return nullptr; }),
      hands_(tools()) {}

apply::K3sTools K3sJob::tools() {
  return {.files = setup_.files,
          .clock = setup_.clock,
          .unit = unit_,
          .session = [this]() -> host::Result<std::unique_ptr<source::HttpSession>> {
            BEDPLATE_TRY_LET(auto worker, WebWorker::start(setup_.worker, *cancel_));
            return std::make_unique<OwnSession>(std::move(worker));
          },
          .log = [this](const std::string& unit,
                        std::int64_t sinceUs) { return k3s::unitLog(setup_.files, setup_.ownJournal, unit, sinceUs); },
          .reach = &reach_,
          .pause =
              [this](std::int64_t ms) {
                for (; ms > 0 && !*cancel_; ms -= kSliceMs)
                  std::this_thread::sleep_for(std::chrono::milliseconds(std::min(ms, kSliceMs)));
                return !*cancel_;
              }};
}

std::optional<std::int64_t> K3sJob::dueNs(const Measuring& measuring, std::int64_t nowNs) {
  if (!measuring.k3s) return std::nullopt;
  return measuring.k3s == order_ ? nextNs_ : nowNs;
}

std::optional<Measured> K3sJob::run(const Measuring& measuring, const std::atomic<bool>& cancel) {
  const bool same = order_ == measuring.k3s;
  order_ = measuring.k3s;
  cancel_ = &cancel;
  auto news = hands_.work(*order_);
  nextNs_ = setup_.clock.monotonicNs() + kEveryNs;
  if (!news || (same && news == last_ && news->kind == apply::K3sNews::Kind::looked)) return std::nullopt;
  last_ = *news;
  Measured measured;
  measured.probe = "k3s-restart";
  measured.keep = false;
  measured.k3s = std::make_shared<const apply::K3sNews>(*std::move(news));
  return measured;
}

}  // namespace bedplate::daemon
