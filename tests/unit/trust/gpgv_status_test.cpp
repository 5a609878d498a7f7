#include "agent/trust/gpgv_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bedplate::trust {
namespace {

const std::string kPrint = "0123456789ABCDEF0123456789ABCDEF01234567";
const std::string kPrimary = "FEDCBA9876543210FEDCBA9876543210FEDCBA98";

std::string status(const std::string& word, const std::string& signatureClass = "00", const std::string& more = "") {
  return "[GNUPG:] NEWSIG\n[GNUPG:] KEY_CONSIDERED " + kPrint + " 0\n" + more + "[GNUPG:] " + word + " " +
         kPrint.substr(24) + " Ada %0aLovelace <ada@x>\n[GNUPG:] VALIDSIG " + kPrint +
         " 2026-11-01 1793491200 0 4 0 22 8 " + signatureClass + " " + kPrimary + "\n";
}

TEST(GpgvStatusTest, IsGoodWhenNothingSpeaksAgainstIt) {
  const auto verdict = readGpgvStatus(status("GOODSIG"));
  EXPECT_EQ(verdict.standing, Standing::good);
  EXPECT_EQ(verdict.reason, "Good");
  EXPECT_EQ(verdict.principal, "Ada ?Lovelace <ada@x>");
  EXPECT_EQ(verdict.key, kPrimary);
  EXPECT_EQ(verdict.kind, "OpenPGP");
}

TEST(GpgvStatusTest, IsNeverGoodWhenAnythingDoes) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "Malformed"},
      {"[GNUPG:] NODATA 4\n", "Malformed"},
      {"[GNUPG:] UNEXPECTED 0\n", "Malformed"},
      {status("BADSIG"), "BadSignature"},
      {status("EXPSIG"), "Expired"},
      {status("EXPKEYSIG"), "Expired"},
      {status("REVKEYSIG"), "Revoked"},
      {status("GOODSIG", "01"), "Unsupported"},
      {status("GOODSIG", "00", "[GNUPG:] REVKEYSIG 1 x\n"), "Revoked"},
      {status("GOODSIG", "00", "[GNUPG:] ERRSIG 1 x\n"), "Unsupported"},
      {status("GOODSIG") + status("GOODSIG"), "Malformed"},
      {status("GOODSIG") + status("BADSIG"), "Malformed"},
      {status("GOODSIG", "00", "[GNUPG:] GOODSIG 0123456789ABCDEF x\n"), "BadSignature"},
      {status("NOTEGOODSIG"), "BadSignature"},
      {"[GNUPG:] NEWSIG\n[GNUPG:] ERRSIG 0123456789ABCDEF 22 8 00 1 9 -\n[GNUPG:] NO_PUBKEY 0123456789ABCDEF\n",
       "UnknownKey"},
      {"[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG 0123456789ABCDEF x\n", "BadSignature"},
      {"[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG CDEF01234567 x\n[GNUPG:] VALIDSIG " + kPrint + " 1 1 0 4 0 22 8 00 " +
           kPrimary + "\n",
       "BadSignature"},
      {"[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG 1111111111111111 x\n[GNUPG:] VALIDSIG " + kPrint + " 1 1 0 4 0 22 8 00 " +
           kPrimary + "\n",
       "BadSignature"},
      {"gpgv: [GNUPG:] NEWSIG\n", "Malformed"},
  };
  for (const auto& [text, reason] : cases) {
    const auto verdict = readGpgvStatus(text);
    EXPECT_EQ(verdict.standing, Standing::bad) << text;
    EXPECT_EQ(verdict.reason, reason) << text;
    EXPECT_NE(verdict.why, "");
  }
}

TEST(GpgvStatusTest, IsNeverGoodWhenItIsCutOff) {
  const std::string whole = status("GOODSIG");
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_EQ(readGpgvStatus(whole.substr(0, length)).standing, Standing::bad) << length;
}

}  // namespace
}  // namespace bedplate::trust
