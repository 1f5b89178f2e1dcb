// Each check ends in words for a person; the advice is about what that person can do, not about what failed
// inside.
#include "daemon/cli/setup_checks.h"

#include <cerrno>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "alerts/slack/slack_sink.h"
#include "daemon/app/settings.h"
#include "daemon/base/system_clock.h"
#include "daemon/channels/http_post.h"
#include "daemon/config/mask.h"
#include "daemon/net/http_client.h"
#include "daemon/wandb/graphql_client.h"
#include "daemon/wandb/queries.h"

namespace redflag::daemon {
namespace {

using namespace std::chrono_literals;

/// Runs one coroutine on a loop of its own.
template <typename T>
T run_alone(asio::io_context& context, asio::awaitable<T> work, HttpClient& client) {
  std::optional<T> result;
  asio::co_spawn(context, std::move(work), [&](const std::exception_ptr& thrown, T value) {
    if (thrown) std::rethrow_exception(thrown);
    result.emplace(std::move(value));
    client.stop();
  });
  context.run();
  return std::move(*result);
}

SetupCheck problem(std::string what, const Error& error) {
  return {std::move(what), SetupVerdict::problem, error.doing + ": " + error.what, error.advice};
}

struct ProjectAnswer {
  std::string entity;
  std::int64_t runs = -1;
};

asio::awaitable<Result<ProjectAnswer>> ask_project(GraphqlClient& client, std::string entity,
                                                   std::string project) {
  ProjectAnswer answer;
  if (entity.empty()) {
    Result<std::string> owner = co_await default_entity(client);
    if (!owner) co_return tl::unexpected<Error>(std::move(owner.error()));
    entity = *owner;
  }
  answer.entity = entity;
  ListingRequest listing;
  listing.order = "-heartbeat_at";
  listing.page_size = 1;
  const ProjectName name{entity, project};
  GraphqlQuestion question = listing_question(name, listing, {});
  const std::string doing = question.doing;
  GraphqlResult got = co_await client.ask(std::move(question));
  if (!got) co_return tl::unexpected<Error>(std::move(got.error().error));
  const auto found = got->data.find("project");
  if (found == got->data.end() || !found->is_object())
    co_return tl::unexpected<Error>(no_such_project(doing, settings::shown(name.text())));
  if (const auto count = found->find("runCount"); count != found->end() && count->is_number_integer())
    answer.runs = count->get<std::int64_t>();
  co_return answer;
}

asio::awaitable<alerts::SinkAnswer> post_test(HttpClient& client, std::string url) {
  HttpRequest request;
  request.url = std::move(url);
  request.label = "Slack webhook";
  request.headers = {{"Content-Type", "application/json; charset=utf-8"}};
  request.body =
      nlohmann::json{{"text", "redflag setup: a test. Alerts of your trainings will come here."}}.dump();
  co_return co_await http_post(client, std::move(request));
}

/// The first of the directories above `path` that a user who is a member of nothing cannot enter; or `path`
/// itself when that one cannot be listed. Empty: no obstacle.
std::string shut_to_others(const std::string& path) {
  for (std::size_t at = path.find('/', 1);; at = path.find('/', at + 1)) {
    const std::string part = path.substr(0, at);
    const mode_t wanted = at == std::string::npos ? S_IROTH | S_IXOTH : S_IXOTH;
    struct stat status {};
    if (::stat(part.c_str(), &status) == 0 && (status.st_mode & wanted) != wanted) return part;
    if (at == std::string::npos) return {};
  }
}

/// A drop-in that changes as whom the service runs or what it is shown; empty when there is none.
std::string lets_it_in(const std::string& unit_directory) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(unit_directory, error)) {
    if (entry.path().extension() != ".conf") continue;
    std::ifstream in(entry.path());
    for (std::string line; std::getline(in, line);) {
      for (const std::string_view key :
           {"User=", "SupplementaryGroups=", "BindReadOnlyPaths=", "BindPaths=/"}) {
        if (line.starts_with(key) && line.size() > key.size()) return entry.path().filename().string();
      }
    }
  }
  return {};
}

}  // namespace

std::string_view to_string(SetupVerdict verdict) {
  switch (verdict) {
    case SetupVerdict::good:
      return "ok";
    case SetupVerdict::problem:
      return "problem";
    case SetupVerdict::skipped:
      return "skipped";
  }
  return "skipped";
}

std::vector<SetupCheck> check_wandb(const Config& config, SetupAnswers& answers) {
  if (answers.project.empty())
    return {{"W&B project", SetupVerdict::skipped, "none: only the directories are watched",
             "name one with --project ENTITY/PROJECT"}};
  if (!answers.key)
    return {{"W&B key", SetupVerdict::problem, "there is none",
             "copy it from https://wandb.ai/authorize into a file and name that with --api-key-file, or run "
             "`wandb login`"}};
  asio::io_context context(1);
  SystemClock clock;
  HttpClient http(context.get_executor(), http_settings(config));
  GraphqlClientOptions options = graphql_options(config);
  options.timeout = 15s;
  GraphqlClient client(http, clock, options, [&] { return std::string(answers.key->value.reveal()); });
  const Result<ProjectAnswer> answer =
      run_alone(context, ask_project(client, answers.entity, answers.project), http);
  if (!answer) {
    if (answer.error().code == ErrorCode::denied) return {problem("W&B key", answer.error())};
    const bool key_was_fine = answer.error().code == ErrorCode::not_found;
    std::vector<SetupCheck> checks;
    if (key_was_fine) checks.push_back({"W&B key", SetupVerdict::good, answers.key->origin, {}});
    checks.push_back(problem("W&B project", answer.error()));
    return checks;
  }
  answers.entity = answer->entity;
  const std::string runs = answer->runs < 0 ? std::string("readable") : fmt::format("{} runs", answer->runs);
  return {{"W&B key", SetupVerdict::good, answers.key->origin, {}},
          {"W&B project", SetupVerdict::good,
           fmt::format("{}/{}: {}", settings::shown(answers.entity), settings::shown(answers.project), runs),
           answer->runs == 0 ? "it has no runs yet; is it the right one?" : ""}};
}

SetupCheck check_webhook(const Config& config, const SetupAnswers& answers, bool send) {
  if (!answers.webhook)
    return {
        "Slack webhook", SetupVerdict::skipped, "none: alerts go to the log only",
        "make one at https://api.slack.com/messaging/webhooks and name its file with --slack-webhook-file"};
  if (!send)
    return {"Slack webhook", SetupVerdict::good, answers.webhook->origin + ": its form is right",
            "--send-test tries it out"};
  asio::io_context context(1);
  SystemClock clock;
  HttpClient http(context.get_executor(), http_settings(config));
  const alerts::SinkAnswer answer =
      run_alone(context, post_test(http, std::string(answers.webhook->value.reveal())), http);
  const alerts::Verdict verdict = alerts::classify_slack_answer(answer, clock.now());
  if (verdict.outcome == alerts::Outcome::sent)
    return {"Slack webhook", SetupVerdict::good, "Slack took a test message", {}};
  return {"Slack webhook", SetupVerdict::problem, "the test message was not taken: " + verdict.reason,
          verdict.outcome == alerts::Outcome::retry
              ? "try again: redflag alerts wait until Slack answers"
              : "make a new webhook at https://api.slack.com/messaging/webhooks"};
}

SetupCheck check_results(const std::string& path, const std::string& unit_directory) {
  const std::string name = settings::shown(path);
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT)
      return {"results", SetupVerdict::good, name + " is not there yet; it will be watched once it is", {}};
    return {"results", SetupVerdict::problem, fmt::format("{}: {}", name, std::strerror(errno)),
            "run redflagd as the user whose trainings write there, or let it in by a group"};
  }
  if (!S_ISDIR(status.st_mode))
    return {"results", SetupVerdict::problem, name + " is not a directory",
            "name the directory above the runs' own"};
  if (!unit_directory.empty()) {
    const std::string shut = shut_to_others(path);
    if (const std::string drop_in = lets_it_in(unit_directory); !shut.empty() && !drop_in.empty())
      return {"results", SetupVerdict::good,
              fmt::format("{} is shut to others; {} has to let the service in", settings::shown(shut),
                          settings::shown(drop_in)),
              "after its start: journalctl -u redflag | grep results"};
    if (!shut.empty())
      return {"results", SetupVerdict::problem,
              fmt::format("the service runs as a user of its own, to whom {} is shut", settings::shown(shut)),
              shut == path
                  ? "run it as the training user (training-user.conf) or let it in by a group (acl.conf); "
                    "both are in "
                    "/usr/share/doc/redflag/examples/redflag.service.d"
                  : "show it only this directory (results-in-home.conf), or run it as the training user "
                    "(training-user.conf); both are in /usr/share/doc/redflag/examples/redflag.service.d"};
  } else if (::access(path.c_str(), R_OK | X_OK) != 0) {
    return {"results", SetupVerdict::problem, fmt::format("{}: {}", name, std::strerror(errno)),
            "run redflagd as the user whose trainings write there, or let it in by a group"};
  }
  return {"results", SetupVerdict::good, name + " can be read", {}};
}

}  // namespace redflag::daemon
