// A string that does not leak by accident: nothing prints it, and its memory is wiped when it goes.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

namespace redflag::daemon {

/// There is no operator<<, no conversion to a string, and fmt writes "***". Copies are wiped like the
/// original. Not protected from swap or core dumps: that is the process's business (prctl, LimitCORE=0).
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view value) : bytes_(value.begin(), value.end()) {}
  ~Secret() { wipe(); }
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)) { other.bytes_.clear(); }
  Secret& operator=(const Secret& other);
  Secret& operator=(Secret&& other) noexcept;

  bool empty() const { return bytes_.empty(); }
  /// The value itself, valid while this object lives unchanged. Every call is a place to review.
  std::string_view reveal() const { return {bytes_.data(), bytes_.size()}; }

 private:
  void wipe() noexcept;
  std::vector<char> bytes_;  // not std::string: its small-buffer copies would stay behind after a move
};

/// Overwrites the characters of a buffer that held a secret, and empties it.
void wipe(std::string& text) noexcept;

}  // namespace redflag::daemon

template <>
struct fmt::formatter<redflag::daemon::Secret> : fmt::formatter<fmt::string_view> {
  template <typename Context>
  auto format(const redflag::daemon::Secret&, Context& context) const {
    return fmt::format_to(context.out(), "***");
  }
};
