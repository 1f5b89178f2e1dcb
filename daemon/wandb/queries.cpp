#include "daemon/wandb/queries.h"

#include <fmt/format.h>

namespace redflag::daemon {
namespace {

constexpr const char* kLightFields = "name displayName state createdAt heartbeatAt tags group";
constexpr const char* kFollowedFields =
    "name displayName state createdAt heartbeatAt tags group jobType historyKeys";
constexpr const char* kFullFields =
    "name displayName state createdAt heartbeatAt tags group jobType historyKeys config summaryMetrics";

/// A query under construction: `$project` and `$entity` are always there.
struct Draft {
  explicit Draft(const ProjectName& project) {
    variables["project"] = project.project;
    variables["entity"] = project.entity;
  }
  void variable(const std::string& name, const char* type, nlohmann::json value) {
    declarations += fmt::format(", ${}: {}", name, type);
    variables[name] = std::move(value);
  }
  GraphqlQuestion finish(const char* operation, std::string doing) {
    GraphqlQuestion question;
    question.doing = std::move(doing);
    question.query = fmt::format(
        "query {}($project: String!, $entity: String!{}) {{ project(name: $project, entityName: $entity) {{ "
        "{} }} }}",
        operation, declarations, body);
    question.variables = std::move(variables);
    return question;
  }
  std::string declarations;
  std::string body;
  nlohmann::json variables = nlohmann::json::object();
};

void add_runs(Draft& draft, const std::vector<RunRequest>& runs) {
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const std::string alias = run_alias(i);
    draft.variable(alias, "String!", runs[i].id);
    draft.body += fmt::format("{0}: run(name: ${0}) {{ {1}{2}{3}{4} }} ", alias, kFollowedFields,
                              runs[i].config ? " config" : "", runs[i].system_metrics ? " systemMetrics" : "",
                              runs[i].summary ? " summaryMetrics" : "");
  }
}

}  // namespace

std::string run_alias(std::size_t index) {
  return fmt::format("r{}", index);
}

std::string history_alias(std::size_t index) {
  return fmt::format("h{}", index);
}

GraphqlQuestion listing_question(const ProjectName& project, const ListingRequest& listing,
                                 const std::vector<RunRequest>& runs) {
  Draft draft(project);
  draft.variable("filters", "JSONString",
                 listing.filter.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  draft.variable("order", "String", listing.order);
  draft.variable("perPage", "Int", listing.page_size);
  draft.variable("cursor", "String",
                 listing.cursor.empty() ? nlohmann::json(nullptr) : nlohmann::json(listing.cursor));
  draft.body = fmt::format(
      "runCount(filters: $filters) runs(filters: $filters, order: $order, first: $perPage, after: $cursor) "
      "{{ edges {{ node {{ {} }} cursor }} pageInfo {{ endCursor hasNextPage }} }} ",
      listing.full ? kFullFields : kLightFields);
  add_runs(draft, runs);
  return draft.finish("RedflagRuns", "listing the runs of " + project.text());
}

GraphqlQuestion runs_question(const ProjectName& project, const std::vector<RunRequest>& runs) {
  Draft draft(project);
  add_runs(draft, runs);
  return draft.finish(
      "RedflagRun",
      fmt::format("reading {} of {}", runs.size() == 1 ? "run " + runs.front().id : "runs", project.text()));
}

GraphqlQuestion history_question(const ProjectName& project, const std::vector<HistoryPage>& pages) {
  Draft draft(project);
  for (std::size_t i = 0; i < pages.size(); ++i) {
    draft.variable(fmt::format("run{}", i), "String!", pages[i].run);
    draft.variable(fmt::format("min{}", i), "Int64!", pages[i].min_step);
    draft.variable(fmt::format("max{}", i), "Int64!", pages[i].max_step);
    draft.variable(fmt::format("samples{}", i), "Int!", pages[i].samples);
    draft.body += fmt::format(
        "{0}: run(name: $run{1}) {{ history(minStep: $min{1}, maxStep: $max{1}, samples: $samples{1}) }} ",
        history_alias(i), i);
  }
  bool one_run = true;
  for (const auto& page : pages) one_run = one_run && page.run == pages.front().run;
  return draft.finish("RedflagHistory",
                      fmt::format("reading the history of {}{}", project.text(),
                                  one_run && !pages.empty() ? "/" + pages.front().run : ""));
}

}  // namespace redflag::daemon
