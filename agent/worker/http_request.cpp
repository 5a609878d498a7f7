#include "agent/worker/http_request.h"

#include "agent/worker/wire.h"

namespace bedplate::worker {
namespace {

constexpr std::uint32_t kLongestMs = 3'600'000;

}  // namespace

std::optional<HttpRequest> decodeHttpRequest(std::string_view payload) {
  wire::Reader reader(payload);
  HttpRequest request;
  for (std::string* field : {&request.method, &request.url, &request.ca, &request.certificate, &request.key,
                             &request.token, &request.body, &request.contentType}) {
    const auto text = reader.text();
    if (!text) return std::nullopt;
    *field = *text;
  }
  const auto most = reader.u32();
  const auto deadline = reader.u32();
  if (!most || !deadline || !reader.done() || *deadline == 0 || *deadline > kLongestMs) return std::nullopt;
  if (request.body.size() > wire::kMaxHttpBody) return std::nullopt;
  request.mostBytes = *most;
  request.deadlineMs = *deadline;
  return request;
}

}  // namespace bedplate::worker
