// Names of files and tensors to layers.
#include "daemon/checks/layers.h"

#include <algorithm>

#include <fmt/format.h>

namespace redflag::checks {
namespace {

using daemon::FileKind;

bool holds_tensors(const FileView& file) {
  return file.kind == FileKind::layer || file.kind == FileKind::tensor;
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_layer_file(const FileView& file, const std::vector<std::string>& listed) {
  return file.kind == FileKind::layer || contains(listed, stem_of(file.name)) || contains(listed, file.name);
}

std::vector<NamedTensor> gather(const std::vector<FileView>& files, const std::vector<std::string>& listed,
                                bool layers) {
  std::vector<NamedTensor> out;
  for (const FileView& file : files) {
    if (!holds_tensors(file)) continue;
    const bool whole_file = is_layer_file(file, listed);
    for (const TensorReport& tensor : file.report->tensors) {
      const bool by_name = !whole_file && contains(listed, tensor.name);
      if ((whole_file || by_name) != layers) continue;
      std::string name(stem_of(file.name));
      if (by_name) {
        name = tensor.name;
      } else if (file.report->tensors.size() > 1) {
        name += '/' + tensor.name;
      }
      out.push_back({std::move(name), &tensor});
    }
  }
  return out;
}

}  // namespace

std::string_view stem_of(std::string_view file_name) {
  const std::size_t dot = file_name.rfind('.');
  return dot == std::string_view::npos || dot == 0 ? file_name : file_name.substr(0, dot);
}

std::vector<NamedTensor> layers_of(const std::vector<FileView>& files,
                                   const std::vector<std::string>& listed) {
  return gather(files, listed, true);
}

std::vector<NamedTensor> extras_of(const std::vector<FileView>& files,
                                   const std::vector<std::string>& listed) {
  return gather(files, listed, false);
}

bool has_layer(const std::vector<FileView>& files, const std::string& layer) {
  return std::any_of(files.begin(), files.end(), [&](const FileView& file) {
    if (!holds_tensors(file)) return false;
    if (stem_of(file.name) == layer || file.name == layer || stem_of(file.name) == stem_of(layer))
      return true;
    const auto& tensors = file.report->tensors;
    return std::any_of(tensors.begin(), tensors.end(),
                       [&](const TensorReport& each) { return each.name == layer; });
  });
}

}  // namespace redflag::checks
