// Tells when interfaces or modules come and go: that is when keys of /proc/sys do. Of this network namespace.
//
// Interfaces by rtnetlink (RTM_NEWLINK, RTM_DELLINK; a rename is a new name for a known index), modules by the kernel's
// uevents, multicast group 1 of NETLINK_KOBJECT_UEVENT; group 2 is udev's, which repeats them. Only messages of the
// kernel itself (port 0) count. The kernel sends both after the keys are there.
// Formats: rtnetlink(7); lib/kobject_uevent.c: "ACTION@DEVPATH" and then "KEY=VALUE", each ended by NUL.
// Thread-safety: a Links is used from one thread; parseUevent is pure.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tuning/host/result.h"

struct nl_sock;

namespace bedplate::links {

struct Uevent {
  std::string action;     // "add", "remove", ...
  std::string subsystem;  // "module", "net", ...
  std::string path;       // below /sys, "/module/br_netfilter"
};
// nullopt for what is not of the kernel's form, or longer than the kernel makes them.
std::optional<Uevent> parseUevent(std::string_view message);

class Links {
 public:
  // "NetlinkFailed", "Denied". Fails only when neither can be watched; why() says what of it cannot.
  static host::Result<Links> open();
  Links(Links&& other) noexcept;
  Links& operator=(Links&& other) noexcept;
  ~Links();

  // Readable when something came or went; -1 for the one that is not to be had.
  [[nodiscard]] int interfaces() const;
  [[nodiscard]] int modules() const;
  [[nodiscard]] const std::string& why() const { return why_; }

  // Reads what there is of both. True when an interface or a module has come, gone or got another name, or when
  // messages were lost. What an interface does otherwise (up, down, another MTU) is not told.
  bool drain();

 private:
  struct Known;
  Links();
  bool drainInterfaces();
  bool drainModules();

  std::unique_ptr<Known> known_;
  std::string why_;
};

}  // namespace bedplate::links
