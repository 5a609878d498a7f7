#include "agent/report/svg.h"

#include <fmt/format.h>

#include <cmath>

#include "agent/report/text.h"

namespace bedplate::report {
namespace {

// A tenth of a pixel is enough, and "12" is shorter than "12.0".
std::string number(double value) {
  if (!std::isfinite(value)) value = 0;
  std::string text = fmt::format("{:.1f}", value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text == "-0" ? "0" : text;
}

const char* name(Svg::Anchor anchor) {
  switch (anchor) {
    case Svg::Anchor::start: return "start";
    case Svg::Anchor::middle: return "middle";
    case Svg::Anchor::end: break;
  }
  return "end";
}

}  // namespace

std::string markup(std::string_view text) {
  std::string out;
  for (const char c : clean(text)) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

Svg::Svg(int width, int height, std::string_view label)
    : text_(fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" role=\"img\" "
                        "aria-label=\"{}\">\n",
                        width, height, markup(label))) {}

void Svg::line(Point from, Point to, std::string_view cls) {
  text_ += fmt::format("<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" class=\"{}\"/>\n", number(from.first),
                       number(from.second), number(to.first), number(to.second), cls);
}

void Svg::tipped(std::string_view element, std::string_view tip) {
  text_ += "<";
  text_ += element;
  if (tip.empty()) {
    text_ += "/>\n";
    return;
  }
  const std::string_view name = element.substr(0, element.find(' '));
  text_ += fmt::format("><title>{}</title></{}>\n", markup(tip), name);
}

void Svg::rect(Point at, double width, double height, std::string_view cls, std::string_view tip) {
  tipped(fmt::format("rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" class=\"{}\"", number(at.first),
                     number(at.second), number(std::max(width, 0.0)), number(std::max(height, 0.0)), cls),
         tip);
}

void Svg::circle(Point at, double radius, std::string_view cls, std::string_view tip) {
  tipped(fmt::format("circle cx=\"{}\" cy=\"{}\" r=\"{}\" class=\"{}\"", number(at.first), number(at.second),
                     number(radius), cls),
         tip);
}

void Svg::path(const std::vector<Point>& points, std::string_view cls) {
  if (points.size() < 2) return;
  text_ += "<path d=\"";
  for (std::size_t i = 0; i < points.size(); ++i)
    text_ += (i == 0 ? "M" : "L") + number(points[i].first) + " " + number(points[i].second);
  text_ += fmt::format("\" class=\"{}\"/>\n", cls);
}

void Svg::text(Point at, std::string_view words, std::string_view cls, Anchor anchor) {
  text_ += fmt::format("<text x=\"{}\" y=\"{}\" class=\"{}\" text-anchor=\"{}\">{}</text>\n", number(at.first),
                       number(at.second), cls, name(anchor), markup(words));
}

std::string Svg::take() { return std::move(text_) + "</svg>\n"; }

}  // namespace bedplate::report
