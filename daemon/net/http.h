// HTTP as the rest of the daemon sees it: a request goes out, a response or an error comes back.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "rules/values/error.h"
#include "rules/values/time.h"

namespace redflag::daemon {

namespace asio = boost::asio;

struct HttpHeader {
  std::string name;
  std::string value;
};

struct HttpRequest {
  std::string method = "GET";
  std::string
      url;  ///< absolute, http or https; may hold a secret (a Slack webhook): never log it, log `label`
  std::string label;  ///< how errors and logs call this request: "W&B api.wandb.ai", "Slack webhook"
  std::vector<HttpHeader> headers;
  std::string body;
  Duration timeout = std::chrono::seconds{30};  ///< for the whole exchange, DNS and TLS included
  std::size_t max_response_bytes = std::size_t{64}
                                   << 20;  ///< after decompression; more is ErrorCode::too_large
};

struct HttpResponse {
  int status = 0;
  std::vector<HttpHeader> headers;
  std::string body;  ///< decompressed

  /// First header of that name, case-insensitive; empty when there is none.
  std::string_view header(std::string_view name) const;
};

/// Any HTTP status is a response; an Error means that none arrived whole (DNS, connect, TLS, timeout, cut,
/// too large).
class HttpTransport {
 public:
  virtual ~HttpTransport() = default;
  virtual asio::awaitable<Result<HttpResponse>> send(HttpRequest request) = 0;
};

}  // namespace redflag::daemon
