#include "tuning/conntrack/netlink.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netfilter/nfnl.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

#include "tuning/conntrack/stats_parse.h"

namespace bedplate::conntrack {
namespace {

constexpr const char* kThing = "ctnetlink";
constexpr timeval kPatience = {.tv_sec = 1, .tv_usec = 0};
// A CPU is a message, several go into a datagram: far more than any machine has.
constexpr int kMostDatagrams = 10'000;

struct FreeSocket {
  void operator()(nl_sock* socket) const { ::nl_socket_free(socket); }
};
struct FreeMessage {
  void operator()(nl_msg* message) const { ::nlmsg_free(message); }
};
struct FreeBytes {
  void operator()(unsigned char* bytes) const { std::free(bytes); }
};
using Socket = std::unique_ptr<nl_sock, FreeSocket>;

// libnl has error numbers of its own.
host::Failure failed(int error, const char* doing) {
  if (error == -NLE_AGAIN || error == -NLE_INTR) return host::fail("Timeout", kThing, "the kernel does not answer");
  if (error == -NLE_PERM) return host::failErrno(EPERM, kThing, doing);
  return host::fail("Io", kThing, std::string(doing) + ": " + ::nl_geterror(error));
}

host::Result<Socket> open() {
  Socket socket(::nl_socket_alloc());
  if (!socket) return host::failErrno(ENOMEM, kThing, "cannot open");
  // libnl makes it close-on-exec.
  if (const int error = ::nl_connect(socket.get(), NETLINK_NETFILTER); error < 0) return failed(error, "cannot open");
  if (::setsockopt(::nl_socket_get_fd(socket.get()), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience) != 0)
    return host::failErrno(errno, kThing, "cannot set a time limit");
  return socket;
}

// The answer to GET_STATS is marked as one of several and no end follows it: asked with NLM_F_ACK, the acknowledgement
// is the end. A dump ends with NLMSG_DONE.
host::Result<Reply> ask(nl_sock* socket, std::uint8_t what, int flags) {
  const std::unique_ptr<nl_msg, FreeMessage> message(
      ::nfnlmsg_alloc_simple(NFNL_SUBSYS_CTNETLINK, what, flags, AF_UNSPEC, 0));
  if (!message) return host::failErrno(ENOMEM, kThing, "cannot ask");
  ::nl_complete_msg(socket, message.get());
  const std::uint32_t sequence = ::nlmsg_hdr(message.get())->nlmsg_seq;
  if (const int error = ::nl_send(socket, message.get()); error < 0) return failed(error, "cannot ask");
  Reply reply;
  for (int datagrams = 0; !reply.done; ++datagrams) {
    if (datagrams == kMostDatagrams) return host::fail("Corrupt", kThing, "the answer has no end");
    sockaddr_nl from{};
    unsigned char* raw = nullptr;
    const int size = ::nl_recv(socket, &from, &raw, nullptr);
    const std::unique_ptr<unsigned char, FreeBytes> bytes(raw);
    if (size < 0) return failed(size, "cannot read the answer");
    if (size == 0) return host::fail("Timeout", kThing, "the kernel does not answer");
    if (from.nl_pid != 0) continue;  // another process, not the kernel
    BEDPLATE_TRY(take({reinterpret_cast<const char*>(raw), static_cast<std::size_t>(size)}, sequence, reply));
  }
  return reply;
}

}  // namespace

host::Result<Stats> askKernel() {
  BEDPLATE_TRY_LET(const Socket socket, open());
  BEDPLATE_TRY_LET(const Reply global, ask(socket.get(), IPCTNL_MSG_CT_GET_STATS, NLM_F_REQUEST | NLM_F_ACK));
  if (!global.entries) return host::fail("Corrupt", kThing, "the answer has no number of entries");
  BEDPLATE_TRY_LET(Reply perCpu, ask(socket.get(), IPCTNL_MSG_CT_GET_STATS_CPU, NLM_F_REQUEST | NLM_F_DUMP));
  return Stats{.entries = *global.entries,
               .limit = global.limit.value_or(0),
               .cpus = std::move(perCpu.cpus),
               .source = Source::netlink};
}

}  // namespace bedplate::conntrack
