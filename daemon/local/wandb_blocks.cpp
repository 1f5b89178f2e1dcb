#include "daemon/local/wandb_blocks.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "daemon/local/crc.h"

namespace redflag::daemon::local {
namespace {

constexpr std::uint64_t kBlock = 32768;
constexpr std::size_t kChunkHeader = 7;
constexpr std::string_view kFileHeader("\x3A\x57\x26\x42\xE1\xBE\x00", 7);
constexpr std::string_view kLfs = "version https://git-lfs.github.com/spec/";

enum ChunkType : std::uint8_t { kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

std::uint64_t left_in_block(std::uint64_t offset) {
  return kBlock - offset % kBlock;
}

}  // namespace

WandbBlocks::WandbBlocks(std::uint64_t resume_at, OnRecord on_record, OnTrouble on_trouble)
    : on_record_(std::move(on_record)), on_trouble_(std::move(on_trouble)), offset_(resume_at) {}

void WandbBlocks::feed(std::string_view bytes) {
  if (stopped_) {
    offset_ += bytes.size();
    return;
  }
  if (waiting_.empty()) {
    const std::size_t used = read_chunks(bytes, false);
    waiting_.assign(bytes.substr(used));
    return;
  }
  waiting_.append(bytes);
  const std::size_t used = read_chunks(waiting_, false);
  waiting_.erase(0, used);
}

void WandbBlocks::finish() {
  if (stopped_) return;
  waiting_.erase(0, read_chunks(waiting_, true));
  if (stopped_) return;
  if (waiting_.find_first_not_of('\0') == std::string::npos && !in_record_) return;  // no more than padding
  damaged("the file ends within a record; it was cut, or its writer was killed", cursor());
}

bool WandbBlocks::read_header(std::string_view bytes, std::size_t& used, bool final) {
  const std::size_t known = std::min(bytes.size(), kFileHeader.size());
  if (bytes.substr(0, known) != kFileHeader.substr(0, known)) {
    // A pointer may only have come in part so far.
    if (!final && bytes.size() < kLfs.size() && kLfs.starts_with(bytes)) return false;
    stopped_ = true;
    const bool other_version = known == kFileHeader.size() && bytes.substr(0, 6) == kFileHeader.substr(0, 6);
    std::string what = "it does not begin like a W&B run file";
    if (kLfs.substr(0, bytes.size()) == bytes.substr(0, kLfs.size()))
      what = "a git-LFS pointer stands in its place (run: git lfs pull)";
    if (other_version)
      what = fmt::format("its format is version {}, only 0 is known", static_cast<unsigned char>(bytes[6]));
    on_trouble_({Trouble::Kind::not_this, std::move(what), 0});
    return false;
  }
  if (known < kFileHeader.size()) return false;
  used = kFileHeader.size();
  offset_ += used;
  return true;
}

std::size_t WandbBlocks::read_chunks(std::string_view bytes, bool final) {
  std::size_t used = 0;
  if (offset_ == 0 && !read_header(bytes, used, final)) {
    if (stopped_) offset_ += bytes.size();
    return stopped_ ? bytes.size() : 0;
  }
  const auto skip = [&](std::uint64_t count) {
    used += static_cast<std::size_t>(count);
    offset_ += count;
  };
  for (;;) {
    const std::uint64_t available = bytes.size() - used;
    const std::uint64_t left = left_in_block(offset_);
    if (left < kChunkHeader) {
      if (available < left) return used;
      skip(left);
      continue;
    }
    if (available < kChunkHeader) return used;
    const char* const head = bytes.data() + used;
    std::uint32_t checksum = 0;
    std::uint16_t length = 0;
    std::memcpy(&checksum, head, 4);
    std::memcpy(&length, head + 4, 2);
    const auto type = static_cast<std::uint8_t>(head[6]);
    const bool zero = checksum == 0 && length == 0 && type == 0;
    if (zero) {
      if (available < left) return used;
      skip(left);
      continue;
    }
    const bool fits = kChunkHeader + length <= left;
    if (fits && available < kChunkHeader + length) return used;
    if (!fits || crc32(0, {head + 6, std::size_t{1} + length}) != checksum) {
      // Whoever writes a block may not be done with it; once the next one begins, it is.
      if (available <= left && !final) return used;
      damaged(fits ? "a checksum is wrong" : "a length is wrong", offset_);
      skip(std::min(left, available));
      skipping_ = true;
      continue;
    }
    const std::uint64_t at = offset_;
    skip(kChunkHeader + length);
    take_chunk(type, bytes.substr(used - length, length), at);
  }
}

void WandbBlocks::take_chunk(std::uint8_t type, std::string_view payload, std::uint64_t at) {
  if (type == kFull || type == kFirst) {
    if (in_record_) damaged("a record was begun and never ended", record_start_);
    skipping_ = false;
    if (type == kFull) {
      on_record_(payload, at);
      return;
    }
    in_record_ = true;
    too_large_ = false;
    record_start_ = at;
    record_.assign(payload);
    return;
  }
  if (type != kMiddle && type != kLast) {
    damaged(fmt::format("a chunk is of unknown type {}", type), at);
    return;
  }
  if (!in_record_) {
    if (!skipping_) damaged("a record goes on that was never begun", at);
    skipping_ = true;
    return;
  }
  if (record_.size() + payload.size() > kMaxRecordBytes) {
    too_large_ = true;
    record_.clear();
  }
  if (!too_large_) record_.append(payload);
  if (type == kMiddle) return;
  in_record_ = false;
  if (too_large_) {
    on_trouble_({Trouble::Kind::too_large, "a record of more than 64 MB was skipped", record_start_});
  } else {
    on_record_(record_, record_start_);
  }
  if (record_.capacity() > kBlock * 32) std::string().swap(record_);
}

void WandbBlocks::damaged(std::string what, std::uint64_t at) {
  in_record_ = false;
  record_.clear();
  on_trouble_({Trouble::Kind::damaged, std::move(what), at});
}

}  // namespace redflag::daemon::local
