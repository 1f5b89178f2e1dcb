#include "daemon/api/forms.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "alerts/log/log_line.h"
#include "alerts/text/escape.h"

namespace redflag::daemon::api {
namespace {

using Json = nlohmann::ordered_json;

Json text(std::string_view raw) {
  return alerts::escape_utf8(raw);
}

Json time(Time value) {
  return value == Time{} ? Json(nullptr) : Json(to_rfc3339(value));
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

Json acknowledged(const alerts::Acknowledgement& ack) {
  if (ack.at == Time{}) return nullptr;
  return {{"at", time(ack.at)},
          {"by", text(ack.by)},
          {"comment", text(ack.comment)},
          {"severity", to_string(ack.severity)}};
}

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_input:
    case ErrorCode::malformed:
      return 400;
    case ErrorCode::denied:
      return 403;
    case ErrorCode::not_found:
      return 404;
    case ErrorCode::conflict:
      return 409;
    case ErrorCode::too_large:
      return 413;
    case ErrorCode::rate_limited:
      return 429;
    case ErrorCode::timed_out:
      return 504;
    case ErrorCode::storage:
      return 507;
    case ErrorCode::unavailable:
    case ErrorCode::cancelled:
      return 503;
  }
  return 500;
}

}  // namespace

std::string_view state_of(const alerts::Alert& alert) {
  if (alert.last.to == AlertState::firing) return "firing";
  if (alert.last.to == AlertState::pending) return "pending";
  return "ended";
}

std::string_view state_of(const alerts::Silence& silence, Time now) {
  if (silence.active(now)) return "active";
  return now < silence.starts && silence.starts < silence.ends ? "pending" : "ended";
}

std::string alert_json(const AlertView& view) {
  const alerts::Alert& alert = view.alert;
  Json tags = Json::array();
  for (const std::string& tag : view.run.tags) tags.push_back(text(tag));
  const Json more = {
      {"project", text(view.run.project)},
      {"url", text(view.run.url)},
      {"tags", std::move(tags)},
      {"run_state", text(view.run.state)},
      {"fired_at", time(alert.fired_at)},
      {"ended_at", time(alert.ended_at)},
      {"worst", to_string(alert.worst)},
      {"told_at", time(alert.told_at)},
      {"no_data_since", time(view.no_data_since)},
      {"flapping", view.flapping},
      {"muted_by", text(alert.muted_by)},
      {"quiet", alert.quiet},
      {"acknowledged", acknowledged(alert.acknowledged)},
  };
  // Two objects become one without reading the first again: a list may have thousands.
  const alerts::RunContext* run = view.run.key.empty() && view.run.name.empty() ? nullptr : &view.run;
  std::string object = alerts::transition_json(alert.last, run);
  object.back() = ',';
  return object + dump(more).substr(1);
}

std::string silence_json(const alerts::Silence& silence, Time now) {
  Json matchers = Json::array();
  for (const alerts::Matcher& matcher : silence.matchers)
    matchers.push_back(text(alerts::to_string(matcher)));
  return dump({{"id", silence.id.empty() ? Json(nullptr) : text(silence.id)},
               {"state", state_of(silence, now)},
               {"matchers", std::move(matchers)},
               {"starts", time(silence.starts)},
               {"ends", time(silence.ends)},
               {"comment", text(silence.comment)},
               {"author", text(silence.author)},
               {"created", time(silence.created)}});
}

std::string outbox_json(const OutboxEntry& entry) {
  const alerts::OutboxMessage& message = entry.message;
  Json ids = Json::array();
  for (const std::string& id : message.alert_ids) ids.push_back(text(id));
  return dump({{"id", text(message.id)},
               {"channel", text(message.channel)},
               {"alerts", std::move(ids)},
               {"state", to_string(message.state)},
               {"in_flight", entry.in_flight},
               {"attempts", message.attempts},
               {"created", time(message.created)},
               {"not_before", time(message.not_before)},
               {"last_error", text(message.last_error)},
               {"payload_bytes", message.payload.size()}});
}

std::string channel_json(const alerts::ChannelHealth& health) {
  return dump({{"channel", text(health.channel)},
               {"healthy", health.healthy},
               {"since", time(health.since)},
               {"last_sent", time(health.last_sent)},
               {"last_error", text(health.last_error)},
               {"queued", health.queued},
               {"parked", health.parked},
               {"paused_until", time(health.paused_until)}});
}

std::string json_text(std::string_view raw) {
  return dump(text(raw));
}

std::string member(std::string_view key, std::string_view value) {
  return fmt::format("{}:{}", dump(text(key)), dump(text(value)));
}

ServerResponse json_response(int status, std::string body) {
  ServerResponse response;
  response.status = status;
  response.headers.push_back({"Content-Type", "application/json"});
  response.body = std::move(body) + '\n';
  return response;
}

ServerResponse error_response(int status, std::string_view code, std::string_view what,
                              std::string_view advice) {
  return json_response(
      status, dump({{"error", {{"code", text(code)}, {"what", text(what)}, {"advice", text(advice)}}}}));
}

ServerResponse error_response(const Error& error) {
  std::string code(to_string(error.code));
  std::replace(code.begin(), code.end(), ' ', '_');
  return error_response(status_of(error.code), code,
                        error.doing.empty() ? error.what : error.doing + ": " + error.what, error.advice);
}

}  // namespace redflag::daemon::api
