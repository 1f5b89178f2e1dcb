// Rendering of configuration findings.
#include "daemon/config/diagnostics.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

namespace redflag::daemon {

std::string ConfigDiagnostic::text() const {
  const char* word = level == Level::error ? "error" : "warning";
  std::string out = where;
  if (line > 0) out += fmt::format(":{}:{}", line, column);
  out += fmt::format("{}{}: {}\n", where.empty() ? "" : ": ", word, message);
  if (line > 0 && !excerpt.empty()) {
    out += fmt::format("{:>5} | {}\n", line, excerpt);
    out += fmt::format("{:>5} | {:>{}}{}\n", "", "^", caret + 1, std::string(caret_length - 1, '~'));
  }
  if (!help.empty()) out += fmt::format("{:>5} = help: {}\n", "", help);
  return out;
}

bool ConfigDiagnostics::has_errors() const {
  return errors() > 0;
}

std::size_t ConfigDiagnostics::errors() const {
  return static_cast<std::size_t>(std::count_if(list.begin(), list.end(), [](const ConfigDiagnostic& d) {
    return d.level == ConfigDiagnostic::Level::error;
  }));
}

std::size_t ConfigDiagnostics::warnings() const {
  return list.size() - errors();
}

void ConfigDiagnostics::sort() {
  const auto place = [](const ConfigDiagnostic& d) {
    return std::pair(d.line == 0 ? std::numeric_limits<std::size_t>::max() : d.line, d.column);
  };
  std::stable_sort(list.begin(), list.end(),
                   [&](const ConfigDiagnostic& a, const ConfigDiagnostic& b) { return place(a) < place(b); });
}

std::string ConfigDiagnostics::text() const {
  std::string out;
  for (const ConfigDiagnostic& diagnostic : list) out += diagnostic.text();
  const std::size_t bad = errors();
  const std::size_t doubtful = warnings();
  if (bad > 0) out += fmt::format("{} error{}", bad, bad == 1 ? "" : "s");
  if (doubtful > 0)
    out += fmt::format("{}{} warning{}", bad > 0 ? ", " : "", doubtful, doubtful == 1 ? "" : "s");
  if (!list.empty()) out += "\n";
  return out;
}

Error ConfigDiagnostics::to_error() const {
  Error error;
  error.doing = "reading the configuration";
  const auto first = std::find_if(list.begin(), list.end(), [](const ConfigDiagnostic& d) {
    return d.level == ConfigDiagnostic::Level::error;
  });
  if (first == list.end()) return error;
  error.what = first->where;
  if (first->line > 0) error.what += fmt::format(":{}:{}", first->line, first->column);
  error.what += ": " + first->message;
  if (const std::size_t more = errors() - 1; more > 0)
    error.what += fmt::format(" (and {} more error{})", more, more == 1 ? "" : "s");
  error.advice = first->help;
  return error;
}

}  // namespace redflag::daemon
