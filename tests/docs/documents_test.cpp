// Pages that speak of rules and metrics by name are held against the rules and metrics that there are.
#include <filesystem>
#include <regex>
#include <set>
#include <sstream>

#include <nlohmann/json.hpp>

#include "daemon/metrics/metrics_text.h"
#include "rules/lang/rule_set.h"
#include "rules/packs/packs.h"
#include "tests/metrics/builders.h"
#include "tests/metrics/exposition.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace redflag;
using nlohmann::json;

namespace {

const std::string kDocs = REDFLAG_SOURCE_DIR "/docs/";

std::set<std::string> rules_that_ship() {
  std::set<std::string> names;
  static const std::regex kRule(R"(\n\s*- rule: ([a-z0-9-]+))");
  for (const RuleSource& pack : shipped_packs()) {
    for (std::sregex_iterator at(pack.text.begin(), pack.text.end(), kRule), end; at != end; ++at)
      names.insert((*at)[1]);
  }
  return names;
}

std::set<std::string> found_in(const std::string& text, const std::regex& what) {
  std::set<std::string> names;
  for (std::sregex_iterator at(text.begin(), text.end(), what), end; at != end; ++at)
    names.insert(at->size() > 1 ? (*at)[1].str() : at->str());
  return names;
}

/// Metrics named in a text that /metrics does not have.
std::set<std::string> unknown_metrics(const std::string& text) {
  const auto known = test::read_exposition(metrics_text(test::busy_overview(), test::sound_health())).types;
  std::set<std::string> unknown = found_in(text, std::regex(R"(\b(?:redflag|process)_[a-z_]+[a-z]\b)"));
  for (const auto& [name, type] : known) unknown.erase(name);
  return unknown;
}

}  // namespace

TEST_CASE("docs/troubleshooting.md has an entry for every rule that ships, and for no other", "[docs]") {
  const std::string page = test::read_file(kDocs + "troubleshooting.md");
  std::set<std::string> entries;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("### ", 0) == 0) entries.merge(found_in(line, std::regex("`([a-z0-9-]+)`")));
  }
  const std::set<std::string> rules = rules_that_ship();
  CHECK(rules.size() > 70);
  CHECK(entries == rules);
  for (int group = 1; group <= 12; ++group) {
    const std::string heading = "\n## F" + std::to_string(group) + ":";
    INFO(heading);
    CHECK(page.find(heading) != std::string::npos);
  }
}

TEST_CASE("Every entry says what it means, how to make sure, what to try and when it is a false alarm",
          "[docs]") {
  std::istringstream lines(test::read_file(kDocs + "troubleshooting.md"));
  std::string entry;
  std::string body;
  const auto check = [&] {
    if (entry.empty()) return;
    INFO(entry);
    const bool refers = body.find("- Means, confirm, try: as `") != std::string::npos;
    if (!refers) {
      CHECK(body.find("- Means") != std::string::npos);
      CHECK(body.find("- Confirm") != std::string::npos);
      CHECK((body.find("- Try") != std::string::npos || body.find("- Confirm and try") != std::string::npos));
      CHECK(body.find("- False alarm") != std::string::npos);
    }
  };
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("## ", 0) == 0 || line.rfind("### ", 0) == 0) {
      check();
      entry = line.rfind("### ", 0) == 0 ? line : "";
      body.clear();
    }
    body += line + '\n';
  }
  check();
}

TEST_CASE("Every metric that dashboard, rules and pages name exists in /metrics", "[docs]") {
  for (const char* name : {"grafana/redflag.json", "prometheus/redflag.rules.yml",
                           "prometheus/prometheus.yml", "troubleshooting.md", "faq.md", "api.md"}) {
    const std::string text = test::read_file(kDocs + name);
    INFO(name);
    CHECK_FALSE(text.empty());
    CHECK(unknown_metrics(text) == std::set<std::string>{});
  }
}

TEST_CASE("The Grafana dashboard is whole: panels with ids of their own, on the grid, each with a query",
          "[docs]") {
  const json dashboard = json::parse(test::read_file(kDocs + "grafana/redflag.json"));
  CHECK(dashboard.at("title") == "redflag");
  CHECK(dashboard.at("schemaVersion").get<int>() >= 36);
  std::set<int> ids;
  std::set<std::pair<int, int>> taken;
  for (const json& panel : dashboard.at("panels")) {
    INFO(panel.at("title"));
    CHECK(ids.insert(panel.at("id").get<int>()).second);
    const json& grid = panel.at("gridPos");
    for (int x = grid.at("x"); x < grid.at("x").get<int>() + grid.at("w").get<int>(); ++x) {
      CHECK(x < 24);
      for (int y = grid.at("y"); y < grid.at("y").get<int>() + grid.at("h").get<int>(); ++y)
        CHECK(taken.emplace(x, y).second);
    }
    REQUIRE_FALSE(panel.at("targets").empty());
    for (const json& target : panel.at("targets")) {
      CHECK_FALSE(target.at("expr").get<std::string>().empty());
      CHECK(target.at("datasource").at("uid") == "${datasource}");
    }
  }
  CHECK(ids.size() > 15);
  std::set<std::string> variables;
  for (const json& variable : dashboard.at("templating").at("list"))
    variables.insert(variable.at("name").get<std::string>());
  CHECK(variables == std::set<std::string>{"datasource", "run"});
}

TEST_CASE("Pages link to pages that are there", "[docs]") {
  for (const char* name : {"troubleshooting.md", "faq.md", "api.md", "alerts.md"}) {
    const std::string page = test::read_file(kDocs + name);
    for (const std::string& link : found_in(page, std::regex(R"(\]\(([^)#:]+)(?:#[^)]*)?\))"))) {
      INFO(name << " -> " << link);
      CHECK(std::filesystem::exists(kDocs + link));
    }
  }
}
