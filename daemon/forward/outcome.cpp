#include "daemon/forward/outcome.h"

#include <fmt/format.h>

namespace redflag::forward {

std::string_view to_string(Status status) {
  switch (status) {
    case Status::ok:
      return "ok";
    case Status::bad:
      return "bad";
    case Status::not_checked:
      return "not_checked";
  }
  return "not_checked";
}

Status status_of(const Error& error) {
  return error.code == ErrorCode::malformed || error.code == ErrorCode::invalid_input ? Status::bad
                                                                                      : Status::not_checked;
}

std::uint64_t megabytes(std::uint64_t bytes) {
  constexpr std::uint64_t kMegabyte = 1'000'000;
  return bytes / kMegabyte + (bytes % kMegabyte != 0 ? 1 : 0);
}

std::string one_line(std::string_view text) {
  constexpr std::size_t kLongest = 400;
  std::string line;
  bool space = false;
  for (const char c : text) {
    const bool blank = static_cast<unsigned char>(c) <= 0x20 || c == 0x7f;
    if (!blank && space && !line.empty()) line += ' ';
    if (!blank) line += c;
    space = blank;
    if (line.size() >= kLongest) return line + " …";
  }
  return line;
}

void BoundedFindings::add(std::string message, std::string where) {
  if (++count_ <= kLimit) findings_.push_back({code_, severity_, std::move(message), std::move(where)});
}

void BoundedFindings::move_to(std::vector<tensors::Finding>& out) {
  for (tensors::Finding& finding : findings_) out.push_back(std::move(finding));
  if (count_ > kLimit)
    out.push_back({code_, severity_, fmt::format("and {} more of this kind", count_ - kLimit), ""});
  findings_.clear();
  count_ = 0;
}

}  // namespace redflag::forward
