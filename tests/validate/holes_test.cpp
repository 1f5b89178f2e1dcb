// Takes every single thing out of evidence on which all lines pass, and sees that some line no longer does:
// no PASS stands on what was not there.
#include <set>

#include "daemon/validate/checklist.h"
#include "tests/support/catch.h"
#include "tests/validate/healthy.h"

using namespace redflag::daemon;
using namespace redflag::daemon::test;
using namespace redflag::daemon::validate;

namespace {

const Evidence& whole() {
  static const Evidence kWhole = healthy_evidence();
  return kWhole;
}

/// The lines that no longer pass, "V2 V20"; empty when all do. Nothing that is only missing may make a PASS
/// of it.
std::string lost(const Evidence& evidence) {
  std::string out;
  for (const Section& section : judge(evidence).sections) {
    for (const Line& line : section.lines) {
      if (line.verdict != LineVerdict::pass) out += (out.empty() ? "" : " ") + line.id;
    }
  }
  return out;
}

template <typename List>
List without(List list, std::size_t at) {
  list.erase(list.begin() + static_cast<std::ptrdiff_t>(at));
  return list;
}

}  // namespace

TEST_CASE("without a source, a task's range or a results directory, lines no longer pass", "[validate]") {
  Evidence evidence = whole();
  evidence.overview.sources.clear();
  CHECK(lost(evidence) == "V1 V20 V24");
  evidence = whole();
  evidence.overview.results.clear();
  CHECK(lost(evidence) == "V11 V12 V13 V14 V15 V16 V17 V18 V19 V22 V24");
  for (std::size_t i = 0; i < whole().overview.tasks.size(); ++i) {
    evidence = whole();
    evidence.overview.tasks = without(evidence.overview.tasks, i);
    CHECK_THAT(lost(evidence), ContainsSubstring("V" + std::to_string(6 + i) + " V10"));
    CHECK_THAT(lost(evidence), ContainsSubstring("V21"));
  }
  evidence = whole();
  evidence.contents_checked = false;
  CHECK(lost(evidence) == "V12 V13 V15 V16 V18 V22");
  evidence = whole();
  evidence.forward_checked = false;
  CHECK(lost(evidence) == "V17 V22");
}

TEST_CASE("without any one run, or any one of its parts, lines no longer pass", "[validate]") {
  for (std::size_t i = 0; i < whole().overview.runs.size(); ++i) {
    const RunInfo& info = whole().overview.runs[i].info;
    if (info.method == "base_pretrained") continue;  // compared with, not asked for
    INFO(info.name);
    Evidence evidence = whole();
    evidence.overview.runs = without(evidence.overview.runs, i);
    CHECK_THAT(lost(evidence), ContainsSubstring("V10"));

    const auto change = [&](const std::function<void(RunView&)>& how) {
      Evidence changed = whole();
      how(changed.overview.runs[i]);
      return lost(changed);
    };
    CHECK_FALSE(change([](RunView& run) { run.score.reset(); }).empty());
    CHECK_FALSE(change([](RunView& run) { run.info.state = RunState::unknown; }).empty());
    CHECK_FALSE(change([](RunView& run) { run.info.seed.reset(), run.info.task.clear(); }).empty());
    CHECK_FALSE(change([](RunView& run) { run.info.task.clear(); }).empty());
    CHECK_FALSE(change([](RunView& run) { run.info.method.clear(); }).empty());
  }
}

TEST_CASE("without any one curve, or most of its points, lines no longer pass", "[validate]") {
  for (std::size_t i = 0; i < whole().runs.size(); ++i) {
    Evidence evidence = whole();
    evidence.runs = without(evidence.runs, i);
    CHECK(lost(evidence) == "V2 V4 V5 V20 V23");
    for (std::size_t j = 0; j < whole().runs[i].curves.size(); ++j) {
      INFO(whole().runs[i].key << " " << whole().runs[i].curves[j].metric);
      evidence = whole();
      evidence.runs[i].curves = without(evidence.runs[i].curves, j);
      CHECK_FALSE(lost(evidence).empty());
      evidence = whole();
      evidence.runs[i].curves[j].points.clear();
      CHECK_FALSE(lost(evidence).empty());
      const std::string& metric = whole().runs[i].curves[j].metric;
      if (metric.find("memory") != std::string::npos) continue;  // one word of it is enough
      evidence.runs[i].curves[j].points = {whole().runs[i].curves[j].points.back()};
      evidence.runs[i].curves[j].points_total = 1;
      CHECK_FALSE(lost(evidence).empty());
    }
  }
}

TEST_CASE("without the facts of any one file or directory, or any one of them, lines no longer pass",
          "[validate]") {
  // What is only told to people, or told of a whole that is judged by its parts.
  const std::set<std::string> harmless{"detail", "name",           "collapsed", "drift",
                                       "cka",    "forward_detail", "lines",     "method"};
  for (std::size_t i = 0; i < whole().facts.size(); ++i) {
    const SubjectFacts& facts = whole().facts[i];
    std::string what;
    for (const auto& [name, value] : facts.attributes) {
      if (name == "what") what = std::get<std::string>(value);
    }
    // A series is judged by its list of steps; of weights a checkpoint's own verdict tells when they are
    // missing.
    const bool by_others = what == "series" || what == "weights";
    INFO(facts.subject.key);
    if (!by_others) {
      Evidence evidence = whole();
      evidence.facts = without(evidence.facts, i);
      CHECK_FALSE(lost(evidence).empty());
    }
    for (std::size_t j = 0; j < facts.attributes.size(); ++j) {
      const std::string& name = facts.attributes[j].first;
      const bool text_for_people = name.ends_with("_detail") || harmless.contains(name);
      const bool size_of_file = name == "size_bytes" && what != "checkpoint";
      // Its series tells the same.
      const bool whose_file = name == "task" && !facts.subject.key.ends_with("/step_0");
      const bool kind_of_file = name == "what" && by_others;
      // A final model is not asked whether training can go on from it.
      const bool not_asked = name == "resume" && facts.subject.key.ends_with("/final_model");
      const bool series_word = name == "verdict" && what == "series";
      if (text_for_people || size_of_file || whose_file || kind_of_file || not_asked || series_word) continue;
      INFO(name);
      Evidence evidence = whole();
      evidence.facts[i].attributes = without(evidence.facts[i].attributes, j);
      CHECK_FALSE(lost(evidence).empty());
    }
  }
}

TEST_CASE("without any one listed series, lines no longer pass", "[validate]") {
  for (std::size_t i = 0; i < whole().overview.results[0].representations.size(); ++i) {
    const SeriesView& series = whole().overview.results[0].representations[i];
    INFO(series.dir);
    Evidence evidence = whole();
    auto& list = evidence.overview.results[0].representations;
    list = without(list, i);
    CHECK_FALSE(lost(evidence).empty());
  }
}
