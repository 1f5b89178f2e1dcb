// One project's state and one poll of it. The poll has four steps, a file each:
//   listing   which runs are there, and what they say of themselves now       (project_listing.cpp)
//   announce  facts of runs that are new or changed, their end held back      (project_settle.cpp)
//   history   rows behind the cursor, several runs a request                  (project_history.cpp)
//   settle    for runs told completely: totals, their end, the watermark      (project_settle.cpp)
#pragma once

#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "daemon/runs/row_builder.h"
#include "daemon/wandb/batch_writer.h"
#include "daemon/wandb/followed_run.h"
#include "daemon/wandb/queries.h"
#include "daemon/wandb/run_node.h"
#include "daemon/wandb/wandb_poller.h"

namespace redflag::daemon {

class ProjectSync {
 public:
  ProjectSync(const WandbPollerOptions& options, GraphqlClient& client, Intake& intake, Clock& clock,
              const MetricNames& names);

  /// Throws when cancelled.
  asio::awaitable<PollSummary> poll();

  /// Drops what is remembered; the next poll starts from the committed cursors.
  void forget();

  const Subject& subject() const { return subject_; }
  Duration lag() const;

 private:
  using NodeHandler = std::function<void(const std::string& id, const nlohmann::json& node)>;
  using FailureHandler = std::function<void(const std::string& id, const Error& error)>;

  // --- project_sync.cpp
  void load();
  asio::awaitable<Result<void>> steps();
  void keep_project_cursor();
  std::string run_key(const std::string& id) const { return prefix_ + id; }
  RowTarget target_of(const FollowedRun& run) const;
  /// True when another question may fare better: the run asked for may be what is wrong. Counts failures in a
  /// row.
  bool worth_splitting(const GraphqlFailure& failure);
  asio::awaitable<GraphqlResult> ask(GraphqlQuestion question);
  /// Asks for runs, by halves where a question fails, until each has answered or failed alone. A run that
  /// does not exist gets a null node. An error is the whole service's.
  asio::awaitable<Result<void>> ask_runs(std::vector<RunRequest> runs, const NodeHandler& on_node,
                                         const FailureHandler& on_failure);
  void read_run_answer(const GraphqlAnswer& answer, const std::vector<RunRequest>& runs,
                       const NodeHandler& on_node, std::vector<RunRequest>& unclear,
                       const FailureHandler& on_failure);

  // --- project_listing.cpp
  asio::awaitable<Result<void>> list_all();
  asio::awaitable<Result<void>> list_changed();
  asio::awaitable<Result<ListingPage>> ask_page(ListingRequest listing, std::vector<RunRequest>& runs);
  void on_followed_node(const std::string& id, const nlohmann::json& node);
  asio::awaitable<Result<void>> ask_followed(std::vector<RunRequest> runs);
  /// Asks for these runs with all their fields, some at a time.
  asio::awaitable<Result<void>> ask_whole_runs(std::vector<std::string> ids, NodeHandler on_node,
                                               FailureHandler on_failure);
  asio::awaitable<Result<void>> meet_candidates(std::vector<std::string> ids);
  std::vector<RunRequest> followed_requests() const;
  bool is_news(const std::string& id, const nlohmann::json& node) const;
  void meet(const nlohmann::json& node);
  void tell_historic(RunInfo info, const nlohmann::json& node);
  void follow(RunInfo info, std::optional<RunCursor> cursor, const nlohmann::json& node);
  void update_followed(FollowedRun& run, const nlohmann::json& node);
  void run_is_missing(const std::string& id);

  // --- project_history.cpp
  asio::awaitable<Result<void>> read_history();
  std::vector<HistoryPage> plan_pages();
  asio::awaitable<Result<void>> read_pages(std::vector<HistoryPage> pages);
  asio::awaitable<Result<void>> split_pages(std::vector<HistoryPage> pages, Error error);
  asio::awaitable<Result<void>> take_page(FollowedRun& run, HistoryPage page, nlohmann::json rows);
  void move_on(FollowedRun& run, const HistoryPage& page, std::int64_t highest, std::size_t rows);
  void recover(FollowedRun& run);
  void note_failure(const std::string& id, const Error& error);
  Result<void> conclude_failures();

  // --- project_settle.cpp
  void announce(FollowedRun& run);
  asio::awaitable<Result<void>> settle();
  asio::awaitable<Result<void>> tell_ends(std::vector<std::string> ids);
  void tell_end(FollowedRun& run, const nlohmann::json* node);
  void tell_system_metrics(FollowedRun& run);
  void keep_cursor(FollowedRun& run);
  void drop_finished();
  Observation fact(const FollowedRun& run, const char* name, Attribute value) const;

  const WandbPollerOptions& options_;
  GraphqlClient& client_;
  Intake& intake_;
  Clock& clock_;
  RowBuilder builder_;
  ProjectName name_;
  Subject subject_;
  std::string prefix_;  // of run keys: "host/entity/project/"
  BatchWriter out_;

  bool loaded_ = false;
  ProjectCursor project_;
  std::string kept_project_;  // as last handed over
  std::map<std::string, FollowedRun> followed_;
  std::unordered_map<std::string, Duration>
      rejected_;  // listed, but the config does not match; look again then
  std::int64_t run_count_ = 0;
  std::uint32_t random_;

  // Of the poll under way.
  Time forgotten_;  ///< see daemon/monitor/forgotten.h
  Time poll_time_;
  Duration poll_start_{};
  unsigned failures_in_a_row_ = 0;
  std::int64_t new_rows_ = 0;
  std::int64_t unreadable_rows_ = 0;
  std::map<std::string, Error> failed_;
  std::size_t listing_failures_ = 0;
  std::size_t history_successes_ = 0;
};

}  // namespace redflag::daemon
