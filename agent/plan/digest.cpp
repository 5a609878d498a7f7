#include <openssl/evp.h>

#include <set>

#include "agent/plan/plan.h"
#include "agent/source/text.h"

namespace bedplate::plan {
namespace {

// Every field with its length before it, so that no two targets have the same text.
void put(std::string& out, std::string_view field) {
  out += std::to_string(field.size());
  out += ':';
  out += field;
}

void put(std::string& out, const cluster::SysctlWant& want) {
  put(out, want.rule.key);
  put(out, want.rule.value);
  out += want.rule.tolerant ? 't' : '-';
  out += want.rule.excluded ? 'x' : '-';
  // A plain rule of a file is written as before there were others, so that no host gets a new generation for nothing.
  if (want.rule.bound == sysctl::Bound::exact && want.rule.source == sysctl::Source::file) return;
  out += sysctl::name(want.rule.bound);
  out += sysctl::name(want.rule.source);
}

void put(std::string& out, const FileTarget& file) {
  out += file.area == Area::k3sConfig ? 'c' : 'm';
  put(out, file.path);
  put(out, std::to_string(file.mode));
  put(out, file.sha256);
  if (file.stage != Stage::wanted) out += name(file.stage);
  if (file.sealed) out += "sealed";
}

}  // namespace

std::string sha256(std::string_view bytes) {
  unsigned char sum[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  // Fails only when OpenSSL has no memory or no provider; an empty hash equals no other.
  if (EVP_Digest(bytes.data(), bytes.size(), sum, &length, EVP_sha256(), nullptr) != 1) return {};
  return source::hexOf({reinterpret_cast<const char*>(sum), length});
}

std::string digest(const Target& target) {
  std::string all = "bedplate target 1\n";
  all.reserve(256 + target.files.size() * 192 + target.sysctls.size() * 64);
  all += target.driftEnforce ? "enforce\n" : "report\n";
  // Nothing for the defaults, so that no host gets a new generation for nothing.
  if (target.selfHeal != SelfHeal::files) all += std::string("self-heal ") + name(target.selfHeal) + "\n";
  if (!target.prune) all += "no prune\n";
  if (target.parks) all += "parks\n";
  std::set<std::string_view> names;  // the order of modules decides nothing
  for (const auto& module : target.modules) names.insert(module.entry.name);
  for (const auto name : names) put(all, name);
  all += "\nsysctls\n";
  for (const auto& want : target.sysctls) put(all, want);
  all += "\nfiles\n";
  for (const auto& file : target.files) put(all, file);
  return sha256(all);
}

}  // namespace bedplate::plan
