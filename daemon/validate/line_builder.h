// Collects what a line of the checklist found; the only place where a verdict is made.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "daemon/validate/checklist.h"

namespace redflag::daemon::validate {

class LineBuilder {
 public:
  LineBuilder(std::string id, std::string title);

  void found(Remark remark);
  /// `advice` may be empty; the same advice is kept once.
  void wrong(Remark remark, std::string_view advice = {});
  void missing(Remark remark, std::string_view advice = {});

  bool has_failures() const { return line_.failures_total > 0; }
  bool has_holes() const { return line_.holes_total > 0; }
  std::size_t proofs() const { return line_.proofs_total; }
  const std::string& id() const { return line_.id; }

  /// `checked` is said of a line that passes: "12 runs, 3 for each task"; empty: the first proof's words.
  Line done(std::string checked = {});

 private:
  void advise(std::vector<std::string>& to, std::string_view advice);

  Line line_;
  std::vector<std::string> for_failures_, for_holes_;
};

}  // namespace redflag::daemon::validate
