// HTTP as it comes from a worker: what a server answered, bounded, or why there is no answer. Part of the contract of
// agent/source (source.h).
//
// bedplate-http (agent/worker) talks to the server as an unprivileged user, over http:// and https:// with the
// authorities of the request and no others. It follows no redirect and takes nothing from the environment. What comes
// back is a server's word by way of a worker's: bounded and nothing more.
// Thread-safety: plain values; a session is used from one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "agent/source/source.h"

namespace bedplate::source {

// Secrets are in memory only.
struct HttpRequest {
  std::string method = "GET";  // or POST, PUT, PATCH, DELETE
  std::string url;             // http://HOST[:PORT]/PATH or https://..., without a user name
  std::string ca;              // PEM text; https needs it, as the system's authorities do not count
  std::string certificate;     // PEM text, with its key, for https; empty: none
  std::string key;
  std::string token;                // sent as a bearer token, by https only; empty: none
  std::string body;                 // at most 1 MiB; none with GET
  std::string contentType;          // of the body, which needs one
  std::size_t mostBytes = 1 << 20;  // of the answer's body, at most 32 MiB
  std::int64_t deadlineMs = 5000;   // from the look-up of the name to the last byte; at most an hour
};

struct HttpResponse {
  int status = 0;  // 200 to 299, or 400 and more
  std::string body;
};

// One worker for any number of requests, one after the other; connections are kept between requests with the same
// credentials. Ends with the object.
class HttpSession {
 public:
  // Starts setup.httpProgram. "WorkerFailed".
  static host::Result<std::unique_ptr<HttpSession>> start(const WorkerSetup& setup);
  HttpSession() = default;
  HttpSession(const HttpSession&) = delete;
  HttpSession& operator=(const HttpSession&) = delete;
  virtual ~HttpSession() = default;

  // Within the deadline and two seconds more. Reasons: UrlRefused, Unreachable, Timeout, CertificateRefused (the
  // server's), CredentialsRefused (ours cannot be used), TlsFailed, Redirected, TooLarge, NotHttp, WorkerFailed,
  // Cancelled (WorkerSetup::interrupted). Once the worker is gone, by the last or by its own fault, every later call
  // fails.
  virtual host::Result<HttpResponse> send(const HttpRequest& request) = 0;
};

}  // namespace bedplate::source
