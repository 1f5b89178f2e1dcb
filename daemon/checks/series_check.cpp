// What most steps have is what each should have. Two steps are the same when every layer is, byte for byte: a
// single equal layer is normal, frozen embeddings give one.
#include "daemon/checks/series_check.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "daemon/checks/contents.h"
#include "daemon/checks/files.h"
#include "daemon/checks/layers.h"
#include "daemon/checks/step_metadata.h"
#include "daemon/checks/words.h"

namespace redflag::checks {
namespace {

constexpr std::size_t kMostFindings = 20;  ///< of one kind; more say nothing new

struct Step {
  const DirectoryInput* input = nullptr;
  std::vector<FileView> files;
  std::vector<std::string> listed;
  std::map<std::string, const TensorReport*> layers;
};

std::vector<Step> gather(const std::vector<DirectoryInput>& inputs) {
  std::vector<Step> out;
  for (const DirectoryInput& input : inputs) {
    Step step{&input, view_of(input), {}, {}};
    if (in_progress(step.files)) continue;
    if (const FileView* file = find_file(step.files, "metadata.json"); file != nullptr && file->ok()) {
      step.listed = metadata_layers(Values(*file->report));
    }
    for (const auto& [name, tensor] : layers_of(step.files, step.listed)) step.layers.emplace(name, tensor);
    out.push_back(std::move(step));
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const Step& a, const Step& b) { return a.input->place.step < b.input->place.step; });
  return out;
}

std::string name_of(const Step& step) {
  return fmt::format("step {}", step.input->place.step);
}

/// All that makes two steps the same; empty when that cannot be told.
std::string identity_of(const Step& step) {
  std::string out;
  for (const auto& [name, tensor] : step.layers) {
    if (tensor->hash == 0 || tensor->bytes == 0) return {};
    out += fmt::format("{}\x1f{}\x1f{}\x1f{:x}\n", name, tensor->dtype, fmt::join(tensor->shape, ","),
                       tensor->hash);
  }
  return out;
}

void find_identical(const std::vector<Step>& steps, std::vector<Finding>& out) {
  std::map<std::string, std::vector<const Step*>> groups;
  for (const Step& step : steps) {
    if (const std::string identity = identity_of(step); !identity.empty()) groups[identity].push_back(&step);
  }
  std::vector<std::vector<const Step*>> repeated;
  for (auto& [identity, group] : groups) {
    if (group.size() > 1) repeated.push_back(std::move(group));
  }
  std::sort(repeated.begin(), repeated.end(), [](const auto& a, const auto& b) {
    return a.front()->input->place.step < b.front()->input->place.step;
  });
  for (const auto& group : repeated) {
    std::vector<std::string> later;
    for (std::size_t i = 1; i < group.size(); ++i) later.push_back(name_of(*group[i]));
    add(out, "identical_step", Severity::warning,
        fmt::format("{} {} identical to {}: all {} byte for byte the same, so the model did not change "
                    "between them or "
                    "one extraction was saved twice",
                    some_of(later), is_or_are(later.size()), name_of(*group.front()),
                    counted(group.front()->layers.size(), "layer")),
        group[1]->input->path);
    if (out.size() >= kMostFindings) return;
  }
}

/// The type that most steps have for a layer; of equally many the earliest.
std::map<std::string, std::string> usual_types(const std::vector<Step>& steps) {
  std::map<std::string, std::map<std::string, std::size_t>> votes;
  std::map<std::string, std::string> out;
  for (const Step& step : steps) {
    for (const auto& [name, tensor] : step.layers) ++votes[name][type_text(*tensor)];
  }
  for (const Step& step : steps) {
    for (const auto& [name, tensor] : step.layers) {
      const std::string type = type_text(*tensor);
      const auto [it, first] = out.emplace(name, type);
      if (!first && votes[name][type] > votes[name][it->second]) it->second = type;
    }
  }
  return out;
}

void find_other_types(const std::vector<Step>& steps, std::vector<Finding>& out) {
  const auto usual = usual_types(steps);
  std::size_t told = 0;
  for (const Step& step : steps) {
    std::vector<std::string> other;
    for (const auto& [name, tensor] : step.layers) {
      if (type_text(*tensor) != usual.at(name)) other.push_back(name);
    }
    if (other.empty()) continue;
    if (++told > kMostFindings) return;
    const std::string& first = other.front();
    std::string message = fmt::format("{}: {} is {}, at other steps {}", name_of(step), shown(first),
                                      type_text(*step.layers.at(first)), usual.at(first));
    if (other.size() > 1)
      message += fmt::format("; {} differ: {}", counted(other.size(), "layer"), some_of(other));
    add(out, "shape_differs", Severity::warning, message, step.input->path);
  }
}

void find_missing_layers(const std::vector<Step>& steps, std::vector<Finding>& out) {
  std::map<std::string, std::size_t> seen;
  for (const Step& step : steps) {
    for (const auto& [name, tensor] : step.layers) ++seen[name];
  }
  std::size_t told = 0;
  for (const Step& step : steps) {
    const std::set<std::string> listed(step.listed.begin(), step.listed.end());
    std::vector<std::string> absent;
    for (const auto& [name, times] : seen) {
      // What its own metadata.json lists, or lies there unreadable, is told of the step itself.
      const bool told_there = listed.count(name) != 0 || has_layer(step.files, name);
      if (times * 2 >= steps.size() && step.layers.count(name) == 0 && !told_there) absent.push_back(name);
    }
    if (absent.empty()) continue;
    if (++told > kMostFindings) return;
    add(out, "missing_layer", Severity::critical,
        fmt::format("{} lacks {} that other steps have: {}", name_of(step), counted(absent.size(), "layer"),
                    some_of(absent)),
        step.input->path);
  }
}

}  // namespace

DirectoryReport check_series(const std::string& path, const std::vector<DirectoryInput>& steps) {
  DirectoryReport out;
  out.path = path;
  out.kind = "representation_series";
  out.verdict = Verdict::ok;
  const std::vector<Step> known = gather(steps);
  // The base model is not trained: nothing has to change between its steps.
  const bool trained = known.empty() || !known.front().input->place.method.starts_with("base");
  if (trained) find_identical(known, out.findings);
  find_other_types(known, out.findings);
  find_missing_layers(known, out.findings);
  out.values = {{"steps", static_cast<double>(steps.size())}};
  sort_findings(out.findings);
  return out;
}

}  // namespace redflag::checks
