// Pieces of a file, one after the other, through a buffer that stays in the second-level cache. Reading costs
// no more than mapping here (page faults cost as much as the copy), and a file that shrinks meanwhile is a
// short read instead of a signal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "daemon/tensors/byte_source.h"

namespace redflag::tensors {

/// Used by one thread.
class ChunkReader {
 public:
  /// `drop_cache`: pages that only this reading brought into memory are given back.
  ChunkReader(const ByteSource& source, bool drop_cache) : source_(source), drop_cache_(drop_cache) {}

  using Use = std::function<void(const std::uint8_t* bytes, std::size_t length)>;
  /// Calls `use` with consecutive pieces (a multiple of 64 bytes each, but the last) of [offset,
  /// offset+length). False when the source does not have them all.
  bool walk(std::uint64_t offset, std::size_t length, const Use& use);

 private:
  const ByteSource& source_;
  bool drop_cache_;
};

}  // namespace redflag::tensors
