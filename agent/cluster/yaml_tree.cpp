// The small tree, and what can be said of a text without one.
#include <algorithm>

#include "agent/cluster/yaml.h"
#include "tuning/host/wiped.h"

namespace bedplate::cluster::yaml {
namespace {

// Where a node hangs is known by its parents alone: pointers into vectors that grow would not last.
class Builder final : public Sink {
 public:
  void beginDocument(Place at) override {
    if (++documents_ == 2) second_ = at;
  }
  void endDocument() override {}
  void beginMapping(Place at) override { open({Kind::mapping, at, {}, {}, {}}); }
  void beginSequence(Place at) override { open({Kind::sequence, at, {}, {}, {}}); }
  void end() override {
    Node node = std::move(stack_.back());
    stack_.pop_back();
    add(std::move(node));
  }
  void key(Place at, const std::string& text) override { stack_.back().entries.push_back({text, at, {}}); }
  void scalar(Place at, const std::string& text, bool) override { add({Kind::scalar, at, text, {}, {}}); }
  void null(Place at) override { add({Kind::null, at, {}, {}, {}}); }

  std::vector<Node> roots;
  [[nodiscard]] std::optional<Place> second() const { return second_; }

 private:
  void open(Node node) { stack_.push_back(std::move(node)); }
  void add(Node node) {
    if (stack_.empty()) {
      roots.push_back(std::move(node));
    } else if (stack_.back().kind == Kind::mapping) {
      stack_.back().entries.back().value = std::move(node);
    } else {
      stack_.back().items.push_back(std::move(node));
    }
  }

  std::vector<Node> stack_;
  int documents_ = 0;
  std::optional<Place> second_;
};

// Number of characters at the beginning of `text` that are in `set`.
std::size_t span(std::string_view text, std::string_view set) {
  const auto end = text.find_first_not_of(set);
  return end == std::string_view::npos ? text.size() : end;
}

bool isNumber(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  if (text.empty()) return false;
  if (text == ".inf" || text == ".nan" || text == ".Inf" || text == ".NaN") return true;
  if (text.size() > 2 && text[0] == '0') {
    const auto rest = text.substr(2);
    if (text[1] == 'x' && span(rest, "0123456789abcdefABCDEF_") == rest.size()) return true;
    if (text[1] == 'o' && span(rest, "01234567_") == rest.size()) return true;
    if (text[1] == 'b' && span(rest, "01_") == rest.size()) return true;
  }
  const auto whole = span(text, "0123456789_");
  auto rest = text.substr(whole);
  std::size_t digits = whole;
  if (!rest.empty() && rest[0] == '.') {
    rest.remove_prefix(1);
    const auto fraction = span(rest, "0123456789_");
    digits += fraction;
    rest.remove_prefix(fraction);
  }
  if (digits == 0 || text[0] == '_') return false;
  if (rest.empty()) return true;
  if (rest[0] != 'e' && rest[0] != 'E') return false;
  rest.remove_prefix(1);
  if (!rest.empty() && (rest[0] == '-' || rest[0] == '+')) rest.remove_prefix(1);
  return !rest.empty() && span(rest, "0123456789") == rest.size();
}

}  // namespace

Document read(std::string_view text, const Limits& limits) {
  Builder builder;
  Document document;
  document.problems = walk(text, builder, limits);
  if (const auto second = builder.second(); second && document.problems.empty())
    document.problems.push_back({*second, "a second document: this file holds one"});
  if (!builder.roots.empty()) document.root = std::move(builder.roots.front());
  return document;
}

// As deep as the reader lets a text nest.
void wipe(Node& node) {
  host::wipe(node.text);
  for (auto& item : node.items) wipe(item);
  for (auto& entry : node.entries) {
    host::wipe(entry.key);
    wipe(entry.value);
  }
}

const Node* find(const Node& node, std::string_view key) {
  for (const auto& entry : node.entries)
    if (entry.key == key) return &entry.value;
  return nullptr;
}

std::vector<Node> readAll(std::string_view text, const Limits& limits) {
  Builder builder;
  return walk(text, builder, limits).empty() ? std::move(builder.roots) : std::vector<Node>();
}

bool saysNothing(std::string_view text) {
  if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);
  while (!text.empty()) {
    const auto end = text.find('\n');
    auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const bool marker = line.substr(0, 3) == "---";  // elsewhere than at the very beginning it is text, as "---#" is
    if (marker) line.remove_prefix(3);
    const auto blanks = span(line, " \t\r");
    if (blanks == line.size()) continue;
    if (line[blanks] != '#' || (marker && blanks == 0)) return false;
  }
  return true;
}

bool notAString(std::string_view plain) {
  constexpr std::string_view kBooleans[] = {"y",    "Y",    "yes",  "Yes",   "YES",   "on",   "On",  "ON",
                                            "n",    "N",    "no",   "No",    "NO",    "off",  "Off", "OFF",
                                            "true", "True", "TRUE", "false", "False", "FALSE"};
  return std::find(std::begin(kBooleans), std::end(kBooleans), plain) != std::end(kBooleans) || isNumber(plain);
}

}  // namespace bedplate::cluster::yaml
