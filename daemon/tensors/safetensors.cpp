#include "daemon/tensors/safetensors.h"

#include <algorithm>
#include <numeric>
#include <unordered_set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "daemon/tensors/failure.h"

namespace redflag::tensors {
namespace {

constexpr std::uint64_t kMaxHeader = 100'000'000;  // the format's own limit
constexpr std::uint64_t kMaxRead = 32'000'000;
constexpr std::size_t kMaxTensors = 300'000;

/// Bits of one element, also of those types that share bytes; 0 for unknown names.
std::uint64_t bits_of(std::string_view dtype) {
  if (dtype == "F4") return 4;
  if (dtype == "F6_E2M3" || dtype == "F6_E3M2") return 6;
  const auto known = dtype_of_safetensors(dtype);
  return known ? size_of(*known) * 8 : 0;
}

/// Follows {"name": {"dtype": …, "shape": […], "data_offsets": [begin, end]}, "__metadata__": {…}} event by
/// event: the library's tree would cost quadratic time on 20,000 tensors.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  TensorFile file;
  std::string problem;

  bool null() override { return scalar("null"); }
  bool boolean(bool) override { return scalar("a boolean"); }
  bool number_integer(number_integer_t) override { return scalar("a negative number"); }
  bool number_float(number_float_t, const string_t&) override { return scalar("a fraction"); }
  bool binary(binary_t&) override { return false; }
  bool number_unsigned(number_unsigned_t value) override {
    if (depth_ != 3 || field_ == Field::other) return scalar("a number");
    if (field_ == Field::offsets) {
      if (offsets_ < 2) range_[offsets_] = value;
      ++offsets_;
      return true;
    }
    if (value > std::uint64_t{1} << 62 || tensor_.shape.size() == 64)
      return say("a shape that no tensor can have");
    tensor_.shape.push_back(static_cast<std::int64_t>(value));
    return true;
  }
  bool string(string_t& text) override {
    if (in_metadata_ && depth_ == 2) {
      if (file.values.size() < 1000)
        file.values.emplace_back("__metadata__." + key_.substr(0, 200), text.substr(0, 256));
      return true;
    }
    if (depth_ != 2 || field_ != Field::dtype) return scalar("a text");
    dtype_ = text;
    return true;
  }
  bool start_object(std::size_t) override {
    ++depth_;
    if (depth_ == 1) return true;
    if (depth_ != 2) return say("an object where none belongs");
    in_metadata_ = key_ == "__metadata__";
    tensor_ = {};
    tensor_.name = key_;
    dtype_.clear();
    offsets_ = 0;
    have_shape_ = false;
    seen_ = 0;
    return true;
  }
  bool end_object() override {
    --depth_;
    return depth_ != 1 || in_metadata_ || add_tensor();
  }
  bool start_array(std::size_t) override {
    ++depth_;
    if (depth_ != 3 || in_metadata_ || field_ == Field::dtype || field_ == Field::other)
      return say("a list where none belongs");
    if (field_ == Field::shape) have_shape_ = true;
    return true;
  }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool key(string_t& name) override {
    key_ = name;
    if (depth_ == 1) {
      if (!names_.insert(name).second) return say(fmt::format("two tensors are named {}", shown(name)));
      return names_.size() <= kMaxTensors || say("more than 300,000 tensors");
    }
    field_ = name == "dtype"          ? Field::dtype
             : name == "shape"        ? Field::shape
             : name == "data_offsets" ? Field::offsets
                                      : Field::other;
    const unsigned bit = 1U << static_cast<unsigned>(field_);
    if (depth_ == 2 && !in_metadata_ && field_ != Field::other && (seen_ & bit) != 0) {
      return say(fmt::format("tensor {} has two fields named {}", shown(tensor_.name), name));
    }
    seen_ |= bit;
    return true;
  }
  bool parse_error(std::size_t at, const std::string&, const nlohmann::detail::exception&) override {
    return say(fmt::format("no JSON at byte {} of the header", at));
  }

 private:
  enum class Field : std::uint8_t { dtype, shape, offsets, other };

  bool say(std::string what) {
    if (problem.empty()) problem = std::move(what);
    return false;
  }
  bool scalar(const char* what) {
    if (depth_ == 2 && field_ == Field::other && !in_metadata_)
      return true;  // fields that later versions may add
    return say(
        fmt::format("{} where none belongs, at {}", what, shown(tensor_.name.empty() ? key_ : tensor_.name)));
  }
  bool add_tensor() {
    const std::string name = shown(tensor_.name);
    if (dtype_.empty() || !have_shape_ || offsets_ != 2) {
      return say(fmt::format("tensor {} lacks its dtype, shape or data_offsets", name));
    }
    const std::uint64_t bits = bits_of(dtype_);
    if (bits == 0) return say(fmt::format("tensor {} is of the unknown type {}", name, shown(dtype_)));
    const auto known = dtype_of_safetensors(dtype_);
    tensor_.dtype = known.value_or(DType::opaque8);
    tensor_.opaque = !known;
    std::uint64_t total = bits;
    for (const std::int64_t size : tensor_.shape) {
      if (__builtin_mul_overflow(total, static_cast<std::uint64_t>(size), &total)) {
        return say(fmt::format("tensor {} claims more bytes than a file can have", name));
      }
    }
    if (total % 8 != 0 || range_[0] > range_[1] || range_[1] - range_[0] != total / 8) {
      return say(fmt::format("tensor {} of type {} and shape [{}] cannot lie in bytes {} to {}", name, dtype_,
                             fmt::join(tensor_.shape, ", "), range_[0], range_[1]));
    }
    tensor_.storage = file.storages.size();
    file.storages.push_back({tensor_.name, range_[0], total / 8, known});
    file.tensors.push_back(std::move(tensor_));
    tensor_ = {};
    return true;
  }

  int depth_ = 0;
  bool in_metadata_ = false;
  bool have_shape_ = false;
  unsigned seen_ = 0;  ///< fields of this tensor, a bit each
  Field field_ = Field::other;
  std::string key_;
  std::string dtype_;
  TensorEntry tensor_;
  std::size_t offsets_ = 0;
  std::uint64_t range_[2] = {0, 0};
  std::unordered_set<std::string> names_;
};

}  // namespace

tl::expected<TensorFile, ReadFailure> read_safetensors(const ByteSource& source) {
  const std::uint64_t size = source.size();
  const std::string head = source.bytes(0, 9);
  if (head.size() < 8) return truncated(fmt::format("shorter than a safetensors header; {} bytes", size));
  const std::uint64_t length = little_endian(head, 0, 8);
  if (length < 2 || length > kMaxHeader || (head.size() > 8 && head[8] != '{'))
    return damaged("not a safetensors header");
  if (length > size - 8) {
    return truncated(
        fmt::format("its header alone takes {} bytes; {} bytes", commas(length + 8), commas(size)));
  }
  if (length > kMaxRead)
    return refused(fmt::format("a header of {} bytes, more than the {} that are read", commas(length),
                               commas(kMaxRead)));
  const std::string header = source.bytes(8, static_cast<std::size_t>(length));
  if (header.size() != length)
    return Failed(ReadFailure{Verdict::in_progress, "it became shorter while it was read"});
  HeaderReader reader;
  bool whole = false;
  try {
    whole = nlohmann::json::sax_parse(header, &reader);
  } catch (const nlohmann::json::exception&) {
    reader.problem = "a number that no tensor needs";
  }
  if (!whole)
    return damaged("safetensors header: " +
                   (reader.problem.empty() ? std::string("not what it should be") : reader.problem));
  TensorFile file = std::move(reader.file);
  file.kind = FileKind::safetensors;
  std::vector<std::size_t> order(file.storages.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return file.storages[a].offset != file.storages[b].offset
               ? file.storages[a].offset < file.storages[b].offset
               : file.storages[a].bytes < file.storages[b].bytes;
  });
  const std::uint64_t data = size - 8 - length;
  std::uint64_t at = 0;
  for (const std::size_t i : order) {
    const StorageEntry& each = file.storages[i];
    if (each.offset < at)
      return damaged(fmt::format("tensor {} overlaps the one before it", shown(each.key)));
    if (each.offset > at) {
      return damaged(
          fmt::format("{} bytes before tensor {} belong to none", commas(each.offset - at), shown(each.key)));
    }
    at = each.offset + each.bytes;
  }
  if (at > data) {
    if (at > UINT64_MAX / 2) return damaged("a tensor claims more bytes than a file can have");
    return truncated(fmt::format("its tensors end at {}; {} of {} bytes", commas(at + 8 + length),
                                 commas(size), commas(at + 8 + length)));
  }
  if (at < data) return damaged(fmt::format("{} bytes follow the last tensor", commas(data - at)));
  for (StorageEntry& each : file.storages) each.offset += 8 + length;
  return file;
}

}  // namespace redflag::tensors
