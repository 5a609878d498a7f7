// Keys that are not taken from Git. Who may commit is root on the nodes all the same (SECURITY.md); this list keeps
// accidents away, and what cannot be taken back by another commit. A key stands here when it
//   - names a program that the kernel then runs as root,
//   - cannot be set back without a reboot,
//   - does something at the moment it is written, so that "the value that should hold" has no meaning,
//   - is state or identity of one machine, or a secret.
// A setting that is merely dangerous (kernel.sysrq, kernel.panic_on_oops, vm.panic_on_oom) is an operator's choice.
#include <algorithm>
#include <array>

#include "tuning/sysctl/pattern.h"
#include "tuning/sysctl/sysctl.h"

namespace bedplate::sysctl {
namespace {

struct Refusal {
  std::string_view key;  // a pattern of overlaps()
  std::string_view why;
  bool (*applies)(std::string_view value) = nullptr;  // null: whatever the value
};

constexpr std::string_view kHelper = "names a program that the kernel runs as root";
constexpr std::string_view kActs =
    "does something when it is written and holds no value: run it on the node when needed";
constexpr std::string_view kState = "is a counter of the running kernel, not a setting";
constexpr std::string_view kSecret = "is a secret of one machine and would stand readable in Git";
constexpr std::string_view kIdentity = "names the machine: set it with hostnamectl";

// The kernel reads numbers in any base ("0x3") and skips what follows them, as it does blanks before them.
long long leadingNumber(std::string_view value) {
  const bool hex = value.starts_with("0x") || value.starts_with("0X");
  const bool octal = !hex && value.starts_with("0") && value.size() > 1;
  const int base = hex ? 16 : octal ? 8 : 10;
  long long number = 0;
  for (const char c : value.substr(hex ? 2 : 0)) {
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : 99;
    if (digit >= base || number > 1'000'000) break;
    number = number * base + digit;
  }
  return number;
}

// '|' starts a program, '@' (Linux 6.16) hands the dump to whoever listens on a socket.
bool leavesTheKernel(std::string_view value) { return value.starts_with('|') || value.starts_with('@'); }
bool isOne(std::string_view value) { return leadingNumber(value) == 1; }
bool isThreeOrMore(std::string_view value) { return leadingNumber(value) >= 3; }
bool isNotZero(std::string_view value) { return leadingNumber(value) != 0; }

constexpr std::array kRefusals = {
    Refusal{"kernel/core_pattern", "with \"|\" or \"@\" hands every core dump to a program: give a file name",
            leavesTheKernel},
    Refusal{"kernel/modprobe", kHelper},
    Refusal{"kernel/hotplug", kHelper},
    Refusal{"kernel/poweroff_cmd", kHelper},
    Refusal{"kernel/reboot-cmd", kHelper},
    Refusal{"kernel/usermodehelper/**", "limits what the kernel's helper programs may do, and never gives it back"},
    Refusal{"fs/ocfs2/nm/hb_ctl_path", kHelper},
    Refusal{"fs/binfmt_misc/**", "registers programs that the kernel runs for others: use binfmt.d(5)"},

    Refusal{"kernel/modules_disabled", "cannot be taken back without a reboot: no module would load any more",
            isNotZero},
    Refusal{"kernel/kexec_load_disabled", "cannot be taken back without a reboot", isNotZero},
    Refusal{"kernel/kexec_load_limit_*", "can only be lowered until the next reboot"},
    Refusal{"kernel/unprivileged_bpf_disabled",
            "with 1 cannot be taken back without a reboot: 2 disables it as well and can be", isOne},
    Refusal{"kernel/yama/ptrace_scope",
            "with 3 cannot be taken back without a reboot: 2 leaves ptrace to administrators and can be",
            isThreeOrMore},
    Refusal{"kernel/tainted", "can only be added to until the next reboot"},

    Refusal{"vm/drop_caches", kActs},
    Refusal{"vm/compact_memory", kActs},
    Refusal{"vm/stat_refresh", kActs},
    Refusal{"net/ipv4/route/flush", kActs},
    Refusal{"net/ipv6/route/flush", kActs},
    Refusal{"fs/xfs/stats_clear", kActs},

    Refusal{"kernel/ns_last_pid", kState},
    Refusal{"kernel/cad_pid", kState},
    Refusal{"kernel/msg_next_id", kState},
    Refusal{"kernel/sem_next_id", kState},
    Refusal{"kernel/shm_next_id", kState},

    Refusal{"kernel/hostname", kIdentity},
    Refusal{"kernel/domainname", kIdentity},
    Refusal{"net/ipv6/conf/*/stable_secret", kSecret},
    Refusal{"net/ipv4/tcp_fastopen_key", kSecret},
};

}  // namespace

std::optional<std::string> refused(std::string_view key, std::string_view value) {
  const std::string normal = normaliseValue(value);
  for (const Refusal& refusal : kRefusals) {
    if (!overlaps(refusal.key, key) || (refusal.applies != nullptr && !refusal.applies(normal))) continue;
    std::string why = dotted(key);
    why += hasGlob(key) ? " matches " + dotted(refusal.key) + ", which " : std::string(" ");
    why += refusal.why;
    return why;
  }
  return std::nullopt;
}

}  // namespace bedplate::sysctl
