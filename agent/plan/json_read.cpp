// A target from JSON. It is foreign text: bounded, every field checked, no exception leaves this file.
#include <limits>
#include <nlohmann/json.hpp>

#include "agent/plan/json_words.h"
#include "agent/plan/plan.h"
#include "tuning/host/paths.h"

namespace bedplate::plan {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxText = 64 << 20;
constexpr std::size_t kMaxItems = 100000;
constexpr std::size_t kMaxString = 64 << 10;
constexpr int kMaxDepth = 8;
constexpr int kMostAgain = 1'000'000'000;
const std::vector<Stage> kStages = {Stage::wanted, Stage::guarded, Stage::moving, Stage::tombstone};

// A manifest that was there before may be beside our directory.
std::string areaDirectory(Area area) {
  return area == Area::k3sConfig ? std::string(host::paths::k3sConfigDir) : host::parentPath(host::paths::k3sManifests);
}

// Reads fields of objects and remembers the first thing that is wrong.
class Reader {
 public:
  // Whether an object has a member at all.
  static bool has(const json& object, const char* key) { return find(object, key) != nullptr; }
  [[nodiscard]] const std::string& wrong() const { return wrong_; }
  void mark(const std::string& what) {
    if (wrong_.empty()) wrong_ = what;
  }

  std::string text(const json& object, const char* key) {
    const json* value = find(object, key);
    if (value == nullptr || !value->is_string() || value->get_ref<const std::string&>().size() > kMaxString) {
      mark(std::string(key) + " is not a string");
      return {};
    }
    return value->get<std::string>();
  }

  bool flag(const json& object, const char* key) {
    const json* value = find(object, key);
    if (value == nullptr || !value->is_boolean()) {
      mark(std::string(key) + " is not true or false");
      return false;
    }
    return value->get<bool>();
  }

  std::int64_t number(const json& object, const char* key, std::int64_t highest) {
    const json* value = find(object, key);
    if (value == nullptr || !value->is_number_unsigned() ||
        value->get<std::uint64_t>() > static_cast<std::uint64_t>(highest)) {
      mark(std::string(key) + " is not a number from 0 to " + std::to_string(highest));
      return 0;
    }
    return value->get<std::int64_t>();
  }

  const json& array(const json& object, const char* key) {
    static const json kEmpty = json::array();
    const json* value = find(object, key);
    if (value == nullptr || !value->is_array() || value->size() > kMaxItems) {
      mark(std::string(key) + " is not a list");
      return kEmpty;
    }
    return *value;
  }

 private:
  static const json* find(const json& object, const char* key) {
    if (!object.is_object()) return nullptr;
    const auto found = object.find(key);
    return found == object.end() ? nullptr : &*found;
  }

  std::string wrong_;
};

bool isHash(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// Below its directory, without a way out of it.
bool isPlace(const std::string& path, Area area) {
  const std::string directory = areaDirectory(area) + "/";
  if (path.size() <= directory.size() || path.compare(0, directory.size(), directory) != 0) return false;
  if (path.find('\0') != std::string::npos || path.back() == '/') return false;
  const std::string inside = "/" + path + "/";
  return inside.find("/../") == std::string::npos && inside.find("/./") == std::string::npos &&
         inside.find("//") == std::string::npos;
}

template <class Word>
Word readWord(Reader& reader, const json& value, const char* key, const std::vector<Word>& words) {
  const std::string text = reader.text(value, key);
  for (const Word word : words)
    if (text == name(word)) return word;
  reader.mark(std::string(key) + " '" + text + "' is not known");
  return words.front();
}

cluster::SysctlWant readRule(Reader& reader, const json& value, std::int64_t format) {
  using sysctl::Bound, sysctl::Source;
  cluster::SysctlWant want;
  want.rule.key = reader.text(value, "key");
  want.rule.value = reader.text(value, "value");
  want.rule.tolerant = reader.flag(value, "tolerant");
  want.rule.excluded = reader.flag(value, "excluded");
  want.rule.file = reader.text(value, "file");
  want.rule.line = static_cast<int>(reader.number(value, "line", std::numeric_limits<int>::max()));
  want.layer = reader.text(value, "layer");
  const auto key = sysctl::normaliseKey(want.rule.key);
  if (!key || *key != want.rule.key) reader.mark("'" + want.rule.key + "' is not a sysctl key");
  if (format < 2) return want;
  want.rule.bound = readWord<Bound>(reader, value, "bound", {Bound::exact, Bound::atLeast, Bound::about});
  want.rule.source =
      readWord<Source>(reader, value, "source", {Source::file, Source::profile, Source::sizing, Source::floor});
  if (want.rule.bound != Bound::exact && (want.rule.isGlob() || want.rule.excluded))
    reader.mark("'" + want.rule.key + "' has a bound and is not one key");
  return want;
}

cluster::ModuleWant readModule(Reader& reader, const json& value) {
  cluster::ModuleWant want;
  want.entry.name = reader.text(value, "name");
  want.entry.file = reader.text(value, "file");
  want.entry.line = static_cast<int>(reader.number(value, "line", std::numeric_limits<int>::max()));
  want.layer = reader.text(value, "layer");
  const auto& name = want.entry.name;
  const bool plain =
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == std::string::npos;
  if (name.empty() || name.size() > 64 || !plain) reader.mark("'" + name + "' is not the name of a module");
  return want;
}

FileTarget readFile(Reader& reader, const json& value) {
  FileTarget file;
  const std::string area = reader.text(value, "area");
  file.area = area == areaName(Area::k3sConfig) ? Area::k3sConfig : Area::manifest;
  if (area != areaName(file.area)) reader.mark("area '" + area + "' is not known");
  file.path = reader.text(value, "path");
  if (!isPlace(file.path, file.area)) reader.mark("'" + file.path + "' is no place for a file of its area");
  file.file = reader.text(value, "file");
  file.layer = reader.text(value, "layer");
  file.mode = static_cast<mode_t>(reader.number(value, "mode", 0777));
  file.sha256 = reader.text(value, "sha256");
  if (!isHash(file.sha256)) reader.mark("sha256 is not a hash");
  if (Reader::has(value, "stage")) file.stage = readWord<Stage>(reader, value, "stage", kStages);
  if (file.area != Area::manifest && file.stage != Stage::wanted) reader.mark("only a manifest has a stage");
  if (Reader::has(value, "sealed")) file.sealed = reader.flag(value, "sealed");
  if (file.area != Area::k3sConfig && file.sealed) reader.mark("only K3s's configuration is sealed");
  if (Reader::has(value, "why")) file.why = reader.text(value, "why");
  if (Reader::has(value, "again")) file.again = static_cast<int>(reader.number(value, "again", kMostAgain));
  return file;
}

void readManifests(Reader& reader, const json& all, Target& target) {
  const auto settings = all.find("manifests");
  static const json kNone = json::object();
  const json& manifests = settings == all.end() ? kNone : *settings;
  target.parks = reader.flag(manifests, "parks");
  target.prune = reader.flag(manifests, "prune");
  target.selfHeal =
      readWord<SelfHeal>(reader, manifests, "selfHeal", {SelfHeal::files, SelfHeal::off, SelfHeal::objects});
  for (const json& path : reader.array(all, "buried")) {
    if (!path.is_string() || !isPlace(path.get_ref<const std::string&>(), Area::manifest)) {
      reader.mark("buried holds something else than places of manifests");
      break;
    }
    target.buried.push_back(path.get<std::string>());
  }
}

Target readTarget(Reader& reader, const json& all) {
  Target target;
  const std::int64_t format = reader.number(all, "format", kTargetFormat);
  if (format < 1) reader.mark("format is not known");
  target.commit = reader.text(all, "commit");
  target.subject = reader.text(all, "subject");
  target.tree = reader.text(all, "tree");
  const auto node = all.find("node");
  static const json kNone = json::object();
  const json& identity = node == all.end() ? kNone : *node;
  target.node = {reader.text(identity, "name"), reader.text(identity, "role"), reader.text(identity, "cluster")};
  for (const json& layer : reader.array(all, "layers")) {
    if (!layer.is_string()) {
      reader.mark("layers holds something else than names");
      break;
    }
    target.layers.push_back(layer.get<std::string>());
  }
  target.driftEnforce = reader.flag(all, "driftEnforce");
  if (format >= 3) readManifests(reader, all, target);
  for (const json& module : reader.array(all, "modules")) target.modules.push_back(readModule(reader, module));
  for (const json& rule : reader.array(all, "sysctls")) target.sysctls.push_back(readRule(reader, rule, format));
  for (const json& file : reader.array(all, "files")) {
    target.files.push_back(readFile(reader, file));
    const std::size_t count = target.files.size();
    if (count > 1 && target.files[count - 2].path >= target.files[count - 1].path) reader.mark("files are not by path");
  }
  return target;
}

}  // namespace

host::Result<Target> targetFromJson(const std::string& text) {
  const auto corrupt = [](const std::string& why) { return host::fail("Corrupt", "target.json", why); };
  if (text.size() > kMaxText) return corrupt("is larger than 64 MiB");
  bool deep = false;
  const auto watch = [&deep](int depth, json::parse_event_t, json&) {
    deep = deep || depth > kMaxDepth;
    return !deep;
  };
  const json all = json::parse(text, watch, false);
  if (deep) return corrupt("is nested too deeply");
  if (!all.is_object()) return corrupt("is not a JSON object");
  Reader reader;
  Target target = readTarget(reader, all);
  if (!reader.wrong().empty()) return corrupt(reader.wrong());
  return target;
}

}  // namespace bedplate::plan
