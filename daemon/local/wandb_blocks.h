// The container of a `.wandb` file: seven header bytes, then LevelDB's log format in blocks of 32 KiB that
// are counted from the start of the file. A chunk is u32le CRC-32 (zlib's, over type and payload), u16le
// length, u8 type (1 full, 2 first, 3 middle, 4 last); a block's last bytes, fewer than seven, are padding.
// https://github.com/wandb/wandb/blob/main/wandb/sdk/internal/datastore.py
//
// The file is read while somebody writes it. What is short at its end is "not yet"; so is a bad checksum in
// the last block, until the next block begins. A bad one before that is told, and reading goes on at the next
// block's first record.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "daemon/local/local_event.h"

namespace redflag::daemon::local {

/// Not thread-safe. Memory: one record (at most kMaxRecordBytes) and what was fed last.
class WandbBlocks {
 public:
  static constexpr std::size_t kMaxRecordBytes = std::size_t{64} << 20;

  /// The view holds until the handler returns.
  using OnRecord = std::function<void(std::string_view record, std::uint64_t offset)>;
  using OnTrouble = std::function<void(Trouble)>;

  /// Begins at a record's start as cursor() gave it; 0: at the file's header.
  WandbBlocks(std::uint64_t resume_at, OnRecord on_record, OnTrouble on_trouble);

  /// The bytes at next_offset() of the file.
  void feed(std::string_view bytes);
  /// Nothing more will be written: what was "not yet" is told as trouble.
  void finish();

  std::uint64_t next_offset() const { return offset_ + waiting_.size(); }
  std::uint64_t cursor() const { return in_record_ ? record_start_ : offset_; }
  bool stopped() const { return stopped_; }  ///< it is another format

 private:
  bool read_header(std::string_view bytes, std::size_t& used, bool final);
  /// Reads as many chunks as are whole; returns the bytes used.
  std::size_t read_chunks(std::string_view bytes, bool final);
  void take_chunk(std::uint8_t type, std::string_view payload, std::uint64_t at);
  void damaged(std::string what, std::uint64_t at);

  OnRecord on_record_;
  OnTrouble on_trouble_;
  std::string waiting_;       // read, but not whole
  std::uint64_t offset_ = 0;  // of waiting_'s first byte
  std::string record_;
  std::uint64_t record_start_ = 0;
  bool in_record_ = false;
  bool too_large_ = false;
  bool skipping_ = false;  // to the next full or first chunk
  bool stopped_ = false;
};

}  // namespace redflag::daemon::local
