// torch.save's zip (and its older bare pickle) and safetensors: are both ends there, and do they agree with
// each other?
#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "daemon/results/bounded_json.h"
#include "daemon/results/file_check.h"
#include "daemon/results/printable.h"

namespace redflag::daemon {
namespace {

constexpr std::uint64_t kEndRecord = 22;
constexpr std::uint64_t kMaxComment = 65535;
constexpr std::uint64_t kMaxWalkedDirectory = 1'000'000;
constexpr std::uint64_t kMaxParsedHeader = 8'000'000;
constexpr std::uint64_t kMaxHeader = 100'000'000;  // safetensors' own limit

/// Little-endian bytes as a number. The caller has made sure that they are there.
std::uint64_t number(std::string_view bytes, std::size_t at, std::size_t width) {
  std::uint64_t value = 0;
  for (std::size_t i = width; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

CheckResult truncated(const std::string& why, std::uint64_t size) {
  return {Verdict::truncated, fmt::format("truncated: {}; {} bytes", why, with_commas(size))};
}

CheckResult damaged(const std::string& why) {
  return {Verdict::damaged, "damaged: " + why};
}

struct End {
  std::uint64_t at = 0;  ///< where the central directory has to end
  std::uint64_t entries = 0;
  std::uint64_t size = 0;  ///< of the central directory
  std::uint64_t offset = 0;
};

/// Walks the central directory: as many entries as announced, each inside the file.
CheckResult walk(std::string_view directory, const End& end) {
  constexpr std::size_t kEntry = 46;
  std::size_t at = 0;
  for (std::uint64_t i = 0; i < end.entries; ++i) {
    if (directory.size() - at < kEntry || directory.substr(at, 4) != "PK\x01\x02") {
      return damaged(fmt::format("entry {} of {} in the central directory is not one", i + 1, end.entries));
    }
    const std::uint64_t length = kEntry + number(directory, at + 28, 2) + number(directory, at + 30, 2) +
                                 number(directory, at + 32, 2);
    const std::uint64_t packed = number(directory, at + 20, 4);
    const std::uint64_t offset = number(directory, at + 42, 4);
    if (length > directory.size() - at) return damaged("an entry of the central directory runs over its end");
    // 0xffffffff stands for a number in the zip64 field, which is for the inspector.
    if (offset != 0xffffffffU && packed != 0xffffffffU && offset + packed > end.offset) {
      return damaged(fmt::format("entry {} of {} lies outside the file", i + 1, end.entries));
    }
    at += static_cast<std::size_t>(length);
  }
  if (at != directory.size()) return damaged("bytes are left over in the central directory");
  return {};
}

/// Reads the zip64 records where the short ones are full. False when they are not what they should be.
Result<bool> widen(FileSystem& files, const std::string& path, std::uint64_t record, End& end) {
  const bool full = end.entries == 0xffffU || end.size == 0xffffffffU || end.offset == 0xffffffffU;
  if (record < 20) return !full;
  const auto locator = files.read(path, record - 20, 20);
  if (!locator) return tl::unexpected(locator.error());
  if (locator->size() != 20 || locator->substr(0, 4) != "PK\x06\x07") return !full;
  const std::uint64_t at = number(*locator, 8, 8);
  if (at > record - 20 || record - 20 - at < 56) return false;
  const auto wide = files.read(path, at, 56);
  if (!wide) return tl::unexpected(wide.error());
  if (wide->size() != 56 || wide->substr(0, 4) != "PK\x06\x06") return false;
  end.entries = number(*wide, 32, 8);
  end.size = number(*wide, 40, 8);
  end.offset = number(*wide, 48, 8);
  end.at = at;
  return true;
}

}  // namespace

Result<CheckResult> check_zip(FileSystem& files, const std::string& path, std::uint64_t size) {
  if (size < kEndRecord) return truncated("shorter than the smallest zip", size);
  // The end record is last, unless there is a comment: the short look nearly always suffices.
  std::uint64_t record = 0;
  std::string tail;
  bool found = false;
  for (const std::uint64_t span : {kEndRecord, kEndRecord + kMaxComment}) {
    const std::uint64_t length = std::min(span, size);
    auto bytes = files.read(path, size - length, static_cast<std::size_t>(length));
    if (!bytes) return tl::unexpected(bytes.error());
    tail = std::move(*bytes);
    if (tail.size() != length) return truncated("it became shorter while it was read", size);
    for (std::size_t at = tail.size() - kEndRecord + 1; at-- > 0;) {
      if (tail.compare(at, 4, "PK\x05\x06") != 0) continue;
      if (at + kEndRecord + number(tail, at + 20, 2) != tail.size()) continue;
      tail.erase(0, at);
      record = size - length + at;
      found = true;
      break;
    }
    if (found) break;
  }
  if (!found) return truncated("the zip's central directory is missing", size);
  End end;
  end.at = record;
  end.entries = number(tail, 10, 2);
  end.size = number(tail, 12, 4);
  end.offset = number(tail, 16, 4);
  const auto widened = widen(files, path, record, end);
  if (!widened) return tl::unexpected(widened.error());
  if (!*widened) return damaged("the zip's 64-bit end record is missing or wrong");
  if (end.size > end.at || end.offset != end.at - end.size) {
    return damaged(fmt::format("the central directory should be {} bytes at {}, before its end record at {}",
                               with_commas(end.size), with_commas(end.offset), with_commas(end.at)));
  }
  if (end.entries == 0) return damaged("a zip without entries");
  if (end.entries > end.size / 46)
    return damaged("more entries announced than the central directory can hold");
  const auto directory =
      files.read(path, end.offset, static_cast<std::size_t>(std::min(end.size, kMaxWalkedDirectory)));
  if (!directory) return tl::unexpected(directory.error());
  if (end.size <= kMaxWalkedDirectory) return walk(*directory, end);
  if (directory->substr(0, 4) != "PK\x01\x02")
    return damaged("the central directory is not where it should be");
  return CheckResult{};
}

Result<CheckResult> check_torch(FileSystem& files, const std::string& path, std::uint64_t size) {
  const auto head = files.read(path, 0, 64);
  if (!head) return tl::unexpected(head.error());
  if (head->empty()) return CheckResult{Verdict::empty, "empty: 0 bytes"};
  const auto first = static_cast<unsigned char>(head->front());
  if (head->rfind("PK\x03\x04", 0) == 0) return check_zip(files, path, size);
  if (head->size() < 4 && std::string_view("PK\x03\x04").substr(0, head->size()) == *head) {
    return truncated("only the first bytes of a zip are there", size);
  }
  // Before torch 1.6: pickles one after the other. Their end cannot be told without reading them.
  if (first == 0x80 && head->size() > 1 && (*head)[1] >= 1 && (*head)[1] <= 5) return CheckResult{};
  if (std::all_of(head->begin(), head->end(), [](char c) { return c == 0; })) {
    return damaged("begins with zero bytes, as after a crash before the data reached the disk");
  }
  return damaged("neither a torch zip nor a pickle");
}

Result<CheckResult> check_safetensors(FileSystem& files, const std::string& path, std::uint64_t size) {
  if (size < 8) return truncated("shorter than the safetensors header", size);
  const auto head = files.read(path, 0, 9);
  if (!head) return tl::unexpected(head.error());
  if (head->size() < 8) return truncated("it became shorter while it was read", size);
  const std::uint64_t length = number(*head, 0, 8);
  if (length > kMaxHeader || length < 2 || (head->size() > 8 && (*head)[8] != '{')) {
    return damaged("not a safetensors header");
  }
  if (length > size - 8) {
    return truncated(fmt::format("the header alone is {} bytes", with_commas(length)), size);
  }
  if (length > kMaxParsedHeader) return CheckResult{};
  const auto header = files.read(path, 8, static_cast<std::size_t>(length));
  if (!header) return tl::unexpected(header.error());
  const auto end = safetensors_data_end(*header);
  if (!end) return damaged("the safetensors header is not what it should be");
  const std::uint64_t data = size - 8 - length;
  if (*end > data) {
    if (*end > UINT64_MAX - 8 - length) return damaged("a tensor claims more bytes than a file can have");
    return CheckResult{Verdict::truncated, fmt::format("truncated: the tensors end at {}; {} of {} bytes",
                                                       with_commas(8 + length + *end), with_commas(size),
                                                       with_commas(8 + length + *end))};
  }
  if (*end < data) return damaged(fmt::format("{} bytes follow the last tensor", with_commas(data - *end)));
  return CheckResult{};
}

}  // namespace redflag::daemon
