// Lines of a screen, cut to its width and its height.
// Thread-safety: plain values, used by one thread.
#pragma once

#include <string>
#include <vector>

#include "agent/report/report.h"
#include "agent/report/text.h"

namespace bedplate::report {

class Rows {
 public:
  explicit Rows(const Screen& screen) : screen_(screen) {}

  // "left ... right", both sides kept as far as there is room; the left gives way.
  void split(std::string_view left, std::string_view right, Colour leftColour, Colour rightColour);
  // "  label       text". Rank: the higher, the sooner it goes when there are too many lines; 0 never goes.
  void add(std::string_view label, std::string_view text, int rank = 0, Colour colour = Colour::none);
  // A text that may go on, indented, for up to `lines` lines.
  void wrap(std::string_view label, std::string_view text, int lines, int rank, Colour colour = Colour::none);
  // As add(), with a second part at the right edge.
  void addSplit(std::string_view label, std::string_view text, std::string_view right, Colour colour = Colour::none);

  // All of them, at most `height`; what had to go is counted in a line of its own.
  [[nodiscard]] std::string text(std::size_t height) const;

  // The width that lines are set to: the screen's, but no wider than reads well.
  [[nodiscard]] int width() const;

 private:
  struct Row {
    std::string text;  // with colour
    int rank = 0;
  };
  Screen screen_;
  std::vector<Row> rows_;
};

}  // namespace bedplate::report
