// Records as the database keeps them: JSON with NaN and infinities as strings, so that a person can read the
// file with the sqlite3 shell and an older or newer version can skip what it does not know.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "alerts/alert.h"
#include "alerts/outbox_message.h"
#include "alerts/silence.h"
#include "daemon/runs/run_info.h"
#include "rules/values/error.h"
#include "rules/values/observation.h"

namespace redflag::daemon {

std::string encode_run(const RunInfo& run);
Result<RunInfo> decode_run(const std::string& text);

/// Samples of a row as {"metric": value} or {"metric": [value, "original"]}.
std::string encode_samples(const std::vector<Sample>& samples);
Result<std::vector<Sample>> decode_samples(const std::string& text);

std::string encode_attributes(const Attributes& attributes);
Result<Attributes> decode_attributes(const std::string& text);

std::string encode_alert(const alerts::Alert& alert);
Result<alerts::Alert> decode_alert(const std::string& text);

std::string encode_silence(const alerts::Silence& silence);
Result<alerts::Silence> decode_silence(const std::string& text);

std::string encode_message(const alerts::OutboxMessage& message);
Result<alerts::OutboxMessage> decode_message(const std::string& text);

}  // namespace redflag::daemon
