#include "daemon/api/probes.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "daemon/api/forms.h"
#include "daemon/metrics/exposition.h"
#include "daemon/metrics/metrics_text.h"

namespace redflag::daemon::api {
namespace {

constexpr std::array<std::string_view, 3> kPaths{"/metrics", "/healthz", "/readyz"};
/// Live runs come before ended ones but for those with critical alerts; /metrics shows 200 of them.
constexpr std::size_t kMostRuns = 1000;

std::string state(std::string_view word, const std::vector<std::string>& reasons) {
  std::string list;
  for (const std::string& reason : reasons) list += (list.empty() ? "" : ",") + json_text(reason);
  return fmt::format("{{{},{},\"reasons\":[{}]}}", member("status", word), member("version", REDFLAG_VERSION),
                     list);
}

}  // namespace

Probes::Probes(Views& views, std::function<OwnHealth()> own) : views_(views), own_(std::move(own)) {}

bool Probes::has(std::string_view path) {
  return std::find(kPaths.begin(), kPaths.end(), path) != kPaths.end();
}

asio::awaitable<ServerResponse> Probes::answer(ServerRequest request) {
  const std::string_view path = request.path();
  if (!has(path)) {
    co_return error_response(404, "unknown_path", "there is nothing at this path",
                             "what there is: /metrics, /healthz, /readyz");
  }
  if (request.method != "GET" && request.method != "HEAD") {
    ServerResponse response =
        error_response(405, "method_not_allowed", "not a method of this path", "methods: GET");
    response.headers.push_back({"Allow", "GET"});
    co_return response;
  }
  if (path == "/healthz") co_return alive();
  if (path == "/readyz") co_return co_await ready();
  co_return co_await metrics();
}

ServerResponse Probes::alive() const {
  const OwnHealth own = own_();
  if (!own.stuck.empty()) return json_response(503, state("stuck", {own.stuck + " does not move"}));
  return json_response(200, state("ok", {}));
}

asio::awaitable<ServerResponse> Probes::ready() {
  const Overview overview = co_await views_.overview(1);
  const std::vector<std::string> reasons = unready(overview, own_());
  co_return json_response(reasons.empty() ? 200 : 503,
                          state(reasons.empty() ? "ready" : "not ready", reasons));
}

asio::awaitable<ServerResponse> Probes::metrics() {
  const Overview overview = co_await views_.overview(kMostRuns);
  ServerResponse response;
  response.headers = {{"Content-Type", std::string(metrics::kContentType)}, {"Cache-Control", "no-store"}};
  response.body = metrics_text(overview, own_());
  co_return response;
}

}  // namespace redflag::daemon::api
