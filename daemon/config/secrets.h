// Where secrets come from. They are looked up when they are needed, so that a key that was changed on disk is
// picked up; the configuration itself never holds one.
#pragma once

#include <string>
#include <string_view>
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
/// slack_webhook, else $REDFLAG_SLACK_WEBHOOK. Errors as above. The URL has to be https, or http to a
/// loopback address (a stand-in).
Result<FoundSecret> find_slack_webhook(const ReceiverConfig& receiver, const Environment& env);

/// After an optional "prefix-", at least 40 of [A-Za-z0-9_-]; at most 512 in all.
bool looks_like_wandb_key(std::string_view key);

/// Reads a secret from a file: at most 4 KiB, one line, white space around it dropped. A file that others can
/// read gives a warning.
Result<FoundSecret> read_secret_file(const std::string& path, const std::string& origin);

}  // namespace redflag::daemon
