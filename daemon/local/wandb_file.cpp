#include "daemon/local/wandb_file.h"

#include <utility>

#include "daemon/local/protobuf.h"
#include "daemon/runs/json_number.h"
#include "daemon/runs/relaxed_json.h"

namespace redflag::daemon::local {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxSummaryNames = 5000;
constexpr std::size_t kMaxValueBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxPath = 16;

// Fields of `Record`.
enum Kind : std::uint32_t {
  kHistory = 2,
  kSummary = 3,
  kOutput = 4,
  kConfig = 5,
  kStats = 7,
  kAlert = 10,
  kOutputRaw = 13,
  kRun = 17,
  kExit = 18,
  kPreempting = 23,
};

Time timestamp(std::string_view message) {
  std::int64_t seconds = 0;
  std::int64_t nanos = 0;
  for (Fields fields(message); fields.next();) {
    if (fields.number() == 1) seconds = fields.int64();
    if (fields.number() == 2) nanos = fields.int64();
  }
  constexpr std::int64_t kYear9999 = 253402300800;
  if (seconds <= 0 || seconds >= kYear9999 || nanos < 0 || nanos > 999999999) return Time{};
  return Time{std::chrono::seconds(seconds) + std::chrono::microseconds(nanos / 1000)};
}

/// An item of history, summary, config or stats: key or path, and a value as JSON text.
struct Item {
  std::string_view key;
  std::string_view path[kMaxPath];
  std::size_t path_length = 0;
  std::string_view value_json;

  explicit Item(std::string_view message) {
    for (Fields fields(message); fields.next();) {
      if (fields.number() == 1) key = fields.bytes();
      if (fields.number() == 2 && path_length < kMaxPath) path[path_length++] = fields.bytes();
      if (fields.number() == 16) value_json = fields.bytes();
    }
  }

  /// The older SDK writes a key, the newer a path.
  void name(std::string& out) const {
    out.assign(path_length == 0 ? key : path[0]);
    for (std::size_t i = 1; i < path_length; ++i) {
      out += '.';
      out += path[i];
    }
  }
};

/// The newer SDK spreads a histogram or an image over items "hist._type", "hist.bins", …: none is a metric.
void drop_typed(LoggedRow& row) {
  constexpr std::string_view kMark = "._type";
  for (std::size_t i = 0; i < row.size();) {
    const std::string_view name = row.name(i);
    if (name.size() > kMark.size() && name.ends_with(kMark)) {
      row.drop_below(std::string(name.substr(0, name.size() - kMark.size() + 1)));
      i = 0;
    } else {
      ++i;
    }
  }
}

}  // namespace

WandbFileReader::WandbFileReader(EventSink sink, std::uint64_t resume_at)
    : sink_(std::move(sink)),
      blocks_(
          resume_at, [this](std::string_view record, std::uint64_t at) { take_record(record, at); },
          [this](Trouble trouble) {
            offset_ = trouble.offset;
            tell(std::move(trouble));
          }) {}

void WandbFileReader::feed(std::string_view bytes) {
  blocks_.feed(bytes);
  tell_summary();
}

void WandbFileReader::finish() {
  blocks_.finish();
  tell_summary();
}

void WandbFileReader::tell(Happening what) {
  LocalEvent event{offset_, std::move(what)};
  sink_(event);
}

void WandbFileReader::take_record(std::string_view record, std::uint64_t offset) {
  offset_ = offset;
  Fields fields(record);
  while (fields.next()) {
    if (!fields.is_bytes()) continue;
    switch (fields.number()) {
      case kHistory:
        take_history(fields.bytes());
        break;
      case kSummary:
        take_summary(fields.bytes());
        break;
      case kConfig:
        take_config(fields.bytes());
        break;
      case kStats:
        take_stats(fields.bytes());
        break;
      case kOutput:
      case kOutputRaw:
        take_output(fields.bytes());
        break;
      case kRun:
        take_run(fields.bytes());
        break;
      case kAlert:
        take_alert(fields.bytes());
        break;
      case kExit:
        take_exit(fields.bytes());
        break;
      case kPreempting:
        tell(Preempting{});
        break;
      default:
        break;
    }
  }
  if (fields.broken()) ++unreadable_;
}

void WandbFileReader::take_history(std::string_view message) {
  if (!std::holds_alternative<Row>(row_event_.what)) row_event_.what.emplace<Row>();
  Row& row = std::get<Row>(row_event_.what);
  row.values.clear();
  row.seq = -1;
  row.step = -1;
  row.step_from = StepFrom::row;
  row.time = Time{};
  std::int64_t declared_step = -1;
  Fields fields(message);
  while (fields.next()) {
    if (fields.number() == 1) {
      const Item item(fields.bytes());
      item.name(name_);
      if (name_.empty() || !json_.parse_value(item.value_json, name_, row.values)) ++unreadable_;
    } else if (fields.number() == 2 && fields.is_bytes()) {
      for (Fields step(fields.bytes()); step.next();)
        if (step.number() == 1) declared_step = step.int64();
    }
  }
  if (fields.broken()) ++unreadable_;
  row.values.settle();
  drop_typed(row.values);
  if (const auto step = row.values.number_of("_step"); step && *step >= 0 && *step < 9.0e15) {
    row.seq = static_cast<std::int64_t>(*step);
  } else if (declared_step >= 0) {
    row.seq = declared_step;
    row.values.add("_step", static_cast<double>(declared_step));
  }
  if (row.values.empty()) return;
  ++rows_;
  tell_row();
}

void WandbFileReader::tell_row() {
  row_event_.offset = offset_;
  sink_(row_event_);
}

void WandbFileReader::take_summary(std::string_view message) {
  for (Fields fields(message); fields.next();) {
    if (fields.number() != 1 && fields.number() != 2) continue;
    const Item item(fields.bytes());
    item.name(name_);
    if (name_.empty() || name_.size() > LoggedRow::kMaxNameBytes) continue;
    const auto found = summary_.find(name_);
    summary_changed_ = true;
    if (fields.number() == 2) {
      if (found != summary_.end()) summary_.erase(found);
    } else if (item.value_json.size() > LoggedRow::kMaxTextBytes * 16) {
      continue;
    } else if (found != summary_.end()) {
      found->second.assign(item.value_json);
    } else if (summary_.size() < kMaxSummaryNames) {
      summary_.emplace(name_, item.value_json);
    }
  }
}

void WandbFileReader::tell_summary() {
  if (!summary_changed_) return;
  summary_changed_ = false;
  SummaryRow summary;
  for (const auto& [name, value] : summary_)
    if (!json_.parse_value(value, name, summary.values)) ++unreadable_;
  drop_typed(summary.values);
  tell(std::move(summary));
}

void WandbFileReader::take_config(std::string_view message) {
  ConfigChange change;
  for (Fields fields(message); fields.next();) {
    if (fields.number() != 1 && fields.number() != 2) continue;
    const Item item(fields.bytes());
    item.name(name_);
    if (name_.empty() || name_.size() > LoggedRow::kMaxNameBytes) continue;
    if (fields.number() == 2) {
      change.removed.push_back(name_);
      continue;
    }
    if (name_ == "_wandb" || name_.starts_with("_wandb.")) continue;  // the SDK's own
    Result<json> value = parse_relaxed_json(item.value_json, "config", {kMaxValueBytes, 50});
    if (!value) {
      ++unreadable_;
      continue;
    }
    json* place = &change.values;
    if (item.path_length == 0) {
      place = &(*place)[std::string(item.key)];
    } else {
      for (std::size_t i = 0; i < item.path_length; ++i) {
        if (!place->is_object()) *place = json::object();
        place = &(*place)[std::string(item.path[i])];
      }
    }
    *place = std::move(*value);
  }
  if (!change.values.empty() || !change.removed.empty()) tell(std::move(change));
}

void WandbFileReader::take_stats(std::string_view message) {
  SystemRow row;
  for (Fields fields(message); fields.next();) {
    if (fields.number() == 2) row.time = timestamp(fields.bytes());
    if (fields.number() != 3) continue;
    const Item item(fields.bytes());
    item.name(name_);
    if (!name_.starts_with("system.")) name_.insert(0, "system.");
    if (!json_.parse_value(item.value_json, name_, row.values)) ++unreadable_;
  }
  if (!row.values.empty()) tell(std::move(row));
}

void WandbFileReader::take_output(std::string_view message) {
  ConsoleText console;
  console.is_stderr = true;
  for (Fields fields(message); fields.next();) {
    if (fields.number() == 1) console.is_stderr = fields.value() == 0;
    if (fields.number() == 2) console.time = timestamp(fields.bytes());
    if (fields.number() == 3) console.text.assign(fields.bytes());
  }
  if (!console.text.empty()) tell(std::move(console));
}

void WandbFileReader::take_run(std::string_view message) {
  RunIdentity run;
  std::string_view config;
  std::string_view summary;
  for (Fields fields(message); fields.next();) {
    const std::string text(fields.bytes().substr(0, 4096));
    switch (fields.number()) {
      case 1:
        run.id = text;
        break;
      case 2:
        run.entity = text;
        break;
      case 3:
        run.project = text;
        break;
      case 4:
        config = fields.bytes();
        break;
      case 5:
        summary = fields.bytes();
        break;
      case 6:
        run.group = text;
        break;
      case 7:
        run.job_type = text;
        break;
      case 8:
        run.name = text;
        break;
      case 9:
        run.notes = text;
        break;
      case 10:
        if (run.tags.size() < 200) run.tags.push_back(text);
        break;
      case 12:
        run.sweep = text;
        break;
      case 13:
        run.host = text;
        break;
      case 14:
        run.starting_step = fields.int64();
        break;
      case 17:
        run.started = timestamp(fields.bytes());
        break;
      case 18:
        run.resumed = fields.value() != 0;
        break;
      default:
        break;
    }
  }
  tell(std::move(run));
  take_config(config);
  take_summary(summary);
}

void WandbFileReader::take_alert(std::string_view message) {
  UserAlert alert;
  for (Fields fields(message); fields.next();) {
    const std::string_view text = fields.bytes().substr(0, 4096);
    if (fields.number() == 1) alert.title.assign(text);
    if (fields.number() == 2) alert.text.assign(text);
    if (fields.number() == 3) alert.level.assign(text);
    if (fields.number() == 4 && fields.value() < (std::uint64_t{1} << 40U))
      alert.wait = std::chrono::milliseconds(fields.int64());
  }
  tell(std::move(alert));
}

void WandbFileReader::take_exit(std::string_view message) {
  Exit exit;
  for (Fields fields(message); fields.next();) {
    if (fields.number() == 1) exit.code = static_cast<int>(fields.int64());
    if (fields.number() == 2 && fields.value() < (std::uint64_t{1} << 32U))
      exit.runtime = std::chrono::seconds(fields.int64());
  }
  tell_summary();
  tell(exit);
}

}  // namespace redflag::daemon::local
