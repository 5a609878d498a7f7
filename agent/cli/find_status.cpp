#include "agent/cli/find_status.h"

#include "agent/cli/bus.h"
#include "agent/report/gather.h"

namespace bedplate::cli {
namespace {

constexpr std::size_t kStatusLimit = 8 << 20;
constexpr std::size_t kManifestsLimit = 16 << 20;

void readFile(Context& context, const config::Config& config, FoundStatus& found) {
  const auto text = context.files().read(config.report.statusFile, kStatusLimit);
  if (!text) return;
  auto status = report::fromJson(*text);
  if (status)
    found.status = std::move(*status);
  else
    found.trouble = status.error().text();
}

// What the generation in force says, looked at now: its layers, and the keys that wait. Root only; others see less.
struct InForce {
  std::vector<std::string> layers;
  apply::RunResult look;
};

InForce lookAt(Context& context, apply::Store& store) {
  InForce found;
  modules::SystemdLoader loader(context.files());
  apply::Keeper keeper({context.files(), context.files(), context.clock(), loader}, store);
  const auto target = keeper.stored(std::nullopt);
  if (!target || !*target) return found;
  found.layers = (*target)->layers;
  if (auto plan = keeper.plan(**target)) found.look.pending = std::move(plan->pending);
  return found;
}

// The daemon is dead: the state knows better than its last status what is in force now.
void readState(Context& context, const config::Config& config, FoundStatus& found) {
  auto store = context.openStore();
  if (!store && store.error().reason != "NotFound") found.trouble = store.error().text();
  if (!store && found.status) return;
  report::Inputs inputs;
  inputs.config = &config;
  inputs.store = store ? &*store : nullptr;
  inputs.files = &context.files();
  inputs.nowUs = context.clock().wallUs();
  InForce inForce;
  if (store) {
    inForce = lookAt(context, *store);
    inputs.lastRun = &inForce.look;
  }
  const bool known = found.status.has_value();
  const std::int64_t writtenUs = known ? found.status->writtenUs : 0;
  report::Status status = report::gather(inputs, known ? &*found.status : nullptr);
  if (!inForce.layers.empty()) status.layers = std::move(inForce.layers);
  status.writtenUs = std::max(writtenUs, status.generation.finishedUs);
  found.status = std::move(status);
}

}  // namespace

FoundStatus findStatus(Context& context) {
  FoundStatus found;
  const config::Config config = context.configAsFarAsReadable();
  if (auto text = context.files().read(report::manifestsFile(config.report.statusFile), kManifestsLimit))
    found.manifests = std::move(*text);
  if (const auto bus = Bus::daemon(context)) {
    found.alive = true;
    if (const auto text = bus->status()) {
      if (auto status = report::fromJson(*text)) {
        found.status = std::move(*status);
        return found;
      }
    }
  }
  if (!found.alive) found.alive = context.stateIsHeld();
  readFile(context, config, found);
  if (!found.status || !found.alive) readState(context, config, found);
  return found;
}

}  // namespace bedplate::cli
