// An event of a local reader as one line of text, for tests and fuzzers that compare two readings of a file.
#pragma once

#include <string>

#include <fmt/format.h>

#include "daemon/local/local_event.h"

namespace redflag::daemon::local {

inline std::string dumped(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

struct EventText {
  std::string operator()(const RunIdentity& run) const {
    return fmt::format("run {}/{}/{} \"{}\" group {} job {} host {} tags {} resumed {} from {} at {}",
                       run.entity, run.project, run.id, run.name, run.group, run.job_type, run.host,
                       run.tags.size(), run.resumed, run.starting_step, to_rfc3339(run.started));
  }
  std::string operator()(const ConfigChange& change) const {
    std::string text = "config " + dumped(change.values);
    for (const auto& name : change.removed) text += " -" + name;
    return text;
  }
  std::string operator()(const Row& row) const {
    return fmt::format("row {} step {} ({}) {}", row.seq, row.step, to_string(row.step_from),
                       dumped(row.values.to_json()));
  }
  std::string operator()(const SummaryRow& row) const { return "summary " + dumped(row.values.to_json()); }
  std::string operator()(const SystemRow& row) const { return "system " + dumped(row.values.to_json()); }
  std::string operator()(const ConsoleText& text) const {
    return fmt::format("{} {}", text.is_stderr ? "stderr" : "stdout", text.text);
  }
  std::string operator()(const UserAlert& alert) const {
    return fmt::format("alert {} | {} | {} | {}", alert.title, alert.text, alert.level,
                       human_duration(alert.wait));
  }
  std::string operator()(const Exit& exit) const {
    return fmt::format("exit {} after {}", exit.code, human_duration(exit.runtime));
  }
  std::string operator()(const Preempting&) const { return "preempting"; }
  std::string operator()(const Progress& bar) const {
    return fmt::format("bar [{}] {}/{} {:.6g}/s", bar.label, bar.done, bar.total, bar.per_second);
  }
  std::string operator()(const LogMatch& match) const {
    return fmt::format("match {} {}{} line {} [{}] {} | {}", match.kind, to_string(match.severity),
                       match.deadly ? " deadly" : "", match.line, match.rank, match.where, match.detail);
  }
  std::string operator()(const Trouble& trouble) const {
    return fmt::format("trouble {}: {}", to_string(trouble.kind), trouble.what);
  }
};

inline std::string text_of(const LocalEvent& event) {
  return std::visit(EventText{}, event.what);
}

}  // namespace redflag::daemon::local
