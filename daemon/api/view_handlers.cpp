// The routes behind which people look: overview, runs, curves, evidence. Everything is read, nothing changed.
#include <algorithm>
#include <charconv>
#include <utility>

#include "daemon/api/bodies.h"
#include "daemon/api/forms.h"
#include "daemon/api/handlers.h"
#include "daemon/api/lists.h"
#include "daemon/overview/overview_json.h"

namespace redflag::daemon::api {
namespace {

constexpr std::size_t kDefaultRuns = 100;
constexpr std::size_t kDefaultPoints = 500;
constexpr std::size_t kMostPoints = 20'000;

alerts::RunContext context_of(const RunInfo& info) {
  alerts::RunContext context;
  context.key = info.key;
  context.name = info.name;
  context.url = info.url;
  context.task = info.task;
  context.method = info.method;
  context.seed = info.seed ? std::to_string(*info.seed) : std::string();
  context.state = to_string(info.state);
  context.project = info.project;
  context.tags = info.tags;
  return context;
}

template <typename T>
std::string text_of(const T& value) {
  return dump_json(json_of(value));
}

/// The object without its list of runs, and that list in pieces put into it: with thousands of runs it would
/// hold up the loop.
asio::awaitable<std::string> overview_text(Overview overview, ConfigShown config) {
  const std::vector<RunView> runs = std::exchange(overview.runs, {});
  std::string text = dump_json(json_of(overview));
  const std::string list = co_await array_of(
      runs, runs.size(), [config](const RunView& run) { return dump_json(json_of(run, config)); });
  // Within a text the quotes would be escaped.
  constexpr std::string_view kEmpty = R"("runs":[])";
  const std::size_t at = text.find(kEmpty);
  if (at != std::string::npos) text.replace(at + kEmpty.size() - 2, 2, list);
  co_return text;
}

/// A step, from 0 on; -1 when absent.
Result<std::int64_t> step_in(const Query& query, std::string_view name) {
  const std::optional<std::string> text = query.text(name);
  if (!text) return -1;
  std::int64_t step = -1;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), step);
  if (error != std::errc() || end != text->data() + text->size() || step < 0) {
    return fail(ErrorCode::invalid_input, "reading the request",
                fmt::format("\"{}\" is no step: {}", name, text->substr(0, 80)),
                "steps are whole numbers from 0 on");
  }
  return step;
}

}  // namespace

Handlers::Answer Handlers::overview(const ServerRequest&, const Target& target) {
  const Result<Query> query = Query::of(target, {"runs"});
  if (!query) co_return refused(query);
  const Result<std::size_t> most = query->count("runs", kDefaultRuns, kMaxLimit);
  if (!most) co_return refused(most);
  Overview overview = co_await views_.overview(*most);
  co_return json_response(200, co_await overview_text(std::move(overview), ConfigShown::no));
}

Handlers::Answer Handlers::list_runs(const ServerRequest&, const Target& target) {
  const Result<Query> query = Query::of(target, {"limit"}, {"state", "match"});
  if (!query) co_return refused(query);
  const Result<std::size_t> limit = query->count("limit", kDefaultLimit, kMaxLimit);
  if (!limit) co_return refused(limit);
  const Result<std::vector<alerts::Matcher>> matchers = parse_matchers(query->all("match"));
  if (!matchers) co_return refused(matchers);
  const std::vector<std::string> states = query->all("state");
  for (const std::string& state : states) {
    if (state == "unknown" || run_state_from(state) != RunState::unknown) continue;
    co_return error_response(
        400, "invalid_input", fmt::format("there is no state \"{}\"", state.substr(0, 80)),
        "states are pending, running, finished, failed, crashed, killed, preempting, preempted, unknown");
  }
  const bool all = states.empty() && matchers->empty();
  Overview overview = co_await views_.overview(all ? *limit : static_cast<std::size_t>(-1));
  std::erase_if(overview.runs, [&](const RunView& run) {
    const bool wanted =
        states.empty() || std::find(states.begin(), states.end(), to_string(run.info.state)) != states.end();
    return !wanted || !alerts::matches(*matchers, {}, context_of(run.info));
  });
  const std::size_t total = all ? overview.runs_total : overview.runs.size();
  const std::size_t shown = std::min(*limit, overview.runs.size());
  const std::string list =
      co_await array_of(overview.runs, shown, [](const RunView& run) { return text_of(run); });
  co_return json_response(
      200, fmt::format("{{{},\"runs\":{},\"total\":{},\"cut\":{}}}", member("now", to_rfc3339(overview.now)),
                       list, total, shown < total));
}

Handlers::Answer Handlers::show_run(const ServerRequest&, const Target& target) {
  if (const Result<Query> query = Query::of(target, {}); !query) co_return refused(query);
  const Result<RunView> run = co_await views_.run(target.path[2]);
  if (!run) co_return refused(run);
  const std::string now = to_rfc3339(clock_.now());
  co_return json_response(
      200, fmt::format("{{{},\"run\":{}}}", member("now", now), dump_json(json_of(*run, ConfigShown::yes))));
}

Handlers::Answer Handlers::curves(const ServerRequest&, const Target& target) {
  const Result<Query> query = Query::of(target, {"points", "from", "to"}, {"metric"});
  if (!query) co_return refused(query);
  CurveRequest wanted;
  wanted.metrics = query->all("metric");
  const Result<std::size_t> points = query->count("points", kDefaultPoints, kMostPoints);
  if (!points) co_return refused(points);
  wanted.points = *points;
  const Result<std::int64_t> from = step_in(*query, "from");
  if (!from) co_return refused(from);
  const Result<std::int64_t> to = step_in(*query, "to");
  if (!to) co_return refused(to);
  wanted.from_step = *from;
  wanted.to_step = *to;
  const Result<std::vector<Curve>> curves = co_await views_.curves(target.path[2], std::move(wanted));
  if (!curves) co_return refused(curves);
  const std::string now = to_rfc3339(clock_.now());
  const std::string list =
      co_await array_of(*curves, curves->size(), [](const Curve& curve) { return text_of(curve); });
  co_return json_response(200, fmt::format("{{{},\"curves\":{}}}", member("now", now), list));
}

Handlers::Answer Handlers::evidence(const ServerRequest&, const Target& target) {
  if (const Result<Query> query = Query::of(target, {}); !query) co_return refused(query);
  Result<Evidence> found = co_await views_.evidence();
  if (!found) co_return refused(found);
  const std::string overview = co_await overview_text(std::move(found->overview), ConfigShown::yes);
  const auto write = [](const auto& one) { return text_of(one); };
  const std::string runs = co_await array_of(found->runs, found->runs.size(), write);
  const std::string facts = co_await array_of(found->facts, found->facts.size(), write);
  const std::string ended = co_await array_of(found->ended, found->ended.size(), write);
  co_return json_response(
      200, fmt::format("{{\"overview\":{},\"runs\":{},\"facts\":{},\"ended\":{},\"contents_checked\":{},{},"
                       "\"forward_checked\":{},{}}}",
                       overview, runs, facts, ended, found->contents_checked,
                       member("contents_reason", found->contents_reason), found->forward_checked,
                       member("forward_reason", found->forward_reason)));
}

}  // namespace redflag::daemon::api
