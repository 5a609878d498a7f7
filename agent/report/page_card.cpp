// The machine, from its card (docs/bench.md): what a provider needs to find it by, and to compare it by.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "agent/report/page_parts.h"
#include "agent/report/svg.h"

namespace bedplate::report {
namespace {

using Card = nlohmann::ordered_json;

const Card* at(const Card& json, const char* key) {
  if (!json.is_object()) return nullptr;
  const auto found = json.find(key);
  return found == json.end() ? nullptr : &*found;
}

std::string words(const Card* value) {
  if (value == nullptr) return {};
  if (value->is_string()) return value->get<std::string>();
  if (value->is_number_integer()) return value->dump();
  if (value->is_number()) return fmt::format("{:.0f}", value->get<double>());
  return {};
}

std::string wordsAt(const Card* json, const char* key) {
  return json == nullptr ? std::string() : words(at(*json, key));
}

std::string bytesAt(const Card* json, const char* key) {
  const Card* value = json == nullptr ? nullptr : at(*json, key);
  if (value == nullptr || !value->is_number() || value->get<double>() <= 0) return {};
  constexpr double kGiB = 1024.0 * 1024 * 1024;
  return fmt::format("{:.1f} GiB", value->get<double>() / kGiB);
}

// The parts that there are, with what stands between them.
std::string joined(std::initializer_list<std::string> parts, std::string_view between = ", ") {
  std::string all;
  for (const auto& part : parts)
    if (!part.empty()) all += (all.empty() ? "" : std::string(between)) + part;
  return all;
}

std::string row(std::string_view what, const std::string& value) {
  if (value.empty()) return {};
  return fmt::format("<tr><th>{}</th><td>{}</td></tr>\n", what, markup(value));
}

std::string hypervisorWords(const Card* hypervisor) {
  std::string text = joined({wordsAt(hypervisor, "name"), wordsAt(hypervisor, "machine")});
  if (text.empty()) return text;
  const Card* reported = at(*hypervisor, "stealReported");
  if (reported == nullptr || !reported->is_boolean()) return text;
  if (reported->get<bool>()) return text + "; it reports steal";
  const std::string why = wordsAt(hypervisor, "why");
  return text + "; it reports no steal" + (why.empty() ? "" : " (" + why + ")");
}

std::string prefixed(const char* prefix, const std::string& text) { return text.empty() ? text : prefix + text; }

}  // namespace

std::string cardTable(const PageInput& input) {
  if (!input.card) return {};
  const auto json = Card::parse(*input.card, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return {};
  const Card *cpu = at(json, "cpu"), *clock = at(json, "clock"), *datastore = at(json, "datastore");
  const std::string mhz = wordsAt(cpu, "mhz");
  std::string rows;
  rows += row("CPU",
              joined({joined({wordsAt(cpu, "count"), wordsAt(cpu, "model")}, " x "), mhz.empty() ? "" : mhz + " MHz"}));
  rows += row("memory", bytesAt(&json, "memoryBytes"));
  rows += row("hypervisor", hypervisorWords(at(json, "hypervisor")));
  rows += row("clock source", joined({wordsAt(clock, "source"), wordsAt(clock, "finding")}, "; "));
  rows += row("kernel", wordsAt(&json, "kernel"));
  rows += row("measured on", joined({wordsAt(datastore, "directory"), wordsAt(datastore, "fileSystem"),
                                     prefixed("through ", wordsAt(datastore, "through"))}));
  const Card* disks = datastore == nullptr ? nullptr : at(*datastore, "disks");
  if (disks != nullptr && disks->is_array()) {
    constexpr std::size_t kDisks = 16;
    for (std::size_t i = 0; i < disks->size() && i < kDisks; ++i) {
      const Card* disk = &(*disks)[i];
      rows += row("disk", joined({wordsAt(disk, "name"), wordsAt(disk, "kind"), wordsAt(disk, "model"),
                                  bytesAt(disk, "bytes"), prefixed("scheduler ", wordsAt(disk, "scheduler")),
                                  prefixed("cache ", wordsAt(disk, "writeCache"))}));
    }
  }
  return rows.empty() ? rows : "<div class=\"scroll\"><table>\n" + rows + "</table></div>\n";
}

}  // namespace bedplate::report
