// Prometheus' text format for node_exporter's textfile collector: HELP and TYPE once, no timestamps, base units.
#include <fmt/format.h>

#include <array>

#include "agent/report/report.h"
#include "agent/report/verdict.h"

namespace bedplate::report {
namespace {

using Labels = std::vector<std::pair<std::string_view, std::string>>;

std::string escaped(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out;
}

class Page {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  }
  void sample(std::string_view name, const Labels& labels, double value) { line(name, labels, number(value)); }
  void sample(std::string_view name, const Labels& labels, std::int64_t value) {
    line(name, labels, std::to_string(value));
  }
  static std::string number(double value) { return fmt::format("{:.12g}", value); }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  void line(std::string_view name, const Labels& labels, const std::string& value) {
    text_ += name;
    for (std::size_t i = 0; i < labels.size(); ++i)
      text_ += fmt::format("{}{}=\"{}\"", i == 0 ? "{" : ",", labels[i].first, escaped(labels[i].second));
    text_ += labels.empty() ? " " : "} ";
    text_ += value + "\n";
  }

  std::string text_;
};

void gauge(Page& page, std::string_view name, std::string_view help, std::int64_t value) {
  page.family(name, "gauge", help);
  page.sample(name, {}, value);
}

// A time that is not known is not there: 0 would read as 1970.
void timestamp(Page& page, std::string_view name, std::string_view help, std::int64_t us) {
  if (us <= 0) return;
  page.family(name, "gauge", help);
  page.sample(name, {}, static_cast<double>(us) / 1e6);
}

void conditions(Page& page, const Status& status) {
  page.family("bedplate_condition", "gauge", "Whether a condition has this status (1) or not (0).");
  for (const auto& condition : status.conditions)
    for (const char* value : {"True", "False", "Unknown"})
      page.sample("bedplate_condition", {{"type", condition.type}, {"status", value}},
                  std::int64_t{condition.status == value});
  page.family("bedplate_mode", "gauge", "The mode of the agent (1) and the others (0).");
  for (const char* mode : {"observe", "enforce", "unconfigured"})
    page.sample("bedplate_mode", {{"mode", mode}}, std::int64_t{status.mode == mode});
}

// One series of a histogram; the family is its caller's.
void series(Page& page, const std::string& name, const Labels& labels, const Buckets& buckets) {
  std::int64_t total = 0;
  const auto bucket = [&](const std::string& bound, std::int64_t more) {
    total += more;
    Labels with = labels;
    with.emplace_back("le", bound);
    page.sample(name + "_bucket", with, total);
  };
  for (std::size_t i = 0; i < buckets.bounds().size(); ++i)
    bucket(Page::number(buckets.bounds()[i]), buckets.counts()[i]);
  bucket("+Inf", buckets.counts().back());
  page.sample(name + "_sum", labels, buckets.sum());
  page.sample(name + "_count", labels, total);
}

void durations(Page& page, const Counters& counters) {
  constexpr const char* reconcile = "bedplate_reconcile_duration_seconds";
  page.family(reconcile, "histogram", "How long reconciliations took.");
  series(page, reconcile, {}, counters.reconcile);
  constexpr const char* latency = "bedplate_sync_latency_seconds";
  page.family(latency, "histogram", "From a commit being first seen on the remote to its being confirmed here.");
  series(page, latency, {}, counters.syncLatency);
  constexpr const char* fsync = "bedplate_disk_fsync_duration_seconds";
  page.family(fsync, "histogram", "How long the disk took to flush a write, by the probe or by what etcd counted.");
  for (const auto& [source, buckets] :
       {std::pair{"etcd", &counters.etcdFsync}, std::pair{"probe", &counters.probeFsync}})
    if (buckets->total() > 0 || source == std::string_view("probe"))
      series(page, fsync, {{"source", source}}, *buckets);
}

std::int64_t failedManifests(const Status& status) {
  std::int64_t failed = 0;
  for (const auto& problem : status.k3s.failed)
    if (problem.subject.find("/manifests/") != std::string::npos) ++failed;
  return failed;
}

void verdicts(Page& page, const Status& status) {
  const Measured disk = measuredFrom(status.disk), steal = measuredFrom(status.steal);
  page.family("bedplate_verdict", "gauge", "What a benchmark says of the node (1) and does not say (0).");
  for (const auto& [probe, measured] : {std::pair{"disk", &disk}, std::pair{"steal", &steal}}) {
    const std::string verdict = measured->verdict.empty() ? "unknown" : measured->verdict;
    for (const char* value : {"fit", "marginal", "unfit", "unknown"})
      page.sample("bedplate_verdict", {{"probe", probe}, {"verdict", value}}, std::int64_t{verdict == value});
  }
  if (!steal.ratio && !steal.hidden) return;
  page.family("bedplate_cpu_steal_ratio", "gauge",
              "Share of CPU time that was taken from this machine: as the hypervisor says, and as found beneath it.");
  if (steal.ratio) page.sample("bedplate_cpu_steal_ratio", {{"kind", "visible"}}, *steal.ratio);
  if (steal.hidden) page.sample("bedplate_cpu_steal_ratio", {{"kind", "hidden"}}, *steal.hidden);
}

void limited(Page& page, const char* name, std::string_view help, std::int64_t used, std::int64_t limit) {
  gauge(page, name, help, used);
  if (limit > 0) gauge(page, std::string(name) + "_limit", "The most that there may be.", limit);
}

// The users with most have a label of their own, so that a host of users does not become a host of series.
void byUser(Page& page, const char* name, std::string_view help, const Headroom::Inotify& inotify,
            std::int64_t Headroom::User::* number, std::int64_t limit) {
  constexpr std::size_t kUsers = 10;
  page.family(name, "gauge", help);
  std::int64_t others = 0;
  for (std::size_t i = 0; i < inotify.users.size(); ++i) {
    const auto& user = inotify.users[i];
    if (i < kUsers)
      page.sample(name, {{"uid", std::to_string(user.uid)}}, user.*number);
    else
      others += user.*number;
  }
  if (inotify.users.size() > kUsers) page.sample(name, {{"uid", "other"}}, others);
  if (limit > 0) gauge(page, std::string(name) + "_limit", "The most that each uid may have.", limit);
}

void headroom(Page& page, const Headroom& headroom) {
  if (const auto& conntrack = headroom.conntrack) {
    limited(page, "bedplate_conntrack_entries", "Connections that the kernel tracks.", conntrack->entries,
            conntrack->limit);
    if (!conntrack->events.empty())
      page.family("bedplate_conntrack_events_total", "counter", "What conntrack counted since the agent started.");
    for (const auto& [event, number] : conntrack->events)
      page.sample("bedplate_conntrack_events_total", {{"event", event}}, number);
  }
  if (const auto& inotify = headroom.inotify) {
    byUser(page, "bedplate_inotify_instances", "Inotify instances that processes of this uid hold.", *inotify,
           &Headroom::User::instances, inotify->instancesLimit);
    if (inotify->watchesUs > 0)
      byUser(page, "bedplate_inotify_watches", "Inotify watches of this uid, as counted each hour.", *inotify,
             &Headroom::User::watches, inotify->watchesLimit);
  }
  if (const auto& handles = headroom.fileHandles)
    limited(page, "bedplate_file_handles", "File handles that are open on the whole system.", handles->used,
            handles->limit);
}

}  // namespace

std::string metrics(const Status& status, const Counters& counters) {
  Page page;
  page.family("bedplate_build_info", "gauge", "The version of the agent.");
  page.sample("bedplate_build_info", {{"version", status.version}}, std::int64_t{1});
  conditions(page, status);
  gauge(page, "bedplate_generation", "Number of the newest generation that is in force; 0 for none.",
        status.generation.inForce);
  page.family("bedplate_generation_state", "gauge", "What became of the newest generation (1) and did not (0).");
  for (const char* state : {"applying", "applied", "rolled-back"})
    page.sample("bedplate_generation_state", {{"state", state}}, std::int64_t{status.generation.state == state});
  gauge(page, "bedplate_pending_changes", "Changes that are planned and not made.",
        static_cast<std::int64_t>(status.pendingChanges.size()));
  timestamp(page, "bedplate_last_successful_fetch_timestamp_seconds", "When the remote last answered.",
            status.source.contactUs);
  timestamp(page, "bedplate_newest_verified_commit_timestamp_seconds",
            "When the newest verified commit was made, by its committer's word.", status.source.committedUs);
  durations(page, counters);
  page.family("bedplate_drift_repairs_total", "counter", "What was put back since the agent started.");
  page.sample("bedplate_drift_repairs_total", {{"kind", "sysctl"}}, counters.sysctlRepairs);
  page.sample("bedplate_drift_repairs_total", {{"kind", "file"}}, counters.fileRepairs);
  page.sample("bedplate_drift_repairs_total", {{"kind", "object"}}, counters.objectRepairs);
  gauge(page, "bedplate_contested_keys", "Keys and files left alone because somebody else keeps rewriting them.",
        static_cast<std::int64_t>(status.drift.contested.size()));
  page.family("bedplate_manifests", "gauge",
              "Manifests that are placed for K3s, those that could not be, and what K3s makes of them.");
  page.sample("bedplate_manifests", {{"state", "placed"}}, status.k3s.manifests);
  page.sample("bedplate_manifests", {{"state", "failed"}}, failedManifests(status));
  if (status.k3s.deployed)
    for (const char* state : kManifestStates)
      page.sample("bedplate_manifests", {{"state", state}}, status.k3s.deployed->count(state));
  verdicts(page, status);
  if (status.headroom) headroom(page, *status.headroom);
  return page.take();
}

}  // namespace bedplate::report
