#include "daemon/local/tfrecord.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "daemon/local/crc.h"

namespace redflag::daemon::local {
namespace {

constexpr std::size_t kHeader = 12;
constexpr std::string_view kLfs = "version https://git-lfs.github.com/spec/";

template <typename Number>
Number little_endian(const char* bytes) {
  Number number = 0;
  std::memcpy(&number, bytes, sizeof number);
  return number;
}

/// A length that agrees with its checksum. Nobody writes a record of a terabyte.
bool is_header(const char* bytes) {
  return little_endian<std::uint64_t>(bytes) < (std::uint64_t{1} << 40U) &&
         masked_crc32c({bytes, 8}) == little_endian<std::uint32_t>(bytes + 8);
}

}  // namespace

TfRecords::TfRecords(std::uint64_t resume_at, OnRecord on_record, OnTrouble on_trouble)
    : on_record_(std::move(on_record)), on_trouble_(std::move(on_trouble)), offset_(resume_at) {}

void TfRecords::feed(std::string_view bytes) {
  if (stopped_) {
    offset_ += bytes.size();
    return;
  }
  if (waiting_.empty()) {
    const std::size_t used = read_records(bytes, false);
    waiting_.assign(bytes.substr(used));
    return;
  }
  waiting_.append(bytes);
  waiting_.erase(0, read_records(waiting_, false));
  if (waiting_.empty() && waiting_.capacity() > (std::size_t{1} << 20)) waiting_.shrink_to_fit();
}

void TfRecords::finish() {
  if (stopped_) return;
  waiting_.erase(0, read_records(waiting_, true));
  if (!waiting_.empty() || to_skip_ > 0)
    on_trouble_({Trouble::Kind::damaged, "the file ends within a record", offset_});
}

std::size_t TfRecords::read_records(std::string_view bytes, bool final) {
  std::size_t used = 0;
  const auto skip = [&](std::uint64_t count) {
    used += static_cast<std::size_t>(count);
    offset_ += count;
  };
  for (;;) {
    const std::uint64_t available = bytes.size() - used;
    const char* const at = bytes.data() + used;
    if (to_skip_ > 0) {
      const std::uint64_t now = std::min(to_skip_, available);
      to_skip_ -= now;
      skip(now);
      if (to_skip_ > 0) return used;
      continue;
    }
    if (available < kHeader) return used;
    if (!is_header(at)) {
      if (offset_ == 0) {
        stopped_ = true;
        const bool lfs = bytes.starts_with(kLfs.substr(0, available));
        on_trouble_({Trouble::Kind::not_this,
                     lfs ? "a git-LFS pointer stands in its place (run: git lfs pull)"
                         : "it does not begin like a TensorBoard event file",
                     0});
        skip(available);
        return used;
      }
      if (!lost_) {
        // The last bytes may be half written.
        if (available == kHeader && !final) return used;
        on_trouble_({Trouble::Kind::damaged, "a record's length is damaged", offset_});
        lost_ = true;
      }
      skip(1);
      continue;
    }
    lost_ = false;
    const auto length = little_endian<std::uint64_t>(at);
    if (length > kMaxRecordBytes) {
      on_trouble_(
          {Trouble::Kind::too_large, fmt::format("a record of {} bytes was skipped", length), offset_});
      to_skip_ = length + kHeader + 4;
      continue;
    }
    if (available < kHeader + length + 4) return used;
    const std::string_view data(at + kHeader, static_cast<std::size_t>(length));
    if (masked_crc32c(data) != little_endian<std::uint32_t>(data.data() + length)) {
      if (available == kHeader + length + 4 && !final) return used;
      on_trouble_({Trouble::Kind::damaged, "a record's checksum is wrong", offset_});
    } else {
      on_record_(data, offset_);
    }
    skip(kHeader + length + 4);
  }
}

}  // namespace redflag::daemon::local
