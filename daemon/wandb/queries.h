// The questions redflag puts to W&B, as GraphQL. Several runs share one request through aliases r0, r1, …
// (pages of history: h0, h1, …); every value travels as a variable, so no name can break out of the query.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "daemon/wandb/graphql_client.h"

namespace redflag::daemon {

struct ProjectName {
  std::string entity;
  std::string project;
  std::string text() const { return entity + '/' + project; }
};

/// One run in a question, and which heavy fields are wanted beside the light ones.
struct RunRequest {
  std::string id;
  bool config = false;
  bool system_metrics = false;
  bool summary = false;
};

/// Rows min_step ≤ `_step` < max_step of one run, at most `samples` of them.
struct HistoryPage {
  std::string run;
  std::int64_t min_step = 0;
  std::int64_t max_step = 0;
  std::int64_t samples = 0;
};

struct ListingRequest {
  nlohmann::json filter = nlohmann::json::object();
  std::string order;
  std::string cursor;  ///< empty = from the start
  int page_size = 50;
  bool full = false;  ///< config, summary and history keys of each run too
};

/// A page of the listing, and `runs` beside it.
GraphqlQuestion listing_question(const ProjectName& project, const ListingRequest& listing,
                                 const std::vector<RunRequest>& runs);
GraphqlQuestion runs_question(const ProjectName& project, const std::vector<RunRequest>& runs);
GraphqlQuestion history_question(const ProjectName& project, const std::vector<HistoryPage>& pages);

std::string run_alias(std::size_t index);
std::string history_alias(std::size_t index);

}  // namespace redflag::daemon
