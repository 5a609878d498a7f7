// libcurl as the worker wants it: HTTP/1.1 by http and https, one request, one answer. No redirects, no proxies and no
// configuration from the environment, no signals; certificates are always verified.
// Thread-safety: used from one thread; one object in a process.
#pragma once

#include <memory>
#include <string>

#include "agent/worker/http_request.h"
#include "tuning/host/result.h"

namespace bedplate::worker {

struct HttpResponse {
  long status = 0;  // 200 to 299, or 400 and more: a redirect is an error
  std::string body;
};

class HttpClient {
 public:
  HttpClient();
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Ends within the request's deadline. A connection is kept for the next request with the same credentials.
  // A method other than GET, POST, PUT, PATCH and DELETE, a body with GET or without a content type: WorkerFailed.
  // Reasons: UrlRefused, Unreachable, Timeout, CertificateRefused (the server's), CredentialsRefused (ours cannot be
  // used), TlsFailed, Redirected, TooLarge, NotHttp, WorkerFailed.
  host::Result<HttpResponse> send(const HttpRequest& request);

 private:
  class Transfer;
  std::unique_ptr<Transfer> transfer_;
  HttpRequest credentials_;  // of transfer_: no more than what its connections were made with
};

}  // namespace bedplate::worker
