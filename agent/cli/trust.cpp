// bedplate trust, and trust accept COMMIT
#include "agent/cli/trust.h"

#include <memory>

#include "agent/cli/bus.h"
#include "agent/trust/trust.h"

namespace bedplate::cli {
namespace {

constexpr std::size_t kStatusLimit = 8 << 20;
constexpr std::size_t kShortest = 7;

bool isHex(std::string_view text) { return text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos; }

// A full id, or the beginning of the head that the agent has seen.
host::Result<source::ObjectId> commitOf(Context& context, const std::string& given) {
  if (const auto id = source::ObjectId::fromHex(given)) return *id;
  if (given.size() >= kShortest && isHex(given)) {
    const auto text = context.files().read(context.configAsFarAsReadable().report.statusFile, kStatusLimit);
    const auto status = text ? report::fromJson(*text) : host::Result<report::Status>(tl::unexpect, text.error());
    if (status && status->source.head.starts_with(given))
      if (const auto id = source::ObjectId::fromHex(status->source.head)) return *id;
  }
  return host::fail("Invalid", given, "is neither a full commit id nor the beginning of the head that was seen",
                    "give all 40 digits: git rev-parse");
}

host::Result<report::Answer> acceptHere(Context& context, const source::ObjectId& commit) {
  BEDPLATE_TRY_LET(const auto direct, Direct::take(context));
  apply::Machine machine = direct->machine();
  BEDPLATE_TRY(apply::acceptCommit(direct->store(), machine, commit));
  return report::Answer{0, "accepted " + commit.shortHex() + "; bedplate sync goes on from there"};
}

int accept(Context& context, const std::string& given) {
  const auto commit = commitOf(context, given);
  if (!commit) return context.fail("trust accept", commit.error());
  const auto bus = Bus::daemon(context);
  const auto answer = bus ? bus->accept(commit->hex()) : acceptHere(context, *commit);
  return answer ? context.say("trust accept", *answer) : context.fail("trust accept", answer.error());
}

}  // namespace

void addTrust(CLI::App& app, Run& chosen) {
  auto commit = std::make_shared<std::string>();
  const Verb verb(app, "trust", "Who may move this node");
  const Verb accepting = verb.verb("accept", "Accept a rewritten history, or a first commit");
  accepting.option("COMMIT", *commit, "Its full id").required();
  accepting.runs(chosen, [commit](Context& context) { return accept(context, *commit); });
  addTrustVerify(verb, chosen);
}

}  // namespace bedplate::cli
