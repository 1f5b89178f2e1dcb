// Secrets of receivers that are not Slack webhooks: every one is looked for in the same three places.
#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "daemon/config/mask.h"
#include "daemon/config/secrets.h"
#include "daemon/config/url.h"

namespace redflag::daemon {
namespace {

/// "REDFLAG_SLACK_BOT_TOKEN"
std::string variable_name(const std::string& receiver, std::string_view what) {
  std::string name = "REDFLAG_" + receiver + "_" + std::string(what);
  for (char& c : name) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))) c = '_';
  }
  return name;
}

struct Wanted {
  std::string_view what;  ///< "token"
  const std::string& file;
  bool needed = false;
};

/// nullopt: none, and none is needed.
Result<std::optional<FoundSecret>> find(const ReceiverConfig& receiver, const Wanted& wanted,
                                        const Environment& env) {
  const auto as_optional = [](Result<FoundSecret> found) -> Result<std::optional<FoundSecret>> {
    if (!found) return tl::unexpected<Error>(std::move(found.error()));
    return std::optional(std::move(*found));
  };
  if (!wanted.file.empty()) {
    auto found = read_secret_file(wanted.file, "file " + settings::shown(wanted.file));
    if (!found)
      found.error().doing = fmt::format("reading {}_file {}", wanted.what, settings::shown(wanted.file));
    return as_optional(std::move(found));
  }
  const std::string name = fmt::format("{}_{}", receiver.name, wanted.what);
  if (const std::string credential = credential_path(env, name); !credential.empty())
    return as_optional(read_secret_file(credential, "systemd credential " + settings::shown(name)));
  const std::string in_environment = variable_name(receiver.name, wanted.what);
  if (!variable(env, in_environment).empty()) return as_optional(secret_from_variable(env, in_environment));
  if (!wanted.needed) return std::optional<FoundSecret>();
  return fail(
      ErrorCode::not_found,
      fmt::format("looking for the {} of receiver {}", wanted.what, settings::in_quotes(receiver.name)),
      fmt::format("none found in its {}_file, systemd credential {}, {}", wanted.what, settings::shown(name),
                  in_environment),
      fmt::format("put it into a file that only redflagd can read, and name it in {}_file", wanted.what));
}

std::string url_problem(const Secret& url) {
  const auto parts = settings::split_url(url.reveal());
  if (!parts) return "it " + parts.error();
  if (parts->scheme != "https" && parts->scheme != "http")
    return "it does not begin with https:// or http://";
  if (!parts->userinfo.empty()) return "it has a user name in it";
  return {};
}

std::string token_problem(const ReceiverConfig& receiver, const Secret& token) {
  if (receiver.type != ReceiverType::slack_bot || token.reveal().starts_with("xox")) return {};
  return "it is no token of Slack's: a bot's begins with xoxb-";
}

}  // namespace

Result<ReceiverSecrets> find_receiver_secrets(const ReceiverConfig& receiver, const Environment& env) {
  ReceiverSecrets secrets;
  if (receiver.type == ReceiverType::log || receiver.type == ReceiverType::slack ||
      receiver.type == ReceiverType::mail)
    return secrets;
  const bool webhook = receiver.type == ReceiverType::webhook;
  const auto take = [&](const Wanted& wanted, Secret& into, auto problem_of) -> Result<void> {
    Result<std::optional<FoundSecret>> found = find(receiver, wanted, env);
    if (!found) return tl::unexpected<Error>(std::move(found.error()));
    if (!*found) return {};
    FoundSecret& secret = **found;
    if (const std::string problem = problem_of(secret.value); !problem.empty())
      return fail(ErrorCode::invalid_input,
                  fmt::format("reading the {} of receiver {} from {}", wanted.what,
                              settings::in_quotes(receiver.name), secret.origin),
                  problem);
    into = std::move(secret.value);
    secrets.origins.emplace_back(wanted.what, secret.origin);
    for (std::string& warning : secret.warnings) secrets.warnings.push_back(std::move(warning));
    return {};
  };
  const auto any = [](const Secret&) { return std::string(); };
  const auto token = [&](const Secret& value) { return token_problem(receiver, value); };
  if (webhook && receiver.url.empty()) {
    if (Result<void> url = take({"url", receiver.url_file, true}, secrets.url, url_problem); !url)
      return tl::unexpected<Error>(std::move(url.error()));
  }
  const bool needs_token = receiver.type == ReceiverType::slack_bot;
  if (Result<void> found = take({"token", receiver.token_file, needs_token}, secrets.token, token); !found)
    return tl::unexpected<Error>(std::move(found.error()));
  if (webhook) {
    if (Result<void> found = take({"secret", receiver.secret_file}, secrets.secret, any); !found)
      return tl::unexpected<Error>(std::move(found.error()));
  }
  return secrets;
}

}  // namespace redflag::daemon
