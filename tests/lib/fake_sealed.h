// Sealed files for tests of those who use them: the form is the real one, but what is in it stands there in the open.
#pragma once

#include <string>
#include <vector>

#include "agent/trust/armor.h"
#include "agent/trust/sealed.h"

namespace bedplate::testlib {

// As a file of Git would hold it.
inline std::string fakeSealed(const std::string& content) {
  std::string bytes("\x01\x00", 2);
  bytes += std::string(256, 'x') + content + std::string(16, 't');
  return trust::encodeBase64(bytes) + "\n";
}

// Opens them, and says for whom it was asked to.
struct FakeOpener {
  bool hasKey = true;
  std::vector<trust::SealedFor> asked;
  trust::Opener opener = [this](std::string_view text, const trust::SealedFor& whom) -> host::Result<trust::Secret> {
    asked.push_back(whom);
    BEDPLATE_TRY_LET(const auto envelope, trust::parseEnvelope(text));
    if (!hasKey) return host::fail("SealedElsewhere", "", "no key of this node opens it", "seal it again");
    std::string content(envelope.gcm().substr(0, envelope.gcm().size() - 16));
    return trust::Secret::takenFrom(content);
  };
};

}  // namespace bedplate::testlib
