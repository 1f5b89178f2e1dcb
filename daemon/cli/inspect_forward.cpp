#include "daemon/cli/inspect_forward.h"

#include <nlohmann/json.hpp>

#include "daemon/contents/forward_answer.h"
#include "daemon/results/layout.h"

namespace redflag::daemon {
namespace {

std::string parent(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

/// Of a step's path: representations/METHOD_TASK/step_N.
DirPlace place_of(const std::string& path) {
  const std::string above = parent(parent(parent(path)));
  return place_below(above, path);
}

}  // namespace

std::vector<std::string> forward_arguments(const checks::DirectoryReport& directory,
                                           const std::vector<checks::DirectoryReport>& all) {
  if (directory.kind == "representation_series") return {};
  if (directory.kind != "representation_step") return {"logits", directory.path};
  const DirPlace place = place_of(directory.path);
  std::string previous, base;
  std::int64_t before = -1, first = -1;
  for (const auto& each : all) {
    if (each.kind != "representation_step" || each.path == directory.path ||
        each.verdict != checks::Verdict::ok)
      continue;
    const DirPlace other = place_of(each.path);
    if (parent(each.path) == parent(directory.path)) {
      if (other.step < place.step && other.step > before) {
        before = other.step;
        previous = each.path;
      }
    } else if (other.task == place.task && other.method.rfind("base", 0) == 0 &&
               place.method.rfind("base", 0) != 0 &&
               parent(parent(each.path)) == parent(parent(directory.path)) &&
               (first < 0 || other.step < first)) {
      first = other.step;
      base = each.path;
    }
  }
  std::vector<std::string> out{"drift", directory.path};
  if (!base.empty()) out.insert(out.end(), {"--base", base});
  if (!previous.empty()) out.insert(out.end(), {"--previous", previous});
  return out;
}

void add_forward(checks::DirectoryReport& directory, const ForwardAnswer& answer) {
  if (!answer.checked()) {
    directory.values.emplace_back("forward", std::string("not_checked"));
    directory.values.emplace_back("forward_detail", answer.not_checked);
    return;
  }
  const bool logits = directory.kind != "representation_step";
  const ForwardSays says = read_forward_answer(answer.result, logits);
  for (const auto& [name, value] : says.figures) {
    if (const double* number = std::get_if<double>(&value)) {
      directory.values.emplace_back(name, *number);
    } else if (const std::string* text = std::get_if<std::string>(&value)) {
      directory.values.emplace_back(name, *text);
    }
  }
  directory.findings.insert(directory.findings.end(), says.findings.begin(), says.findings.end());
  checks::sort_findings(directory.findings);
}

}  // namespace redflag::daemon
