// Flags, questions, environment: where the answers come from.
#include "daemon/cli/setup_answers.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <iterator>

#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

#include "daemon/config/config.h"
#include "daemon/config/mask.h"
#include "daemon/config/secrets.h"

namespace redflag::daemon {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSystemFile = "/etc/redflag/redflag.yaml";
constexpr const char* kSystemUnit = "/etc/systemd/system/redflag.service.d";
constexpr const char* kUnitPlaces[] = {"/etc/systemd/system", "/usr/lib/systemd/system",
                                       "/lib/systemd/system"};

std::string trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(kBlank) - first + 1));
}

std::string absolute(const std::string& path, const Environment& env) {
  if (path == "~" || path.starts_with("~/")) return home_directory(env) + path.substr(1);
  std::error_code error;
  const fs::path full = fs::absolute(path, error);
  return error ? path : full.lexically_normal().string();
}

// --- The terminal without echo; a Ctrl-C must not leave it so ---

termios g_before;

extern "C" void restore_and_die(int number) {
  ::tcsetattr(STDIN_FILENO, TCSANOW, &g_before);
  std::signal(number, SIG_DFL);
  std::raise(number);
}

class NoEcho {
 public:
  NoEcho() {
    if (::tcgetattr(STDIN_FILENO, &g_before) != 0) return;
    active_ = true;
    for (std::size_t i = 0; i < 3; ++i) old_[i] = std::signal(kSignals[i], restore_and_die);
    termios silent = g_before;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    silent.c_lflag |= ECHONL;
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  ~NoEcho() {
    if (!active_) return;
    ::tcsetattr(STDIN_FILENO, TCSANOW, &g_before);
    for (std::size_t i = 0; i < 3; ++i) std::signal(kSignals[i], old_[i]);
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;

 private:
  static constexpr int kSignals[3] = {SIGINT, SIGTERM, SIGHUP};
  bool active_ = false;
  void (*old_[3])(int) = {};
};

/// One line of standard input into a buffer that is never copied on the way.
bool read_line(std::string& line) {
  line.clear();
  line.reserve(8192);
  for (;;) {
    const int c = std::fgetc(stdin);
    if (c == EOF) return !line.empty();
    if (c == '\n') return true;
    if (line.size() < 8191) line += static_cast<char>(c);
  }
}

tl::unexpected<Error> given_up() {
  return fail(ErrorCode::cancelled, "asking", "the input ended", "nothing was written");
}

// --- Secrets ---

/// What to do about one secret: a file named by a flag, else typed, else what the environment has.
struct SecretSource {
  std::string flag_file;
  std::string question;
  std::string file_name;  // beside the configuration
  std::string variable;   // of the environment
  std::function<Result<FoundSecret>(const std::string& file, const Environment& env)> find;  // file "": none
  bool (*lives_on)(const std::string& origin);  // will a redflagd of this user find it there, too?
};

Result<std::optional<SetupSecret>> secret_from(const SecretSource& source, const SetupAnswers& answers,
                                               const SetupDialog& dialog, const Environment& env) {
  const std::string own = (fs::path(answers.output).parent_path() / source.file_name).string();
  if (!source.flag_file.empty()) {
    const std::string file = absolute(source.flag_file, env);
    Result<FoundSecret> found = source.find(file, env);
    if (!found) return tl::unexpected<Error>(std::move(found.error()));
    return SetupSecret{std::move(found->value), found->origin, file, false};
  }
  Result<FoundSecret> found = source.find("", env);
  if (!found && found.error().code != ErrorCode::not_found)
    return tl::unexpected<Error>(std::move(found.error()));
  if (dialog.on()) {
    Result<Secret> typed =
        dialog.ask_secret(found ? fmt::format("{} (Enter: the one of {})", source.question, found->origin)
                                : fmt::format("{} (Enter: none)", source.question));
    if (!typed) return tl::unexpected<Error>(std::move(typed.error()));
    if (!typed->empty()) {
      // Judged by the rules for one from the environment: has it the form of such a secret?
      const Environment only_this = [&](std::string_view name) {
        return name == source.variable ? std::optional(std::string(typed->reveal())) : std::nullopt;
      };
      if (Result<FoundSecret> judged = source.find("", only_this); !judged) {
        judged.error().doing = "what was typed";
        return tl::unexpected<Error>(std::move(judged.error()));
      }
      return SetupSecret{std::move(*typed), "typed", own, true};
    }
  }
  if (!found) return std::nullopt;
  const bool stays = !answers.for_service() && source.lives_on(found->origin);
  return SetupSecret{std::move(found->value), found->origin, stays ? std::string() : own, !stays};
}

/// root in a container, or with the portable archive, has no service: redflagd then runs as root, by hand.
bool service_installed() {
  std::error_code ignored;
  return std::any_of(std::begin(kUnitPlaces), std::end(kUnitPlaces), [&](const char* place) {
    return fs::exists(fs::path(place) / "redflag.service", ignored);
  });
}

std::string default_output(const Environment& env, bool root) {
  if (root) return kSystemFile;
  std::string base = variable(env, "XDG_CONFIG_HOME");
  if (base.empty()) base = home_directory(env) + "/.config";
  return base + "/redflag/redflag.yaml";
}

/// A project may be given as "entity/project".
void split_project(SetupAnswers& answers) {
  const std::size_t slash = answers.project.find('/');
  if (slash == std::string::npos) return;
  answers.entity = answers.project.substr(0, slash);
  answers.project.erase(0, slash + 1);
}

Result<void> ask_project(const Arguments& arguments, const SetupDialog& dialog, const Environment& env,
                         SetupAnswers& answers) {
  answers.project = trimmed(arguments.value("project", variable(env, "WANDB_PROJECT")));
  answers.entity = trimmed(arguments.value("entity", variable(env, "WANDB_ENTITY")));
  answers.base_url = trimmed(arguments.value("base-url", variable(env, "WANDB_BASE_URL")));
  if (dialog.on() && !arguments.has("project")) {
    std::string known = answers.project;
    if (!known.empty() && !answers.entity.empty()) known = answers.entity + '/' + known;
    Result<std::string> said = dialog.ask("W&B project, as entity/project (none: only directories)", known);
    if (!said) return tl::unexpected<Error>(std::move(said.error()));
    answers.project = *said == "none" ? std::string() : *said;
  }
  split_project(answers);
  return {};
}

Result<void> ask_results(const Arguments& arguments, const SetupDialog& dialog, const Environment& env,
                         SetupAnswers& answers) {
  std::vector<std::string> named = arguments.operands();
  if (arguments.has("results")) named.insert(named.begin(), arguments.value("results"));
  if (dialog.on() && named.empty()) {
    Result<std::string> said = dialog.ask("Directory that trainings write their results to (none: W&B only)");
    if (!said) return tl::unexpected<Error>(std::move(said.error()));
    if (!said->empty() && *said != "none") named.push_back(*said);
  }
  for (const std::string& path : named) answers.results.push_back(absolute(path, env));
  return {};
}

}  // namespace

Result<std::string> SetupDialog::ask(const std::string& question, const std::string& fallback) const {
  if (!on_) return fallback;
  fmt::print(stderr, "{}{}: ", question, fallback.empty() ? "" : " [" + settings::shown(fallback) + "]");
  std::string line;
  if (!read_line(line)) return given_up();
  line = trimmed(line);
  return line.empty() ? fallback : line;
}

Result<Secret> SetupDialog::ask_secret(const std::string& question) const {
  if (!on_) return Secret();
  fmt::print(stderr, "{}, not shown: ", question);
  std::string line;
  const NoEcho silent;
  if (!read_line(line)) return given_up();
  std::string text = trimmed(line);
  const Secret secret(text);
  wipe(text);
  wipe(line);
  return secret;
}

Result<SetupAnswers> collect_answers(const Arguments& arguments, const SetupDialog& dialog,
                                     const Environment& env, bool root) {
  SetupAnswers answers;
  answers.output = absolute(arguments.value("output", default_output(env, root)), env);
  if (arguments.has("unit-directory")) {
    answers.unit_directory = absolute(arguments.value("unit-directory"), env);
  } else if (answers.output == kSystemFile && service_installed()) {
    answers.unit_directory = kSystemUnit;
  }
  if (arguments.has("ca-file")) answers.ca_file = absolute(arguments.value("ca-file"), env);
  if (Result<void> done = refuse_existing(answers, arguments.has("force")); !done)
    return tl::unexpected<Error>(std::move(done.error()));
  if (Result<void> done = ask_project(arguments, dialog, env, answers); !done)
    return tl::unexpected<Error>(std::move(done.error()));

  WandbConfig wandb;
  wandb.base_url = answers.base_url.empty() ? "https://api.wandb.ai" : answers.base_url;
  const SecretSource key{arguments.value("api-key-file"),
                         "W&B API key (https://wandb.ai/authorize)",
                         "wandb_api_key",
                         "WANDB_API_KEY",
                         [&](const std::string& file, const Environment& from) {
                           wandb.api_key_file = file;
                           return find_wandb_api_key(wandb, from);
                         },
                         [](const std::string& origin) { return origin.starts_with("netrc"); }};
  if (!answers.project.empty()) {
    Result<std::optional<SetupSecret>> found = secret_from(key, answers, dialog, env);
    if (!found) return tl::unexpected<Error>(std::move(found.error()));
    answers.key = std::move(*found);
  }
  if (Result<void> done = ask_results(arguments, dialog, env, answers); !done)
    return tl::unexpected<Error>(std::move(done.error()));

  ReceiverConfig receiver;
  receiver.name = "slack";
  const SecretSource webhook{arguments.value("slack-webhook-file"),
                             "Slack webhook (https://hooks.slack.com/services/…)",
                             "slack_webhook",
                             "REDFLAG_SLACK_WEBHOOK",
                             [&](const std::string& file, const Environment& from) {
                               receiver.webhook_file = file;
                               return find_slack_webhook(receiver, from);
                             },
                             [](const std::string&) { return false; }};
  Result<std::optional<SetupSecret>> found = secret_from(webhook, answers, dialog, env);
  if (!found) return tl::unexpected<Error>(std::move(found.error()));
  answers.webhook = std::move(*found);
  if (answers.project.empty() && answers.results.empty())
    return fail(ErrorCode::invalid_input, {}, "there is nothing to watch",
                "name a W&B project (--project ENTITY/PROJECT) or a directory (--results DIR)");
  return answers;
}

}  // namespace redflag::daemon
