#include "agent/cluster/manifest_rules.h"

#include <fmt/format.h>

#include <map>

#include "agent/cluster/names.h"

namespace bedplate::cluster {
namespace {

struct Where {
  const std::string* file;
  int line;
};

void say(std::vector<Finding>& findings, Severity severity, const std::string& file, const Object& object,
         std::string message) {
  findings.push_back({severity, file, object.at.line, object.at.column, std::move(message)});
}

void judgeSecret(const std::string& file, const Object& object, bool deny, std::vector<Finding>& findings) {
  if (!object.rawSecret) return;
  say(findings, deny ? Severity::error : Severity::warning, file, object,
      fmt::format("{}{} holds its content: whoever reads the repository, or its history, reads it; use a SealedSecret "
                  "or an ExternalSecret",
                  deny ? "refused by policy.rawSecrets: " : "", shown(object)));
}

void judgeApplication(const std::string& file, const Object& object, std::vector<Finding>& findings) {
  if (object.group != "argoproj.io" || object.kind != "Application") return;
  if (!object.selfHeals)
    say(findings, Severity::warning, file, object,
        shown(object) + ": what somebody changes in the cluster stays: set spec.syncPolicy.automated.selfHeal: true");
  if (!object.prunes)
    say(findings, Severity::warning, file, object,
        shown(object) + ": what leaves Git stays in the cluster: set spec.syncPolicy.automated.prune: true");
}

void judgeStaying(const std::string& file, const Object& object, std::vector<Finding>& findings) {
  if (!object.stays) return;
  say(findings, Severity::note, file, object,
      shown(object) +
          ": its label objectset.rio.cattle.io/prune: \"false\" keeps it in the cluster when it leaves Git; delete it "
          "with kubectl then");
}

}  // namespace

void judgeTogether(const std::vector<JudgedManifest>& manifests, bool denyRawSecrets, std::vector<Finding>& findings) {
  std::map<std::string, Where> known;
  for (const auto& manifest : manifests) {
    for (const auto& object : *manifest.objects) {
      judgeSecret(manifest.file, object, denyRawSecrets, findings);
      judgeApplication(manifest.file, object, findings);
      judgeStaying(manifest.file, object, findings);
      const auto [other, isNew] = known.emplace(identity(object), Where{&manifest.file, object.at.line});
      if (isNew) continue;
      const bool here = *other->second.file == manifest.file;
      say(findings, Severity::error, manifest.file, object,
          fmt::format("{} is in {}{} as well: {}; keep one", shown(object),
                      here ? std::string("line ") : printable(*other->second.file) + ":", other->second.line,
                      here ? "the last one counts"
                           : "K3s gives an object to one file, and the two would take it from each other"));
    }
  }
}

}  // namespace bedplate::cluster
