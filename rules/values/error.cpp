#include "rules/values/error.h"

namespace redflag {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_input:
      return "invalid input";
    case ErrorCode::not_found:
      return "not found";
    case ErrorCode::denied:
      return "denied";
    case ErrorCode::unavailable:
      return "unavailable";
    case ErrorCode::timed_out:
      return "timed out";
    case ErrorCode::rate_limited:
      return "rate limited";
    case ErrorCode::malformed:
      return "malformed";
    case ErrorCode::too_large:
      return "too large";
    case ErrorCode::storage:
      return "storage";
    case ErrorCode::conflict:
      return "conflict";
    case ErrorCode::cancelled:
      return "cancelled";
  }
  return "unknown";
}

std::string Error::text() const {
  std::string line = doing.empty() ? what : doing + ": " + what;
  if (!advice.empty()) line += " (" + advice + ")";
  return line;
}

}  // namespace redflag
