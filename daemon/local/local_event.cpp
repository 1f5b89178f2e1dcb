#include "daemon/local/local_event.h"

namespace redflag::daemon::local {

std::string_view to_string(StepFrom from) {
  switch (from) {
    case StepFrom::row:
      return "row";
    case StepFrom::event:
      return "event";
    case StepFrom::line:
      return "line";
    case StepFrom::progress_bar:
      return "progress bar";
    case StepFrom::epochs:
      return "epochs";
  }
  return "row";
}

std::string_view to_string(LogSeverity severity) {
  switch (severity) {
    case LogSeverity::info:
      return "info";
    case LogSeverity::warning:
      return "warning";
    case LogSeverity::critical:
      return "critical";
  }
  return "warning";
}

std::string_view to_string(Trouble::Kind kind) {
  switch (kind) {
    case Trouble::Kind::damaged:
      return "damaged";
    case Trouble::Kind::too_large:
      return "too large";
    case Trouble::Kind::not_this:
      return "not this format";
    case Trouble::Kind::rewritten:
      return "rewritten";
    case Trouble::Kind::restarted:
      return "restarted";
  }
  return "damaged";
}

}  // namespace redflag::daemon::local
