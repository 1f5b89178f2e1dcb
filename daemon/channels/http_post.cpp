#include "daemon/channels/http_post.h"

#include <utility>

namespace redflag::daemon {

asio::awaitable<alerts::SinkAnswer> http_post(HttpTransport& transport, HttpRequest request) {
  request.method = "POST";
  request.timeout = std::chrono::seconds{15};
  request.max_response_bytes = 64 * 1024;
  Result<HttpResponse> response = co_await transport.send(std::move(request));
  alerts::SinkAnswer answer;
  if (response) {
    answer.status = response->status;
    answer.retry_after = response->header("Retry-After");
    answer.body = std::move(response->body);
  } else {
    answer.transport_error = true;
    answer.transport_text = response.error().text();
  }
  co_return answer;
}

}  // namespace redflag::daemon
