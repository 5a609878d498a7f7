#include "agent/source/http.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <array>

#include "agent/source/channel.h"
#include "agent/source/process.h"
#include "agent/source/text.h"

namespace bedplate::source {
namespace {

using wire::Kind;
using wire::Reader;
using wire::Writer;

constexpr std::size_t kAroundBody = 2048;  // the longest reason and why, or status and length
constexpr std::size_t kMostBody = 32 << 20;
constexpr std::size_t kMaxWhy = 600;
constexpr std::int64_t kLongestMs = 3'600'000;
constexpr std::int64_t kGraceMs = 2000;  // the worker keeps the deadline; this is for one that does not

struct Way {
  std::string_view reason;
  std::string_view todo;
};

// What the worker may say, and the way out of each.
constexpr std::array kWays = {
    Way{"UrlRefused", ""},
    Way{"Unreachable", "it is tried again; check that the server runs and the address is its own"},
    Way{"Timeout", "it is tried again; check whether the server hangs"},
    Way{"CertificateRefused", "check the authority that was given for it, the name and the dates of its certificate"},
    Way{"CredentialsRefused", "check the certificate and the key"},
    Way{"TlsFailed", "check that the port speaks TLS"},
    Way{"Redirected", "redirects are not followed: name the address itself"},
    Way{"TooLarge", ""},
    Way{"NotHttp", "check that the port speaks HTTP"},
    Way{"WorkerFailed", "see the journal; reinstall the package if it stays"},
};

class WorkerHttpSession final : public HttpSession {
 public:
  WorkerHttpSession(Process process, const WorkerSetup& setup)
      : channel_(std::move(process), "bedplate-http", "", kLongestMs, {setup.interruptFd, setup.interrupted}) {}
  ~WorkerHttpSession() override { channel_.say(Writer(Kind::quit).finish()); }

  host::Result<HttpResponse> send(const HttpRequest& request) override;

 private:
  host::Result<HttpResponse> take(const wire::Frame& frame, const HttpRequest& request, std::size_t most);
  host::Failure unanswered(const wire::Frame& frame, const HttpRequest& request);

  Channel channel_;
};

host::Result<HttpResponse> WorkerHttpSession::send(const HttpRequest& request) {
  if (request.body.size() > wire::kMaxHttpBody)
    return host::fail("TooLarge", shownText(request.url, kMaxWhy), "the body to be sent is larger than 1 MiB");
  const std::size_t most = std::min(request.mostBytes, kMostBody);
  const std::int64_t deadline = std::clamp<std::int64_t>(request.deadlineMs, 1, kLongestMs);
  std::string frame = Writer(Kind::request)
                          .text(request.method)
                          .text(request.url)
                          .text(request.ca)
                          .text(request.certificate)
                          .text(request.key)
                          .text(request.token)
                          .text(request.body)
                          .text(request.contentType)
                          .u32(static_cast<std::uint32_t>(most))
                          .u32(static_cast<std::uint32_t>(deadline))
                          .finish();
  channel_.setTimeout(deadline + kGraceMs);
  const host::Status asked = channel_.ask(frame);
  OPENSSL_cleanse(frame.data(), frame.size());
  BEDPLATE_TRY(asked);
  auto answer = channel_.next({Kind::response, Kind::unanswered}, most + kAroundBody);
  if (answer) return take(*answer, request, most);
  if (answer.error().reason == "Timeout")
    return channel_.breach("kept no deadline with " + shownText(request.url, kMaxWhy));
  return host::Failure(std::move(answer).error());
}

host::Result<HttpResponse> WorkerHttpSession::take(const wire::Frame& frame, const HttpRequest& request,
                                                   std::size_t most) {
  if (frame.kind == Kind::unanswered) return unanswered(frame, request);
  Reader reader(frame.payload);
  const auto status = reader.u32();
  const auto body = reader.text();
  if (!status || !body || !reader.done() || body->size() > most || *status < 200 || *status > 999)
    return channel_.breach("sent an answer that cannot be read");
  return HttpResponse{static_cast<int>(*status), std::string(*body)};
}

host::Failure WorkerHttpSession::unanswered(const wire::Frame& frame, const HttpRequest& request) {
  Reader reader(frame.payload);
  const auto reason = reader.text();
  const auto why = reader.text();
  if (!reason || !why || !reader.done()) return channel_.breach("sent a failure that cannot be read");
  const auto* way = std::find_if(kWays.begin(), kWays.end(), [&](const Way& one) { return one.reason == *reason; });
  if (way == kWays.end()) return channel_.breach("failed for a reason that is not known");
  return host::fail(*reason, shownText(request.url, kMaxWhy), shownText(*why, kMaxWhy), way->todo);
}

}  // namespace

host::Result<std::unique_ptr<HttpSession>> HttpSession::start(const WorkerSetup& setup) {
  WorkerSetup ours = setup;
  ours.program = setup.httpProgram;
  BEDPLATE_TRY_LET(Process process, Process::start(ours));
  return std::make_unique<WorkerHttpSession>(std::move(process), setup);
}

}  // namespace bedplate::source
