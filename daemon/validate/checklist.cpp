// The sections in their order, counted.
#include "daemon/validate/checklist.h"

#include "daemon/validate/case_file.h"
#include "daemon/validate/lines.h"

namespace redflag::daemon::validate {

const std::vector<std::string>& required_tasks() {
  static const std::vector<std::string> kTasks{"mrpc", "sst2", "rte", "squad_v2"};
  return kTasks;
}

std::string task_title(std::string_view task) {
  if (task == "mrpc") return "MRPC";
  if (task == "sst2") return "SST-2";
  if (task == "rte") return "RTE";
  if (task == "squad_v2") return "SQuAD v2";
  return std::string(task);
}

const Line* Checklist::line(std::string_view id) const {
  for (const Section& section : sections) {
    for (const Line& each : section.lines) {
      if (each.id == id) return &each;
    }
  }
  return nullptr;
}

int Checklist::exit_code() const {
  if (failed > 0) return 1;
  return not_checked > 0 || passed == 0 ? 2 : 0;
}

Checklist judge(const Evidence& evidence, const ChecklistOptions& options) {
  const CaseFile file(evidence, options);
  Checklist out;
  out.now = evidence.overview.now;
  for (const CountingRun& each : file.counting()) out.counting_runs.push_back(each.run->info.key);
  out.sections.push_back({"Training progress", training_lines(file)});
  out.sections.push_back({"Performance", performance_lines(file, out)});
  out.sections.push_back({"Representations", representation_lines(file)});
  out.sections.push_back({"Checkpoints", checkpoint_lines(file)});
  out.sections.push_back({"Red flags", red_flag_lines(file)});
  for (const Section& section : out.sections) {
    for (const Line& line : section.lines) {
      switch (line.verdict) {
        case LineVerdict::pass:
          ++out.passed;
          break;
        case LineVerdict::fail:
          ++out.failed;
          break;
        case LineVerdict::not_checked:
          ++out.not_checked;
          break;
      }
    }
  }
  return out;
}

}  // namespace redflag::daemon::validate
