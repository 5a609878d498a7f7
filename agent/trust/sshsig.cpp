#include "agent/trust/sshsig.h"

#include "agent/trust/digest.h"
#include "agent/trust/ssh_reader.h"

namespace bedplate::trust {
namespace {

constexpr std::string_view kMagic = "SSHSIG";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kMaxWord = 64;

host::Failure malformed(std::string_view why) { return host::fail("Malformed", "", why); }

}  // namespace

host::Result<SshSignature> parseSshSignature(std::string_view bytes) {
  SshReader reader(bytes);
  if (reader.take(kMagic.size()) != kMagic) return malformed("has an SSH signature that does not begin as one");
  const auto version = reader.u32();
  if (version && *version != kVersion)
    return host::fail("Unsupported", "", "has an SSH signature of version " + std::to_string(*version));
  const auto key = reader.text();
  const auto space = reader.text();
  const auto reserved = reader.text();
  const auto hash = reader.text();
  const auto signature = reader.text();
  if (!signature) return malformed("has an SSH signature that is cut off");
  if (!reader.done()) return malformed("has an SSH signature with something behind it");
  if (!reserved->empty()) return malformed("has an SSH signature with a reserved field that is not empty");
  if (space->size() > kMaxWord || hash->size() > kMaxWord) return malformed("has an SSH signature with overlong names");
  if (*hash != "sha512" && *hash != "sha256")
    return host::fail("Unsupported", "", "has an SSH signature over a hash that is neither sha256 nor sha512");
  return SshSignature{std::string(*key), std::string(*space), std::string(*hash), std::string(*signature)};
}

std::string signedBytes(const SshSignature& signature, std::string_view message) {
  std::string bytes(kMagic);
  putText(bytes, signature.space);
  putText(bytes, "");
  putText(bytes, signature.hash);
  putText(bytes, digest(signature.hash == "sha256" ? Hash::sha256 : Hash::sha512, message));
  return bytes;
}

}  // namespace bedplate::trust
