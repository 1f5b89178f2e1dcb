// The one error type of the project. It is returned across module borders, not thrown.
#pragma once

#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace redflag {

enum class ErrorCode {
  invalid_input,  ///< a file, a setting or an argument is wrong; the text says where
  not_found,      ///< the thing asked for does not exist
  denied,         ///< wrong key, missing permission
  unavailable,    ///< cannot be reached, or answers with an error of its own
  timed_out,      ///< no answer in the time allowed
  rate_limited,   ///< told to come back later
  malformed,      ///< an answer or a file that cannot be understood
  too_large,      ///< more than the limit allows
  storage,        ///< disk full, I/O error, database damaged
  conflict,       ///< somebody else has it (a second instance)
  cancelled,      ///< stopped because redflag is stopping
};

std::string_view to_string(ErrorCode code);

/// What went wrong, for a person and for the code that decides what to do next. Never holds a secret.
struct Error {
  ErrorCode code = ErrorCode::invalid_input;
  bool retryable = false;  ///< may the same call succeed later without anybody changing anything?
  std::string doing;       ///< what was being done: "reading /etc/redflag/redflag.yaml"
  std::string what;        ///< what happened: "permission denied"
  std::string advice;      ///< what a person can do about it; may be empty

  /// One line: "reading X: permission denied (run redflagd as the training user)".
  std::string text() const;
};

template <typename T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(ErrorCode code, std::string doing, std::string what,
                                  std::string advice = {}, bool retryable = false) {
  return tl::unexpected<Error>(Error{code, retryable, std::move(doing), std::move(what), std::move(advice)});
}

}  // namespace redflag
