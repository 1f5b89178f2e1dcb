// The few Block Kit pieces that messages are made of, for the files of this folder. Texts are given in ready
// to be shown: cleaned and escaped (slack_text.h).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "alerts/alert.h"
#include "alerts/slack/slack_text.h"

namespace redflag::alerts::slack {

using Json = nlohmann::ordered_json;

inline constexpr std::size_t kMaxPayloadUnits = 12000;
inline constexpr std::size_t kHeaderUnits = 150;

/// A shape and a word: colour alone tells some readers nothing.
inline std::string_view emoji(Severity severity) {
  switch (severity) {
    case Severity::info:
      return "ℹ️";
    case Severity::warning:
      return "⚠️";
    case Severity::critical:
      return "🚨";
  }
  return "❔";
}

inline Json plain(std::string text) {
  return {{"type", "plain_text"}, {"text", text.empty() ? "–" : std::move(text)}, {"emoji", false}};
}

inline Json mrkdwn(std::string text) {
  return {{"type", "mrkdwn"}, {"text", text.empty() ? "–" : std::move(text)}};
}

/// `text` is raw.
inline Json header(std::string_view text) {
  return {{"type", "header"}, {"text", plain(slack_plain(text, kHeaderUnits))}};
}

inline Json section(std::string text) {
  return {{"type", "section"}, {"text", plain(std::move(text))}};
}

inline Json context(Json elements) {
  return {{"type", "context"}, {"elements", std::move(elements)}};
}

/// At most ten labelled facts side by side.
class Fields {
 public:
  explicit Fields(std::size_t units) : units_(units) {}
  void add(std::string_view label, std::string_view raw) {
    if (!raw.empty()) add_ready(label, slack_mrkdwn(raw, units_));
  }
  /// `text` is mrkdwn already.
  void add_ready(std::string_view label, const std::string& text) {
    if (!text.empty() && fields_.size() < 10)
      fields_.push_back(mrkdwn("*" + std::string(label) + "*\n" + text));
  }
  bool empty() const { return fields_.empty(); }
  Json block() { return {{"type", "section"}, {"fields", std::move(fields_)}}; }

 private:
  std::size_t units_;
  Json fields_ = Json::array();
};

inline std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace redflag::alerts::slack
