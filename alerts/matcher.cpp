#include "alerts/matcher.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "rules/values/glob.h"

namespace redflag::alerts {
namespace {

constexpr std::array<std::string_view, 13> kLabels{"rule",   "pack",    "severity", "run",   "task",
                                                   "method", "seed",    "project",  "state", "tag",
                                                   "kind",   "subject", "alert"};

constexpr std::string_view kDoing = "reading a matcher";

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

struct OpText {
  std::string_view text;
  Matcher::Op op;
};
// The longer ones first: ">=" begins with ">".
constexpr std::array<OpText, 6> kOps{{{"!=", Matcher::Op::not_equal},
                                      {">=", Matcher::Op::at_least},
                                      {"<=", Matcher::Op::at_most},
                                      {"=", Matcher::Op::equal},
                                      {">", Matcher::Op::above},
                                      {"<", Matcher::Op::below}}};

bool ordered(Matcher::Op op) {
  return op != Matcher::Op::equal && op != Matcher::Op::not_equal;
}

bool compare(Matcher::Op op, Severity left, Severity right) {
  switch (op) {
    case Matcher::Op::equal:
      return left == right;
    case Matcher::Op::not_equal:
      return left != right;
    case Matcher::Op::at_least:
      return left >= right;
    case Matcher::Op::at_most:
      return left <= right;
    case Matcher::Op::above:
      return left > right;
    case Matcher::Op::below:
      return left < right;
  }
  return false;
}

}  // namespace

Result<Matcher> parse_matcher(std::string_view text) {
  const std::string shown(text.substr(0, 200));
  const std::size_t at = text.find_first_of("=!<>");
  const auto found = at == std::string_view::npos
                         ? kOps.end()
                         : std::find_if(kOps.begin(), kOps.end(), [&](const OpText& op) {
                             return text.substr(at).starts_with(op.text);
                           });
  if (found == kOps.end() || at == 0) {
    return fail(ErrorCode::invalid_input, std::string(kDoing),
                fmt::format("\"{}\" is not LABEL=VALUE", shown),
                "for example rule=loss-*, run!=full_ft_*, severity>=warning");
  }
  Matcher matcher;
  matcher.label = trimmed(text.substr(0, at));
  matcher.op = found->op;
  std::string_view value = trimmed(text.substr(at + found->text.size()));
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
    value = value.substr(1, value.size() - 2);
  matcher.value = value;
  if (std::find(kLabels.begin(), kLabels.end(), matcher.label) == kLabels.end()) {
    return fail(ErrorCode::invalid_input, std::string(kDoing),
                fmt::format("there is no label \"{}\"", matcher.label.substr(0, 80)),
                fmt::format("labels are {}", fmt::join(kLabels, ", ")));
  }
  const bool severity = matcher.label == "severity";
  if (ordered(matcher.op) && !severity) {
    return fail(ErrorCode::invalid_input, std::string(kDoing),
                fmt::format("\"{}\": only severity can be compared with {}", shown, found->text),
                "use = or !=");
  }
  if (severity && !severity_from(matcher.value)) {
    return fail(ErrorCode::invalid_input, std::string(kDoing),
                fmt::format("\"{}\": there is no severity \"{}\"", shown, matcher.value),
                "severities are info, warning, critical");
  }
  return matcher;
}

std::string to_string(const Matcher& matcher) {
  std::string_view op = "=";
  for (const OpText& known : kOps) {
    if (known.op == matcher.op) op = known.text;
  }
  return fmt::format("{}{}{}", matcher.label, op, matcher.value);
}

std::vector<std::string> label_values(std::string_view label, const Transition& transition,
                                      const RunContext& run) {
  if (label == "rule") return {transition.rule};
  if (label == "pack") return {transition.pack};
  if (label == "severity") return {std::string(to_string(transition.severity))};
  if (label == "run") return {run.name, transition.run};
  if (label == "task") return {run.task};
  if (label == "method") return {run.method};
  if (label == "seed") return {run.seed};
  if (label == "project") return {run.project};
  if (label == "state") return {run.state};
  if (label == "tag") return run.tags;
  if (label == "kind") return {std::string(to_string(transition.subject.kind))};
  if (label == "subject") return {transition.subject.key};
  if (label == "alert") return {transition.id};
  return {};
}

bool matches(const Matcher& matcher, const Transition& transition, const RunContext& run) {
  if (matcher.label == "severity") {
    const auto wanted = severity_from(matcher.value);
    return wanted && compare(matcher.op, transition.severity, *wanted);
  }
  const std::vector<std::string> values = label_values(matcher.label, transition, run);
  const bool any = std::any_of(values.begin(), values.end(),
                               [&](const std::string& value) { return glob_match(matcher.value, value); });
  return (matcher.op == Matcher::Op::equal) == any;
}

bool matches(const std::vector<Matcher>& matchers, const Transition& transition, const RunContext& run) {
  return std::all_of(matchers.begin(), matchers.end(),
                     [&](const Matcher& matcher) { return matches(matcher, transition, run); });
}

}  // namespace redflag::alerts
