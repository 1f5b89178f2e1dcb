// zlib, asked for little at a time: the limit holds before memory is taken, not after.
#include "daemon/net/inflate.h"

#include <algorithm>
#include <limits>

namespace redflag::daemon {
namespace {

constexpr std::size_t kStep = std::size_t{32} << 10;
constexpr int kGzipOrZlib = MAX_WBITS + 32;

}  // namespace

Inflater::~Inflater() {
  if (started_) {
    inflateEnd(&stream_);
  }
}

Inflater::Outcome Inflater::feed(std::string_view input, std::string& out, std::size_t limit) {
  if (!started_) {
    if (inflateInit2(&stream_, kGzipOrZlib) != Z_OK) {
      return Outcome::corrupt;
    }
    started_ = true;
  }
  while (!input.empty()) {
    const std::size_t piece = std::min<std::size_t>(input.size(), std::numeric_limits<uInt>::max());
    // zlib does not write through next_in; its type says so only with ZLIB_CONST.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
    stream_.avail_in = static_cast<uInt>(piece);
    // Output left inside zlib must come out before the next input: go on until it leaves room unused.
    do {
      const std::size_t before = out.size();
      const std::size_t room = std::min(kStep, limit - before + 1);  // one more than allowed, to notice
      out.resize(before + room);
      stream_.next_out = reinterpret_cast<Bytef*>(out.data() + before);
      stream_.avail_out = static_cast<uInt>(room);
      if (at_end_ && stream_.avail_in > 0) {
        at_end_ = false;
        inflateReset2(&stream_, kGzipOrZlib);
      }
      const int result = inflate(&stream_, Z_NO_FLUSH);
      out.resize(before + room - stream_.avail_out);
      if (out.size() > limit) {
        out.resize(limit);
        return Outcome::too_large;
      }
      if (result == Z_STREAM_END) {
        at_end_ = true;
      } else if (result != Z_OK && result != Z_BUF_ERROR) {
        return Outcome::corrupt;
      }
    } while (stream_.avail_in > 0 || (stream_.avail_out == 0 && !at_end_));
    input.remove_prefix(piece);
  }
  return Outcome::ok;
}

}  // namespace redflag::daemon
