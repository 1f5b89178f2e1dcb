// What the fuzz targets of local readers share: a file read whole and in pieces has to tell the same.
#pragma once

#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/local/event_text.h"

namespace redflag::daemon::local {

class Told {
 public:
  EventSink sink() {
    return [this](LocalEvent& event) {
      if (!std::holds_alternative<SummaryRow>(event.what)) lines_.push_back(text_of(event));  // told per call
    };
  }
  void expect_same(const Told& other) const {
    if (lines_ != other.lines_) std::abort();
  }

 private:
  std::vector<std::string> lines_;
};

/// Pieces of changing lengths, from one byte on.
inline void in_pieces(std::string_view bytes, unsigned seed,
                      const std::function<void(std::string_view)>& feed) {
  while (!bytes.empty()) {
    seed = seed * 1103515245U + 12345U;
    const std::size_t wanted = std::size_t{1} + ((seed >> 16U) % ((seed & 0x100000U) != 0 ? 7U : 4000U));
    const std::size_t length = std::min(wanted, bytes.size());
    feed(bytes.substr(0, length));
    bytes.remove_prefix(length);
  }
}

}  // namespace redflag::daemon::local
