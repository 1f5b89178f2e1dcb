// Read from the end: end record, central directory, then each entry's local header. The central directory is
// walked through a window, so that a hostile one costs no memory.
#include "daemon/tensors/zip_directory.h"

#include <algorithm>
#include <numeric>
#include <unordered_set>

#include <fmt/format.h>

#include "daemon/tensors/failure.h"

namespace redflag::tensors {
namespace {

constexpr std::uint64_t kEndRecord = 22;
constexpr std::uint64_t kCentral = 46;
constexpr std::uint64_t kLocal = 30;
constexpr std::uint64_t kMaxEntries = 200'000;
constexpr std::uint64_t kFull32 = 0xffffffffU;

struct End {
  std::uint64_t entries = 0;
  std::uint64_t size = 0;  ///< of the central directory
  std::uint64_t offset = 0;
  std::uint64_t limit = 0;  ///< where the central directory has to end
};

struct Sizes {
  std::uint64_t stored = 0;  ///< bytes in the file
  std::uint64_t full = 0;    ///< when unpacked
  std::uint64_t offset = 0;  ///< of the local header; central directory only
};

/// Replaces what is full in the short record by the zip64 field among `extra`. False when it is needed and
/// not there.
bool widen(std::string_view extra, Sizes& sizes) {
  const bool needed = sizes.full == kFull32 || sizes.stored == kFull32 || sizes.offset == kFull32;
  if (!needed) return true;
  while (extra.size() >= 4) {
    const std::uint64_t id = little_endian(extra, 0, 2);
    const std::uint64_t length = little_endian(extra, 2, 2);
    if (length > extra.size() - 4) return false;
    if (id == 1) {
      std::string_view field = extra.substr(4, static_cast<std::size_t>(length));
      for (std::uint64_t* value : {&sizes.full, &sizes.stored, &sizes.offset}) {
        if (*value != kFull32) continue;
        if (field.size() < 8) return false;
        *value = little_endian(field, 0, 8);
        field.remove_prefix(8);
      }
      return true;
    }
    extra.remove_prefix(static_cast<std::size_t>(4 + length));
  }
  return false;
}

tl::expected<End, ReadFailure> read_end(const ByteSource& source) {
  const std::uint64_t size = source.size();
  if (size < kEndRecord) return truncated(fmt::format("shorter than the smallest zip; {} bytes", size));
  std::string tail;
  std::uint64_t at = 0;
  bool found = false;
  // The end record is last unless there is a comment: the short look nearly always suffices.
  for (const std::uint64_t span : {kEndRecord, kEndRecord + 65535}) {
    const std::uint64_t length = std::min(span, size);
    tail = source.bytes(size - length, static_cast<std::size_t>(length));
    if (tail.size() != length)
      return Failed(ReadFailure{Verdict::in_progress, "it became shorter while it was read"});
    for (std::size_t i = tail.size() - kEndRecord + 1; i-- > 0 && !found;) {
      if (tail.compare(i, 4, "PK\x05\x06") != 0) continue;
      if (i + kEndRecord + little_endian(tail, i + 20, 2) != tail.size()) continue;
      tail.erase(0, i);
      at = size - length + i;
      found = true;
    }
    if (found) break;
  }
  if (!found) return Failed(truncated_zip(source, "central directory missing"));
  End end{little_endian(tail, 10, 2), little_endian(tail, 12, 4), little_endian(tail, 16, 4), at};
  const bool full = end.entries == 0xffffU || end.size == kFull32 || end.offset == kFull32;
  const std::string locator = at < 20 ? std::string() : source.bytes(at - 20, 20);
  if (locator.size() == 20 && locator.compare(0, 4, "PK\x06\x07") == 0) {
    const std::uint64_t where = little_endian(locator, 8, 8);
    const std::string wide = where <= at - 20 ? source.bytes(where, 56) : std::string();
    if (wide.size() != 56 || wide.compare(0, 4, "PK\x06\x06") != 0 || at - 20 - where < 56) {
      return damaged("the zip's 64-bit end record is missing or wrong");
    }
    end = {little_endian(wide, 32, 8), little_endian(wide, 40, 8), little_endian(wide, 48, 8), where};
  } else if (full) {
    return damaged("the zip's 64-bit end record is missing");
  }
  if (end.size > end.limit || end.offset != end.limit - end.size) {
    return damaged(fmt::format("the central directory should be {} bytes at {}, before its end record at {}",
                               commas(end.size), commas(end.offset), commas(end.limit)));
  }
  if (end.entries == 0) return damaged("a zip without entries");
  if (end.entries > end.size / kCentral)
    return damaged("more entries announced than the central directory can hold");
  if (end.entries > kMaxEntries) {
    return refused(
        fmt::format("{} entries, more than the {} that are read", commas(end.entries), commas(kMaxEntries)));
  }
  return end;
}

/// What the local header says has to be what the central directory says.
tl::expected<void, ReadFailure> check_local(const ByteSource& source, const End& end,
                                            std::string_view central, const Sizes& sizes, ZipEntry& entry) {
  if (sizes.offset > end.offset || end.offset - sizes.offset < kLocal) {
    return damaged(fmt::format("entry {} lies outside the file", shown(entry.name)));
  }
  const std::string head = source.bytes(sizes.offset, kLocal + 512);
  if (head.size() < kLocal || head.compare(0, 4, "PK\x03\x04") != 0) {
    return damaged(fmt::format("no local header at {} where entry {} should begin", commas(sizes.offset),
                               shown(entry.name)));
  }
  const std::uint64_t name_length = little_endian(head, 26, 2);
  const std::uint64_t extra_length = little_endian(head, 28, 2);
  const std::string name = kLocal + name_length <= head.size()
                               ? head.substr(kLocal, static_cast<std::size_t>(name_length))
                               : source.bytes(sizes.offset + kLocal, static_cast<std::size_t>(name_length));
  if (name != entry.name) {
    return damaged(fmt::format("entry {} is named {} in its local header", shown(entry.name), shown(name)));
  }
  entry.data = sizes.offset + kLocal + name_length + extra_length;
  if (entry.data > end.offset || sizes.stored > end.offset - entry.data) {
    return damaged(fmt::format("entry {} needs {} bytes at {}, but the central directory begins at {}",
                               shown(entry.name), commas(sizes.stored), commas(entry.data),
                               commas(end.offset)));
  }
  const std::uint64_t flags = little_endian(head, 6, 2);
  if (little_endian(head, 8, 2) != little_endian(central, 10, 2)) {
    return damaged(fmt::format("entry {}: its two headers name different methods", shown(entry.name)));
  }
  // Bit 3: sizes and checksum follow the data, and may be zero here.
  const bool later = (flags & 8U) != 0;
  Sizes local{little_endian(head, 18, 4), little_endian(head, 22, 4), 0};
  if (!(later && local.stored == 0 && local.full == 0)) {
    const std::string extra =
        source.bytes(sizes.offset + kLocal + name_length, static_cast<std::size_t>(extra_length));
    if (!widen(extra, local) || local.stored != sizes.stored || local.full != sizes.full) {
      return damaged(fmt::format("entry {}: its two headers name different sizes", shown(entry.name)));
    }
  }
  const std::uint64_t crc = little_endian(head, 14, 4);
  if (!(later && crc == 0) && crc != entry.crc) {
    return damaged(fmt::format("entry {}: its two headers name different checksums", shown(entry.name)));
  }
  return {};
}

/// Two entries that share bytes are a trick or a torn write.
tl::expected<void, ReadFailure> check_apart(const std::vector<ZipEntry>& entries) {
  std::unordered_set<std::string_view> names;
  names.reserve(entries.size());
  for (const ZipEntry& each : entries) {
    if (!names.insert(each.name).second)
      return damaged(fmt::format("two entries are named {}", shown(each.name)));
  }
  std::vector<std::uint32_t> order(entries.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return entries[a].data < entries[b].data; });
  for (std::size_t i = 1; i < order.size(); ++i) {
    const ZipEntry& before = entries[order[i - 1]];
    const ZipEntry& after = entries[order[i]];
    if (before.data + before.bytes > after.data) {
      return damaged(fmt::format("entries {} and {} overlap", shown(before.name), shown(after.name)));
    }
  }
  return {};
}

}  // namespace

ReadFailure truncated_zip(const ByteSource& source, const std::string& why) {
  // Local headers carry sizes when they were known at the time of writing: follow them as far as they lead.
  std::uint64_t at = 0;
  std::string inside;
  for (std::uint64_t i = 0; i < kMaxEntries; ++i) {
    const std::string head = source.bytes(at, kLocal + 512);
    if (head.size() < kLocal || head.compare(0, 4, "PK\x03\x04") != 0) break;
    const std::uint64_t names = little_endian(head, 26, 2);
    const std::uint64_t extras = little_endian(head, 28, 2);
    Sizes sizes{little_endian(head, 18, 4), little_endian(head, 22, 4), 0};
    const std::string extra = source.bytes(at + kLocal + names, static_cast<std::size_t>(extras));
    if (!widen(extra, sizes)) break;
    const bool later = (little_endian(head, 6, 2) & 8U) != 0;
    if (later && sizes.stored == 0) break;
    const std::uint64_t data = at + kLocal + names + extras;
    if (sizes.stored > UINT64_MAX / 2) break;
    if (data + sizes.stored > source.size()) {
      return {Verdict::damaged, fmt::format("truncated: {}; {} of at least {} bytes, it ends inside {}", why,
                                            commas(source.size()), commas(data + sizes.stored),
                                            shown(head.substr(kLocal, static_cast<std::size_t>(names))))};
    }
    at = data + sizes.stored;
    if (later) at += source.bytes(at, 4) == "PK\x07\x08" ? (little_endian(head, 4, 2) >= 45 ? 24 : 16) : 0;
  }
  return {Verdict::damaged, fmt::format("truncated: {}; {} bytes", why, commas(source.size()))};
}

tl::expected<std::vector<ZipEntry>, ReadFailure> read_zip_directory(const ByteSource& source) {
  const auto end = read_end(source);
  if (!end) return Failed(end.error());
  std::vector<ZipEntry> out;
  out.reserve(static_cast<std::size_t>(end->entries));
  constexpr std::size_t kWindow = 262'144;  // more than the longest entry: 46 + 3 * 65,535
  std::string window;
  std::uint64_t window_at = end->offset;
  std::uint64_t at = end->offset;
  std::size_t name_bytes = 0;
  for (std::uint64_t i = 0; i < end->entries; ++i) {
    const std::uint64_t left = end->limit - at;
    if (at + std::min<std::uint64_t>(left, 200'000) > window_at + window.size()) {
      window = source.bytes(at, static_cast<std::size_t>(std::min<std::uint64_t>(left, kWindow)));
      window_at = at;
    }
    const std::string_view rest = std::string_view(window).substr(static_cast<std::size_t>(at - window_at));
    if (rest.size() < kCentral || rest.substr(0, 4) != "PK\x01\x02") {
      return damaged(fmt::format("entry {} of {} in the central directory is not one", i + 1, end->entries));
    }
    const std::size_t names = little_endian(rest, 28, 2);
    const std::size_t extras = little_endian(rest, 30, 2);
    const std::size_t length = kCentral + names + extras + little_endian(rest, 32, 2);
    if (length > rest.size() || length > left)
      return damaged("an entry of the central directory runs over its end");
    ZipEntry entry;
    entry.name = rest.substr(kCentral, names);
    entry.crc = static_cast<std::uint32_t>(little_endian(rest, 16, 4));
    if ((name_bytes += names) > 16'000'000) return refused("the names of its entries take more than 16 MB");
    Sizes sizes{little_endian(rest, 20, 4), little_endian(rest, 24, 4), little_endian(rest, 42, 4)};
    if (!widen(rest.substr(kCentral + names, extras), sizes)) {
      return damaged(fmt::format("entry {}: its 64-bit sizes are missing", shown(entry.name)));
    }
    const std::uint64_t method = little_endian(rest, 10, 2);
    if ((little_endian(rest, 8, 2) & 1U) != 0)
      return refused(fmt::format("entry {} is encrypted", shown(entry.name)));
    if (method != 0 && method != 8)
      return refused(fmt::format("entry {} is packed by method {}", shown(entry.name), method));
    entry.compressed = method == 8;
    entry.full = sizes.full;
    if (!entry.compressed && sizes.stored != sizes.full) {
      return damaged(fmt::format("entry {} claims {} bytes, {} are stored", shown(entry.name),
                                 commas(sizes.full), commas(sizes.stored)));
    }
    entry.bytes = sizes.stored;
    if (const auto agreed = check_local(source, *end, rest, sizes, entry); !agreed)
      return Failed(agreed.error());
    out.push_back(std::move(entry));
    at += length;
  }
  if (at != end->limit) return damaged("bytes are left over in the central directory");
  if (const auto apart = check_apart(out); !apart) return Failed(apart.error());
  return out;
}

}  // namespace redflag::tensors
