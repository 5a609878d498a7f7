#include "agent/cluster/credential_rules.h"

#include <fmt/format.h>

#include <algorithm>

namespace bedplate::cluster {
namespace {

constexpr std::size_t kRememberedBlobs = 50000;  // some 4 MiB; then the memory starts anew

std::string wayOut(const Credential& one, bool denyRawSecrets) {
  if (one.isKey) return "; make a new one, and name a file on the node, or seal it";
  std::string way = "; make a new one, and name a file on the node, a SealedSecret or an ExternalSecret";
  if (!denyRawSecrets) return way + "; if it is no secret, write " + std::string(kNoSecret) + " on its line";
  return way + (one.excused ? "; with policy.rawSecrets: deny no line says that it is none" : "");
}

}  // namespace

Credentials credentialsOf(const source::Snapshot& snapshot, ValidBlobs* valid) {
  Credentials all;
  for (const auto& file : snapshot.files) {
    if (!file.content) continue;
    const bool hasId = valid != nullptr && !file.id.empty();
    if (hasId && valid->withoutCredentials.contains(file.id)) continue;
    auto found = findCredentials(*file.content);
    if (!found.empty()) {
      all.emplace(file.path, std::move(found));
    } else if (hasId) {
      if (valid->withoutCredentials.size() >= kRememberedBlobs) valid->withoutCredentials.clear();
      valid->withoutCredentials.insert(file.id);
    }
  }
  return all;
}

bool holdsCredential(const Credentials& credentials, const std::string& file, bool denyRawSecrets) {
  const auto found = credentials.find(file);
  return found != credentials.end() && std::any_of(found->second.begin(), found->second.end(),
                                                   [&](const auto& one) { return denyRawSecrets || !one.excused; });
}

void judgeCredentials(const Credentials& credentials, bool denyRawSecrets, std::vector<Finding>& findings) {
  const auto isNone = [&](const Credential& one) { return one.excused && !denyRawSecrets; };
  std::erase_if(findings,
                [&](const Finding& finding) { return holdsCredential(credentials, finding.file, denyRawSecrets); });
  for (const auto& [file, found] : credentials)
    for (const auto& one : found)
      findings.push_back(
          {isNone(one) ? Severity::note : Severity::error, file, one.at.line, one.at.column,
           isNone(one) ? fmt::format("looks like {}, and its line says that it is none", one.what)
                       : fmt::format("refused: {}, and whoever reads the repository, or its history, has it{}",
                                     one.isKey ? "this is a private key" : fmt::format("this looks like {}", one.what),
                                     wayOut(one, denyRawSecrets))});
}

}  // namespace bedplate::cluster
