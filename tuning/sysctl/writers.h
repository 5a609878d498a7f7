// Who else writes kernel keys on a Kubernetes node: what is known of programs in general, and what this host shows.
//
// Known writers are one table (writers.cpp, with its sources); docs/tuning.md shows it and a test keeps the two in
// step. What a host shows are the files that others bring to it: sysctl.d, ufw's, TuneD's. They are read, never judged.
// Keys are in path form, values in normal form. Thread-safety: free functions and plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tuning/host/files.h"
#include "tuning/sysctl/sysctl.h"

namespace bedplate::sysctl {

// The numbers by which K3s sets connection tracking. They follow kube-proxy's arguments; these are K3s's own.
struct ConntrackNumbers {
  std::int64_t least = 131072;        // conntrack-min
  std::int64_t perCore = 32768;       // conntrack-max-per-core; 0: nf_conntrack_max is left alone
  std::int64_t establishedS = 86400;  // conntrack-tcp-timeout-established, seconds; 0: left alone
  std::int64_t closeWaitS = 3600;     // conntrack-tcp-timeout-close-wait, seconds; 0: left alone
  std::optional<std::int64_t> cores;  // unknown when no host is looked at
  bool operator==(const ConntrackNumbers&) const = default;
};

struct KnownWriter {
  enum class Sets { value, conntrackMax, established, closeWait, ownFile };

  std::string_view key;   // a pattern: "*" within a part
  std::string_view who;   // "K3s", "kubelet", "Cilium"
  std::string_view when;  // "at each start"
  Sets sets = Sets::value;
  std::string_view value;  // of Sets::value; for ownFile, in words where that is
  std::string_view todo;   // for who wants another value
  bool everyNode = false;  // part of every K3s node; others only where they are installed
  bool claims = false;     // the key is let go unchanged instead of being given back
};

std::span<const KnownWriter> knownWriters();
// Those whose pattern the key (which may be a glob) meets, in the order of the table.
std::vector<const KnownWriter*> knownWriters(std::string_view key);

// What it sets, for people: "1", "max(131072, 32768 per core)", "131072 (4 cores)"; "" where the numbers say that it
// leaves the key alone.
std::string setsText(const KnownWriter& writer, const ConntrackNumbers& numbers = {});
// The very value, where it is one; without `cores` as for conflicts().
std::optional<std::string> setsValue(const KnownWriter& writer, const ConntrackNumbers& numbers = {});
// Whether it would write something else than what is wanted. Never for ownFile. Without `cores` the least number of
// connections stands for what K3s sets: it is what small nodes get.
bool conflicts(const KnownWriter& writer, std::string_view wanted, const ConntrackNumbers& numbers = {});
// The writers of every node that would write over a wanted value.
std::vector<const KnownWriter*> conflicts(std::string_view key, std::string_view wanted,
                                          const ConntrackNumbers& numbers = {});

// A value that hurts, or two that do together.
struct Hazard {
  std::string key;  // as it was given
  std::string why;  // what happens, and what would be right
  bool operator==(const Hazard&) const = default;
};
// Values known to hurt a Kubernetes node (hazards.cpp, with its sources). `values`: what is wanted, key or glob and
// value, the last word on each. In the order of `values`.
std::vector<Hazard> hazards(const std::vector<std::pair<std::string, std::string>>& values);

// A rule that a file of the host brings.
struct FoundRule {
  Rule rule;                // rule.file: below the root
  std::string who;          // "Cilium", "ufw", "TuneD"; "" for a file of sysctl.d that nobody is known by
  std::string when;         // "at boot, after Bedplate's file"
  bool lastAtBoot = false;  // systemd-sysctl reads it after Bedplate's boot file: there it has the last word
};

struct HostWriters {
  std::vector<FoundRule> rules;           // in the order in which they take effect
  std::vector<std::string> unreadable;    // files that could not be read or parsed to the end
  std::vector<std::string_view> present;  // names of known writers that are installed
};

// Reads the files of sysctl.d in the order of systemd-sysctl (without Bedplate's own), sysctl.conf, ufw's and TuneD's.
HostWriters hostWriters(host::Files& files);
// The rules that set this key.
std::vector<const FoundRule*> setting(const HostWriters& host, std::string_view key);

// The assignments of one section of an INI text ("" is what stands before the first), with their lines; quotes around
// a value are taken off. What is no assignment is passed over.
struct Assignment {
  int line = 0;
  std::string key, value;
};
std::vector<Assignment> assignments(std::string_view text, std::string_view section);

}  // namespace bedplate::sysctl
