#include "agent/plan/plan.h"
#include "tuning/sysctl/sysctl.h"

namespace bedplate::plan {
namespace {

std::string padded(std::string_view kind) {
  std::string text(kind);
  text.resize(8, ' ');
  return text;
}

std::string what(const Change& change) {
  switch (change.action) {
    case Action::loadModule: return padded("module") + change.subject + "  load";
    case Action::setSysctl:
    case Action::restoreSysctl:
      return padded("sysctl") + sysctl::dotted(change.subject) + "  " + change.from + " -> " + change.to;
    case Action::releaseSysctl:
      return padded("sysctl") + sysctl::dotted(change.subject) + "  " + change.from + " stays";
    case Action::writeFile:
    case Action::restoreFile:
    case Action::removeFile: break;
  }
  return padded("file") + "/" + change.subject + "  " + change.from + " -> " + change.to;
}

}  // namespace

std::string text(const Change& change) {
  std::string behind = change.origin;
  if (behind.empty() && change.action != Action::releaseSysctl) behind = "given back";
  if (!change.note.empty()) {
    if (!behind.empty()) behind += "; ";
    behind += change.note;
  }
  return what(change) + "   (" + behind + ")";
}

const char* name(Stage stage) {
  switch (stage) {
    case Stage::wanted: return "wanted";
    case Stage::guarded: return "guarded";
    case Stage::moving: return "moving";
    case Stage::tombstone: break;
  }
  return "tombstone";
}

const char* name(SelfHeal selfHeal) {
  switch (selfHeal) {
    case SelfHeal::off: return "off";
    case SelfHeal::files: return "files";
    case SelfHeal::objects: break;
  }
  return "objects";
}

const char* name(Action action) {
  switch (action) {
    case Action::loadModule: return "loadModule";
    case Action::setSysctl: return "setSysctl";
    case Action::restoreSysctl: return "restoreSysctl";
    case Action::releaseSysctl: return "releaseSysctl";
    case Action::writeFile: return "writeFile";
    case Action::restoreFile: return "restoreFile";
    case Action::removeFile: break;
  }
  return "removeFile";
}

}  // namespace bedplate::plan
