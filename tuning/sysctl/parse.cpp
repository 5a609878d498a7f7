// One file of sysctl.d.
#include <algorithm>

#include "tuning/sysctl/pattern.h"
#include "tuning/sysctl/sysctl.h"
#include "tuning/sysctl/values.h"

namespace bedplate::sysctl {
namespace {

constexpr std::size_t kMaxLine = 4096;
constexpr std::string_view kBlanks = " \t\r\v\f";

// A piece of a line that knows where it stands.
struct Piece {
  std::string_view text;
  std::size_t column = 1;

  void trim() {
    const std::size_t first = std::min(text.find_first_not_of(kBlanks), text.size());
    text.remove_prefix(first);
    column += first;
    text = text.substr(0, text.find_last_not_of(kBlanks) + 1);
  }
  [[nodiscard]] Piece from(std::size_t offset) const { return {text.substr(offset), column + offset}; }
};

class Parser {
 public:
  Parser(const std::string& file, Source source) : file_(file), source_(source) {}

  void line(std::string_view text) {
    ++number_;
    if (text.size() > kMaxLine)
      return problem(kMaxLine + 1, "the line is longer than 4096 bytes: a rule has the form \"key = value\"");
    if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos)
      return problem(nul + 1, "a NUL byte: save the file as plain text");
    if (number_ == 1 && text.starts_with("\xEF\xBB\xBF"))
      return problem(1, "a byte order mark: save the file as plain ASCII or UTF-8 without one");
    Piece piece{text, 1};
    piece.trim();
    if (piece.text.empty() || piece.text.front() == '#' || piece.text.front() == ';') return;
    rule(piece);
  }

  Parsed take() { return std::move(parsed_); }

 private:
  void rule(Piece key) {
    const std::size_t equals = key.text.find('=');
    const bool assignment = equals != std::string_view::npos;
    const bool dash = key.text.front() == '-';
    if (!assignment && !dash) return notAnAssignment(key);
    Piece value;
    if (assignment) {
      value = key.from(equals + 1);
      value.trim();
      key.text = key.text.substr(0, equals);
    }
    const bool least = assignment && key.text.ends_with('>');
    if (least && source_ != Source::profile)
      return problem(key.column,
                     "\">=\" is an operator of profiles: write the least value under tuning.floors in node.yaml");
    if (least) key.text.remove_suffix(1);
    if (dash) key = key.from(1);
    key.trim();

    const auto path = normaliseKey(key.text);
    if (!path) return problem(key.column, quoted(key.text) + ": " + path.error().why + ": " + path.error().todo);
    if (hasGlob(*path) && path->find_first_of("{}") != std::string::npos)
      return problem(key.column, quoted(key.text) + ": braces in a glob are not taken: write a line for each");
    if (!goodValue(value)) return;
    if (source_ == Source::profile && (!assignment || hasGlob(*path)))
      return problem(key.column, quoted(key.text) + ": a profile has keys with values, no globs and no exclusions");
    if (least && !integer(value.text))
      return problem(value.column, quoted(value.text) + " is not one integer, and so not the least value of a key");
    Rule made;
    made.key = *path;
    made.value = normaliseValue(value.text);
    made.tolerant = assignment && dash;
    made.excluded = !assignment;
    made.file = file_;
    made.line = number_;
    made.bound = least ? Bound::atLeast : Bound::exact;
    made.source = source_;
    parsed_.rules.push_back(std::move(made));
  }

  bool goodValue(const Piece& value) {
    for (std::size_t i = 0; i < value.text.size(); ++i) {
      const char c = value.text[i];
      if (c == '\t' || (c >= ' ' && c <= '~')) {
        const bool comment = (c == '#' || c == ';') && i > 0 && kBlanks.find(value.text[i - 1]) != kBlanks.npos;
        if (!comment) continue;
        problem(value.column + i, "a comment behind a value would become a part of the value: put it on its own line");
        return false;
      }
      problem(value.column + i, "a value holds only printable ASCII characters: take this byte out");
      return false;
    }
    return true;
  }

  void notAnAssignment(const Piece& piece) {
    std::string right = "write \"key = value\", or \"-key\" to keep globs off a key";
    // "net.ipv4.ip_forward 1", and what people paste: "sysctl -w key=value" has a '=' and ends as a bad key.
    const std::size_t blank = piece.text.find_first_of(kBlanks);
    if (blank != std::string_view::npos && normaliseKey(piece.text.substr(0, blank))) {
      Piece value = piece.from(blank);
      value.trim();
      right = "write " + quoted(std::string(piece.text.substr(0, blank)) + " = " + std::string(value.text));
    }
    problem(piece.column, quoted(piece.text) + " is not an assignment: " + right);
  }

  // For messages: what a terminal or a log must not get is replaced, and a long text cut.
  static std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text.substr(0, 80)) out += c >= ' ' && c <= '~' ? c : '?';
    return out + (text.size() > 80 ? "...\"" : "\"");
  }

  void problem(std::size_t column, std::string message) {
    parsed_.problems.push_back({number_, static_cast<int>(column), std::move(message)});
  }

  const std::string& file_;
  const Source source_;
  int number_ = 0;
  Parsed parsed_;
};

Parsed parseAs(Source source, std::string_view text, const std::string& file) {
  Parser parser(file, source);
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    parser.line(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return parser.take();
}

}  // namespace

Parsed parse(std::string_view text, const std::string& file) { return parseAs(Source::file, text, file); }
Parsed parseProfile(std::string_view text, const std::string& file) { return parseAs(Source::profile, text, file); }

}  // namespace bedplate::sysctl
