// The node's card as JSON: docs/bench.schema.json.
#include <nlohmann/json.hpp>

#include "tuning/bench/bench.h"

namespace bedplate::bench {
namespace {

using Json = nlohmann::ordered_json;

Json diskJson(const Disk& disk) {
  Json json = {{"name", disk.name},
               {"kind", disk.kind},
               {"model", disk.model},
               {"scheduler", disk.scheduler},
               {"writeCache", disk.writeCache},
               {"rotational", nullptr},
               {"bytes", disk.bytes}};
  if (disk.rotational) json["rotational"] = *disk.rotational;
  return json;
}

}  // namespace

std::string toJson(const Card& card) {
  Json disks = Json::array();
  for (const auto& disk : card.place.disks) disks.push_back(diskJson(disk));
  Json json = {
      {"cpu", {{"model", card.cpuModel}, {"count", card.cpus}, {"mhz", nullptr}}},
      {"hypervisor",
       {{"name", card.hypervisor},
        {"machine", card.machine},
        {"stealReported", card.stealReported},
        {"why", card.stealWhy}}},
      {"clock", {{"source", card.clockSource}, {"available", card.clockSources}, {"finding", card.clockFinding}}},
      {"kernel", card.kernel},
      {"memoryBytes", card.memoryBytes},
      {"bootUs", card.bootUs},
      {"datastore",
       {{"directory", card.place.directory},
        {"fileSystem", card.place.fileSystem},
        {"source", card.place.source},
        {"through", card.place.through},
        {"disks", std::move(disks)}}}};
  if (card.mhz) json["cpu"]["mhz"] = *card.mhz;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace bedplate::bench
