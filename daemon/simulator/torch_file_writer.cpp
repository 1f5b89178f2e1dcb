// Byte for byte what torch's PyTorchFileWriter (miniz, streaming) produces, apart from the serialization id:
// sizes come after the data in descriptors, local headers carry "FB" padding, dates are zero.
#include "daemon/simulator/torch_file_writer.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include <fmt/format.h>
#include <zlib.h>

namespace redflag::daemon {
namespace {

static_assert(std::endian::native == std::endian::little, "the files say byteorder little");

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kLocalHeader = 30;
constexpr std::uint16_t kFlags = 0x0808;  // sizes in a descriptor; names are UTF-8
constexpr std::string_view kDoing = "writing a torch file";

template <typename T>
void put(std::string& out, T value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof value);
}

std::uint32_t crc_of(std::string_view data) {
  return static_cast<std::uint32_t>(
      crc32_z(crc32_z(0, nullptr, 0), reinterpret_cast<const unsigned char*>(data.data()), data.size()));
}

class ZipWriter {
 public:
  void add(const std::string& name, std::string_view data) {
    const auto offset = static_cast<std::uint32_t>(out_.size());
    const std::size_t start = out_.size() + kLocalHeader + name.size() + 4;
    const std::size_t padding = (kAlignment - start % kAlignment) % kAlignment;
    const std::uint32_t crc = crc_of(data);
    const auto size = static_cast<std::uint32_t>(data.size());

    put(out_, std::uint32_t{0x04034b50});
    put(out_, std::uint16_t{0});
    put(out_, kFlags);
    out_.append(18, '\0');  // stored; no date; CRC and sizes follow the data
    put(out_, static_cast<std::uint16_t>(name.size()));
    put(out_, static_cast<std::uint16_t>(padding + 4));
    out_ += name;
    out_ += "FB";
    put(out_, static_cast<std::uint16_t>(padding));
    out_.append(padding, 'Z');
    out_ += data;
    put(out_, std::uint32_t{0x08074b50});
    put(out_, crc);
    put(out_, size);
    put(out_, size);

    put(directory_, std::uint32_t{0x02014b50});
    put(directory_, std::uint32_t{0});  // versions
    put(directory_, kFlags);
    put(directory_, std::uint16_t{0});  // stored
    put(directory_, std::uint32_t{0});  // no date
    put(directory_, crc);
    put(directory_, size);
    put(directory_, size);
    put(directory_, static_cast<std::uint16_t>(name.size()));
    directory_.append(12, '\0');  // no extra field, no comment, no attributes
    put(directory_, offset);
    directory_ += name;
    ++entries_;
    records_ += name;
    put(records_, crc);
  }

  /// 40 digits that depend on names and contents, as torch's do (it hashes otherwise).
  std::string serialization_id() const {
    return fmt::format("{:020}{:020}", std::uint64_t{crc_of(records_)}, std::uint64_t{crc_of(directory_)});
  }

  std::string finish() {
    const auto start = static_cast<std::uint64_t>(out_.size());
    const auto size = static_cast<std::uint64_t>(directory_.size());
    out_ += directory_;
    const auto end = static_cast<std::uint64_t>(out_.size());
    put(out_, std::uint32_t{0x06064b50});
    put(out_, std::uint64_t{44});
    put(out_, std::uint16_t{0x031e});
    put(out_, std::uint16_t{45});
    put(out_, std::uint64_t{0});  // disks
    put(out_, std::uint64_t{entries_});
    put(out_, std::uint64_t{entries_});
    put(out_, size);
    put(out_, start);
    put(out_, std::uint32_t{0x07064b50});
    put(out_, std::uint32_t{0});
    put(out_, end);
    put(out_, std::uint32_t{1});
    put(out_, std::uint32_t{0x06054b50});
    put(out_, std::uint32_t{0});  // disks
    put(out_, entries_);
    put(out_, entries_);
    put(out_, static_cast<std::uint32_t>(size));
    put(out_, static_cast<std::uint32_t>(start));
    put(out_, std::uint16_t{0});
    return std::move(out_);
  }

 private:
  std::string out_;
  std::string directory_;
  std::string records_;
  std::uint16_t entries_ = 0;
};

/// Pickle protocol 2's shortest form of a number that is not negative.
std::string pickled(std::uint64_t value) {
  std::string out;
  if (value < 0x100) {
    out = 'K';
    put(out, static_cast<std::uint8_t>(value));
  } else if (value < 0x10000) {
    out = 'M';
    put(out, static_cast<std::uint16_t>(value));
  } else if (value < 0x80000000U) {
    out = 'J';
    put(out, static_cast<std::uint32_t>(value));
  } else {
    out = "\x8a\x08";
    put(out, value);
  }
  return out;
}

/// A tuple of up to three numbers has an opcode of its own; memo entries are numbered as they come.
std::string pickled(const std::vector<std::uint64_t>& values, int& memo) {
  if (values.empty()) return ")";
  std::string out = values.size() > 3 ? "(" : "";
  for (const std::uint64_t value : values) out += pickled(value);
  out += values.size() > 3 ? 't' : static_cast<char>('\x84' + static_cast<char>(values.size()));
  out += 'q';
  out += static_cast<char>(memo++);
  return out;
}

std::string tensor_pickle(const std::vector<std::uint64_t>& shape, std::uint64_t elements) {
  using namespace std::string_literals;
  std::vector<std::uint64_t> strides(shape.size(), 1);
  for (std::size_t i = shape.size(); i-- > 1;)
    strides[i - 1] = strides[i] * std::max<std::uint64_t>(shape[i], 1);
  std::string out =
      "\x80\x02"
      "ctorch._utils\n_rebuild_tensor_v2\nq\0((X\x07\0\0\0storageq\x01"
      "ctorch\nFloatStorage\nq\x02X\x01\0\0\0"
      "0q\x03X\x03\0\0\0cpuq\x04"s;
  out += pickled(elements);
  out += "tq\x05QK\0"s;
  int memo = 6;
  out += pickled(shape, memo);
  out += pickled(strides, memo);
  out +=
      "\x89"
      "ccollections\nOrderedDict\nq";
  out += static_cast<char>(memo++);
  out += ")Rq";
  out += static_cast<char>(memo++);
  out += "tq";
  out += static_cast<char>(memo++);
  out += "Rq";
  out += static_cast<char>(memo++);
  return out + '.';
}

}  // namespace

std::optional<std::uint64_t> element_count(const std::vector<std::int64_t>& shape) {
  constexpr std::uint64_t kLimit = std::uint64_t{1} << 40;
  std::uint64_t count = 1;
  for (const std::int64_t size : shape) {
    if (size < 0 || static_cast<std::uint64_t>(size) > kLimit) return std::nullopt;
    count *= static_cast<std::uint64_t>(size);
    if (count > kLimit) return std::nullopt;
  }
  return count;
}

Result<std::string> torch_file(std::string_view name, const FloatTensor& tensor) {
  const auto elements = element_count(tensor.shape);
  if (!elements || *elements != tensor.values.size() || tensor.shape.size() > 64) {
    return fail(ErrorCode::invalid_input, std::string{kDoing}, "the tensor's shape and values do not agree");
  }
  if (name.empty() || name.size() > 1000 || name.find('/') != std::string_view::npos) {
    return fail(ErrorCode::invalid_input, std::string{kDoing}, "the name must be a file's stem");
  }
  const std::size_t bytes = tensor.values.size() * sizeof(float);
  if (bytes >= std::size_t{1} << 31)
    return fail(ErrorCode::too_large, std::string{kDoing}, "the tensor has 2 GiB or more");
  const std::string prefix = std::string{name} + '/';
  const std::vector<std::uint64_t> shape{tensor.shape.begin(), tensor.shape.end()};
  ZipWriter zip;
  zip.add(prefix + "data.pkl", tensor_pickle(shape, *elements));
  zip.add(prefix + "byteorder", "little");
  zip.add(prefix + "data/0", {reinterpret_cast<const char*>(tensor.values.data()), bytes});
  zip.add(prefix + "version", "3\n");
  zip.add(prefix + ".data/serialization_id", zip.serialization_id());
  return zip.finish();
}

}  // namespace redflag::daemon
