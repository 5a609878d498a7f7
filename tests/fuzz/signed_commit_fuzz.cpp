#include <cstdlib>

#include "agent/source/source.h"
#include "agent/trust/signed_commit.h"

// Every byte is in the payload or in the signature's header, and the message is never touched.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bedplate;
  const std::string_view raw(reinterpret_cast<const char*>(data), size);
  for (const std::size_t idSize : {std::size_t{20}, std::size_t{32}}) {
    const auto parts = trust::splitCommit(raw, idSize);
    if (!parts) continue;
    if (parts->signature.empty() != (parts->payload == raw)) std::abort();
    if (parts->payload.size() + parts->signature.size() > raw.size()) std::abort();
    const std::size_t message = raw.starts_with('\n') ? 0 : raw.find("\n\n");
    if (message != std::string_view::npos && !parts->payload.ends_with(raw.substr(message + 1))) std::abort();
    // There is none left.
    const auto again = trust::splitCommit(parts->payload, idSize);
    if (!again || !again->signature.empty()) std::abort();
  }
  static_cast<void>(trust::signatureInMessage(raw));
  return 0;
}
