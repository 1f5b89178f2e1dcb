// `redflag flags show`: why an alert fired, for a person who has to decide what to do about it.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>

#include <fmt/format.h>
#include <unistd.h>

#include "alerts/sparkline.h"
#include "alerts/text/escape.h"
#include "alerts/text/words.h"
#include "daemon/app/settings.h"
#include "daemon/cli/curve.h"
#include "daemon/cli/daemon_client.h"
#include "daemon/cli/fact_list.h"
#include "daemon/cli/flag_list.h"
#include "daemon/cli/flags.h"
#include "daemon/cli/rules_shared.h"
#include "daemon/config/config_loader.h"
#include "daemon/net/url.h"
#include "daemon/overview/overview_json.h"

namespace redflag::daemon {
namespace {

using nlohmann::json;

constexpr std::size_t kMostCurves = 3;
constexpr std::size_t kMostOthers = 12;
constexpr Duration kAtThatTime = std::chrono::minutes{10};  // before it began and after it ended
constexpr std::int64_t kLeastSteps = 50;                    // on either side of the moment

struct Drawing {
  std::string metric;
  std::vector<CurvePoint> points;
  bool with_steps = true;  ///< false: the alert's own evidence, newest values without their steps
};

/// The steps around the moment: a quarter of the way before it, and as long after it as the flag has lasted.
struct Range {
  std::int64_t from = 0;
  std::int64_t to = 0;
};

Range around(const AlertLine& flag) {
  const std::int64_t begun = flag.since_step >= 0 ? flag.since_step : flag.step;
  const std::int64_t margin = std::max({kLeastSteps, begun / 4, flag.step - begun});
  return {std::max<std::int64_t>(begun - margin, 0), std::max(begun, flag.step) + margin};
}

std::vector<std::string> metrics_of(const json& alert) {
  std::vector<std::string> metrics;
  for (const json& one : alert.value("evidence", json::array())) {
    const std::string metric = one.is_object() ? text_in(one, "metric") : "";
    if (!metric.empty() && metrics.size() < kMostCurves) metrics.push_back(metric);
  }
  return metrics;
}

/// From the daemon, where it can tell the curve; an older one cannot.
std::vector<Drawing> asked(DaemonClient& daemon, const AlertLine& flag,
                           const std::vector<std::string>& metrics) {
  std::vector<Drawing> drawings;
  if (flag.run.empty() || flag.step < 0 || metrics.empty()) return drawings;
  const Range range = around(flag);
  std::string target = fmt::format("/v1/runs/{}/curves?points=500&from={}&to={}", percent_encode(flag.run),
                                   range.from, range.to);
  for (const std::string& metric : metrics) target += "&metric=" + percent_encode(metric);
  const Result<json> answer = daemon.get(target);
  if (!answer) return drawings;
  const Result<std::vector<Curve>> curves = curves_from(answer->value("curves", json::array()));
  if (!curves) return drawings;
  for (const Curve& curve : *curves) {
    Drawing drawing{curve.metric, {}, true};
    for (const CurvePoint& point : curve.points) drawing.points.push_back(point);
    if (drawing.points.size() > 1) drawings.push_back(std::move(drawing));
  }
  return drawings;
}

/// What the alert itself carries: its last 32 values at most.
std::vector<Drawing> own_evidence(const json& alert) {
  std::vector<Drawing> drawings;
  for (const json& one : alert.value("evidence", json::array())) {
    if (!one.is_object() || drawings.size() == kMostCurves) continue;
    Drawing drawing{text_in(one, "metric"), {}, false};
    for (const json& value : one.value("recent", json::array()))
      drawing.points.push_back({static_cast<std::int64_t>(drawing.points.size()) + 1, number_of(value)});
    if (drawing.points.size() > 1) drawings.push_back(std::move(drawing));
  }
  return drawings;
}

/// Without UTF-8 there are no braille dots: a line of characters then.
std::string drawn(const Drawing& drawing, const std::vector<CurveMark>& marks, const Look& look) {
  const std::string title =
      drawing.metric +
      (drawing.with_steps ? " around that step" : ": the last values when it fired (rows, not steps)");
  // Ten lines for a limit or a horizon that never changed would push the rest off the screen.
  const double first = drawing.points.front().value;
  if (!drawing.with_steps && std::isfinite(first) &&
      std::all_of(drawing.points.begin(), drawing.points.end(),
                  [&](const CurvePoint& point) { return point.value == first; }))
    return folded(fmt::format("{}: {} in each of the last {} rows when it fired", drawing.metric,
                              alerts::number_words(first), drawing.points.size()),
                  2, look.width) +
           '\n';
  if (look.unicode) {
    CurveOptions options;
    options.width = std::min<std::size_t>(look.width, 80);
    options.color = look.color;
    if (!drawing.with_steps) options.along = "row";
    return draw_curve(title, drawing.points, drawing.with_steps ? marks : std::vector<CurveMark>{}, options);
  }
  std::vector<double> values;
  for (const CurvePoint& point : drawing.points) values.push_back(point.value);
  std::string text =
      "  " + folded(title, 2, look.width) + "\n  " +
      alerts::sparkline(values, alerts::SparklineStyle::ascii, std::min<std::size_t>(look.width - 4, 64)) +
      '\n';
  const auto finite = [](double value) { return std::isfinite(value); };
  if (std::none_of(values.begin(), values.end(), finite)) return text;
  std::erase_if(values, [&](double value) { return !finite(value); });
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return text +
         fmt::format("  lowest {}, highest {}\n", alerts::number_words(*low), alerts::number_words(*high));
}

/// Alerts of the same run (or the same subject) that held at the time of this one.
std::vector<AlertLine> others_at_that_time(const json& all, const json& alert, const AlertLine& flag,
                                           Time now) {
  const auto ends = [&](const json& one) {
    const Time ended = time_in(one, "ended_at");
    return ended == Time{} ? now : ended;
  };
  const std::string subject = text_in(alert, "subject");
  std::vector<AlertLine> others;
  for (const json& one : all.value("alerts", json::array())) {
    if (!one.is_object()) continue;
    AlertLine other = flag_of(one);
    if (const std::string message = text_in(one, "message"); !message.empty()) other.message = message;
    const bool same = flag.run.empty() ? text_in(one, "subject") == subject : other.run == flag.run;
    if (!same || other.id == flag.id) continue;
    if (other.since > ends(alert) + kAtThatTime || ends(one) + kAtThatTime < flag.since) continue;
    others.push_back(std::move(other));
  }
  std::stable_sort(others.begin(), others.end(),
                   [](const AlertLine& a, const AlertLine& b) { return a.since < b.since; });
  return others;
}

void print_others(const std::vector<AlertLine>& others, const Look& look) {
  if (others.empty()) return;
  fmt::print("\nalso on it at that time:\n");
  for (std::size_t i = 0; i < std::min(others.size(), kMostOthers); ++i) {
    const AlertLine& other = others[i];
    const std::string step =
        other.since_step >= 0 ? fmt::format("step {}, ", other.since_step) : std::string();
    fmt::print("  {}\n",
               folded(fmt::format("{}{} {} {}: {} (id {})", step, other.state, to_string(other.severity),
                                  other.rule, other.message, other.id.substr(0, 8)),
                      4, look.width));
  }
  if (others.size() > kMostOthers) fmt::print("  and {} more\n", others.size() - kMostOthers);
}

/// The rules that the daemon runs, as far as this user may read them; those that ship otherwise.
std::shared_ptr<const RuleSet> rules_in_force(const Arguments& arguments) {
  LoadOptions options;
  options.env = process_environment();
  options.root = ::geteuid() == 0;
  if (arguments.has("config")) options.path = arguments.value("config");
  const ConfigResult parsed = load_config(options);
  const MetricNames names = parsed ? metric_names(parsed->config) : MetricNames();
  const Result<std::vector<RuleSource>> sources =
      rule_sources(parsed ? rule_files(parsed->config) : RuleFiles{shipped_pack_names(), {}, {}});
  if (!sources) return nullptr;
  Diagnostics mistakes;
  return RuleSet::load(*sources, rule_options(names), mistakes);
}

void print_rule(const Arguments& arguments, const json& alert, const Look& look) {
  const std::string name = text_in(alert, "rule");
  const auto rules = rules_in_force(arguments);
  const RuleInfo* rule = rules ? rules->find(name) : nullptr;
  fmt::print("\n{}", folded(fmt::format("rule {} ({})", name, text_in(alert, "pack")), 0, look.width) + '\n');
  if (rule == nullptr) {
    fmt::print("  {}\n",
               folded("its text is not in the rules that this command may read (--config names the daemon's)",
                      2, look.width));
    return;
  }
  if (!rule->why.empty()) fmt::print("  {}\n", folded(rule->why, 2, look.width));
  print_conditions(*rule);
}

}  // namespace

const CommandSpec& flags_show_spec() {
  static const CommandSpec kSpec{
      "flags show", "ID", "The evidence of one red flag: curve, condition, what else fired, what to try.",
      std::string("ID is the alert's id, or a beginning of it that no other has. `redflag alerts\n"
                  "show` tells its record: who was told when, who acknowledged it.\n\n") +
          kDaemonExitCodes + "\n\nexamples:\n  redflag flags show 9f3c0a4b",
      with_daemon_options({})};
  return kSpec;
}

int flags_show_command(const std::vector<std::string>& words) {
  const CommandSpec& spec = flags_show_spec();
  const Result<Arguments> arguments = Arguments::parse(spec, words);
  if (const std::optional<int> code = usage_answer("redflag", spec, arguments)) return *code;
  if (arguments->operands().size() != 1 || arguments->operands()[0].empty()) {
    fmt::print(stderr, "redflag flags show: name one red flag by its id; `redflag flags` lists them\n");
    return kWrongUsage;
  }
  DaemonClient daemon("redflag flags show", *arguments);
  const auto answer = daemon.ask("GET", "/v1/alerts/" + percent_encode(arguments->operands()[0]));
  if (!answer) return answer.error();
  const json alert = answer->value("alert", json::object());
  const Time now = time_in(*answer, "now");
  const AlertLine flag = flag_of(alert);
  const json all = daemon.get("/v1/alerts?limit=100000").value_or(json::object());
  const std::vector<AlertLine> others = others_at_that_time(all, alert, flag, now);
  if (arguments->has("json")) {
    nlohmann::ordered_json also = nlohmann::ordered_json::array();
    for (const AlertLine& other : others) also.push_back(json_of(other));
    fmt::print(
        "{}\n",
        nlohmann::ordered_json{{"now", to_rfc3339(now)}, {"alert", alert}, {"also", std::move(also)}}.dump(
            2, ' ', true, nlohmann::ordered_json::error_handler_t::replace));
    return 0;
  }
  const Look look = Look::of_stdout();
  FactList facts(look);
  facts.add("what", text_in(alert, "message"));
  facts.add("do", text_in(alert, "hint"));
  facts.add("run", run_words(alert));
  facts.add("page", text_in(alert, "url"));
  if (text_in(alert, "subject") != text_in(alert, "run_key"))
    facts.add(text_in(alert, "subject_kind"), text_in(alert, "subject"));
  facts.add("value", value_text(alert));
  facts.add("step", step_text(alert));
  facts.add_time("since", time_in(alert, "since"), now);
  facts.add_time("ended", time_in(alert, "ended_at"), now);
  facts.add("why it ended", text_in(alert, "reason"));
  facts.add("id", flag.id);
  fmt::print("{}{}", alert_headline(alert, look), facts.take());

  std::vector<CurveMark> marks{
      {flag.since_step >= 0 ? flag.since_step : flag.step, flag.rule, '!', flag.severity}};
  for (const AlertLine& other : others) {
    if (marks.size() < kMostOthers) marks.push_back({other.since_step, other.rule, '\'', other.severity});
  }
  const std::vector<std::string> metrics = metrics_of(alert);
  std::vector<Drawing> drawings = asked(daemon, flag, metrics);
  if (drawings.empty()) drawings = own_evidence(alert);
  for (const Drawing& drawing : drawings) fmt::print("\n{}", drawn(drawing, marks, look));
  print_rule(*arguments, alert, look);
  print_others(others, look);
  return 0;
}

}  // namespace redflag::daemon
