#include "agent/worker/wire.h"

#include <gtest/gtest.h>

#include <vector>

namespace bedplate::wire {
namespace {

TEST(Wire, CarriesEveryKindOfValue) {
  std::string stream = Writer(Kind::progress)
                           .u8(7)
                           .u32(0xdeadbeef)
                           .u64(0x0123456789abcdefULL)
                           .text(std::string_view("a\0b", 3))
                           .finish();
  bool bad = false;
  const auto frame = takeFrame(stream, bad);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->kind, Kind::progress);
  EXPECT_TRUE(stream.empty());
  Reader reader(frame->payload);
  EXPECT_EQ(reader.u8(), 7);
  EXPECT_EQ(reader.u32(), 0xdeadbeef);
  EXPECT_EQ(reader.u64(), 0x0123456789abcdefULL);
  EXPECT_EQ(reader.text(), std::string_view("a\0b", 3));
  EXPECT_TRUE(reader.done());
}

TEST(Wire, IsLittleEndianOnTheWire) {
  EXPECT_EQ(Writer(Kind::want).u32(1).finish(), std::string("\5\0\0\0\3\1\0\0\0", 9));
}

TEST(Wire, TakesFramesAsTheirBytesCome) {
  const std::string whole = Writer(Kind::end).finish() + Writer(Kind::resolved).text("abc").finish();
  std::string buffer;
  std::vector<Kind> seen;
  for (const char byte : whole) {
    buffer.push_back(byte);
    bool bad = false;
    while (const auto frame = takeFrame(buffer, bad)) seen.push_back(frame->kind);
    ASSERT_FALSE(bad);
  }
  EXPECT_EQ(seen, (std::vector<Kind>{Kind::end, Kind::resolved}));
  EXPECT_TRUE(buffer.empty());
}

TEST(Wire, RefusesWhatCannotBeAFrame) {
  bool bad = false;
  for (std::string bytes : {std::string("\0\0\0\0", 4), std::string("\1\0\0\4", 4), std::string("\1\0\0\0\0", 5),
                            std::string("\1\0\0\0\10", 5), std::string("\1\0\0\0\x3f", 5),
                            std::string("\1\0\0\0\x4b", 5), std::string("\1\0\0\0\xff", 5)}) {
    EXPECT_FALSE(takeFrame(bytes, bad));
    EXPECT_TRUE(bad);
  }
  std::string small = Writer(Kind::resolved).text("0123456789").finish();
  EXPECT_FALSE(takeFrame(small, bad, 8));
  EXPECT_TRUE(bad);
}

TEST(Wire, ReaderStaysEmptyAfterAShortRead) {
  const std::string payload("\5\0\0\0abc", 7);
  Reader reader(payload);
  EXPECT_FALSE(reader.text());
  EXPECT_FALSE(reader.u8());
  EXPECT_FALSE(reader.done());
}

TEST(Wire, ReaderSeesWhatIsLeftOver) {
  Reader reader("ab");
  EXPECT_EQ(reader.u8(), 'a');
  EXPECT_FALSE(reader.done());
}

}  // namespace
}  // namespace bedplate::wire
