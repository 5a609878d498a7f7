#include <cstdlib>

#include "agent/worker/http_request.h"
#include "agent/worker/job.h"
#include "agent/worker/wire.h"

// Frames off a foreign stream, every getter over each payload, and what the workers take them for.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bedplate::wire;
  std::string buffer(reinterpret_cast<const char*>(data), size);
  bool bad = false;
  while (const auto frame = takeFrame(buffer, bad, 1 << 16)) {
    if (frame->payload.size() >= 1 << 16) std::abort();
    if (const auto job = bedplate::worker::decodeJob(frame->payload))
      if (job->url.size() + job->mirror.size() > frame->payload.size()) std::abort();
    if (const auto request = bedplate::worker::decodeHttpRequest(frame->payload))
      if (request->deadlineMs == 0 || request->body.size() > kMaxHttpBody ||
          request->url.size() + request->body.size() + request->contentType.size() > frame->payload.size())
        std::abort();
    Reader reader(frame->payload);
    std::size_t taken = 0;
    if (reader.u8()) taken += 1;
    if (reader.u32()) taken += 4;
    while (const auto text = reader.text()) taken += 4 + text->size();
    if (taken > frame->payload.size()) std::abort();
    if (reader.u64()) std::abort();  // nothing comes after a short read
  }
  if (bad && buffer.size() < 4) std::abort();
  return 0;
}
