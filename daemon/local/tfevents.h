// TensorBoard's event files (events.out.tfevents.*), as torch's SummaryWriter, HF, Lightning and Keras write
// them: TFRecords of protobuf `Event`. Scalars become rows; a tensor of one number is a scalar, too.
//
// Most writers write one event per tag, so a row has to be put together. What was logged by one call stands
// side by side, in one step, within moments. A row is complete when
//   - the next event is of another step, or more than a second later, or repeats a tag of the row;
//   - its tag is an epoch (HF and Lightning write it last), or begins a new kind: HF's totals
//   ("train_runtime")
//     follow the last evaluation at once and would turn its points into totals;
//   - flush() is called: the caller has read to the file's end and nothing came for a moment.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "daemon/local/local_event.h"
#include "daemon/local/tfrecord.h"

namespace redflag::daemon::local {

/// Not thread-safe; neither copied nor moved.
class TfeventsReader {
 public:
  /// `prefix` goes before every tag that has no '/': Keras writes "epoch_loss" into train/ and validation/.
  explicit TfeventsReader(EventSink sink, std::string prefix = {}, std::uint64_t resume_at = 0);
  TfeventsReader(const TfeventsReader&) = delete;
  TfeventsReader& operator=(const TfeventsReader&) = delete;

  /// The bytes at next_offset(), any number of them.
  void feed(std::string_view bytes);
  /// Tells the row that is not known to be complete.
  void flush();
  /// Nothing more is to come: flush(), and a torn end becomes Trouble.
  void finish();

  std::uint64_t next_offset() const { return records_.next_offset(); }
  /// Where to go on after a restart: the first event that was not told. What says of what kind a tag's
  /// tensors are may lie before it; numbers are read all the same.
  std::uint64_t cursor() const { return row_open_ ? row_event_.offset : records_.cursor(); }
  bool stopped() const { return records_.stopped(); }

  std::uint64_t rows() const { return rows_; }
  std::uint64_t scalars() const { return scalars_; }
  std::uint64_t ignored() const { return ignored_; }        ///< histograms, images, audio, texts, graphs
  std::uint64_t unreadable() const { return unreadable_; }  ///< events that could not be understood

 private:
  void take_event(std::string_view event, std::uint64_t offset);
  void take_summary(std::string_view summary);
  void take_value(std::string_view value);
  void take_scalar(std::string_view tag, double number);
  void take_text(std::string_view tag, std::string_view tensor);
  void take_hparams(std::string_view content);
  void tell(Happening what);

  EventSink sink_;
  std::string prefix_;
  TfRecords records_;
  LocalEvent row_event_;
  bool row_open_ = false;
  double row_time_ = 0.0;
  std::string name_;
  std::unordered_map<std::string, std::string> plugins_;  // by tag: only its first event says so
  std::uint64_t offset_ = 0;
  std::int64_t step_ = 0;
  double time_ = 0.0;
  std::uint64_t rows_ = 0;
  std::uint64_t scalars_ = 0;
  std::uint64_t ignored_ = 0;
  std::uint64_t unreadable_ = 0;
};

}  // namespace redflag::daemon::local
