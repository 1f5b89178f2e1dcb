#include "daemon/contents/content_source.h"

#include <algorithm>
#include <cstdio>
#include <fstream>

#include <fmt/format.h>

#include "daemon/base/log.h"
#include "daemon/contents/forward_answer.h"
#include "daemon/monitor/submit.h"
#include "daemon/results/printable.h"

namespace redflag::daemon {
namespace {

constexpr std::size_t kBatch = 1000;

std::vector<std::string> arguments_of(const ForwardTask& task, const std::string& kept) {
  if (task.kind == ForwardTask::Kind::logits) {
    std::vector<std::string> out{"logits", task.path};
    if (!kept.empty() && std::ifstream(kept).good()) out.insert(out.end(), {"--compare", kept});
    return out;
  }
  std::vector<std::string> out{"drift", task.path};
  if (!task.base.empty()) out.insert(out.end(), {"--base", task.base});
  if (!task.previous.empty()) out.insert(out.end(), {"--previous", task.previous});
  return out;
}

}  // namespace

ContentSource::ContentSource(asio::any_io_executor executor, Clock& clock, Intake& intake,
                             ProcessLauncher& launcher, const MemoryProbe& memory, const FileProbe& files,
                             VerdictStore& verdicts, ContentSettings settings)
    : clock_(clock),
      intake_(intake),
      files_(files),
      settings_(std::move(settings)),
      cache_(clock, verdicts, reader_version(settings_.inspector.program)),
      inspector_(clock, launcher, memory, settings_.inspector),
      service_(executor, clock, inspector_, cache_, files, settings_.service,
               [this](const std::string& path, const tensors::FileReport& report) {
                 model_.report(path, report, clock_.now());
                 changed_.set();
               }),
      forward_(clock, launcher, memory, settings_.forward_program),
      changed_(executor) {}

void ContentSource::note(const FileChange& change) {
  if (auto job = model_.apply(change, clock_.now())) {
    if (const auto identity = files_.identity_of(job->path)) job->identity = *identity;
    service_.request(std::move(*job));
  } else if (change.gone && !change.name.empty()) {
    service_.forget(change.directory + '/' + change.name);
  }
  changed_.set();
}

asio::awaitable<void> ContentSource::tell() {
  for (;;) {
    const std::uint64_t seen = changed_.count();
    for (;;) {
      SourceBatch batch;
      for (Observation& facts : model_.take(kBatch)) batch.inputs.emplace_back(std::move(facts));
      add_health(batch);
      if (batch.inputs.empty()) break;
      co_await submit_until_kept(clock_, intake_, std::move(batch));
    }
    if (service_.wants_rescan()) {
      service_.begin_rescan();
      for (InspectionJob& job : model_.unreported()) service_.request(std::move(job));
    }
    co_await changed_.wait_past(seen);
  }
}

ContentProgress ContentSource::progress() const {
  ContentProgress progress;
  const InspectionState state = service_.state();
  const std::size_t waiting = model_.unreported().size();
  if (!state.blocked.empty()) {
    progress.reading = state.blocked;
  } else if (waiting > 0 || model_.pending() > 0) {
    progress.reading = state.being_written > 0 && state.queued == 0 && state.inspecting.empty()
                           ? fmt::format("{} file(s) are still being written", waiting)
                           : fmt::format("{} file(s) wait to be read", waiting);
  }
  const std::size_t passes = model_.forward_waiting() + (forward_runs_ ? 1 : 0);
  if (settings_.forward_program.empty()) {
    progress.forward = "forward passes are off (results.forward)";
  } else if (!forward_trouble_.empty()) {
    progress.forward = forward_trouble_;
  } else if (passes > 0) {
    progress.forward = fmt::format("{} forward pass(es) wait", passes);
  }
  return progress;
}

std::string ContentSource::unfinished() const {
  const InspectionState state = service_.state();
  if (!state.blocked.empty()) return {};
  const std::size_t waiting = model_.unreported().size();
  const bool only_written = state.being_written > 0 && state.queued == 0 && state.inspecting.empty();
  if ((waiting > 0 && !only_written) || model_.pending() > 0)
    return fmt::format("{} file(s) to be read", waiting);
  const std::size_t passes = model_.forward_waiting() + (forward_runs_ ? 1 : 0);
  const bool hopeless = settings_.forward_program.empty() || !forward_trouble_.empty();
  return passes == 0 || hopeless ? std::string() : fmt::format("{} forward pass(es)", passes);
}

void ContentSource::add_health(SourceBatch& batch) {
  const InspectionState state = service_.state();
  if (told_ && state.blocked == told_blocked_) return;
  told_ = true;
  told_blocked_ = state.blocked;
  Observation facts;
  facts.kind = ObservationKind::facts;
  facts.subject = {SubjectKind::source, "contents"};
  facts.source = "contents";
  facts.time = clock_.now();
  facts.attributes = {{"kind", std::string("contents")},
                      {"reachable", state.blocked.empty()},
                      {"degraded", state.blocked},
                      {"queued", static_cast<double>(state.queued)},
                      {"inspected", static_cast<double>(state.inspected)}};
  batch.inputs.emplace_back(std::move(facts));
  if (!state.blocked.empty()) log_warning("contents", "files are not inspected: {}", state.blocked);
}

asio::awaitable<void> ContentSource::look_forward() {
  if (settings_.forward_program.empty()) co_return;
  for (;;) {
    const std::uint64_t seen = changed_.count();
    // Forward passes can wait: what is in the files comes first.
    while (service_.state().queued == 0) {
      const auto task = model_.take_forward();
      if (!task) break;
      co_await run_forward(*task);
      co_await clock_.sleep(settings_.rest);
    }
    co_await changed_.wait_past(seen);
  }
}

asio::awaitable<void> ContentSource::run_forward(const ForwardTask& task) {
  const bool logits = task.kind == ForwardTask::Kind::logits;
  const std::string kept = logits && !settings_.kept_logits.empty()
                               ? fmt::format("{}/{:016x}.json", settings_.kept_logits, task.hash)
                               : std::string();
  forward_runs_ = true;
  const ForwardAnswer answer = co_await forward_.run(arguments_of(task, kept), settings_.forward);
  forward_runs_ = false;
  forward_trouble_ = answer.later ? answer.not_checked : std::string();
  if (!answer.checked()) {
    Attributes figures;
    if (logits) figures = {{"forward", std::string("not_checked")}, {"forward_detail", answer.not_checked}};
    model_.forward(task, {}, std::move(figures), clock_.now());
    log_debug("contents", "{}: {}", printable_path(task.path), answer.not_checked);
    changed_.set();
    co_return;
  }
  const ForwardSays says = read_forward_answer(answer.result, logits);
  if (!kept.empty() && says.ok && !std::ifstream(kept).good()) {
    std::ofstream(kept, std::ios::binary)
        << answer.result.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  model_.forward(task, says.findings, says.figures, clock_.now());
  changed_.set();
}

}  // namespace redflag::daemon
