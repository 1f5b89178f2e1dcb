// Rows behind the cursor. Pages are of `_step`s, not of rows, so an empty page says nothing about the next
// one: a run is told completely when its cursor has passed lastStep. A question that fails is asked again by
// halves until the run is found that makes it fail; that one is left alone for a while, the others go on.
#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "daemon/runs/json_number.h"
#include "daemon/runs/relaxed_json.h"
#include "daemon/wandb/backoff_delay.h"
#include "daemon/wandb/project_sync.h"

namespace redflag::daemon {
namespace {

using nlohmann::json;

/// A run that logs at `_step`s millions apart is crossed in widening pages instead of thousands of empty
/// ones.
constexpr std::int64_t kWideGap = 50000;
/// lastStep can be ahead of the rows that can be read; after so many polls it is taken for wrong.
constexpr unsigned kMostShortPages = 3;
constexpr RelaxedJsonLimits kRowLimits{std::size_t{8} << 20, 100};
constexpr Duration kFirstRetry = std::chrono::minutes{1};
constexpr Duration kLongestRetry = std::chrono::minutes{30};

struct Row {
  std::int64_t seq = -1;
  json value;
};

/// The rows of a page, by `_step`; those that are no JSON object are counted and left out.
std::vector<Row> parse_rows(json& rows, std::int64_t& unreadable) {
  std::vector<Row> parsed;
  parsed.reserve(rows.size());
  for (auto& element : rows) {
    Row row;
    if (const auto* text = element.get_ptr<const std::string*>()) {
      auto value = parse_relaxed_json(*text, "reading a row", kRowLimits);
      if (value) row.value = std::move(*value);
    } else {
      row.value = std::move(element);
    }
    if (!row.value.is_object()) {
      ++unreadable;
      continue;
    }
    if (const auto step = row.value.find("_step"); step != row.value.end())
      row.seq = step_from(*step).value_or(-1);
    parsed.push_back(std::move(row));
  }
  std::stable_sort(parsed.begin(), parsed.end(), [](const Row& a, const Row& b) { return a.seq < b.seq; });
  return parsed;
}

std::size_t count_runs(const std::vector<HistoryPage>& pages) {
  std::set<std::string_view> ids;
  for (const auto& page : pages) ids.insert(page.run);
  return ids.size();
}

void note_memory(const Observation& row, RunCursor& cursor) {
  for (const auto& sample : row.samples) {
    if (sample.metric == "cpu_memory_rss_mb") cursor.own_cpu = true;
    if (sample.metric == "gpu_memory_mb") cursor.own_gpu = true;
  }
}

}  // namespace

/// One page for each run that has rows to come, then further pages of those that are far behind, up to a
/// request's worth.
std::vector<HistoryPage> ProjectSync::plan_pages() {
  std::vector<HistoryPage> pages;
  std::map<std::string, std::int64_t> planned;
  bool added = true;
  while (added && pages.size() < options_.pages_per_request) {
    added = false;
    for (auto& [id, run] : followed_) {
      if (pages.size() >= options_.pages_per_request) break;
      if (run.waiting || failed_.contains(id) || (run.failures > 0 && poll_start_ < run.retry_at)) continue;
      const auto [from, first] = planned.try_emplace(id, run.cursor.next_step);
      if (from->second > run.last_step) continue;
      const bool wide = run.last_step - run.cursor.next_step > kWideGap;
      if (wide && !first) continue;
      run.span = wide ? std::max(run.span, options_.page_steps) : options_.page_steps;
      pages.push_back({id, from->second, from->second + run.span, options_.page_steps});
      from->second += run.span;
      added = true;
    }
  }
  return pages;
}

asio::awaitable<Result<void>> ProjectSync::read_history() {
  for (int requests = 0; requests < options_.history_requests_per_poll; ++requests) {
    std::vector<HistoryPage> pages = plan_pages();
    if (pages.empty()) break;
    auto done = co_await read_pages(std::move(pages));
    if (!done) co_return done;
  }
  co_return conclude_failures();
}

asio::awaitable<Result<void>> ProjectSync::split_pages(std::vector<HistoryPage> pages, Error error) {
  if (count_runs(pages) == 1) {
    if (pages.size() == 1) {
      note_failure(pages.front().run, error);
      co_return Result<void>{};
    }
    // It may only have been too much at once.
    pages.resize(1);
    auto done = co_await read_pages(std::move(pages));
    co_return done;
  }
  std::vector<std::string> ids;
  for (const auto& page : pages) {
    if (std::find(ids.begin(), ids.end(), page.run) == ids.end()) ids.push_back(page.run);
  }
  ids.resize(ids.size() / 2);
  const auto second = std::stable_partition(pages.begin(), pages.end(), [&](const HistoryPage& page) {
    return std::find(ids.begin(), ids.end(), page.run) != ids.end();
  });
  std::vector<HistoryPage> rest(second, pages.end());
  pages.erase(second, pages.end());
  auto done = co_await read_pages(std::move(pages));
  if (!done) co_return done;
  done = co_await read_pages(std::move(rest));
  co_return done;
}

asio::awaitable<Result<void>> ProjectSync::read_pages(std::vector<HistoryPage> pages) {
  GraphqlQuestion question = history_question(name_, pages);
  const std::string doing = question.doing;
  auto answer = co_await ask(std::move(question));
  if (!answer) {
    if (!worth_splitting(answer.error())) co_return tl::unexpected(std::move(answer.error().error));
    auto done = co_await split_pages(std::move(pages), std::move(answer.error().error));
    co_return done;
  }
  json& project = answer->data["project"];
  std::set<std::string> stopped;  // a run's later pages must not overtake one that failed
  std::vector<HistoryPage> unclear;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    HistoryPage& page = pages[i];
    const auto run = followed_.find(page.run);
    if (run == followed_.end() || stopped.contains(page.run)) continue;
    const auto node = project.find(history_alias(i));
    const bool there = node != project.end() && node->is_object();
    const bool readable = there && node->contains("history") && (*node)["history"].is_array();
    const GraphqlProblem* problem = problem_of(*answer, history_alias(i));
    if (readable && (problem == nullptr || problem->path.empty())) {
      auto done = co_await take_page(run->second, std::move(page), std::move((*node)["history"]));
      if (!done) co_return done;
      continue;
    }
    stopped.insert(page.run);
    if (problem == nullptr && !there) {
      run->second.waiting = true;  // deleted since the listing; the next one will tell
    } else if (problem != nullptr && problem->path.empty() && pages.size() > 1) {
      unclear.push_back(std::move(page));
    } else {
      Error error{ErrorCode::unavailable,
                  true,
                  doing,
                  problem != nullptr ? problem->message : "the answer has no history",
                  {}};
      note_failure(page.run, error);
    }
  }
  for (auto& page : unclear) {
    std::vector<HistoryPage> alone;
    alone.push_back(std::move(page));
    auto done = co_await read_pages(std::move(alone));
    if (!done) co_return done;
  }
  co_return Result<void>{};
}

asio::awaitable<Result<void>> ProjectSync::take_page(FollowedRun& run, HistoryPage page, json rows) {
  if (page.min_step != run.cursor.next_step) {
    // An earlier page was not taken, or only in part; never leave a hole.
    co_return Result<void>{};
  }
  ++history_successes_;
  const bool wide = page.max_step - page.min_step > options_.page_steps;
  if (wide && static_cast<std::int64_t>(rows.size()) > page.samples / 2) {
    // That many rows may be a sample of more. Narrower, until nothing can have been left out.
    run.span = std::max(options_.page_steps, run.span / 8);
    co_return Result<void>{};
  }
  std::vector<Row> parsed = parse_rows(rows, unreadable_rows_);
  if (out_.rows() > 0 && out_.rows() + parsed.size() > options_.batch_rows) {
    auto flushed = co_await out_.flush();
    if (!flushed) co_return flushed;
  }
  const RowTarget target = target_of(run);
  std::int64_t highest = -1;
  std::size_t taken = 0;
  for (const auto& row : parsed) {
    if (row.seq >= 0 && (row.seq < page.min_step || row.seq >= page.max_step)) continue;
    highest = std::max(highest, row.seq);
    auto built = builder_.build(row.value, target);
    if (!built) continue;
    run.cursor.attempt.place(*built);
    note_memory(built->observation, run.cursor);
    out_.add(std::move(built->observation));
    ++new_rows_;
    ++taken;
  }
  if (taken > 0 && run.cursor.ended) {
    run.late_rows = true;
    run.ended_at = poll_start_;
  }
  recover(run);
  move_on(run, page, highest, parsed.size());
  keep_cursor(run);
  co_return Result<void>{};
}

void ProjectSync::move_on(FollowedRun& run, const HistoryPage& page, std::int64_t highest, std::size_t rows) {
  if (page.max_step - page.min_step > options_.page_steps || run.last_step - page.min_step > kWideGap) {
    run.span = static_cast<std::int64_t>(rows) * 8 < page.samples ? run.span * 4 : run.span;
  }
  if (page.max_step <= run.last_step) {
    run.cursor.next_step = page.max_step;
    return;
  }
  if (highest >= run.last_step) {
    run.last_step = highest;  // rows that came in since the listing are welcome
    run.cursor.next_step = highest + 1;
    run.short_pages = 0;
    return;
  }
  if (highest >= 0) run.cursor.next_step = highest + 1;
  if (++run.short_pages >= kMostShortPages) {
    run.cursor.next_step = run.last_step + 1;
    run.short_pages = 0;
    return;
  }
  run.waiting = true;
}

void ProjectSync::note_failure(const std::string& id, const Error& error) {
  failed_.insert_or_assign(id, error);
}

void ProjectSync::recover(FollowedRun& run) {
  run.failures = 0;
  if (!run.cursor.fetch_failed) return;
  run.cursor.fetch_failed = false;
  out_.add(fact(run, "fetch_error", std::string{}));
  keep_cursor(run);
}

Result<void> ProjectSync::conclude_failures() {
  for (auto& [id, run] : followed_) {
    if (run.seen && !run.has_rows_to_come() && !failed_.contains(id)) recover(run);
  }
  if (failed_.empty()) return {};
  std::size_t newly = 0;
  for (const auto& [id, error] : failed_) {
    const auto run = followed_.find(id);
    if (run != followed_.end() && run->second.failures == 0) ++newly;
  }
  // Several runs at once, none of them known to be bad, and not one that works: that is the service.
  if (history_successes_ == 0 && listing_failures_ == 0 && newly >= 2 && newly == failed_.size()) {
    return tl::unexpected(failed_.begin()->second);
  }
  for (const auto& [id, error] : failed_) {
    const auto found = followed_.find(id);
    if (found == followed_.end()) continue;
    FollowedRun& run = found->second;
    ++run.failures;
    run.retry_at = poll_start_ + backoff_delay(run.failures, kFirstRetry, kLongestRetry, random_);
    if (run.cursor.fetch_failed) continue;
    run.cursor.fetch_failed = true;
    out_.add(fact(run, "fetch_error", error.text()));
    keep_cursor(run);
  }
  return {};
}

}  // namespace redflag::daemon
