#include <algorithm>
#include <cstdlib>

#include "agent/cluster/cluster.h"

namespace {

namespace source = bedplate::source;
namespace cluster = bedplate::cluster;
namespace sysctl = bedplate::sysctl;

// A cluster directory from bytes: files one after another, "path\n", the content, and a NUL between them.
source::Snapshot snapshotOf(std::string_view bytes) {
  source::Snapshot snapshot;
  while (!bytes.empty()) {
    const auto end = std::min(bytes.find('\0'), bytes.size());
    const auto whole = bytes.substr(0, end);
    bytes.remove_prefix(std::min(bytes.size(), end + 1));
    const auto line = std::min(whole.find('\n'), whole.size());
    auto content = std::make_shared<const std::string>(whole.substr(std::min(whole.size(), line + 1)));
    const auto id = source::hashObject(source::ObjectType::blob, *content, 20);
    snapshot.files.push_back({std::string(whole.substr(0, line)), id, std::move(content)});
  }
  std::sort(snapshot.files.begin(), snapshot.files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return snapshot;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto snapshot = snapshotOf({reinterpret_cast<const char*>(data), size});
  const cluster::Identity node{"web-01", "server", "oslo-prod"};
  cluster::members(snapshot);
  cluster::ValidBlobs valid;
  const auto first = cluster::compile(snapshot, {}, node, {}, &valid);
  const auto second = cluster::compile(snapshot, {}, node, {}, &valid);  // the same with what it remembers
  if (first.findings != second.findings || first.desired.has_value() != second.desired.has_value()) std::abort();
  const bool failed = std::any_of(first.findings.begin(), first.findings.end(), [](const cluster::Finding& finding) {
    return finding.severity == cluster::Severity::error;
  });
  if (failed == first.desired.has_value()) std::abort();
  for (const auto& finding : first.findings) {
    const auto text = cluster::text(finding);
    if (!std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; })) std::abort();
  }
  if (!first.desired) return 0;
  for (const auto& want : first.desired->sysctls)
    if (!want.rule.excluded && sysctl::refused(want.rule.key, want.rule.value)) std::abort();
  return 0;
}
