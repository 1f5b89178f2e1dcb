#include "daemon/cli/daemon_client.h"

#include <algorithm>
#include <cstdio>
#include <vector>

#include <fmt/format.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alerts/text/escape.h"
#include "daemon/base/user_name.h"
#include "daemon/config/config_loader.h"
#include "daemon/net/unix_client.h"

namespace redflag::daemon {

using nlohmann::json;

const char* const kDaemonExitCodes =
    "exit codes: 0 done, 1 no such thing or refused, 2 wrong usage, 3 no daemon\nreached";
const char* const kMatcherWords =
    "A matcher is LABEL=VALUE, with * and ? in the value, or LABEL!=VALUE; severity\n"
    "also takes >=, <=, > and <. Labels: rule, pack, severity, run, task, method,\n"
    "seed, project, state, tag, kind, subject, alert. All of them have to hold.\n";

namespace {

constexpr const char* kSystemSocket = "/run/redflag/redflag.sock";
constexpr const char* kSystemState = "/var/lib/redflag/redflag.sock";

std::string group_name(gid_t gid) {
  std::vector<char> buffer(16384);
  struct group entry {};
  struct group* found = nullptr;
  (void)::getgrgid_r(gid, &entry, buffer.data(), buffer.size(), &found);
  return found != nullptr ? std::string(found->gr_name) : fmt::format("gid {}", gid);
}

/// Who may use a socket that we may not; when not even that can be seen, its directory tells.
std::string who_may(std::string path) {
  struct stat status {};
  while (::stat(path.c_str(), &status) != 0) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos || slash == 0) return "its directory is closed to you";
    path.resize(slash);
  }
  return fmt::format("{} belongs to user {} and group {}, mode {:04o}", path, user_name(status.st_uid),
                     group_name(status.st_gid), status.st_mode & 07777U);
}

/// Where `systemctl --user` has redflagd put its socket, when the shell does not know: after `sudo -iu NAME`,
/// in cron. "" = it knows.
std::string runtime_socket(const Environment& env) {
  if (!variable(env, "XDG_RUNTIME_DIR").empty()) return {};
  return fmt::format("/run/user/{}/redflag/redflag.sock", ::geteuid());
}

void add_once(std::vector<std::string>& paths, std::string path) {
  if (!path.empty() && std::find(paths.begin(), paths.end(), path) == paths.end())
    paths.push_back(std::move(path));
}

}  // namespace

std::vector<OptionSpec> with_daemon_options(std::vector<OptionSpec> options) {
  options.push_back({"json", "", "what the daemon answers, as JSON (docs/api.md)"});
  options.push_back({"socket", "PATH", "the daemon's socket (also: REDFLAG_SOCKET)"});
  options.push_back({"config", "FILE", "the daemon's configuration, which names its socket"});
  return options;
}

Result<std::vector<std::string>> socket_candidates(const Arguments& arguments, const Environment& env,
                                                   bool root) {
  if (arguments.has("socket")) return std::vector<std::string>{arguments.value("socket")};
  if (const std::string named = variable(env, "REDFLAG_SOCKET"); !named.empty())
    return std::vector<std::string>{named};
  LoadOptions options;
  options.env = env;
  options.root = root;
  if (arguments.has("config")) options.path = arguments.value("config");
  const ConfigResult parsed = load_config(options);
  if (!parsed && arguments.has("config")) return fail(ErrorCode::invalid_input, "", parsed.error().text());
  // A configuration that was named means its own daemon, not any.
  const bool any = !arguments.has("config") || *options.path == options.system_path;
  std::vector<std::string> paths;
  if (root && any) paths = {kSystemSocket, kSystemState};
  if (parsed) {
    const Config& config = parsed->config;
    const auto origin = config.origins.find("api.socket");
    const bool in_file = origin != config.origins.end() && origin->second.kind == SettingOrigin::Kind::file;
    if (config.api.socket == "none") {
      return fail(ErrorCode::not_found, "",
                  fmt::format("redflagd has no local API: api.socket is none in {}", config.file),
                  "set it, and reload redflagd");
    }
    if (in_file && !config.api.socket.empty()) return std::vector<std::string>{config.api.socket};
    add_once(paths, config.api.socket);
    add_once(paths, config.store.state_directory + "/redflag.sock");
    add_once(paths, runtime_socket(env));
    if (!any) return paths;
  } else {
    // Most likely the system's configuration, which only its daemon may read.
    ConfigContext context;
    context.env = env;
    context.root = root;
    std::string origin;
    const std::string state = default_state_directory(context, origin);
    add_once(paths, default_api_socket(context, state, origin));
    if (!state.empty()) add_once(paths, state + "/redflag.sock");
    add_once(paths, runtime_socket(env));
  }
  add_once(paths, kSystemSocket);
  add_once(paths, kSystemState);
  return paths;
}

DaemonClient::DaemonClient(std::string command, const Arguments& arguments)
    : command_(std::move(command)),
      sockets_(socket_candidates(arguments, process_environment(), ::geteuid() == 0)) {}

tl::unexpected<int> DaemonClient::complain(int code, const std::string& what,
                                           const std::string& advice) const {
  fmt::print(stderr, "{}: {}\n", command_, what);
  if (!advice.empty()) fmt::print(stderr, "  {}\n", advice);
  return tl::unexpected<int>(code);
}

tl::unexpected<int> DaemonClient::not_reached(const std::vector<Error>& errors) const {
  std::string tried;
  for (std::size_t i = 0; i < errors.size(); ++i) {
    const std::string socket = alerts::escape_terminal((*sockets_)[i]);
    const std::string what = alerts::escape_terminal(errors[i].what);
    if (errors[i].code == ErrorCode::denied) {
      return complain(kNotReached, fmt::format("permission denied at {}", socket),
                      alerts::escape_terminal(who_may((*sockets_)[i])) +
                          ": use sudo, or join the group (api.group in redflagd's configuration)");
    }
    if (errors[i].code != ErrorCode::not_found && errors[i].code != ErrorCode::unavailable) {
      return complain(kNotReached, fmt::format("redflagd at {}: {}", socket, what),
                      errors[i].code == ErrorCode::timed_out
                          ? "it is busy or stopped (systemctl status redflag); its log says more"
                          : "");
    }
    tried += fmt::format("\n    {}: {}", socket, what);
  }
  return complain(kNotReached, "redflagd is not running, or runs for another user; tried:" + tried,
                  "start it, or say where it listens: --socket PATH, or --config FILE as it was started");
}

tl::unexpected<int> DaemonClient::refused(int status, const std::string& body) const {
  const json answer = json::parse(body, nullptr, false);
  const json error = answer.is_object() ? answer.value("error", json()) : json();
  const std::string socket = alerts::escape_terminal(sockets_->front());
  if (!error.is_object() || text_in(error, "code") == "unknown_path" || status == 405) {
    return complain(kFailed,
                    fmt::format("what answers at {} does not know this request (HTTP {})", socket, status),
                    "an older redflagd still runs, most likely: restart it after the upgrade");
  }
  return complain(status == 400 ? kWrongUsage : kFailed, alerts::escape_terminal(text_in(error, "what")),
                  alerts::escape_terminal(text_in(error, "advice")));
}

tl::expected<json, int> DaemonClient::ask(std::string_view method, const std::string& target,
                                          const json& body) {
  if (!sockets_) {
    const Error& error = sockets_.error();
    return complain(error.code == ErrorCode::invalid_input ? kWrongUsage : kNotReached, error.what,
                    error.advice);
  }
  if (const std::optional<int> code = choose_socket()) return tl::unexpected<int>(*code);
  const std::string& socket = sockets_->front();
  UnixRequest request;
  request.socket = socket;
  request.method = method;
  request.target = target;
  if (!body.is_null()) request.body = body.dump();
  const Result<HttpResponse> response = ask_unix(request);
  if (!response) return not_reached({response.error()});
  if (response->status >= 400) return refused(response->status, response->body);
  json answer = json::parse(response->body, nullptr, false);
  if (response->status < 200 || response->status >= 300 || !answer.is_object()) {
    return complain(kFailed, fmt::format("the answer from {} cannot be understood (HTTP {})",
                                         alerts::escape_terminal(socket), response->status));
  }
  return answer;
}

Result<json> DaemonClient::get(const std::string& target) {
  if (!sockets_) return tl::unexpected<Error>(sockets_.error());
  Error last;
  for (const std::string& socket : *sockets_) {
    UnixRequest request;
    request.socket = socket;
    request.target = target;
    const Result<HttpResponse> response = ask_unix(request);
    if (!response) {
      last = response.error();
      continue;
    }
    json answer = json::parse(response->body, nullptr, false);
    if (response->status == 200 && answer.is_object()) return answer;
    return fail(
        ErrorCode::conflict, "asking redflagd",
        fmt::format("it answers HTTP {} to {}", response->status, target.substr(0, target.find('?'))));
  }
  return tl::unexpected<Error>(std::move(last));
}

std::optional<int> DaemonClient::choose_socket() {
  if (sockets_->size() < 2) return std::nullopt;
  std::vector<Error> errors;
  for (const std::string& socket : *sockets_) {
    UnixRequest request;
    request.socket = socket;
    request.target = "/healthz";
    Result<HttpResponse> response = ask_unix(request);
    if (response) {
      sockets_ = std::vector<std::string>{socket};
      return std::nullopt;
    }
    errors.push_back(std::move(response.error()));
  }
  return not_reached(errors).value();
}

std::string my_name() {
  const std::string behind = variable(process_environment(), "SUDO_USER");
  if (::geteuid() == 0 && !behind.empty()) return behind;
  return user_name(::geteuid());
}

std::string for_json(std::string_view text) {
  return alerts::escape_utf8(text);
}

void print_json(const json& answer) {
  fmt::print("{}\n", answer.dump(2, ' ', true, json::error_handler_t::replace));
}

bool confirmed(const std::string& question, bool yes) {
  if (yes) return true;
  if (::isatty(STDIN_FILENO) != 1) {
    fmt::print(stderr, "{} Nobody is here to answer: say --yes.\n", question);
    return false;
  }
  fmt::print(stderr, "{} [y/N] ", question);
  std::fflush(stderr);
  std::string answer;
  for (int c = std::getchar(); c != EOF && c != '\n'; c = std::getchar()) {
    if (answer.size() < 8) answer += static_cast<char>(c);
  }
  return answer == "y" || answer == "Y" || answer == "yes" || answer == "Yes";
}

std::string text_in(const json& object, std::string_view key) {
  const auto found = object.find(key);
  if (!object.is_object() || found == object.end() || !found->is_string()) return {};
  return alerts::unescape_utf8(found->get_ref<const std::string&>());
}

Time time_in(const json& object, std::string_view key) {
  return parse_rfc3339(text_in(object, key)).value_or(Time{});
}

}  // namespace redflag::daemon
