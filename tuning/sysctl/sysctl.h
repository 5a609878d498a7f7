// Kernel parameters: the sysctl.d format, the names of keys, and reading and writing them below /proc/sys.
//
// A key is held in one spelling everywhere: its path below /proc/sys ("net/ipv4/conf/enp3s0.200/forwarding").
// Operators see and write the dotted form; dotted() makes it ("net.ipv4.conf.enp3s0/200.forwarding").
// The format and its order are those of systemd-sysctl (sysctl.d(5)); where we differ the function says so.
// Thread-safety: free functions and plain values; Tree may be used from several threads.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tuning/host/files.h"

namespace bedplate::sysctl {

// How a rule binds its key. A sysctl.d file says `exact` only.
enum class Bound {
  exact,    // this value
  atLeast,  // an integer: raise to it, never lower
  about,    // an integer: leave what is there unless it is below half of it, for what is costly to change
};

// Who asks, the weakest first. A rule of a later source wins over all of the earlier ones, be it a glob or not.
enum class Source { profile, sizing, file, floor };

// "exact", "atLeast", "about"; "profile", "sizing", "file", "floor".
const char* name(Bound bound);
const char* name(Source source);

// What a line of a sysctl.d file says, or what is asked in another way.
struct Rule {
  std::string key;        // path form; may hold the glob characters * ? [ when `exact`
  std::string value;      // normalised; empty for an exclusion
  bool tolerant = false;  // "-key = value": a failure to write it is not an error
  bool excluded = false;  // "-key" without a value: not set by globs
  std::string file;       // where it stands, as given to parse()
  int line = 0;
  Bound bound = Bound::exact;
  Source source = Source::file;
  bool operator==(const Rule&) const = default;
  [[nodiscard]] bool isGlob() const;
};

// A line that cannot be taken.
struct Problem {
  int line = 0;
  int column = 0;
  std::string message;  // what is wrong and what would be right
};

struct Parsed {
  std::vector<Rule> rules;
  std::vector<Problem> problems;
};

// One file of sysctl.d: '#' and ';' comments, blank lines, "key = value", "-key = value", "-key". All problems are
// reported, not only the first. Never fails as a whole; lines over 4096 bytes and NUL bytes are problems.
// Stricter than systemd, which takes these in silence and then does something else than was meant: values outside
// printable ASCII, a comment behind a value, braces in a glob.
Parsed parse(std::string_view text, const std::string& file);
// A file of tuning/profiles: the same format with "key >= integer" (Bound::atLeast), without globs and exclusions.
Parsed parseProfile(std::string_view text, const std::string& file);

// The path form of a key in either spelling (the first separator decides, as in systemd), or "Invalid": empty parts,
// "..", characters outside printable ASCII.
host::Result<std::string> normaliseKey(std::string_view key);
// The dotted form.
std::string dotted(std::string_view key);
// A value with its blanks made one: trimmed, each run of blanks, tabs and newlines one space. The kernel shows tabs in
// some values and takes spaces for them; two values are equal for it when their normal forms are.
std::string normaliseValue(std::string_view value);

// Why a key may not come from Git at all (usermode helpers, one-way keys, keys that act when written), or nullopt.
// The list and its reasons stand in refused.cpp; `value` matters for some (kernel.core_pattern with a pipe). A glob is
// refused when it could match a refused key. Not a question to ask of an exclusion, which writes nothing.
std::optional<std::string> refused(std::string_view key, std::string_view value);

// Keys that K3s or the kubelet also set: they are let go unchanged instead of being given back (design section 8).
bool claimedByK3s(std::string_view key);

// How a wrong value of this key can cut the node off from the network, or nullopt for one that cannot. A glob can when
// it could match such a key. The table stands in cuts_off.cpp. Such keys are set as a group that is taken back together
// when the node no longer reaches what it reached before (docs/architecture.md).
std::optional<std::string_view> cutsOff(std::string_view key);
// The order in which keys are set; equal ranks in key order. Those that can cut the node off come last, and among them
// accept_ra = 2 first and its taking away at the end: with forwarding on, the kernel drops advertised routes without
// it.
int rank(std::string_view key, std::string_view value);

// A key with the value it should have, after globs are expanded, the stronger rules have won and bounds have raised it.
struct Want {
  std::string key;
  std::string value;
  bool tolerant = false;
  std::size_t rule = 0;  // index of the rule that decided: its value is wanted, or the base already satisfies it
  Bound bound =
      Bound::exact;          // `exact` unless nothing but bounds asks for the key: then more than `value` is right too
  bool fromBase = false;     // `value` is what the kernel had or has: the rule did not have to raise it
  std::string problem = {};  // why the key cannot be brought to what is asked (nothing is to be written), or ""
  bool operator==(const Want&) const = default;
};

// Whether the kernel, asked for `wanted`, holds it when it shows `held` (both normalised). Besides the same text:
// integers in another base (the kernel takes 0x10 and shows 16), ranges of ports that it sorts and joins, buckets of
// the conntrack table, which it rounds up to whole pages. values.cpp has the evidence.
bool same(std::string_view key, std::string_view wanted, std::string_view held);
// Whether a held value satisfies the want: same() as it, or within its bound.
bool meets(const Want& want, std::string_view held);

// /proc/sys below a root.
class Tree {
 public:
  explicit Tree(host::Files& files) : files_(files) {}

  // The value the kernel holds, normalised. "NotFound" when the key is not there (its module may not be loaded),
  // "Denied"/"Io" for keys that cannot be read (write-only, stable_secret).
  host::Result<std::string> read(const std::string& key);
  // Writes and reads back. "Invalid" when the kernel refuses the value, "Differs" when it holds another one after the
  // write (`why` names both). A value that is the same() is not written.
  host::Status write(const std::string& key, const std::string& value);
  // The keys that a glob matches now, in byte order.
  host::Result<std::vector<std::string>> expand(const std::string& glob);

 private:
  host::Files& files_;
};

// The value that a key had before we took it over, or nullopt when we do not hold it.
using Original = std::function<std::optional<std::string>(const std::string& key)>;

// What a list of rules asks of this machine now, in key order. By source, the weakest first; within one source later
// rules win, explicit keys beat globs, exclusions hold for globs. A glob that matches nothing gives nothing.
// An exclusion is the last word on its own key until a later rule sets it again: it takes back what weaker sources ask
// as well. As in systemd-sysctl 252 it is taken literally: "-net.ipv4.conf.v*.rp_filter" takes back that very glob, it
// does not exclude what the glob matches.
// An `atLeast` rule gives the greater of its number and the value so far; where there is none, of its number and the
// base: the original when we hold it, else what the kernel holds now. An `about` rule gives what the kernel holds now,
// or its number when that is more than twice as much. A bound on a value that is not one integer is a Want with a
// problem. Where we differ from systemd: a glob repeated with the same value counts at its last place, so that a later
// layer wins; in systemd it stays at its first.
host::Result<std::vector<Want>> resolve(const std::vector<Rule>& rules, Tree& tree, const Original& original = {});

// Whether the rules ask for a key, be it there or not.
bool asks(const std::vector<Rule>& rules, const std::string& key);

}  // namespace bedplate::sysctl
