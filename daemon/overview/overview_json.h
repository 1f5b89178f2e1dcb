// Overview and Evidence as JSON and back: what the local API answers, what `--json` prints, and what a client
// makes of it. Keys are the members' names. Times are RFC 3339 in UTC (to the millisecond), Time{} and
// nullopt are null; NaN and the infinities are "NaN", "Infinity", "-Infinity"; bytes that are no UTF-8 are
// escaped (alerts/text/escape.h). A RunView has RunInfo's members flattened into it, and `remaining_seconds`
// for readers that cannot call remaining(). Attributes are an object; a number among them that is not finite
// is {"number": "NaN"}, so that it is not taken for a text.
//
// Reading ignores keys it does not know and leaves what is missing or null as it is by default, so an older
// and a newer program understand each other; a word of an enumeration that is not known is its default.
// What has the wrong type is an error (malformed) that names the place: "overview.runs[3].step".
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "daemon/overview/evidence.h"
#include "daemon/overview/overview.h"
#include "rules/values/error.h"

namespace redflag::daemon {

/// Of a run: its config is long, and nobody looks at it in a list.
enum class ConfigShown : std::uint8_t { no, yes };

nlohmann::ordered_json json_of(const Overview& overview, ConfigShown config = ConfigShown::no);
nlohmann::ordered_json json_of(const RunView& run, ConfigShown config = ConfigShown::no);
nlohmann::ordered_json json_of(const Curve& curve);
nlohmann::ordered_json json_of(const RunEvidence& run);
nlohmann::ordered_json json_of(const SubjectFacts& facts);
nlohmann::ordered_json json_of(const AlertLine& alert);
/// With the runs' configurations: the checklist reads the schedule from them.
nlohmann::ordered_json json_of(const Evidence& evidence);

/// ASCII, on one line; never throws.
std::string dump_json(const nlohmann::ordered_json& json);

Result<Overview> overview_from(const nlohmann::json& json);
Result<RunView> run_view_from(const nlohmann::json& json);
Result<Curve> curve_from(const nlohmann::json& json);
Result<std::vector<Curve>> curves_from(const nlohmann::json& json);
Result<Evidence> evidence_from(const nlohmann::json& json);

}  // namespace redflag::daemon
