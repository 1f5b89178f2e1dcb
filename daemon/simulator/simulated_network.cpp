// Turns the misbehaviour that a service asks for into what a client would have seen of it.
#include "daemon/simulator/simulated_network.h"

#include <algorithm>

#include "daemon/net/url.h"

namespace redflag::daemon {
namespace {

/// How long the whole answer takes to arrive.
Duration time_taken(const ServerResponse& response, Duration latency) {
  const std::size_t size = std::min(response.body.size(), response.cut_after.value_or(response.body.size()));
  const std::size_t pauses = size == 0 ? 0 : (size - 1) / kDripBytes;
  return latency + response.delay + response.drip * static_cast<Duration::rep>(pauses);
}

Result<HttpResponse> as_seen(ServerResponse response, const HttpRequest& request, const std::string& doing) {
  if (!response.dropped.empty()) {
    return fail(ErrorCode::unavailable, doing, response.dropped, "check the network", true);
  }
  if (response.cut_after && *response.cut_after < response.body.size()) {
    return fail(ErrorCode::unavailable, doing, "the connection was closed in the middle of the answer", {},
                true);
  }
  if (response.body.size() > request.max_response_bytes) {
    return fail(ErrorCode::too_large, doing, "the answer is larger than the limit");
  }
  HttpResponse seen;
  seen.status = response.status;
  seen.headers = std::move(response.headers);
  seen.body = std::move(response.body);
  return seen;
}

}  // namespace

void SimulatedNetwork::add_host(const std::string& host, Service service) {
  hosts_[host].service = std::move(service);
}

std::size_t SimulatedNetwork::requests(const std::string& host) const {
  const auto found = hosts_.find(host);
  return found == hosts_.end() ? 0 : found->second.requests;
}

asio::awaitable<Result<HttpResponse>> SimulatedNetwork::send(HttpRequest request) {
  const std::string doing = "asking " + request.label;
  ++total_;
  const auto url = parse_url(request.url, doing);
  if (!url) co_return tl::unexpected<Error>(url.error());
  const auto host = hosts_.find(url->host);
  if (host == hosts_.end()) {
    co_await clock_.sleep(latency_);
    co_return fail(ErrorCode::unavailable, doing, "host not found", "check the name and the DNS", true);
  }
  ++host->second.requests;
  ServerRequest arriving;
  arriving.method = request.method;
  arriving.target = url->target;
  arriving.headers = request.headers;
  arriving.body = request.body;
  ServerResponse response = host->second.service(arriving);
  const Duration taken = time_taken(response, latency_);
  if (taken >= request.timeout) {
    co_await clock_.sleep(request.timeout);
    co_return fail(ErrorCode::timed_out, doing, "no whole answer within " + human_duration(request.timeout),
                   {}, true);
  }
  co_await clock_.sleep(taken);
  co_return as_seen(std::move(response), request, doing);
}

}  // namespace redflag::daemon
