// What is wrong with a configuration, all of it at once, in the form that compilers have made familiar.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "rules/values/error.h"

namespace redflag::daemon {

/// One finding. Its texts hold no secret and no control character: they were masked when it was made.
struct ConfigDiagnostic {
  enum class Level : unsigned char { error, warning };
  Level level = Level::error;
  std::string where;       ///< file name, or "environment variable WANDB_BASE_URL"
  std::size_t line = 0;    ///< 1-based; 0 = it is about the whole of `where`
  std::size_t column = 0;  ///< 1-based, in characters
  std::string message;
  std::string help;       ///< what to write instead; may be empty
  std::string excerpt;    ///< the line as shown; empty when there is none
  std::size_t caret = 0;  ///< characters of the excerpt before the caret
  std::size_t caret_length = 1;

  /// redflag.yaml:3:3: error: unknown key "pol_interval" in "wandb"
  ///     3 |   pol_interval: 5s
  ///       |   ^~~~~~~~~~~~
  ///       = help: did you mean "poll_interval"?
  std::string text() const;
};

/// All findings, in the order of the file.
struct ConfigDiagnostics {
  std::vector<ConfigDiagnostic> list;

  bool has_errors() const;
  std::size_t errors() const;
  std::size_t warnings() const;
  /// Sorted by line; those that belong to no line come last.
  void sort();
  /// Every finding, each with a line break, and "2 errors, 1 warning" at the end.
  std::string text() const;
  /// As the project's error type: the first error, and how many more there are.
  Error to_error() const;
};

}  // namespace redflag::daemon
