// The file is cut into segments at every border that matters (entries, storages, tensors), the segments into
// chunks, and the chunks are worked off by as many threads as asked for. What they found is put together in
// order, so that the result does not depend on who found it.
#include "daemon/tensors/scan.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <map>
#include <set>
#include <thread>

#include <fmt/format.h>
#include <zlib.h>

#include "daemon/tensors/checksum.h"
#include "daemon/tensors/chunk_reader.h"
#include "daemon/tensors/failure.h"
#include "daemon/tensors/fused_scan.h"
#include "daemon/tensors/numbers.h"

namespace redflag::tensors {
namespace {

constexpr std::uint64_t kChunk = 8U << 20;
constexpr std::uint64_t kWorthThreads = 4U << 20;   // bytes of a file
constexpr std::size_t kMaxCuts = 1'000;             // tensors of one storage that get statistics of their own
constexpr std::uint64_t kMaxWalked = 16'000'000;    // elements of a view that is not contiguous
constexpr std::uint64_t kMaxInflated = 64'000'000;  // of TorchScript's code, which is text
constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

struct Segment {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::size_t entry = kNone;   ///< its checksum counts for this entry
  std::optional<DType> dtype;  ///< none: no numbers
  bool hashed = false;
};

struct Chunk {
  std::size_t segment = 0;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

struct ChunkResult {
  std::uint32_t crc = 0;
  std::uint64_t hash = 0;
  Moments moments;
  bool whole = true;
};

struct Range {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

Range range_of(const TensorFile& file, const TensorEntry& tensor) {
  const std::uint64_t width = size_of(tensor.dtype);
  const StorageEntry& storage = file.storages[tensor.storage];
  // Types that share bytes (four-bit floats) fill their storage, whatever their shape says.
  if (tensor.opaque) return {storage.offset, storage.offset + storage.bytes};
  const std::uint64_t begin = storage.offset + tensor.first * width;
  return {begin, begin + tensor.elements() * width};
}

/// Borders within each storage: where its contiguous tensors begin and end.
std::vector<std::set<std::uint64_t>> cuts_of(const TensorFile& file) {
  std::vector<std::set<std::uint64_t>> cuts(file.storages.size());
  for (const TensorEntry& each : file.tensors) {
    if (!each.strides.empty() || cuts[each.storage].size() > kMaxCuts) continue;
    const Range range = range_of(file, each);
    if (range.begin == range.end) continue;
    cuts[each.storage].insert(range.begin);
    cuts[each.storage].insert(range.end);
  }
  return cuts;
}

/// A zip's entries cover what has a checksum, storages lie in them; without entries the storages are all
/// there is.
std::vector<Segment> segments_of(const ReadTensors& read) {
  const TensorFile& file = read.file;
  const auto cuts = cuts_of(file);
  std::vector<std::size_t> order(file.storages.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return file.storages[a].offset < file.storages[b].offset; });
  std::vector<Segment> out;
  const auto add = [&](std::uint64_t begin, std::uint64_t end, std::size_t entry, std::optional<DType> dtype,
                       bool hashed) {
    if (begin < end) out.push_back({begin, end - begin, entry, dtype, hashed});
  };
  const auto add_storage = [&](const StorageEntry& storage, const std::set<std::uint64_t>& borders,
                               std::size_t entry) {
    std::uint64_t at = storage.offset;
    for (const std::uint64_t border : borders) {
      if (border <= at || border >= storage.offset + storage.bytes) continue;
      add(at, border, entry, storage.dtype, true);
      at = border;
    }
    add(at, storage.offset + storage.bytes, entry, storage.dtype, true);
  };
  if (read.entries.empty()) {
    std::uint64_t done = 0;
    for (const std::size_t i : order) {
      if (file.storages[i].offset < done) continue;  // two arrays over the same bytes of a pickle
      add_storage(file.storages[i], cuts[i], kNone);
      done = file.storages[i].offset + file.storages[i].bytes;
    }
    return out;
  }
  std::vector<std::size_t> by_place(read.entries.size());
  for (std::size_t i = 0; i < by_place.size(); ++i) by_place[i] = i;
  std::sort(by_place.begin(), by_place.end(),
            [&](std::size_t a, std::size_t b) { return read.entries[a].data < read.entries[b].data; });
  std::size_t next = 0;
  for (const std::size_t e : by_place) {
    const ZipEntry& entry = read.entries[e];
    std::uint64_t at = entry.data;
    const std::uint64_t end = entry.data + entry.bytes;
    if (entry.compressed) continue;  // checked by unpacking
    while (next < order.size() && file.storages[order[next]].offset < end) {
      const StorageEntry& storage = file.storages[order[next]];
      if (storage.offset >= at) {
        add(at, storage.offset, e, std::nullopt, false);
        add_storage(storage, cuts[order[next]], e);
        at = storage.offset + storage.bytes;
      }
      ++next;
    }
    add(at, end, e, std::nullopt, false);
  }
  return out;
}

ChunkResult scan_chunk(ChunkReader& reader, const Segment& segment, const Chunk& chunk) {
  ChunkResult out;
  FusedScan scan(segment.dtype, segment.entry != kNone, segment.hashed);
  out.whole = reader.walk(chunk.offset, static_cast<std::size_t>(chunk.bytes),
                          [&](const std::uint8_t* bytes, std::size_t length) { scan.add(bytes, length); });
  out.crc = scan.checksum();
  if (segment.hashed) out.hash = scan.hash();
  out.moments = scan.moments();
  return out;
}

std::vector<ChunkResult> work_off(const ByteSource& source, const std::vector<Segment>& segments,
                                  const std::vector<Chunk>& chunks, const InspectOptions& options) {
  std::vector<ChunkResult> results(chunks.size());
  std::atomic<std::size_t> next{0};
  std::atomic<std::uint64_t> taken{0};
  const auto begun = std::chrono::steady_clock::now();
  // Every byte read is memory bandwidth and a core that a training beside it has not.
  const auto keep_pace = [&](std::uint64_t bytes) {
    if (options.bytes_per_second == 0) return;
    const std::uint64_t before = taken.fetch_add(bytes);
    const double seconds = static_cast<double>(before) / static_cast<double>(options.bytes_per_second);
    std::this_thread::sleep_until(begun + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                              std::chrono::duration<double>(seconds)));
  };
  const auto work = [&] {
    ChunkReader reader(source, options.drop_cache);
    for (std::size_t i = next++; i < chunks.size(); i = next++) {
      keep_pace(chunks[i].bytes);
      results[i] = scan_chunk(reader, segments[chunks[i].segment], chunks[i]);
    }
  };
  const std::size_t threads = std::min<std::size_t>({options.threads, chunks.size(), 64});
  std::vector<std::thread> helpers;
  // A thread costs more than a megabyte of work.
  const bool worth = source.size() > kWorthThreads;
  try {
    for (std::size_t i = 1; i < threads && worth; ++i) helpers.emplace_back(work);
  } catch (const std::system_error&) {
    // No more threads to be had: those there are do it all.
  }
  work();
  for (std::thread& each : helpers) each.join();
  return results;
}

/// A compressed entry's checksum is of what it unpacks to.
std::uint32_t inflated_crc(const ByteSource& source, const ZipEntry& entry) {
  z_stream stream{};
  if (::inflateInit2(&stream, -MAX_WBITS) != Z_OK) return 0;
  std::uint32_t crc = 0;
  std::uint64_t at = entry.data, produced = 0;
  std::vector<std::uint8_t> out(65536);
  int status = Z_OK;
  while (status == Z_OK && at < entry.data + entry.bytes && produced < kMaxInflated) {
    std::string in = source.bytes(
        at, static_cast<std::size_t>(std::min<std::uint64_t>(65536, entry.data + entry.bytes - at)));
    if (in.empty()) break;
    at += in.size();
    stream.next_in = reinterpret_cast<Bytef*>(in.data());
    stream.avail_in = static_cast<uInt>(in.size());
    do {
      stream.next_out = out.data();
      stream.avail_out = static_cast<uInt>(out.size());
      status = ::inflate(&stream, Z_NO_FLUSH);
      const std::size_t got = out.size() - stream.avail_out;
      crc = crc32_of(crc, out.data(), got);
      produced += got;
    } while (status == Z_OK && stream.avail_out == 0 && produced < kMaxInflated);
  }
  ::inflateEnd(&stream);
  return status == Z_STREAM_END ? crc : ~crc;
}

/// Element by element, through a window: for views that leave out part of what they span.
std::optional<Moments> walk_view(const ByteSource& source, const TensorFile& file,
                                 const TensorEntry& tensor) {
  const std::uint64_t count = tensor.elements();
  if (count > kMaxWalked || tensor.opaque || tensor.dtype == DType::opaque8 ||
      tensor.dtype == DType::opaque32)
    return std::nullopt;
  const std::uint64_t width = size_of(tensor.dtype);
  const std::uint64_t base = file.storages[tensor.storage].offset;
  const bool complex = tensor.dtype == DType::complex32 || tensor.dtype == DType::complex64 ||
                       tensor.dtype == DType::complex128;
  Moments out;
  std::vector<std::int64_t> index(tensor.shape.size(), 0);
  std::string window;
  std::uint64_t window_at = 0;
  std::uint64_t element = tensor.first;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t at = base + element * width;
    if (at < window_at || at + width > window_at + window.size()) {
      window = source.bytes(at, 65536);
      window_at = at;
      if (window.size() < width) return std::nullopt;
    }
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(window.data()) + (at - window_at);
    Pivot none = 0.0;
    if (complex) {
      out.merge(moments_of(tensor.dtype, bytes, static_cast<std::size_t>(width), none));
    } else {
      out.add(decode_number(tensor.dtype,
                            std::string_view(window).substr(static_cast<std::size_t>(at - window_at)))
                  .value_or(0));
    }
    for (std::size_t d = tensor.shape.size(); d-- > 0;) {
      element += static_cast<std::uint64_t>(tensor.strides[d]);
      if (++index[d] < tensor.shape[d]) break;
      element -= static_cast<std::uint64_t>(tensor.strides[d]) * static_cast<std::uint64_t>(tensor.shape[d]);
      index[d] = 0;
    }
  }
  return out;
}

}  // namespace

ScanResult scan_tensors(const ByteSource& source, const ReadTensors& read, const InspectOptions& options) {
  const TensorFile& file = read.file;
  const std::vector<Segment> segments = segments_of(read);
  std::vector<Chunk> chunks;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    for (std::uint64_t at = 0; at < segments[i].bytes; at += kChunk) {
      chunks.push_back({i, segments[i].offset + at, std::min(kChunk, segments[i].bytes - at)});
    }
  }
  const std::vector<ChunkResult> results = work_off(source, segments, chunks, options);

  ScanResult out;
  std::vector<std::uint32_t> crc(read.entries.size(), 0);
  std::vector<TensorScan> of_segment(segments.size());
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    const Segment& segment = segments[chunks[i].segment];
    const ChunkResult& result = results[i];
    if (!result.whole && !out.short_read)
      out.short_read = fmt::format("at {} of {} bytes", commas(chunks[i].offset), commas(source.size()));
    if (segment.entry != kNone)
      crc[segment.entry] = crc32_joined(crc[segment.entry], result.crc, chunks[i].bytes);
    TensorScan& whole = of_segment[chunks[i].segment];
    if (segment.hashed) whole.hash = whole.hash == 0 ? result.hash : mix_hash(whole.hash, result.hash);
    if (!segment.dtype) continue;
    if (whole.moments) {
      whole.moments->merge(result.moments);
    } else {
      whole.moments = result.moments;
    }
  }
  for (std::size_t i = 0; i < read.entries.size(); ++i) {
    if (read.entries[i].compressed) crc[i] = inflated_crc(source, read.entries[i]);
  }
  out.checksums = std::move(crc);

  std::map<std::uint64_t, std::size_t> by_offset;
  for (std::size_t i = 0; i < segments.size(); ++i) by_offset.emplace(segments[i].offset, i);
  out.tensors.resize(file.tensors.size());
  for (std::size_t t = 0; t < file.tensors.size(); ++t) {
    const TensorEntry& tensor = file.tensors[t];
    TensorScan& scan = out.tensors[t];
    if (!tensor.strides.empty()) {
      scan.moments = walk_view(source, file, tensor);
      continue;
    }
    const Range range = range_of(file, tensor);
    const bool same_type = file.storages[tensor.storage].dtype == tensor.dtype && !tensor.opaque;
    if (same_type) scan.moments.emplace();
    std::uint64_t at = range.begin;
    for (auto it = by_offset.find(at); at < range.end && it != by_offset.end(); ++it) {
      const Segment& segment = segments[it->second];
      if (segment.offset != at || at + segment.bytes > range.end) break;
      const TensorScan& part = of_segment[it->second];
      if (same_type && part.moments) scan.moments->merge(*part.moments);
      scan.hash = scan.hash == 0 ? part.hash : mix_hash(scan.hash, part.hash);
      at += segment.bytes;
    }
    if (at == range.end) continue;
    scan = {};  // more tensors in one storage than are told apart
    TensorEntry view = tensor;
    view.strides.assign(view.shape.size(), 1);
    for (std::size_t d = view.shape.size(); d-- > 1;)
      view.strides[d - 1] = view.strides[d] * std::max<std::int64_t>(1, view.shape[d]);
    scan.moments = walk_view(source, file, view);
  }
  return out;
}

}  // namespace redflag::tensors
