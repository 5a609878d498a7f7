#include "tuning/links/links.h"

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <sys/socket.h>

#include <cstdlib>
#include <cstring>
#include <map>

namespace bedplate::links {
namespace {

constexpr int kUeventGroup = 1;
// Messages that are read in one go; there is another turn.
constexpr int kMost = 1000;
// A start of a hundred pods at once must fit.
constexpr int kReceiveBytes = 1 << 20;

struct FreeSocket {
  void operator()(nl_sock* socket) const { ::nl_socket_free(socket); }
};
using Socket = std::unique_ptr<nl_sock, FreeSocket>;

host::Failure failed(const char* what, int error) {
  return host::fail(error == -NLE_PERM ? "Denied" : "NetlinkFailed", what, ::nl_geterror(error),
                    "the poll finds what comes and goes");
}

host::Result<Socket> listen(const char* what, int protocol, int group) {
  Socket socket(::nl_socket_alloc());
  if (!socket) return failed(what, -NLE_NOMEM);
  ::nl_socket_disable_seq_check(socket.get());
  int error = ::nl_connect(socket.get(), protocol);
  if (error >= 0) error = ::nl_socket_add_memberships(socket.get(), group, 0);
  if (error >= 0) error = ::nl_socket_set_nonblocking(socket.get());
  if (error < 0) return failed(what, error);
  // Less than asked for is no reason to do without.
  ::nl_socket_set_buffer_size(socket.get(), kReceiveBytes, 0);
  return socket;
}

}  // namespace

struct Links::Known {
  Socket links, uevents;
  std::map<int, std::string> names;  // by index of the interface
  bool changed = false;

  static int onMessage(nl_msg* message, void* self);
  void take(nl_msg* message);
  bool readNames();
};

// What happens to an interface otherwise is a RTM_NEWLINK too.
void Links::Known::take(nl_msg* message) {
  nlmsghdr* head = ::nlmsg_hdr(message);
  if (::nlmsg_get_src(message)->nl_pid != 0) return;
  if (head->nlmsg_type != RTM_NEWLINK && head->nlmsg_type != RTM_DELLINK) return;
  if (!::nlmsg_valid_hdr(head, sizeof(ifinfomsg))) return;
  const auto* info = static_cast<const ifinfomsg*>(::nlmsg_data(head));
  // A bridge tells of its ports under its own family.
  if (info->ifi_family != AF_UNSPEC) return;
  if (head->nlmsg_type == RTM_DELLINK) {
    changed = names.erase(info->ifi_index) > 0 || changed;
    return;
  }
  const nlattr* attribute = ::nlmsg_find_attr(head, sizeof(ifinfomsg), IFLA_IFNAME);
  if (attribute == nullptr || ::nla_len(attribute) <= 0) return;
  const char* text = static_cast<const char*>(::nla_data(attribute));
  const std::string name(text, ::strnlen(text, static_cast<std::size_t>(::nla_len(attribute))));
  std::string& known = names[info->ifi_index];
  changed = changed || known != name;
  known = name;
}

int Links::Known::onMessage(nl_msg* message, void* self) {
  static_cast<Known*>(self)->take(message);
  return NL_OK;
}

Links::Links() : known_(std::make_unique<Known>()) {}
Links::Links(Links&& other) noexcept = default;
Links& Links::operator=(Links&& other) noexcept = default;
Links::~Links() = default;

host::Result<Links> Links::open() {
  Links links;
  auto interfaces = listen("interfaces", NETLINK_ROUTE, RTNLGRP_LINK);
  auto modules = listen("modules", NETLINK_KOBJECT_UEVENT, kUeventGroup);
  if (!interfaces && !modules) return host::Failure(interfaces.error());
  if (interfaces) {
    ::nl_socket_modify_cb(interfaces->get(), NL_CB_MSG_IN, NL_CB_CUSTOM, &Known::onMessage, links.known_.get());
    links.known_->links = std::move(*interfaces);
    // Those of this moment, through the same way: an interface that goes up is no new one.
    ifinfomsg all{};
    if (::nl_send_simple(links.known_->links.get(), RTM_GETLINK, NLM_F_DUMP, &all, sizeof all) >= 0)
      links.drainInterfaces();
  } else {
    links.why_ = interfaces.error().text();
  }
  if (modules)
    links.known_->uevents = std::move(*modules);
  else
    links.why_ += (links.why_.empty() ? "" : "; ") + modules.error().text();
  return links;
}

int Links::interfaces() const { return known_->links ? ::nl_socket_get_fd(known_->links.get()) : -1; }
int Links::modules() const { return known_->uevents ? ::nl_socket_get_fd(known_->uevents.get()) : -1; }

bool Links::drainInterfaces() {
  known_->changed = false;
  for (int i = 0; i < kMost; ++i) {
    const int error = ::nl_recvmsgs_default(known_->links.get());
    if (error == -NLE_AGAIN) break;
    // ENOBUFS comes as this: messages were lost.
    if (error < 0) {
      known_->changed = true;
      if (error != -NLE_NOMEM) break;
    }
  }
  return known_->changed;
}

bool Links::drainModules() {
  bool changed = false;
  for (int i = 0; i < kMost; ++i) {
    sockaddr_nl from{};
    unsigned char* raw = nullptr;
    const int size = ::nl_recv(known_->uevents.get(), &from, &raw, nullptr);
    const std::unique_ptr<unsigned char, decltype(&std::free)> buffer(raw, &std::free);
    if (size == -NLE_NOMEM) changed = true;
    if (size <= 0) break;
    if (from.nl_pid != 0) continue;
    const auto event = parseUevent({reinterpret_cast<const char*>(raw), static_cast<std::size_t>(size)});
    changed = changed || (event && event->subsystem == "module");
  }
  return changed;
}

bool Links::drain() {
  const bool interfaces = known_->links && drainInterfaces();
  const bool modules = known_->uevents && drainModules();
  return interfaces || modules;
}

}  // namespace bedplate::links
