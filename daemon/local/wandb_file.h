// W&B's run file (`run-ID.wandb`), read while the SDK writes it or long after: offline runs and runs that
// W&B's service never saw are in it with everything they logged. Both generations of the SDK: the older
// writes a record as it comes, the newer (Go) whole blocks of 32 KiB only.
//
// A record is a protobuf `Record` (wandb/proto/wandb_internal.proto). Of its kinds these are told: run,
// config, history, summary, stats, output, alert, exit, preempting. The others (files, telemetry, artifacts,
// requests) are skipped unread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "daemon/local/local_event.h"
#include "daemon/local/wandb_blocks.h"
#include "daemon/runs/row_json.h"

namespace redflag::daemon::local {

/// Not thread-safe; neither copied nor moved. Memory is bounded whatever the file holds.
class WandbFileReader {
 public:
  /// Events go to `sink` from within feed(). `resume_at`: a cursor() of the same file.
  explicit WandbFileReader(EventSink sink, std::uint64_t resume_at = 0);
  WandbFileReader(const WandbFileReader&) = delete;
  WandbFileReader& operator=(const WandbFileReader&) = delete;

  /// The bytes at next_offset(), any number of them. A summary that changed is told once, at the end of the
  /// call and before an exit.
  void feed(std::string_view bytes);
  /// Nothing more is to come: a torn end becomes Trouble. After an Exit there is no need to call it.
  void finish();

  std::uint64_t next_offset() const { return blocks_.next_offset(); }
  /// Where to go on after a restart: everything before it was told. The run's identity, its configuration and
  /// summary are told only by whoever reads from 0.
  std::uint64_t cursor() const { return blocks_.cursor(); }
  bool stopped() const { return blocks_.stopped(); }

  std::uint64_t rows() const { return rows_; }
  std::uint64_t unreadable() const {
    return unreadable_;
  }  ///< records and values that could not be understood

 private:
  void take_record(std::string_view record, std::uint64_t offset);
  void take_history(std::string_view message);
  void take_summary(std::string_view message);
  void take_config(std::string_view message);
  void take_stats(std::string_view message);
  void take_output(std::string_view message);
  void take_run(std::string_view message);
  void take_alert(std::string_view message);
  void take_exit(std::string_view message);
  void tell_summary();
  void tell(Happening what);
  void tell_row();

  EventSink sink_;
  WandbBlocks blocks_;
  RowJson json_;
  LocalEvent row_event_;  // used again and again
  std::string name_;
  std::map<std::string, std::string, std::less<>> summary_;  // value_json by name
  bool summary_changed_ = false;
  std::uint64_t offset_ = 0;  // of the record being read
  std::uint64_t rows_ = 0;
  std::uint64_t unreadable_ = 0;
};

}  // namespace redflag::daemon::local
