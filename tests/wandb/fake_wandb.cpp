#include "tests/wandb/fake_wandb.h"

#include <algorithm>
#include <cctype>
#include <stdexcept>
#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <fmt/format.h>

namespace redflag::daemon {

// The real one lives with the HTTP client, which these tests do not link.
std::string_view HttpResponse::header(std::string_view name) const {
  const auto same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  };
  for (const auto& header : headers) {
    if (std::equal(header.name.begin(), header.name.end(), name.begin(), name.end(), same))
      return header.value;
  }
  return {};
}

namespace test {

using nlohmann::json;

asio::awaitable<void> FakeClock::sleep(Duration duration) {
  const auto state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none) {
    throw boost::system::system_error(asio::error::operation_aborted);
  }
  sleeps.push_back(duration);
  elapsed_ += std::max(duration, Duration::zero());
  if (on_sleep) on_sleep();
  co_await asio::post(asio::use_awaitable);
}

void FakeRun::log(std::int64_t step, json row) {
  row["_step"] = step;
  rows[step] = row.dump();
}

bool Asked::about(const std::string& run) const {
  return std::any_of(variables.begin(), variables.end(), [&](const json& value) { return value == run; });
}

FakeRun& FakeWandb::add(FakeRun run) {
  if (run.name.empty()) run.name = run.id;
  const std::string id = run.id;
  return runs.insert_or_assign(id, std::move(run)).first->second;
}

std::size_t FakeWandb::count(const std::string& operation) const {
  return static_cast<std::size_t>(
      std::count_if(asked.begin(), asked.end(), [&](const Asked& a) { return a.operation == operation; }));
}

namespace {

json node_of(const FakeRun& run) {
  json node{{"name", run.id},
            {"displayName", run.name},
            {"state", run.state},
            {"createdAt", to_rfc3339(run.created)},
            {"heartbeatAt", to_rfc3339(run.heartbeat)},
            {"tags", run.tags},
            {"group", nullptr},
            {"jobType", nullptr},
            {"config", run.config.dump()},
            {"summaryMetrics", run.summary.dump()},
            {"systemMetrics", run.system_metrics.dump()},
            {"historyKeys", nullptr}};
  const std::int64_t last =
      run.last_step != -2 ? run.last_step : (run.rows.empty() ? -1 : run.rows.rbegin()->first);
  if (last >= 0) node["historyKeys"] = {{"keys", json::object()}, {"lastStep", last}};
  return node;
}

}  // namespace

json FakeWandb::answer(const Asked& question) const {
  if (!project_exists) return {{"data", {{"project", nullptr}}}};
  json project = json::object();
  const json& v = question.variables;
  if (v.contains("filters")) {
    std::vector<const FakeRun*> order;
    for (const auto& [id, run] : runs) order.push_back(&run);
    const bool newest_first = v["order"] == "-heartbeat_at";
    std::stable_sort(order.begin(), order.end(), [&](const FakeRun* a, const FakeRun* b) {
      return newest_first ? a->heartbeat > b->heartbeat : a->created < b->created;
    });
    const std::size_t from = v["cursor"].is_string() ? std::stoul(v["cursor"].get<std::string>()) : 0;
    const std::size_t to = std::min(order.size(), from + v["perPage"].get<std::size_t>());
    json edges = json::array();
    for (std::size_t i = from; i < to; ++i)
      edges.push_back({{"node", node_of(*order[i])}, {"cursor", std::to_string(i + 1)}});
    project["runCount"] = order.size();
    project["runs"] = {{"edges", edges},
                       {"pageInfo", {{"endCursor", std::to_string(to)}, {"hasNextPage", to < order.size()}}}};
  }
  for (std::size_t i = 0; v.contains(fmt::format("r{}", i)); ++i) {
    const auto run = runs.find(v[fmt::format("r{}", i)].get<std::string>());
    project[fmt::format("r{}", i)] = run == runs.end() ? json(nullptr) : node_of(run->second);
  }
  for (std::size_t i = 0; v.contains(fmt::format("run{}", i)); ++i) {
    const auto run = runs.find(v[fmt::format("run{}", i)].get<std::string>());
    json history = json::array();
    if (run != runs.end()) {
      const auto last = run->second.rows.lower_bound(v[fmt::format("max{}", i)].get<std::int64_t>());
      for (auto row = run->second.rows.lower_bound(v[fmt::format("min{}", i)].get<std::int64_t>());
           row != last; ++row) {
        if (history.size() < v[fmt::format("samples{}", i)].get<std::size_t>())
          history.push_back(row->second);
      }
    }
    project[fmt::format("h{}", i)] = run == runs.end() ? json(nullptr) : json{{"history", history}};
  }
  return {{"data", {{"project", project}}}};
}

asio::awaitable<Result<HttpResponse>> FakeWandb::send(HttpRequest request) {
  if (clock != nullptr && latency > Duration::zero()) co_await clock->sleep(latency);
  const json body = json::parse(request.body);
  const auto query = body["query"].get<std::string>();
  Asked question;
  question.operation = query.substr(6, query.find_first_of("( {", 6) - 6);
  question.variables = body["variables"];
  question.request = std::move(request);
  asked.push_back(question);
  if (fault) {
    auto wrong = fault(question);
    if (wrong) co_return *wrong;
  }
  json reply = answer(question);
  if (edit) edit(reply, question);
  co_return http(200, reply.dump());
}

asio::awaitable<Result<void>> FakeIntake::submit(SourceBatch batch) {
  if (disk_full) co_return fail(ErrorCode::storage, "writing", "no space left on device", {}, true);
  for (const auto& run : batch.runs) runs.insert_or_assign(run.key, run);
  for (const auto& input : batch.inputs) inputs.push_back(input);
  for (const auto& update : batch.cursors) {
    const std::string key = update.source + '|' + update.key;
    if (update.value.empty()) {
      cursors.erase(key);
    } else {
      cursors[key] = update.value;
    }
  }
  batches.push_back(std::move(batch));
  co_return Result<void>{};
}

std::optional<std::string> FakeIntake::cursor(const std::string& source, const std::string& key) const {
  const auto found = cursors.find(source + '|' + key);
  return found == cursors.end() ? std::nullopt : std::optional(found->second);
}

const RunInfo* FakeIntake::run(const std::string& key) const {
  const auto found = runs.find(key);
  return found == runs.end() ? nullptr : &found->second;
}

std::vector<std::string> FakeIntake::curve(const std::string& run, const std::string& metric) const {
  std::vector<std::string> points;
  for (const auto& input : inputs) {
    const auto* row = std::get_if<Observation>(&input);
    if (row == nullptr || row->kind != ObservationKind::row || row->run != Bench::key(run)) continue;
    for (const auto& sample : row->samples) {
      if (sample.metric == metric) points.push_back(fmt::format("{}:{}", row->step, sample.value));
    }
  }
  return points;
}

std::vector<std::int64_t> FakeIntake::sequence(const std::string& run) const {
  std::vector<std::int64_t> numbers;
  for (const auto& input : inputs) {
    const auto* row = std::get_if<Observation>(&input);
    const bool is_row = row != nullptr && row->kind == ObservationKind::row && row->source == "wandb";
    if (is_row && row->run == Bench::key(run)) numbers.push_back(row->seq);
  }
  return numbers;
}

std::vector<std::string> FakeIntake::story(const std::string& run) const {
  std::vector<std::string> words;
  for (const auto& input : inputs) {
    if (const auto* mark = std::get_if<Watermark>(&input)) {
      if (mark->subject.key == Bench::key(run)) words.emplace_back("mark");
    } else if (const auto* gone = std::get_if<Gone>(&input)) {
      if (gone->subject.key == Bench::key(run)) words.emplace_back("gone");
    } else if (const auto& observation = std::get<Observation>(input); observation.run == Bench::key(run)) {
      std::string word = observation.kind == ObservationKind::row       ? "row"
                         : observation.kind == ObservationKind::summary ? "summary"
                                                                        : "facts";
      for (const auto& [name, value] : observation.attributes) {
        if (name == "state") word += " " + std::get<std::string>(value);
      }
      if (word == "row" && !words.empty() && words.back() == "row") continue;
      words.push_back(std::move(word));
    }
  }
  return words;
}

std::optional<Attribute> FakeIntake::attribute(const std::string& subject, const std::string& name) const {
  std::optional<Attribute> last;
  for (const auto& input : inputs) {
    const auto* facts = std::get_if<Observation>(&input);
    if (facts == nullptr || facts->subject.key != subject) continue;
    for (const auto& [key, value] : facts->attributes) {
      if (key == name) last = value;
    }
  }
  return last;
}

std::size_t FakeIntake::times_told(const std::string& subject, const std::string& name) const {
  std::size_t times = 0;
  for (const auto& input : inputs) {
    const auto* facts = std::get_if<Observation>(&input);
    if (facts == nullptr || facts->subject.key != subject) continue;
    for (const auto& [key, value] : facts->attributes) times += key == name ? 1 : 0;
  }
  return times;
}

namespace {

WandbPollerOptions usual_options() {
  WandbPollerOptions options;
  options.entity = "ent";
  options.project = "proj";
  return options;
}

}  // namespace

Bench::Bench() : Bench(usual_options()) {}

Bench::Bench(WandbPollerOptions wanted)
    : options(std::move(wanted)),
      client(wandb, clock, {}, [] { return std::string("0123456789012345678901234567890123456789"); }) {
  if (options.entity.empty()) options.entity = "ent";
  if (options.project.empty()) options.project = "proj";
  restart();
}

void Bench::restart() {
  poller = std::make_unique<WandbPoller>(options, client, intake, clock, names,
                                         [this](const PollSummary& summary) { polled.push_back(summary); });
}

PollSummary Bench::poll() {
  std::optional<PollSummary> result;
  asio::co_spawn(context, poller->poll_once(), [&](std::exception_ptr error, PollSummary summary) {
    if (error) std::rethrow_exception(error);
    result = std::move(summary);
  });
  context.restart();
  context.run();
  return std::move(result.value());
}

void Bench::polls(int count, Duration apart) {
  for (int i = 0; i < count; ++i) {
    poll();
    clock.advance(apart);
  }
}

void Bench::run_for(Duration time) {
  asio::cancellation_signal stop;
  const Duration until = clock.monotonic() + time;
  auto before = std::exchange(clock.on_sleep, {});
  clock.on_sleep = [&] {
    if (before) before();
    if (clock.monotonic() >= until) stop.emit(asio::cancellation_type::all);
  };
  bool returned = false;
  asio::co_spawn(context, poller->run(),
                 asio::bind_cancellation_slot(stop.slot(), [&](std::exception_ptr error) {
                   if (error) std::rethrow_exception(error);
                   returned = true;
                 }));
  context.restart();
  context.run();
  clock.on_sleep = std::move(before);
  if (!returned) throw std::runtime_error("the poller did not stop");
}

Result<HttpResponse> http(int status, std::string body, std::vector<HttpHeader> headers) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  response.headers = std::move(headers);
  return response;
}

Result<HttpResponse> unreachable() {
  return fail(ErrorCode::unavailable, "connecting to api.wandb.ai", "connection refused", {}, true);
}

}  // namespace test
}  // namespace redflag::daemon
