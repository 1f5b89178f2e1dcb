// The environment as the configuration sees it: handed in, so that tests decide what it holds.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace redflag::daemon {

/// Looks a variable up. nullopt = not set; most readers treat an empty value as not set, too.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;

/// The process's own environment. getenv: call it before threads change the environment (redflag never does).
Environment process_environment();

/// The variable's value; empty when `env` is empty, or the variable not set.
std::string variable(const Environment& env, std::string_view name);

/// $HOME when it is an absolute path, else empty.
std::string home_directory(const Environment& env);

/// What parsing needs to know of its surroundings.
struct ConfigContext {
  Environment env;                ///< may be empty: nothing is set
  std::string base_directory;     ///< that relative paths in the file are relative to; absolute
  bool root = false;              ///< is the process root?
  bool slack_credential = false;  ///< is there a systemd credential slack_webhook?
};

/// Where state is kept when the file does not say: the first of $STATE_DIRECTORY (systemd; may be a list),
/// /var/lib/redflag for root under systemd, $XDG_STATE_HOME/redflag, ~/.local/state/redflag, /var/lib/redflag
/// for root without a home. `origin` is set to the variable that decided, or left alone. Empty when nothing
/// is known at all.
std::string default_state_directory(const ConfigContext& context, std::string& origin);

/// Where the local API's socket is when the file does not say: redflag.sock in $RUNTIME_DIRECTORY (systemd;
/// may be a list), in $XDG_RUNTIME_DIR/redflag, or in the state directory. `origin` as above.
std::string default_api_socket(const ConfigContext& context, const std::string& state_directory,
                               std::string& origin);

/// Longest path of a unix socket on Linux, in bytes.
inline constexpr std::size_t kMaxSocketPath = 107;

}  // namespace redflag::daemon
