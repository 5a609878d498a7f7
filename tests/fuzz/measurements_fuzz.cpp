#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "agent/report/bench_history.h"
#include "agent/report/page.h"

// Whatever a stored measurement is: it is read or left out, counted without going back, and drawn without a number that
// is none, and without markup of its own.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bedplate::report;
  const std::string text(reinterpret_cast<const char*>(data), size);
  PageInput input;
  input.measurements.fromUs = 1'000'000;
  input.measurements.toUs = 9'000'000;
  input.nowUs = 9'000'000;
  Counters counters;
  for (const char* probe : {"disk", "etcd"})
    if (auto one = fsyncSample({5'000'000, probe, text})) {
      counters.addFsync(*one);
      input.measurements.fsync.push_back(std::move(*one));
    }
  if (auto one = stealSample({5'000'000, "steal", text})) input.measurements.steal.push_back(std::move(*one));
  if (const auto one = reconcileSample({5'000'000, "gitops", text}))
    input.measurements.reconciles.assign(8, *one);  // as many as are held against the host
  for (const Buckets* buckets : {&counters.probeFsync, &counters.etcdFsync})
    if (buckets->total() < 0 || !(buckets->sum() >= 0)) std::abort();
  input.card = text;
  input.status.disk = input.status.steal = text;
  judge(input.status, nullptr);
  const std::string html = page(input);
  for (const char* word : {"<script", "<img", "\x1b"})
    if (html.find(word) != std::string::npos) std::abort();
  if (html.find("<!--") != std::string::npos || !html.ends_with("</html>\n")) std::abort();
  const Screen screen{80, false, input.nowUs, true, 0};
  for (const char c :
       renderMeasurements(input.measurements, screen, true) + print(measurementsJson(input.measurements)))
    if (c == '\x1b') std::abort();
  return 0;
}
