// A restart in the middle changes nothing: the windows are rebuilt from the kept observations, the rules'
// states from theirs.
#include <map>
#include <random>

#include "tests/rules/support.h"

using namespace redflag_test;

namespace {

const char* const kPack = R"(
rules:
- {rule: a, severity: warning, when: loss > 5, for: 3 points, resolve: 'max(loss[5 points]) < 5', message: '{loss} {mean(loss[7 points])}'}
- rule: b
  after: 10 points
  levels:
  - {severity: warning, when: 'mean(loss[2m]) > 4'}
  - {severity: critical, when: 'slope(loss[100 steps]) > 0 and loss > 6', for: 1m}
- {rule: c, severity: warning, when: age(loss) > 2m}
- {rule: d, severity: warning, when: min(loss) < 1 and loss > 3, for: 50 steps}
- {rule: e, severity: critical, when: 'state in ("failed", "crashed")'}
- {rule: f, severity: info, when: 'nonfinite(loss[4 points])', match: {name: 'full*'}}
)";

using Input = std::variant<Observation, Watermark>;

std::vector<Input> random_history(std::mt19937& random) {
  const auto chance = [&](double p) { return std::uniform_real_distribution<>(0, 1)(random) < p; };
  const auto whole = [&](int low, int high) { return std::uniform_int_distribution<>(low, high)(random); };
  std::vector<Input> history;
  std::int64_t step = 0;
  std::uint32_t attempt = 1;
  double seconds = 0;
  std::int64_t seq = 0;
  for (int i = 0; i < 80; ++i) {
    step += whole(1, 20);
    seconds += chance(0.1) ? whole(0, 300) : whole(1, 20);
    if (chance(0.05)) {
      history.emplace_back(
          facts({{"state", text(chance(0.5) ? "failed" : "running")}, {"ended", chance(0.5)}}, seconds));
    } else if (chance(0.05)) {
      history.emplace_back(facts({{"name", text(chance(0.5) ? "full_ft" : "lora")}}, seconds));
    } else if (chance(0.15)) {
      history.emplace_back(Watermark{kRun, at(seconds)});
    } else {
      if (chance(0.03)) {
        ++attempt;
        step = std::max<std::int64_t>(0, step - 100);
      }
      Observation observation = row(step, {{"loss", std::normal_distribution<>(4, 3)(random)}}, seconds);
      if (chance(0.05)) observation.samples[0].value = std::numeric_limits<double>::quiet_NaN();
      observation.attempt = attempt;
      observation.seq = ++seq;
      history.emplace_back(observation);
    }
  }
  return history;
}

void feed(Engine& engine, const Input& input, std::vector<Transition>& out) {
  if (const auto* observation = std::get_if<Observation>(&input)) engine.apply(*observation, out);
  if (const auto* mark = std::get_if<Watermark>(&input)) engine.advance(*mark, out);
}

std::string shown(const std::vector<Transition>& list) {
  std::string text;
  for (const Transition& t : list) {
    text += t.id + " " + t.rule + " " + std::string(to_string(t.severity)) + " " +
            std::string(to_string(t.from)) + ">" + std::string(to_string(t.to)) + " " + to_rfc3339(t.time) +
            " " + std::to_string(t.step) + " " + to_rfc3339(t.since) + " " + std::to_string(t.since_step) +
            " " + std::to_string(t.attempt) + " " + (t.value ? std::to_string(*t.value) : "-") + " " +
            t.comparison + " " + t.message + " " + t.reason + " ";
    for (const Evidence& evidence : t.evidence) {
      for (const double value : evidence.recent) text += std::to_string(value) + ",";
    }
    text += "\n";
  }
  return text;
}

/// What a store does: the last record of each instance, inactive ones dropped.
struct Kept {
  std::map<std::pair<std::string, Subject>, RuleInstance> records;
  void take(Engine& engine) {
    for (RuleInstance& instance : engine.take_changed_instances()) {
      const auto key = std::pair{instance.rule, instance.subject};
      if (instance.state == AlertState::inactive) {
        records.erase(key);
      } else {
        records.insert_or_assign(key, std::move(instance));
      }
    }
  }
};

}  // namespace

TEST_CASE("a restart at any place of a random history gives byte-identical transitions",
          "[rules][restore][property]") {
  const auto rules = rules_from(kPack);
  std::mt19937 random(7);
  std::size_t transitions = 0;
  for (int round = 0; round < 400; ++round) {
    const auto history = random_history(random);
    std::vector<Transition> straight;
    Engine whole(rules);
    for (const Input& input : history) feed(whole, input, straight);

    std::vector<Transition> broken;
    Kept kept;
    auto engine = std::make_unique<Engine>(rules);
    for (std::size_t i = 0; i < history.size(); ++i) {
      if (std::uniform_int_distribution<>(0, 15)(random) == 0) {
        engine = std::make_unique<Engine>(rules);
        for (std::size_t k = 0; k < i; ++k) {
          if (const auto* observation = std::get_if<Observation>(&history[k])) engine->rebuild(*observation);
          if (const auto* mark = std::get_if<Watermark>(&history[k])) engine->rebuild(*mark);
        }
        for (const auto& [key, record] : kept.records) engine->restore(record, broken);
      }
      feed(*engine, history[i], broken);
      kept.take(*engine);
    }
    INFO("round " << round);
    REQUIRE(shown(broken) == shown(straight));
    transitions += straight.size();
  }
  CHECK(transitions > 4000);  // the histories do exercise the rules
}

TEST_CASE("an alert whose rule was removed closes at the restart", "[rules][restore]") {
  Bench before(one_rule("when: loss > 5"));
  before.apply(row(1, {{"loss", 9}}));
  const auto kept = before.engine.take_changed_instances();
  REQUIRE(kept.size() == 1);
  CHECK(before.engine.take_changed_instances().empty());

  Engine after(rules_from("rules:\n- {rule: other, severity: info, when: loss > 100}\n"));
  std::vector<Transition> out;
  after.rebuild(row(1, {{"loss", 9}}));
  after.restore(kept[0], out);
  REQUIRE(Bench::brief(out) == Lines{"r: firing->closed warning"});
  CHECK(out[0].id == before.all[0].id);
  CHECK(out[0].reason == "the rule was removed");
  const auto dropped = after.take_changed_instances();
  REQUIRE(dropped.size() == 1);
  CHECK(dropped[0].state == AlertState::inactive);
}

TEST_CASE("a state that cannot be read closes the alert instead of losing it silently", "[rules][restore]") {
  Engine engine(rules_from(one_rule("when: loss > 5")));
  std::vector<Transition> out;
  for (const char* json : {"", "{", "[]", "{\"state\":\"firing\"}", "{\"state\":7}", "null"}) {
    engine.restore({"r", kRun, AlertState::firing, json}, out);
  }
  CHECK(out.size() == 6);
  for (const Transition& t : out) CHECK(t.to == AlertState::closed);
}

TEST_CASE("nothing is evaluated while windows are rebuilt", "[rules][restore]") {
  Engine engine(rules_from(one_rule("when: loss > 5")));
  engine.rebuild(row(1, {{"loss", 9}}));
  CHECK(engine.take_changed_instances().empty());
}
