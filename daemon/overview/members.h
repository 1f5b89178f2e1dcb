// The members of every struct of overview.h and evidence.h by name, once for writing and reading: `visit` is
// called with each name and a reference to the member. A member that is missing here is missing on the wire.
#pragma once

#include "daemon/overview/evidence.h"
#include "daemon/overview/overview.h"

namespace redflag::daemon::overview_members {

// `T` is the struct or the const struct.
template <typename T, typename Struct>
concept Of = std::is_same_v<std::remove_const_t<T>, Struct>;

template <Of<AlertCounts> T, typename Visit>
void members(T& v, Visit&& visit) {
  visit("critical", v.critical);
  visit("warning", v.warning);
  visit("info", v.info);
}

template <Of<SourceView> T, typename Visit>
void members(T& v, Visit&& visit) {
  visit("key", v.key);
  visit("kind", v.kind);
  visit("reachable", v.reachable);
  visit("trouble", v.trouble);
  visit("last_success", v.last_success);
  visit("lag_seconds", v.lag_seconds);
  visit("runs", v.runs);
  visit("active_runs", v.active_runs);
}

template <Of<LatestValue> T, typename Visit>
void members(T& v, Visit&& visit) {
  visit("metric", v.metric);
  visit("value", v.value);
  visit("step", v.step);
}

template <Of<Score> T, typename Visit>
void members(T& v, Visit&& visit) {
  visit("metric", v.metric);
  visit("value", v.value);
  visit("from_summary", v.from_summary);
}

/// All but `config`, which is no plain value.
template <Of<RunInfo> T, typename Visit>
void members(T& v, Visit&& visit) {
  visit("key", v.key);
  visit("id", v.id);
  visit("name", v.name);
  visit("url", v.url);
  visit("project", v.project);
  visit("group", v.group);
  visit("job_type", v.job_type);
  visit("tags", v.tags);
  visit("state", v.state);
  visit("task", v.task);
  visit("method", v.method);
  visit("seed", v.seed);
  visit("created_at", v.created_at);
  visit("heartbeat_at", v.heartbeat_at);
  visit("historic", v.historic);
}

template <Of<RunView> T, typename Visit>
void members(T& v, Visit&& visit) {
  members(v.info, visit);
  visit("step", v.step);
  visit("total_steps", v.total_steps);
  visit("attempt", v.attempt);
  visit("last_row_at", v.last_row_at);
  visit("steps_per_second", v.steps_per_second);
  visit("latest", v.latest);
  visit("loss", v.loss);
  visit("score", v.score);
  visit("alerts", v.alerts);
  visit("leading_source", v.leading_source);
}

template <Of<MethodScores::One> T, typename Visit>
void members(T& v, Visit&& visit) {
  visit("run", v.run);
  visit("name", v.name);
  visit("seed", v.seed);
  visit("value", v.value);
}

template <Of<MethodScores> T, typename Visit>
void members(T& v, Visit&& visit) {
  visit("method", v.method);
  visit("scores", v.scores);
}

template <Of<TaskView> T, typename Visit>
void members(T& v, Visit&& visit) {
  visit("task", v.task);
  visit("metric", v.metric);
  visit("expected_min", v.expected_min);
  visit("expected_max", v.expected_max);
  visit("critical", v.critical);
  visit("methods", v.methods);
  visit("best", v.best);
  visit("average", v.average);
  visit("verdict", v.verdict);
}

template <Of<StepCell> T, typename Visit>
void members(T& v, Visit&& visit) {
  visit("step", v.step);
  visit("state", v.state);
  visit("detail", v.detail);
}

template <Of<SeriesView> T, typename Visit>
void members(T& v, Visit&& visit) {
  visit("dir", v.dir);
  visit("task", v.task);
  visit("method", v.method);
  visit("run", v.run);
  visit("cells", v.cells);
  visit("missing", v.missing);
  visit("missing_count", v.missing_count);
  visit("regular", v.regular);
  visit("has_base", v.has_base);
}

template <Of<SeriesSummary> T, typename Visit>
void members(T& v, Visit&& visit) {
  visit("dir", v.dir);
  visit("method", v.method);
  visit("task", v.task);
  visit("steps", v.steps);
  visit("missing", v.missing);
  visit("missing_count", v.missing_count);
  visit("regular", v.regular);
  visit("has_base", v.has_base);
}

template <Of<CheckpointSeries> T, typename Visit>
void members(T& v, Visit&& visit) {
  visit("dir", v.dir);
  visit("steps", v.steps);
}

template <Of<ResultsSummary> T, typename Visit>
void members(T& v, Visit&& visit) {
  visit("present", v.present);
  visit("directories", v.directories);
  visit("files", v.files);
  visit("log_files", v.log_files);
  visit("experiments", v.experiments);
  visit("checkpoints", v.checkpoints);
  visit("representation_steps", v.representation_steps);
  visit("bad", v.bad);
  visit("series", v.series);
  visit("checkpoint_series", v.checkpoint_series);
  visit("tasks_without_base", v.tasks_without_base);
}

template <Of<ResultsView> T, typename Visit>
void members(T& v, Visit&& visit) {
  visit("root", v.root);
  visit("present", v.present);
  visit("listed", v.listed);
  visit("watching", v.watching);
  visit("degraded", v.degraded);
  visit("summary", v.summary);
  visit("representations", v.representations);
  visit("checkpoints", v.checkpoints);
  visit("disk_total_bytes", v.disk_total_bytes);
  visit("disk_free_bytes", v.disk_free_bytes);
}

template <Of<HostView> T, typename Visit>
void members(T& v, Visit&& visit) {
  visit("name", v.name);
  visit("memory_total_bytes", v.memory_total_bytes);
  visit("memory_available_bytes", v.memory_available_bytes);
}

template <Of<DaemonView> T, typename Visit>
void members(T& v, Visit&& visit) {
  visit("version", v.version);
  visit("once", v.once);
  visit("started_at", v.started_at);
  visit("as_of", v.as_of);
  visit("rss_bytes", v.rss_bytes);
  visit("store_bytes", v.store_bytes);
  visit("undurable", v.undurable);
  visit("messages_waiting", v.messages_waiting);
  visit("channel_troubles", v.channel_troubles);
}

template <Of<AlertLine> T, typename Visit>
void members(T& v, Visit&& visit) {
  visit("id", v.id);
  visit("rule", v.rule);
  visit("severity", v.severity);
  visit("state", v.state);
  visit("run", v.run);
  visit("about", v.about);
  visit("message", v.message);
  visit("hint", v.hint);
  visit("value", v.value);
  visit("threshold", v.threshold);
  visit("step", v.step);
  visit("since_step", v.since_step);
  visit("since", v.since);
  visit("acknowledged", v.acknowledged);
  visit("muted_by", v.muted_by);
}

template <Of<Overview> T, typename Visit>
void members(T& v, Visit&& visit) {
  visit("now", v.now);
  visit("daemon", v.daemon);
  visit("sources", v.sources);
  visit("runs", v.runs);
  visit("runs_total", v.runs_total);
  visit("running", v.running);
  visit("finished", v.finished);
  visit("failed", v.failed);
  visit("tasks", v.tasks);
  visit("results", v.results);
  visit("host", v.host);
  visit("alerts", v.alerts);
  visit("firing", v.firing);
}

template <Of<CurvePoint> T, typename Visit>
void members(T& v, Visit&& visit) {
  visit("step", v.step);
  visit("value", v.value);
  visit("time", v.time);
}

template <Of<Curve> T, typename Visit>
void members(T& v, Visit&& visit) {
  visit("metric", v.metric);
  visit("points", v.points);
  visit("points_total", v.points_total);
}

template <Of<RunEvidence> T, typename Visit>
void members(T& v, Visit&& visit) {
  visit("key", v.key);
  visit("curves", v.curves);
  visit("final_values", v.final_values);
}

template <Of<Subject> T, typename Visit>
void members(T& v, Visit&& visit) {
  visit("kind", v.kind);
  visit("key", v.key);
}

template <Of<SubjectFacts> T, typename Visit>
void members(T& v, Visit&& visit) {
  visit("subject", v.subject);
  visit("time", v.time);
  visit("attributes", v.attributes);
}

template <Of<daemon::Evidence> T, typename Visit>
void members(T& v, Visit&& visit) {
  visit("overview", v.overview);
  visit("runs", v.runs);
  visit("facts", v.facts);
  visit("ended", v.ended);
  visit("contents_checked", v.contents_checked);
  visit("contents_reason", v.contents_reason);
  visit("forward_checked", v.forward_checked);
  visit("forward_reason", v.forward_reason);
}

}  // namespace redflag::daemon::overview_members
