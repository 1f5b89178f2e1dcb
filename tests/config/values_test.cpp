// Single values: durations, sizes, paths, lists, maps, receivers.
#include "daemon/config/values.h"

#include "daemon/config/suggest.h"
#include "tests/config/config_helpers.h"
#include "tests/support/catch.h"

using namespace redflag::daemon;
using namespace redflag::daemon::test;
using namespace redflag::daemon::settings;
using namespace std::chrono_literals;

TEST_CASE("Durations are read with their units and written back the same", "[config][values]") {
  CHECK(parse_duration("250ms") == redflag::Duration(250ms));
  CHECK(parse_duration("1h30m") == redflag::Duration(90min));
  CHECK(parse_duration("2w") == redflag::Duration(336h));
  CHECK(parse_duration("0s") == redflag::Duration(0s));
  for (const char* text : {"250ms", "15s", "5m", "1h30m", "10d", "2w", "1d12h", "0s", "1m30s500ms"})
    CHECK(format_duration(*parse_duration(text)) == text);
  for (const char* text : {"", "s", "5", "-5s", "5 s", "1.5h", "5x", "30m1h", "5s5s", "99999999999999999999s",
                           "999999w", "5min", "nan"})
    CHECK_FALSE(parse_duration(text).has_value());
  CHECK(parse_duration("5 minutes").error().help == "write \"5m\"");
  CHECK(parse_duration("20sec").error().help == "write \"20s\"");
}

TEST_CASE("Sizes are read with their units and written back the same", "[config][values]") {
  CHECK(parse_size("64MiB")->bytes == 64U << 20);
  CHECK(parse_size("1GB")->bytes == 1'000'000'000U);
  CHECK(parse_size("512B")->bytes == 512U);
  for (const char* text : {"64MiB", "1GB", "512B", "3KiB", "0B"})
    CHECK(format_size(*parse_size(text)) == text);
  for (const char* text : {"", "MiB", "64", "-1B", "64 MiB", "64mb", "9999999TiB", "1.5GB"})
    CHECK_FALSE(parse_size(text).has_value());
  CHECK(parse_size("64mb").error().help == "write \"64MiB\"");
}

TEST_CASE("Numbers are finite, integers are whole, URLs are clean", "[config][values]") {
  CHECK(parse_number("1e-3") == 0.001);
  for (const char* text : {"nan", "inf", "", "1x", "0x", "1e999"})
    CHECK_FALSE(parse_number(text).has_value());
  for (const char* text : {"1.0", "", "9223372036854775808", "1_000", "++1"})
    CHECK_FALSE(parse_integer(text).has_value());
  CHECK(parse_url("https://wandb.example:8443/prefix/") == "https://wandb.example:8443/prefix");
  CHECK(parse_url("http://[::1]:9000") == "http://[::1]:9000");
  for (const char* text : {"wandb.example", "ftp://x", "https://", "https://a:b@c", "https://x?y",
                           "https://x:0", "https://x:70000", "https://x y", "https://[::1", "https://a\"b",
                           "://x", "https://x#y", "https://[zz]"})
    CHECK_FALSE(parse_url(text).has_value());
}

TEST_CASE("The nearest name is found, and none when none is near", "[config][values]") {
  CHECK(edit_distance("abc", "acb") == 1);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(nearest("intervall", {"timeout", "poll_interval"}).empty());
  CHECK(nearest("interval", {"timeout", "poll_interval"}) == "poll_interval");
  CHECK(nearest("Poll-Interval", {"timeout", "poll_interval"}) == "poll_interval");
  CHECK(nearest("wran", {"debug", "warning"}) == "warning");
  CHECK(nearest("zzz", {"debug", "warning"}).empty());
  CHECK(nearest(std::string(10000, 'a'), {"debug"}).empty());
}

TEST_CASE("Paths are made absolute: ~ by HOME, others by the file's directory", "[config][values]") {
  const Config config = accepted("results: {roots: [~/a, b/../c, /d//e/]}\nrules: {directory: rules.d}\n");
  CHECK(config.results.roots.at(0).path == "/home/someone/a");
  CHECK(config.results.roots.at(1).path == "/etc/redflag/c");
  CHECK(config.results.roots.at(2).path == "/d/e");
  CHECK(config.rules.directory == "/etc/redflag/rules.d");
  CHECK_THAT(complaints("results: {roots: [~other/a]}\n"), ContainsSubstring("write the whole path"));
  CHECK_THAT(complaints("results: {roots: [a, ./a]}\n"),
             ContainsSubstring("same directory as results.roots[0]"));
  CHECK_THAT(complaints("log: {file: \"\"}\n"), ContainsSubstring("must not be empty"));
  CHECK(accepted("log: {file: journal}\n").log.file == "journal");
}

TEST_CASE("Projects are written short or long, and their own filter takes the place of the common one",
          "[config][values]") {
  const Config config = accepted(
      "wandb:\n  runs: {tags: [t]}\n  projects:\n    - team/one\n    - {entity: team, project: two, runs: "
      "{names: [\"full_*\"]}}\n");
  REQUIRE(config.wandb.projects.size() == 2);
  CHECK(config.wandb.projects[0].runs.tags == std::vector<std::string>{"t"});
  CHECK(config.wandb.projects[1].runs.tags.empty());
  CHECK(config.wandb.projects[1].runs.names == std::vector<std::string>{"full_*"});
  CHECK(accepted("wandb: {projects: team/one}\n").wandb.projects.at(0).project == "one");
  CHECK_THAT(complaints("wandb: {projects: [team/one/two]}\n"), ContainsSubstring("must not have any of"));
  CHECK_THAT(complaints("wandb: {projects: [one]}\n"), ContainsSubstring("lacks its entity"));
  CHECK_THAT(complaints("wandb: {projects: [a/b, a/b]}\n"),
             ContainsSubstring("same project as wandb.projects[0]"));
  CHECK_FALSE(complaints("wandb: {projects: [/b]}\n").empty());
  CHECK_FALSE(complaints("wandb: {projects: [a/]}\n").empty());
}

TEST_CASE("A filter on the config keeps the type of each value", "[config][values]") {
  const Config config =
      accepted("wandb: {runs: {config: {seed: 42, name: \"42\", lr: 2e-5, lora: false}}}\n");
  const ConfigScalarMap& map = config.wandb.runs.config;
  CHECK(map.at(0).second == ConfigScalar(std::int64_t{42}));
  CHECK(map.at(1).second == ConfigScalar(std::string("42")));
  CHECK(map.at(2).second == ConfigScalar(2e-5));
  CHECK(map.at(3).second == ConfigScalar(false));
  CHECK_THAT(complaints("wandb: {runs: {config: {a: [1]}}}\n"),
             ContainsSubstring("wandb.runs.config.a must be a single value, not a list"));
}

TEST_CASE("Aliases take a name, a list, and a scale", "[config][values]") {
  const Config config = accepted(
      "metrics:\n  aliases:\n    train_loss: my/loss\n    accuracy: [acc, {name: acc_percent, scale: "
      "0.01}]\n");
  CHECK(config.metrics.aliases.at(0).second.at(0) == MetricAliasConfig{"my/loss", 1.0});
  CHECK(config.metrics.aliases.at(1).second.at(1) == MetricAliasConfig{"acc_percent", 0.01});
  CHECK_THAT(complaints("metrics: {aliases: {a: [x], b: [x]}}\n"),
             ContainsSubstring("\"x\" is already an alias"));
  CHECK_THAT(complaints("metrics: {aliases: {a: [{name: x, scale: 0}]}}\n"),
             ContainsSubstring("must not be 0"));
  CHECK_THAT(complaints("metrics: {aliases: {a: [{nmae: x}]}}\n"),
             ContainsSubstring("did you mean \"name\"?"));
  CHECK_THAT(complaints("metrics: {aliases: {a: [{scale: 2}]}}\n"), ContainsSubstring("lacks its name"));
  CHECK_THAT(complaints("metrics: {aliases: {a: [{name: x, scale: nan}]}}\n"),
             ContainsSubstring("must be a number"));
  CHECK_THAT(complaints("metrics: {aliases: {a: }}\n"), ContainsSubstring("must have 1 to"));
}

TEST_CASE("Receivers are named, typed, and hold only what their type knows", "[config][values]") {
  const Config config =
      accepted("alerts: {receivers: [{type: slack, min_severity: critical}, {type: log, name: lines}]}\n");
  CHECK(config.alerts.receivers.at(0).name == "slack");
  CHECK(config.alerts.receivers.at(0).min_severity == redflag::Severity::critical);
  CHECK(config.alerts.receivers.at(1).min_severity == redflag::Severity::info);
  const Config plain = accepted("alerts: {receivers: [{type: slack}]}\n");
  CHECK(plain.alerts.receivers.at(0).min_severity ==
        redflag::Severity::warning);  // nobody is paged for an info
  CHECK(config.alerts.receivers.at(1).name == "lines");
  CHECK_THAT(complaints("alerts: {receivers: [{type: log}, {type: log}]}\n"),
             ContainsSubstring("same name as alerts.receivers[0]"));
  CHECK_THAT(complaints("alerts: {receivers: [{type: log, webhook_file: /x}]}\n"),
             ContainsSubstring("it belongs to type slack"));
  CHECK_THAT(complaints("alerts: {receivers: [{type: log, mention: \"<!here>\"}]}\n"),
             ContainsSubstring("it belongs to type slack"));
  CHECK_THAT(complaints("alerts: {receivers: [{name: x}]}\n"), ContainsSubstring("lacks its key \"type\""));
  CHECK_THAT(complaints("alerts: {receivers: {type: log}}\n"), ContainsSubstring("put \"- \" before"));
  CHECK(accepted("alerts: {receivers: []}\n").alerts.receivers.empty());
}

TEST_CASE("Settings that contradict each other are refused", "[config][values]") {
  CHECK_THAT(complaints("prometheus: {listen: '0.0.0.0:9736'}\n"),
             ContainsSubstring("other machines could reach it"));
  CHECK_THAT(complaints("prometheus: {listen: 9736}\n"), ContainsSubstring("127.0.0.1:9736"));
  CHECK(accepted("prometheus: {listen: '[::1]:9736'}\n").prometheus.listen == "[::1]:9736");
  CHECK(accepted("").prometheus.listen == "none");
  CHECK_THAT(complaints("results: {settle: 5m}\n"),
             ContainsSubstring("must not be shorter than results.settle"));
}

TEST_CASE("A configuration that watches nothing says so", "[config][values]") {
  CHECK_THAT(parse("")->warnings.text(), ContainsSubstring("there is nothing to watch"));
  CHECK_THAT(parse("results: {roots: [/x]}\n")->warnings.text(),
             ContainsSubstring("no W&B project is named"));
  CHECK(parse("results: {roots: [/x]}\nwandb: {enabled: false}\n")->warnings.text().empty());
}
