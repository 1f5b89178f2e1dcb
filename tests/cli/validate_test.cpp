// `redflag validate` as a person and as a script meet it: words at 80 and 40 columns, JSON, the report, exit
// codes.
#include <cmath>
#include <filesystem>
#include <sstream>

#include <nlohmann/json.hpp>

#include "alerts/text/utf8.h"
#include "daemon/cli/validate_text.h"
#include "tests/alerts/builders.h"
#include "tests/api/running_api.h"
#include "tests/cli/said.h"
#include "tests/support/catch.h"
#include "tests/validate/healthy.h"

using namespace redflag;
using daemon::Look;
using daemon::test::healthy_evidence;
using daemon::test::troubled_evidence;
using nlohmann::json;
using test::run_redflag;
using test::RunningApi;
using test::Said;

namespace {

Said ask(const RunningApi& api, std::vector<std::string> words) {
  words.insert(words.begin(), "validate");
  words.push_back("--socket=" + api.socket());
  return run_redflag(words);
}

std::string text_of(const daemon::Evidence& evidence, std::size_t width, bool unicode = true,
                    bool color = false) {
  Look look;
  look.width = width;
  look.unicode = unicode;
  look.color = color;
  return checklist_text(daemon::validate::judge(evidence), look);
}

}  // namespace

TEST_CASE("a healthy project: exit code 0, the sum first, then 24 lines", "[validate]") {
  RunningApi api;
  api.views.shown = healthy_evidence();
  const Said said = ask(api, {});
  CHECK(said.code == 0);
  CHECK(said.err.empty());
  CHECK(said.out.starts_with("PASS: all 24 lines were checked and pass."));
  CHECK_THAT(said.out, ContainsSubstring("V24"));
  CHECK(said.out.find('\033') == std::string::npos);
}

TEST_CASE("what fails is told first, with its evidence and what to do: exit code 1", "[validate]") {
  RunningApi api;
  api.views.shown = troubled_evidence();
  const Said said = ask(api, {});
  CHECK(said.code == 1);
  CHECK(said.out.starts_with("FAIL: 12 of 24 lines fail"));
  CHECK_THAT(said.out, ContainsSubstring("fail: V2 V5 V7 V8"));
  CHECK_THAT(said.out, ContainsSubstring("train_loss is not a number"));
  CHECK_THAT(said.out, ContainsSubstring("-> restart from the last good checkpoint"));
  CHECK_THAT(said.out, ContainsSubstring("too few seeds to say: 2 of 3 needed"));
}

TEST_CASE("something not checked and nothing failing: exit code 2", "[validate]") {
  RunningApi api;
  api.views.shown = healthy_evidence();
  api.views.shown.forward_checked = false;
  CHECK(ask(api, {}).code == 2);
  CHECK(ask(api, {"--task", "sst-2"}).code == 2);
}

TEST_CASE("without a daemon nothing is checked, and it is said what to do", "[validate]") {
  const Said said = run_redflag({"validate", "--socket", "/nonexistent/redflag.sock"});
  CHECK(said.code == 2);
  CHECK(said.out.empty());
  CHECK_THAT(said.err, ContainsSubstring("redflagd is not running"));
  CHECK_THAT(said.err, ContainsSubstring("Nothing was checked"));
}

TEST_CASE("wrong usage is exit code 3", "[validate]") {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{{"--nonsense"},
                                                                                     {"--alpha", "2"},
                                                                                     {"--alpha", "nan"},
                                                                                     {"--alpha", "x"},
                                                                                     {"--task", "imdb"},
                                                                                     {"report.html"},
                                                                                     {"--html", ""}}) {
    std::vector<std::string> all{"validate"};
    all.insert(all.end(), words.begin(), words.end());
    const Said said = run_redflag(all);
    INFO(words[0]);
    CHECK(said.code == 3);
    CHECK_FALSE(said.err.empty());
  }
  CHECK(run_redflag({"validate", "--help"}).code == 0);
}

TEST_CASE("--json is one object with all lines", "[validate]") {
  RunningApi api;
  api.views.shown = troubled_evidence();
  const Said said = ask(api, {"--json"});
  CHECK(said.code == 1);
  const json answer = json::parse(said.out);
  CHECK(answer["verdict"] == "fail");
  CHECK(answer["lines"].size() == 24);
}

TEST_CASE("--html writes one file, whole or not at all", "[validate]") {
  RunningApi api;
  api.views.shown = healthy_evidence();
  const test::TempDir dir;
  const std::string path = dir / "report.html";
  const Said said = ask(api, {"--html", path});
  CHECK(said.code == 0);
  CHECK_THAT(said.out, ContainsSubstring("Report: " + path));
  CHECK(test::read_file(path).starts_with("<!doctype html>"));
  CHECK_FALSE(std::filesystem::exists(path + ".new"));
  const Said refused = ask(api, {"--html", "/nonexistent/report.html"});
  CHECK(refused.code == 3);
  CHECK_THAT(refused.err, ContainsSubstring("writing /nonexistent/report.html: No such file or directory"));
}

TEST_CASE("every line fits, at 80 columns and at 40, whatever things are called", "[validate]") {
  std::vector<daemon::Evidence> all{healthy_evidence(), troubled_evidence(), daemon::Evidence{}};
  for (const std::string& name : alerts::test::hostile_names()) {
    all.push_back(troubled_evidence());
    for (auto& run : all.back().overview.runs) run.info.name = run.info.method = name;
    for (auto& alert : all.back().overview.alerts)
      alert.about = alert.message = alert.rule = alert.hint = name;
  }
  for (const daemon::Evidence& evidence : all) {
    for (const std::size_t width : {80u, 40u}) {
      std::istringstream text(text_of(evidence, width));
      for (std::string line; std::getline(text, line);) {
        INFO(width << ": " << line);
        CHECK(alerts::utf16_units(line) <= width);
        CHECK(line.find('\033') == std::string::npos);
        CHECK(line.find('\r') == std::string::npos);
      }
    }
  }
}

TEST_CASE("without UTF-8 our own words are ASCII", "[validate]") {
  for (const char c : text_of(troubled_evidence(), 80, false)) REQUIRE(static_cast<unsigned char>(c) < 0x80);
}

TEST_CASE("colour only says what the words say, too", "[validate]") {
  std::string colored = text_of(troubled_evidence(), 80, true, true);
  CHECK(colored.find("\033[1;31mFAIL") != std::string::npos);
  for (std::size_t at = colored.find('\033'); at != std::string::npos; at = colored.find('\033'))
    colored.erase(at, colored.find('m', at) - at + 1);
  CHECK(colored == text_of(troubled_evidence(), 80));
}
