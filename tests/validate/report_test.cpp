// The report as a file: safe whatever things are called, bounded, readable without script or network, and its
// charts with words and tables behind them.
#include <cmath>
#include <regex>
#include <set>

#include <nlohmann/json.hpp>

#include "daemon/validate/report/charts.h"
#include "daemon/validate/report/html.h"
#include "daemon/validate/report/report_html.h"
#include "daemon/validate/report/report_json.h"
#include "daemon/validate/report/style.h"
#include "daemon/validate/report/svg.h"
#include "tests/alerts/builders.h"
#include "tests/support/catch.h"
#include "tests/validate/healthy.h"

using namespace redflag::daemon;
using namespace redflag::daemon::test;
using namespace redflag::daemon::validate;

namespace {

std::string report(const redflag::daemon::Evidence& evidence) {
  return report_html(evidence, judge(evidence));
}

/// Elements of HTML opened and closed as they should be, and none but those that the report is made of.
void check_well_formed(const std::string& page) {
  static const std::set<std::string> kKnown{
      "html",   "head",       "meta",    "title",   "style", "body",    "main",   "h1",    "h2",
      "h3",     "p",          "ul",      "li",      "b",     "span",    "div",    "a",     "section",
      "figure", "figcaption", "details", "summary", "table", "caption", "thead",  "tbody", "tr",
      "th",     "td",         "svg",     "desc",    "line",  "rect",    "circle", "path",  "text"};
  static const std::set<std::string> kVoid{"meta", "line", "rect"};
  std::vector<std::string> open;
  // Text and attributes hold no bare '<' or '>': every '<' begins a tag, every '>' ends it.
  const std::size_t style_begin = page.find("<style>");
  const std::size_t style_end = page.find("</style>");
  REQUIRE(style_begin < style_end);
  std::string rest = page.substr(0, style_begin + 7) + page.substr(style_end);
  rest.erase(0, rest.find("<html"));
  for (std::size_t at = rest.find('<'); at != std::string::npos; at = rest.find('<', at + 1)) {
    const std::size_t end = rest.find_first_of("<>", at + 1);
    REQUIRE(end != std::string::npos);
    REQUIRE(rest[end] == '>');
    const bool closing = rest[at + 1] == '/';
    const std::size_t name_at = at + (closing ? 2 : 1);
    const std::string name = rest.substr(name_at, rest.find_first_of(" />", name_at) - name_at);
    INFO(rest.substr(at, 120));
    REQUIRE(kKnown.contains(name));
    if (closing) {
      REQUIRE_FALSE(open.empty());
      REQUIRE(open.back() == name);
      open.pop_back();
    } else if (rest[end - 1] != '/' && !kVoid.contains(name)) {
      // An event handler or a style of its own would be refused by the browser, and none is there.
      const std::string tag = rest.substr(at, end - at);
      REQUIRE(tag.find(" on") == std::string::npos);
      REQUIRE(tag.find(" style=") == std::string::npos);
      open.push_back(name);
    }
  }
  CHECK(open.empty());
}

void name_everything(redflag::daemon::Evidence& evidence, const std::string& name) {
  for (RunView& run : evidence.overview.runs) run.info.name = run.info.project = run.info.url = name;
  for (AlertLine& alert : evidence.overview.alerts)
    alert.about = alert.message = alert.hint = alert.rule = alert.muted_by = name;
  for (SourceView& source : evidence.overview.sources) source.key = source.trouble = name;
  for (SubjectFacts& facts : evidence.facts) {
    for (auto& [key, value] : facts.attributes) {
      if (key == "name" || key == "detail" || key == "method") value = name;
      if (key == "verdict") value = std::string("damaged");
      if (key == "drift_layer") value = name;
    }
  }
  for (ResultsView& view : evidence.overview.results) {
    view.degraded = name;
    for (auto* list : {&view.representations, &view.checkpoints}) {
      for (SeriesView& series : *list) {
        series.method = name;
        for (StepCell& cell : series.cells) cell.detail = name, cell.state = StepCell::State::bad;
      }
    }
  }
  for (RunEvidence& run : evidence.runs) {
    for (Curve& curve : run.curves) curve.points.back().value = std::nan("");
  }
  evidence.contents_checked = false;
  evidence.contents_reason = evidence.forward_reason = name;
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t out = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + what.size()))
    ++out;
  return out;
}

}  // namespace

TEST_CASE("a report is one whole page that asks for nothing from outside", "[validate]") {
  for (const redflag::daemon::Evidence& evidence :
       {healthy_evidence(), troubled_evidence(), redflag::daemon::Evidence{}}) {
    const std::string page = report(evidence);
    check_well_formed(page);
    CHECK(page.starts_with("<!doctype html>"));
    for (const char* outside :
         {"http://", "https://", "url(", "@import", "<script", "<img", "<iframe", "javascript:"})
      CHECK(page.find(outside) == std::string::npos);
    CHECK_THAT(page, ContainsSubstring("default-src 'none'; style-src 'sha256-"));
    CHECK_THAT(page, ContainsSubstring("prefers-color-scheme:dark"));
    CHECK_THAT(page, ContainsSubstring("@media print"));
    CHECK(count(page, "class=\"badge") == 24);
  }
}

TEST_CASE("names with markup in them are inert text", "[validate]") {
  for (const std::string& name : redflag::alerts::test::hostile_names()) {
    redflag::daemon::Evidence evidence = troubled_evidence();
    name_everything(evidence, name);
    const std::string page = report(evidence);
    INFO(name.substr(0, 60));
    check_well_formed(page);
    CHECK(page.size() < 2'000'000);
    CHECK(page.find("<script") == std::string::npos);
    CHECK(page.find('\x1b') == std::string::npos);
    CHECK(page.find("\xE2\x80\xAE") == std::string::npos);
    // What is JSON stays JSON.
    CHECK_NOTHROW(nlohmann::json::parse(json_of(judge(evidence)).dump()));
  }
}

TEST_CASE("escaping leaves no way out of text or attribute", "[validate]") {
  CHECK(escaped("<b onclick='x'>\"&\"</b>") == "&lt;b onclick=&#39;x&#39;&gt;&quot;&amp;&quot;&lt;/b&gt;");
  CHECK(escaped("a\nb\x1b[31m") == "a\\nb\\u{1b}[31m");
  CHECK(escaped(std::string(5000, '&'), 10).size() < 60);
}

TEST_CASE("every chart has a title, a description and its figures as a table", "[validate]") {
  const std::string page = report(troubled_evidence());
  const std::size_t charts = count(page, "<svg ");
  CHECK(charts > 20);
  CHECK(count(page, "role=\"img\"") == charts);
  CHECK(count(page, "<desc ") == charts);
  CHECK(count(page, "As a table") == charts);
  // No id twice, and each label finds its text.
  std::set<std::string> ids;
  const std::regex id("id=\"([^\"]+)\"");
  for (auto at = std::sregex_iterator(page.begin(), page.end(), id); at != std::sregex_iterator(); ++at)
    CHECK(ids.insert((*at)[1]).second);
  const std::regex label("aria-labelledby=\"([^ \"]+) ([^ \"]+)\"");
  for (auto at = std::sregex_iterator(page.begin(), page.end(), label); at != std::sregex_iterator(); ++at) {
    CHECK(ids.contains((*at)[1]));
    CHECK(ids.contains((*at)[2]));
  }
}

TEST_CASE("what failed stands at the top, with what to do, and the curve's flagged points are marked",
          "[validate]") {
  const std::string page = report(troubled_evidence());
  CHECK(page.find("What fails:") < page.find("<h2>Training progress"));
  CHECK_THAT(page, ContainsSubstring("train_loss is not a number at step 290"));
  CHECK_THAT(page, ContainsSubstring("<title>step 230: loss-diverged"));
  CHECK_THAT(page, ContainsSubstring("step 200: missing"));
  CHECK_THAT(page, ContainsSubstring("1,204 bytes of 4,194,304"));
}

TEST_CASE("the report of a very large project stays small", "[validate]") {
  redflag::daemon::Evidence evidence = healthy_evidence();
  const RunView run = run_named(evidence, "full_ft_mrpc_seed42");
  RunEvidence curves = curves_of(evidence, "full_ft_mrpc_seed42");
  Curve& loss = curves.curves.back();
  loss.points.clear();
  for (int i = 0; i < 20'000; ++i) loss.points.push_back({i, 1.0 + std::sin(i * 0.7), {}});
  for (int i = 0; i < 300; ++i) {
    RunView copy = run;
    copy.info.key = curves.key = run_key("copy" + std::to_string(i));
    copy.info.name = "copy" + std::to_string(i);
    copy.info.seed = i;
    evidence.overview.runs.push_back(copy);
    evidence.runs.push_back(curves);
  }
  SeriesView& series = evidence.overview.results[0].representations[1];
  for (int i = 0; i < 50'000; ++i) series.cells.push_back({i * 100, StepCell::State::ok, {}});
  for (int i = 0; i < 3000; ++i) fire(evidence, "loss-diverged", "copy1");
  const std::string page = report(evidence);
  check_well_formed(page);
  CHECK(page.size() < 3'000'000);
  CHECK_THAT(page, ContainsSubstring("more are not drawn"));
}

TEST_CASE("no spike is thinned away", "[validate]") {
  redflag::daemon::Evidence evidence = healthy_evidence();
  RunEvidence& curves = curves_of(evidence, "full_ft_mrpc_seed42");
  Curve& loss = curves.curves.back();
  loss.points.clear();
  for (int i = 0; i < 10'000; ++i) loss.points.push_back({i, i == 7777 ? 9.0 : 1.0, {}});
  const Figure figure = loss_figure("f", run_named(evidence, "full_ft_mrpc_seed42"), curves, {});
  // The scale reaches to 9 + 5 %, so the spike is drawn near the top (20 of 170).
  const std::regex point("[ML]([0-9.]+) ([0-9.]+)");
  double highest = 1000;
  for (auto at = std::sregex_iterator(figure.svg.begin(), figure.svg.end(), point);
       at != std::sregex_iterator(); ++at)
    highest = std::min(highest, std::stod((*at)[2]));
  CHECK(highest < 30);
}

TEST_CASE("axes hold for any numbers", "[validate]") {
  for (const auto& [low, high] : std::vector<std::pair<double, double>>{{0, 1},
                                                                        {0, 1.7e308},
                                                                        {-1.7e308, 1.7e308},
                                                                        {1, 1 + 1e-15},
                                                                        {1e-300, 2e-300},
                                                                        {-5, -4},
                                                                        {0, 123456}}) {
    const Scale scale{low, high, 0, 100};
    const auto found = ticks(scale);
    CHECK_FALSE(found.empty());
    CHECK(found.size() <= 12);
    for (const double tick : found) {
      CHECK(std::isfinite(scale.at(tick)));
      CHECK(scale.at(tick) >= 0);
      CHECK(scale.at(tick) <= 100);
    }
  }
  const Scale logarithmic{1e-6, 10, 0, 100, true};
  CHECK(ticks(logarithmic).size() >= 3);
  CHECK(logarithmic.at(-1) == 0);
  CHECK(std::isfinite(logarithmic.at(std::nan(""))));
}

TEST_CASE("JSON has every line, what is not known is null", "[validate]") {
  const auto json = nlohmann::json::parse(json_of(judge(troubled_evidence())).dump());
  CHECK(json["lines"].size() == 24);
  CHECK(json["verdict"] == "fail");
  CHECK(json["passed"].get<int>() + json["failed"].get<int>() + json["not_checked"].get<int>() == 24);
  CHECK(json["lines"][1]["id"] == "V2");
  CHECK(json["lines"][1]["verdict"] == "fail");
  CHECK(json["lines"][1]["failures"][0]["about"] == "full_ft_sst2_seed1337");
  CHECK(json["statistics"].size() == 4);
  CHECK(json["statistics"][1]["verdict"] == "too_few");
  CHECK(json["statistics"][1]["p_above"].is_null());
  CHECK(json["comparisons"][0]["p_adjusted"].is_null());
  const auto nothing = nlohmann::json::parse(json_of(judge(redflag::daemon::Evidence{})).dump());
  CHECK(nothing["verdict"] == "not_checked");
  CHECK(nothing["now"].is_null());
}
