// What it means for a file when the program that read it died, hung or talked nonsense. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "daemon/base/process.h"
#include "daemon/tensors/report.h"
#include "rules/values/error.h"
#include "rules/values/time.h"

namespace redflag::daemon {

struct InspectionRequest {
  std::string path;        ///< absolute, raw bytes
  std::uint64_t size = 0;  ///< of the file; decides how long it may take
};

/// How a reader failed at a file.
struct ReaderFailure {
  enum class Kind { died, hung, bad_answer, too_long_answer };
  Kind kind = Kind::died;
  ProcessEnd end;            ///< of died
  Duration allowed{};        ///< of hung
  std::string last_words;    ///< its last line on standard error
  std::uint64_t limit = 0;   ///< of its memory, or of a line of its answer, in bytes
  unsigned cpu_seconds = 0;  ///< its limit of CPU time
};

/// The finding of a file whose reader failed: inspector_crashed, inspector_hung, inspector_out_of_memory or
/// inspector_bad_answer. Never a verdict of ok.
tensors::FileReport blamed_report(const InspectionRequest& request, const ReaderFailure& failure);

/// A file that nobody could look at: verdict unknown, reason "not checked: …". Nothing is said against the
/// file.
tensors::FileReport not_checked_report(const InspectionRequest& request, const std::string& why);

/// May what is said of it hold the next time as well? Not when memory was short, a disk slow, or somebody
/// still writes.
bool worth_keeping(const tensors::FileReport& report);

}  // namespace redflag::daemon
