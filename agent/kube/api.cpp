#include <nlohmann/json.hpp>

#include "agent/kube/kube.h"
#include "agent/source/text.h"

namespace bedplate::kube {
namespace {

constexpr std::int64_t kDeadlineMs = 10'000;
constexpr std::size_t kMostAnswer = 4 << 20;  // of a write: the object, as it is now
constexpr std::size_t kMostStatus = 64 << 10;
constexpr std::size_t kMostMessage = 500;
constexpr const char* kJson = "application/json";

const char* reasonOf(int status) {
  if (status == 404) return "NotFound";
  if (status == 409) return "Conflict";
  return status == 429 || status >= 500 ? "Unavailable" : "Refused";
}

source::HttpRequest writing(const char* method, std::string json, const char* contentType) {
  source::HttpRequest request;
  request.method = method;
  if (!json.empty()) request.contentType = contentType;
  request.body = std::move(json);
  request.mostBytes = kMostAnswer;
  return request;
}

}  // namespace

std::string parseStatusMessage(std::string_view body) {
  body = body.substr(0, kMostStatus);
  const auto json = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (json.is_object()) {
    const auto message = json.find("message");
    if (message != json.end() && message->is_string())
      return source::shownText(message->get_ref<const std::string&>(), kMostMessage);
  }
  return source::shownText(body, kMostMessage);
}

host::Result<std::string> Api::send(source::HttpRequest request, const std::string& path) {
  request.url = access_.server + path;
  request.ca = access_.ca;
  request.certificate = access_.certificate;
  request.key = access_.key;
  request.deadlineMs = kDeadlineMs;
  BEDPLATE_TRY_LET(auto answer, session_.send(request));
  if (answer.status >= 200 && answer.status < 300) return std::move(answer.body);
  std::string why = "answers with status " + std::to_string(answer.status);
  if (const std::string message = parseStatusMessage(answer.body); !message.empty()) why += ": " + message;
  return host::fail(reasonOf(answer.status), request.url, why);
}

host::Result<std::string> Api::get(const std::string& path, std::size_t mostBytes) {
  source::HttpRequest request;
  request.mostBytes = mostBytes;
  return send(std::move(request), path);
}

host::Result<std::string> Api::create(const std::string& path, std::string json) {
  return send(writing("POST", std::move(json), kJson), path);
}

host::Result<std::string> Api::replace(const std::string& path, std::string json) {
  return send(writing("PUT", std::move(json), kJson), path);
}

host::Result<std::string> Api::patch(const std::string& path, std::string json) {
  return send(writing("PATCH", std::move(json), "application/merge-patch+json"), path);
}

host::Result<std::string> Api::remove(const std::string& path, std::string json) {
  return send(writing("DELETE", std::move(json), kJson), path);
}

}  // namespace bedplate::kube
