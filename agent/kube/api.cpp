#include "agent/kube/kube.h"

namespace bedplate::kube {
namespace {

constexpr std::int64_t kDeadlineMs = 10'000;

}  // namespace

host::Result<std::string> Api::get(const std::string& path, std::size_t mostBytes) {
  source::HttpRequest request;
  request.url = access_.server + path;
  request.ca = access_.ca;
  request.certificate = access_.certificate;
  request.key = access_.key;
  request.mostBytes = mostBytes;
  request.deadlineMs = kDeadlineMs;
  BEDPLATE_TRY_LET(auto answer, session_.send(request));
  if (answer.status == 200) return std::move(answer.body);
  return host::fail(answer.status == 404 ? "NotFound" : "Refused", request.url,
                    "answers with status " + std::to_string(answer.status));
}

}  // namespace bedplate::kube
