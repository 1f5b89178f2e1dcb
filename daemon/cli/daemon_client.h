// How the operator's command finds the daemon and talks to it, and what it says when it cannot.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "daemon/app/arguments.h"
#include "daemon/config/environment.h"
#include "rules/values/error.h"
#include "rules/values/time.h"

namespace redflag::daemon {

/// Exit codes of the commands that talk to the daemon.
inline constexpr int kFailed = 1;      ///< no such thing, or refused
inline constexpr int kWrongUsage = 2;  ///< also what the daemon could not understand
inline constexpr int kNotReached = 3;  ///< no daemon, or not for us

/// `options` followed by --json, --socket and --config.
std::vector<OptionSpec> with_daemon_options(std::vector<OptionSpec> options);
/// The paragraph of --help about exit codes.
extern const char* const kDaemonExitCodes;
/// The paragraph about matchers.
extern const char* const kMatcherWords;

/// Where the daemon's socket can be, the likeliest first: --socket, $REDFLAG_SOCKET, `api.socket` of the
/// configuration; else the places that a daemon chooses by itself, of this user's and the system's. Errors
/// (invalid_input): the configuration that was named cannot be read; (not_found): it says that there is no
/// API.
Result<std::vector<std::string>> socket_candidates(const Arguments& arguments, const Environment& env,
                                                   bool root);

class DaemonClient {
 public:
  /// `command` is what messages begin with: "redflag ack".
  DaemonClient(std::string command, const Arguments& arguments);

  /// What the daemon answers. Else the exit code, and stderr says what happened and what can be done.
  tl::expected<nlohmann::json, int> ask(std::string_view method, const std::string& target,
                                        const nlohmann::json& body = nullptr);
  /// The same for a GET, silently: for a command that goes on asking. Errors: those of ask_unix, and conflict
  /// when the daemon refuses.
  Result<nlohmann::json> get(const std::string& target);

 private:
  /// Of several places the first where somebody answers; asked with something harmless, so that no change is
  /// ever asked for twice. The exit code when nobody does.
  std::optional<int> choose_socket();
  tl::unexpected<int> complain(int code, const std::string& what, const std::string& advice = {}) const;
  tl::unexpected<int> not_reached(const std::vector<Error>& errors) const;
  tl::unexpected<int> refused(int status, const std::string& body) const;

  std::string command_;
  Result<std::vector<std::string>> sockets_;
};

/// Who gives the command: the user behind sudo, else the user's own name. Told to the daemon, because
/// systemd's PrivateUsers= hides users from it.
std::string my_name();

/// A text from the command line as the API takes it: bytes that are no UTF-8 escaped.
std::string for_json(std::string_view text);

/// Prints an answer as JSON, for --json.
void print_json(const nlohmann::json& answer);

/// "Do it? [y/N]" on the terminal. Without one, or when the answer is no, false; `yes` is --yes.
bool confirmed(const std::string& question, bool yes);

/// A text of an answer as it was before it became JSON; empty when it is not there.
std::string text_in(const nlohmann::json& object, std::string_view key);
/// A time of an answer; Time{} for null and nonsense.
Time time_in(const nlohmann::json& object, std::string_view key);

}  // namespace redflag::daemon
