#include "agent/worker/channel.h"
#include "agent/worker/http.h"
#include "agent/worker/serve.h"

namespace bedplate::worker {
namespace {

using wire::Kind;
using wire::Writer;

constexpr std::size_t kMaxWhy = 1000;

std::string frameOf(const host::Result<HttpResponse>& answer) {
  if (answer) return Writer(Kind::response).u32(static_cast<std::uint32_t>(answer->status)).text(answer->body).finish();
  return Writer(Kind::unanswered).text(answer.error().reason).text(answer.error().why.substr(0, kMaxWhy)).finish();
}

}  // namespace

int serve(int fd) {
  Channel channel(fd);
  HttpClient client;
  while (const auto frame = channel.receive()) {
    if (frame->kind == Kind::quit) return 0;
    const auto request = frame->kind == Kind::request ? decodeHttpRequest(frame->payload) : std::nullopt;
    if (!request) return 2;
    if (!channel.send(frameOf(client.send(*request)))) return 0;
  }
  return 0;
}

}  // namespace bedplate::worker
