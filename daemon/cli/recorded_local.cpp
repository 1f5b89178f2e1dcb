#include "daemon/cli/recorded_local.h"

#include <optional>
#include <utility>

#include <fmt/format.h>

#include "daemon/follow/disk_run.h"
#include "daemon/local/console.h"
#include "daemon/local/tfevents.h"
#include "daemon/local/wandb_file.h"
#include "daemon/runs/row_builder.h"

namespace redflag::daemon {
namespace {

using follow::LocalKind;

constexpr std::size_t kMostNotes = 3;

/// The run as redflagd would know it from that one file, without a clock: times are those that the file
/// tells.
class Recording {
 public:
  Recording(LocalKind kind, const std::string& path, RecordedLog& log, const MetricNames& names)
      : kind_(kind), path_(path), log_(log), builder_(names), run_({kind, path, {}, {}, true}) {
    run_.has(kind);
    run_.name(log.run.key, &log.run);
  }

  void take(local::LocalEvent& event) {
    if (const auto* trouble = std::get_if<local::Trouble>(&event.what)) return note(*trouble);
    if (const auto* text = std::get_if<local::ConsoleText>(&event.what)) {
      console_.feed(text->text, text->time, text->is_stderr);
      return;
    }
    run_.take(kind_, path_, {}, event, Time{}, builder_, batch_);
    keep();
  }

  /// `words`: what its console says that it died of.
  void finish(const local::LastWords& words) {
    run_.judge_log(path_, words, true, Time{}, batch_);
    run_.settle(batch_, Time{});
    keep();
    log_.run = run_.info();
    derive_identity(log_.run);
  }

  local::ConsoleReader& console() { return console_; }
  std::optional<int> exit_code() const { return run_.exit_code(); }
  /// Why the file is none of this format, if it is not.
  const std::optional<std::string>& rejected() const { return rejected_; }

 private:
  void keep() {
    for (auto& input : batch_.inputs) {
      auto* one = std::get_if<Observation>(&input);
      if (one == nullptr) continue;
      if (one->kind == ObservationKind::facts) {
        // Who the run is, replaying says itself.
        if (one->subject.kind == SubjectKind::log) log_.said.push_back({log_.rows.size(), std::move(*one)});
        continue;
      }
      one->seq = static_cast<std::int64_t>(log_.rows.size());
      log_.rows.push_back(std::move(*one));
    }
    batch_ = {};
  }

  void note(const local::Trouble& trouble) {
    if (trouble.kind == local::Trouble::Kind::not_this) rejected_ = trouble.what;
    if (++troubles_ <= kMostNotes)
      log_.notes.push_back(fmt::format("{} at byte {}", trouble.what, trouble.offset));
  }

  LocalKind kind_;
  const std::string& path_;
  RecordedLog& log_;
  RowBuilder builder_;
  follow::DiskRun run_;
  SourceBatch batch_;
  std::optional<std::string> rejected_;
  std::size_t troubles_ = 0;
  // Of W&B's file: what the run printed is in it, the rows are told by it better.
  local::ConsoleReader console_{[this](local::LocalEvent& event) { take(event); }, {.rows = false}};
};

template <typename Reader>
Result<void> take_binary(LocalKind kind, std::string_view bytes, const std::string& path, RecordedLog& log,
                         const MetricNames& names) {
  Recording recording(kind, path, log, names);
  Reader reader([&](local::LocalEvent& event) { recording.take(event); });
  reader.feed(bytes);
  reader.finish();
  recording.console().finish();
  recording.finish(recording.console().last_words(recording.exit_code()));
  if (!recording.rejected()) return {};
  return fail(ErrorCode::invalid_input, "reading " + path, *recording.rejected());
}

}  // namespace

bool looks_like_wandb_file(std::string_view bytes) {
  return bytes.starts_with(":W&B");
}

bool looks_like_tfevents(std::string_view bytes) {
  // A TFRecord: eight bytes of length, four of checksum, then the first event: its time (field 1, a double).
  constexpr std::size_t kHead = 12;
  return bytes.size() > kHead && bytes.substr(3, 5) == std::string_view("\0\0\0\0\0", 5) &&
         bytes[kHead] == '\x09';
}

Result<void> take_wandb_file(std::string_view bytes, const std::string& path, RecordedLog& log,
                             const MetricNames& names) {
  log.format = "W&B run file";
  return take_binary<local::WandbFileReader>(LocalKind::wandb, bytes, path, log, names);
}

Result<void> take_tfevents(std::string_view bytes, const std::string& path, RecordedLog& log,
                           const MetricNames& names) {
  log.format = "TensorBoard events";
  return take_binary<local::TfeventsReader>(LocalKind::tensorboard, bytes, path, log, names);
}

Result<void> take_console(std::string_view text, const std::string& path, RecordedLog& log,
                          const MetricNames& names) {
  RecordedLog found;
  found.run = log.run;
  found.format = "console log";
  Recording recording(LocalKind::console, path, found, names);
  local::ConsoleReader reader([&](local::LocalEvent& event) { recording.take(event); });
  reader.feed(text);
  reader.finish();
  recording.finish(reader.last_words());
  if (found.rows.empty() && found.said.empty())
    return fail(ErrorCode::invalid_input, "reading " + path, "no line of it holds a metric or an error");
  log = std::move(found);
  return {};
}

}  // namespace redflag::daemon
