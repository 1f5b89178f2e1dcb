// Which file, and what is in it; then whether the secrets that it points at are there.
#include "daemon/config/config_loader.h"

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/config/mask.h"
#include "daemon/config/secrets.h"
#include "daemon/config/yaml_tree.h"

namespace redflag::daemon {
namespace {

using Level = ConfigDiagnostic::Level;

ConfigDiagnostic about(std::string where, Level level, std::string message, std::string help = {}) {
  ConfigDiagnostic diagnostic;
  diagnostic.where = std::move(where);
  diagnostic.level = level;
  diagnostic.message = std::move(message);
  diagnostic.help = std::move(help);
  return diagnostic;
}

bool exists(const std::string& path) {
  struct stat status {};
  // Anything but "not there" counts: a file that we may not look at must not be passed over silently.
  return ::stat(path.c_str(), &status) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

/// The file's bytes, one more than allowed when it is too large (the parser then says so).
tl::expected<std::string, std::string> read_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (file < 0) return tl::unexpected<std::string>(std::strerror(errno));
  struct stat status {};
  std::string problem;
  if (::fstat(file, &status) != 0)
    problem = std::strerror(errno);
  else if (S_ISDIR(status.st_mode))
    problem = "it is a directory";
  else if (!S_ISREG(status.st_mode))
    problem = "it is not a regular file";
  std::string text;
  std::string buffer(16384, '\0');
  while (problem.empty() && text.size() <= settings::kMaxConfigBytes) {
    const ssize_t got = ::read(file, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) problem = std::strerror(errno);
    if (got <= 0) break;
    text.append(buffer, 0, static_cast<std::size_t>(got));
  }
  ::close(file);
  if (!problem.empty()) return tl::unexpected<std::string>(problem);
  return text;
}

std::string find_file(const LoadOptions& options) {
  if (exists(options.system_path)) return options.system_path;
  std::string base = variable(options.env, "XDG_CONFIG_HOME");
  if (base.empty() || base.front() != '/') {
    const std::string home = home_directory(options.env);
    if (home.empty()) return {};
    base = home + "/.config";
  }
  const std::string path = base + "/redflag/redflag.yaml";
  return exists(path) ? path : std::string();
}

/// Looks a secret up, drops it, and keeps what is to be known about it.
SecretStatus look(Result<FoundSecret> found, const std::string& where, ConfigDiagnostics& findings) {
  SecretStatus status;
  status.set = found.has_value();
  if (found) {
    status.origin = found->origin;
    for (const std::string& warning : found->warnings)
      findings.list.push_back(about(where, Level::warning, warning));
    return status;
  }
  const Error& error = found.error();
  status.problem = error.doing + ": " + error.what;
  const Level level = error.code == ErrorCode::not_found && error.doing.starts_with("looking")
                          ? Level::warning
                          : Level::error;
  findings.list.push_back(about(where, level, status.problem, error.advice));
  return status;
}

/// The same for a receiver's: each that was found, or the one whose lack is an error.
std::vector<std::pair<std::string, SecretStatus>> look_all(const Result<ReceiverSecrets>& secrets,
                                                           const std::string& where,
                                                           ConfigDiagnostics& findings) {
  std::vector<std::pair<std::string, SecretStatus>> all;
  if (!secrets) {
    all.emplace_back("secret", look(tl::unexpected<Error>(secrets.error()), where, findings));
    return all;
  }
  for (const std::string& warning : secrets->warnings)
    findings.list.push_back(about(where, Level::warning, warning));
  for (const auto& [label, origin] : secrets->origins)
    all.emplace_back(label, SecretStatus{true, origin, {}});
  return all;
}

std::string absolute(const std::string& path, const std::string& directory) {
  if (!path.empty() && path.front() == '/') return path;
  std::error_code ignored;
  const std::filesystem::path base =
      directory.empty() ? std::filesystem::current_path(ignored) : std::filesystem::path(directory);
  return (base / path).lexically_normal().string();
}

}  // namespace

LoadOptions process_load_options(std::optional<std::string> path) {
  LoadOptions options;
  options.path = std::move(path);
  options.env = process_environment();
  options.root = ::geteuid() == 0;
  return options;
}

ConfigResult load_config(const LoadOptions& options) {
  const std::string path = options.path ? *options.path : find_file(options);
  std::string text;
  if (options.path || !path.empty()) {
    auto read = read_file(path.empty() ? path : absolute(path, options.working_directory));
    if (!read) {
      ConfigDiagnostics found;
      found.list.push_back(
          about(settings::shown(path), Level::error, "the configuration cannot be read: " + read.error(),
                options.path ? "is --config right?" : "let the user that redflagd runs as read it"));
      return tl::unexpected<ConfigDiagnostics>(std::move(found));
    }
    text = std::move(*read);
  }
  ConfigContext context;
  context.env = options.env;
  context.root = options.root;
  context.base_directory =
      path.empty() ? absolute(".", options.working_directory)
                   : std::filesystem::path(absolute(path, options.working_directory)).parent_path().string();
  const std::string credentials = variable(options.env, "CREDENTIALS_DIRECTORY");
  context.slack_credential = !credentials.empty() && exists(credentials + "/slack_webhook");

  ConfigResult parsed = parse_config(std::move(text), path, context);
  if (!parsed) return parsed;
  Config& config = parsed->config;
  ConfigDiagnostics& found = parsed->warnings;
  const std::string where = path.empty() ? "configuration" : settings::shown(path);
  if (config.wandb.active())
    config.wandb_api_key = look(find_wandb_api_key(config.wandb, options.env), where, found);
  for (const ReceiverConfig& receiver : config.alerts.receivers) {
    if (receiver.type == ReceiverType::slack) {
      config.webhooks[receiver.name] = look(find_slack_webhook(receiver, options.env), where, found);
    } else if (receiver.type != ReceiverType::log) {
      config.receiver_secrets[receiver.name] =
          look_all(find_receiver_secrets(receiver, options.env), where, found);
    }
  }
  if (!config.wandb.ca_file.empty() && ::access(config.wandb.ca_file.c_str(), R_OK) != 0)
    found.list.push_back(about(where, Level::error,
                               fmt::format("wandb.ca_file {} cannot be read: {}",
                                           settings::shown(config.wandb.ca_file), std::strerror(errno))));
  if (found.has_errors()) return tl::unexpected<ConfigDiagnostics>(std::move(found));
  return parsed;
}

}  // namespace redflag::daemon
