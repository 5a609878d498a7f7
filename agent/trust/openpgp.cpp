#include "agent/trust/openpgp.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>

#include "agent/source/process.h"
#include "agent/trust/armor.h"
#include "agent/trust/gpgv_status.h"

namespace bedplate::trust {
namespace {

constexpr std::size_t kMaxKeyring = 16 << 20;
// A hundred signatures in one are not one: gpgv would work through them all, and say so.
constexpr std::size_t kMaxSignature = 16 << 10;
constexpr std::size_t kMaxStatus = 256 << 10;
constexpr std::size_t kMemory = 512 << 20;
constexpr std::chrono::seconds kDeadline{20};
constexpr std::int64_t kLeaveMs = 2000;
constexpr const char* kTodo = "install gpgv (in Fedora and RHEL: gnupg2), or leave gpg-keyring away";

host::Failure failed(std::string_view thing, std::string_view why, std::string_view todo = kTodo) {
  return host::fail("GpgvFailed", thing, why, todo);
}

// A file that is nowhere, and cannot be changed any more.
host::Result<host::UniqueFd> memoryFile(std::string_view bytes) {
  host::UniqueFd fd(::memfd_create("bedplate-gpgv", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  while (fd.valid() && !bytes.empty()) {
    const ssize_t n = ::write(fd.get(), bytes.data(), bytes.size());
    if (n < 0 && errno != EINTR) break;
    if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  if (!fd.valid() || !bytes.empty() || ::fcntl(fd.get(), F_ADD_SEALS, kSeals) != 0) {
    auto failure = host::failErrno(errno, "gpgv", "cannot keep a file in memory");
    failure.value().reason = "GpgvFailed";
    return failure;
  }
  return fd;
}

// All that gpgv says, to its end. What it says beside that is for people, and must not fill its pipe.
host::Result<std::string> readStatus(source::Process& process, const std::string& program) {
  std::string text;
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  std::array<char, 4096> chunk{};
  for (;;) {
    const ssize_t n = ::read(process.socket(), chunk.data(), chunk.size());
    if (n == 0) return text;
    if (n > 0) text.append(chunk.data(), static_cast<std::size_t>(n));
    if (text.size() > kMaxStatus) return failed(program, "says too much of one signature");
    if (n > 0 || errno == EINTR) continue;
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (errno != EAGAIN || left.count() <= 0) return failed(program, "does not answer");
    std::array<pollfd, 2> waiting{pollfd{process.socket(), POLLIN, 0}, pollfd{process.errors(), POLLIN, 0}};
    ::poll(waiting.data(), waiting.size(), static_cast<int>(left.count()));
    if (waiting[1].revents != 0) process.readErrors();
  }
}

}  // namespace

host::Result<OpenPgp> OpenPgp::make(const KeyFile& keyring, source::WorkerSetup gpgv) {
  if (keyring.text.size() > kMaxKeyring) return host::fail("InvalidKeyFile", keyring.name, "is larger than 16 MiB");
  std::string keys = keyring.text;
  if (keys.find("-----BEGIN PGP ") != std::string::npos) {
    auto bare = dearmorKeys(keys);
    if (!bare) return host::fail("InvalidKeyFile", keyring.name, bare.error().why, "write it anew: gpg --export");
    keys = std::move(*bare);
  }
  // The first byte of a packet of an old or a new format; a keybox has its magic further on.
  const bool packet = !keys.empty() && (static_cast<unsigned char>(keys.front()) & 0x80U) != 0;
  const bool keybox = keys.size() > 12 && keys.compare(8, 4, "KBXf") == 0;
  if (!packet && !keybox)
    return host::fail("InvalidKeyFile", keyring.name, "holds no OpenPGP keys", "write it anew: gpg --export");
  gpgv.memoryBytes = kMemory;
  gpgv.fileBytes = 0;
  BEDPLATE_TRY_LET(auto file, memoryFile(keys));
  return OpenPgp(std::move(file), std::move(gpgv));
}

host::Result<Verdict> OpenPgp::judge(std::string_view signature, std::string_view payload) {
  if (signature.size() > kMaxSignature) {
    Verdict verdict;
    verdict.kind = "OpenPGP";
    verdict.reason = "Malformed";
    verdict.why = "has an OpenPGP signature of more than 16 KiB";
    return verdict;
  }
  if (::access(gpgv_.program.c_str(), X_OK) != 0)
    return failed(gpgv_.program, "is not there, and a commit is signed with OpenPGP");
  BEDPLATE_TRY_LET(const auto signatureFile, memoryFile(signature));
  BEDPLATE_TRY_LET(const auto payloadFile, memoryFile(payload));
  source::Command command;
  command.descriptors = {keyring_.get(), signatureFile.get(), payloadFile.get()};
  const std::string first = "/proc/self/fd/";
  command.arguments = {"--status-fd", "3", "--keyring", first + "5", "--", first + "6", first + "7"};
  auto process = source::Process::start(gpgv_, command);
  if (!process) return failed(process.error().thing, process.error().why);
  auto status = readStatus(*process, gpgv_.program);
  if (!status) {
    process->kill();
    return host::Failure(std::move(status).error());
  }
  const std::string ended = process->end(kLeaveMs);
  if (status->empty()) return failed(gpgv_.program, ended);
  return readGpgvStatus(*status);
}

}  // namespace bedplate::trust
