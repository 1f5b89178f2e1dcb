// FAIL before NOT CHECKED before PASS; and no PASS without a proof.
#include "daemon/validate/line_builder.h"

#include <algorithm>

#include <fmt/format.h>

namespace redflag::daemon::validate {
namespace {

constexpr std::size_t kMostAdvice = 6;

void keep(std::vector<Remark>& to, std::size_t& total, Remark remark) {
  ++total;
  if (to.size() < kMostRemarks) to.push_back(std::move(remark));
}

std::string summary_of(const std::vector<Remark>& remarks, std::size_t total) {
  if (remarks.empty()) return {};
  const Remark& first = remarks.front();
  std::string text = first.about.empty() ? first.words : first.about + ": " + first.words;
  if (total > 1) text += fmt::format(" (and {} more)", total - 1);
  return text;
}

}  // namespace

std::string_view to_string(LineVerdict verdict) {
  switch (verdict) {
    case LineVerdict::pass:
      return "PASS";
    case LineVerdict::fail:
      return "FAIL";
    case LineVerdict::not_checked:
      return "NOT CHECKED";
  }
  return "NOT CHECKED";
}

LineBuilder::LineBuilder(std::string id, std::string title) {
  line_.id = std::move(id);
  line_.title = std::move(title);
}

void LineBuilder::found(Remark remark) {
  keep(line_.proofs, line_.proofs_total, std::move(remark));
}

void LineBuilder::wrong(Remark remark, std::string_view advice) {
  keep(line_.failures, line_.failures_total, std::move(remark));
  advise(for_failures_, advice);
}

void LineBuilder::missing(Remark remark, std::string_view advice) {
  keep(line_.holes, line_.holes_total, std::move(remark));
  advise(for_holes_, advice);
}

void LineBuilder::advise(std::vector<std::string>& to, std::string_view advice) {
  const bool known = std::find(to.begin(), to.end(), advice) != to.end();
  if (!advice.empty() && !known && to.size() < kMostAdvice) to.emplace_back(advice);
}

Line LineBuilder::done(std::string checked) {
  if (line_.failures_total > 0) {
    line_.verdict = LineVerdict::fail;
    line_.summary = summary_of(line_.failures, line_.failures_total);
  } else if (line_.holes_total > 0 || line_.proofs_total == 0) {
    line_.verdict = LineVerdict::not_checked;
    line_.summary = summary_of(line_.holes, line_.holes_total);
    if (line_.summary.empty()) line_.summary = "there was nothing to look at";
  } else {
    line_.verdict = LineVerdict::pass;
    line_.summary = checked.empty() ? summary_of(line_.proofs, line_.proofs_total) : std::move(checked);
  }
  line_.advice = for_failures_;
  for (const std::string& each : for_holes_) {
    if (std::find(line_.advice.begin(), line_.advice.end(), each) == line_.advice.end())
      line_.advice.push_back(each);
  }
  if (line_.verdict == LineVerdict::pass) line_.advice.clear();
  return std::move(line_);
}

}  // namespace redflag::daemon::validate
