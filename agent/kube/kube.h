// The Kubernetes API as far as Bedplate asks it: by way of the HTTP worker, as the client of K3s's own kubeconfig.
// Thread-safety: plain values; an Api is used from one thread.
#pragma once

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

// The current context of a kubeconfig that carries its credentials in itself, as K3s writes it. "Malformed" with what
// is missing; https only. `thing` is for messages.
host::Result<Access> parseKubeconfig(std::string_view text, const std::string& thing);
// K3s's own, on a server. "NotFound" where there is none.
host::Result<Access> readKubeconfig(host::Files& files);

class Api {
 public:
  Api(source::HttpSession& session, Access access) : session_(session), access_(std::move(access)) {}
  // The body of a GET of this path ("/readyz"). "NotFound" for 404, "Refused" for any other status but 200, and the
  // reasons of source::HttpSession.
  host::Result<std::string> get(const std::string& path, std::size_t mostBytes);

 private:
  source::HttpSession& session_;
  Access access_;
};

}  // namespace bedplate::kube
