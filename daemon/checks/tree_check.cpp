#include "daemon/checks/tree_check.h"

#include <algorithm>
#include <map>

#include "daemon/checks/checkpoint_check.h"
#include "daemon/checks/series_check.h"
#include "daemon/checks/step_check.h"

namespace redflag::checks {
namespace {

using daemon::DirRole;

std::string parent(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

bool has(const DirectoryInput& input, std::string_view name) {
  return std::any_of(input.files.begin(), input.files.end(), [&](const FileReport* each) {
    return each->path.size() == input.path.size() + 1 + name.size() &&
           each->path.compare(input.path.size() + 1, name.size(), name) == 0;
  });
}

/// config.json with weights, or an adapter's two files and nothing that is a model's.
bool looks_like_a_model(const DirectoryInput& input) {
  const bool weights = has(input, "model.safetensors") || has(input, "pytorch_model.bin") ||
                       has(input, "model.safetensors.index.json") ||
                       has(input, "pytorch_model.bin.index.json");
  if (weights) return has(input, "config.json");
  return has(input, "adapter_config.json") &&
         (has(input, "adapter_model.safetensors") || has(input, "adapter_model.bin"));
}

}  // namespace

std::vector<DirectoryReport> check_tree(const std::string& root, const std::vector<FileReport>& reports,
                                        const std::map<std::string, std::vector<std::string>>& others) {
  std::map<std::string, DirectoryInput> directories;
  const std::string above = parent(root);
  for (const FileReport& report : reports) {
    const std::string path = parent(report.path);
    const auto [it, fresh] = directories.try_emplace(path);
    if (fresh) {
      it->second.path = path;
      // From above the root, so that a checkpoint named on the command line is known by its own name.
      it->second.place = daemon::place_below(above, path);
      if (const auto names = others.find(path); names != others.end()) it->second.other_names = names->second;
    }
    it->second.files.push_back(&report);
  }
  // What lies in folders of a checkpoint is part of it.
  for (auto& [path, input] : directories) {
    if (!daemon::is_checkpoint(input.place.role)) continue;
    for (auto below = directories.upper_bound(path);
         below != directories.end() && below->first.compare(0, path.size(), path) == 0; ++below) {
      if (below->first[path.size()] != '/') continue;
      input.files.insert(input.files.end(), below->second.files.begin(), below->second.files.end());
    }
  }
  std::vector<DirectoryReport> out;
  std::map<std::string, std::vector<DirectoryInput>> series, runs;
  for (const auto& [path, input] : directories) {
    if (input.place.role == DirRole::step) {
      out.push_back(check_step(input));
      series[parent(path)].push_back(input);
    } else if (daemon::is_checkpoint(input.place.role)) {
      out.push_back(check_checkpoint(input));
      runs[parent(path)].push_back(input);
    } else if (input.place.role == DirRole::plain && looks_like_a_model(input)) {
      out.push_back(check_checkpoint(input));
    }
  }
  for (const auto& [path, steps] : series) {
    if (steps.size() > 1) out.push_back(check_series(path, steps));
  }
  for (const auto& [path, checkpoints] : runs) {
    for (Finding& finding : identical_checkpoints(checkpoints)) {
      const auto about = std::find_if(
          out.begin(), out.end(), [&](const DirectoryReport& each) { return each.path == finding.where; });
      if (about == out.end()) continue;
      about->findings.push_back(std::move(finding));
      sort_findings(about->findings);
    }
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return out;
}

}  // namespace redflag::checks
