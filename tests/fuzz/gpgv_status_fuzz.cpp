#include <cstdlib>

#include "agent/trust/gpgv_status.h"

// Good only where the words of it are all there, and shown text without control characters.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bedplate::trust;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Verdict verdict = readGpgvStatus(text);
  if (verdict.standing == Standing::good) {
    for (const char* word : {"[GNUPG:] NEWSIG", "[GNUPG:] GOODSIG ", "[GNUPG:] VALIDSIG "})
      if (text.find(word) == std::string_view::npos) std::abort();
    for (const char* word : {"[GNUPG:] REVKEYSIG ", "[GNUPG:] EXPKEYSIG ", "[GNUPG:] BADSIG "})
      if (text.starts_with(word)) std::abort();
  }
  for (const char c : verdict.principal + verdict.key)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) std::abort();
  return 0;
}
