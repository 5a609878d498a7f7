// Who may move a node: the history rule with the floor that it keeps, and the signatures of commits. And what only this
// node may read: sealed files.
//
// The accepted commit is the last one that this node went to. It is a file of its own (var/lib/bedplate/accepted), so
// that it outlives the state database. A new head must be it or descend from it.
//
// Signatures are SSH's (SSHSIG, namespace "git"), checked here with OpenSSL alone, and OpenPGP's, checked by gpgv as an
// unprivileged child. A verdict on a commit is a value; an error means that there is no verdict: a file of keys that
// cannot be understood, a gpgv that is not there. docs/trust.md says where verdicts differ from git's, and why.
// Thread-safety: free functions, one writer; a Verifier is used from one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/source/source.h"
#include "tuning/host/clock.h"
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

// --- sealed files (docs/sealed.md) ---
//
// The format of Sealed Secrets with the strict scope: for one cluster and one file name. Content is in memory as a
// Secret only, which is wiped when it goes; no error text of these functions holds any of it.

// Bytes that are wiped when they go, and never copied.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::size_t size);           // zeros
  static Secret takenFrom(std::string& text);  // wipes the text
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  ~Secret();
  [[nodiscard]] std::string_view view() const { return {bytes_.get(), size_}; }
  [[nodiscard]] char* data() { return bytes_.get(); }
  [[nodiscard]] std::size_t size() const { return size_; }
  void shrink(std::size_t size);  // wipes the rest; a larger size changes nothing

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0, held_ = 0;
};

// For which file something is sealed: the cluster's name, and the name of the file without folders and ".sealed".
struct SealedFor {
  std::string cluster, name;
};
// Of a path that may end in ".sealed".
SealedFor sealedFor(const std::string& cluster, std::string_view path);
// Why it cannot be sealed for that; "" when it can.
std::string wrongWith(const SealedFor& whom);

// Whether the text has the form of a sealed file, which is all that can be told without a key: one line of base64, the
// length of an RSA block that may be, room for the rest. "NotSealed" says what is wrong.
host::Status looksSealed(std::string_view text);

// Opens a sealed text. Reasons: "NotSealed", "SealedElsewhere" (no key here opens it: for another key, cluster or
// name), "SealedTooWidely" (for a namespace or a cluster as a whole, and so for any file), "SealedDamaged" (content
// that was changed), "NoSealingKey", "Denied" (a key that others may read). An opener that is no node's own may say
// kNotHere instead, where it has no key to judge by: that is no mistake.
inline constexpr const char* kNotHere = "NotHere";
using Opener = std::function<host::Result<Secret>(std::string_view text, const SealedFor& whom)>;
// With the keys in var/lib/bedplate/sealing, read anew each time and wiped; tries all of them. Once it has a key
// this process leaves no core dump. `files` must outlive it.
Opener keysOf(host::Files& files);

struct Certificate {
  std::string pem, subject, fingerprint;  // SHA-256, hex
  std::int64_t notAfterUs = 0;
  int bits = 0;  // of its RSA key
};
// The first one in a PEM text. "Invalid" when there is none, or none that files can be sealed for.
host::Result<Certificate> readCertificate(std::string_view pem);

// Seals for the certificate: one line of base64, without a newline. "Expired" when it is no longer valid.
host::Result<std::string> seal(const Certificate& certificate, const SealedFor& whom, std::string_view content,
                               std::int64_t nowUs);

// var/lib/bedplate/sealing/*.pem (0600, root): an RSA key each, and its certificate. The certificate of the last one by
// name is what to seal for; a copy of it lies where everyone may read it (var/lib/bedplate/sealing.crt).
//
// Makes a key when there is none, and the copy when it is not that of the last key. `made`, where given, says whether a
// key was made. Takes seconds then. Durable when it returns.
host::Status ensureSealingKey(host::Files& files, host::Clock& clock, const std::string& node, bool* made = nullptr);
// Makes another key; those before stay, and open what was sealed for them.
host::Status addSealingKey(host::Files& files, host::Clock& clock, const std::string& node);
// The copy.
host::Result<Certificate> sealingCertificate(host::Files& files);

}  // namespace bedplate::trust
