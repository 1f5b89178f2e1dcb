#include "daemon/forward/representation.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "daemon/forward/checkpoint.h"
#include "daemon/forward/outcome.h"
#include "daemon/forward/tensor_reader.h"
#include "daemon/forward/torch_error.h"

namespace redflag::forward {
namespace {

namespace fs = std::filesystem;

/// The number in "layer_12", "step_000200"; nullopt when it is called otherwise.
std::optional<std::int64_t> number_after(std::string_view prefix, std::string_view name) {
  if (!name.starts_with(prefix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  std::int64_t value = 0;
  const auto [end, code] = std::from_chars(name.data(), name.data() + name.size(), value);
  if (code != std::errc{} || end != name.data() + name.size() || value < 0) return std::nullopt;
  return value;
}

/// Names in `directory` by their numbers.
std::map<std::int64_t, std::string> numbered(const std::string& directory, std::string_view prefix,
                                             std::string_view end) {
  constexpr std::size_t kMost = 100'000;
  std::map<std::int64_t, std::string> found;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), last; !error && it != last && found.size() < kMost;
       it.increment(error)) {
    std::string name = it->path().filename().string();
    if (!name.ends_with(end)) continue;
    name.resize(name.size() - end.size());
    if (const auto number = number_after(prefix, name)) found.emplace(*number, name);
  }
  return found;
}

/// The largest floating-point tensor with at least one dimension; null without any.
const Located* largest(const WeightSet& file) {
  const Located* best = nullptr;
  for (const auto& [name, tensor] : file.tensors()) {
    using tensors::DType;
    const DType type = tensor.entry->dtype;
    const bool number =
        type == DType::float64 || type == DType::float32 || type == DType::float16 || type == DType::bfloat16;
    if (!number || tensor.entry->opaque || tensor.entry->shape.empty()) continue;
    if (best == nullptr || tensor.entry->elements() > best->entry->elements()) best = &tensor;
  }
  return best;
}

/// The tensor as one of two dimensions: [rows, hidden]. Views with strides of their own stay as they are.
tensors::TensorEntry as_matrix(const tensors::TensorEntry& entry) {
  tensors::TensorEntry out = entry;
  const std::int64_t hidden = std::max<std::int64_t>(entry.shape.back(), 1);
  out.shape = {static_cast<std::int64_t>(entry.elements() / static_cast<std::uint64_t>(hidden)),
               entry.shape.back()};
  out.strides.clear();
  return out;
}

at::Tensor picked_rows(const Located& tensor, std::int64_t rows, std::int64_t count, TensorReader& reader) {
  if (count == rows) return reader.whole(tensor);
  at::Tensor out = at::empty({count, tensor.entry->shape[1]}, at::kDouble);
  for (std::int64_t i = 0; i < count; ++i) out[i].copy_(reader.rows(tensor, i * rows / count, 1)[0]);
  return out;
}

/// Two matrices as given and centred, their Gram matrices (no larger than they are) and products: a dozen at
/// most.
std::int64_t rows_within(const RowLimit& limit, std::int64_t hidden) {
  const std::uint64_t row_bytes =
      static_cast<std::uint64_t>(std::max<std::int64_t>(hidden, 1)) * sizeof(double);
  const std::uint64_t fitting = limit.bytes / 12 / row_bytes;
  if (fitting == 0) throw ReadProblem("--memory leaves no room for it beside LibTorch itself");
  return static_cast<std::int64_t>(std::min(fitting, static_cast<std::uint64_t>(limit.rows)));
}

Matrix read_matrix(const Located& tensor, const RowLimit& limit) {
  TensorReader reader(limit.bytes, at::kDouble);
  Matrix out;
  const tensors::TensorEntry flat = as_matrix(*tensor.entry);
  const Located matrix{tensor.source, tensor.storage, &flat};
  out.all_rows = flat.shape[0];
  const std::int64_t count = std::min(out.all_rows, rows_within(limit, flat.shape[1]));
  if (tensor.contiguous()) {
    out.rows = picked_rows(matrix, out.all_rows, count, reader);
  } else {
    at::Tensor all = reader.whole(tensor).reshape({flat.shape[0], flat.shape[1]});
    if (count < out.all_rows) {
      const at::Tensor index = at::arange(count, at::kLong).mul(out.all_rows).div(count, "floor");
      all = all.index_select(0, index);
    }
    out.rows = all;
  }
  out.nonfinite =
      static_cast<std::uint64_t>(out.rows.numel() - at::isfinite(out.rows).sum().item<std::int64_t>());
  return out;
}

}  // namespace

std::vector<std::string> layers_of(const std::string& directory) {
  std::vector<std::string> layers;
  for (auto& [number, name] : numbered(directory, "layer_", ".pt")) layers.push_back(std::move(name));
  return layers;
}

std::string earlier_step(const std::string& directory) {
  const fs::path path = fs::path(directory + "/").lexically_normal().parent_path();
  const auto step = number_after("step_", path.filename().string());
  if (!step) return {};
  const std::string parent = path.has_parent_path() ? path.parent_path().string() : ".";
  std::string nearest;
  for (const auto& [number, name] : numbered(parent, "step_", "")) {
    if (number >= *step) break;
    if (!layers_of(parent + "/" + name).empty()) nearest = parent + "/" + name;
  }
  return nearest;
}

std::string representation_in(const std::string& directory) {
  if (!layers_of(directory).empty()) return directory;
  for (const auto& [number, name] : numbered(directory, "step_", ""))
    if (!layers_of(directory + "/" + name).empty()) return directory + "/" + name;
  return {};
}

Result<Matrix> read_layer(const std::string& directory, const std::string& layer, const RowLimit& limit) {
  Result<WeightSet> file = WeightSet::open(directory, {"bin", layer + ".pt", false});
  if (!file) return tl::unexpected<Error>(std::move(file.error()));
  const Located* tensor = largest(*file);
  const std::string doing = "reading " + layer + ".pt";
  if (tensor == nullptr)
    return fail(ErrorCode::unavailable, doing, "it holds no tensor of floating-point numbers");
  Matrix matrix;
  const Result<void> read = guarded(doing, [&] { matrix = read_matrix(*tensor, limit); });
  if (!read) return tl::unexpected<Error>(read.error());
  return matrix;
}

}  // namespace redflag::forward
