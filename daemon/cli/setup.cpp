// The order of things: what is there is looked at first, then asked, then checked, and only then written.
#include "daemon/cli/setup.h"

#include <algorithm>
#include <cstdio>
#include <sstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "alerts/text/escape.h"
#include "daemon/base/child_process.h"
#include "daemon/cli/setup_answers.h"
#include "daemon/cli/setup_checks.h"
#include "daemon/config/config_parser.h"
#include "daemon/config/mask.h"

namespace redflag::daemon {
namespace {

/// Stands for an entity that W&B has yet to name.
constexpr const char* kUnknownEntity = "unknown";

constexpr int kWritten = 0, kProblem = 1, kUsage = 2, kNotWritten = 3;

const CommandSpec kSpec{
    "setup",
    "[DIR…]",
    "Writes a first configuration, and checks the key, the project, the webhook and the directories.",
    R"(What the options do not say is asked, on a terminal; elsewhere, and with --yes or
--json, it is left out. DIR are further directories of results.

The key is taken from --api-key-file, else typed, else from WANDB_API_KEY or
netrc; the webhook likewise (REDFLAG_SLACK_WEBHOOK). Secrets that are typed or
come from the environment are written beside the configuration, each into a file
of mode 0600, and never into the configuration itself.

For root the configuration is /etc/redflag/redflag.yaml. Where the system service
is installed, a drop-in has systemd hand the secrets over (LoadCredential=), so
that their files stay root's. For anybody else it is ~/.config/redflag/redflag.yaml.

Nothing is overwritten without --force, but for a configuration that holds only
comments, which is kept as FILE.example.

exit codes: 0 written, all is well; 1 written, but a check found a problem (it is
named, with what to do); 2 wrong usage, a wrong answer, or given up: nothing
written; 3 a file is there already or cannot be written

examples:
  redflag setup
  sudo redflag setup --project my-team/my-project --api-key-file ./key --yes
  redflag setup --results ~/results --slack-webhook-file ./webhook --send-test
  redflag setup --project p --yes --json | jq '.checks[] | select(.verdict=="problem")')",
    {{"entity", "NAME", "team or user that the project belongs to (default: whose the key is)"},
     {"project", "NAME", "W&B project; ENTITY/NAME does as well"},
     {"base-url", "URL", "a W&B server of your own"},
     {"ca-file", "FILE", "PEM file with a private certificate authority of that server"},
     {"api-key-file", "FILE", "file that holds the W&B key"},
     {"results", "DIR", "directory that trainings write their results to"},
     {"slack-webhook-file", "FILE", "file that holds the Slack webhook's URL"},
     {"output", "FILE", "the configuration file to write"},
     {"unit-directory", "DIR", "for the system service: where the drop-in with its credentials goes"},
     {"force", "", "replace files that are there already"},
     {"yes", "", "ask nothing"},
     {"no-check", "", "do not ask W&B, do not look at the directories"},
     {"send-test", "", "send a test message to Slack"},
     {"json", "", "one JSON object at the end; ask nothing"}}};

std::string plain(const std::string& text) {
  return alerts::escape_terminal(text);
}

struct Outcome {
  std::vector<SetupCheck> checks;
  WrittenFiles files;

  bool good() const {
    return std::none_of(checks.begin(), checks.end(),
                        [](const SetupCheck& c) { return c.verdict == SetupVerdict::problem; });
  }
};

void print_check(const SetupCheck& check) {
  fmt::print("  {:<14} {:<8} {}\n", check.what, to_string(check.verdict), plain(check.words));
  if (!check.advice.empty()) fmt::print("  {:<14} {:<8} → {}\n", "", "", plain(check.advice));
}

/// redflagd as it can be called from here: by its name when PATH has it, else (an unpacked archive) by its
/// place.
std::string daemon_command(const Environment& env) {
  std::istringstream path(variable(env, "PATH"));
  for (std::string folder; std::getline(path, folder, ':');)
    if (!folder.empty() && ::access((folder + "/redflagd").c_str(), X_OK) == 0) return "redflagd";
  return settings::shown(sibling_program("redflagd"));
}

void print_next(const SetupAnswers& answers, const Environment& env) {
  const std::string file = plain(settings::shown(answers.output));
  if (answers.for_service()) {
    fmt::print(
        "\nnext:\n  systemctl daemon-reload && systemctl restart redflag\n  systemctl status redflag\n"
        "  CREDENTIALS_DIRECTORY={} redflagd --check-config --config {}\n",
        plain(settings::shown(answers.output.substr(0, answers.output.rfind('/')))), file);
  } else {
    const std::string daemon = plain(daemon_command(env));
    fmt::print("\nnext:\n  {} --check-config --config {}\n  {} --config {}\n  redflag status\n", daemon, file,
               daemon, file);
  }
}

void print_json(const SetupAnswers& answers, const Outcome& outcome) {
  nlohmann::json object{{"output", settings::shown(answers.output)},
                        {"good", outcome.good()},
                        {"files", nlohmann::json::array()},
                        {"checks", nlohmann::json::array()}};
  for (const std::string& path : outcome.files.paths) object["files"].push_back(settings::shown(path));
  for (const SetupCheck& check : outcome.checks) {
    object["checks"].push_back({{"what", check.what},
                                {"verdict", to_string(check.verdict)},
                                {"words", check.words},
                                {"advice", check.advice}});
  }
  fmt::print("{}\n", object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

/// What would be written, read as redflagd will read it: a wrong URL or name is found here, with its line.
ConfigResult reading_of(const SetupAnswers& answers, const Environment& env) {
  ConfigContext context;
  context.env = env;
  context.base_directory = answers.output.substr(0, answers.output.rfind('/'));
  context.root = ::geteuid() == 0;
  context.slack_credential = answers.for_service() && answers.webhook.has_value();
  return parse_config(configuration_text(answers), "(new configuration)", context);
}

int refuse(const Error& error) {
  fmt::print(stderr, "redflag setup: {}\n", plain(error.text()));
  switch (error.code) {
    case ErrorCode::conflict:
    case ErrorCode::storage:
      return kNotWritten;
    default:
      return kUsage;
  }
}

}  // namespace

const CommandSpec& setup_spec() {
  return kSpec;
}

int setup_command(const std::vector<std::string>& words) {
  const Result<Arguments> arguments = Arguments::parse(kSpec, words);
  if (const std::optional<int> code = usage_answer("redflag", kSpec, arguments)) return *code;
  const bool json = arguments->has("json");
  const SetupDialog dialog(!json && !arguments->has("yes") && ::isatty(STDIN_FILENO) == 1 &&
                           ::isatty(STDERR_FILENO) == 1);
  const Environment env = process_environment();
  Result<SetupAnswers> answers = collect_answers(*arguments, dialog, env, ::geteuid() == 0);
  if (!answers) return refuse(answers.error());
  if (Result<void> clear = refuse_existing(*answers, arguments->has("force")); !clear)
    return refuse(clear.error());

  const bool entity_unknown = !answers->project.empty() && answers->entity.empty();
  if (entity_unknown) answers->entity = kUnknownEntity;
  ConfigResult parsed = reading_of(*answers, env);
  if (!parsed) {
    fmt::print(stderr, "{}", parsed.error().text());
    return kUsage;
  }
  if (entity_unknown) answers->entity.clear();

  Outcome outcome;
  if (!arguments->has("no-check")) {
    outcome.checks = check_wandb(parsed->config, *answers);
    for (const std::string& path : answers->results)
      outcome.checks.push_back(check_results(path, answers->unit_directory));
  }
  if (!arguments->has("no-check") || arguments->has("send-test"))
    outcome.checks.push_back(check_webhook(parsed->config, *answers, arguments->has("send-test")));
  if (!json) {
    for (const SetupCheck& check : outcome.checks) print_check(check);
    std::fflush(stdout);
  }
  if (!answers->project.empty() && answers->entity.empty()) {
    fmt::print(stderr,
               "redflag setup: whose project {} is could not be asked: name it with --entity, or write "
               "ENTITY/PROJECT\n",
               plain(settings::shown(answers->project)));
    return kUsage;
  }
  if (dialog.on() && !outcome.good()) {
    const Result<std::string> said = dialog.ask("Write it all the same? yes or no", "yes");
    if (!said || (*said != "yes" && *said != "y")) {
      fmt::print(stderr, "redflag setup: nothing was written\n");
      return kUsage;
    }
  }
  Result<WrittenFiles> files = write_files(*answers);
  if (!files) {
    refuse(files.error());
    return kNotWritten;
  }
  outcome.files = std::move(*files);
  if (json) {
    print_json(*answers, outcome);
  } else {
    for (const std::string& path : outcome.files.paths)
      fmt::print("  {:<14} {}\n", "written", plain(settings::shown(path)));
    if (!outcome.files.kept.empty())
      fmt::print("  {:<14} {}\n", "kept", plain(settings::shown(outcome.files.kept)));
    print_next(*answers, env);
  }
  return outcome.good() ? kWritten : kProblem;
}

}  // namespace redflag::daemon
