// Golden texts: what a person sees who made a mistake in the file.
#include "tests/config/config_helpers.h"
#include "tests/support/catch.h"

using namespace redflag::daemon;
using namespace redflag::daemon::test;

TEST_CASE("A misspelt key is pointed at and the right one named", "[config][diagnostics]") {
  CHECK(complaints("# mine\nwandb:\n  pol_interval: 5s\n") ==
        "redflag.yaml:3:3: error: unknown key \"pol_interval\" in \"wandb\"\n"
        "    3 |   pol_interval: 5s\n"
        "      |   ^~~~~~~~~~~~\n"
        "      = help: did you mean \"poll_interval\"?\n"
        "1 error\n");
}

TEST_CASE("A bare number for a duration is refused with the units to choose from", "[config][diagnostics]") {
  CHECK(complaints("wandb:\n  timeout: 10\n") ==
        "redflag.yaml:2:12: error: wandb.timeout has no unit: \"10\"\n"
        "    2 |   timeout: 10\n"
        "      |            ^~\n"
        "      = help: write \"10s\" for seconds, \"10m\" for minutes or \"10h\" for hours\n"
        "1 error\n");
}

TEST_CASE("A value out of range tells the range", "[config][diagnostics]") {
  CHECK(complaints("wandb: {poll_interval: 500ms}\n") ==
        "redflag.yaml:1:24: error: wandb.poll_interval must be at least 1s, not 500ms\n"
        "    1 | wandb: {poll_interval: 500ms}\n"
        "      |                        ^~~~~\n"
        "      = help: allowed are 1s to 1h\n"
        "1 error\n");
  CHECK_THAT(complaints("wandb:\n  run_page_size: 501\n"), ContainsSubstring("must be at most 500, not 501"));
  CHECK_THAT(complaints("wandb:\n  max_response_size: 2GiB\n"), ContainsSubstring("must be at most 1GiB"));
  CHECK_THAT(complaints("wandb:\n  max_requests_per_second: 0\n"),
             ContainsSubstring("must be at least 0.01"));
}

TEST_CASE("A key given twice names the line of the first", "[config][diagnostics]") {
  CHECK(complaints("log:\n  level: info\n  format: text\n  level: debug\n") ==
        "redflag.yaml:4:3: error: \"level\" is given twice in \"log\"\n"
        "    4 |   level: debug\n"
        "      |   ^~~~~\n"
        "      = help: it is already on line 2; remove one of the two\n"
        "1 error\n");
}

TEST_CASE("Columns count characters, and the caret stands below them", "[config][diagnostics]") {
  CHECK(complaints("alerts:\n  receivers: [{name: größe, type: lgo}]\n") ==
        "redflag.yaml:2:35: error: alerts.receivers[0].type must be slack, slack_bot, webhook, alertmanager, "
        "mail or log, not \"lgo\"\n"
        "    2 |   receivers: [{name: größe, type: lgo}]\n"
        "      |                                   ^~~\n"
        "      = help: did you mean \"log\"?\n"
        "1 error\n");
}

TEST_CASE("A tab in the indentation is found before YAML stumbles over it", "[config][diagnostics]") {
  CHECK(complaints("log:\n\tlevel: info\n") ==
        "redflag.yaml:2:1: error: a tab in the indentation\n"
        "    2 |  level: info\n"
        "      | ^\n"
        "      = help: indent with spaces\n"
        "1 error\n");
}

TEST_CASE("A glob without quotes is explained", "[config][diagnostics]") {
  CHECK(complaints("wandb:\n  runs: {names: [*full]}\n") ==
        "redflag.yaml:2:18: error: \"*\" refers to an anchor (\"&name\") that does not exist\n"
        "    2 |   runs: {names: [*full]}\n"
        "      |                  ^\n"
        "      = help: put a text that begins with * in quotes\n"
        "1 error\n");
}

TEST_CASE("A quote that is never closed is found where it opens", "[config][diagnostics]") {
  CHECK(complaints("wandb:\n  enabled: true\nlog:\n  file: \"/var/log/x\n  level: info\n") ==
        "redflag.yaml:4:9: error: this quote is never closed\n"
        "    4 |   file: \"/var/log/x\n"
        "      |         ^\n"
        "1 error\n");
}

TEST_CASE("Every mistake in the file is reported in one go, in the order of the file",
          "[config][diagnostics]") {
  const ConfigResult result = parse(
      "wandb:\n  enabled: yes\n  timeot: 5s\n"
      "log:\n  level: [debug\n"
      "store:\n\tretention: 3d\n"
      "rules:\n  packs: {a: b}\n"
      "typo: 1\n");
  REQUIRE_FALSE(result);
  std::vector<std::size_t> lines;
  for (const ConfigDiagnostic& diagnostic : result.error().list) lines.push_back(diagnostic.line);
  CHECK(lines == std::vector<std::size_t>{2, 3, 5, 7, 9, 10});
  CHECK_THAT(result.error().text(), ContainsSubstring("6 errors\n"));
}

TEST_CASE("The error type of the project carries the first finding and the number of others",
          "[config][diagnostics]") {
  const ConfigResult result = parse("wandb: {timeot: 5s, enabled: 3}\n");
  REQUIRE_FALSE(result);
  CHECK(result.error().to_error().text() ==
        "reading the configuration: redflag.yaml:1:9: unknown key \"timeot\" in \"wandb\" (and 1 more error) "
        "(did you mean "
        "\"timeout\"?)");
}

TEST_CASE("A key in the wrong section is told where it belongs", "[config][diagnostics]") {
  CHECK_THAT(complaints("poll_interval: 3s\n"), ContainsSubstring("help: that key is wandb.poll_interval"));
  CHECK_THAT(complaints("wandb: {zzzzqq: 3s}\n"), ContainsSubstring("help: the keys are enabled, base_url"));
  CHECK_THAT(complaints("results: /data\n"), ContainsSubstring("help: is it meant as results.roots?"));
}

TEST_CASE("What is not one plain YAML document is refused with its place", "[config][diagnostics]") {
  CHECK_THAT(complaints("log: {level: info}\n---\nlog: {level: info}\n"),
             ContainsSubstring("a second document begins here"));
  CHECK_THAT(complaints("- a\n- b\n"),
             ContainsSubstring("redflag.yaml:1:1: error: the configuration must be a map of sections"));
  CHECK_THAT(complaints("log:\n  level: !!str info\n"),
             ContainsSubstring("redflag.yaml:2:10: error: YAML tags are not used here"));
  CHECK_THAT(complaints("log:\n  <<: {level: info}\n"),
             ContainsSubstring("merge keys (<<) are not understood"));
  CHECK_THAT(complaints("log:\n  ? [a]\n  : b\n"), ContainsSubstring("must be a single word"));
  CHECK_THAT(complaints("log: &x {level: *x}\n"), ContainsSubstring("refers to what it is itself a part of"));
  CHECK_THAT(complaints("log:\n  level: inf\xffo\n"),
             ContainsSubstring("redflag.yaml:2:13: error: this is not UTF-8"));
  CHECK_THAT(complaints("log:\n  level: inf\x04o\n"),
             ContainsSubstring("redflag.yaml:2:13: error: a control character (byte 0x04)"));
  CHECK_THAT(complaints(std::string("log:\n  level: \0info\n", 20)), ContainsSubstring("byte 0x00"));
  CHECK_THAT(complaints("log:\r  level: info\n"), ContainsSubstring("byte 0x0d"));
  CHECK_THAT(complaints("log:\n  file: \"/a\\x07b\"\n"), ContainsSubstring("control character"));
  CHECK_THAT(complaints("log:\n    level: info\n  format: text\n"),
             ContainsSubstring("redflag.yaml:3:3: error: this line's indentation"));
  CHECK_THAT(complaints("log: level: info\n"),
             ContainsSubstring("error: a \"key: value\" cannot begin here"));
  CHECK_THAT(complaints("log:\n  file: @x\n"), ContainsSubstring("a value cannot begin with \"@\""));
  CHECK_THAT(complaints("just words\n"), ContainsSubstring("must be a map of sections"));
}

TEST_CASE("Windows line ends, a byte order mark, anchors and an empty file are fine", "[config]") {
  CHECK(accepted("\xef\xbb\xbflog:\r\n  level: debug\r\n").log.level == LogThreshold::debug);
  const Config config = accepted(
      "wandb:\n  runs: &mine {tags: [a]}\n  projects:\n    - {entity: e, project: p, runs: *mine}\n");
  CHECK(config.wandb.projects.at(0).runs.tags == std::vector<std::string>{"a"});
  CHECK(parse("").has_value());
  CHECK(parse("# nothing\n").has_value());
  CHECK(parse("---\n").has_value());
  CHECK(parse("wandb:\nlog:\n").has_value());
}

TEST_CASE("Deep, large and exploding files are refused without harm", "[config][hostile]") {
  std::string deep;
  for (int i = 0; i < 50000; ++i) deep += "[";
  CHECK_THAT(complaints("wandb: " + deep), ContainsSubstring("nested more than 24 levels deep"));
  CHECK_THAT(complaints(std::string(300 * 1024, 'x')), ContainsSubstring("larger than 256 KiB"));
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c < 'k'; ++c) {
    const std::string previous = std::string("*") + static_cast<char>(c - 1);
    bomb += std::string(1, c) + ": &" + c + " [" + previous;
    for (int i = 0; i < 9; ++i) bomb += "," + previous;
    bomb += "]\n";
  }
  CHECK_THAT(complaints(bomb), ContainsSubstring("more than 50000 values"));
  std::string many = "log:\n";
  for (int i = 0; i < 5000; ++i) many += "  bad" + std::to_string(i) + ": 1\n";
  const ConfigResult result = parse(many);
  REQUIRE_FALSE(result);
  CHECK(result.error().list.size() == 101);
  CHECK_THAT(result.error().text(), ContainsSubstring("more errors than are shown"));
}

TEST_CASE("A long line is shown around its caret", "[config][diagnostics]") {
  std::string line = "wandb: {runs: {tags: [";
  for (int i = 0; i < 200; ++i) line += "tag" + std::to_string(i) + ", ";
  const ConfigResult result = parse(line + "last]}, timeot: 5s}\n");
  REQUIRE_FALSE(result);
  const ConfigDiagnostic& found = result.error().list.at(0);
  CHECK(found.excerpt.size() < 130);
  CHECK_THAT(found.excerpt, ContainsSubstring("timeot: 5s"));
  const std::size_t bytes_before_caret = found.caret + 2;  // the ellipsis is three bytes for one character
  CHECK(found.excerpt.substr(bytes_before_caret, 6) == "timeot");
}

TEST_CASE("Nothing in the file can steer the terminal", "[config][hostile]") {
  const std::string text = complaints(
      "wandb:\n  \"ti\\e[2Jme\": 5\n  \xe2\x80\xae"
      "abc: 5\n  \xc2\x9b"
      "1m: 5\n");
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.find("\xe2\x80\xae") == std::string::npos);
  CHECK(text.find("\xc2\x9b") == std::string::npos);
  CHECK_THAT(text, ContainsSubstring("\\u{202e}abc"));
}
