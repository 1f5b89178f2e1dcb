// The daemon's look into tensor files: files that the results sources call whole are inspected by a child,
// directories are judged from the reports, and what comes out goes to the rules. One for all results
// directories.
//
// Facts, besides those of the results source and on the same subjects (content_facts.h says what the words
// mean): files: content ("ok", "damaged", "refused", "unreadable": its reader died on it), content_detail,
// hostile;
//
// steps: nan, zero, mismatch, identical, collapsed, each with _detail; numbers drift, drift_previous, cka,
// cka_previous;
//
// checkpoints: nan, zero, mismatch, identical, resume, output, each with _detail; forward ("ok", "bad",
// "not_checked"), forward_detail.
//
// Of the source itself (subject source "contents"): kind="contents", reachable (true/false), degraded (text),
// queued, inspected.
#pragma once

#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "daemon/base/clock.h"
#include "daemon/base/event.h"
#include "daemon/base/process.h"
#include "daemon/contents/content_model.h"
#include "daemon/inspection/forward_runner.h"
#include "daemon/inspection/inspection_service.h"
#include "daemon/monitor/intake.h"

namespace redflag::daemon {

struct ContentSettings {
  InspectorSettings inspector;
  InspectionServiceSettings service;
  std::string forward_program;  ///< "" = forward passes and drift are not looked at
  ForwardLimits forward;
  Duration rest = std::chrono::seconds{5};  ///< between two runs of redflag-forward
  std::string kept_logits;  ///< directory where logits of checkpoints are kept for comparison; "" = none
};

/// Why the look into files is not done, for people; empty: it is.
struct ContentProgress {
  std::string reading;
  std::string forward;
};

class ContentSource {
 public:
  /// The references must outlive the source.
  ContentSource(asio::any_io_executor executor, Clock& clock, Intake& intake, ProcessLauncher& launcher,
                const MemoryProbe& memory, const FileProbe& files, VerdictStore& verdicts,
                ContentSettings settings);

  /// For ResultsSettings::on_change of every results source.
  void note(const FileChange& change);

  /// Three coroutines that run until cancelled: reading, telling, and redflag-forward.
  asio::awaitable<void> read() { return service_.run(); }
  asio::awaitable<void> tell();
  asio::awaitable<void> look_forward();

  InspectionState state() const { return service_.state(); }
  ContentProgress progress() const;
  /// What is still to be looked at and can be now; empty: nothing.
  std::string unfinished() const;

 private:
  void add_health(SourceBatch& batch);
  asio::awaitable<void> run_forward(const ForwardTask& task);

  Clock& clock_;
  Intake& intake_;
  const FileProbe& files_;
  ContentSettings settings_;
  VerdictCache cache_;
  Inspector inspector_;
  ContentModel model_;
  InspectionService service_;
  ForwardRunner forward_;
  Event changed_;
  bool forward_runs_ = false;
  std::string forward_trouble_;  ///< why the last one could not be made, where that may change
  std::string told_blocked_;
  bool told_ = false;
};

}  // namespace redflag::daemon
