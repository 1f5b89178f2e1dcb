// Values as the API writes them. JSON in ASCII: NaN and the infinities are texts, bytes that are no UTF-8 are
// escaped reversibly, and nothing in an answer can reach a terminal (alerts/log/log_line.h, text/escape.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "alerts/silence.h"
#include "daemon/monitor/operations.h"
#include "daemon/net/http_server.h"

namespace redflag::daemon::api {

/// "pending", "firing" or "ended".
std::string_view state_of(const alerts::Alert& alert);
/// "pending", "active" or "ended".
std::string_view state_of(const alerts::Silence& silence, Time now);

/// The transition's object of alerts/log/log_line.h (its newest change), and besides: project, url, tags,
/// run_state, fired_at, ended_at, worst, told_at, no_data_since, flapping, muted_by, quiet, acknowledged
/// (null, or an object of at, by, comment, severity). Its "state" stays that of the last change: firing,
/// pending, resolved, closed.
std::string alert_json(const AlertView& view);
/// id (null before it has one), state, matchers (as they are written), starts, ends, comment, author,
/// created.
std::string silence_json(const alerts::Silence& silence, Time now);
/// id, channel, alerts, state, in_flight, attempts, created, not_before, last_error, payload_bytes.
std::string outbox_json(const OutboxEntry& entry);
/// channel, healthy, since, last_sent, last_error, queued, parked, paused_until.
std::string channel_json(const alerts::ChannelHealth& health);

/// A text as a JSON string, quotes and all: bytes that are no UTF-8 escaped.
std::string json_text(std::string_view text);

/// "key":"text", to be put into an object.
std::string member(std::string_view key, std::string_view text);

ServerResponse json_response(int status, std::string body);
/// {"error": {"code", "what", "advice"}}. `code` is a word of its own: "not_found", "unknown_path".
ServerResponse error_response(int status, std::string_view code, std::string_view what,
                              std::string_view advice = {});
/// The same, with the status that belongs to the error's code.
ServerResponse error_response(const Error& error);

}  // namespace redflag::daemon::api
