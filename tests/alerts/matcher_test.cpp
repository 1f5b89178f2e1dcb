// Matchers and routes: the small language of silences, inhibitions and routes.
#include "alerts/matcher.h"

#include "alerts/route.h"
#include "tests/alerts/builders.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::alerts;
using namespace redflag::alerts::test;
using namespace std::chrono_literals;

namespace {

bool holds(const std::string& text) {
  RunContext run = failed_run();
  run.tags = {"lora", "night"};
  run.project = "ent/proj";
  const auto matcher = parse_matcher(text);
  REQUIRE(matcher.has_value());
  CHECK(*parse_matcher(to_string(*matcher)) == *matcher);
  return matches(*matcher, loss_high(AlertState::firing), run);
}

std::string complaint(const std::string& text) {
  const auto matcher = parse_matcher(text);
  return matcher ? "" : matcher.error().text();
}

Notification of(Severity severity, NotificationKind kind = NotificationKind::fired) {
  Notification n = fired();
  n.kind = kind;
  n.severity = severity;
  n.transitions[0].severity = severity;
  return n;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("matchers match by glob, by order of severity, and by any of the tags", "[matcher]") {
  CHECK(holds("rule=loss-*"));
  CHECK_FALSE(holds("rule!=loss-*"));
  CHECK(holds("rule = loss-too-high"));
  CHECK(holds("rule=\"loss-too-high\""));
  CHECK(holds("run=full_ft_*"));
  CHECK(holds("run=api.wandb.ai/*"));
  CHECK(holds("severity>=warning"));
  CHECK_FALSE(holds("severity<critical"));
  CHECK(holds("severity<=critical"));
  CHECK_FALSE(holds("severity>critical"));
  CHECK(holds("tag=lora"));
  CHECK(holds("tag!=full_finetune"));
  CHECK_FALSE(holds("tag!=night"));
  CHECK(holds("task=sst2"));
  CHECK(holds("seed=999"));
  CHECK(holds("kind=run"));
  CHECK(holds("project=ent/*"));
  CHECK(holds("alert=9f3c*"));
  CHECK(holds("seed!="));
}

TEST_CASE("a matcher with a mistake says what is wrong and what there is", "[matcher]") {
  CHECK_THAT(complaint("loss"), ContainsSubstring("is not LABEL=VALUE"));
  CHECK_THAT(complaint("=x"), ContainsSubstring("is not LABEL=VALUE"));
  CHECK_THAT(complaint(""), ContainsSubstring("is not LABEL=VALUE"));
  CHECK_THAT(complaint("rul=x"), ContainsSubstring("labels are rule, pack"));
  CHECK_THAT(complaint("rule>x"), ContainsSubstring("only severity can be compared"));
  CHECK_THAT(complaint("severity=bad"), ContainsSubstring("info, warning, critical"));
  CHECK_THAT(complaint(std::string(100'000, 'x')), ContainsSubstring("is not LABEL=VALUE"));
}

TEST_CASE("hostile names match nothing by accident, and what is meant is matched", "[matcher][hostile]") {
  for (const std::string& name : hostile_names()) {
    RunContext run = failed_run();
    run.name = name;
    const Matcher exact{"run", Matcher::Op::equal, "full_ft_sst2_seed999_failed"};
    CHECK_FALSE(matches(exact, loss_high(AlertState::firing), run));
    CHECK(matches({{"run", Matcher::Op::equal, "*"}}, loss_high(AlertState::firing), run));
  }
}

TEST_CASE("the first route that matches decides, what no route wants goes to all", "[route]") {
  const Router router({{"log"}, {"slack", Severity::warning}, {"oncall"}},
                      {{{*parse_matcher("severity=critical")}, {"oncall"}, {}, true},
                       {{*parse_matcher("rule=loss-*")}, {"slack"}, {}, false},
                       {{*parse_matcher("severity=info")}, {}, {}, false}});
  CHECK(router.receivers_of(of(Severity::critical)) == Names{"slack", "oncall"});
  CHECK(router.receivers_of(of(Severity::warning)) == Names{"slack"});
  CHECK(router.receivers_of(of(Severity::info)) == Names{});  // slack wants warnings only
  Notification other = of(Severity::info);
  other.transitions[0].rule = "gradient-explosion";
  CHECK(router.receivers_of(other) == Names{});  // nobody, on purpose
  other.severity = other.transitions[0].severity = Severity::warning;
  CHECK(router.receivers_of(other) == Names{"log", "slack", "oncall"});
}

TEST_CASE("a notice goes to all that want its severity, a digest to all", "[route]") {
  const Router router({{"log"}, {"slack", Severity::warning}}, {{{}, {"log"}, {}, false}});
  Notification notice = of(Severity::info, NotificationKind::notice);
  notice.transitions.clear();
  CHECK(router.receivers_of(notice) == Names{"log"});
  notice.severity = Severity::critical;
  CHECK(router.receivers_of(notice) == Names{"log", "slack"});
  notice.kind = NotificationKind::digest;
  notice.severity = Severity::info;
  CHECK(router.receivers_of(notice) == Names{"log", "slack"});
}
