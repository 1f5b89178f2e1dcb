// Decompression as the bytes arrive, with a limit on what comes out: a few kilobytes of gzip can hold
// gigabytes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <zlib.h>

namespace redflag::daemon {

class Inflater {
 public:
  enum class Outcome { ok, too_large, corrupt };

  /// Reads gzip (several members too) and zlib, told apart by their headers.
  Inflater() = default;
  ~Inflater();
  Inflater(const Inflater&) = delete;  // zlib's state points back at the stream
  Inflater& operator=(const Inflater&) = delete;

  /// Appends to `out`, which never grows past `limit` bytes (too_large instead). Useless after anything but
  /// ok.
  Outcome feed(std::string_view input, std::string& out, std::size_t limit);
  /// True at the end of a member, or when nothing was fed: the input may end here.
  bool at_end() const { return at_end_; }

 private:
  z_stream stream_{};
  bool started_ = false;
  bool at_end_ = true;
};

}  // namespace redflag::daemon
