// The driver: one turn of the watcher, its events into the model, what is due, what was found into the
// intake; then one wait for whichever comes first, an event or the nearest deadline.
#include "daemon/results/results_source.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "daemon/monitor/submit.h"
#include "daemon/results/printable.h"
#include "daemon/results/watch_waiter.h"

namespace redflag::daemon {
namespace {

constexpr std::size_t kBatch = 1000;
constexpr std::size_t kMaxKept = 5000;  // bad subjects remembered over a restart

}  // namespace

ResultsSource::ResultsSource(asio::any_io_executor executor, Clock& clock, Intake& intake, FileSystem& files,
                             InotifyApi& inotify, ResultsSettings settings)
    : executor_(std::move(executor)),
      clock_(clock),
      intake_(intake),
      inotify_(inotify),
      settings_(std::move(settings)),
      watcher_(settings_.root, files, inotify_, settings_.watcher),
      model_(watcher_.root(), files, settings_.timing),
      name_("results:" + printable_path(watcher_.root())) {
  model_.on_change(settings_.on_change);
}

ResultsSource::~ResultsSource() = default;

asio::awaitable<void> ResultsSource::run() {
  restore();
  WatchWaiter waiter(executor_, watcher_.fd());
  std::vector<FileEvent> events;
  for (;;) {
    const Moment now = moment();
    events.clear();
    bool more = watcher_.turn(now.monotonic, events);
    for (const FileEvent& event : events) model_.apply(event, now);
    if (model_.advance(now)) more = true;
    // While there is work at hand only full batches go out, so that the first listing makes few of them.
    if (!more || model_.pending() >= kBatch) co_await flush(now);
    if (more) {
      co_await clock_.sleep(Duration::zero());
      continue;
    }
    Duration until = std::min(watcher_.next_deadline(), model_.next_deadline());
    if (told_counts_ != model_.files() + model_.directories())
      until = std::min(until, told_at_ + settings_.health_every);
    const Duration wait = std::max(Duration::zero(), until - clock_.monotonic());
    if (co_await waiter.wait(clock_, wait)) co_await clock_.sleep(settings_.coalesce);
  }
}

asio::awaitable<void> ResultsSource::flush(Moment now) {
  for (;;) {
    SourceBatch batch;
    for (Finding& finding : model_.take(kBatch)) {
      if (auto* facts = std::get_if<Observation>(&finding)) {
        batch.inputs.emplace_back(std::move(*facts));
      } else {
        Departed& gone = std::get<Departed>(finding);
        batch.inputs.emplace_back(Gone{std::move(gone.subject), gone.time, std::move(gone.reason)});
      }
    }
    if (model_.pending() == 0) {
      add_health(batch, now);
      add_cursor(batch);
    }
    if (batch.inputs.empty() && batch.cursors.empty()) co_return;
    co_await submit_until_kept(clock_, intake_, std::move(batch));
    if (model_.pending() == 0) co_return;
  }
}

void ResultsSource::restore() {
  const auto kept = intake_.cursor(name_, "");
  if (!kept) return;
  const auto value = nlohmann::json::parse(*kept, nullptr, false);
  if (!value.is_array())
    return;  // ours, but damaged: nothing is lost but the closing of alerts on files gone meanwhile
  std::vector<Subject> subjects;
  for (const auto& each : value) {
    if (!each.is_array() || each.size() != 2 || !each[0].is_string() || !each[1].is_string()) continue;
    const auto kind = subject_kind_from(each[0].get<std::string>());
    if (kind) subjects.push_back({*kind, each[1].get<std::string>()});
  }
  kept_bad_.insert(subjects.begin(), subjects.end());
  model_.expect(std::move(subjects));
}

void ResultsSource::add_cursor(SourceBatch& batch) {
  // Until the tree was listed, what was kept still stands: a stop in the middle must not forget it.
  if (!model_.listed() || kept_bad_ == model_.bad()) return;
  kept_bad_ = model_.bad();
  auto value = nlohmann::json::array();
  for (const Subject& subject : kept_bad_) {
    if (value.size() == kMaxKept) break;
    value.push_back({std::string(to_string(subject.kind)), subject.key});
  }
  batch.cursors.push_back({name_, "", value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)});
}

bool ResultsSource::add_health(SourceBatch& batch, Moment now) {
  WatchHealth health = this->health();
  if (health.present && !model_.listed()) return false;  // not before it is known what is there
  WatchHealth comparable = health;
  comparable.directories = told_health_.directories;
  comparable.overflows = told_health_.overflows;
  const std::size_t counts = model_.files() + model_.directories();
  const bool counts_due = counts != told_counts_ && now.monotonic >= told_at_ + settings_.health_every;
  if (told_ && comparable == told_health_ && !counts_due) return false;
  Observation facts;
  facts.kind = ObservationKind::facts;
  facts.subject = {SubjectKind::source, name_};
  facts.source = "results";
  facts.time = now.wall;
  facts.attributes = {
      {"kind", std::string("results")},
      {"reachable", health.present},
      {"present", health.present},
      {"watching", health.watching},
      {"directories", static_cast<double>(model_.directories())},
      {"files", static_cast<double>(model_.files())},
      {"bad", static_cast<double>(model_.bad().size())},
      {"degraded", health.degraded},
      {"last_event", model_.last_event() == Time{} ? std::string() : to_rfc3339(model_.last_event())}};
  batch.inputs.emplace_back(std::move(facts));
  told_ = true;
  told_health_ = std::move(health);
  told_at_ = now.monotonic;
  told_counts_ = counts;
  return true;
}

ResultsSummary ResultsSource::summary() const {
  return model_.summary();
}

WatchHealth ResultsSource::health() const {
  WatchHealth health = watcher_.health();
  const std::set<std::string>& shut = model_.shut();
  if (shut.empty()) return health;
  health.degraded += fmt::format(
      "{}{}{} {} cannot be read, such as {}: let redflagd in, e.g. setfacl -R -m u:redflag:rX {}, or run it "
      "as the "
      "training user",
      health.degraded.empty() ? "" : "; ", shut.size(),
      shut.size() == ResultsModel::kMaxShut ? " or more" : "", shut.size() == 1 ? "file" : "files",
      printable_path(*shut.begin()), printable_path(root()));
  return health;
}

bool ResultsSource::listed() const {
  return model_.listed();
}

const std::string& ResultsSource::root() const {
  return watcher_.root();
}

}  // namespace redflag::daemon
