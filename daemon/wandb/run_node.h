// A run as W&B's answers describe it, read with tolerance: fields may be missing or null, JSON may come as
// text or as an object, numbers as floats.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "daemon/runs/run_info.h"
#include "daemon/wandb/graphql_answer.h"

namespace redflag::daemon {

/// The run's id (W&B calls it `name`); empty when the node has none or is no object.
std::string node_id(const nlohmann::json& node);

/// Takes over what the node tells and leaves the rest; derives task, method and seed anew.
void apply_node(const nlohmann::json& node, RunInfo& run);

/// `historyKeys.lastStep`; -1 = the run has logged nothing yet; nullopt = the node does not tell.
std::optional<std::int64_t> node_last_step(const nlohmann::json& node);

/// A field that is JSON as text or as an object: the object; empty when there is none or it cannot be read.
nlohmann::json node_object(const nlohmann::json& node, const char* field);

/// `data.project`; nullptr when it is null.
const nlohmann::json* project_of(const GraphqlAnswer& answer);

/// The problem whose path runs through this alias, else one without any path; nullptr when neither.
const GraphqlProblem* problem_of(const GraphqlAnswer& answer, const std::string& alias);

struct ListingPage {
  std::vector<nlohmann::json> nodes;
  std::string end_cursor;
  bool has_next = false;
  std::int64_t run_count = -1;  ///< -1 = not told
};
ListingPage listing_page(nlohmann::json& project);

}  // namespace redflag::daemon
