#include "agent/trust/sealing_keys.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "agent/trust/sealed.h"
#include "tuning/host/paths.h"
#include "tuning/host/wiped.h"

namespace bedplate::trust {
namespace {

constexpr std::size_t kMaxFile = 256 << 10;
constexpr std::size_t kMostKeys = 100;
constexpr unsigned int kBits = 4096;
constexpr std::string_view kEnd = ".pem";
constexpr std::string_view kCertificate = "-----BEGIN CERTIFICATE-----";

// A key with a passphrase is refused; nobody is to be asked for one on a terminal.
int noPassphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*data*/) { return -1; }

host::Failure invalidKey(host::Files& files, const std::string& path, const std::string& why) {
  return host::fail("Invalid", files.shown(path), why, "put an RSA key in PEM there, or move the file away");
}

host::Result<std::string> readGuarded(host::Files& files, const std::string& path) {
  BEDPLATE_TRY_LET(const auto info, files.info(path));
  if (info.kind != host::FileKind::regular) return invalidKey(files, path, "is not a regular file");
  if ((info.mode & 077) != 0 || (info.uid != ::geteuid() && info.uid != 0))
    return host::fail("Denied", files.shown(path), "may be read or changed by others than root, so it is not used",
                      "chown root: and chmod 600 it; who could read it can open what was sealed for it");
  return files.read(path, kMaxFile);
}

host::Result<Secret> keyText(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_secmem()));
  char* data = nullptr;
  const bool made = bio && PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1;
  const long size = made ? BIO_get_mem_data(bio.get(), &data) : 0;
  if (size <= 0) return host::fail("Internal", "OpenSSL", "failed to write a key", "is there memory left?");
  Secret text(static_cast<std::size_t>(size));
  std::copy(data, data + size, text.data());
  return text;
}

// "20261201T101530.pem", or with more behind where that is taken: by name they are by age.
std::string freeName(host::Files& files, std::int64_t nowUs) {
  std::string stamp = host::isoTime(nowUs).substr(0, 19);
  std::erase_if(stamp, [](char c) { return c == '-' || c == ':'; });
  std::string name = stamp;
  for (int more = 1; files.info(host::joinPath(host::paths::sealing, name + std::string(kEnd))); ++more)
    name = stamp + "-" + std::to_string(more);
  return name + std::string(kEnd);
}

// What a crash left half made, which is a key as well.
void sweepKeys(host::Files& files) {
  const auto names = files.list(host::paths::sealing, kMostKeys);
  if (!names) return;
  for (const auto& name : *names)
    if (name.front() == '.' && name.ends_with(".pem.bedplate"))
      static_cast<void>(files.remove(host::joinPath(host::paths::sealing, name)));
}

host::Status makeKey(host::Files& files, host::Clock& clock, const std::string& node) {
  keepFromCoreDumps();
  const Key key(EVP_RSA_gen(kBits));
  ::ERR_clear_error();
  if (!key) return host::fail("Internal", "OpenSSL", "failed to make an RSA key", "is there memory left?");
  BEDPLATE_TRY_LET(auto text, keyText(key.get()));
  BEDPLATE_TRY_LET(const std::string certificate, selfSigned(key.get(), node, clock.wallUs()));
  Secret both(text.size() + certificate.size());
  std::copy(text.view().begin(), text.view().end(), both.data());
  std::copy(certificate.begin(), certificate.end(), both.data() + text.size());
  BEDPLATE_TRY(files.makeDirectories(host::paths::stateDir, 0711));
  BEDPLATE_TRY(files.makeDirectories(host::paths::sealing, 0700));
  const std::string path = host::joinPath(host::paths::sealing, freeName(files, clock.wallUs()));
  return host::replaceFile(files, {path, both.view(), 0600, ::geteuid(), ::getegid()}, 0700);
}

// A key that came without a certificate gets one that says the same for all of its readers: the public key.
host::Result<std::string> certificateOf(host::Files& files, const std::string& path, const std::string& node,
                                        std::int64_t nowUs) {
  BEDPLATE_TRY_LET(std::string text, readGuarded(files, path));
  const host::Wiped wiped(text);
  if (const auto at = text.find(kCertificate); at != std::string::npos) {
    auto certificate = readCertificate(std::string_view(text).substr(at));
    if (!certificate) return invalidKey(files, path, "holds a certificate that " + certificate.error().why);
    return certificate->pem;
  }
  BEDPLATE_TRY_LET(const Key key, readKey(files, path));
  return selfSigned(key.get(), node, nowUs);
}

bool sameKey(const std::string& pem, EVP_PKEY* key) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const X509Handle certificate(bio ? PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr) : nullptr);
  ::ERR_clear_error();
  return certificate && EVP_PKEY_eq(X509_get0_pubkey(certificate.get()), key) == 1;
}

host::Status publish(host::Files& files, host::Clock& clock, const std::string& node) {
  host::sweepReplaced(files, host::paths::sealingCertificate);
  BEDPLATE_TRY_LET(const auto paths, keyFiles(files));
  if (paths.empty()) return {};
  BEDPLATE_TRY_LET(const Key key, readKey(files, paths.back()));
  const auto before = files.read(host::paths::sealingCertificate, kMaxFile);
  if (before && sameKey(*before, key.get())) return {};
  BEDPLATE_TRY_LET(const std::string pem, certificateOf(files, paths.back(), node, clock.wallUs()));
  if (!sameKey(pem, key.get())) return invalidKey(files, paths.back(), "holds a certificate of another key");
  return host::replaceFile(files, {host::paths::sealingCertificate, pem, 0644, ::geteuid(), ::getegid()}, 0711);
}

}  // namespace

void keepFromCoreDumps() {
  // The limit does not bind where dumps are piped to a program; this does.
  static_cast<void>(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
  const rlimit none{0, 0};
  static_cast<void>(::setrlimit(RLIMIT_CORE, &none));
}

host::Result<std::vector<std::string>> keyFiles(host::Files& files) {
  const auto names = files.list(host::paths::sealing, kMostKeys);
  if (!names && names.error().reason == "NotFound") return std::vector<std::string>();
  if (!names) return host::Failure(names.error());
  std::vector<std::string> paths;
  for (const auto& name : *names)
    if (name.ends_with(kEnd) && name.front() != '.') paths.push_back(host::joinPath(host::paths::sealing, name));
  return paths;
}

host::Result<Key> readKey(host::Files& files, const std::string& path) {
  BEDPLATE_TRY_LET(std::string text, readGuarded(files, path));
  const host::Wiped wiped(text);
  const Bio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  Key key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, noPassphrase, nullptr) : nullptr);
  ::ERR_clear_error();
  if (!key) return invalidKey(files, path, "holds no private key in PEM, or one with a passphrase");
  if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) return invalidKey(files, path, "holds a key that is not RSA");
  return key;
}

Opener keysOf(host::Files& files) {
  return [&files](std::string_view text, const SealedFor& whom) -> host::Result<Secret> {
    BEDPLATE_TRY_LET(const auto envelope, parseEnvelope(text));
    if (const auto wrong = wrongWith(whom); !wrong.empty()) return host::fail("Invalid", "", wrong);
    BEDPLATE_TRY_LET(const auto paths, keyFiles(files));
    if (paths.empty())
      return host::fail("NoSealingKey", files.shown(host::paths::sealing),
                        "holds no key, so nothing sealed can be opened",
                        "bring the keys back, or bedplate cert --renew makes one to seal for");
    keepFromCoreDumps();
    std::vector<Key> keys;
    for (const auto& path : paths) {
      BEDPLATE_TRY_LET(keys.emplace_back(), readKey(files, path));
    }
    const auto tryAll = [&](const std::string& label) -> host::Result<std::optional<Secret>> {
      for (const auto& key : keys) {
        BEDPLATE_TRY_LET(auto opened, openWith(key.get(), envelope, label));
        if (opened) return opened;
      }
      return std::optional<Secret>();
    };
    BEDPLATE_TRY_LET(auto opened, tryAll(whom.cluster + "/" + whom.name));
    if (opened) return std::move(*opened);
    // What the other scopes of the format give is opened to say so, and wiped.
    for (const std::string& label : {whom.cluster, std::string()}) {
      const auto wide = tryAll(label);
      if ((wide && *wide) || (!wide && wide.error().reason == "SealedDamaged"))
        return host::fail("SealedTooWidely", "",
                          label.empty() ? "is sealed for any file of any cluster (cluster-wide)"
                                        : "is sealed for any file of the cluster (namespace-wide)",
                          "who may commit could move it to where its content shows: seal it with the strict scope, "
                          "which is what bedplate seal and kubeseal --raw --namespace --name do");
    }
    return host::fail("SealedElsewhere", "",
                      "none of the " + std::to_string(keys.size()) + " keys of this node opens it as '" + whom.name +
                          "' of cluster '" + whom.cluster + "'",
                      "it was sealed for another certificate, cluster or file name: seal it again for the output of "
                      "`bedplate cert`, with --namespace " +
                          whom.cluster + " --name " + whom.name);
  };
}

host::Status ensureSealingKey(host::Files& files, host::Clock& clock, const std::string& node, bool* made) {
  if (made != nullptr) *made = false;
  sweepKeys(files);
  BEDPLATE_TRY_LET(const auto paths, keyFiles(files));
  if (paths.empty()) {
    BEDPLATE_TRY(makeKey(files, clock, node));
    if (made != nullptr) *made = true;
  }
  return publish(files, clock, node);
}

host::Status addSealingKey(host::Files& files, host::Clock& clock, const std::string& node) {
  BEDPLATE_TRY(makeKey(files, clock, node));
  return publish(files, clock, node);
}

host::Result<Certificate> sealingCertificate(host::Files& files) {
  const auto text = files.read(host::paths::sealingCertificate, kMaxFile);
  if (!text && text.error().reason == "NotFound")
    return host::fail("NotFound", files.shown(host::paths::sealingCertificate), "there is none yet",
                      "bedplated makes it at its first sync, or bedplate cert --renew as root");
  if (!text) return host::Failure(text.error());
  auto certificate = readCertificate(*text);
  if (certificate) return certificate;
  host::Error error = std::move(certificate).error();
  error.thing = files.shown(host::paths::sealingCertificate);
  error.todo = "remove it: bedplated writes it again";
  return host::Failure(std::move(error));
}

}  // namespace bedplate::trust
