#include "daemon/local/trainer_json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "daemon/local/crc.h"

namespace redflag::daemon::local {
namespace {

constexpr std::string_view kLfs = "version https://git-lfs.github.com/spec/";

/// Names a few keys, so that a person sees what the file is instead.
std::string describe(const LoggedRow& head) {
  std::string keys;
  for (std::size_t i = 0; i < head.size() && i < 4; ++i)
    keys += (keys.empty() ? "" : ", ") + std::string(head.name(i).substr(0, 40));
  return keys.empty() ? "there is no log_history" : "there is no log_history; its keys are " + keys;
}

void begin_row(LocalEvent& event, std::uint64_t offset, std::int64_t seq) {
  event.offset = offset;
  if (!std::holds_alternative<Row>(event.what)) event.what.emplace<Row>();
  Row& row = std::get<Row>(event.what);
  row.values.clear();
  row.seq = seq;
  row.step = -1;
  row.step_from = StepFrom::row;
  row.time = Time{};
}

}  // namespace

std::int64_t TrainerState::step(std::string_view name) const {
  const auto number = head.number_of(name);
  return number && *number >= 0 && *number < 9.0e15 ? static_cast<std::int64_t>(*number) : -1;
}

bool TrainerState::finished() const {
  const auto max_steps = head.number_of("max_steps");
  const auto done = head.number_of("global_step");
  return max_steps && done && *max_steps > 0 && *done >= *max_steps;
}

nlohmann::json TrainerState::plan() const {
  constexpr std::array<const char*, 6> kPlan{"max_steps",  "num_train_epochs", "logging_steps",
                                             "eval_steps", "save_steps",       "train_batch_size"};
  nlohmann::json plan = nlohmann::json::object();
  for (const char* name : kPlan)
    if (const auto number = head.number_of(name); number && *number > 0) plan[name] = *number;
  return plan;
}

TrainerStateReader::TrainerStateReader(EventSink sink) : sink_(std::move(sink)) {}

TrainerStateReader::Outcome TrainerStateReader::read(std::string_view text) {
  reason_.clear();
  if (text.size() > kMaxBytes) {
    reason_ = fmt::format("it is {} bytes long, more than any log", text.size());
    return Outcome::not_this;
  }
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return Outcome::not_yet;
  if (text[first] != '{') {
    reason_ = text.starts_with(kLfs) ? "a git-LFS pointer stands in its place (run: git lfs pull)"
                                     : "it is no JSON object";
    return Outcome::not_this;
  }
  struct Found {
    std::string_view text;
    std::uint32_t hash;
  };
  std::vector<Found> found;
  TrainerState state;
  bool has_history = false;
  const bool whole =
      json_.parse_file(text, "log_history", state.head, has_history, [&](std::string_view row) {
        found.push_back({row, crc32c(row)});
      });
  if (!whole) {
    if (json_.reached() >= text.size()) return Outcome::not_yet;
    reason_ = fmt::format("it is no valid JSON at byte {}", json_.reached());
    return Outcome::not_this;
  }
  state.head.settle();
  if (!has_history) {
    reason_ = describe(state.head);
    return Outcome::not_this;
  }
  state.rows = found.size();

  std::size_t same = 0;
  bool rewritten = false;
  if (restored_rows_ > 0) {
    std::uint32_t hash = 0;
    for (std::size_t i = 0; i < found.size() && i < restored_rows_; ++i) hash = crc32(hash, found[i].text);
    rewritten = found.size() < restored_rows_ || hash != restored_hash_;
    same = rewritten ? 0 : static_cast<std::size_t>(restored_rows_);
    restored_rows_ = 0;
  } else {
    while (same < told_.size() && same < found.size() && told_[same] == found[same].hash) ++same;
    // A shorter history with the same beginning is an older checkpoint's, and no news.
    rewritten = same < told_.size() && same < found.size();
    if (same < told_.size() && !rewritten) {
      state_ = std::move(state);
      return Outcome::read;
    }
  }
  state_ = std::move(state);
  if (rewritten) {
    LocalEvent event{
        0, Trouble{Trouble::Kind::rewritten, fmt::format("the history differs from row {} on", same + 1), 0}};
    sink_(event);
  }
  told_.resize(found.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    told_[i] = found[i].hash;
    if (i < same) continue;
    begin_row(row_event_, static_cast<std::uint64_t>(found[i].text.data() - text.data()),
              static_cast<std::int64_t>(i));
    if (json_.parse(found[i].text, std::get<Row>(row_event_.what).values) == RowJson::Outcome::row)
      sink_(row_event_);
  }
  restored_hash_ = 0;
  for (const Found& row : found) restored_hash_ = crc32(restored_hash_, row.text);
  return Outcome::read;
}

std::string TrainerStateReader::serialize() const {
  return fmt::format("{} {}", restored_rows_ > 0 ? restored_rows_ : told_.size(), restored_hash_);
}

bool TrainerStateReader::restore(std::string_view text) {
  std::uint64_t rows = 0;
  std::uint32_t hash = 0;
  const char* const end = text.data() + text.size();
  const auto [middle, error] = std::from_chars(text.data(), end, rows);
  if (error != std::errc{} || middle == end || *middle != ' ') return false;
  const auto [stop, error2] = std::from_chars(middle + 1, end, hash);
  if (error2 != std::errc{} || stop != end) return false;
  restored_rows_ = rows;
  restored_hash_ = hash;
  told_.clear();
  return true;
}

JsonLinesReader::JsonLinesReader(EventSink sink, std::uint64_t resume_at, std::uint64_t lines_before)
    : sink_(std::move(sink)), lines_(resume_at, lines_before) {}

void JsonLinesReader::tell(Trouble trouble) {
  LocalEvent event{trouble.offset, std::move(trouble)};
  sink_(event);
}

void JsonLinesReader::feed(std::string_view bytes) {
  lines_.feed(
      bytes, [this](std::string_view line, std::uint64_t offset) { take_line(line, offset); },
      [this](std::uint64_t offset) {
        tell({Trouble::Kind::too_large, "a line of more than 1 MB was skipped", offset});
      });
}

void JsonLinesReader::finish() {
  const std::string_view rest = lines_.rest();
  if (rest.empty() || stopped_) return;
  LoggedRow probe;
  if (json_.parse(rest, probe) != RowJson::Outcome::row) return;
  const std::string line(rest);
  const std::uint64_t offset = lines_.cursor();
  lines_.take_rest();
  take_line(line, offset);
}

void JsonLinesReader::take_line(std::string_view line, std::uint64_t offset) {
  if (stopped_) return;
  if (offset == 0 && line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) return;
  if (offset == 0 && line.starts_with(kLfs)) {
    stopped_ = true;
    tell({Trouble::Kind::not_this, "a git-LFS pointer stands in its place (run: git lfs pull)", 0});
    return;
  }
  begin_row(row_event_, offset, static_cast<std::int64_t>(lines_.lines()) - 1);
  Row& row = std::get<Row>(row_event_.what);
  if (json_.parse(line, row.values) != RowJson::Outcome::row) {
    // One line that is no JSON may be damage; a file that has none but such is another program's.
    if (++unreadable_ == 1)
      tell({Trouble::Kind::damaged, fmt::format("line {} is no JSON object", lines_.lines()), offset});
    if (unreadable_ >= 100 && rows_ == 0) {
      stopped_ = true;
      tell({Trouble::Kind::not_this, "its first 100 lines are no JSON objects", offset});
    }
    return;
  }
  if (row.values.empty()) return;
  ++rows_;
  sink_(row_event_);
}

}  // namespace redflag::daemon::local
