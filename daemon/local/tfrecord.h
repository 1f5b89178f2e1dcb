// TFRecord, the container of TensorBoard's event files: u64le length, masked CRC-32C of those eight bytes,
// the data, masked CRC-32C of the data. https://www.tensorflow.org/tutorials/load_data/tfrecord
//
// Short at the end means "not yet". Where the data's checksum is wrong the record is skipped; where the
// length's is, the next place is looked for at which a length and its checksum agree.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "daemon/local/local_event.h"

namespace redflag::daemon::local {

/// Not thread-safe. Memory: what was fed last and one record (at most kMaxRecordBytes; a longer one, a graph
/// or a video, is passed over without being kept).
class TfRecords {
 public:
  static constexpr std::uint64_t kMaxRecordBytes = std::uint64_t{16} << 20;

  using OnRecord = std::function<void(std::string_view record, std::uint64_t offset)>;
  using OnTrouble = std::function<void(Trouble)>;

  TfRecords(std::uint64_t resume_at, OnRecord on_record, OnTrouble on_trouble);

  void feed(std::string_view bytes);
  void finish();

  std::uint64_t next_offset() const { return offset_ + waiting_.size(); }
  std::uint64_t cursor() const { return offset_; }
  bool stopped() const { return stopped_; }

 private:
  std::size_t read_records(std::string_view bytes, bool final);

  OnRecord on_record_;
  OnTrouble on_trouble_;
  std::string waiting_;
  std::uint64_t offset_ = 0;   // of waiting_'s first byte
  std::uint64_t to_skip_ = 0;  // bytes of a record too long to keep
  bool lost_ = false;          // looking for the next record's beginning
  bool stopped_ = false;
};

}  // namespace redflag::daemon::local
