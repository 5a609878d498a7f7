// What is known of one kernel key or one file on this node: what is wanted and where it comes from, what is held, what
// was there before, who else writes it, and what happened to it. For `bedplate explain`; made from the stored state and
// a look at the host, changes nothing.
// Thread-safety: free functions and plain values.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/apply/store.h"
#include "agent/plan/plan.h"
#include "agent/report/json.h"
#include "agent/report/report.h"
#include "tuning/host/files.h"
#include "tuning/sysctl/writers.h"

namespace bedplate::report {

// What an explanation is made from; null or empty where it is not known.
struct Known {
  host::Files* files = nullptr;
  apply::Store* store = nullptr;
  std::optional<plan::Target> target;  // in force
  std::optional<plan::Held> held;
  std::optional<Status> status;
  std::int64_t generation = 0;  // in force; 0: none
  // The hash of what a sealed file of the target holds; nullopt when it cannot be opened.
  std::function<std::optional<std::string>(const plan::FileTarget&)> open = nullptr;
};

// One source of a value.
struct Source {
  std::string value, layer, place;
  bool wins = false;
};

// A program that is known to write the key.
struct Writer {
  std::string who, when;
  std::string sets;        // what it sets on this node; "" where its configuration here leaves the key alone
  std::string todo;        // for who wants another value
  bool here = false;       // it is installed on this host
  bool fixed = false;      // `sets` is a value, not a description
  bool conflicts = false;  // it would write something else than is wanted
};

struct Explanation {
  std::string subject, kind;  // "sysctl" or "file"
  std::optional<std::string> wanted, held, original, originalNote;
  std::vector<Source> sources;           // the winner first, then as they lost
  std::vector<Writer> writers;           // known ones
  std::vector<sysctl::FoundRule> found;  // rules of other files on this host
  std::vector<apply::DriftEvent> drift;  // newest first
  std::vector<std::string> notes;
  std::int64_t generation = 0;
  bool known = false;  // there is something to say
};

Explanation explainKey(const Known& known, const std::string& key);
// `path`: on the host, below the root; or in Git, within the cluster directory.
Explanation explainPath(const Known& known, const std::string& path);
Json explanationJson(const Explanation& explanation);

// Adds to the changes of a plan who on this host will write something else over them: a file of sysctl.d that is read
// after Bedplate's, or a known writer that is installed.
void noteHostWriters(plan::Plan& plan, host::Files& files);

// The numbers by which K3s on this host sets connection tracking: its configuration and the cores.
sysctl::ConntrackNumbers conntrackNumbersOf(host::Files& files);

}  // namespace bedplate::report
