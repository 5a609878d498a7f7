#include "agent/report/rows.h"

#include <fmt/format.h>

#include <algorithm>

namespace bedplate::report {
namespace {

constexpr int kLabel = 12;  // columns of a label with its blanks
constexpr int kIndent = 2;
constexpr int kWidest = 110;
constexpr int kNarrowest = 20;

std::string labelled(std::string_view label) { return fmt::format("{:2}{:<{}}", "", label, kLabel); }

std::string blanks(int number) { return std::string(static_cast<std::size_t>(std::max(number, 0)), ' '); }

// Where to break `text` so that the first part has at most `width` columns: at a blank if there is one.
std::size_t breakAt(const std::string& text, int width) {
  std::size_t best = 0;
  for (std::size_t at = text.find(' '); at != std::string::npos; at = text.find(' ', at + 1)) {
    if (columns(std::string_view(text).substr(0, at)) > width) break;
    best = at;
  }
  return best;
}

}  // namespace

int Rows::width() const { return std::clamp(screen_.columns, kNarrowest, kWidest); }

void Rows::split(std::string_view left, std::string_view right, Colour leftColour, Colour rightColour) {
  const std::string end = fit(clean(right), width() / 2);
  const std::string begin = fit(clean(left), width() - columns(end) - 1);
  const int gap = width() - columns(begin) - columns(end);
  rows_.push_back(
      {paint(begin, leftColour, screen_.colour) + blanks(gap) + paint(end, rightColour, screen_.colour), 0});
}

void Rows::add(std::string_view label, std::string_view text, int rank, Colour colour) {
  const std::string line = fit(clean(text), width() - kLabel - kIndent);
  rows_.push_back({paint(labelled(label), Colour::faint, screen_.colour) + paint(line, colour, screen_.colour), rank});
}

void Rows::wrap(std::string_view label, std::string_view text, int lines, int rank, Colour colour) {
  const int room = width() - kLabel - kIndent;
  std::string rest = clean(text);
  for (int i = 0; i + 1 < lines && columns(rest) > room; ++i) {
    const std::size_t at = breakAt(rest, room);
    if (at == 0) break;
    add(label, rest.substr(0, at), rank, colour);
    rest.erase(0, at + 1);
    label = "";
  }
  add(label, rest, rank, colour);
}

void Rows::addSplit(std::string_view label, std::string_view text, std::string_view right, Colour colour) {
  const std::string end = clean(right);
  const int room = width() - kLabel - kIndent;
  const int most = room - columns(end) - 2;
  if (most < 24) {  // too narrow for both
    add(label, text, 0, colour);
    return;
  }
  const std::string begin = fit(clean(text), most);
  rows_.push_back({paint(labelled(label), Colour::faint, screen_.colour) + paint(begin, colour, screen_.colour) +
                       blanks(room - columns(begin) - columns(end)) + paint(end, Colour::faint, screen_.colour),
                   0});
}

std::string Rows::text(std::size_t height) const {
  std::vector<Row> kept = rows_;
  std::size_t gone = 0;
  while (kept.size() + (gone > 0 ? 1 : 0) > height) {
    // The last one of the highest rank, so that the beginning of a list outlives its end.
    std::size_t worst = kept.size();
    for (std::size_t i = 0; i < kept.size(); ++i)
      if (kept[i].rank > 0 && (worst == kept.size() || kept[i].rank >= kept[worst].rank)) worst = i;
    if (worst == kept.size()) break;
    kept.erase(kept.begin() + static_cast<std::ptrdiff_t>(worst));
    ++gone;
  }
  if (gone > 0) {
    const std::string more =
        labelled("more") + count(static_cast<std::int64_t>(gone), "line") + ": bedplate status -o json";
    kept.insert(kept.end() - 1, Row{fit(more, width()), 0});
  }
  std::string all;
  for (const auto& row : kept) {
    std::string line = row.text;
    while (!line.empty() && line.back() == ' ') line.pop_back();
    all += line + '\n';
  }
  return all;
}

}  // namespace bedplate::report
