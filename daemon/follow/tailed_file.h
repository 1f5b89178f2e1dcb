// One growing file: from where it is read on, by which reader, and what became of it meanwhile (it shrank,
// was replaced, is another program's). Reads in bounded pieces and keeps no descriptor open, so a thousand of
// them cost nothing but memory.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "daemon/follow/local_layout.h"
#include "daemon/local/console.h"
#include "daemon/local/tfevents.h"
#include "daemon/local/trainer_json.h"
#include "daemon/local/wandb_file.h"
#include "daemon/results/file_system.h"

namespace redflag::daemon::follow {

struct ReadResult {
  bool more = false;         ///< there is more to read at once
  bool grew = false;         ///< something was read
  bool began_anew = false;   ///< the file was replaced or cut: it is read from its beginning again
  bool quiet_lines = false;  ///< console: lines came, and no pattern matched in them
  std::string trouble;       ///< why it cannot be read; empty: it can
};

/// Not thread-safe; neither copied nor moved.
class TailedFile {
 public:
  static constexpr std::size_t kPiece = std::size_t{256} << 10;
  static constexpr std::uint64_t kMostReread = std::uint64_t{8} << 20;  ///< of a console log, after a restart
  static constexpr std::uint64_t kMostStateBytes = std::uint64_t{64} << 20;  ///< of a trainer_state.json

  TailedFile(LocalPlace place, std::string path, const local::LogPatterns& patterns);
  TailedFile(const TailedFile&) = delete;
  TailedFile& operator=(const TailedFile&) = delete;

  /// Reads one piece; what it tells is appended to `events`.
  ReadResult read(FileSystem& files, std::vector<local::LocalEvent>& events);
  /// The file was silent for a moment: what waits for its continuation is told (a row of several events, a
  /// bar).
  void flush(std::vector<local::LocalEvent>& events);
  /// trainer_state only: another of the same run's files, a newer one, is the one to read.
  void point_to(std::string path) { path_ = std::move(path); }

  /// Console only: what it died of.
  local::LastWords last_words(std::optional<int> exit_code);
  /// trainer_state only: it reached its last step.
  bool finished() const;

  /// To be kept. `restore`: false, and as new, for anything else.
  std::string position() const;
  bool restore(const nlohmann::json& kept);

  const std::string& path() const { return path_; }
  const LocalPlace& place() const { return place_; }
  bool stopped() const { return stopped_; }  ///< another format: it is not read any more
  bool at_end() const { return at_end_; }
  Time modified() const { return stat_.modified; }
  std::uint64_t size() const { return stat_.size; }

 private:
  using Reader =
      std::variant<std::monostate, std::unique_ptr<local::WandbFileReader>,
                   std::unique_ptr<local::ConsoleReader>, std::unique_ptr<local::TrainerStateReader>,
                   std::unique_ptr<local::JsonLinesReader>, std::unique_ptr<local::TfeventsReader>>;
  void make_reader(std::uint64_t resume_at);
  std::uint64_t next_offset() const;
  void feed(std::string_view bytes);
  std::optional<std::uint64_t> begin_at(const FileStat& stat, ReadResult& result);
  void read_state(FileSystem& files, ReadResult& result);

  LocalPlace place_;
  std::string path_;
  const local::LogPatterns& patterns_;
  Reader reader_;
  FileStat stat_;
  std::vector<local::LocalEvent>* events_ = nullptr;  // while a call runs
  bool known_ = false;                                // stat_ is of a file that was read
  bool resumed_ = false;  // a log's state was kept: what is in it counts as read, once
  bool changed_ = false;  // since the reading before
  bool stopped_ = false;
  bool at_end_ = false;
  std::size_t matches_ = 0;
  std::uint64_t base_ = 0;        // where in the file the reader's own offsets begin
  std::uint64_t skip_below_ = 0;  // what lies before it was told before the restart
  std::uint64_t resume_at_ = 0;
  std::string resume_text_;
};

}  // namespace redflag::daemon::follow
