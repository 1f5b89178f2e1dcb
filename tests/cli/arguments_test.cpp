#include "daemon/app/arguments.h"

#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::daemon;

namespace {

const CommandSpec kSpec{
    "replay", "FILE…", "Replays.", "Details.", {{"json", "", "as JSON"}, {"rules", "FILE", "a rule file"}}};
const CommandSpec kNoOperands{"demo", "", "Shows.", "", {{"keep", "", "go on"}}};

}  // namespace

TEST_CASE("options, values in both spellings, and operands are told apart", "[arguments]") {
  const auto parsed = Arguments::parse(kSpec, {"a.json", "--json", "--rules=mine.yaml", "--", "--odd-name"});
  REQUIRE(parsed.has_value());
  CHECK(parsed->has("json"));
  CHECK(parsed->value("rules") == "mine.yaml");
  CHECK(parsed->operands() == std::vector<std::string>{"a.json", "--odd-name"});
  CHECK(Arguments::parse(kSpec, {"--rules", "mine.yaml"})->value("rules") == "mine.yaml");
}

TEST_CASE("a mistyped option is answered with the one that was meant", "[arguments]") {
  const auto parsed = Arguments::parse(kSpec, {"--jsn"});
  REQUIRE_FALSE(parsed.has_value());
  CHECK_THAT(parsed.error().text(), ContainsSubstring("did you mean --json?"));
}

TEST_CASE("wrong usage is an error that says what is wrong", "[arguments]") {
  CHECK_THAT(Arguments::parse(kSpec, {"--rules"}).error().text(), ContainsSubstring("--rules FILE"));
  CHECK_THAT(Arguments::parse(kSpec, {"--json=yes"}).error().text(), ContainsSubstring("takes no value"));
  CHECK_THAT(Arguments::parse(kNoOperands, {"extra"}).error().text(),
             ContainsSubstring("unexpected argument \"extra\""));
}

TEST_CASE("numbers out of range are refused with the range", "[arguments]") {
  const auto parsed = Arguments::parse(kSpec, {"--rules", "999"});
  CHECK(parsed->number("rules", 1, 0, 1000) == 999.0);
  CHECK_THAT(parsed->number("rules", 1, 0, 100).error().text(), ContainsSubstring("from 0 to 100"));
  CHECK(parsed->number("json", 7, 0, 100) == 7.0);
}

TEST_CASE("help names every option", "[arguments]") {
  const std::string help = help_text("redflag", kSpec);
  CHECK_THAT(help, ContainsSubstring("usage: redflag replay [OPTIONS] FILE…"));
  CHECK_THAT(help, ContainsSubstring("--rules FILE"));
}

TEST_CASE("the help of an option too long for its column stands below, in line with the others",
          "[arguments]") {
  const CommandSpec spec{
      "setup", "", "Writes.", "", {{"yes", "", "ask nothing"}, {"slack-webhook-file", "FILE", "a file"}}};
  const std::string help = help_text("redflag", spec);
  CHECK_THAT(help, ContainsSubstring("\n  --yes                  ask nothing\n"));
  CHECK_THAT(help, ContainsSubstring("\n  --slack-webhook-file FILE\n                         a file\n"));
}
