// The Kubernetes API as far as Bedplate asks it: by way of the HTTP worker, as the client of K3s's own kubeconfig.
// Thread-safety: plain values; an Api is used from one thread.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "agent/source/http.h"
#include "tuning/host/files.h"

namespace bedplate::kube {

// Where the API is and who we are to it. Secrets are in memory only.
struct Access {
  std::string server;       // "https://127.0.0.1:6443"
  std::string ca;           // PEM text
  std::string certificate;  // PEM text, with its key
  std::string key;
};

// Gives what lies at a path that a kubeconfig names.
using ReadPem = std::function<host::Result<std::string>(const std::string& path)>;

// The current context of a kubeconfig as K3s writes it: with its credentials in itself, or, where `pem` is given, by
// the paths of their files. "Malformed" with what is missing; https only. `thing` is for messages.
host::Result<Access> parseKubeconfig(std::string_view text, const std::string& thing, const ReadPem& pem = {});
// The administrator's, on a server. "NotFound" where there is none.
host::Result<Access> readServerKubeconfig(host::Files& files);
// The one that this host has: the administrator's on a server, the kubelet's on an agent, which may read Nodes and
// write its own one. Files that it names must lie below K3s's data directory. "NotFound" before K3s's first start.
host::Result<Access> readKubeconfig(host::Files& files);

// What the API says in the body of an answer that is no success: the `message` of its Status, else the beginning of
// the text, fit to be shown.
std::string parseStatusMessage(std::string_view body);

class Api {
 public:
  Api(source::HttpSession& session, Access access) : session_(session), access_(std::move(access)) {}
  // Each gives the body of the answer, bounded. Reasons: "NotFound" (404), "Conflict" (409: it exists, or another
  // version of it), "Unavailable" (429 and 5xx: later perhaps), "Refused" (any other status but 200 to 299), and those
  // of source::HttpSession. A request that was not answered may have been done.
  host::Result<std::string> get(const std::string& path, std::size_t mostBytes);
  // To the path of a collection. A dry run is asked for in the path (?dryRun=All).
  host::Result<std::string> create(const std::string& path, std::string json);
  // With the resourceVersion that was read, the write of another one in between is a Conflict.
  host::Result<std::string> replace(const std::string& path, std::string json);
  host::Result<std::string> patch(const std::string& path, std::string json);  // a JSON merge patch
  // `json`: DeleteOptions, whose preconditions name what is to be deleted; "": none.
  host::Result<std::string> remove(const std::string& path, std::string json = "");

 private:
  host::Result<std::string> send(source::HttpRequest request, const std::string& path);

  source::HttpSession& session_;
  Access access_;
};

}  // namespace bedplate::kube
