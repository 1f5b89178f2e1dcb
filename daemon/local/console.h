// A run's console log: what it prints, as rows, progress and matches of the pattern table; and at the end
// what it died of. Carriage returns, colours, ranks that talk at once, tracebacks among progress bars.
//
// A row's step: what the line says; else what its progress bar says. The bar of a loop over one epoch begins
// anew with each; then it is epochs done times its length, plus its place. StepFrom tells which. A bar is
// drawn ten times a second at most, so for quicker steps the bar's step may be behind by a tenth of a second.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/local/death.h"
#include "daemon/local/local_event.h"
#include "daemon/local/log_patterns.h"
#include "daemon/local/metric_line.h"
#include "daemon/local/progress_bar.h"
#include "daemon/local/traceback.h"

namespace redflag::daemon::local {

struct ConsoleOptions {
  const LogPatterns* patterns = &LogPatterns::shipped();  ///< must outlive the reader
  bool rows = true;  ///< false: the rows come from elsewhere (the log of a run with a .wandb file)
  bool progress = true;
};

/// Not thread-safe; neither copied nor moved. Memory is bounded: lines beyond 1 MB are cut.
class ConsoleReader {
 public:
  explicit ConsoleReader(EventSink sink, ConsoleOptions options = {});
  ConsoleReader(const ConsoleReader&) = delete;
  ConsoleReader& operator=(const ConsoleReader&) = delete;

  /// The bytes at next_offset() of the file, any number of them; or, from a `.wandb` file, the next text.
  /// `time`: when it was written, where the source knows. stdout and stderr are put into lines apart.
  void feed(std::string_view bytes, Time time = {}, bool is_stderr = false);
  /// The log is silent: a bar that is drawn and not yet ended counts.
  void flush();
  /// Nothing more is to come.
  void finish();

  /// What it died of; any time, best after finish() or flush().
  LastWords last_words(std::optional<int> exit_code = std::nullopt) const { return death_.judge(exit_code); }

  std::uint64_t next_offset() const { return offset_; }
  /// Where to go on after a restart: the start of what is not told in whole (a line, a traceback).
  std::uint64_t cursor() const;

  std::uint64_t lines() const { return lines_; }
  std::uint64_t rows() const { return rows_; }

 private:
  struct Stream {
    std::string waiting;      // what was read of a line
    std::uint64_t begin = 0;  // offset of its first byte
    bool too_long = false;
    std::string told;  // the bar that flush() told of
  };
  /// The loop that trains, as far as bars tell.
  struct Loop {
    std::int64_t total = 0;
    std::int64_t done = -1;
    std::int64_t passes = 0;  // times it began anew
    bool shows_metrics = false;
  };

  void take_bytes(Stream& stream, std::string_view bytes);
  void take_segment(std::string_view segment, std::uint64_t offset, bool ends_line);
  void take_line(std::string_view text, std::string_view rank);
  void take_bar(const Bar& bar);
  void take_row(const MetricLine& line);
  void place_row(Row& row, const MetricLine& line);
  void take_exception(TracebackCollector& traceback, std::string_view rank);
  void take_pattern(const LogPattern& pattern, std::string_view text, std::string_view rank);
  void note_epoch(std::string_view text);
  bool follow(const Bar& bar);
  void tell_row();
  void tell(Happening what);
  TracebackCollector& collector_of(std::string_view rank);

  EventSink sink_;
  ConsoleOptions options_;
  Stream streams_[2];
  std::map<std::string, TracebackCollector, std::less<>> tracebacks_;
  std::uint64_t open_since_ = 0;  // where the oldest open traceback began
  MetricLineParser parser_;
  DeathWatch death_;
  LocalEvent row_event_;
  LoggedRow bar_row_;
  std::string scratch_;

  Loop main_;   // the loop that trains
  Loop other_;  // one within it or after it: an evaluation, or the next training
  std::int64_t last_bar_total_ = 0;
  std::int64_t last_bar_done_ = -1;
  std::uint32_t moves_ = 0;  // of bars, since the last deadly match
  std::int64_t bar_row_step_ = -1;
  double epoch_ = -1.0;           // that the log names last
  std::int64_t epoch_base_ = -1;  // 0: it counts from 0
  double line_epoch_ = -1.0;      // of lines that say both epoch and step
  std::int64_t line_step_ = -1;
  std::int64_t line_base_ = 0;  // steps of the epochs before
  std::int64_t last_step_ = -1;
  StepFrom last_from_ = StepFrom::row;
  std::string repeated_;  // kind of the last match, and how often since training went on
  std::uint32_t repeats_ = 0;

  std::uint64_t offset_ = 0;
  std::uint64_t line_offset_ = 0;
  std::uint64_t lines_ = 0;
  std::uint64_t rows_ = 0;
  Time time_;
};

}  // namespace redflag::daemon::local
