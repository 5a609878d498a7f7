// A picture in SVG, piece by piece. Colours are left to the classes of the page that holds it, so that light, dark and
// paper each have their own. All text is cleaned and escaped here.
// Thread-safety: plain values, used by one thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bedplate::report {

// For text in HTML, XML and their quoted attributes, from foreign text: valid UTF-8, no control characters, escaped.
std::string markup(std::string_view text);

class Svg {
 public:
  using Point = std::pair<double, double>;
  enum class Anchor { start, middle, end };

  // `label` is what one who does not see it is told.
  Svg(int width, int height, std::string_view label);

  void line(Point from, Point to, std::string_view cls);
  // With a tip, where it is not empty.
  void rect(Point at, double width, double height, std::string_view cls, std::string_view tip = {});
  void circle(Point at, double radius, std::string_view cls, std::string_view tip = {});
  void path(const std::vector<Point>& points, std::string_view cls);
  void text(Point at, std::string_view words, std::string_view cls, Anchor anchor = Anchor::start);
  [[nodiscard]] std::string take();

 private:
  void tipped(std::string_view element, std::string_view tip);
  std::string text_;
};

}  // namespace bedplate::report
