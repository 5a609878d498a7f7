// bedplate cert [--renew]
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "agent/apply/reconcile.h"
#include "agent/cli/arguments.h"
#include "agent/report/json.h"
#include "agent/trust/trust.h"
#include "tuning/host/clock.h"
#include "tuning/host/paths.h"

namespace bedplate::cli {
namespace {

using report::Json;

host::Status renew(Context& context) {
  const auto node = apply::identify(context.configAsFarAsReadable(), context.files());
  auto added = trust::addSealingKey(context.files(), context.clock(), node ? node->name : "");
  if (added || added.error().reason != "Denied" || !added.error().todo.empty()) return added;
  host::Error error = std::move(added).error();
  error.todo = "run it as root";
  return tl::make_unexpected(std::move(error));
}

int run(Context& context, bool renews) {
  std::string before;
  if (renews) {
    if (const auto old = trust::sealingCertificate(context.files())) before = old->fingerprint;
    if (const auto renewed = renew(context); !renewed) return context.fail("cert", renewed.error());
  }
  const auto certificate = trust::sealingCertificate(context.files());
  if (!certificate) return context.fail("cert", certificate.error());
  if (renews && certificate->fingerprint == before)
    context.err() << "bedplate: cert: a key was added, but one in " << context.files().shown(host::paths::sealing)
                  << " stands behind it by name (a key of the fleet?): that one is still what to seal for\n";
  if (context.json())
    context.out() << report::print(Json{{"certificate", certificate->pem},
                                        {"subject", certificate->subject},
                                        {"fingerprint", certificate->fingerprint},
                                        {"bits", certificate->bits},
                                        {"notAfter", host::isoTime(certificate->notAfterUs)}});
  else
    context.out() << certificate->pem;
  return 0;
}

}  // namespace

void addCert(CLI::App& app, Run& chosen) {
  auto renews = std::make_shared<bool>(false);
  const Verb verb(app, "cert", "The certificate that files for this node are sealed with, as PEM");
  verb.flag("--renew", *renews, "Make another key and certificate first; the old keys stay, and open what they did");
  verb.runs(chosen, [renews](Context& context) { return run(context, *renews); });
}

}  // namespace bedplate::cli
