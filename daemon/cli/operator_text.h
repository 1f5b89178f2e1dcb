// What the operator's commands print: alerts, silences and messages as people read them, at any width. All
// that came from outside is escaped here (alerts/text/escape.h), so nothing can move a cursor or forge a
// line.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "rules/values/time.h"

namespace redflag::daemon {

struct Look {
  std::size_t width = 80;
  bool color = false;
  bool unicode = true;  ///< for sparklines

  /// Of standard output.
  static Look of_stdout();
};

/// Escaped, then broken at spaces (and inside words that fit on no line) into lines of at most `width`
/// columns; all but the first are indented by `indent` columns, and the first is taken to begin there. No
/// line end after the last.
std::string folded(std::string_view raw, std::size_t indent, std::size_t width);

/// "12 min 3 s" between two times; "?" when one is not known.
std::string between(Time from, Time to);

/// Alerts as the API lists them, in the form of a table: a line of columns, and indented below it where and
/// what. Below 60 columns each alert is a few short lines.
std::string alerts_text(const nlohmann::json& alerts, Time now, const Look& look);
/// Everything about one.
std::string alert_text(const nlohmann::json& alert, Time now, const Look& look);
std::string silences_text(const nlohmann::json& silences, Time now, const Look& look);
/// What is "the alert" in messages: "loss-too-high on full_ft_sst2_seed42 (9f3c0a4be2d17788)".
std::string alert_name(const nlohmann::json& alert);
std::string outbox_text(const nlohmann::json& messages, Time now, const Look& look);
/// Channels that are not well, a line for each; empty when all are.
std::string channels_text(const nlohmann::json& channels, Time now, const Look& look);
/// "… and 12 more: --limit" when the daemon has cut its list, else "".
std::string cut_text(const nlohmann::json& answer, std::string_view list);

}  // namespace redflag::daemon
