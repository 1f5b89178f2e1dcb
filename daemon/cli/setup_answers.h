// What `redflag setup` has to know, and the files that come of it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/app/arguments.h"
#include "daemon/config/environment.h"
#include "daemon/config/secret.h"
#include "rules/values/error.h"

namespace redflag::daemon {

/// A secret and where redflagd will find it.
struct SetupSecret {
  Secret value;
  std::string origin;  ///< for people: "file /home/me/key", "netrc file …", "typed"
  std::string file;    ///< absolute path that holds it or will; empty: redflagd finds it where it is (netrc)
  bool to_be_written = false;
};

struct SetupAnswers {
  std::string base_url;  ///< empty: the default
  std::string ca_file;
  std::string entity;                ///< empty: whose the key is
  std::string project;               ///< empty: W&B is not followed
  std::vector<std::string> results;  ///< absolute
  std::optional<SetupSecret> key;
  std::optional<SetupSecret> webhook;
  std::string output;  ///< the configuration file, absolute
  /// For the system service: secrets stay root's and are handed over by LoadCredential= in a drop-in here.
  /// Empty: for a redflagd that runs as this user.
  std::string unit_directory;

  bool for_service() const { return !unit_directory.empty(); }
};

/// Asks a person at the terminal; when nobody is there, every question has its default.
class SetupDialog {
 public:
  explicit SetupDialog(bool on) : on_(on) {}
  bool on() const { return on_; }
  /// The answer, or `fallback` for an empty one. cancelled when the input ends.
  Result<std::string> ask(const std::string& question, const std::string& fallback = {}) const;
  /// The same without an echo.
  Result<Secret> ask_secret(const std::string& question) const;

 private:
  bool on_;
};

/// Flags first, then questions, then what is found in the environment. Errors: invalid_input, not_found,
/// denied (a secret's file), cancelled.
Result<SetupAnswers> collect_answers(const Arguments& arguments, const SetupDialog& dialog,
                                     const Environment& env, bool root);

/// The configuration file. Its readers' defaults are left out.
std::string configuration_text(const SetupAnswers& answers);

struct WrittenFiles {
  std::vector<std::string> paths;
  std::string kept;  ///< where the commented example that was in the way is now; empty for none
};

/// conflict when the configuration, a secret's file or the drop-in is there already and `force` is not given;
/// a configuration of nothing but comments does not count.
Result<void> refuse_existing(const SetupAnswers& answers, bool force);

/// Secrets with mode 0600, then the drop-in, then the configuration. Each file appears whole or not at all.
Result<WrittenFiles> write_files(const SetupAnswers& answers);

}  // namespace redflag::daemon
