#include "daemon/tensors/tensor_file.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "daemon/results/printable.h"
#include "daemon/tensors/failure.h"
#include "daemon/tensors/numbers.h"
#include "daemon/tensors/read_tensors.h"
#include "daemon/tensors/safetensors.h"
#include "daemon/tensors/torch_legacy.h"
#include "daemon/tensors/torch_zip.h"

namespace redflag::tensors {
namespace {

constexpr std::size_t kMaxScalars = 5'000;

struct Look {
  std::string_view begins;
  std::string_view what;
};

/// Files that lie where tensors should, and are something else.
constexpr Look kOthers[] = {{"\x1f\x8b", "gzip"},
                            {"\x89PNG", "a PNG image"},
                            {"%PDF", "a PDF"},

                            {"\x89HDF", "HDF5"},
                            {"7z\xbc\xaf", "7-Zip"},
                            {"BZh", "bzip2"},
                            {"\xfd"
                             "7zXZ",
                             "xz"},
                            {"\x28\xb5\x2f\xfd", "zstd"},
                            {"GGUF", "GGUF"},
                            {"\x93NUMPY", "a numpy .npy array"},
                            {"\x7f"
                             "ELF",
                             "a program"}};

std::string named_by_its_head(const std::string& head) {
  for (const Look& each : kOthers) {
    if (head.compare(0, each.begins.size(), each.begins) == 0) return std::string(each.what);
  }
  const std::size_t text = head.find_first_not_of(" \t\r\n");
  std::string start = text == std::string::npos ? std::string() : head.substr(text, 16);
  std::transform(start.begin(), start.end(), start.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (start.rfind("<!doctype", 0) == 0 || start.rfind("<html", 0) == 0 || start.rfind("<?xml", 0) == 0) {
    return "an HTML page, as a failed download leaves it";
  }
  if (head.size() >= 262 && head.compare(257, 5, "ustar") == 0)
    return "a tar archive (torch before 0.1.10, or packed by hand)";
  return {};
}

/// Shared storages keep the type that all their tensors agree on.
void settle_types(TensorFile& file) {
  std::vector<bool> seen(file.storages.size(), false);
  for (const TensorEntry& each : file.tensors) {
    StorageEntry& storage = file.storages[each.storage];
    const bool usable = !each.opaque && each.dtype != DType::opaque8 && each.dtype != DType::opaque32;
    const std::optional<DType> wanted = usable ? std::optional(each.dtype) : std::nullopt;
    if (!seen[each.storage]) {
      storage.dtype = wanted;
    } else if (storage.dtype != wanted) {
      storage.dtype = std::nullopt;
    }
    seen[each.storage] = true;
  }
}

/// Single-element tensors are the numbers of optimizers and schedulers: "state.0.step".
void add_scalars(const ByteSource& source, TensorFile& file) {
  std::size_t added = 0;
  for (const TensorEntry& each : file.tensors) {
    if (each.opaque || each.shape.size() > 1 || each.elements() != 1 || added == kMaxScalars) continue;
    const std::uint64_t width = size_of(each.dtype);
    const auto number =
        decode_number(each.dtype, source.bytes(file.storages[each.storage].offset + each.first * width,
                                               static_cast<std::size_t>(width)));
    if (!number) continue;
    file.values.emplace_back(each.name.empty() ? "value" : each.name, *number);
    ++added;
  }
}

}  // namespace

std::string shown(std::string_view name) {
  std::string text = daemon::printable_path(name.substr(0, 80));
  if (name.size() > 80) text += "…";
  return text.empty() ? "(unnamed)" : text;
}

std::string commas(std::uint64_t value) {
  return daemon::with_commas(value);
}

std::uint64_t TensorEntry::elements() const {
  std::uint64_t count = 1;
  for (const std::int64_t size : shape) count *= static_cast<std::uint64_t>(size);
  return count;
}

tl::expected<ReadTensors, ReadFailure> read_tensors(const ByteSource& source, std::string_view name) {
  const std::string head = source.bytes(0, 512);
  ReadTensors out;
  const auto take =
      [&](tl::expected<TensorFile, ReadFailure> file) -> tl::expected<ReadTensors, ReadFailure> {
    if (!file) return Failed(file.error());
    out.file = std::move(*file);
    return std::move(out);
  };
  tl::expected<ReadTensors, ReadFailure> result;
  const std::string other = named_by_its_head(head);
  if (!other.empty()) return Failed(ReadFailure{Verdict::unknown, "not a file of tensors: it is " + other});
  if (head.compare(0, 4, "PK\x03\x04") == 0 || head.compare(0, 4, "PK\x05\x06") == 0) {
    auto zip = read_torch_zip(source);
    if (!zip) return Failed(zip.error());
    out.entries = std::move(zip->entries);
    result = take(std::move(zip->file));
  } else if (head.size() > 1 && head[0] == '\x80' && static_cast<unsigned char>(head[1]) <= 5) {
    result = take(read_torch_legacy(source));
  } else if (name.ends_with(".safetensors") || (head.size() > 8 && head[8] == '{')) {
    result = take(read_safetensors(source));
  } else if (head.size() < 4 && std::string_view("PK\x03\x04").substr(0, head.size()) == head) {
    return truncated(fmt::format("only the first bytes of a zip are there; {} bytes", head.size()));
  } else if (!head.empty() && head.find_first_not_of('\0') == std::string::npos) {
    return damaged("begins with zero bytes, as after a crash before the data reached the disk");
  } else {
    // The oldest pickles begin with no mark of their own: what can be read as one from end to end is one.
    result = take(read_torch_legacy(source));
    if (!result) return damaged("neither a torch zip, nor a pickle, nor safetensors");
  }
  if (!result) return result;
  settle_types(result->file);
  add_scalars(source, result->file);
  return result;
}

tl::expected<TensorFile, ReadFailure> read_tensor_file(const ByteSource& source) {
  auto read = read_tensors(source, {});
  if (!read) return Failed(read.error());
  return std::move(read->file);
}

}  // namespace redflag::tensors
