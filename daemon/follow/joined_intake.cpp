#include "daemon/follow/joined_intake.h"

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

namespace redflag::daemon::follow {
namespace {

using nlohmann::json;

constexpr const char* kCursor = "join";       // by run
constexpr const char* kNames = "join-names";  // by the service's key
constexpr Duration kSystemIsFresh = std::chrono::minutes{2};
constexpr Duration kStillWritten = std::chrono::minutes{10};
constexpr Duration kForgetAfter = std::chrono::hours{24};

Attribute* attribute(Observation& facts, std::string_view name) {
  const auto found = std::find_if(facts.attributes.begin(), facts.attributes.end(),
                                  [&](const auto& one) { return one.first == name; });
  return found == facts.attributes.end() ? nullptr : &found->second;
}

bool same_words(const RunInfo& a, const RunInfo& b) {
  RunInfo copy = a;
  copy.heartbeat_at = b.heartbeat_at;
  return copy == b;
}

}  // namespace

class JoinedIntake::Face final : public Intake {
 public:
  Face(JoinedIntake& whole, Side side) : whole_(whole), side_(side) {}
  asio::awaitable<Result<void>> submit(SourceBatch batch) override {
    return whole_.submit(side_, std::move(batch));
  }
  std::optional<std::string> cursor(const std::string& source, const std::string& key) const override {
    return whole_.inner_.cursor(source, key);
  }
  const RunInfo* run(const std::string& key) const override {
    return whole_.inner_.run(whole_.known_as(key));
  }

 private:
  JoinedIntake& whole_;
  Side side_;
};

JoinedIntake::JoinedIntake(Intake& inner, Clock& clock)
    : inner_(inner),
      clock_(clock),
      service_(std::make_unique<Face>(*this, Side::service)),
      disk_(std::make_unique<Face>(*this, Side::disk)),
      pruned_(clock.now()) {}

JoinedIntake::~JoinedIntake() = default;

Intake& JoinedIntake::service() {
  return *service_;
}
Intake& JoinedIntake::disk() {
  return *disk_;
}

void JoinedIntake::recall(const Observation& point) {
  if (point.kind != ObservationKind::row || point.subject.kind != SubjectKind::run) return;
  if (point.source == "wandb_system") return;
  Run& run = runs_[point.subject.key];  // what else was kept of it joins it in obtain()
  run.ledger.recall(point);
  run.silence.row(point.time);
}

JoinedIntake::Run& JoinedIntake::obtain(const std::string& key) {
  Run& run = runs_[key];
  if (!asked_runs_.insert(key).second) return run;
  const auto kept = inner_.cursor(kCursor, key);
  if (!kept) return run;
  run.ledger.restore(*kept);
  const json value = json::parse(*kept, nullptr, false);
  if (const auto disk = value.find("disk"); disk != value.end() && disk->is_array() && disk->size() == 2 &&
                                            (*disk)[0].is_string() && (*disk)[1].is_number_integer()) {
    RunInfo info;
    if (const RunInfo* known = inner_.run(key)) info = *known;
    info.key = key;
    info.state = run_state_from((*disk)[0].get<std::string>());
    info.heartbeat_at = Time{Duration{(*disk)[1].get<std::int64_t>()}};
    if (!run.sides.disk) run.sides.disk = std::move(info);
  }
  return run;
}

void JoinedIntake::keep(const std::string& key, Run& run, bool whole, SourceBatch& batch) {
  json value = json::parse(whole ? run.ledger.serialize() : run.ledger.serialize_attempts());
  if (run.sides.disk && has_ended(run.sides.disk->state)) {
    value["disk"] = {std::string(to_string(run.sides.disk->state)),
                     run.sides.disk->heartbeat_at.time_since_epoch().count()};
  }
  batch.cursors.push_back({kCursor, key, value.dump(-1, ' ', false, json::error_handler_t::replace)});
  run.ledger.attempts_kept();
}

const std::string& JoinedIntake::known_as(const std::string& key) const {
  if (const auto found = names_.find(key); found != names_.end()) return found->second;
  if (asked_names_.insert(key).second) {
    if (const auto kept = inner_.cursor(kNames, key)) return names_[key] = *kept;
  }
  return key;
}

void JoinedIntake::expect_directory(const std::string& directory, const std::string& disk_key) {
  by_directory_[directory] = disk_key;
}

void JoinedIntake::writes_to(const std::string& run, std::vector<std::string> directories) {
  obtain(run).directories = std::move(directories);
}

void JoinedIntake::read_again(const std::string& run, const std::string& source) {
  obtain(run).ledger.read_again(source);
}

std::string JoinedIntake::writer_of(const std::string& directory) const {
  std::vector<std::string> live, any;
  for (const auto& [key, run] : runs_) {
    if (std::find(run.directories.begin(), run.directories.end(), directory) == run.directories.end())
      continue;
    any.push_back(key);
    if (!run.ended) live.push_back(key);
  }
  if (live.size() == 1) return live.front();
  return live.empty() && any.size() == 1 ? any.front() : std::string();
}

bool JoinedIntake::taken(const std::string& disk_key) const {
  return std::any_of(names_.begin(), names_.end(), [&](const auto& one) { return one.second == disk_key; });
}

Time JoinedIntake::last_heard(const std::string& key) const {
  const auto run = runs_.find(key);
  if (run == runs_.end()) return {};
  const SilenceJoin& silence = run->second.silence;
  return std::max({silence.last_row(), silence.last_life(), run->second.sides.disk_sign});
}

std::string JoinedIntake::pushed(const RunInfo& info, const std::vector<std::string>& places) {
  std::string key = known_as(info.key);
  if (key == info.key && inner_.run(key) == nullptr) {
    for (const std::string& place : places) {
      const auto same = by_directory_.find(place);
      if (same == by_directory_.end() || taken(same->second)) continue;
      const RunInfo* file = inner_.run(same->second);
      // What was written there an hour ago is a training of before.
      const Time written =
          file == nullptr ? last_heard(same->second) : std::max(file->heartbeat_at, last_heard(same->second));
      if ((file != nullptr && has_ended(file->state)) || clock_.now() - written > kStillWritten) continue;
      same_run(key, same->second);
      key = same->second;
      break;
    }
  }
  spoken_.insert(key);
  return key;
}

/// A run that the API tells of for the first time may be one that is known from disk.
void JoinedIntake::recognise(const RunInfo& info) {
  if (known_as(info.key) != info.key || inner_.run(info.key) != nullptr) return;
  if (const auto same = by_id_.find(info.id); same != by_id_.end() && !taken(same->second)) {
    same_run(info.key, same->second);
    return;
  }
  if (has_ended(info.state)) return;  // of many that wrote there it is the living one
  for (const std::string& directory : directories_of(info.config, {})) {
    const auto same = by_directory_.find(directory);
    if (same == by_directory_.end() || taken(same->second)) continue;
    same_run(info.key, same->second);
    return;
  }
}

void JoinedIntake::same_run(const std::string& service_key, const std::string& disk_key) {
  if (service_key == disk_key || names_.contains(service_key)) return;
  names_[service_key] = disk_key;
  unkept_.cursors.push_back({kNames, service_key, disk_key});
}

void JoinedIntake::rename(std::string& key) const {
  if (const std::string& name = known_as(key); &name != &key) key = name;
}

void JoinedIntake::note_sign(const std::string& key, Time at, bool training) {
  Run& run = obtain(key);
  run.sides.disk_sign = std::max(run.sides.disk_sign, at);
  if (training) run.silence.life(at);
}

RunInfo JoinedIntake::joined(Run& run) const {
  return join_run(run.sides, clock_.now());
}

bool JoinedIntake::join_row(Side side, Observation& row) {
  Run& run = obtain(row.subject.key);
  if (row.source == "wandb_system") {
    if (side == Side::disk) run.system_from_disk = std::max(run.system_from_disk, row.time);
    return side == Side::disk || row.time > run.system_from_disk + kSystemIsFresh;
  }
  run.silence.row(row.time);
  if (side == Side::disk) run.sides.disk_sign = std::max(run.sides.disk_sign, row.time);
  const std::size_t before = row.samples.size();
  const bool left = run.ledger.take(row);
  points_twice_ += before - (left ? row.samples.size() : 0);
  return left;
}

/// False: nothing is left of it. The service's last word comes after the end that was read on disk, and
/// alerts that the end has closed would open again for values that rows have told.
bool JoinedIntake::join_summary(Side side, Observation& summary) {
  const Run& run = obtain(summary.subject.key);
  if (side == Side::disk || !run.ended || !run.sides.disk) return true;
  std::erase_if(summary.samples, [&](const Sample& sample) { return run.ledger.knows(sample.metric); });
  return !summary.samples.empty();
}

void JoinedIntake::join_facts(Side side, const SourceBatch& batch, Observation& facts) {
  Attribute* const state = attribute(facts, "state");
  if (state == nullptr || !std::holds_alternative<std::string>(*state)) return;
  Run& run = obtain(facts.subject.key);
  auto& own = side == Side::service ? run.sides.service : run.sides.disk;
  if (!own) {
    const auto info = std::find_if(batch.runs.begin(), batch.runs.end(),
                                   [&](const RunInfo& one) { return one.key == facts.subject.key; });
    if (info == batch.runs.end()) return;
    own = *info;
  }
  own->state = run_state_from(std::get<std::string>(*state));
  const RunInfo both = joined(run);
  *state = std::string(to_string(both.state));
  if (Attribute* const ended = attribute(facts, "ended")) *ended = has_ended(both.state);
}

bool JoinedIntake::join_input(Side side, SourceBatch& batch, SourceBatch::Input& input) {
  if (auto* observation = std::get_if<Observation>(&input)) {
    rename(observation->run);
    if (observation->subject.kind != SubjectKind::run) return true;
    rename(observation->subject.key);
    if (observation->kind == ObservationKind::row) return join_row(side, *observation);
    if (observation->kind == ObservationKind::summary) return join_summary(side, *observation);
    if (observation->kind == ObservationKind::facts) join_facts(side, batch, *observation);
    return true;
  }
  if (auto* mark = std::get_if<Watermark>(&input)) {
    if (mark->subject.kind != SubjectKind::run) return true;
    rename(mark->subject.key);
    const std::optional<Time> told = obtain(mark->subject.key).silence.told_up_to(mark->complete_up_to);
    if (told) mark->complete_up_to = *told;
    return told.has_value();
  }
  Gone& gone = std::get<Gone>(input);
  if (gone.subject.kind != SubjectKind::run) return true;
  rename(gone.subject.key);
  const auto run = runs_.find(gone.subject.key);
  if (run == runs_.end()) return true;
  if (side == Side::service && run->second.sides.disk) {
    run->second.sides.service.reset();  // deleted from W&B; on disk it is still there
    return false;
  }
  runs_.erase(run);
  asked_runs_.erase(gone.subject.key);
  batch.cursors.push_back({kCursor, gone.subject.key, {}});
  return true;
}

void JoinedIntake::join(Side side, SourceBatch& batch) {
  std::set<std::string> touched;
  for (RunInfo& info : batch.runs) {
    if (side == Side::service) recognise(info);
    rename(info.key);
  }
  std::vector<SourceBatch::Input> kept;
  kept.reserve(batch.inputs.size());
  for (SourceBatch::Input& input : batch.inputs) {
    if (!join_input(side, batch, input)) continue;
    if (const auto* observation = std::get_if<Observation>(&input);
        observation != nullptr && observation->subject.kind == SubjectKind::run &&
        observation->kind == ObservationKind::row)
      touched.insert(observation->subject.key);
    kept.push_back(std::move(input));
  }
  batch.inputs = std::move(kept);
  for (RunInfo& info : batch.runs) {
    Run& run = obtain(info.key);
    (side == Side::service ? run.sides.service : run.sides.disk) = info;
    if (side == Side::service && run.directories.empty()) run.directories = directories_of(info.config, {});
    info = joined(run);
    run.ended = has_ended(info.state);
    touched.insert(info.key);
  }
  for (const std::string& key : touched) {
    const auto found = runs_.find(key);
    if (found == runs_.end()) continue;
    if (found->second.ended) {
      keep(key, found->second, true, batch);  // its points are not read back after a restart
    } else if (found->second.ledger.attempts_changed()) {
      keep(key, found->second, false, batch);
    }
  }
  std::move(unkept_.cursors.begin(), unkept_.cursors.end(), std::back_inserter(batch.cursors));
  unkept_.cursors.clear();
}

asio::awaitable<Result<void>> JoinedIntake::submit(Side side, SourceBatch batch) {
  join(side, batch);
  if (clock_.now() - pruned_ > std::chrono::hours{1}) prune(clock_.now());
  if (batch.inputs.empty() && batch.runs.empty() && batch.cursors.empty() && !batch.first_read)
    co_return Result<void>{};
  co_return co_await inner_.submit(std::move(batch));
}

SourceBatch JoinedIntake::overdue() {
  SourceBatch batch;
  for (auto& [key, run] : runs_) {
    if (!run.sides.service || !run.sides.disk || run.ended || !has_ended(run.sides.service->state)) continue;
    RunInfo info = joined(run);
    const RunInfo* known = inner_.run(key);
    if (!has_ended(info.state) || (known != nullptr && same_words(info, *known))) continue;
    run.ended = true;
    keep(key, run, true, batch);
    batch.inputs.emplace_back(run_facts(info, "disk", clock_.now()));
    batch.runs.push_back(std::move(info));
  }
  return batch;
}

asio::awaitable<void> JoinedIntake::tell_overdue() {
  SourceBatch batch = overdue();
  if (!batch.inputs.empty()) co_await inner_.submit(std::move(batch));
}

/// What ended a day ago is read back from what was kept, should it come to life.
void JoinedIntake::prune(Time now) {
  pruned_ = now;
  std::erase_if(runs_, [&](const auto& one) {
    const auto& [key, run] = one;
    const RunInfo* known = inner_.run(key);
    const Time newest = std::max({run.silence.last_row(), run.silence.last_life(), run.sides.disk_sign});
    const bool old = run.ended && now - newest > kForgetAfter;
    if (old || known == nullptr) asked_runs_.erase(key);
    return old || (known == nullptr && now - newest > kForgetAfter);
  });
}

}  // namespace redflag::daemon::follow
