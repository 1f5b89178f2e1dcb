// Bytes of a growing text file into lines, whatever the size of the pieces they come in. A line longer than
// the limit is passed over without being kept.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace redflag::daemon::local {

/// Not thread-safe.
class LineSplitter {
 public:
  static constexpr std::size_t kMaxLineBytes = std::size_t{1} << 20;

  explicit LineSplitter(std::uint64_t resume_at = 0, std::uint64_t lines_before = 0)
      : offset_(resume_at), lines_(lines_before) {}

  /// `on_line(line, offset)`: without its "\n" or "\r\n"; `on_too_long(offset)` once for each that is
  /// skipped.
  template <typename OnLine, typename OnTooLong>
  void feed(std::string_view bytes, OnLine on_line, OnTooLong on_too_long) {
    while (!bytes.empty()) {
      const void* const found = std::memchr(bytes.data(), '\n', bytes.size());
      const bool whole = found != nullptr;
      const std::size_t length =
          whole ? static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data()) : bytes.size();
      if (!too_long_ && waiting_.size() + length > kMaxLineBytes) {
        on_too_long(offset_);
        offset_ += waiting_.size();
        waiting_.clear();
        too_long_ = true;
      }
      if (too_long_) {
        offset_ += length + (whole ? 1 : 0);
        if (whole) ++lines_;
        too_long_ = !whole;
      } else if (!whole) {
        waiting_.append(bytes);
      } else {
        std::string_view line = bytes.substr(0, length);
        if (!waiting_.empty()) line = waiting_.append(line);
        ++lines_;
        const std::size_t line_bytes = line.size() + 1;
        on_line(without_return(line), offset_);
        offset_ += line_bytes;
        waiting_.clear();
      }
      bytes.remove_prefix(length + (whole ? 1 : 0));
    }
  }

  /// What stands behind the last line end, without using it up.
  std::string_view rest() const { return waiting_; }
  /// Uses up the rest as a line of its own.
  void take_rest() {
    if (!waiting_.empty()) ++lines_;
    offset_ += waiting_.size();
    waiting_.clear();
  }

  std::uint64_t lines() const { return lines_; }    ///< lines ended so far
  std::uint64_t cursor() const { return offset_; }  ///< start of the line that is not whole
  std::uint64_t next_offset() const { return offset_ + waiting_.size(); }

 private:
  static std::string_view without_return(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }

  std::string waiting_;
  std::uint64_t offset_;  // of waiting_'s first byte
  std::uint64_t lines_;
  bool too_long_ = false;
};

}  // namespace redflag::daemon::local
