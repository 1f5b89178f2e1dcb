// Which runs are there. The first poll of a project pages through all of them; later ones read only the top
// of the list, newest heartbeat first, and ask by name for the runs that are being followed: a run that dies
// keeps its old heartbeat, and would never come up in the list again.
#include <algorithm>
#include <utility>

#include "daemon/monitor/forgotten.h"
#include "daemon/wandb/project_sync.h"

namespace redflag::daemon {
namespace {

using nlohmann::json;

constexpr Duration kMargin = std::chrono::minutes{10};
constexpr Duration kLookAgain = std::chrono::minutes{10};
constexpr int kMostPages = 10000;
constexpr unsigned kMissingBeforeGone = 3;
constexpr std::size_t kMostRejected = 10000;

Time heartbeat_of(const json& node) {
  const auto found = node.find("heartbeatAt");
  if (found == node.end() || !found->is_string()) return Time{};
  return parse_rfc3339(found->get<std::string>()).value_or(Time{});
}

}  // namespace

void ProjectSync::on_followed_node(const std::string& id, const json& node) {
  const auto run = followed_.find(id);
  if (run == followed_.end()) return;
  if (node.is_object()) {
    update_followed(run->second, node);
  } else {
    run_is_missing(id);
  }
}

/// Asks for `runs` beside the page; they are left empty when the page was had only without them.
asio::awaitable<Result<ListingPage>> ProjectSync::ask_page(ListingRequest listing,
                                                           std::vector<RunRequest>& runs) {
  for (;;) {
    GraphqlQuestion question = listing_question(name_, listing, runs);
    const std::string doing = question.doing;
    auto answer = co_await ask(std::move(question));
    if (!answer) {
      const bool may_help = worth_splitting(answer.error());
      if (may_help && !runs.empty()) {
        // One run may be what makes it fail: the list alone, then the runs by halves.
        runs.clear();
        continue;
      }
      if (may_help && listing.full && listing.page_size > 1) {
        listing.page_size = std::max(1, listing.page_size / 5);
        continue;
      }
      co_return tl::unexpected(std::move(answer.error().error));
    }
    json& project = answer->data["project"];
    const auto connection = project.find("runs");
    if (connection == project.end() || !connection->is_object()) {
      const auto* problem = problem_of(*answer, "runs");
      co_return fail(ErrorCode::unavailable, doing,
                     problem != nullptr ? problem->message : "the answer lists no runs", {}, true);
    }
    if (!runs.empty()) {
      std::vector<RunRequest> unclear;
      const NodeHandler on_node = [this](const std::string& id, const json& node) {
        on_followed_node(id, node);
      };
      const FailureHandler on_failure = [this](const std::string& id, const Error& error) {
        note_failure(id, error);
      };
      read_run_answer(*answer, runs, on_node, unclear, on_failure);
      auto done = co_await ask_runs(std::move(unclear), on_node, on_failure);
      if (!done) co_return tl::unexpected(std::move(done.error()));
    }
    co_return listing_page(project);
  }
}

asio::awaitable<Result<void>> ProjectSync::list_all() {
  std::vector<std::string> seen;
  ListingRequest listing;
  listing.filter = mongo_filter(options_.filter, poll_time_);
  // By creation: an order that does not change under our hands while runs send heartbeats.
  listing.order = "+created_at";
  listing.page_size = options_.runs_per_page;
  listing.full = true;
  std::vector<RunRequest> none;
  bool more = true;
  for (int pages = 0; more && pages < kMostPages; ++pages) {
    auto page = co_await ask_page(listing, none);
    if (!page) co_return tl::unexpected(std::move(page.error()));
    if (page->run_count >= 0) run_count_ = page->run_count;
    for (const auto& node : page->nodes) {
      seen.push_back(node_id(node));
      project_.newest_heartbeat =
          std::max(project_.newest_heartbeat, std::min(heartbeat_of(node), poll_time_));
      meet(node);
    }
    more = page->has_next && page->end_cursor != listing.cursor;
    listing.cursor = page->end_cursor;
    keep_project_cursor();
    auto flushed = co_await out_.flush();
    if (!flushed) co_return flushed;
  }
  std::sort(seen.begin(), seen.end());
  // After a change of the filter: what it no longer chooses is no longer followed.
  for (auto run = followed_.begin(); run != followed_.end();) {
    run = std::binary_search(seen.begin(), seen.end(), run->first) ? std::next(run) : followed_.erase(run);
  }
  project_.listed = true;
  out_.set_first_read({options_.entity + '/' + options_.project, prefix_.substr(0, prefix_.size() - 1)});
  co_return Result<void>{};
}

std::vector<RunRequest> ProjectSync::followed_requests() const {
  std::vector<RunRequest> requests;
  for (const auto& [id, run] : followed_) {
    if (run.failures > 0 && poll_start_ < run.retry_at) continue;
    RunRequest request;
    request.id = id;
    const bool active = !has_ended(run.info.state);
    request.config = active && poll_start_ >= run.config_due;
    request.system_metrics =
        active && poll_start_ >= run.system_due && !(run.cursor.own_cpu && run.cursor.own_gpu);
    requests.push_back(std::move(request));
  }
  return requests;
}

asio::awaitable<Result<void>> ProjectSync::ask_followed(std::vector<RunRequest> runs) {
  const NodeHandler on_node = [this](const std::string& id, const json& node) { on_followed_node(id, node); };
  const FailureHandler on_failure = [this](const std::string& id, const Error& error) {
    note_failure(id, error);
  };
  for (std::size_t from = 0; from < runs.size(); from += options_.runs_per_request) {
    const std::size_t to = std::min(runs.size(), from + options_.runs_per_request);
    std::vector<RunRequest> some(runs.begin() + static_cast<std::ptrdiff_t>(from),
                                 runs.begin() + static_cast<std::ptrdiff_t>(to));
    auto done = co_await ask_runs(std::move(some), on_node, on_failure);
    if (!done) co_return done;
  }
  co_return Result<void>{};
}

asio::awaitable<Result<void>> ProjectSync::list_changed() {
  std::vector<RunRequest> rest = followed_requests();
  const auto fit = static_cast<std::ptrdiff_t>(std::min(rest.size(), options_.runs_per_request));
  std::vector<RunRequest> beside(rest.begin(), rest.begin() + fit);
  ListingRequest listing;
  listing.filter = mongo_filter(options_.filter, poll_time_);
  listing.order = "-heartbeat_at";
  // The top of the list is where news is; a short page keeps the usual poll small.
  listing.page_size =
      std::min(options_.runs_per_page, static_cast<int>(std::min<std::size_t>(followed_.size(), 1000)) + 10);

  std::vector<std::string> candidates;
  const Time cutoff = project_.newest_heartbeat - kMargin;
  Time newest = project_.newest_heartbeat;
  for (int pages = 0; pages < kMostPages; ++pages) {
    auto page = co_await ask_page(listing, beside);
    if (!page) co_return tl::unexpected(std::move(page.error()));
    if (!beside.empty()) rest.erase(rest.begin(), rest.begin() + fit);
    beside.clear();
    if (page->run_count >= 0) run_count_ = page->run_count;
    bool recent = false;
    bool descending = true;
    Time previous = Time::max();
    for (const auto& node : page->nodes) {
      const Time heartbeat = heartbeat_of(node);
      recent = recent || heartbeat >= cutoff || (heartbeat == Time{} && pages == 0);
      descending = descending && heartbeat <= previous;
      previous = heartbeat;
      newest = std::max(newest, std::min(heartbeat, poll_time_));
      const std::string id = node_id(node);
      if (id.empty()) continue;
      const auto known = followed_.find(id);
      // A run whose own question fails still tells its state here.
      if (known != followed_.end() && !known->second.seen) {
        apply_node(node, known->second.info);
      } else if (known == followed_.end() && is_news(id, node)) {
        candidates.push_back(id);
      }
    }
    // Beyond here all is older, if the server sorts as it was asked to.
    if (descending && previous < cutoff) recent = false;
    if (!recent || !page->has_next || page->end_cursor == listing.cursor) break;
    listing.cursor = page->end_cursor;
  }
  auto asked = co_await ask_followed(std::move(rest));
  if (!asked) co_return asked;
  auto met = co_await meet_candidates(std::move(candidates));
  if (!met) co_return met;
  project_.newest_heartbeat = newest;
  co_return Result<void>{};
}

bool ProjectSync::is_news(const std::string& id, const json& node) const {
  if (const auto rejected = rejected_.find(id); rejected != rejected_.end() && poll_start_ < rejected->second)
    return false;
  RunInfo info;
  info.id = id;
  apply_node(node, info);
  if (!matches(options_.filter, info, poll_time_, false)) return false;
  const auto kept = intake_.cursor(subject_.key, id);
  if (!kept) return !may_be_forgotten(info, forgotten_);
  const RunCursor cursor = RunCursor::restored(*kept);
  return !has_ended(info.state) || info.heartbeat_at > cursor.heartbeat_at;
}

asio::awaitable<Result<void>> ProjectSync::ask_whole_runs(std::vector<std::string> ids, NodeHandler on_node,
                                                          FailureHandler on_failure) {
  for (std::size_t from = 0; from < ids.size(); from += options_.pages_per_request) {
    std::vector<RunRequest> some;
    for (std::size_t i = from; i < std::min(ids.size(), from + options_.pages_per_request); ++i) {
      some.push_back({ids[i], true, false, true});
    }
    auto done = co_await ask_runs(std::move(some), on_node, on_failure);
    if (!done) co_return done;
  }
  co_return Result<void>{};
}

asio::awaitable<Result<void>> ProjectSync::meet_candidates(std::vector<std::string> ids) {
  const NodeHandler on_node = [this](const std::string&, const json& node) {
    if (node.is_object()) meet(node);
  };
  // Not followed yet, so nothing is lost: it is still at the top of the next listing.
  const FailureHandler on_failure = [](const std::string&, const Error&) {};
  co_return co_await ask_whole_runs(std::move(ids), on_node, on_failure);
}

void ProjectSync::meet(const json& node) {
  const std::string id = node_id(node);
  if (id.empty() || id.size() > 256 || followed_.contains(id)) {
    if (const auto run = followed_.find(id); run != followed_.end()) update_followed(run->second, node);
    return;
  }
  RunInfo info;
  info.key = run_key(id);
  info.id = id;
  info.project = name_.text();
  info.url = client_.service().run_url(name_.entity, name_.project, id);
  apply_node(node, info);
  if (!matches(options_.filter, info, poll_time_, true)) {
    if (rejected_.size() >= kMostRejected) rejected_.clear();
    rejected_[id] = poll_start_ + kLookAgain;
    return;
  }
  const auto kept = intake_.cursor(subject_.key, id);
  std::optional<RunCursor> cursor;
  if (kept) cursor = RunCursor::restored(*kept);
  const bool ended = has_ended(info.state);
  if (ended && cursor && cursor->ended && info.heartbeat_at <= cursor->heartbeat_at) return;
  if (ended && (cursor ? cursor->historic
                       : last_sign(info) < project_.first_seen || may_be_forgotten(info, forgotten_))) {
    tell_historic(std::move(info), node);
    return;
  }
  if (cursor && cursor->historic) cursor.reset();  // it lives again: its curves are wanted from the start
  follow(std::move(info), std::move(cursor), node);
}

void ProjectSync::tell_historic(RunInfo info, const json& node) {
  info.historic = true;
  FollowedRun run;
  run.info = std::move(info);
  run.cursor.historic = true;
  // Who it is, its totals, and only then that it ended: rules about a run's end find everything there.
  Observation identity = run_facts(run.info, "wandb", poll_time_);
  std::erase_if(identity.attributes,
                [](const auto& fact) { return fact.first == "state" || fact.first == "ended"; });
  out_.add(std::move(identity));
  tell_end(run, &node);
}

void ProjectSync::follow(RunInfo info, std::optional<RunCursor> cursor, const json& node) {
  FollowedRun run;
  run.info = std::move(info);
  if (cursor) {
    run.cursor = std::move(*cursor);
    if (const RunInfo* known = intake_.run(run.info.key)) run.told = *known;
  }
  run.ended_at = poll_start_;
  const std::string id = run.info.id;
  FollowedRun& kept = followed_.emplace(id, std::move(run)).first->second;
  update_followed(kept, node);
  keep_cursor(kept);
}

void ProjectSync::update_followed(FollowedRun& run, const json& node) {
  run.seen = true;
  run.missing = 0;
  const Time created_before = run.cursor.created_at;
  apply_node(node, run.info);
  if (run.info.project.empty()) run.info.project = name_.text();
  if (run.info.url.empty())
    run.info.url = client_.service().run_url(name_.entity, name_.project, run.info.id);
  if (const auto last = node_last_step(node)) run.last_step = *last;
  if (created_before != Time{} && run.info.created_at > created_before) {
    // Deleted and made anew under the same id: its log starts again at 0.
    run.cursor.next_step = 0;
    run.cursor.attempt.restart();
    run.cursor.ended = false;
  }
  run.cursor.created_at = run.info.created_at;
  // Right after the start the trainer is still filling in its config, later it hardly ever changes.
  if (node.contains("config")) {
    const bool young = poll_time_ - run.info.created_at < std::chrono::minutes{10};
    run.config_due =
        poll_start_ + (young ? std::min<Duration>(options_.config_interval, std::chrono::minutes{1})
                             : options_.config_interval);
  }
  if (node.contains("systemMetrics")) {
    run.system_metrics = node_object(node, "systemMetrics");
    run.system_due = poll_start_ + options_.system_metrics_interval;
  }
}

void ProjectSync::run_is_missing(const std::string& id) {
  const auto run = followed_.find(id);
  if (run == followed_.end() || ++run->second.missing < kMissingBeforeGone) return;
  out_.add(Gone{{SubjectKind::run, run->second.info.key}, poll_time_, "the run was deleted from W&B"});
  out_.set_cursor(id, "");
  followed_.erase(run);
}

}  // namespace redflag::daemon
