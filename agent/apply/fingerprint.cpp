#include "agent/apply/fingerprint.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "agent/source/text.h"
#include "tuning/host/paths.h"
#include "tuning/host/wiped.h"

namespace bedplate::apply {
namespace {

using Key = std::array<unsigned char, Fingerprint::kKey>;

Key drawn() {
  Key key{};
  // A constant key would be none, and there is nobody to tell: without random numbers nothing of ours is safe.
  if (RAND_priv_bytes(key.data(), static_cast<int>(key.size())) != 1) std::abort();
  return key;
}

}  // namespace

host::Status ensureFingerprintKey(host::Files& files) {
  const auto info = files.info(host::paths::fingerprintKey);
  if (info && info->kind == host::FileKind::regular && info->size == Fingerprint::kKey) return {};
  const Key key = drawn();
  const std::string_view bytes(reinterpret_cast<const char*>(key.data()), key.size());
  return host::replaceFile(files, {host::paths::fingerprintKey, bytes, 0600, ::geteuid(), ::getegid()}, 0711);
}

Fingerprint Fingerprint::of(host::Files& files) {
  static const Key kOfProcess = drawn();
  Fingerprint fingerprint;
  fingerprint.key_ = kOfProcess;
  auto text = files.read(host::paths::fingerprintKey, kKey);
  if (!text) return fingerprint;
  const host::Wiped wiped(*text);
  if (text->size() == kKey) std::copy(text->begin(), text->end(), fingerprint.key_.begin());
  return fingerprint;
}

std::string Fingerprint::operator()(std::string_view bytes) const {
  std::array<unsigned char, EVP_MAX_MD_SIZE> sum{};
  std::size_t size = 0;
  if (EVP_Q_mac(nullptr, "HMAC", nullptr, "SHA256", nullptr, key_.data(), key_.size(),
                reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), sum.data(), sum.size(),
                &size) == nullptr)
    return "unknown";
  return source::hexOf({reinterpret_cast<const char*>(sum.data()), size});
}

bool inK3sConfig(std::string_view path) {
  const std::string_view directory = host::paths::k3sConfigDir;
  return path.size() > directory.size() && path.starts_with(directory) && path[directory.size()] == '/';
}

}  // namespace bedplate::apply
