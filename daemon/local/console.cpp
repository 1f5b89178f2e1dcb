#include "daemon/local/console.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstring>
#include <utility>

#include "daemon/local/log_prefix.h"
#include "daemon/runs/byte_scan.h"

namespace redflag::daemon::local {
namespace {

constexpr std::size_t kMaxLine = std::size_t{1} << 20;
constexpr std::size_t kMaxDetail = 500;
constexpr std::size_t kMaxRanks = 64;
constexpr std::uint32_t kMaxRepeats = 3;
constexpr int kException = 20;
constexpr int kInThread = 8;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Cut at a character's border, so that UTF-8 stays UTF-8.
std::string shortened(std::string_view text) {
  if (text.size() <= kMaxDetail) return std::string(text);
  std::size_t end = kMaxDetail;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return std::string(text.substr(0, end)) + "…";
}

/// "Epoch 3", "Epoch 3/10", "Training epoch 3": the number behind the word; -1: there is none.
double epoch_in(std::string_view text) {
  for (const std::string_view word : {"Epoch", "epoch", "EPOCH"}) {
    const auto at = text.find(word);
    if (at == std::string_view::npos) continue;
    std::string_view rest = text.substr(at + word.size());
    while (!rest.empty() &&
           (rest.front() == ' ' || rest.front() == ':' || rest.front() == '[' || rest.front() == '#'))
      rest.remove_prefix(1);
    int epoch = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), epoch);
    if (error == std::errc{} && epoch >= 0) return epoch;
  }
  return -1.0;
}

/// A bar with a label is a training loop's only when the label says so ("Map", "Downloading", "Validation" do
/// not).
bool may_train(std::string_view label) {
  if (label.empty()) return true;
  std::string lower;
  for (const char c : label) lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const char* other :
       {"eval", "valid", "val ", "test", "predict", "sanity", "load", "map", "download", "token"})
    if (lower.find(other) != std::string::npos) return false;
  for (const char* word : {"epoch", "train", "step", "iter"})
    if (lower.find(word) != std::string::npos) return true;
  return false;
}

bool says_completed(std::string_view text) {
  if (text.find("raining") == std::string_view::npos) return false;
  for (const char* words :
       {"Training completed", "Finished Training", "Finished training", "Training complete",
        "training finished", "Training finished", "Training done", "training completed"})
    if (text.find(words) != std::string_view::npos) return true;
  return false;
}

/// Up to "\n", "\r" or a backspace.
std::size_t segment_length(std::string_view bytes) {
  const char* const end = bytes.data() + bytes.size();
  return static_cast<std::size_t>(first_of<'\n', '\r', '\b'>(bytes.data(), end) - bytes.data());
}

bool has_training_metric(const LoggedRow& row) {
  for (const char* name : {"loss", "train_loss", "grad_norm", "learning_rate"})
    if (row.number_of(name)) return true;
  return false;
}

}  // namespace

ConsoleReader::ConsoleReader(EventSink sink, ConsoleOptions options)
    : sink_(std::move(sink)), options_(options) {
  row_event_.what.emplace<Row>();
}

void ConsoleReader::feed(std::string_view bytes, Time time, bool is_stderr) {
  time_ = time;
  take_bytes(streams_[is_stderr ? 1 : 0], bytes);
}

/// Segments end with "\n", "\r", or a run of backspaces (older Keras).
void ConsoleReader::take_bytes(Stream& stream, std::string_view bytes) {
  while (!bytes.empty()) {
    if (stream.waiting.empty()) stream.begin = offset_;
    const std::size_t length = segment_length(bytes);
    const bool whole = length < bytes.size();
    const char end = whole ? bytes[length] : '\0';
    const bool too_long = stream.waiting.size() + length > kMaxLine;
    if (!stream.too_long && too_long) {
      // The beginning of a line says what it is.
      stream.too_long = true;
      stream.waiting.append(bytes.substr(0, kMaxLine - stream.waiting.size()));
    }
    offset_ += length + (whole ? 1 : 0);
    if (whole && (stream.waiting.empty() && !stream.too_long)) {
      if (length > 0 || end == '\n') take_segment(bytes.substr(0, length), stream.begin, end == '\n');
    } else {
      if (!stream.too_long) stream.waiting.append(bytes.substr(0, length));
      if (whole) {
        const std::string segment = std::exchange(stream.waiting, {});
        take_segment(segment, stream.begin, end == '\n');
        stream.too_long = false;
      }
    }
    if (whole) stream.told.clear();
    bytes.remove_prefix(length + (whole ? 1 : 0));
  }
}

void ConsoleReader::flush() {
  for (Stream& stream : streams_) {
    if (stream.waiting.empty() || stream.waiting == stream.told) continue;
    if (!parse_bar(without_ansi(stream.waiting, scratch_))) continue;
    stream.told = stream.waiting;
    take_segment(stream.told, stream.begin, false);
  }
}

void ConsoleReader::finish() {
  for (Stream& stream : streams_) {
    if (stream.waiting.empty()) continue;
    const std::string rest = std::exchange(stream.waiting, {});
    if (rest != stream.told) take_segment(rest, stream.begin, true);
  }
  // A group's exception is told by the line behind it; there is none now.
  for (auto& [rank, traceback] : tracebacks_) {
    if (!traceback.open()) continue;
    if (traceback.take({}, lines_ + 1) == TracebackCollector::Taken::exception)
      take_exception(traceback, rank);
    traceback.reset();
  }
}

std::uint64_t ConsoleReader::cursor() const {
  std::uint64_t begin = offset_;
  for (const Stream& stream : streams_)
    if (!stream.waiting.empty()) begin = std::min(begin, stream.begin);
  for (const auto& [rank, traceback] : tracebacks_)
    if (traceback.open()) begin = std::min(begin, open_since_);
  return begin;
}

void ConsoleReader::take_segment(std::string_view segment, std::uint64_t offset, bool ends_line) {
  line_offset_ = offset;
  const std::uint64_t number = lines_;
  ++lines_;
  std::string_view text = without_ansi(segment, scratch_);
  if (text.find_first_not_of(" \t") == std::string_view::npos) {
    // An empty line may end a traceback's part.
    if (ends_line)
      for (auto& [rank, traceback] : tracebacks_)
        if (traceback.take({}, lines_) == TracebackCollector::Taken::exception)
          take_exception(traceback, rank);
    if (!ends_line) lines_ = number;
    return;
  }
  const PrefixedLine split = split_prefix(text);
  if (split.time != Time{}) time_ = split.time;
  take_line(split.text, split.rank);
  if (!ends_line) lines_ = number;  // the rest of the line overwrites it
}

TracebackCollector& ConsoleReader::collector_of(std::string_view rank) {
  const auto found = tracebacks_.find(rank);
  if (found != tracebacks_.end()) return found->second;
  if (tracebacks_.size() >= kMaxRanks) tracebacks_.erase(tracebacks_.begin());
  return tracebacks_.emplace(std::string(rank), TracebackCollector{}).first->second;
}

void ConsoleReader::take_line(std::string_view text, std::string_view rank) {
  if (const auto bar = parse_bar(text)) {
    take_bar(*bar);
    if (bar->rest.empty()) return;
    text = bar->rest;
  }
  death_.line();
  TracebackCollector& traceback = collector_of(rank);
  const bool was_open = traceback.open();
  switch (traceback.take(text, lines_)) {
    case TracebackCollector::Taken::yes:
      if (!was_open) open_since_ = line_offset_;
      // What could not be logged may be what matters.
      if (traceback.result().harmless && text.starts_with("Message: "))
        if (const LogPattern* pattern = options_.patterns->match(text))
          take_pattern(*pattern, text.substr(9), rank);
      return;
    case TracebackCollector::Taken::exception: {
      const bool is_group = text.empty() || trimmed(text).starts_with('+') ||
                            !std::isalpha(static_cast<unsigned char>(text.front()));
      take_exception(traceback, rank);
      if (!is_group) return;
      break;
    }
    case TracebackCollector::Taken::no:
      break;
  }
  if (text.starts_with("--- Logging error ---") || text.starts_with("Exception ignored in"))
    traceback.mark_harmless();
  if (text.starts_with("Exception in thread ")) traceback.mark_thread();
  if (const LogPattern* pattern = options_.patterns->match(text)) take_pattern(*pattern, text, rank);
  if (says_completed(text)) death_.completed();
  note_epoch(text);
  if (!options_.rows) return;
  if (const auto line = parser_.parse(text, std::get<Row>(row_event_.what).values)) take_row(*line);
}

void ConsoleReader::note_epoch(std::string_view text) {
  // "Epoch 2/10" on a line of its own, as Keras has it; with metrics the row's parser reads it.
  if (text.size() > 40 ||
      (text.find("poch") == std::string_view::npos && text.find("POCH") == std::string_view::npos))
    return;
  if (const double epoch = epoch_in(text); epoch >= 0) {
    epoch_ = epoch;
    if (epoch == 0) epoch_base_ = 0;
  }
}

bool ConsoleReader::follow(const Bar& bar) {
  const Progress& now = bar.progress;
  if (now.total <= 0 || !may_train(now.label)) return false;
  if (const double epoch = epoch_in(now.label); epoch >= 0) {
    epoch_ = epoch;
    if (epoch == 0) epoch_base_ = 0;
  }
  if (main_.total == now.total) {
    if (now.done < main_.done && main_.done * 20 >= main_.total * 19) ++main_.passes;
    main_.done = now.done;
    other_ = Loop{};
    return true;
  }
  const bool shows_metrics = !bar.postfix.empty() && parser_.parse_postfix(bar.postfix, bar_row_);
  if (main_.total == 0 || (shows_metrics && !main_.shows_metrics)) {
    main_ = Loop{now.total, now.done, 0, shows_metrics};
    return true;
  }
  if (other_.total == now.total && now.done < other_.done) ++other_.passes;
  other_ = Loop{now.total, now.done, other_.total == now.total ? other_.passes : 0, shows_metrics};
  return false;
}

void ConsoleReader::take_bar(const Bar& bar) {
  const Progress& now = bar.progress;
  const bool moved = last_bar_total_ != now.total || now.done > last_bar_done_;
  if (moved && now.done > 0) {
    // On its way out tqdm draws the bar once more: one step further proves nothing, two do.
    if (++moves_ >= 2) {
      death_.trained(true);
      repeats_ = 0;
      repeated_.clear();
    }
  }
  const bool again = last_bar_total_ == now.total && last_bar_done_ == now.done;
  last_bar_total_ = now.total;
  last_bar_done_ = now.done;
  const bool trains = follow(bar);
  if (options_.progress && !again) tell(now);
  if (!options_.rows || bar.postfix.empty()) return;
  Row& row = std::get<Row>(row_event_.what);
  if (!trains || !parser_.parse_postfix(bar.postfix, row.values)) return;
  const std::int64_t length = main_.total;
  row.step = now.done;
  row.step_from = StepFrom::progress_bar;
  if (epoch_ >= 0 && (bar.keras || epoch_in(now.label) >= 0)) {
    const auto before = static_cast<std::int64_t>(epoch_) - (epoch_base_ == 0 ? 0 : 1);
    if (before > 0) {
      row.step += before * length;
      row.step_from = StepFrom::epochs;
    }
    row.values.add("epoch", epoch_);
  } else if (main_.passes > 0) {
    row.step += main_.passes * length;
    row.step_from = StepFrom::epochs;
  }
  // Drawn again in the same place: only what is new (Keras adds the validation's figures at the end).
  if (row.step == bar_row_step_) {
    LoggedRow fresh;
    for (std::size_t i = 0; i < row.values.size(); ++i)
      if (row.values.name(i) != "epoch" && !bar_row_.find(row.values.name(i)))
        fresh.append(row.values.name(i), row.values.number(i));
    if (fresh.empty()) return;
    row.values = std::move(fresh);
  } else {
    bar_row_ = row.values;
    bar_row_step_ = row.step;
  }
  last_step_ = row.step;
  last_from_ = row.step_from;
  tell_row();
}

void ConsoleReader::place_row(Row& row, const MetricLine& line) {
  row.step = -1;
  row.step_from = StepFrom::row;
  if (line.is_dict) {
    for (const char* name :
         {"step", "global_step", "train/global_step", "trainer/global_step", "current_steps"})
      if (row.values.number_of(name)) return;
    const bool trains = has_training_metric(row.values);
    if (trains && other_.total > 0 && (main_.done >= main_.total || other_.shows_metrics))
      main_ = std::exchange(other_, Loop{});
    if (main_.total > 0) {
      row.step = main_.done;
      row.step_from = StepFrom::progress_bar;
    }
    return;
  }
  if (line.epoch >= 0) {
    if (line.epoch == 0) epoch_base_ = 0;
    row.values.add("epoch", line.epoch);
  }
  if (line.step >= 0) {
    // "Epoch [2][50/100]": steps that begin anew with each epoch.
    if (line.epoch > line_epoch_ && line_epoch_ >= 0 && line.step < line_step_) {
      const auto epochs = static_cast<std::int64_t>(std::min(line.epoch - line_epoch_, 1e6));
      line_base_ +=
          line.of > 0 && line.of >= line_step_ ? line.of * std::max<std::int64_t>(epochs, 1) : line_step_;
    }
    if (line.epoch >= 0) line_epoch_ = line.epoch;
    line_step_ = line.step;
    row.step = line_base_ + line.step;
    row.step_from = line_base_ > 0 ? StepFrom::epochs : StepFrom::line;
    return;
  }
  if (line.continues) {
    row.step = last_step_;
    row.step_from = last_from_;
    return;
  }
  if (line.epoch < 0 || main_.total <= 0 || line.epoch > 1e6) return;
  // Once an epoch, beside a bar that every epoch has anew: but a bar over the epochs themselves counts those.
  const auto before = static_cast<std::int64_t>(line.epoch) - (epoch_base_ == 0 ? 0 : 1);
  if (before < 0) return;
  if (before > 0 && main_.passes == 0 && main_.done < main_.total) return;
  row.step = before * main_.total + main_.done;
  row.step_from = StepFrom::epochs;
}

void ConsoleReader::take_row(const MetricLine& line) {
  Row& row = std::get<Row>(row_event_.what);
  place_row(row, line);
  if (row.values.number_of("train_runtime")) death_.completed();
  // A later step proves that training went on, unless it only waited in a buffer.
  if (row.step_from != StepFrom::progress_bar && row.step > last_step_ && !line.continues) {
    death_.trained(false);
    repeats_ = 0;
    repeated_.clear();
  }
  if (row.step >= 0) {
    last_step_ = row.step;
    last_from_ = row.step_from;
  }
  tell_row();
}

void ConsoleReader::take_exception(TracebackCollector& traceback, std::string_view rank) {
  const TracebackResult& found = traceback.result();
  LogMatch match;
  match.exception = found.exception;
  match.detail = found.exception + (found.message.empty() ? "" : ": " + found.message);
  match.where = found.where;
  match.rank.assign(rank.substr(0, 40));
  match.line = lines_;
  match.time = time_;
  match.kind = "exception";
  match.severity = LogSeverity::critical;
  match.deadly = !found.harmless;
  int weight = kException;
  const LogPattern* pattern = options_.patterns->match(match.detail);
  if ((pattern == nullptr || !pattern->deadly) && !found.root.empty()) {
    const LogPattern* of_root = options_.patterns->match(found.root);
    if (of_root != nullptr && of_root->deadly) pattern = of_root;
  }
  if (!found.root.empty()) match.detail += " (after " + found.root + ")";
  match.detail = shortened(match.detail);
  if (pattern != nullptr) {
    match.kind = pattern->kind;
    match.own = pattern->own;
    if (pattern->deadly) weight = pattern->weight;
    if (pattern->deadly) match.severity = pattern->severity;
  }
  if (found.in_thread) weight = std::min(weight, kInThread);
  if (found.harmless) {
    match.kind = "logged_error";
    match.own = false;
    match.severity = LogSeverity::warning;
  }
  if (match.deadly && found.chained) {
    death_.replace_last(match, weight);
  } else if (match.deadly) {
    death_.add(match, weight);
  }
  moves_ = 0;
  tell(std::move(match));
}

void ConsoleReader::take_pattern(const LogPattern& pattern, std::string_view text, std::string_view rank) {
  LogMatch match;
  match.kind = pattern.kind;
  match.own = pattern.own;
  match.severity = pattern.severity;
  match.deadly = pattern.deadly;
  match.detail = shortened(trimmed(text));
  match.rank.assign(rank.substr(0, 40));
  match.line = lines_;
  match.time = time_;
  if (match.deadly) {
    death_.add(match, pattern.weight);
    moves_ = 0;
  } else if (match.own) {
    death_.note();
    moves_ = 0;
  }
  // A watchdog says the same from every rank and thread: three times are enough until training goes on.
  repeats_ = repeated_ == pattern.kind ? repeats_ + 1 : 1;
  repeated_ = pattern.kind;
  if (repeats_ <= kMaxRepeats) tell(std::move(match));
}

void ConsoleReader::tell_row() {
  Row& row = std::get<Row>(row_event_.what);
  row.seq = static_cast<std::int64_t>(lines_);
  row.time = time_;
  row_event_.offset = line_offset_;
  ++rows_;
  sink_(row_event_);
  if (!std::holds_alternative<Row>(row_event_.what)) row_event_.what.emplace<Row>();
}

void ConsoleReader::tell(Happening what) {
  LocalEvent event{line_offset_, std::move(what)};
  sink_(event);
}

}  // namespace redflag::daemon::local
