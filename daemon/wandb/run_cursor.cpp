#include "daemon/wandb/run_cursor.h"

#include <nlohmann/json.hpp>

#include "daemon/runs/json_number.h"

namespace redflag::daemon {
namespace {

using nlohmann::json;

std::int64_t ticks(Time time) {
  return static_cast<std::int64_t>(time.time_since_epoch().count());
}

Time time_in(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_integer() ? Time{Duration{found->get<std::int64_t>()}}
                                                             : Time{};
}

bool flag_in(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

std::string text_in(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

json parsed(std::string_view text) {
  json value = json::parse(text, nullptr, false);
  return value.is_object() ? value : json::object();
}

std::string dumped(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

std::string RunCursor::serialize() const {
  json value{{"v", 1}, {"next", next_step}, {"attempt", attempt.serialize()}};
  if (ended) value["ended"] = true;
  if (historic) value["historic"] = true;
  if (own_cpu) value["cpu"] = true;
  if (own_gpu) value["gpu"] = true;
  if (fetch_failed) value["failed"] = true;
  if (created_at != Time{}) value["created"] = ticks(created_at);
  if (heartbeat_at != Time{}) value["heartbeat"] = ticks(heartbeat_at);
  return dumped(value);
}

RunCursor RunCursor::restored(std::string_view text) {
  const json value = parsed(text);
  RunCursor cursor;
  if (const auto next = value.find("next"); next != value.end())
    cursor.next_step = step_from(*next).value_or(0);
  cursor.attempt = AttemptTracker::restored(text_in(value, "attempt"));
  cursor.ended = flag_in(value, "ended");
  cursor.historic = flag_in(value, "historic");
  cursor.own_cpu = flag_in(value, "cpu");
  cursor.own_gpu = flag_in(value, "gpu");
  cursor.fetch_failed = flag_in(value, "failed");
  cursor.created_at = time_in(value, "created");
  cursor.heartbeat_at = time_in(value, "heartbeat");
  return cursor;
}

std::string ProjectCursor::serialize() const {
  return dumped({{"v", 1},
                 {"listed", listed},
                 {"filter", filter},
                 {"first_seen", ticks(first_seen)},
                 {"newest_heartbeat", ticks(newest_heartbeat)},
                 {"followed", followed}});
}

ProjectCursor ProjectCursor::restored(std::string_view text) {
  const json value = parsed(text);
  ProjectCursor cursor;
  cursor.listed = flag_in(value, "listed");
  cursor.filter = text_in(value, "filter");
  cursor.first_seen = time_in(value, "first_seen");
  cursor.newest_heartbeat = time_in(value, "newest_heartbeat");
  if (const auto ids = value.find("followed"); ids != value.end() && ids->is_array()) {
    for (const auto& id : *ids) {
      if (id.is_string()) cursor.followed.push_back(id.get<std::string>());
    }
  }
  return cursor;
}

}  // namespace redflag::daemon
