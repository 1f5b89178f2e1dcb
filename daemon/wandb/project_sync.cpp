#include "daemon/wandb/project_sync.h"

#include <algorithm>
#include <utility>

#include "daemon/monitor/forgotten.h"

namespace redflag::daemon {
namespace {

// Finding one bad run among ten takes five failing questions with not one success between them; more means it
// is not the runs.
constexpr unsigned kMostFailuresInARow = 6;

}  // namespace

ProjectSync::ProjectSync(const WandbPollerOptions& options, GraphqlClient& client, Intake& intake,
                         Clock& clock, const MetricNames& names)
    : options_(options),
      client_(client),
      intake_(intake),
      clock_(clock),
      builder_(names),
      name_{options.entity, options.project},
      subject_{SubjectKind::source, "wandb:" + client.service().host() + '/' + name_.text()},
      prefix_(client.service().host() + '/' + name_.text() + '/'),
      out_(intake, subject_.key),
      random_(options.jitter_seed + 1) {}

void ProjectSync::forget() {
  loaded_ = false;
  followed_.clear();
  rejected_.clear();
  out_.discard();
}

void ProjectSync::load() {
  forget();
  const auto kept = intake_.cursor(subject_.key, "");
  kept_project_ = kept.value_or("");
  project_ = ProjectCursor::restored(kept_project_);
  if (project_.first_seen == Time{}) project_.first_seen = poll_time_;
  const std::string filter = fingerprint(options_.filter);
  if (project_.filter != filter) {
    project_.filter = filter;
    project_.listed = false;
  }
  for (const auto& id : project_.followed) {
    const auto cursor = intake_.cursor(subject_.key, id);
    if (!cursor) continue;
    FollowedRun run;
    run.cursor = RunCursor::restored(*cursor);
    if (const RunInfo* known = intake_.run(run_key(id))) {
      run.info = *known;
      run.told = *known;
    }
    run.info.key = run_key(id);
    run.info.id = id;
    run.ended_at = poll_start_;
    followed_.emplace(id, std::move(run));
  }
  loaded_ = true;
}

RowTarget ProjectSync::target_of(const FollowedRun& run) const {
  return {{SubjectKind::run, run.info.key}, run.info.key, "wandb"};
}

void ProjectSync::keep_project_cursor() {
  project_.followed.clear();
  for (const auto& [id, run] : followed_) project_.followed.push_back(id);
  // A newer heartbeat alone is not worth a write: it only bounds how far back the listing is read after a
  // restart.
  ProjectCursor same = ProjectCursor::restored(kept_project_);
  const bool heartbeat_moved = project_.newest_heartbeat - same.newest_heartbeat > std::chrono::minutes{5};
  same.newest_heartbeat = project_.newest_heartbeat;
  if (same == project_ && !heartbeat_moved) return;
  kept_project_ = project_.serialize();
  out_.set_cursor("", kept_project_);
}

bool ProjectSync::worth_splitting(const GraphqlFailure& failure) {
  switch (failure.error.code) {
    case ErrorCode::unavailable:
    case ErrorCode::malformed:
      if (!failure.reached) return false;
      break;
    case ErrorCode::timed_out:
    case ErrorCode::too_large:
      break;
    default:
      return false;
  }
  return ++failures_in_a_row_ < kMostFailuresInARow;
}

asio::awaitable<GraphqlResult> ProjectSync::ask(GraphqlQuestion question) {
  const std::string doing = question.doing;
  auto answer = co_await client_.ask(std::move(question));
  if (answer && project_of(*answer) == nullptr) {
    // Null because there is no such project, or because everything asked for in it failed.
    Error error = answer->problems.empty()
                      ? no_such_project(doing, name_.text())
                      : Error{ErrorCode::unavailable, true, doing, answer->problems.front().message, {}};
    co_return tl::unexpected(GraphqlFailure{std::move(error), true});
  }
  if (answer) failures_in_a_row_ = 0;
  co_return answer;
}

void ProjectSync::read_run_answer(const GraphqlAnswer& answer, const std::vector<RunRequest>& runs,
                                  const NodeHandler& on_node, std::vector<RunRequest>& unclear,
                                  const FailureHandler& on_failure) {
  const nlohmann::json& project = *project_of(answer);
  static const nlohmann::json kNull;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto node = project.find(run_alias(i));
    const bool there = node != project.end() && node->is_object();
    const GraphqlProblem* problem = problem_of(answer, run_alias(i));
    if (problem == nullptr) {
      on_node(runs[i].id, there ? *node : kNull);
    } else if (problem->path.empty() && there) {
      on_node(runs[i].id, *node);
    } else if (problem->path.empty() && runs.size() > 1) {
      unclear.push_back(runs[i]);
    } else {
      on_failure(runs[i].id,
                 Error{ErrorCode::unavailable, true, "reading run " + runs[i].id, problem->message, {}});
    }
  }
}

asio::awaitable<Result<void>> ProjectSync::ask_runs(std::vector<RunRequest> runs, const NodeHandler& on_node,
                                                    const FailureHandler& on_failure) {
  if (runs.empty()) co_return Result<void>{};
  GraphqlQuestion question = runs_question(name_, runs);
  auto answer = co_await ask(std::move(question));
  std::vector<RunRequest> unclear;
  if (answer) {
    read_run_answer(*answer, runs, on_node, unclear, on_failure);
  } else {
    if (!worth_splitting(answer.error())) co_return tl::unexpected(std::move(answer.error().error));
    if (runs.size() == 1) {
      on_failure(runs.front().id, answer.error().error);
      co_return Result<void>{};
    }
    unclear = std::move(runs);
  }
  if (unclear.empty()) co_return Result<void>{};
  const auto half = static_cast<std::ptrdiff_t>(std::max<std::size_t>(1, unclear.size() / 2));
  std::vector<RunRequest> first(unclear.begin(), unclear.begin() + half);
  std::vector<RunRequest> second(unclear.begin() + half, unclear.end());
  auto done = co_await ask_runs(std::move(first), on_node, on_failure);
  if (!done) co_return done;
  done = co_await ask_runs(std::move(second), on_node, on_failure);
  co_return done;
}

asio::awaitable<Result<void>> ProjectSync::steps() {
  Result<void> listed;
  if (project_.listed) {
    listed = co_await list_changed();
  } else {
    listed = co_await list_all();
  }
  if (!listed) co_return listed;
  listing_failures_ = failed_.size();
  for (auto& [id, run] : followed_) announce(run);
  auto read = co_await read_history();
  if (!read) co_return read;
  auto settled = co_await settle();
  co_return settled;
}

asio::awaitable<PollSummary> ProjectSync::poll() {
  poll_time_ = clock_.now();
  poll_start_ = clock_.monotonic();
  failures_in_a_row_ = 0;
  new_rows_ = 0;
  unreadable_rows_ = 0;
  listing_failures_ = 0;
  history_successes_ = 0;
  failed_.clear();
  const auto requests_before = client_.requests();
  if (!loaded_) load();
  forgotten_ = decode_forgotten(
      intake_.cursor(kForgottenSource, forgotten_key(prefix_.substr(0, prefix_.size() - 1))));
  for (auto& [id, run] : followed_) {
    run.seen = false;
    run.waiting = false;
  }

  PollSummary summary;
  summary.project = name_.text();
  auto done = co_await steps();
  if (!out_.broken()) {
    // What was learnt before a failure counts, and its cursors are in the same batch.
    keep_project_cursor();
    auto flushed = co_await out_.flush();
    if (!flushed && done) done = std::move(flushed);
  }
  if (out_.broken()) loaded_ = false;

  summary.caught_up = true;
  for (const auto& [id, run] : followed_) {
    if (!has_ended(run.info.state)) ++summary.active_runs;
    if (run.failures > 0) {
      ++summary.failing_runs;
    } else if (run.has_rows_to_come() && !run.waiting) {
      summary.caught_up = false;
    }
  }
  summary.runs = std::max<std::int64_t>(run_count_, static_cast<std::int64_t>(followed_.size()));
  summary.new_rows = new_rows_;
  summary.unreadable_rows = unreadable_rows_;
  summary.requests = static_cast<std::int64_t>(client_.requests() - requests_before);
  if (!done) summary.error = std::move(done.error());
  co_return summary;
}

Duration ProjectSync::lag() const {
  // A run that says "running" weeks after it died must not make the whole source look stale.
  constexpr Duration kStillFresh = std::chrono::hours{1};
  const Time now = client_.by_service_clock(poll_time_, poll_start_);
  Duration lag{};
  bool any = false;
  for (const auto& [id, run] : followed_) {
    if (has_ended(run.info.state) || run.info.heartbeat_at == Time{}) continue;
    const Duration age = std::max(Duration::zero(), now - run.info.heartbeat_at);
    if (age > kStillFresh) continue;
    lag = any ? std::min(lag, age) : age;
    any = true;
  }
  return lag;
}

}  // namespace redflag::daemon
