// Where secrets come from. They are looked up when they are needed, so that a key that was changed on disk is
// picked up; the configuration itself never holds one.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/config/config.h"
#include "daemon/config/environment.h"
#include "daemon/config/secret.h"
#include "rules/values/error.h"

namespace redflag::daemon {

struct FoundSecret {
  Secret value;
  std::string origin;  ///< "systemd credential wandb_api_key", "file /etc/redflag/key", "environment variable
                       ///< WANDB_API_KEY"
  std::vector<std::string> warnings;  ///< such as a file that everybody can read
};

/// The W&B API key: systemd credential wandb_api_key in $CREDENTIALS_DIRECTORY, else `wandb.api_key_file`,
/// else $WANDB_API_KEY, else the netrc entry ($NETRC, else ~/.netrc) for the host of `wandb.base_url`. The
/// first of these that is there decides: when it cannot be read or does not look like a key, that is the
/// error, and the rest is not tried. Errors: not_found (the text says where it looked), denied,
/// invalid_input, too_large, storage. Blocks on small files.
Result<FoundSecret> find_wandb_api_key(const WandbConfig& wandb, const Environment& env);

/// A Slack receiver's webhook URL: its `webhook_file` when it names one, else the systemd credential
/// NAME_webhook with the receiver's name, else slack_webhook, else $REDFLAG_SLACK_WEBHOOK. Errors as above.
/// The URL has to be https, or http to a loopback address (a stand-in).
Result<FoundSecret> find_slack_webhook(const ReceiverConfig& receiver, const Environment& env);

/// What a receiver of another type needs: "token", "secret" and "url" come from its file of that name
/// (`token_file`, …), else the systemd credential NAME_token, else $REDFLAG_NAME_TOKEN.
struct ReceiverSecrets {
  Secret url;
  Secret token;
  Secret secret;
  std::vector<std::pair<std::string, std::string>> origins;  ///< ("token", "file /etc/redflag/token"), …
  std::vector<std::string> warnings;
};

/// Errors: as of find_wandb_api_key; not_found only for what the type cannot do without (a bot's token, a
/// webhook's address). One that is there and cannot be used is an error, too.
Result<ReceiverSecrets> find_receiver_secrets(const ReceiverConfig& receiver, const Environment& env);

/// A credential's path when systemd has handed one over under that name; empty for a name that is no file's.
std::string credential_path(const Environment& env, std::string_view name);

/// The secret in an environment variable; not empty, one word.
Result<FoundSecret> secret_from_variable(const Environment& env, std::string_view name);

/// The dead man's switch's URL: `ping_url_file`, else the systemd credential ping_url, else
/// $REDFLAG_PING_URL. Empty when there is none: that is no error. Errors as above.
Result<FoundSecret> find_ping_url(const AlertsConfig& alerts, const Environment& env);

/// A secret URL has to be https, or http to this machine; what is wrong with one, else empty. Does not show
/// it.
std::string secret_url_problem(const Secret& url);

/// After an optional "prefix-", at least 40 of [A-Za-z0-9_-]; at most 512 in all.
bool looks_like_wandb_key(std::string_view key);

/// Reads a secret from a file: at most 4 KiB, one line, white space around it dropped. A file that others can
/// read gives a warning.
Result<FoundSecret> read_secret_file(const std::string& path, const std::string& origin);

}  // namespace redflag::daemon
