// What the daemon writes, a client reads again: whole, whatever runs and files are called.
#include "daemon/overview/overview_json.h"

#include <algorithm>
#include <cmath>

#include "tests/alerts/builders.h"
#include "tests/overview/sample_overview.h"
#include "tests/support/catch.h"

namespace redflag::daemon {
namespace {

using nlohmann::json;
using test::moment;

/// What a client gets to see of it.
json on_the_wire(const nlohmann::ordered_json& written) {
  const std::string text = dump_json(written);
  CHECK(std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; }));
  return json::parse(text);
}

template <typename T>
T value_of(Result<T> result) {
  if (!result) FAIL(result.error().text());
  return std::move(*result);
}

TEST_CASE("An overview comes back from JSON as it was", "[overview][json]") {
  const Overview before = test::sample_overview();
  const json wire = on_the_wire(json_of(before, ConfigShown::yes));
  const Overview after = value_of(overview_from(wire));
  // Written again it is the same text: no member was lost on the way back.
  CHECK(on_the_wire(json_of(after, ConfigShown::yes)) == wire);
  CHECK(after.now == before.now);
  CHECK(after.runs.at(0).info == before.runs.at(0).info);
  CHECK(after.runs.at(0).latest.at(0).value == 2e-5);
  CHECK(std::isnan(after.runs.at(0).latest.at(1).value));
  CHECK(after.runs.at(0).latest.at(2).value == -INFINITY);
  CHECK(after.runs.at(0).loss.at(2) == INFINITY);
  CHECK_FALSE(after.runs.at(1).info.seed);
  CHECK_FALSE(after.runs.at(1).score);
  CHECK_FALSE(after.sources.at(1).reachable);
  CHECK(after.sources.at(1).last_success == Time{});
  CHECK(after.tasks.at(0).verdict == ScoreVerdict::in_range);
  CHECK(after.results.at(0).representations.at(0).cells.at(1).state == StepCell::State::bad);
  CHECK(after.results.at(0).disk_free_bytes == 123'456'789'012);
  CHECK(after.firing == before.firing);
}

TEST_CASE("Evidence comes back from JSON as it was", "[overview][json]") {
  const Evidence before = test::sample_evidence();
  const json wire = on_the_wire(json_of(before));
  const Evidence after = value_of(evidence_from(wire));
  CHECK(on_the_wire(json_of(after)) == wire);
  CHECK(after.overview.runs.at(0).info.config == before.overview.runs.at(0).info.config);
  CHECK(std::isnan(after.runs.at(0).curves.at(0).points.at(1).value));
  CHECK(after.runs.at(0).curves.at(0).points.at(1).time == Time{});
  REQUIRE(after.facts.size() == 1);
  CHECK(after.facts[0].subject == before.facts[0].subject);
  for (const auto& [name, value] : after.facts[0].attributes) {
    if (name == "detail") CHECK(value == Attribute(std::string("NaN")));
    if (name == "drift") CHECK(std::isnan(std::get<double>(value)));
  }
  CHECK(after.ended.at(0).state == "resolved");
  CHECK_FALSE(after.ended.at(0).value);
}

TEST_CASE("A run in a list is flat, tells what remains and leaves its configuration out",
          "[overview][json]") {
  const json run = on_the_wire(json_of(test::sample_run()));
  CHECK(run["name"] == "full_ft_mrpc_seed42");
  CHECK(run["state"] == "running");
  CHECK(run["step"] == 480);
  CHECK(run["latest"][1]["value"] == "NaN");
  CHECK(run["loss"][2] == "Infinity");
  CHECK(run["remaining_seconds"] == 416.0);
  CHECK_FALSE(run.contains("config"));
  CHECK(on_the_wire(json_of(test::sample_run(), ConfigShown::yes))["config"]["max_steps"] == 1000);
}

TEST_CASE("Names that are no text at all survive the way and reach no terminal", "[overview][json]") {
  for (const std::string& name : alerts::test::hostile_names()) {
    RunView run = test::sample_run();
    run.info.name = name;
    run.info.tags = {name};
    run.latest = {{name, 1.0, 2}};
    const RunView after = value_of(run_view_from(on_the_wire(json_of(run))));
    CHECK(after.info.name == name);
    CHECK(after.info.tags.at(0) == name);
    CHECK(after.latest.at(0).metric == name);
    SubjectFacts facts{{SubjectKind::log, name}, moment(1), {{name, name}}};
    Evidence evidence;
    evidence.facts = {facts};
    const Evidence back = value_of(evidence_from(on_the_wire(json_of(evidence))));
    CHECK(back.facts.at(0).subject.key == name);
    CHECK(back.facts.at(0).attributes == facts.attributes);
  }
}

TEST_CASE("A configuration with NaN and odd texts in it is written like everything else",
          "[overview][json]") {
  RunView run = test::sample_run();
  run.info.config = {{"a", NAN}, {"\xEF\xBF\xBD", "\xEF\xBF\xBD"}, {"big", 18446744073709551615ULL}};
  const json wire = on_the_wire(json_of(run, ConfigShown::yes));
  CHECK(wire["config"]["a"] == "NaN");
  CHECK(wire["config"]["big"] == 18446744073709551615ULL);
  const RunView after = value_of(run_view_from(wire));
  CHECK(after.info.config["\xEF\xBF\xBD"] == "\xEF\xBF\xBD");
}

TEST_CASE("What an older daemon leaves out and a newer one adds does no harm", "[overview][json]") {
  const Overview empty = value_of(overview_from(json::object()));
  CHECK(empty.now == Time{});
  CHECK(empty.runs.empty());
  const Overview newer = value_of(overview_from(json::parse(R"({
      "now": "2026-11-23T02:56:39Z", "moon": "full",
      "runs": [{"name": "a", "state": "levitating", "step": null, "mood": [1]}],
      "alerts": [{"severity": "catastrophic"}], "tasks": [{"verdict": "splendid"}]})")));
  CHECK(newer.now == moment(0));
  CHECK(newer.runs.at(0).info.state == RunState::unknown);
  CHECK(newer.runs.at(0).step == -1);
  CHECK(newer.alerts.at(0).severity == Severity::warning);
  CHECK(newer.tasks.at(0).verdict == ScoreVerdict::none);
}

TEST_CASE("What has the wrong type is an error that names the place", "[overview][json]") {
  const auto complaint = [](const char* text) {
    const auto read = overview_from(json::parse(text));
    REQUIRE_FALSE(read);
    CHECK(read.error().code == ErrorCode::malformed);
    return read.error().what;
  };
  CHECK(complaint("[]") == "overview: an object expected, not array");
  CHECK(complaint(R"({"runs": {}})") == "overview.runs: a list expected, not object");
  CHECK(complaint(R"({"runs": [{}, {"step": "x"}]})") ==
        "overview.runs[1].step: a whole number expected, not string");
  CHECK(complaint(R"({"runs": [{"step": 1.5}]})") ==
        "overview.runs[0].step: a whole number expected, not number");
  CHECK(complaint(R"({"runs_total": -1})") ==
        "overview.runs_total: a whole number from 0 on expected, not number");
  CHECK(complaint(R"({"runs": [{"attempt": 4294967296}]})") ==
        "overview.runs[0].attempt: a whole number from 0 on expected, not number");
  CHECK(complaint(R"({"now": "yesterday"})") == "overview.now: a time as in RFC 3339 expected, not string");
  CHECK(complaint(R"({"runs": [{"loss": [0.1, "a lot"]}]})") ==
        "overview.runs[0].loss[1]: a number expected, not string");
  CHECK(complaint(R"({"daemon": {"once": 1}})") ==
        "overview.daemon.once: true or false expected, not number");
}

TEST_CASE("What remains of a run is told only where it can be known", "[overview]") {
  RunView run = test::sample_run();
  CHECK(run.remaining() == std::chrono::seconds{416});
  run.step = 1000;
  CHECK(run.remaining() == Duration{0});
  run.step = 480;
  run.steps_per_second = 0.0;
  CHECK_FALSE(run.remaining());
  run.steps_per_second = NAN;
  CHECK_FALSE(run.remaining());
  run.steps_per_second = 1e-300;
  CHECK_FALSE(run.remaining());
  run.steps_per_second = 1.0;
  run.total_steps = 0;
  CHECK_FALSE(run.remaining());
  run.total_steps = 1000;
  run.info.state = RunState::finished;
  CHECK_FALSE(run.remaining());
}

}  // namespace
}  // namespace redflag::daemon
