// The one YAML reader: yaml-cpp's events behind rules of our own.
//
// yaml-cpp takes more than we want: duplicate keys, aliases that multiply, a key without its colon, a quote that is
// never closed, and it guesses types. Here all of that is a problem with its place, scalars stay the strings that were
// written, and what remains is bounded: bytes, depth, nodes.
// A syntax error ends a text; everything else is reported together. Lines and columns are 1-based, columns in bytes.
// Thread-safety: plain values and free functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bedplate::cluster::yaml {

struct Place {
  int line = 0;
  int column = 0;
  bool operator==(const Place&) const = default;
};

struct Problem {
  Place at;
  std::string message;
  bool operator==(const Problem&) const = default;
};

struct Limits {
  std::size_t bytes = 1 << 20;
  std::size_t depth = 64;
  std::size_t nodes = 200000;
  std::size_t problems = 50;  // then the reading stops
};

// What a text says, in its order. A value of a mapping follows its key; null is an empty value, `~` or `null`.
class Sink {
 public:
  Sink() = default;
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  virtual ~Sink() = default;
  virtual void beginDocument(Place at) = 0;
  virtual void endDocument() = 0;
  virtual void beginMapping(Place at) = 0;
  virtual void beginSequence(Place at) = 0;
  virtual void end() = 0;  // of the innermost mapping or sequence
  virtual void key(Place at, const std::string& text) = 0;
  // `plain`: written without quotes, so that other readers may take it for a number or a boolean.
  virtual void scalar(Place at, const std::string& text, bool plain) = 0;
  virtual void null(Place at) = 0;
};

// Reads a stream of documents into `sink`. No problems: the text is one that this reader vouches for. After a problem
// the sink may have seen a part.
std::vector<Problem> walk(std::string_view text, Sink& sink, const Limits& limits = {});

enum class Kind { null, scalar, sequence, mapping };

struct Entry;

// A small tree, for files whose every key is looked at.
struct Node {
  Kind kind = Kind::null;
  Place at;
  std::string text;            // of a scalar
  std::vector<Node> items;     // of a sequence
  std::vector<Entry> entries;  // of a mapping, in the order written
};

struct Entry {
  std::string key;
  Place at;  // of the key
  Node value;
};

struct Document {
  Node root;  // null for an empty text
  std::vector<Problem> problems;
};

// A text that must hold at most one document.
Document read(std::string_view text, const Limits& limits = {});

// Overwrites every scalar and key.
void wipe(Node& node);

// The value of this key of a mapping; nullptr where there is none, or no mapping.
const Node* find(const Node& node, std::string_view key);

// A text of any number of documents; nothing of one with problems.
std::vector<Node> readAll(std::string_view text, const Limits& limits = {});

// Nothing but blank lines, comments and "---": for K3s and for us such a file says nothing.
bool saysNothing(std::string_view text);

// Whether a plain scalar is something else than a string for the YAML reader of Kubernetes (a number, a boolean).
bool notAString(std::string_view plain);

}  // namespace bedplate::cluster::yaml
