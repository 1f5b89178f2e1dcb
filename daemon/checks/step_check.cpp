// A step, file by file and then as a whole.
#include "daemon/checks/step_check.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "daemon/checks/contents.h"
#include "daemon/checks/files.h"
#include "daemon/checks/layers.h"
#include "daemon/checks/step_metadata.h"
#include "daemon/checks/words.h"
#include "daemon/results/printable.h"

namespace redflag::checks {
namespace {

using daemon::FileKind;

constexpr std::uint64_t kTinyBytes = 1000;

bool matters(const FileView& file) {
  return file.kind == FileKind::layer || file.kind == FileKind::tensor || file.kind == FileKind::metadata;
}

void check_layers_present(const std::vector<FileView>& files, const std::vector<std::string>& listed,
                          DirectoryReport& out) {
  std::vector<std::string> absent;
  for (const std::string& layer : listed) {
    if (!has_layer(files, layer)) absent.push_back(layer);
  }
  std::string message;
  const bool any_tensor = std::any_of(files.begin(), files.end(), [](const FileView& each) {
    return each.kind == FileKind::layer || each.kind == FileKind::tensor;
  });
  if (!any_tensor) {
    message = "no layer files";
  } else if (!absent.empty()) {
    message = fmt::format("{} of {} in metadata.json {} missing: {}", absent.size(),
                          counted(listed.size(), "layer"), is_or_are(absent.size()), some_of(absent));
  }
  if (message.empty()) return;
  note_damage(out, message);
  add(out.findings, "missing_layer", Severity::critical, message, absent.empty() ? "" : absent.front());
}

/// Whole files that hold too little.
void check_sizes(const std::vector<FileView>& files, const std::vector<NamedTensor>& layers,
                 std::vector<Finding>& out) {
  for (const FileView& file : files) {
    if (file.kind == FileKind::metadata || !file.ok()) continue;
    if (file.report->tensors.empty() && file.kind == FileKind::layer) {
      add(out, "no_tensor", Severity::critical,
          fmt::format("{} loads, but holds no tensor", shown(file.name)), file.name);
    } else if (file.report->size < kTinyBytes) {
      add(out, "small_file", Severity::warning,
          fmt::format("{} is suspiciously small: {} bytes, under {}", shown(file.name), file.report->size,
                      daemon::with_commas(kTinyBytes)),
          file.name);
    }
  }
  std::vector<std::string> empty;
  for (const auto& [name, tensor] : layers) {
    if (is_empty(*tensor)) empty.push_back(name);
  }
  if (!empty.empty()) {
    add(out, "no_elements", Severity::critical,
        fmt::format("{} of {} {} zero elements: {}", empty.size(), counted(layers.size(), "layer"),
                    empty.size() == 1 ? "has" : "have", some_of(empty)),
        empty.front());
  }
}

void find_flat(const std::vector<NamedTensor>& layers, bool (*is_flat)(const TensorReport&), const char* code,
               Severity severity, const char* what, std::vector<Finding>& out) {
  std::vector<std::string> flat;
  for (const auto& [name, tensor] : layers) {
    if (is_flat(*tensor)) flat.push_back(name);
  }
  if (flat.empty()) return;
  add(out, code, severity,
      fmt::format("{} of {} {} {}: {}", flat.size(), counted(layers.size(), "layer"), is_or_are(flat.size()),
                  what, some_of(flat)),
      flat.front());
}

void check_shapes(const Values& metadata, const std::vector<NamedTensor>& layers, std::vector<Finding>& out) {
  std::vector<std::string> wrong;
  std::string first;
  for (const auto& [name, tensor] : layers) {
    const auto shape = metadata_shape(metadata, name);
    const std::string dtype = metadata_dtype(metadata, name);
    const bool shape_differs = shape && *shape != tensor->shape;
    const bool dtype_differs = !dtype.empty() && dtype != tensor->dtype;
    if (!shape_differs && !dtype_differs) continue;
    if (wrong.empty()) {
      first = fmt::format("{} is {}, metadata.json says {}{}{}", shown(name), type_text(*tensor),
                          dtype_differs ? shown(dtype) : "", dtype_differs && shape ? " " : "",
                          shape ? shape_text(*shape) : "");
    }
    wrong.push_back(name);
  }
  if (wrong.empty()) return;
  std::string message = first;
  if (wrong.size() > 1)
    message += fmt::format("; {} in all: {}", counted(wrong.size(), "layer"), some_of(wrong));
  add(out, "shape_mismatch", Severity::critical, message, wrong.front());
}

void check_samples(const Values& metadata, const std::vector<NamedTensor>& layers,
                   std::vector<Finding>& out) {
  const auto samples = metadata.whole("num_samples");
  if (!samples || *samples == 0) return;
  std::vector<std::string> wrong;
  std::int64_t first = 0;
  for (const auto& [name, tensor] : layers) {
    // A single dimension may be anything; more begin with the samples.
    if (tensor->shape.size() < 2 || tensor->shape[0] == *samples) continue;
    if (wrong.empty()) first = tensor->shape[0];
    wrong.push_back(name);
  }
  if (wrong.empty()) return;
  add(out, "samples_mismatch", Severity::warning,
      fmt::format(
          "metadata.json says {} samples, but {} begin{} with another dimension: {} (the first has {})",
          *samples, counted(wrong.size(), "layer"), wrong.size() == 1 ? "s" : "", some_of(wrong), first),
      wrong.front());
}

}  // namespace

DirectoryReport check_step(const DirectoryInput& input) {
  DirectoryReport out;
  out.path = input.path;
  out.kind = "representation_step";
  out.verdict = Verdict::ok;
  const std::vector<FileView> files = view_of(input);
  for (const FileView& file : files) {
    if (matters(file)) judge_file(file, out);
  }
  const FileView* metadata_file = find_file(files, "metadata.json");
  const bool has_metadata = metadata_file != nullptr && metadata_file->ok();
  const Values metadata = has_metadata ? Values(*metadata_file->report) : Values();
  const std::vector<std::string> listed = metadata_layers(metadata);
  const std::vector<NamedTensor> layers = layers_of(files, listed);
  find_nonfinite(layers, "layer", "nan", out.findings);
  find_nonfinite(extras_of(files, listed), "other tensor", "nan", out.findings);
  find_flat(layers, is_all_zero, "all_zero", Severity::critical, "all zero", out.findings);
  find_flat(layers, is_constant, "constant", Severity::warning, "one and the same number throughout",
            out.findings);
  if (!in_progress(files)) {
    if (metadata_file == nullptr) {
      note_damage(out, "metadata.json is missing");
      add(out.findings, "metadata_missing", Severity::critical,
          "metadata.json is missing: nothing says which layers and shapes belong here", "metadata.json");
    }
    check_layers_present(files, listed, out);
    check_sizes(files, layers, out.findings);
    if (has_metadata) {
      check_metadata(metadata, input.place, out.findings);
      check_shapes(metadata, layers, out.findings);
      check_samples(metadata, layers, out.findings);
    }
  }
  out.values = {{"step", static_cast<double>(input.place.step)},
                {"layers", static_cast<double>(layers.size())}};
  sort_findings(out.findings);
  return out;
}

}  // namespace redflag::checks
