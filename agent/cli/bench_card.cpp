// bedplate bench all: what the node is, and what it is worth, on one screen.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "agent/cli/bench.h"
#include "agent/cli/cpu_watch.h"
#include "agent/report/text.h"
#include "tuning/host/paths.h"

namespace bedplate::cli {
namespace {

using bench::Verdict;
using report::Json;

std::string gibibytes(std::uint64_t bytes) {
  const double gib = static_cast<double>(bytes) / (1 << 30);
  return gib < 10 ? fmt::format("{:.1f} GiB", gib) : fmt::format("{:.0f} GiB", gib);
}

std::string joined(std::initializer_list<std::string> parts) {
  std::string all;
  for (const auto& part : parts)
    if (!part.empty()) all += (all.empty() ? "" : ", ") + part;
  return all;
}

std::string hostName(host::Files& files) {
  const auto text = files.read(host::paths::hostname, 4096);
  return text ? text->substr(0, text->find('\n')) : std::string();
}

void placeRows(Context& context, const bench::Place& place) {
  std::string on = place.fileSystem.empty() ? "unknown" : place.fileSystem;
  if (!place.through.empty()) on += " on " + place.through;
  benchRow(context, "datastore", place.directory + ": " + on);
  for (const auto& disk : place.disks) {
    const std::string kind = disk.kind.empty()    ? disk.model
                             : disk.model.empty() ? disk.kind
                                                  : disk.kind + " " + disk.model;
    benchRow(context, "  " + disk.name,
             joined({kind, disk.bytes > 0 ? gibibytes(disk.bytes) : "",
                     disk.scheduler.empty() ? "" : "scheduler " + disk.scheduler, disk.writeCache,
                     !disk.rotational   ? ""
                     : *disk.rotational ? "says it is rotational"
                                        : "not rotational"}));
  }
}

void cardRows(Context& context, const bench::Card& card) {
  const std::string up =
      card.bootUs > 0 ? "up " + report::duration(context.clock().wallUs() - card.bootUs) : std::string();
  benchRow(context, "node", joined({hostName(context.files()), "kernel " + card.kernel, up}));
  benchRow(context, "cpu",
           joined({fmt::format("{} x {}", card.cpus, card.cpuModel.empty() ? "unknown" : card.cpuModel),
                   card.mhz ? fmt::format("{:.0f} MHz", *card.mhz) : "",
                   card.hypervisor == "none" ? "no hypervisor" : "hypervisor " + card.hypervisor}));
  if (!card.machine.empty()) benchRow(context, "machine", card.machine);
  benchRow(context, "memory", gibibytes(card.memoryBytes));
  std::string others;
  for (const auto& source : card.clockSources)
    if (source != card.clockSource) others += (others.empty() ? "" : " ") + source;
  benchRow(context, "clock",
           (card.clockSource.empty() ? "unknown" : card.clockSource) +
               (others.empty() ? "" : " (there are: " + others + ")"));
  if (!card.clockFinding.empty()) benchRow(context, "", card.clockFinding);
  placeRows(context, card.place);
}

std::string ms(const Json& disk, const char* key) {
  const auto at = disk.find(key);
  if (at == disk.end() || !at->is_number()) return "-";
  return fmt::format("{:.2f} ms", at->get<double>() / 1e6);
}

void diskRows(Context& context, const Json& disk) {
  if (!disk.is_object()) return;
  benchRow(context, "fdatasync",
           fmt::format("p50 {}  p90 {}  p99 {}  p99.9 {}  max {}", ms(disk, "p50Ns"), ms(disk, "p90Ns"),
                       ms(disk, "p99Ns"), ms(disk, "p999Ns"), ms(disk, "maxNs")));
  benchRow(context, "response",
           fmt::format("p99 {}  max {}, from the schedule", ms(disk, "responseP99Ns"), ms(disk, "responseMaxNs")));
}

}  // namespace

host::Result<std::vector<Verdict>> benchAll(Context& context, const BenchAsked& asked, Json& json) {
  BEDPLATE_TRY_LET(const std::int64_t windowNs, cpuWindowNs(asked, 20'000'000'000));
  const std::string directory = benchDirectory(context, asked);
  const bench::Card card = bench::readCard(context.files(), directory);
  json["card"] = report::embedded(bench::toJson(card));
  if (!context.json()) cardRows(context, card);

  BenchAsked brief = asked;
  brief.brief = true;
  BEDPLATE_TRY_LET(const Verdict disk, benchDisk(context, brief, json));
  bench::CpuResult cpu;
  {
    Bar bar(context, "cpu  ");
    BEDPLATE_TRY_LET(cpu, measureCpu(context, windowNs, [&](const CpuWatch&, std::int64_t passedNs) {
                       bar(static_cast<double>(passedNs) / static_cast<double>(windowNs));
                     }));
  }
  json["steal"] = report::embedded(bench::toJson(cpu, context.clock().wallUs()));
  json["pressure"] = report::embedded(bench::toJson(cpu.pressure));
  if (!context.json()) {
    diskRows(context, json["disk"]);
    stealRows(context, cpu);
    verdictRow(context, disk, json["disk"].value("reason", ""), "disk");
    verdictRow(context, cpu.verdict, cpu.reason, "cpu");
  }
  return std::vector{disk, cpu.verdict};
}

}  // namespace bedplate::cli
