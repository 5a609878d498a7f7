// OpenPGP signatures, by gpgv as a child without rights. Private to agent/trust.
// Thread-safety: used from one thread at a time.
#pragma once

#include <string>
#include <string_view>

#include "agent/trust/trust.h"
#include "tuning/host/unique_fd.h"

namespace bedplate::trust {

class OpenPgp {
 public:
  // "InvalidKeyFile" when the keyring holds no keys.
  static host::Result<OpenPgp> make(const KeyFile& keyring, source::WorkerSetup gpgv);
  // The verdict on the armoured `signature` over `payload`, now. "GpgvFailed" when gpgv cannot be started or is late.
  host::Result<Verdict> judge(std::string_view signature, std::string_view payload);

 private:
  OpenPgp(host::UniqueFd keyring, source::WorkerSetup gpgv) : keyring_(std::move(keyring)), gpgv_(std::move(gpgv)) {}

  host::UniqueFd keyring_;  // in memory, sealed: what reads a signature of somebody's cannot change it
  source::WorkerSetup gpgv_;
};

}  // namespace bedplate::trust
