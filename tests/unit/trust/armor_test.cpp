#include "agent/trust/armor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/trust/patterns.h"

namespace bedplate::trust {
namespace {

using ::testing::HasSubstr;

std::string armoured(const std::string& bytes, std::size_t width, const std::string& end = "\n") {
  std::string text = "-----BEGIN SSH SIGNATURE-----\n";
  const std::string digits = encodeBase64(bytes);
  for (std::size_t at = 0; at < digits.size(); at += width) text += digits.substr(at, width) + "\n";
  return text + "-----END SSH SIGNATURE-----" + end;
}

TEST(Base64Test, TakesCanonicalTextAlone) {
  EXPECT_EQ(decodeBase64("YQ=="), "a");
  EXPECT_EQ(decodeBase64("YWI="), "ab");
  EXPECT_EQ(decodeBase64("YWJj"), "abc");
  for (const char* text : {"", "YQ", "YQ=", "YR==", "YWJ=", " YQ==", "YQ==\n", "YW=j",
                           "Y===", "====", "YQ==YQ==", "YW Jj", "YWJ-", "YWJjYQ=", "YW\nJj"})
    EXPECT_FALSE(decodeBase64(text)) << text;
}

TEST(ArmorTest, TakesWhatSignersWrite) {
  const std::string bytes(300, 'x');
  for (const std::size_t width : {70U, 64U, 76U})
    for (const std::string end : {"\n", ""}) {
      const auto got = dearmorSignature(armoured(bytes, width, end));
      ASSERT_TRUE(got) << width << got.error().why;
      EXPECT_EQ(*got, bytes);
    }
  EXPECT_EQ(dearmorSignature(armoured("short", 70)), "short");
}

TEST(ArmorTest, RefusesAnyOtherWrapping) {
  const std::string bytes(300, 'x');
  for (const std::size_t width : {60U, 69U, 71U, 80U, 400U})
    EXPECT_THAT(dearmorSignature(armoured(bytes, width)).error().why, HasSubstr("anew")) << width;
  std::string uneven = armoured(bytes, 70);
  uneven.insert(40, "\n");
  EXPECT_FALSE(dearmorSignature(uneven));
  const std::string good = armoured(bytes, 70);
  EXPECT_FALSE(dearmorSignature(good + "x"));
  EXPECT_FALSE(dearmorSignature(good + "\n"));
  EXPECT_FALSE(dearmorSignature("\n" + good));
  std::string carriage = good;
  carriage.replace(carriage.find('\n'), 1, "\r\n");
  EXPECT_FALSE(dearmorSignature(carriage));
  std::string empty = good;
  empty.insert(empty.find("-----END"), "\n");
  EXPECT_FALSE(dearmorSignature(empty));
  EXPECT_FALSE(dearmorSignature("-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----\n"));
}

TEST(ArmorTest, RefusesWhatIsCutOffAtEveryByte) {
  const std::string good = armoured(std::string(200, 'x'), 70, "");
  for (std::size_t length = 0; length < good.size(); ++length)
    EXPECT_FALSE(dearmorSignature(std::string_view(good).substr(0, length))) << length;
}

TEST(ArmorTest, TakesBlocksOfKeys) {
  const std::string block =
      "-----BEGIN PGP PUBLIC KEY BLOCK-----\nComment: x\n\nYWJj\nZGVm\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n";
  EXPECT_EQ(dearmorKeys("Ada:\n" + block + "\nBob:\n" + block), "abcdefabcdef");
  std::string carriage;
  for (const char c : block) carriage += c == '\n' ? std::string("\r\n") : std::string(1, c);
  EXPECT_EQ(dearmorKeys(carriage), "abcdef");
  EXPECT_FALSE(dearmorKeys("nothing"));
  EXPECT_FALSE(dearmorKeys(block.substr(0, block.size() - 20)));
  EXPECT_FALSE(dearmorKeys("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n*\n-----END PGP PUBLIC KEY BLOCK-----\n"));
  EXPECT_FALSE(dearmorKeys("-----BEGIN PGP PUBLIC KEY BLOCK----------END PGP PUBLIC KEY BLOCK-----\n"));
}

TEST(PatternsTest, MatchAsSshDoes) {
  EXPECT_TRUE(matchesPattern("ada@nordic-corp.no", "*@nordic-corp.no"));
  EXPECT_TRUE(matchesPattern("", "*"));
  EXPECT_TRUE(matchesPattern("abcabc", "*abc"));
  EXPECT_TRUE(matchesPattern("a*c", "a?c"));
  EXPECT_FALSE(matchesPattern("ada", "ad"));
  EXPECT_FALSE(matchesPattern("ad", "ada"));
  EXPECT_FALSE(matchesPattern("Ada", "ada"));
  EXPECT_FALSE(matchesPattern("", "?"));
  EXPECT_FALSE(matchesPattern(std::string(5000, 'a'), "*a*a*a*a*a*a*a*a*b"));
  EXPECT_TRUE(matchesList("bob", "ada,b*"));
  EXPECT_FALSE(matchesList("bob", "*,!bob"));
  EXPECT_FALSE(matchesList("bob", "!bob,*"));
  EXPECT_FALSE(matchesList("bob", "!ada"));
  EXPECT_FALSE(matchesList("bob", ""));
  EXPECT_TRUE(matchesList("bob", "!ada,,bob"));
}

}  // namespace
}  // namespace bedplate::trust
