// The JSON of a directory, by way of that of a file.
#include "daemon/checks/directory_report.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "daemon/tensors/report_json.h"

namespace redflag::checks {

std::string to_json(const DirectoryReport& report) {
  // What the two have in common is written by one function, so that a script reads both in one way.
  FileReport common;
  common.path = report.path;
  common.verdict = report.verdict;
  common.reason = report.reason;
  common.findings = report.findings;
  common.values = report.values;
  const auto written = nlohmann::ordered_json::parse(tensors::to_json(common));
  nlohmann::ordered_json out;
  for (const char* key : {"path", "kind", "verdict", "reason", "findings", "values"}) out[key] = written[key];
  out["kind"] = report.kind;
  return out.dump();
}

void sort_findings(std::vector<Finding>& findings) {
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
}

}  // namespace redflag::checks
