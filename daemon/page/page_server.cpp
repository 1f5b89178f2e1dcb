#include "daemon/page/page_server.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "daemon/api/bodies.h"
#include "daemon/api/forms.h"
#include "daemon/api/target.h"
#include "daemon/base/log.h"
#include "daemon/net/inflate.h"
#include "daemon/page/assets.h"
#include "daemon/page/run_list.h"

namespace redflag::daemon {
namespace {

constexpr std::size_t kMostRuns = 100'000;
constexpr std::string_view kSignIn = "signin.html";
/// What the sign-in page consists of: for everybody.
constexpr std::string_view kPublic[] = {"signin.html", "signin.js", "style.css", "favicon.svg"};

HttpServerLimits limits() {
  HttpServerLimits limits;
  limits.max_body_bytes = api::kMaxBodyBytes;
  limits.max_connections = 128;
  return limits;
}

ServerResponse complaint(int status, std::string_view what) {
  return api::error_response(status, status == 500 ? "internal_error" : "malformed", what);
}

/// On every answer. Nothing is allowed but what comes from here; no style and no script stands in the
/// markup; no text becomes markup but through the page's one policy (trusted types).
void protect(ServerResponse& response) {
  response.headers.push_back(
      {"Content-Security-Policy",
       "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
       "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
       "trusted-types default"});
  response.headers.push_back({"X-Content-Type-Options", "nosniff"});
  response.headers.push_back({"X-Frame-Options", "DENY"});
  response.headers.push_back({"Referrer-Policy", "no-referrer"});
  response.headers.push_back({"Cross-Origin-Opener-Policy", "same-origin"});
  response.headers.push_back({"Cross-Origin-Resource-Policy", "same-origin"});
}

ServerResponse asset_response(const ServerRequest& request, std::string_view name) {
  const page::Asset* asset = page::find_asset(name);
  if (asset == nullptr) {
    return api::error_response(404, "unknown_path",
                               fmt::format("there is nothing at /{}", name.substr(0, 200)));
  }
  ServerResponse response;
  response.headers.push_back({"Content-Type", std::string(asset->type)});
  response.headers.push_back({"ETag", std::string(asset->etag)});
  // Kept, but asked for each time: after an upgrade nobody sees half of the old page.
  response.headers.push_back({"Cache-Control", "no-cache"});
  response.headers.push_back({"Vary", "Accept-Encoding"});
  if (request.header("If-None-Match").find(asset->etag) != std::string_view::npos) {
    response.status = 304;
  } else if (request.header("Accept-Encoding").find("gzip") != std::string_view::npos) {
    response.headers.push_back({"Content-Encoding", "gzip"});
    response.body = asset->gzipped;
  } else {
    Inflater inflater;
    (void)inflater.feed(asset->gzipped, response.body, std::size_t{8} << 20);
  }
  return response;
}

ServerResponse only_get(const ServerRequest& request) {
  ServerResponse response = api::error_response(
      405, "method_not_allowed", fmt::format("{}: not a method of this path", request.method.substr(0, 32)));
  response.headers.push_back({"Allow", "GET"});
  return response;
}

bool reads(const ServerRequest& request) {
  return request.method == "GET" || request.method == "HEAD";
}

}  // namespace

PageServer::PageServer(asio::any_io_executor executor, Clock& clock, Views& views, Api api,
                       ListenAddress address, Secret token, page::EventLimits event_limits)
    : clock_(clock),
      views_(views),
      api_(std::move(api)),
      address_(std::move(address)),
      gate_(std::move(token), clock),
      events_(executor, clock, views, page::random_hex(4), event_limits),
      server_(
          executor, clock, [this](ServerRequest request) { return answer(std::move(request)); }, limits()) {
  server_.set_complaint([](int status, std::string_view what) {
    ServerResponse response = complaint(status, what);
    protect(response);
    return response;
  });
}

Result<void> PageServer::start() {
  const Result<std::uint16_t> port = server_.listen(address_.host, address_.port);
  if (!port) return tl::unexpected<Error>(port.error());
  address_.port = *port;
  return {};
}

asio::awaitable<void> PageServer::stop(Duration patience) {
  events_.stop();
  server_.stop();
  const Duration until = clock_.monotonic() + patience;
  for (;;) {
    if (server_.open_connections() == 0 || clock_.monotonic() >= until) co_return;
    co_await clock_.sleep(std::chrono::milliseconds{1});
  }
}

std::string PageServer::url() const {
  return fmt::format("http://{}/", address_.text());
}

std::string PageServer::login_url() {
  return fmt::format("{}login?code={}", url(), gate_.make_code());
}

asio::awaitable<ServerResponse> PageServer::answer(ServerRequest request) {
  ServerResponse response;
  const std::string path(request.path());
  if (const std::string why = page::objection(request); !why.empty()) {
    response = api::error_response(403, "denied", why);
  } else if (path == "/login") {
    response = reads(request) ? login(request) : only_get(request);
  } else if (path.starts_with(gate_.base())) {
    if (gate_.admits(request)) {
      response =
          co_await answer_inside(std::move(request), std::string_view(path).substr(gate_.base().size()));
    } else {
      response = stranger(request);
    }
  } else {
    std::string_view name = std::string_view(path).substr(path.starts_with('/') ? 1 : 0);
    if (name.empty()) name = kSignIn;
    const bool known = std::find(std::begin(kPublic), std::end(kPublic), name) != std::end(kPublic);
    response = !known           ? api::error_response(404, "unknown_path", "there is nothing here")
               : reads(request) ? asset_response(request, name)
                                : only_get(request);
  }
  protect(response);
  co_return response;
}

asio::awaitable<ServerResponse> PageServer::answer_inside(ServerRequest request, std::string_view path) {
  // No co_await within ?: — GCC 12 destroys what it gave twice.
  const bool own = path == "v1/events" || path == "v1/page/runs";
  if (own && !reads(request)) co_return only_get(request);
  if (path == "v1/events") co_return events(request);
  if (path == "v1/page/runs") co_return co_await runs(request);
  if (path.starts_with("v1/")) {
    request.target.erase(0, gate_.base().size() - 1);
    request.peer_uid = 0;
    ServerResponse response = co_await api_(std::move(request));
    response.headers.push_back({"Cache-Control", "no-store"});
    co_return response;
  }
  if (!reads(request)) co_return only_get(request);
  co_return asset_response(request, path.empty() ? "index.html" : path);
}

asio::awaitable<ServerResponse> PageServer::runs(const ServerRequest& request) {
  const Result<api::Target> target = api::parse_target(request.target);
  if (!target) co_return api::error_response(target.error());
  const Result<page::RunListRequest> wanted = page::parse_run_list(*target);
  if (!wanted) co_return api::error_response(wanted.error());
  const Overview overview = co_await views_.overview(kMostRuns);
  ServerResponse response = api::json_response(
      200, page::run_list_json(page::run_list(overview.runs, *wanted), overview.runs_total));
  response.headers.push_back({"Cache-Control", "no-store"});
  co_return response;
}

ServerResponse PageServer::events(const ServerRequest& request) {
  std::shared_ptr<ResponseStream> stream = events_.connect(request.header("Last-Event-ID"));
  if (!stream) {
    ServerResponse full = api::error_response(503, "unavailable", "too many pages are open",
                                              "close some; this one goes on by asking");
    full.headers.push_back({"Retry-After", "30"});
    return full;
  }
  ServerResponse response;
  response.headers.push_back({"Content-Type", "text/event-stream"});
  response.headers.push_back({"Cache-Control", "no-store"});
  response.stream = std::move(stream);
  return response;
}

/// Somebody knows the page's path and has no session, or none any more.
ServerResponse PageServer::stranger(const ServerRequest& request) {
  const bool brought = !request.header("Cookie").empty();
  if (brought && gate_.failed()) {
    ServerResponse response = api::error_response(429, "denied", "too many wrong sessions",
                                                  "wait a minute, then run: redflag page");
    response.headers.push_back({"Retry-After", "60"});
    return response;
  }
  if (request.header("Sec-Fetch-Dest") == "document" && reads(request)) {
    ServerResponse response;
    response.status = 303;
    response.headers.push_back({"Location", "/?ended"});
    response.headers.push_back({"Cache-Control", "no-store"});
    return response;
  }
  return api::error_response(401, "denied", "nobody is signed in here, or no longer", "run: redflag page");
}

ServerResponse PageServer::login(const ServerRequest& request) {
  std::string code;
  if (const Result<api::Target> target = api::parse_target(request.target)) {
    if (const Result<api::Query> query = api::Query::of(*target, {"code"}))
      code = query->text("code").value_or(std::string());
  }
  ServerResponse response;
  response.status = 303;
  response.headers.push_back({"Cache-Control", "no-store"});
  if (request.method == "HEAD") code.clear();  // who only looks does not spend it
  if (const std::optional<std::string> session = gate_.redeem(code)) {
    response.headers.push_back({"Set-Cookie", gate_.cookie(*session)});
    response.headers.push_back({"Location", gate_.base()});
    log_info("page", "a browser was signed in");
    return response;
  }
  if (gate_.failed()) {
    response =
        api::error_response(429, "denied", "too many wrong codes", "wait a minute, then run: redflag page");
    response.headers.push_back({"Retry-After", "60"});
    return response;
  }
  log_warning("page", "somebody came with a login code that is wrong, used or too old");
  response.headers.push_back({"Location", "/?spent"});
  return response;
}

}  // namespace redflag::daemon
