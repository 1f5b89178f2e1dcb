// HTTP in front of the schema: who may ask, what breaks, and how it is said.
#include "daemon/simulator/wandb_simulator.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "daemon/simulator/graphql_document.h"
#include "daemon/simulator/graphql_executor.h"

namespace redflag::daemon {
namespace {

using nlohmann::json;

ServerResponse json_response(int status, const json& body) {
  ServerResponse response;
  response.status = status;
  response.headers.push_back({"Content-Type", "application/json"});
  response.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
  return response;
}

/// An error where no history was asked for: the first field of the answer is lost.
void lose_first_field(json& body) {
  json path = json::array();
  if (body.contains("data") && body["data"].is_object() && !body["data"].empty()) {
    auto first = body["data"].begin();
    path.push_back(first.key());
    *first = nullptr;
  }
  body["errors"].push_back(
      {{"message", "internal error: context deadline exceeded"}, {"path", std::move(path)}});
}

}  // namespace

WandbSimulator::WandbSimulator(const Clock& clock, WandbSimulatorOptions options)
    : clock_(clock), options_(std::move(options)) {}

void WandbSimulator::add_project(const std::string& entity, const std::string& project) {
  auto& made = projects_[{entity, project}];
  if (!made.name.empty()) return;
  made.entity = entity;
  made.name = project;
  made.created = clock_.now();
}

SimulatedRun& WandbSimulator::add_run(const std::string& entity, const std::string& project,
                                      RunScript script) {
  add_project(entity, project);
  if (script.created == Time{}) script.created = clock_.now();
  auto& runs = projects_[{entity, project}].runs;
  runs.push_back(std::make_unique<SimulatedRun>(entity, project, std::move(script)));
  return *runs.back();
}

SimulatedRun* WandbSimulator::find(const std::string& entity, const std::string& project,
                                   const std::string& id) {
  const auto found = projects_.find({entity, project});
  if (found == projects_.end()) return nullptr;
  for (const auto& run : found->second.runs) {
    if (run->id() == id) return run.get();
  }
  return nullptr;
}

void WandbSimulator::append_row(SimulatedRun& run, json values) {
  run.append_row(clock_.now(), std::move(values));
}

void WandbSimulator::set_state(SimulatedRun& run, std::string state) {
  run.set_state(clock_.now(), std::move(state));
}

bool WandbSimulator::is_authorized(const ServerRequest& request) const {
  if (options_.api_key.empty()) return true;
  return request.header("Authorization") == "Basic " + wandb_schema::base64("api:" + options_.api_key);
}

ServerResponse WandbSimulator::answer(const ServerRequest& request) {
  ++requests_;
  const auto fault = faults_.take(clock_.now());
  if (fault && is_before_the_service(fault->kind)) return spoil(*fault, {});
  const std::string_view path = request.path();
  ServerResponse response;
  if (path == options_.path_prefix + "/graphql" && request.method == "POST") {
    response = is_authorized(request) ? graphql(request, fault)
                                      : json_response(401, {{"error", "user is not logged in"}});
  } else if (request.method == "GET" && path.substr(0, 7) == "/files/") {
    response = is_authorized(request) ? file(path.substr(7))
                                      : json_response(401, {{"error", "user is not logged in"}});
  } else {
    response = json_response(404, {{"error", "not found"}});
  }
  response.headers.push_back({"Date", to_http_date(clock_.now())});
  if (fault) response = spoil(*fault, std::move(response));
  bytes_sent_ += response.body.size();
  return response;
}

ServerResponse WandbSimulator::graphql(const ServerRequest& request, const std::optional<Fault>& fault) {
  const json body = json::parse(request.body, nullptr, false);
  if (!body.is_object() || !body.contains("query") || !body["query"].is_string()) {
    return json_response(400,
                         graphql::errors_body("The body must be a JSON object with a string \"query\"."));
  }
  const auto document = graphql::parse(body["query"].get_ref<const std::string&>());
  if (!document) return json_response(400, graphql::errors_body(document.error().what));

  wandb_schema::Context context{
      projects_, clock_.now(), options_.username, options_.entity, options_.public_url, {}, {}, false};
  const auto execute = [&] {
    const json variables = body.value("variables", json());
    const std::string operation = wandb_schema::text_argument(body, "operationName");
    context.touched.clear();
    return graphql::execute(*document, operation, variables, wandb_schema::query_object(context));
  };
  if (fault && fault->kind == FaultKind::graphql_errors) context.history_fails_for = "";
  graphql::Outcome outcome = execute();
  if (context.history_fails_for && outcome.accepted && !context.history_failed)
    lose_first_field(outcome.body);

  const auto of_run = faults_.take_for(clock_.now(), context.touched);
  if (of_run && of_run->kind == FaultKind::graphql_errors) {
    context.history_fails_for = of_run->run;
    outcome = execute();
  }
  ServerResponse response = json_response(outcome.accepted ? 200 : 400, outcome.body);
  return of_run ? spoil(*of_run, std::move(response)) : response;
}

ServerResponse WandbSimulator::file(std::string_view path) const {
  for (const auto& [key, project] : projects_) {
    for (const auto& run : project.runs) {
      const std::string folder = key.first + "/" + key.second + "/" + run->id() + "/";
      if (path.substr(0, folder.size()) != folder) continue;
      for (const auto* file : run->files(clock_.now())) {
        if (file->name != path.substr(folder.size())) continue;
        ServerResponse response;
        response.headers.push_back({"Content-Type", "text/plain"});
        response.body = file->content;
        return response;
      }
    }
  }
  return json_response(404, {{"error", "not found"}});
}

}  // namespace redflag::daemon
