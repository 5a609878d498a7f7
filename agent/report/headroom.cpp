#include "agent/report/headroom.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace bedplate::report {
namespace {

double share(std::int64_t used, std::int64_t limit) {
  return limit > 0 ? static_cast<double>(used) / static_cast<double>(limit) : 0;
}

bool isTight(std::int64_t used, std::int64_t limit) { return share(used, limit) >= kTight; }

// "81 %"; what is not nothing is not shown as 0.
std::string percent(double part) {
  const double hundred = part * 100;
  return hundred > 0 && hundred < 1 ? "<1 %" : fmt::format("{:.0f} %", std::floor(hundred));
}

// In steps, so that a text stays the same while little changes. A limit may have been lowered below what is used.
int steps(std::int64_t used, std::int64_t limit) {
  return static_cast<int>(std::clamp(share(used, limit), 0.0, 10.0) * 20) * 5;
}

bool dropping(const Headroom::Conntrack& conntrack) { return conntrack.drop > 0 || conntrack.earlyDrop > 0; }

std::string holder(const Headroom::Holder& one) {
  std::string name = one.name.empty() ? fmt::format("pid {}", one.pid) : one.name;
  return one.unit.empty() ? name : fmt::format("{} of {}", name, one.unit);
}

// ", most: k3s-server of k3s.service (40)": the biggest one of this user.
std::string most(const std::vector<Headroom::Holder>& holders, std::int64_t uid,
                 std::int64_t Headroom::Holder::* number) {
  for (const auto& one : holders)
    if (one.uid == uid && one.*number > 0) return fmt::format(", most by {} ({})", holder(one), one.*number);
  return {};
}

// The user who is nearest to a limit; null for none.
const Headroom::User* nearest(const Headroom::Inotify& inotify, std::int64_t Headroom::User::* number) {
  const auto at = std::max_element(inotify.users.begin(), inotify.users.end(),
                                   [number](const auto& a, const auto& b) { return a.*number < b.*number; });
  return at == inotify.users.end() || (*at).*number == 0 ? nullptr : &*at;
}

struct Part {
  std::string text;
  bool tight = false;
};

void conntrackPart(const Headroom::Conntrack& conntrack, std::vector<Part>& parts) {
  Part part{"conntrack " + percent(share(conntrack.entries, conntrack.limit)),
            isTight(conntrack.entries, conntrack.limit) || dropping(conntrack)};
  if (conntrack.drop > 0) part.text += fmt::format(", drops {:.2g}/s", conntrack.drop);
  if (conntrack.earlyDrop > 0) part.text += fmt::format(", throws out {:.2g}/s", conntrack.earlyDrop);
  parts.push_back(std::move(part));
}

void inotifyParts(const Headroom::Inotify& inotify, std::vector<Part>& parts) {
  const auto add = [&](const char* what, std::int64_t Headroom::User::* number, std::int64_t limit) {
    const auto* user = nearest(inotify, number);
    if (user == nullptr || limit == 0) return;
    Part part{fmt::format("inotify {} {}", what, percent(share(user->*number, limit))), isTight(user->*number, limit)};
    if (user->uid != 0 || part.tight) part.text += fmt::format(" (uid {})", user->uid);
    parts.push_back(std::move(part));
  };
  add("instances", &Headroom::User::instances, inotify.instancesLimit);
  add("watches", &Headroom::User::watches, inotify.watchesLimit);
}

}  // namespace

bool tight(const Headroom& headroom) { return !headroomWarnings(headroom).empty(); }

std::vector<std::string> headroomWarnings(const Headroom& headroom) {
  std::vector<std::string> warnings;
  if (const auto& conntrack = headroom.conntrack) {
    if (isTight(conntrack->entries, conntrack->limit))
      warnings.push_back(
          fmt::format("the conntrack table is {} % full: of {} connections no more are let in when it is: raise "
                      "tuning.conntrack.max in node.yaml",
                      steps(conntrack->entries, conntrack->limit), conntrack->limit));
    if (dropping(*conntrack))
      warnings.push_back(
          "conntrack lost packets or connections in the last minutes (drop, early_drop): when its table was full, "
          "raise tuning.conntrack.max in node.yaml");
  }
  if (const auto& inotify = headroom.inotify) {
    for (const auto& user : inotify->users) {
      if (isTight(user.instances, inotify->instancesLimit))
        warnings.push_back(fmt::format(
            "uid {} has {} % of its {} inotify instances{}: raise tuning.inotify.maxUserInstances in node.yaml",
            user.uid, steps(user.instances, inotify->instancesLimit), inotify->instancesLimit,
            most(inotify->byInstances, user.uid, &Headroom::Holder::instances)));
      if (isTight(user.watches, inotify->watchesLimit))
        warnings.push_back(
            fmt::format("uid {} has {} % of its {} inotify watches{}: raise tuning.inotify.maxUserWatches in node.yaml",
                        user.uid, steps(user.watches, inotify->watchesLimit), inotify->watchesLimit,
                        most(inotify->byWatches, user.uid, &Headroom::Holder::watches)));
    }
  }
  if (const auto& handles = headroom.fileHandles; handles && isTight(handles->used, handles->limit))
    warnings.push_back(
        fmt::format("{} % of the system's {} file handles are open: find who leaks them, or raise "
                    "fs.file-max in sysctl.d",
                    steps(handles->used, handles->limit), handles->limit));
  return warnings;
}

std::string headroomLine(const Headroom& headroom) {
  std::vector<Part> parts;
  if (headroom.conntrack) conntrackPart(*headroom.conntrack, parts);
  if (headroom.inotify) inotifyParts(*headroom.inotify, parts);
  if (const auto& handles = headroom.fileHandles; handles && handles->limit > 0)
    parts.push_back(
        {"file handles " + percent(share(handles->used, handles->limit)), isTight(handles->used, handles->limit)});
  const bool any = std::any_of(parts.begin(), parts.end(), [](const Part& part) { return part.tight; });
  std::string line;
  for (const Part& part : parts)
    if (part.tight || !any) line += (line.empty() ? "" : ", ") + part.text;
  if (headroom.inotify && headroom.inotify->unseen > 0)
    line += fmt::format("{}{} processes not seen", line.empty() ? "" : "; ", headroom.inotify->unseen);
  return line;
}

}  // namespace bedplate::report
