#include "agent/cluster/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <functional>
#include <istream>
#include <streambuf>
#include <unordered_set>

#include "agent/cluster/names.h"
#include "agent/cluster/yaml_bytes.h"

namespace bedplate::cluster::yaml {
namespace {

// Ends the reading from within yaml-cpp's callbacks; never leaves walk().
struct Stop {};

constexpr std::string_view kCoreTags = "tag:yaml.org,2002:";

bool isCoreTag(std::string_view tag) {
  if (tag.empty() || tag == "?" || tag == "!") return true;  // none given; "!" is what quotes give
  if (tag.substr(0, kCoreTags.size()) != kCoreTags) return false;
  const auto name = tag.substr(kCoreTags.size());
  constexpr std::string_view kNames[] = {"str", "int", "float", "bool", "null", "map", "seq"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

// The keys of one mapping: a look through a few hashes, and beyond that a set.
class Keys {
 public:
  // False when the key is there already.
  bool insert(const std::string& key) {
    if (!set_.empty()) return set_.insert(key).second;
    if (few_.size() < kFew) {
      const auto hash = std::hash<std::string>{}(key);
      for (const auto& [otherHash, other] : few_)
        if (otherHash == hash && other == key) return false;
      few_.emplace_back(hash, key);
      return true;
    }
    for (const auto& [hash, other] : few_) set_.insert(other);
    return set_.insert(key).second;
  }
  void clear() {
    few_.clear();
    set_.clear();
  }

 private:
  static constexpr std::size_t kFew = 24;
  std::vector<std::pair<std::size_t, std::string>> few_;
  std::unordered_set<std::string> set_;
};

class Handler final : public YAML::EventHandler {
 public:
  Handler(std::string_view text, Sink& sink, const Limits& limits) : text_(text), sink_(sink), limits_(limits) {
    frames_.reserve(16);
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    // yaml-cpp begins the same document again and again at a character that cannot begin one.
    if (mark.pos == documentPos_) stop(place(mark), "not valid YAML: this cannot stand at the beginning of a line");
    const bool marked = text_.substr(std::min(text_.size(), static_cast<std::size_t>(mark.pos)), 3) == "---";
    // It also takes a line that is less indented than the first for a new document.
    if (documentPos_ >= 0 && !marked)
      stop(place(mark), "not valid YAML: this line does not belong to what stands above; is its indentation right?");
    documentPos_ = mark.pos;
    sink_.beginDocument(place(mark));
  }
  void OnDocumentEnd() override { sink_.endDocument(); }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    count(mark);
    check(mark, {}, anchor);
    if (expectsKey()) return noKey(mark);
    if (inMapping() && frames_[depth_ - 1].keyPos == mark.pos) missingColons_.push_back(place(mark));
    valueDone();
    sink_.null(place(mark));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    count(mark);
    problem(place(mark), "aliases are not taken: write the value out");
    if (expectsKey()) return noKey(mark);
    valueDone();
    sink_.null(place(mark));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    count(mark);
    check(mark, tag, anchor);
    lastScalar_ = mark;
    if (expectsKey()) return onKey(mark, tag, value);
    valueDone();
    sink_.scalar(place(mark), value, tag == "?");
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, false);
    sink_.beginSequence(place(mark));
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, true);
    sink_.beginMapping(place(mark));
  }
  void OnMapEnd() override { close(); }

  // What yaml-cpp said no to.
  void onSyntaxError(const YAML::Mark& mark, const std::string& message) {
    const auto at = place(mark);
    const auto pos = std::min(text_.size(), static_cast<std::size_t>(std::max(0, mark.pos)));
    if (pos < text_.size() && text_[pos] == '*') return problem(at, "aliases are not taken: write the value out");
    const auto before = text_.substr(0, pos);
    const auto line = text_.substr(before.rfind('\n') + 1);  // npos + 1 is 0
    const auto indent = line.substr(0, std::min(line.size(), line.find_first_not_of(" \t")));
    if (indent.find('\t') != std::string_view::npos)
      return problem({at.line, 1}, "not valid YAML: a tab cannot indent, use spaces");
    // yaml-cpp says where the text ends; what is asked for is where it was opened.
    const bool unclosed = message.find("flow not found") != std::string::npos;
    if (unclosed && depth_ > 0) return problem(frames_[depth_ - 1].at, "not valid YAML: this is never closed");
    problem(at, "not valid YAML: " + message);
  }

  // What is only said of a text that is YAML otherwise. yaml-cpp takes the end of the text for the end of a quoted
  // scalar, and a word alone in its line for a key.
  void atEnd() {
    for (const auto& at : missingColons_) problem(at, "':' is missing after this key");
    if (lastScalar_.pos < 0 || quoteIsClosed(text_, static_cast<std::size_t>(lastScalar_.pos))) return;
    problem(place(lastScalar_), "not valid YAML: this quote is never closed");
  }

  void problem(Place at, std::string message) {
    problems_.push_back({at, std::move(message)});
    if (problems_.size() >= limits_.problems) throw Stop{};
  }
  std::vector<Problem> take() { return std::move(problems_); }

 private:
  struct Frame {
    Place at;
    bool mapping = false;
    bool expectsKey = false;
    int keyPos = -1;
    Keys keys;
  };

  static Place place(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }
  [[noreturn]] void stop(Place at, std::string message) {
    problems_.push_back({at, std::move(message)});
    throw Stop{};
  }

  [[nodiscard]] bool inMapping() const { return depth_ > 0 && frames_[depth_ - 1].mapping; }
  [[nodiscard]] bool expectsKey() const { return inMapping() && frames_[depth_ - 1].expectsKey; }
  void valueDone() {
    if (inMapping()) frames_[depth_ - 1].expectsKey = true;
  }

  void count(const YAML::Mark& mark) {
    if (++nodes_ > limits_.nodes) stop(place(mark), "more values in one file than are taken; split it");
  }
  void check(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != 0) problem(place(mark), "anchors are not taken: write the value out where it is needed");
    if (!isCoreTag(tag)) problem(place(mark), "the tag " + inQuotes(tag) + " is not taken: values are plain YAML");
  }
  void noKey(const YAML::Mark& mark) { stop(place(mark), "a key must be text"); }

  void onKey(const YAML::Mark& mark, const std::string& tag, const std::string& value) {
    auto& frame = frames_[depth_ - 1];
    if (tag == "?" && value == "<<") problem(place(mark), "merge keys are not taken: write the values out");
    if (!frame.keys.insert(value)) problem(place(mark), "the key " + inQuotes(value) + " stands twice in one mapping");
    frame.expectsKey = false;
    frame.keyPos = mark.pos;
    sink_.key(place(mark), value);
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, bool mapping) {
    count(mark);
    check(mark, tag, anchor);
    if (expectsKey()) noKey(mark);
    valueDone();
    if (depth_ >= limits_.depth) stop(place(mark), "nested too deeply");
    if (frames_.size() == depth_) frames_.emplace_back();
    auto& frame = frames_[depth_++];  // frames are used again: their memory is the cost of a mapping
    frame.at = place(mark);
    frame.mapping = frame.expectsKey = mapping;
    frame.keyPos = -1;
    frame.keys.clear();
  }
  void close() {
    --depth_;
    sink_.end();
  }

  std::string_view text_;
  Sink& sink_;
  const Limits& limits_;
  std::vector<Frame> frames_;
  std::size_t depth_ = 0;
  std::size_t nodes_ = 0;
  int documentPos_ = -1;
  YAML::Mark lastScalar_ = YAML::Mark::null_mark();
  std::vector<Problem> problems_;
  std::vector<Place> missingColons_;
};

// A text as a stream, without a copy.
class View final : public std::streambuf {
 public:
  explicit View(std::string_view text) {
    auto* begin = const_cast<char*>(text.data());  // NOLINT: only ever read
    setg(begin, begin, begin + text.size());
  }
};

}  // namespace

std::vector<Problem> walk(std::string_view text, Sink& sink, const Limits& limits) {
  if (text.size() > limits.bytes) return {{{1, 1}, "larger than is taken for one YAML file"}};
  if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);
  if (auto bad = findBadByte(text)) return {*std::move(bad)};
  Handler handler(text, sink, limits);
  try {
    try {
      View view(text);
      std::istream stream(&view);
      YAML::Parser parser(stream);
      while (parser.HandleNextDocument(handler)) {
      }
      handler.atEnd();
    } catch (const YAML::Exception& error) {
      handler.onSyntaxError(error.mark, error.msg);
    }
  } catch (const Stop&) {
  } catch (const std::exception& error) {  // what yaml-cpp lets through from the standard library
    auto problems = handler.take();
    problems.push_back({{1, 1}, std::string("not valid YAML: ") + error.what()});
    return problems;
  }
  return handler.take();
}

}  // namespace bedplate::cluster::yaml
