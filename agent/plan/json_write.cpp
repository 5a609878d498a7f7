// A target's JSON, written without a tree of it: a thousand files are 6,000 members. The bytes are those that the
// library's dump(1) gives for the tree (a test holds it to that).
#include <charconv>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "agent/plan/json_words.h"
#include "agent/plan/plan.h"

namespace bedplate::plan {
namespace {

class Text {
 public:
  void open(char bracket) {
    out_ += bracket;
    ++depth_;
    first_ = true;
  }
  void close(char bracket) {
    --depth_;
    if (!first_) newLine();
    first_ = false;
    out_ += bracket;
  }
  void item() {
    if (!first_) out_ += ',';
    first_ = false;
    newLine();
  }
  void key(std::string_view name) {
    item();
    out_ += '"';
    out_ += name;
    out_ += "\": ";
  }
  void string(std::string_view text) {
    if (isPlain(text)) {
      out_ += '"';
      out_ += text;
      out_ += '"';
    } else {
      // Subjects come from commits: what is no UTF-8 is replaced, not thrown about.
      out_ += nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    }
  }
  void number(std::int64_t value) {
    char buffer[24];
    out_.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
  }

  void member(std::string_view name, std::string_view value) {
    key(name);
    string(value);
  }
  void member(std::string_view name, const std::string& value) { member(name, std::string_view(value)); }
  void member(std::string_view name, const char* value) { member(name, std::string_view(value)); }
  void member(std::string_view name, bool value) {
    key(name);
    out_ += value ? "true" : "false";
  }
  void member(std::string_view name, std::int64_t value) {
    key(name);
    number(value);
  }
  template <class List, class Put>
  void members(std::string_view name, const List& list, Put put) {
    key(name);
    open('[');
    for (const auto& one : list) {
      item();
      put(one);
    }
    close(']');
  }

  void reserve(std::size_t size) { out_.reserve(size); }
  std::string take() {
    out_ += '\n';
    return std::move(out_);
  }

 private:
  static bool isPlain(std::string_view text) {
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 0x20 || byte >= 0x7f || c == '"' || c == '\\') return false;
    }
    return true;
  }
  void newLine() {
    out_ += '\n';
    out_.append(depth_, ' ');
  }

  std::string out_;
  std::size_t depth_ = 0;
  bool first_ = true;
};

void put(Text& text, const FileTarget& file) {
  text.open('{');
  if (file.again > 0) text.member("again", std::int64_t{file.again});
  text.member("area", areaName(file.area));
  text.member("file", file.file);
  text.member("layer", file.layer);
  text.member("mode", std::int64_t{file.mode});
  text.member("path", file.path);
  if (file.sealed) text.member("sealed", true);
  text.member("sha256", file.sha256);
  if (file.stage != Stage::wanted) text.member("stage", name(file.stage));
  if (!file.why.empty()) text.member("why", file.why);
  text.close('}');
}

void put(Text& text, const cluster::ModuleWant& module) {
  text.open('{');
  text.member("file", module.entry.file);
  text.member("layer", module.layer);
  text.member("line", std::int64_t{module.entry.line});
  text.member("name", module.entry.name);
  text.close('}');
}

void put(Text& text, const cluster::SysctlWant& want) {
  const auto& rule = want.rule;
  text.open('{');
  text.member("bound", name(rule.bound));
  text.member("excluded", rule.excluded);
  text.member("file", rule.file);
  text.member("key", rule.key);
  text.member("layer", want.layer);
  text.member("line", std::int64_t{rule.line});
  text.member("source", name(rule.source));
  text.member("tolerant", rule.tolerant);
  text.member("value", rule.value);
  text.close('}');
}

}  // namespace

std::string toJson(const Target& target) {
  Text text;
  text.reserve(1024 + target.files.size() * 384 + target.sysctls.size() * 256);
  const auto putOne = [&](const auto& one) { put(text, one); };
  text.open('{');
  text.members("buried", target.buried, [&](const std::string& path) { text.string(path); });
  text.member("commit", target.commit);
  text.member("driftEnforce", target.driftEnforce);
  text.members("files", target.files, putOne);
  text.member("format", std::int64_t{kTargetFormat});
  text.members("layers", target.layers, [&](const std::string& layer) { text.string(layer); });
  text.key("manifests");
  text.open('{');
  text.member("parks", target.parks);
  text.member("prune", target.prune);
  text.member("selfHeal", name(target.selfHeal));
  text.close('}');
  text.members("modules", target.modules, putOne);
  text.key("node");
  text.open('{');
  text.member("cluster", target.node.cluster);
  text.member("name", target.node.name);
  text.member("role", target.node.role);
  text.close('}');
  text.member("subject", target.subject);
  text.members("sysctls", target.sysctls, putOne);
  text.member("tree", target.tree);
  text.close('}');
  return text.take();
}

}  // namespace bedplate::plan
