// A reader's events gathered, for tests.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/local/event_text.h"

namespace redflag::daemon::local {

struct Heard {
  std::vector<LocalEvent> events;

  EventSink sink() {
    return [this](LocalEvent& event) { events.push_back(event); };
  }
  template <typename Kind>
  std::vector<Kind> all() const {
    std::vector<Kind> found;
    for (const LocalEvent& event : events)
      if (const auto* what = std::get_if<Kind>(&event.what)) found.push_back(*what);
    return found;
  }
  std::vector<std::string> texts() const {
    std::vector<std::string> lines;
    for (const LocalEvent& event : events) lines.push_back(text_of(event));
    return lines;
  }
};

inline std::string file_bytes(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// The samples beside the repository (REDFLAG_SHARED, or ../shared); empty when they are not there.
inline std::filesystem::path sample(const std::string& name) {
  namespace fs = std::filesystem;
  const char* shared = std::getenv("REDFLAG_SHARED");
  const fs::path base = shared != nullptr ? fs::path(shared) : fs::path(REDFLAG_SOURCE_DIR) / "../shared";
  std::error_code ignored;
  return fs::exists(base / "samples" / name, ignored) ? base / "samples" / name : fs::path{};
}

}  // namespace redflag::daemon::local
