#include "agent/worker/http.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <optional>

#include "agent/worker/memory_file.h"
#include "agent/worker/wire.h"

namespace bedplate::worker {
namespace {

constexpr std::size_t kMostHeaders = 64 << 10;  // bytes, with those of every interim answer and the trailers
constexpr std::size_t kAroundBody = 64;
constexpr long kConnectMs = 5000;
constexpr int kTooLarge = 100;  // CURLE_TOO_LARGE, from 8.6 on

struct EasyFree {
  void operator()(CURL* easy) const { ::curl_easy_cleanup(easy); }
};
struct ListFree {
  void operator()(curl_slist* list) const { ::curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, EasyFree>;
using List = std::unique_ptr<curl_slist, ListFree>;

std::string_view reasonOf(CURLcode code) {
  switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_LOGIN_DENIED: return "UrlRefused";
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE: return "Unreachable";
    case CURLE_OPERATION_TIMEDOUT: return "Timeout";
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CACERT_BADFILE: return "CertificateRefused";
    case CURLE_SSL_CERTPROBLEM: return "CredentialsRefused";
    case CURLE_SSL_CONNECT_ERROR: return "TlsFailed";
    case CURLE_FILESIZE_EXCEEDED: return "TooLarge";
    case CURLE_UNSUPPORTED_PROTOCOL:  // HTTP/0.9, which is any text
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING: return "NotHttp";
    default: return "WorkerFailed";
  }
}

bool fitForHeader(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > 0x20 && c < 0x7f; });
}

constexpr std::array<std::string_view, 5> kMethods = {"GET", "POST", "PUT", "PATCH", "DELETE"};

bool sameCredentials(const HttpRequest& a, const HttpRequest& b) {
  return a.ca == b.ca && a.certificate == b.certificate && a.key == b.key && a.token == b.token;
}

}  // namespace

// A handle with the options that never change, and what one request gathers.
class HttpClient::Transfer {
 public:
  static host::Result<std::unique_ptr<Transfer>> make(const HttpRequest& credentials);
  host::Result<HttpResponse> run(const HttpRequest& request);

 private:
  host::Status prepare(const HttpRequest& credentials);
  bool restrict();
  bool useKey(const HttpRequest& credentials);
  bool ask(const HttpRequest& request);
  host::Failure failed(CURLcode code) const;
  static std::size_t onHeader(const char* data, std::size_t one, std::size_t size, void* self);
  static std::size_t onBody(const char* data, std::size_t one, std::size_t size, void* self);

  template <class T>
  bool set(CURLoption option, T value) {
    return ::curl_easy_setopt(easy_.get(), option, value) == CURLE_OK;
  }

  Easy easy_;
  List headers_;  // of the last request; libcurl holds on to it
  std::string authorization_;
  std::optional<MemoryFile> ca_;
  std::array<char, CURL_ERROR_SIZE> why_{};
  std::string body_;
  std::size_t mostBody_ = 0;
  std::size_t headerBytes_ = 0;
  bool tooLarge_ = false;
};

std::size_t HttpClient::Transfer::onHeader(const char* /*data*/, std::size_t one, std::size_t size, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  transfer.headerBytes_ += one * size;
  transfer.tooLarge_ = transfer.headerBytes_ > kMostHeaders;
  return transfer.tooLarge_ ? 0 : one * size;
}

std::size_t HttpClient::Transfer::onBody(const char* data, std::size_t one, std::size_t size, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  transfer.tooLarge_ = one * size > transfer.mostBody_ - transfer.body_.size();
  if (transfer.tooLarge_) return 0;
  transfer.body_.append(data, one * size);
  return one * size;
}

host::Result<std::unique_ptr<HttpClient::Transfer>> HttpClient::Transfer::make(const HttpRequest& credentials) {
  auto transfer = std::make_unique<Transfer>();
  BEDPLATE_TRY(transfer->prepare(credentials));
  return transfer;
}

bool HttpClient::Transfer::restrict() {
#if CURL_AT_LEAST_VERSION(7, 85, 0)
  const bool protocols = set(CURLOPT_PROTOCOLS_STR, "http,https");
#else
  const bool protocols = set(CURLOPT_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
  return protocols && set(CURLOPT_FOLLOWLOCATION, 0L) && set(CURLOPT_PROXY, "") &&
         set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED)) && set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) &&
         set(CURLOPT_NOSIGNAL, 1L) && set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1)) &&
         set(CURLOPT_HTTP09_ALLOWED, 0L) && set(CURLOPT_SSL_VERIFYPEER, 1L) && set(CURLOPT_SSL_VERIFYHOST, 2L) &&
         set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
}

bool HttpClient::Transfer::useKey(const HttpRequest& credentials) {
  const auto blob = [this](CURLoption option, const std::string& text) {
    curl_blob whole{const_cast<char*>(text.data()), text.size(), CURL_BLOB_COPY};
    return set(option, &whole);
  };
  return set(CURLOPT_SSLCERTTYPE, "PEM") && blob(CURLOPT_SSLCERT_BLOB, credentials.certificate) &&
         set(CURLOPT_SSLKEYTYPE, "PEM") && blob(CURLOPT_SSLKEY_BLOB, credentials.key);
}

host::Status HttpClient::Transfer::prepare(const HttpRequest& credentials) {
  const auto refused = [] { return host::fail("WorkerFailed", "", "libcurl does not take an option"); };
  easy_.reset(::curl_easy_init());
  if (!easy_ || !restrict()) return refused();
  const bool ours = set(CURLOPT_ERRORBUFFER, why_.data()) && set(CURLOPT_HEADERFUNCTION, &Transfer::onHeader) &&
                    set(CURLOPT_HEADERDATA, this) && set(CURLOPT_WRITEFUNCTION, &Transfer::onBody) &&
                    set(CURLOPT_WRITEDATA, this) && set(CURLOPT_USERAGENT, "bedplate/" BEDPLATE_VERSION);
  if (!ours) return refused();
  if (!credentials.ca.empty()) {
    // By a path, as libcurl of RHEL 9 takes no text. The system's own authorities are not asked.
    BEDPLATE_TRY_LET(ca_, MemoryFile::make(credentials.ca));
    if (!set(CURLOPT_CAINFO, ca_->path().c_str()) || !set(CURLOPT_CAPATH, static_cast<const char*>(nullptr)))
      return refused();
  }
  if (!credentials.certificate.empty() && !useKey(credentials)) return refused();
  if (credentials.token.empty()) return {};
  if (!fitForHeader(credentials.token))
    return host::fail("CredentialsRefused", "", "the token holds what cannot stand in a header");
  authorization_ = "Authorization: Bearer " + credentials.token;
  return {};
}

// Method, headers and body. No "Expect: 100-continue": it costs a second with a server that does not answer it.
bool HttpClient::Transfer::ask(const HttpRequest& request) {
  List headers;
  const auto add = [&headers](const std::string& line) {
    curl_slist* list = ::curl_slist_append(headers.get(), line.c_str());
    if (list != nullptr && headers == nullptr) headers.reset(list);  // else it is the one that we have, longer
    return list != nullptr;
  };
  if (!add("Expect:") || (!authorization_.empty() && !add(authorization_)) ||
      (!request.body.empty() && !add("Content-Type: " + request.contentType)))
    return false;
  if (!set(CURLOPT_HTTPHEADER, headers.get())) return false;
  headers_ = std::move(headers);
  if (request.body.empty() && request.method != "POST") {
    // The fields of an earlier request are gone; to forget them makes it a POST again, so that comes first.
    return set(CURLOPT_POSTFIELDS, static_cast<const char*>(nullptr)) && set(CURLOPT_HTTPGET, 1L) &&
           set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  return set(CURLOPT_POST, 1L) && set(CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body.size())) &&
         set(CURLOPT_POSTFIELDS, request.body.c_str()) && set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

host::Failure HttpClient::Transfer::failed(CURLcode code) const {
  if (tooLarge_)
    return host::fail("TooLarge", "",
                      headerBytes_ > kMostHeaders
                          ? "the answer's header is larger than 64 KiB"
                          : "the answer is larger than " + std::to_string(mostBody_) + " bytes");
  // A line of the header that has no end.
  if (code == CURLE_OUT_OF_MEMORY || static_cast<int>(code) == kTooLarge)
    return host::fail("TooLarge", "", "a line of the answer's header is too long, or there is no memory left");
  const std::string_view why(why_.data());
  return host::fail(reasonOf(code), "", why.empty() ? ::curl_easy_strerror(code) : why);
}

host::Result<HttpResponse> HttpClient::Transfer::run(const HttpRequest& request) {
  mostBody_ = std::min<std::size_t>(request.mostBytes, wire::kMaxFrame - kAroundBody);
  body_.clear();
  headerBytes_ = 0;
  tooLarge_ = false;
  why_.front() = '\0';
  const long deadline = static_cast<long>(request.deadlineMs);
  if (!set(CURLOPT_URL, request.url.c_str()) || !ask(request) || !set(CURLOPT_TIMEOUT_MS, deadline) ||
      !set(CURLOPT_CONNECTTIMEOUT_MS, std::min(deadline, kConnectMs)))
    return host::fail("WorkerFailed", "", "libcurl does not take the request");
  const CURLcode code = ::curl_easy_perform(easy_.get());
  if (code != CURLE_OK) return failed(code);
  long status = 0;
  ::curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status >= 300 && status < 400)
    return host::fail("Redirected", "", "the answer is a redirect (" + std::to_string(status) + ")");
  return HttpResponse{status, std::move(body_)};
}

HttpClient::HttpClient() { ::curl_global_init(CURL_GLOBAL_DEFAULT); }

HttpClient::~HttpClient() = default;

host::Result<HttpResponse> HttpClient::send(const HttpRequest& request) {
  if (std::find(kMethods.begin(), kMethods.end(), request.method) == kMethods.end())
    return host::fail("WorkerFailed", "", "the method is not one of GET, POST, PUT, PATCH, DELETE");
  const bool typed = !request.contentType.empty() && fitForHeader(request.contentType);
  if (!request.body.empty() && (request.method == "GET" || !typed))
    return host::fail("WorkerFailed", "", "a body needs a method that takes one, and a content type");
  const bool secure = request.url.rfind("https://", 0) == 0;
  if (!secure && request.url.rfind("http://", 0) != 0)
    return host::fail("UrlRefused", "", "only http:// and https:// are spoken");
  if (secure && request.ca.empty()) return host::fail("CertificateRefused", "", "no authority was given to trust");
  if (!secure && (!request.key.empty() || !request.token.empty()))
    return host::fail("UrlRefused", "", "a key or a token is not sent by plain http");
  // libcurl would keep a connection for the same path of a CA file, whatever was in it.
  if (!transfer_ || !sameCredentials(credentials_, request)) {
    transfer_.reset();
    BEDPLATE_TRY_LET(transfer_, Transfer::make(request));
    credentials_ = request;
  }
  return transfer_->run(request);
}

}  // namespace bedplate::worker
