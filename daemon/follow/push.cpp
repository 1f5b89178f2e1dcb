#include "daemon/follow/push.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "daemon/follow/disk_run.h"
#include "daemon/follow/run_join.h"
#include "daemon/results/printable.h"
#include "daemon/runs/json_number.h"
#include "daemon/runs/relaxed_json.h"

namespace redflag::daemon::follow {
namespace {

using nlohmann::json;

constexpr const char* kCursor = "push";
constexpr const char* kTellers = "push-tellers";
constexpr Duration kLookEvery = std::chrono::seconds{5};
/// From its process's end to its own: the last request may still be on its way, and a run that W&B knows has
/// its end told by W&B, within one or two polls.
constexpr Duration kEndMayCome = std::chrono::seconds{5};
constexpr Duration kServiceEndMayCome = std::chrono::seconds{90};

/// A member that is text; empty when it is not there. `error` when it is something else, or too long.
std::string text_of(const json& line, const char* name, std::string& error) {
  const auto found = line.find(name);
  if (found == line.end() || found->is_null()) return {};
  if (!found->is_string()) {
    error = fmt::format("{} is to be text", name);
    return {};
  }
  std::string text = found->get<std::string>();
  if (text.size() > kMaxPushedNameBytes)
    error = fmt::format("{} is longer than {} bytes", name, kMaxPushedNameBytes);
  return text;
}

}  // namespace

PushIntake::PushIntake(JoinedIntake& intake, Clock& clock, const MetricNames& names, std::string wandb_host,
                       Glance glance, const local::LogPatterns* patterns)
    : intake_(intake),
      clock_(clock),
      builder_(names),
      wandb_host_(std::move(wandb_host)),
      glance_(std::move(glance)),
      patterns_(patterns != nullptr ? *patterns : local::LogPatterns::shipped()) {}

/// True: it is another process than before.
bool PushIntake::note_teller(Run& run, std::int64_t pid) {
  if (run.teller.is(pid)) {
    run.teller.heard(pid, run.teller.start_ticks(), clock_.monotonic());
    return false;
  }
  auto glance = pid != 0 && glance_ ? glance_(pid) : std::nullopt;
  run.teller.heard(pid, glance ? std::optional(glance->start_ticks) : std::nullopt, clock_.monotonic());
  run.outputs = glance ? std::move(glance->outputs) : std::vector<std::string>();
  return true;
}

/// The files below its output_dir, and those that its output goes to, are the run's own.
void PushIntake::find_files(Run& run) {
  std::vector<std::string> places = directories_of(run.info.config, {});
  places.insert(places.end(), run.outputs.begin(), run.outputs.end());
  if (places.empty()) return;
  run.info.key = intake_.pushed(run.info, places);
  intake_.writes_to(run.info.key, std::move(places));
}

PushIntake::Run* PushIntake::obtain(const json& line, std::int64_t pid, std::string& error) {
  const std::string id = text_of(line, "run", error);
  const std::string name = text_of(line, "name", error);
  const std::string project = text_of(line, "project", error);
  if (!error.empty()) return nullptr;
  if (id.empty() || id.find_first_of("/\n") != std::string::npos) {
    error = "run is to be the run's id: text without \"/\"";
    return nullptr;
  }
  if (!project.empty() && std::count(project.begin(), project.end(), '/') != 1) {
    error = "project is to be \"entity/project\"";
    return nullptr;
  }
  const std::string key =
      project.empty() ? "push:" + printable_path(id)
                      : fmt::format("{}/{}/{}", wandb_host_, printable_path(project), printable_path(id));
  auto found = runs_.find(key);
  if (found == runs_.end()) {
    if (runs_.size() >= kMostPushedRuns) {
      error = "too many runs";
      return nullptr;
    }
    found = runs_.emplace(key, Run{}).first;
    Run& run = found->second;
    run.key = key;
    if (const RunInfo* known = intake_.disk().run(key)) {
      run.info = *known;
      run.told = true;
    } else {
      run.info.id = printable_path(id);
      run.info.name = run.info.id;
      run.info.project = printable_path(project);
      run.info.state = RunState::running;
      run.info.created_at = clock_.now();
    }
    run.info.key = intake_.known_as(key);
    if (const auto kept = intake_.disk().cursor(kCursor, key)) run.attempts = AttemptTracker::restored(*kept);
  }
  if (note_teller(found->second, pid)) find_files(found->second);
  if (!name.empty() && found->second.info.name != printable_path(name)) {
    found->second.info.name = printable_path(name);
    found->second.told = false;
  }
  return &found->second;
}

void PushIntake::tell(Run& run, SourceBatch& batch) {
  run.info.heartbeat_at = clock_.now();
  derive_identity(run.info);
  Observation facts = run_facts(run.info, "push", clock_.now());
  facts.attributes.emplace_back("end_detail", run.end_detail);
  batch.inputs.emplace_back(std::move(facts));
  batch.runs.push_back(run.info);
  run.told = true;
}

void PushIntake::introduce(Run& run, SourceBatch& batch) {
  if (!run.told) tell(run, batch);
}

/// It tells of itself: whoever took it for gone was wrong.
void PushIntake::revive(Run& run, SourceBatch& batch) {
  if (run.end_detail.empty()) return;
  run.end_detail.clear();
  run.info.state = RunState::running;
  tell(run, batch);
}

std::string PushIntake::take_row(Run& run, const json& line, SourceBatch& batch) {
  json values = line["metrics"];
  if (!values.is_object()) return "metrics is to be an object of numbers";
  if (const auto step = line.find("step"); step != line.end() && !step->is_null()) {
    const auto number = step_from(*step);
    if (!number) return "step is to be a whole number from 0 on";
    values["train/global_step"] = *number;
  }
  Time time = clock_.now();
  if (const auto when = line.find("time"); when != line.end() && !when->is_null()) {
    time = when->is_number()   ? from_unix_seconds(when->get<double>())
           : when->is_string() ? parse_rfc3339(when->get<std::string>()).value_or(Time{})
                               : Time{};
    if (time == Time{}) return "time is to be unix seconds, or RFC 3339";
  }
  auto built = builder_.build(values, {{SubjectKind::run, run.info.key}, run.info.key, "push"});
  if (!built) return "there is no number in metrics";
  run.attempts.place(*built);
  built->observation.seq = -1;
  built->observation.time = time;
  run.last_step = std::max(run.last_step, built->observation.step);
  introduce(run, batch);
  revive(run, batch);
  moved_.insert(run.key);
  batch.inputs.emplace_back(std::move(built->observation));
  return {};
}

std::string PushIntake::take_event(Run& run, const std::string& event, const json& line, SourceBatch& batch) {
  if (event == "alive") {
    introduce(run, batch);
    revive(run, batch);
    batch.inputs.emplace_back(Watermark{{SubjectKind::run, run.info.key}, clock_.now()});
    return {};
  }
  const RunState state = event == "started" ? RunState::running : run_state_from(event);
  if (state == RunState::unknown)
    return "event is one of started, alive, finished, failed, crashed, killed, preempting, preempted";
  if (const auto config = line.find("config"); config != line.end()) {
    if (!config->is_object() || config->dump(-1, ' ', false, json::error_handler_t::replace).size() > 65536)
      return "config is to be an object of at most 64 KiB";
    run.info.config = *config;
    find_files(run);
  }
  run.info.state = state;
  run.end_detail.clear();
  tell(run, batch);
  return {};
}

std::string PushIntake::take_log(Run& run, const std::string& text, SourceBatch& batch) {
  const local::LogPattern* match = patterns_.match(std::string_view(text).substr(0, 4096));
  introduce(run, batch);
  if (match == nullptr || !told_at_once(match->kind, match->own) || run.error == match->kind) return {};
  run.error = match->kind;
  Observation facts;
  facts.kind = ObservationKind::facts;
  facts.subject = {SubjectKind::log, run.info.key};
  facts.run = run.info.key;
  facts.source = "push";
  facts.time = clock_.now();
  facts.attributes = {{"name", run.info.name},
                      {"error", match->kind},
                      {"detail", printable_path(std::string_view(text).substr(0, 500))},
                      {"own", own_severity(match->kind, match->own, match->severity)},
                      {"deadly", match->deadly}};
  batch.inputs.emplace_back(std::move(facts));
  return {};
}

std::string PushIntake::take_line(const json& line, std::int64_t pid, SourceBatch& batch) {
  std::string error;
  Run* const run = obtain(line, pid, error);
  if (run == nullptr) return error;
  const int forms = line.contains("metrics") + line.contains("event") + line.contains("log");
  if (forms != 1) return "a line has one of metrics, event, log";
  if (line.contains("metrics")) return take_row(*run, line, batch);
  const char* const form = line.contains("event") ? "event" : "log";
  if (!line[form].is_string()) return fmt::format("{} is to be text", form);
  const std::string text = line[form].get<std::string>();
  return line.contains("event") ? take_event(*run, text, line, batch) : take_log(*run, text, batch);
}

asio::awaitable<PushResult> PushIntake::take(std::string body, std::int64_t pid) {
  PushResult result;
  SourceBatch batch;
  std::size_t number = 0;
  for (std::size_t at = 0; at < body.size();) {
    const std::size_t end = std::min(body.find('\n', at), body.size());
    const std::string_view text = std::string_view(body).substr(at, end - at);
    at = end + 1;
    ++number;
    if (text.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    if (number > kMostPushedLines) {
      result.errors.push_back(
          {number,
           fmt::format("more than {} lines: this one and what follows was not read", kMostPushedLines)});
      break;
    }
    std::string error;
    const auto line = parse_relaxed_json(text, "reading the line", {std::size_t{1} << 20, 50});
    if (!line) {
      error = line.error().what;
    } else {
      error = line->is_object() ? take_line(*line, pid, batch) : std::string("a line is to be a JSON object");
    }
    if (error.empty()) {
      ++result.accepted;
    } else {
      result.errors.push_back({number, std::move(error)});
    }
  }
  for (const std::string& key : std::exchange(moved_, {})) {
    if (const auto run = runs_.find(key); run != runs_.end())
      batch.cursors.push_back({kCursor, key, run->second.attempts.serialize()});
  }
  if (!batch.inputs.empty()) co_await intake_.disk().submit(std::move(batch));
  co_return result;
}

// --- whose process is gone

bool PushIntake::completed(const Run& run) const {
  const auto most = run.info.config.find("max_steps");
  return most != run.info.config.end() && most->is_number_integer() && most->get<std::int64_t>() > 0 &&
         run.last_step >= most->get<std::int64_t>();
}

void PushIntake::conclude(Run& run, SourceBatch& batch) {
  const bool whole = completed(run);
  run.info.state = whole ? RunState::finished : RunState::crashed;
  run.end_detail = fmt::format("its process (pid {}) has ended {}", run.teller.pid(),
                               whole ? "after the last step" : "without having told an end");
  tell(run, batch);
}

SourceBatch PushIntake::look() {
  SourceBatch batch;
  auto tellers = json::object();
  for (auto& [key, run] : runs_) {
    if (!run.teller.proven() || has_ended(run.info.state)) continue;
    const auto glance = glance_(run.teller.pid());
    const bool lives = glance && glance->start_ticks == run.teller.start_ticks();
    const auto gone = run.teller.looked(lives, clock_.monotonic());
    if (gone && *gone >= (run.info.project.empty() ? kEndMayCome : kServiceEndMayCome)) {
      conclude(run, batch);
      continue;
    }
    tellers[key] = {run.teller.pid(), run.teller.start_ticks(), run.last_step};
  }
  std::string kept = tellers.dump(-1, ' ', false, json::error_handler_t::replace);
  if (kept != kept_tellers_) {
    batch.cursors.push_back({kTellers, "all", kept});
    kept_tellers_ = std::move(kept);
  }
  return batch;
}

/// What was live when redflagd stopped may have ended since, with the machine even.
void PushIntake::restore_tellers() {
  const auto kept = intake_.disk().cursor(kTellers, "all");
  const json all = kept ? json::parse(*kept, nullptr, false) : json();
  if (!all.is_object()) return;
  kept_tellers_ = *kept;
  for (const auto& [key, value] : all.items()) {
    const RunInfo* known = intake_.disk().run(key);
    const bool whole = value.is_array() && value.size() == 3 && value[0].is_number_integer() &&
                       value[1].is_number_unsigned() && value[2].is_number_integer();
    if (!whole || known == nullptr || runs_.contains(key)) continue;
    Run& run = runs_[key];
    run.key = key;
    run.info = *known;
    run.told = true;
    run.last_step = value[2].get<std::int64_t>();
    run.teller.restore(value[0].get<std::int64_t>(), value[1].get<std::uint64_t>());
    if (auto glance = glance_(run.teller.pid()); glance && glance->start_ticks == run.teller.start_ticks())
      run.outputs = std::move(glance->outputs);
    find_files(run);
    if (const auto attempts = intake_.disk().cursor(kCursor, key))
      run.attempts = AttemptTracker::restored(*attempts);
  }
}

asio::awaitable<void> PushIntake::watch() {
  if (!glance_) co_return;
  restore_tellers();
  for (;;) {
    co_await clock_.sleep(kLookEvery);
    SourceBatch batch = look();
    if (!batch.inputs.empty() || !batch.cursors.empty()) co_await intake_.disk().submit(std::move(batch));
  }
}

}  // namespace redflag::daemon::follow
