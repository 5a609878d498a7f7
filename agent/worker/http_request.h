// One HTTP request as the agent hands it over.
// Thread-safety: plain values and a free function.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bedplate::worker {

struct HttpRequest {
  std::string method;
  std::string url;
  std::string ca;                // PEM text; the only authorities that count for this request
  std::string certificate;       // PEM text of ours, with its chain; empty: none
  std::string key;               // PEM text, of the certificate
  std::string token;             // sent as a bearer token; empty: none
  std::string body;              // at most wire::kMaxHttpBody
  std::string contentType;       // of the body
  std::uint32_t mostBytes = 0;   // of the answer's body
  std::uint32_t deadlineMs = 0;  // from the look-up of the name to the last byte
};

// nullopt when the payload is not a request: something short or left over, a body beyond its bound, or a deadline of 0
// or over an hour.
std::optional<HttpRequest> decodeHttpRequest(std::string_view payload);

}  // namespace bedplate::worker
