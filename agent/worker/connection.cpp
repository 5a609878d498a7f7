#include "agent/worker/connection.h"

#include <optional>

#include "agent/worker/git_error.h"
#include "agent/worker/git_handles.h"
#include "agent/worker/known_hosts.h"

namespace bedplate::worker {
namespace {

// Sent where the URL names no user. Every great forge takes any name beside a token; GitLab wants this one for OAuth.
constexpr const char* kTokenUser = "oauth2";
constexpr const char* kSshUser = "git";

std::string_view message(const git_error* error) {
  return error != nullptr && error->message != nullptr ? error->message : "";
}

}  // namespace

struct Connection::State {
  const Job& job;
  git_repository* repository;
  Progress progress;
  Handle<git_remote> remote;
  // What a callback found out; it knows better than the error that libgit2 makes of it.
  std::optional<host::Error> refusal;
  bool offered = false;  // the key or the token was sent once already
  std::uint64_t sideband = 0;
  std::uint64_t packed = 0;
  std::uint64_t received = 0;

  [[nodiscard]] git_remote_callbacks callbacks();
  int refuse(const char* reason, std::string why);
  bool tell() { return progress(sideband + packed + received); }
  int credential(git_credential** out, const char* url, const char* user, unsigned allowed);
  int checkHostKey(const git_cert* cert, const char* host);
  [[nodiscard]] host::Failure failure(int code) const;
};

int Connection::State::refuse(const char* reason, std::string why) {
  if (!refusal) refusal = host::Error{reason, 0, "", std::move(why), ""};
  git_error_set_str(GIT_ERROR_CALLBACK, reason);
  return GIT_EUSER;
}

int Connection::State::credential(git_credential** out, const char* url, const char* user, unsigned allowed) {
  const auto asked = parseUrl(url == nullptr ? "" : url);
  // scp-like URLs come back as they are; any other host is none that the credentials are for.
  if (!asked || asked->host != job.parsed.host || asked->scheme != job.parsed.scheme)
    return refuse("AuthenticationFailed", "asks for credentials in the name of another host");
  if ((allowed & GIT_CREDENTIAL_USERNAME) != 0)
    return git_credential_username_new(out, user != nullptr ? user : kSshUser);
  if (job.parsed.scheme == Scheme::ssh) {
    if ((allowed & (GIT_CREDENTIAL_SSH_MEMORY | GIT_CREDENTIAL_SSH_KEY)) == 0)
      return refuse("AuthenticationFailed", "does not take SSH keys");
    if (job.sshKey.empty()) return refuse("AuthenticationFailed", "wants an SSH key and none is configured");
    if (offered) return refuse("AuthenticationFailed", "does not accept the SSH key");
    offered = true;
    return git_credential_ssh_key_memory_new(out, user != nullptr ? user : kSshUser, nullptr, job.sshKey.c_str(),
                                             nullptr);
  }
  if ((allowed & GIT_CREDENTIAL_USERPASS_PLAINTEXT) == 0)
    return refuse("AuthenticationFailed", "does not take a user name and a token");
  if (job.token.empty()) return refuse("AuthenticationFailed", "wants a token and none is configured");
  if (offered) return refuse("AuthenticationFailed", "does not accept the token");
  offered = true;
  const std::string& name = job.parsed.user;
  return git_credential_userpass_plaintext_new(out, name.empty() ? kTokenUser : name.c_str(), job.token.c_str());
}

int Connection::State::checkHostKey(const git_cert* cert, const char* host) {
  const auto* key = reinterpret_cast<const git_cert_hostkey*>(cert);
  if ((key->type & GIT_CERT_SSH_RAW) == 0 || key->hostkey == nullptr)
    return refuse("HostKeyRefused", "the host key cannot be read");
  const std::string_view raw(key->hostkey, key->hostkey_len);
  const std::string seen = fingerprint(raw);
  const std::string_view name = host == nullptr ? "" : host;
  if (name != job.parsed.host) return refuse("HostKeyRefused", "is not the host that was asked for");
  switch (worker::checkHostKey(job.knownHosts, job.parsed.host, job.parsed.port, raw)) {
    case HostKeyVerdict::trusted: return 0;
    case HostKeyVerdict::unknownHost: return refuse("HostKeyRefused", "no key of this host is known; it shows " + seen);
    case HostKeyVerdict::otherKey:
      return refuse("HostKeyRefused", "another key is known for this host; it shows " + seen);
    case HostKeyVerdict::revoked: return refuse("HostKeyRefused", "this key is revoked: " + seen);
  }
  return refuse("HostKeyRefused", "the host key cannot be checked");
}

git_remote_callbacks Connection::State::callbacks() {
  git_remote_callbacks callbacks = GIT_REMOTE_CALLBACKS_INIT;
  callbacks.payload = this;
  callbacks.credentials = [](git_credential** out, const char* url, const char* user, unsigned allowed, void* self) {
    return static_cast<State*>(self)->credential(out, url, user, allowed);
  };
  callbacks.certificate_check = [](git_cert* cert, int valid, const char* host, void* self) {
    auto* state = static_cast<State*>(self);
    if (cert->cert_type == GIT_CERT_HOSTKEY_LIBSSH2) return state->checkHostKey(cert, host);
    if (cert->cert_type == GIT_CERT_X509 && valid == 1) return 0;
    return state->refuse("CertificateRefused", "the certificate is not valid for this host, or not by a known CA");
  };
  callbacks.transfer_progress = [](const git_indexer_progress* seen, void* self) {
    auto* state = static_cast<State*>(self);
    state->received = seen->received_bytes + seen->received_objects + seen->indexed_objects + seen->indexed_deltas;
    return state->tell() ? 0 : static_cast<int>(GIT_EUSER);
  };
  callbacks.sideband_progress = [](const char*, int length, void* self) {
    auto* state = static_cast<State*>(self);
    state->sideband += static_cast<std::uint64_t>(length);
    return state->tell() ? 0 : static_cast<int>(GIT_EUSER);
  };
  callbacks.pack_progress = [](int, std::uint32_t, std::uint32_t, void* self) {
    auto* state = static_cast<State*>(self);
    ++state->packed;
    return state->tell() ? 0 : static_cast<int>(GIT_EUSER);
  };
  return callbacks;
}

host::Failure Connection::State::failure(int code) const {
  if (refusal) return host::Failure(*refusal);
  const git_error* error = git_error_last();
  const std::string_view why = message(error);
  const int kind = error != nullptr ? error->klass : GIT_ERROR_NONE;
  const auto says = [&](std::string_view words) { return why.find(words) != std::string_view::npos; };
  if (code == GIT_EAUTH || says("status code: 401") || says("status code: 403"))
    return host::fail("AuthenticationFailed", "", gitMessage());
  if (code == GIT_ECERTIFICATE)
    return host::fail(job.parsed.scheme == Scheme::ssh ? "HostKeyRefused" : "CertificateRefused", "", gitMessage());
  // libssh2 says only this when the key does not parse.
  if (kind == GIT_ERROR_SSH && (says("authenticat") || says("publickey") || says("Unable to extract public key")))
    return host::fail("AuthenticationFailed", "", gitMessage());
  if (says("redirect"))
    return host::fail("RemoteUnreachable", "",
                      "the server sends us to another host (which is not followed): " + gitMessage());
  return host::fail("RemoteUnreachable", "", gitMessage());
}

Connection::Connection(const Job& job, git_repository* repository, Progress progress)
    : state_(new State{job, repository, std::move(progress), {}, {}, false, 0, 0, 0}) {}

Connection::~Connection() = default;

host::Result<std::string> Connection::look() {
  State& state = *state_;
  if (git_remote_create_anonymous(Out(state.remote), state.repository, state.job.url.c_str()) != 0)
    return host::fail("UrlRefused", "", gitMessage());
  git_remote_connect_options options = GIT_REMOTE_CONNECT_OPTIONS_INIT;
  options.callbacks = state.callbacks();
  options.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
  git_error_clear();
  if (const int code = git_remote_connect_ext(state.remote.get(), GIT_DIRECTION_FETCH, &options); code != 0)
    return state.failure(code);
  const git_remote_head** heads = nullptr;
  std::size_t count = 0;
  if (const int code = git_remote_ls(&heads, &count, state.remote.get()); code != 0) return state.failure(code);
  const std::string name = "refs/heads/" + state.job.branch;
  for (std::size_t i = 0; i < count; ++i) {
    if (name != heads[i]->name) continue;
    char hex[GIT_OID_HEXSZ + 1];
    return std::string(git_oid_tostr(hex, sizeof hex, &heads[i]->oid));
  }
  return host::fail("BranchNotFound", "",
                    count == 0 ? "the repository has no commits" : "has no branch '" + state.job.branch + "'");
}

host::Status Connection::download() {
  State& state = *state_;
  const std::string name = "refs/heads/" + state.job.branch;
  std::string spec = "+" + name + ":" + name;
  char* specs[] = {spec.data()};
  const git_strarray wanted{specs, 1};
  git_fetch_options options = GIT_FETCH_OPTIONS_INIT;
  options.callbacks = state.callbacks();
  options.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
  options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
  options.update_fetchhead = 0;
  git_error_clear();
  const int code = git_remote_download(state.remote.get(), &wanted, &options);
  if (code == 0) return {};
  const git_error* error = git_error_last();
  const int kind = error != nullptr ? error->klass : GIT_ERROR_NONE;
  // What these report lies in the mirror, not on the way. (A full disk is OS, and no reason to fetch all again.)
  if (!state.refusal && (kind == GIT_ERROR_ODB || kind == GIT_ERROR_REFERENCE || kind == GIT_ERROR_REPOSITORY ||
                         kind == GIT_ERROR_CONFIG || kind == GIT_ERROR_ZLIB || kind == GIT_ERROR_OBJECT))
    return mirrorFailed("cannot take what was fetched");
  return state.failure(code);
}

}  // namespace bedplate::worker
