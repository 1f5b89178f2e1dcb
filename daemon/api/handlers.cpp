// A table of routes, then a handler for each. Long lists are written in pieces, with the event loop running
// in between: what a person asks must not hold up what is being watched.
#include "daemon/api/handlers.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "daemon/api/bodies.h"
#include "daemon/api/forms.h"
#include "daemon/api/lists.h"
#include "daemon/api/openapi.h"
#include "daemon/config/suggest.h"

namespace redflag::daemon::api {
namespace {

constexpr std::string_view kAnything = "*";

bool fits(const std::vector<std::string_view>& pattern, const std::vector<std::string>& path) {
  return std::equal(pattern.begin(), pattern.end(), path.begin(), path.end(),
                    [](std::string_view wanted, const std::string& part) {
                      return wanted == kAnything ? !part.empty() : wanted == part;
                    });
}

}  // namespace

struct Handlers::Route {
  std::string_view method;
  std::vector<std::string_view> path;
  Answer (Handlers::*answer)(const ServerRequest&, const Target&);

  std::string path_text() const {
    std::string text;
    for (const std::string_view part : path) text += fmt::format("/{}", part == kAnything ? "ID" : part);
    return text;
  }
};

const std::vector<Handlers::Route>& Handlers::routes() {
  static const std::vector<Route> kRoutes{
      {"GET", {"healthz"}, &Handlers::health},
      {"GET", {"readyz"}, &Handlers::probe},
      {"GET", {"metrics"}, &Handlers::probe},
      {"GET", {"v1", "openapi.json"}, &Handlers::describe},
      {"GET", {"v1", "alerts"}, &Handlers::list_alerts},
      {"GET", {"v1", "alerts", kAnything}, &Handlers::show_alert},
      {"POST", {"v1", "alerts", kAnything, "ack"}, &Handlers::acknowledge},
      {"DELETE", {"v1", "alerts", kAnything, "ack"}, &Handlers::unacknowledge},
      {"GET", {"v1", "silences"}, &Handlers::list_silences},
      {"POST", {"v1", "silences"}, &Handlers::add_silence},
      {"DELETE", {"v1", "silences", kAnything}, &Handlers::end_silence},
      {"GET", {"v1", "outbox"}, &Handlers::list_outbox},
      {"POST", {"v1", "outbox", "retry"}, &Handlers::retry},
      {"POST", {"v1", "outbox", "drop"}, &Handlers::drop},
      {"GET", {"v1", "channels"}, &Handlers::list_channels},
      {"POST", {"v1", "page", "login"}, &Handlers::page_login},
      {"GET", {"v1", "overview"}, &Handlers::overview},
      {"GET", {"v1", "runs"}, &Handlers::list_runs},
      {"GET", {"v1", "runs", kAnything}, &Handlers::show_run},
      {"GET", {"v1", "runs", kAnything, "curves"}, &Handlers::curves},
      {"GET", {"v1", "evidence"}, &Handlers::evidence},
      {"POST", {"v1", "observations"}, &Handlers::push},
  };
  return kRoutes;
}

Handlers::Handlers(Operations& operations, Views& views, Clock& clock,
                   std::function<std::string(std::uint32_t)> user_name)
    : operations_(operations), views_(views), clock_(clock), user_name_(std::move(user_name)) {}

asio::awaitable<ServerResponse> Handlers::answer(ServerRequest request) {
  const Result<Target> target = parse_target(request.target);
  if (!target) co_return refused(target);
  const std::string method = request.method == "HEAD" ? "GET" : request.method;
  std::string allowed;
  for (const Route& route : routes()) {
    if (!fits(route.path, target->path)) continue;
    if (route.method == method) co_return co_await (this->*route.answer)(request, *target);
    allowed += fmt::format("{}{}", allowed.empty() ? "" : ", ", route.method);
  }
  const std::string path = target->path_text();
  if (!allowed.empty()) {
    ServerResponse response =
        error_response(405, "method_not_allowed",
                       fmt::format("{} {}: not a method of this path", request.method.substr(0, 32), path),
                       fmt::format("methods: {}", allowed));
    response.headers.push_back({"Allow", allowed});
    co_return response;
  }
  std::vector<std::string> known;
  for (const Route& route : routes()) known.push_back(route.path_text());
  const std::string_view meant = settings::nearest(path, {known.begin(), known.end()});
  co_return error_response(
      404, "unknown_path", fmt::format("there is nothing at {}", path.substr(0, 200)),
      meant.empty() ? "docs/api.md lists what there is" : fmt::format("did you mean {}?", meant));
}

std::string Handlers::who(const ServerRequest& request) const {
  return request.peer_uid ? user_name_(*request.peer_uid) : std::string("unknown");
}

std::vector<std::pair<std::string, std::string>> Handlers::known() {
  std::vector<std::pair<std::string, std::string>> all;
  for (const Route& route : routes()) {
    std::string path;
    for (const std::string_view part : route.path)
      path += fmt::format("/{}", part == kAnything ? std::string_view("{id}") : part);
    all.emplace_back(route.method, std::move(path));
  }
  return all;
}

Handlers::Answer Handlers::probe(const ServerRequest& request, const Target&) {
  if (probes_ != nullptr) co_return co_await probes_->answer(request);
  co_return error_response(404, "not_found", "nothing is collected here that could be told");
}

Handlers::Answer Handlers::describe(const ServerRequest&, const Target& target) {
  if (const Result<Query> query = Query::of(target, {}); !query) co_return refused(query);
  co_return json_response(200, std::string(openapi_json()));
}

Handlers::Answer Handlers::health(const ServerRequest& request, const Target& target) {
  if (probes_ != nullptr) co_return co_await probes_->answer(request);
  if (const Result<Query> query = Query::of(target, {}); !query) co_return refused(query);
  co_return json_response(200, fmt::format("{{{},{},\"reasons\":[]}}", member("status", "ok"),
                                           member("version", REDFLAG_VERSION)));
}

Handlers::Answer Handlers::list_alerts(const ServerRequest&, const Target& target) {
  const Result<Query> query = Query::of(target, {"limit"}, {"state", "match"});
  if (!query) co_return refused(query);
  const Result<std::size_t> limit = query->count("limit", kDefaultLimit, kMaxLimit);
  if (!limit) co_return refused(limit);
  const Result<std::vector<alerts::Matcher>> matchers = parse_matchers(query->all("match"));
  if (!matchers) co_return refused(matchers);
  const std::vector<std::string> states = query->all("state");
  for (const std::string& state : states) {
    if (state == "firing" || state == "pending" || state == "ended") continue;
    co_return error_response(400, "invalid_input",
                             fmt::format("there is no state \"{}\"", state.substr(0, 80)),
                             "states are firing, pending, ended");
  }
  std::vector<AlertView> views = operations_.alerts();
  std::erase_if(views, [&](const AlertView& view) {
    const bool wanted =
        states.empty() || std::find(states.begin(), states.end(), state_of(view.alert)) != states.end();
    return !wanted || !alerts::matches(*matchers, view.alert.last, view.run);
  });
  const std::string now = to_rfc3339(clock_.now());
  const std::string list = co_await list_of("alerts", views, *limit, alert_json);
  co_return json_response(200, fmt::format("{{{},{}}}", member("now", now), list));
}

Handlers::Answer Handlers::show_alert(const ServerRequest&, const Target& target) {
  if (const Result<Query> query = Query::of(target, {}); !query) co_return refused(query);
  const Result<AlertView> view = operations_.alert(target.path[2]);
  if (!view) co_return refused(view);
  const std::string now = to_rfc3339(clock_.now());
  co_return json_response(200, fmt::format("{{{},\"alert\":{}}}", member("now", now), alert_json(*view)));
}

Handlers::Answer Handlers::acknowledge(const ServerRequest& request, const Target& target) {
  if (const Result<Query> query = Query::of(target, {}); !query) co_return refused(query);
  const Result<AckBody> body = parse_ack(request.body);
  if (!body) co_return refused(body);
  const std::string by = body->by.empty() ? who(request) : body->by;
  const Result<AlertView> view = co_await operations_.acknowledge(target.path[2], by, body->comment);
  if (!view) co_return refused(view);
  co_return json_response(200, fmt::format("{{\"alert\":{}}}", alert_json(*view)));
}

Handlers::Answer Handlers::unacknowledge(const ServerRequest&, const Target& target) {
  if (const Result<Query> query = Query::of(target, {}); !query) co_return refused(query);
  const Result<AlertView> view = co_await operations_.unacknowledge(target.path[2]);
  if (!view) co_return refused(view);
  co_return json_response(200, fmt::format("{{\"alert\":{}}}", alert_json(*view)));
}

Handlers::Answer Handlers::list_silences(const ServerRequest&, const Target& target) {
  const Result<Query> query = Query::of(target, {"limit"}, {"state"});
  if (!query) co_return refused(query);
  const Result<std::size_t> limit = query->count("limit", kDefaultLimit, kMaxLimit);
  if (!limit) co_return refused(limit);
  const std::vector<std::string> states = query->all("state");
  for (const std::string& state : states) {
    if (state == "active" || state == "pending" || state == "ended") continue;
    co_return error_response(400, "invalid_input",
                             fmt::format("there is no state \"{}\"", state.substr(0, 80)),
                             "states are active, pending, ended");
  }
  const Time now = clock_.now();
  std::vector<alerts::Silence> silences = operations_.silences();
  std::erase_if(silences, [&](const alerts::Silence& silence) {
    return !states.empty() && std::find(states.begin(), states.end(), state_of(silence, now)) == states.end();
  });
  const std::string list = co_await list_of(
      "silences", silences, *limit, [&](const alerts::Silence& one) { return silence_json(one, now); });
  co_return json_response(200, fmt::format("{{{},{}}}", member("now", to_rfc3339(now)), list));
}

Handlers::Answer Handlers::add_silence(const ServerRequest& request, const Target& target) {
  const Result<Query> query = Query::of(target, {"preview", "limit"});
  if (!query) co_return refused(query);
  const Result<bool> preview = query->flag("preview");
  if (!preview) co_return refused(preview);
  const Result<std::size_t> limit = query->count("limit", kDefaultLimit, kMaxLimit);
  if (!limit) co_return refused(limit);
  const Time now = clock_.now();
  Result<alerts::Silence> silence = parse_silence(request.body, now, *preview);
  if (!silence) co_return refused(silence);
  if (silence->author.empty()) silence->author = who(request);
  const std::vector<AlertView> muted = operations_.preview(*silence);
  if (!*preview) {
    silence = co_await operations_.add_silence(std::move(*silence));
    if (!silence) co_return refused(silence);
  }
  const std::string list = co_await list_of("mutes", muted, *limit, alert_json);
  co_return json_response(*preview ? 200 : 201,
                          fmt::format("{{{},\"silence\":{},{}}}", member("now", to_rfc3339(now)),
                                      silence_json(*silence, now), list));
}

Handlers::Answer Handlers::end_silence(const ServerRequest&, const Target& target) {
  if (const Result<Query> query = Query::of(target, {}); !query) co_return refused(query);
  const Result<alerts::Silence> silence = co_await operations_.end_silence(target.path[2]);
  if (!silence) co_return refused(silence);
  co_return json_response(200, fmt::format("{{\"silence\":{}}}", silence_json(*silence, clock_.now())));
}

Handlers::Answer Handlers::list_outbox(const ServerRequest&, const Target& target) {
  const Result<Query> query = Query::of(target, {"limit"});
  if (!query) co_return refused(query);
  const Result<std::size_t> limit = query->count("limit", kDefaultLimit, kMaxLimit);
  if (!limit) co_return refused(limit);
  const std::vector<OutboxEntry> entries = operations_.outbox();
  const std::string now = to_rfc3339(clock_.now());
  const std::string list = co_await list_of("messages", entries, *limit, outbox_json);
  co_return json_response(200, fmt::format("{{{},{}}}", member("now", now), list));
}

Handlers::Answer Handlers::retry(const ServerRequest& request, const Target& target) {
  if (const Result<Query> query = Query::of(target, {}); !query) co_return refused(query);
  Result<IdsBody> body = parse_ids(request.body);
  if (!body) co_return refused(body);
  const Result<std::size_t> count = co_await operations_.retry(std::move(body->ids));
  if (!count) co_return refused(count);
  co_return json_response(200, fmt::format("{{\"count\":{}}}", *count));
}

Handlers::Answer Handlers::drop(const ServerRequest& request, const Target& target) {
  if (const Result<Query> query = Query::of(target, {}); !query) co_return refused(query);
  Result<IdsBody> body = parse_ids(request.body);
  if (!body) co_return refused(body);
  const Result<std::size_t> count = co_await operations_.drop(std::move(body->ids));
  if (!count) co_return refused(count);
  co_return json_response(200, fmt::format("{{\"count\":{}}}", *count));
}

Handlers::Answer Handlers::push(const ServerRequest& request, const Target& target) {
  if (const Result<Query> query = Query::of(target, {}); !query) co_return refused(query);
  if (!push_) {
    co_return error_response(404, "not_found", "nothing takes pushed observations here",
                             "set local.enabled in the configuration");
  }
  co_return co_await push_(request.body, request.peer_pid);
}

Handlers::Answer Handlers::list_channels(const ServerRequest&, const Target& target) {
  if (const Result<Query> query = Query::of(target, {}); !query) co_return refused(query);
  const std::string now = to_rfc3339(clock_.now());
  const std::vector<alerts::ChannelHealth> channels = operations_.channels();
  const std::string list = co_await list_of("channels", channels, kMaxLimit, channel_json);
  co_return json_response(200, fmt::format("{{{},{}}}", member("now", now), list));
}

Handlers::Answer Handlers::page_login(const ServerRequest&, const Target& target) {
  if (const Result<Query> query = Query::of(target, {}); !query) co_return refused(query);
  if (!page_login_) {
    co_return error_response(404, "not_found", "this redflagd serves no live page",
                             "set page.listen: 127.0.0.1:8765 in its configuration, and reload it");
  }
  co_return json_response(201, fmt::format("{{{}}}", member("url", page_login_())));
}

}  // namespace redflag::daemon::api
