#include "daemon/inspection/autopsy.h"

#include <algorithm>
#include <csignal>

#include <fmt/format.h>

#include "daemon/inspection/inspector_process.h"
#include "daemon/inspection/memory_probe.h"

namespace redflag::daemon {
namespace {

using tensors::FileReport;
using tensors::Verdict;

constexpr const char* kCrashed = "inspector_crashed";
constexpr const char* kHung = "inspector_hung";
constexpr const char* kOutOfMemory = "inspector_out_of_memory";
constexpr const char* kBadAnswer = "inspector_bad_answer";

struct Blame {
  const char* code;
  Verdict verdict;
  Severity severity;
  std::string message;
};

Blame blame_death(const ReaderFailure& failure) {
  const ProcessEnd& end = failure.end;
  if (end.code == kChildOutOfMemory) {
    return {kOutOfMemory, Verdict::refused, Severity::warning,
            fmt::format("the reader ran out of memory on this file (its limit is {})",
                        human_bytes(failure.limit))};
  }
  if (end.signal == SIGKILL) {
    return {kOutOfMemory, Verdict::refused, Severity::warning,
            "the reader was killed (SIGKILL) on this file, as the kernel does when memory runs out"};
  }
  if (end.signal == SIGXCPU) {
    return {kHung, Verdict::refused, Severity::warning,
            fmt::format("the reader used up its {} s of CPU time on this file", failure.cpu_seconds)};
  }
  if (end.clean()) {
    return {kBadAnswer, Verdict::unknown, Severity::critical,
            "the reader ended without an answer about this file"};
  }
  const char* forbidden = end.signal == SIGSYS ? ": it tried what its sandbox forbids" : "";
  return {kCrashed, Verdict::unknown, Severity::critical,
          fmt::format("the reader died with {} on this file{}", end.text(), forbidden)};
}

Blame blame(const ReaderFailure& failure) {
  switch (failure.kind) {
    case ReaderFailure::Kind::hung:
      return {kHung, Verdict::refused, Severity::warning,
              fmt::format("the reader gave no answer about this file within {} and was stopped",
                          human_duration(failure.allowed))};
    case ReaderFailure::Kind::bad_answer:
      return {kBadAnswer, Verdict::unknown, Severity::critical,
              "the reader answered with something that is no report about this file"};
    case ReaderFailure::Kind::too_long_answer:
      return {
          kBadAnswer, Verdict::refused, Severity::warning,
          fmt::format("the reader's report about this file is longer than {}", human_bytes(failure.limit))};
    case ReaderFailure::Kind::died:
      break;
  }
  return blame_death(failure);
}

FileReport bare_report(const InspectionRequest& request) {
  FileReport report;
  report.path = request.path;
  report.size = request.size;
  return report;
}

}  // namespace

FileReport blamed_report(const InspectionRequest& request, const ReaderFailure& failure) {
  Blame found = blame(failure);
  if (!failure.last_words.empty()) found.message += fmt::format("; its last words: {}", failure.last_words);
  FileReport report = bare_report(request);
  report.verdict = found.verdict;
  report.reason = found.message;
  report.findings.push_back({found.code, found.severity, std::move(found.message), {}});
  return report;
}

FileReport not_checked_report(const InspectionRequest& request, const std::string& why) {
  FileReport report = bare_report(request);
  report.verdict = Verdict::unknown;
  report.reason = "not checked: " + why;
  return report;
}

bool worth_keeping(const FileReport& report) {
  const auto has = [&](const char* code) {
    return std::any_of(report.findings.begin(), report.findings.end(),
                       [&](const auto& f) { return f.code == code; });
  };
  if (has(kHung) || has(kOutOfMemory) || report.verdict == Verdict::in_progress) return false;
  if (report.verdict == Verdict::unknown)
    return has(kCrashed);  // else perhaps it could not be opened just then
  return true;
}

}  // namespace redflag::daemon
