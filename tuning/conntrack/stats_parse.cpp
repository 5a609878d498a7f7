#include "tuning/conntrack/stats_parse.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include <charconv>
#include <cstring>
#include <utility>

namespace bedplate::conntrack {
namespace {

constexpr std::array<std::pair<int, Event>, kEvents> kAttributes = {{
    {CTA_STATS_FOUND, Event::found},
    {CTA_STATS_INVALID, Event::invalid},
    {CTA_STATS_INSERT_FAILED, Event::insertFailed},
    {CTA_STATS_DROP, Event::drop},
    {CTA_STATS_EARLY_DROP, Event::earlyDrop},
    {CTA_STATS_ERROR, Event::error},
    {CTA_STATS_SEARCH_RESTART, Event::searchRestart},
    {CTA_STATS_CLASH_RESOLVE, Event::clashResolve},
    {CTA_STATS_CHAIN_TOOLONG, Event::chainTooLong},
}};

// The columns of the text, where they are called something else than in name().
constexpr std::array<std::pair<std::string_view, Event>, kEvents> kColumns = {{
    {"found", Event::found},
    {"invalid", Event::invalid},
    {"insert_failed", Event::insertFailed},
    {"drop", Event::drop},
    {"early_drop", Event::earlyDrop},
    {"icmp_error", Event::error},
    {"search_restart", Event::searchRestart},
    {"clashres", Event::clashResolve},
    {"chainlength", Event::chainTooLong},
}};

host::Failure corrupt(std::string_view thing, std::string_view why) { return host::fail("Corrupt", thing, why); }
constexpr std::string_view kNetlink = "ctnetlink";

// The 32 bits of an attribute, in network order; nullopt when it is shorter.
std::optional<std::uint32_t> number(nlattr* attribute) {
  std::uint32_t value = 0;
  if (attribute == nullptr || ::nla_len(attribute) < static_cast<int>(sizeof value)) return std::nullopt;
  std::memcpy(&value, ::nla_data(attribute), sizeof value);
  return ntohl(value);
}

host::Status takeStats(nlmsghdr* header, Reply& reply) {
  const int type = NFNL_MSG_TYPE(header->nlmsg_type);
  if (NFNL_SUBSYS_ID(header->nlmsg_type) != NFNL_SUBSYS_CTNETLINK) return {};
  if (!::nlmsg_valid_hdr(header, sizeof(nfgenmsg))) return corrupt(kNetlink, "a message is too short");
  nfgenmsg general{};
  std::memcpy(&general, ::nlmsg_data(header), sizeof general);
  std::array<nlattr*, CTA_STATS_MAX + 1> attributes{};
  if (::nlmsg_parse(header, sizeof general, attributes.data(), CTA_STATS_MAX, nullptr) < 0)
    return corrupt(kNetlink, "a message's attributes do not fit");
  if (type == IPCTNL_MSG_CT_GET_STATS) {
    reply.entries = number(attributes[CTA_STATS_GLOBAL_ENTRIES]);
    reply.limit = number(attributes[CTA_STATS_GLOBAL_MAX_ENTRIES]);
  } else if (type == IPCTNL_MSG_CT_GET_STATS_CPU) {
    if (reply.cpus.size() == kMaxCpus) return corrupt(kNetlink, "more CPUs than there can be");
    Cpu cpu{.number = ntohs(general.res_id), .counters = {}};
    // An attribute that an older kernel does not send stays 0.
    for (const auto& [attribute, event] : kAttributes)
      cpu.counters[static_cast<std::size_t>(event)] =
          number(attributes[static_cast<std::size_t>(attribute)]).value_or(0);
    reply.cpus.push_back(cpu);
  }
  return {};
}

host::Status takeError(nlmsghdr* header, Reply& reply) {
  nlmsgerr error{};
  if (!::nlmsg_valid_hdr(header, sizeof error.error)) return corrupt(kNetlink, "an error is too short");
  std::memcpy(&error.error, ::nlmsg_data(header), sizeof error.error);
  // Negative errno; 0 is the acknowledgement.
  if (error.error < -4095 || error.error > 0) return corrupt(kNetlink, "an error is out of range");
  if (error.error < 0) return host::failErrno(-error.error, kNetlink, "cannot ask");
  reply.done = true;
  return {};
}

std::string_view word(std::string_view& line) {
  const std::size_t begin = std::min(line.find_first_not_of(' '), line.size());
  line.remove_prefix(begin);
  const std::string_view found = line.substr(0, line.find(' '));
  line.remove_prefix(found.size());
  return found;
}

std::string_view nextLine(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

}  // namespace

host::Status take(std::string_view datagram, std::uint32_t sequence, Reply& reply) {
  // A copy: libnl wants aligned memory and writes nothing, but takes no const.
  std::vector<std::uint64_t> aligned((datagram.size() + 7) / 8);
  std::memcpy(aligned.data(), datagram.data(), datagram.size());
  int left = static_cast<int>(datagram.size());
  for (auto* header = reinterpret_cast<nlmsghdr*>(aligned.data()); ::nlmsg_ok(header, left);
       header = ::nlmsg_next(header, &left)) {
    if (header->nlmsg_seq != sequence) continue;
    if (header->nlmsg_type == NLMSG_DONE) {
      reply.done = true;
    } else if (header->nlmsg_type == NLMSG_ERROR) {
      BEDPLATE_TRY(takeError(header, reply));
    } else if (header->nlmsg_type == NLMSG_OVERRUN) {
      return corrupt(kNetlink, "messages were lost");
    } else if (header->nlmsg_type >= NLMSG_MIN_TYPE) {
      BEDPLATE_TRY(takeStats(header, reply));
    }
    if (reply.done) return {};
  }
  if (left > 0) return corrupt(kNetlink, "a message is cut off");
  return {};
}

host::Result<std::vector<Cpu>> parseText(std::string_view text) {
  constexpr std::string_view kThing = "nf_conntrack counters";
  std::vector<std::optional<Event>> columns;
  std::string_view header = nextLine(text);
  for (std::string_view name = word(header); !name.empty(); name = word(header)) {
    columns.emplace_back();
    for (const auto& [column, event] : kColumns)
      if (name == column) columns.back() = event;
  }
  std::vector<Cpu> cpus;
  while (!text.empty()) {
    std::string_view line = nextLine(text);
    if (line.empty()) continue;
    if (cpus.size() == kMaxCpus) return corrupt(kThing, "more lines than there can be CPUs");
    Cpu cpu{.number = static_cast<std::uint32_t>(cpus.size()), .counters = {}};
    for (const auto& event : columns) {
      const std::string_view digits = word(line);
      std::uint32_t value = 0;
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
      if (error != std::errc() || end != digits.data() + digits.size())
        return corrupt(kThing, "a line does not fit the names above it");
      if (event) cpu.counters[static_cast<std::size_t>(*event)] = value;
    }
    if (!word(line).empty()) return corrupt(kThing, "a line is longer than the names above it");
    cpus.push_back(cpu);
  }
  return cpus;
}

}  // namespace bedplate::conntrack
