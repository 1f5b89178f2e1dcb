// Looking for secrets, place by place. No text made here holds one.
#include "daemon/config/secrets.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/config/mask.h"
#include "daemon/config/netrc.h"
#include "daemon/config/url.h"

namespace redflag::daemon {
namespace {

constexpr std::size_t kMaxSecret = 4096;
constexpr std::size_t kMaxNetrc = 256 * 1024;

struct SmallFile {
  std::string text;  // wipe after use
  bool world_readable = false;
};

/// Reads a file of at most `limit` bytes. The buffer never grows, so that no stale copy stays behind.
Result<SmallFile> read_small_file(const std::string& path, std::size_t limit) {
  const std::string doing = "reading " + settings::shown(path);
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (file < 0) {
    const int why = errno;
    const ErrorCode code = why == ENOENT || why == ENOTDIR ? ErrorCode::not_found
                           : why == EACCES                 ? ErrorCode::denied
                                                           : ErrorCode::storage;
    return fail(code, doing, std::strerror(why),
                code == ErrorCode::denied
                    ? "let the user that redflagd runs as read it, or use systemd's LoadCredential="
                    : "");
  }
  SmallFile read;
  struct stat status {};
  if (::fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(file);
    return fail(ErrorCode::invalid_input, doing, "it is not a regular file");
  }
  read.world_readable = (status.st_mode & S_IROTH) != 0;
  read.text.resize(limit + 1);
  std::size_t have = 0;
  int why = 0;
  while (have <= limit) {
    const ssize_t got = ::read(file, read.text.data() + have, limit + 1 - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) why = errno;
    if (got <= 0) break;
    have += static_cast<std::size_t>(got);
  }
  ::close(file);
  if (why != 0 || have > limit) {
    wipe(read.text);
    if (why != 0) return fail(ErrorCode::storage, doing, std::strerror(why), "", true);
    return fail(ErrorCode::too_large, doing, fmt::format("it is larger than {} bytes", limit));
  }
  read.text.resize(have);
  return read;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

Result<FoundSecret> check_key(Result<FoundSecret> found) {
  if (!found || looks_like_wandb_key(found->value.reveal())) return found;
  return fail(ErrorCode::invalid_input, "reading the W&B API key from " + found->origin,
              fmt::format("it does not look like a key: {} characters", found->value.reveal().size()),
              "a key has at least 40 letters, digits, - or _; copy it from https://wandb.ai/authorize");
}

Result<FoundSecret> check_webhook(Result<FoundSecret> found) {
  if (!found) return found;
  const std::string problem = secret_url_problem(found->value);
  if (problem.empty()) return found;
  return fail(ErrorCode::invalid_input, "reading the Slack webhook from " + found->origin, problem,
              "it should look like https://hooks.slack.com/services/…");
}

}  // namespace

std::string secret_url_problem(const Secret& url) {
  const auto parts = settings::split_url(url.reveal());
  if (!parts) return "it " + parts.error();
  const bool local = parts->host == "localhost" || parts->host == "::1" || parts->host.starts_with("127.");
  const bool safe = parts->scheme == "https" || (parts->scheme == "http" && local);
  return safe ? std::string() : "it does not begin with https://";
}

std::string credential_path(const Environment& env, std::string_view name) {
  const std::string directory = variable(env, "CREDENTIALS_DIRECTORY");
  if (directory.empty() || name.empty() || name.front() == '.' || name.find('/') != std::string_view::npos)
    return {};
  std::string path = directory + "/" + std::string(name);
  return ::access(path.c_str(), F_OK) == 0 ? path : std::string();
}

Result<FoundSecret> secret_from_variable(const Environment& env, std::string_view name) {
  std::string text = variable(env, name);
  FoundSecret found;
  const bool good = printable(trim(text));
  found.origin = fmt::format("environment variable {}", name);
  found.value = Secret(trim(text));
  wipe(text);
  if (!good)
    return fail(ErrorCode::invalid_input, "reading " + found.origin,
                "it holds more than one word, or characters that no secret has");
  return found;
}

bool looks_like_wandb_key(std::string_view key) {
  // The prefix is made of the same characters, so what is left after any of its dashes has to be long enough:
  // the longest candidate is the key as a whole.
  return key.size() >= 40 && key.size() <= 512 && std::all_of(key.begin(), key.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                  c == '-';
         });
}

Result<FoundSecret> read_secret_file(const std::string& path, const std::string& origin) {
  auto file = read_small_file(path, kMaxSecret);
  if (!file) return tl::unexpected<Error>(std::move(file.error()));
  FoundSecret found;
  found.origin = origin;
  const std::string_view text = trim(file->text);
  const bool empty = text.empty();
  const bool good = printable(text);
  if (!empty && good) found.value = Secret(text);
  wipe(file->text);
  const std::string doing = "reading " + settings::shown(path);
  if (empty)
    return fail(ErrorCode::invalid_input, doing, "the file is empty",
                "it has to hold the secret and nothing else");
  if (!good)
    return fail(ErrorCode::invalid_input, doing,
                "it holds more than one word, or characters that no secret has",
                "it has to hold the secret and nothing else");
  if (file->world_readable)
    found.warnings.push_back(
        fmt::format("{} can be read by every user of this machine (chmod 600 it)", settings::shown(path)));
  return found;
}

Result<FoundSecret> find_wandb_api_key(const WandbConfig& wandb, const Environment& env) {
  const std::string credential = credential_path(env, "wandb_api_key");
  if (!credential.empty()) return check_key(read_secret_file(credential, "systemd credential wandb_api_key"));
  if (!wandb.api_key_file.empty()) {
    const std::string origin = "file " + settings::shown(wandb.api_key_file);
    auto found = read_secret_file(wandb.api_key_file, origin);
    if (!found) found.error().doing = "reading wandb.api_key_file " + settings::shown(wandb.api_key_file);
    return check_key(std::move(found));
  }
  if (!variable(env, "WANDB_API_KEY").empty()) return check_key(secret_from_variable(env, "WANDB_API_KEY"));

  const auto server = settings::split_url(wandb.base_url);
  const std::string host = server ? server->host : std::string();
  std::string path = variable(env, "NETRC");
  if (path.empty()) {
    const std::string home = home_directory(env);
    if (!home.empty()) path = home + "/.netrc";
  }
  std::string looked = "systemd credential wandb_api_key, wandb.api_key_file, WANDB_API_KEY";
  if (!path.empty() && !host.empty()) {
    auto file = read_small_file(path, kMaxNetrc);
    if (file) {
      std::optional<Secret> password = netrc_password(file->text, host);
      wipe(file->text);
      if (password) {
        FoundSecret found;
        found.value = std::move(*password);
        found.origin = fmt::format("netrc file {}, machine {}", settings::shown(path), host);
        if (file->world_readable)
          found.warnings.push_back(fmt::format("{} can be read by every user of this machine (chmod 600 it)",
                                               settings::shown(path)));
        return check_key(std::move(found));
      }
      looked += fmt::format(", {} (no entry for {})", settings::shown(path), host);
    } else if (file.error().code == ErrorCode::not_found) {
      looked += fmt::format(", {} (not there)", settings::shown(path));
    } else {
      looked += fmt::format(", {} ({})", settings::shown(path), file.error().what);
    }
  }
  return fail(ErrorCode::not_found, "looking for the W&B API key", "none found in " + looked,
              "put the key into a file and name it in wandb.api_key_file, or run `wandb login`");
}

Result<FoundSecret> find_slack_webhook(const ReceiverConfig& receiver, const Environment& env) {
  // A receiver's own file comes first: with two Slack receivers, the one credential can be meant for only one
  // of them.
  if (!receiver.webhook_file.empty()) {
    auto found = read_secret_file(receiver.webhook_file, "file " + settings::shown(receiver.webhook_file));
    if (!found) found.error().doing = "reading webhook_file " + settings::shown(receiver.webhook_file);
    return check_webhook(std::move(found));
  }
  for (const std::string& name : {receiver.name + "_webhook", std::string("slack_webhook")}) {
    const std::string credential = credential_path(env, name);
    if (!credential.empty())
      return check_webhook(read_secret_file(credential, "systemd credential " + settings::shown(name)));
  }
  if (!variable(env, "REDFLAG_SLACK_WEBHOOK").empty())
    return check_webhook(secret_from_variable(env, "REDFLAG_SLACK_WEBHOOK"));
  return fail(ErrorCode::not_found,
              fmt::format("looking for the webhook of receiver {}", settings::in_quotes(receiver.name)),
              "none found in its webhook_file, systemd credential slack_webhook, REDFLAG_SLACK_WEBHOOK",
              "put the webhook's URL into a file and name it in webhook_file");
}

Result<FoundSecret> find_ping_url(const AlertsConfig& alerts, const Environment& env) {
  Result<FoundSecret> found = FoundSecret{};
  const std::string credential = credential_path(env, "ping_url");
  if (!alerts.ping_url_file.empty()) {
    found = read_secret_file(alerts.ping_url_file, "file " + settings::shown(alerts.ping_url_file));
    if (!found) found.error().doing = "reading ping_url_file " + settings::shown(alerts.ping_url_file);
  } else if (!credential.empty()) {
    found = read_secret_file(credential, "systemd credential ping_url");
  } else if (!variable(env, "REDFLAG_PING_URL").empty()) {
    found = secret_from_variable(env, "REDFLAG_PING_URL");
  }
  if (!found || found->value.empty()) return found;
  const std::string problem = secret_url_problem(found->value);
  if (problem.empty()) return found;
  return fail(ErrorCode::invalid_input, "reading the dead man's switch's URL from " + found->origin, problem,
              "it should look like https://hc-ping.com/…");
}

}  // namespace redflag::daemon
