#include "daemon/forward/tensor_reader.h"

#include <algorithm>
#include <limits>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "daemon/forward/outcome.h"

namespace redflag::forward {
namespace {

constexpr std::int64_t kBlockElements =
    1 << 20;  // 4 MiB of float32 and what they were stored in: a core's second-level cache

at::ScalarType stored_type(const Located& tensor) {
  using tensors::DType;
  if (!tensor.entry->opaque) {
    switch (tensor.entry->dtype) {
      case DType::float64:
        return at::kDouble;
      case DType::float32:
        return at::kFloat;
      case DType::float16:
        return at::kHalf;
      case DType::bfloat16:
        return at::kBFloat16;
      default:
        break;
    }
  }
  throw ReadProblem(fmt::format(
      "{} is stored as {}, which is not computed with here", one_line(tensor.entry->name),
      tensor.entry->opaque ? "a quantised or sparse tensor" : tensors::to_string(tensor.entry->dtype)));
}

std::int64_t row_elements(const Located& tensor) {
  std::int64_t elements = 1;
  for (std::size_t i = 1; i < tensor.entry->shape.size(); ++i) elements *= tensor.entry->shape[i];
  return elements;
}

/// The stored bytes [from, from + length) of the tensor's storage.
void read_bytes(const Located& tensor, std::uint64_t from, void* out, std::uint64_t length) {
  const std::uint64_t end = tensor.storage->offset + tensor.storage->bytes;
  const bool inside = from <= end && length <= end - from && from >= tensor.storage->offset;
  if (!inside) throw ReadProblem(fmt::format("{} reaches beyond its storage", one_line(tensor.entry->name)));
  if (tensor.source->read(from, out, static_cast<std::size_t>(length)) != length)
    throw ReadProblem(fmt::format("the file ended inside {}: it was changed or cut while it was read",
                                  one_line(tensor.entry->name)));
}

}  // namespace

std::uint64_t bytes_when_whole(const Located& tensor) {
  const std::uint64_t elements = tensor.entry->elements();
  const std::uint64_t each = 8 + tensors::size_of(tensor.entry->dtype);
  if (elements > std::numeric_limits<std::uint64_t>::max() / each)
    return std::numeric_limits<std::uint64_t>::max();
  return elements * each;
}

void TensorReader::check_limit(const Located& tensor, std::uint64_t bytes) const {
  if (bytes > limit_bytes_)
    throw ReadProblem(fmt::format("needs about {} MB for {}, limit {} MB", megabytes(bytes),
                                  one_line(tensor.entry->name), megabytes(limit_bytes_)));
}

std::int64_t TensorReader::rows_per_block(const Located& tensor) {
  return std::max<std::int64_t>(1, kBlockElements / std::max<std::int64_t>(1, row_elements(tensor)));
}

at::Tensor TensorReader::buffer(at::Tensor& kept, std::int64_t elements, at::ScalarType type) {
  if (!kept.defined() || kept.scalar_type() != type || kept.numel() < elements)
    kept = at::empty({elements}, at::TensorOptions(type));
  return kept.narrow(0, 0, elements);
}

at::Tensor TensorReader::rows(const Located& tensor, std::int64_t first, std::int64_t count) {
  const std::int64_t width = row_elements(tensor);
  if (!tensor.contiguous()) return strided(tensor).narrow(0, first, count).reshape({count, width});
  const at::ScalarType type = stored_type(tensor);
  const std::uint64_t size = tensors::size_of(tensor.entry->dtype);
  const std::int64_t elements = count * width;
  check_limit(tensor, static_cast<std::uint64_t>(elements) * (size + 8));
  at::Tensor raw = buffer(raw_, elements, type);
  read_bytes(tensor, tensor.offset() + static_cast<std::uint64_t>(first * width) * size, raw.data_ptr(),
             static_cast<std::uint64_t>(elements) * size);
  if (type == type_) return raw.view({count, width});
  at::Tensor converted = buffer(converted_, elements, type_);
  converted.copy_(raw);
  return converted.view({count, width});
}

at::Tensor TensorReader::whole(const Located& tensor) {
  check_limit(tensor, bytes_when_whole(tensor));
  if (!tensor.contiguous()) return strided(tensor);
  const at::ScalarType type = stored_type(tensor);
  at::Tensor raw = at::empty(tensor.entry->shape, at::TensorOptions(type));
  read_bytes(tensor, tensor.offset(), raw.data_ptr(), raw.nbytes());
  return raw.to(type_);
}

/// A view with strides of its own: its storage is read from its first to its last element, then gathered.
at::Tensor TensorReader::strided(const Located& tensor) {
  check_limit(tensor, std::max(bytes_when_whole(tensor), tensor.storage->bytes));
  const at::ScalarType type = stored_type(tensor);
  if (tensor.entry->elements() == 0) return at::empty(tensor.entry->shape, at::TensorOptions(type_));
  std::int64_t last = 0;
  for (std::size_t i = 0; i < tensor.entry->shape.size(); ++i)
    last += (tensor.entry->shape[i] - 1) * tensor.entry->strides[i];
  at::Tensor span = at::empty({last + 1}, at::TensorOptions(type));
  read_bytes(tensor, tensor.offset(), span.data_ptr(), span.nbytes());
  return span.as_strided(tensor.entry->shape, tensor.entry->strides).to(type_).contiguous();
}

}  // namespace redflag::forward
