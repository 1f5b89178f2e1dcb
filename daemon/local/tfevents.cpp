#include "daemon/local/tfevents.h"

#include <array>
#include <cmath>
#include <utility>

#include "daemon/local/protobuf.h"
#include "daemon/local/tensor_scalar.h"
#include "daemon/runs/relaxed_json.h"

namespace redflag::daemon::local {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxTags = 20000;
constexpr double kSameCallSeconds = 1.0;

bool ends_row(std::string_view tag) {
  return tag == "train/epoch" || tag == "epoch" || tag == "eval/epoch" || tag == "test/epoch";
}

bool begins_row(std::string_view tag) {
  return tag == "train/train_runtime" || tag == "train_runtime";
}

/// Writers of texts add this to the tag.
bool is_arguments(std::string_view tag) {
  return tag == "args/text_summary" || tag == "args" || tag == "hparams/text_summary";
}

}  // namespace

TfeventsReader::TfeventsReader(EventSink sink, std::string prefix, std::uint64_t resume_at)
    : sink_(std::move(sink)),
      prefix_(std::move(prefix)),
      records_(
          resume_at, [this](std::string_view record, std::uint64_t at) { take_event(record, at); },
          [this](Trouble trouble) {
            flush();
            offset_ = trouble.offset;
            tell(std::move(trouble));
          }) {
  row_event_.what.emplace<Row>();
}

void TfeventsReader::feed(std::string_view bytes) {
  records_.feed(bytes);
}

void TfeventsReader::finish() {
  records_.finish();
  flush();
}

void TfeventsReader::flush() {
  if (!row_open_) return;
  row_open_ = false;
  ++rows_;
  std::get<Row>(row_event_.what).time = from_unix_seconds(row_time_);
  sink_(row_event_);
}

void TfeventsReader::tell(Happening what) {
  LocalEvent event{offset_, std::move(what)};
  sink_(event);
}

void TfeventsReader::take_event(std::string_view event, std::uint64_t offset) {
  offset_ = offset;
  step_ = 0;
  time_ = 0.0;
  std::array<std::string_view, 4> summaries;
  std::size_t count = 0;
  bool restarted = false;
  Fields fields(event);
  while (fields.next()) {
    switch (fields.number()) {
      case 1:
        time_ = fields.number64();
        break;
      case 2:
        step_ = fields.int64();
        break;
      case 5:
        if (count < summaries.size()) summaries[count++] = fields.bytes();
        break;
      case 4:
      case 6:
      case 8:
      case 9:
        ++ignored_;
        break;  // graphs, log messages, metadata of runs
      case 7:
        for (Fields session(fields.bytes()); session.next();)
          if (session.number() == 1 && session.value() == 1) restarted = true;
        break;
      default:
        break;  // the file's version, who wrote it
    }
  }
  if (fields.broken()) ++unreadable_;
  if (restarted) {
    flush();
    tell(Trouble{Trouble::Kind::restarted, "the writer began a new session", offset});
  }
  for (std::size_t i = 0; i < count; ++i) take_summary(summaries[i]);
}

void TfeventsReader::take_summary(std::string_view summary) {
  Fields fields(summary);
  while (fields.next())
    if (fields.number() == 1 && fields.is_bytes()) take_value(fields.bytes());
  if (fields.broken()) ++unreadable_;
}

void TfeventsReader::take_value(std::string_view value) {
  std::string_view tag;
  std::string_view tensor;
  std::string_view plugin;
  std::string_view content;
  std::optional<double> simple;
  bool other = false;
  Fields fields(value);
  while (fields.next()) {
    switch (fields.number()) {
      case 1:
        tag = fields.bytes();
        break;
      case 2:
        simple = static_cast<double>(fields.number32());
        break;
      case 4:
      case 5:
      case 6:
        other = true;
        break;
      case 8:
        tensor = fields.bytes();
        break;
      case 9:
        for (Fields metadata(fields.bytes()); metadata.next();) {
          if (metadata.number() != 1) continue;
          for (Fields data(metadata.bytes()); data.next();) {
            if (data.number() == 1) plugin = data.bytes();
            if (data.number() == 2) content = data.bytes();
          }
        }
        break;
      default:
        break;
    }
  }
  if (fields.broken()) {
    ++unreadable_;
    return;
  }
  if (simple) return take_scalar(tag, *simple);
  if (plugin == "hparams") return take_hparams(content);
  if (other || tensor.empty()) {
    ++ignored_;
    return;
  }
  name_.assign(tag);
  if (!plugin.empty() && plugins_.size() < kMaxTags) {
    plugins_.try_emplace(name_, plugin);
  } else if (const auto known = plugins_.find(name_); plugin.empty() && known != plugins_.end()) {
    plugin = known->second;
  }
  if (plugin == "text") return take_text(tag, tensor);
  const auto number = plugin.empty() || plugin == "scalars" ? scalar_of_tensor(tensor) : std::nullopt;
  if (number) {
    take_scalar(tag, *number);
  } else {
    ++ignored_;
  }
}

void TfeventsReader::take_scalar(std::string_view tag, double number) {
  ++scalars_;
  name_.clear();
  if (!prefix_.empty() && tag.find('/') == std::string_view::npos) name_.assign(prefix_).append("/");
  name_.append(tag);
  Row& row = std::get<Row>(row_event_.what);
  if (row_open_ && (row.step != step_ || !(std::abs(time_ - row_time_) <= kSameCallSeconds) ||
                    begins_row(tag) || row.values.find(name_)))
    flush();
  if (!row_open_) {
    row_open_ = true;
    row_event_.offset = offset_;
    row.values.clear();
    row.seq = static_cast<std::int64_t>(offset_);
    row.step = step_;
    row.step_from = StepFrom::event;
    row_time_ = time_;
  }
  row.values.append(name_, number);
  if (ends_row(tag) && row.values.size() > 1) flush();
}

void TfeventsReader::take_text(std::string_view tag, std::string_view tensor) {
  // HF's callback leaves the Trainer's arguments as JSON: the run's configuration.
  const std::string_view text = text_of_tensor(tensor);
  ++ignored_;
  if (!is_arguments(tag) || !text.starts_with('{')) return;
  Result<json> values = parse_relaxed_json(text, "arguments", {std::size_t{1} << 20, 50});
  if (values && values->is_object()) tell(ConfigChange{std::move(*values), {}});
}

void TfeventsReader::take_hparams(std::string_view content) {
  ConfigChange change;
  for (Fields data(content); data.next();) {
    if (data.number() != 3) continue;  // session_start_info
    for (Fields info(data.bytes()); info.next();) {
      if (info.number() != 1) continue;
      std::string key;
      json value;
      for (Fields entry(info.bytes()); entry.next();) {
        if (entry.number() == 1) key.assign(entry.bytes().substr(0, 256));
        if (entry.number() != 2) continue;
        for (Fields kind(entry.bytes()); kind.next();) {
          if (kind.number() == 2) value = kind.number64();
          if (kind.number() == 3) value = std::string(kind.bytes().substr(0, 4096));
          if (kind.number() == 4) value = kind.value() != 0;
        }
      }
      if (!key.empty() && !value.is_null() && change.values.size() < 2000)
        change.values[key] = std::move(value);
    }
  }
  ++ignored_;
  if (!change.values.empty()) tell(std::move(change));
}

}  // namespace redflag::daemon::local
