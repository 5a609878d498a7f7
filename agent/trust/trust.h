// Who may move a node: the history rule with the floor that it keeps, and the signatures of commits.
//
// The accepted commit is the last one that this node went to. It is a file of its own (var/lib/bedplate/accepted), so
// that it outlives the state database. A new head must be it or descend from it.
//
// Signatures are SSH's (SSHSIG, namespace "git"), checked here with OpenSSL alone, and OpenPGP's, checked by gpgv as an
// unprivileged child. A verdict on a commit is a value; an error means that there is no verdict: a file of keys that
// cannot be understood, a gpgv that is not there. docs/trust.md says where verdicts differ from git's, and why.
// Thread-safety: free functions, one writer; a Verifier is used from one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/source/source.h"
#include "tuning/host/files.h"

namespace bedplate::trust {

struct Accepted {
  source::ObjectId commit;
  std::string by;  // "agent", or "operator" for `bedplate trust accept`
  std::int64_t wallUs = 0;
};

// nullopt when there is none yet; "Corrupt" when the file is not ours to understand (never taken as "none": that
// would drop the floor; the way out is `bedplate trust accept`).
host::Result<std::optional<Accepted>> readAccepted(host::Files& files);
// Durable when it returns.
host::Status writeAccepted(host::Files& files, const Accepted& accepted);

struct Rules {
  std::optional<source::ObjectId> minimumCommit;  // [trust] minimum-commit
};

// The new commits from the floor to `head`, oldest first (empty when head is the floor; head alone on first contact
// without a minimum). "NotDescendant" when history was rewritten or rolled back: the way out names trust accept.
host::Result<std::vector<source::Commit>> newCommits(source::Session& session, const source::ObjectId& head,
                                                     const std::optional<Accepted>& accepted, const Rules& rules,
                                                     const source::Limits& limits);

// Which of `commits` have to be signed: those whose tree at `path` differs from that of any of their parents, so that a
// merge that takes one side's tree answers for the other side. Without parents: when there is something at `path`. The
// answers are in the order of the commits. "" and "." are the whole tree. Parents and trees that are not at hand are
// asked of `objects`; its errors, and "ObjectRefused" for a directory that is none.
host::Result<std::vector<bool>> mustBeSigned(source::Objects& objects, const std::vector<source::Commit>& commits,
                                             std::string_view path);

// A file that says which keys count, as text, and how the operator knows it.
struct KeyFile {
  std::string name;
  std::string text;
};

// All that signatures are judged by. With neither signers nor keyring every signature is by an unknown key.
struct KeyFiles {
  std::optional<KeyFile> allowedSigners;  // as ssh-keygen(1), ALLOWED SIGNERS
  std::optional<KeyFile> revokedKeys;     // SSH public keys and "SHA256:..." fingerprints, one a line
  std::optional<KeyFile> gpgKeyring;      // OpenPGP public keys, as gpg --export gives them, binary or armoured
};

enum class Standing : std::uint8_t { good, unsignedCommit, bad };

struct Verdict {
  Standing standing = Standing::bad;
  // Good, Unsigned; else BadSignature, UnknownKey, Revoked, Expired, NotYetValid, WrongNamespace, WrongPrincipal,
  // Malformed, Unsupported.
  std::string reason;
  std::string why;  // a sentence's rest, "is signed with a key that ..."; empty when good
  // Who the key is, as far as the signature said: empty where it could not be read.
  std::string principal;  // as allowed_signers has it, or the user id of an OpenPGP key; only when the key is known
  std::string key;        // "SHA256:...", or the fingerprint of an OpenPGP primary key
  std::string kind;       // "ED25519", "ECDSA", "RSA", "ED25519-SK", "ECDSA-SK", with "-CERT"; "OpenPGP"
  // The id that the commit would have without its signature. A signature can be written down in several ways, each of
  // which gives the commit another id and all of which verify: what is to be kept away is known by this one.
  source::ObjectId payload;
};

// The keys, parsed once, and the judgement.
class Verifier {
 public:
  // "InvalidKeyFile" with file and line. `gpgv` says how gpgv is started (program, user).
  static host::Result<std::unique_ptr<Verifier>> make(const KeyFiles& files, source::WorkerSetup gpgv);
  Verifier() = default;
  Verifier(const Verifier&) = delete;
  Verifier& operator=(const Verifier&) = delete;
  virtual ~Verifier() = default;
  // `atUs` is when the signature counts, in microseconds since the epoch: the first sight of the commit, never what the
  // commit says of itself. (gpgv judges OpenPGP keys by its own now.) "GpgvFailed" where gpgv cannot be asked.
  virtual host::Result<Verdict> verify(const source::Commit& commit, std::int64_t atUs) = 0;
};

// A sentence's rest about a commit: by whom it is signed, or why that does not count and, of one that is not signed,
// who says to be its author.
std::string whose(const source::Commit& commit, const Verdict& verdict);

// How far new commits take a node.
struct Judged {
  // The newest commit, along the first parents of the head, that it may go to: all that is new below it holds, too.
  // nullopt: none, it stays.
  std::optional<source::Commit> to;
  // The first one, from old to new, that does not hold.
  struct Bad {
    source::Commit commit;
    Verdict verdict;
  };
  std::optional<Bad> bad;
};

// When the node saw a commit first, in microseconds since the epoch.
using Sight = std::function<std::int64_t(const source::ObjectId&)>;

// `commits` as newCommits() gives them, not empty: parents first, the head last. One holds when its signature is good,
// or when it need not be signed (mustBeSigned). On first contact it is the head itself that must be signed, whatever it
// changes, and it vouches for all below it. Errors as those of mustBeSigned() and of the verifier.
host::Result<Judged> judge(source::Objects& objects, Verifier& verifier, const std::vector<source::Commit>& commits,
                           std::string_view path, bool firstContact, const Sight& seenAtUs);

}  // namespace bedplate::trust
