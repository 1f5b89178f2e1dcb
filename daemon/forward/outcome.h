// What redflag-forward can say of anything: it is good, it is bad, or it could not be looked at.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/tensors/report.h"
#include "rules/values/error.h"

namespace redflag::forward {

enum class Status : std::uint8_t {
  ok,
  bad,          ///< looked at, and something is wrong with what was read
  not_checked,  ///< nothing is known: unknown architecture, too large, a file that is not here
};
std::string_view to_string(Status status);

/// What a failure says of the thing looked at: malformed and invalid input is bad, all else was merely not
/// checked.
Status status_of(const Error& error);

/// For sentences about memory: whole megabytes (10^6), rounded up.
std::uint64_t megabytes(std::uint64_t bytes);

/// One line without control characters, at most 400 bytes: a library's message fit for a report.
std::string one_line(std::string_view text);

/// Collects findings of one code up to a limit, and counts the rest.
class BoundedFindings {
 public:
  explicit BoundedFindings(std::string code, Severity severity)
      : code_(std::move(code)), severity_(severity) {}
  void add(std::string message, std::string where);
  /// What was collected, with a last one that says how many more there were.
  void move_to(std::vector<tensors::Finding>& out);
  std::size_t count() const { return count_; }

 private:
  static constexpr std::size_t kLimit = 20;
  std::string code_;
  Severity severity_;
  std::size_t count_ = 0;
  std::vector<tensors::Finding> findings_;
};

}  // namespace redflag::forward
