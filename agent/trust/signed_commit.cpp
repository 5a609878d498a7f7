#include "agent/trust/signed_commit.h"

namespace bedplate::trust {
namespace {

constexpr std::string_view kHeader = "gpgsig";

// Takes a line with its end, which the last one may lack.
std::string_view takeLine(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end == std::string_view::npos ? end : end + 1);
  rest.remove_prefix(line.size());
  return line;
}

host::Failure malformed(std::string_view why) { return host::fail("Malformed", "", why); }

}  // namespace

host::Result<SignedCommit> splitCommit(std::string_view raw, std::size_t idSize) {
  const std::string_view wanted = idSize == 32 ? "gpgsig-sha256" : kHeader;
  SignedCommit commit;
  commit.payload.reserve(raw.size());
  bool found = false;
  bool inside = false;
  while (!raw.empty() && raw.front() != '\n') {
    const std::string_view line = takeLine(raw);
    if (inside && line.front() == ' ') {
      commit.signature += line.substr(1);
      continue;
    }
    inside = line.substr(0, kHeader.size()) == kHeader;
    if (!inside) {
      commit.payload += line;
      continue;
    }
    const std::string_view name = line.substr(0, line.find_first_of(" \n"));
    if (found) return malformed("has more than one signature");
    if (name != wanted || line.size() <= name.size() || line[name.size()] != ' ')
      return malformed("has a header " + std::string(name.substr(0, 32)) + " where only " + std::string(wanted) +
                       " can be a signature");
    found = true;
    commit.signature = line.substr(name.size() + 1);
  }
  commit.payload += raw;
  if (found && commit.signature.find_first_not_of(" \n") == std::string::npos)
    return malformed("has an empty signature");
  return commit;
}

bool signatureInMessage(std::string_view raw) {
  const std::size_t message = raw.find("\n\n");
  return message != std::string_view::npos && raw.find("\ngpgsig", message) != std::string_view::npos;
}

}  // namespace bedplate::trust
