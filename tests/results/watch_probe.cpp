// Watches a directory and counts the distinct files seen in it: for trials with the kernel's limits lowered.
//   redflag_watch_probe DIR FILES SECONDS      exits 0 when FILES distinct files were seen within SECONDS
#include <chrono>
#include <cstdlib>
#include <string>
#include <unordered_set>
#include <vector>

#include <fmt/format.h>
#include <poll.h>

#include "daemon/results/tree_watcher.h"

int main(int argc, char** argv) {
  using namespace redflag::daemon;
  if (argc != 4) {
    fmt::print(stderr, "usage: redflag_watch_probe DIR FILES SECONDS\n");
    return 3;
  }
  const std::size_t wanted = std::strtoull(argv[2], nullptr, 10);
  const auto start = std::chrono::steady_clock::now();
  const auto bound = start + std::chrono::seconds{std::atoi(argv[3])};
  SystemInotify inotify;
  TreeWatcher watcher(argv[1], system_files(), inotify);
  std::unordered_set<std::string> seen;
  std::vector<FileEvent> events;
  bool ready = false;
  for (auto now = start; now < bound && seen.size() < wanted; now = std::chrono::steady_clock::now()) {
    events.clear();
    const bool more =
        watcher.turn(std::chrono::duration_cast<redflag::Duration>(now.time_since_epoch()), events);
    for (FileEvent& event : events) {
      switch (event.kind) {
        case FileEvent::Kind::created:
        case FileEvent::Kind::modified:
        case FileEvent::Kind::closed:
        case FileEvent::Kind::moved_in:
          seen.insert(std::move(event.path));
          break;
        case FileEvent::Kind::rescan:
          for (const ListedFile& file : event.files) seen.insert(event.path + '/' + file.name);
          break;
        default:
          break;
      }
    }
    if (more) continue;
    if (!ready) {
      fmt::print("watching\n");  // the first listing is done: now begin
      std::fflush(stdout);
      ready = true;
    }
    pollfd wait{watcher.fd(), POLLIN, 0};
    ::poll(&wait, watcher.fd() >= 0 ? 1 : 0, 100);
  }
  const WatchHealth health = watcher.health();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  fmt::print("{} distinct files, {} directories, {} overflows, {} polled, {:.2f} s{}{}\n", seen.size(),
             health.directories, health.overflows, health.polled, seconds,
             health.degraded.empty() ? "" : ", ", health.degraded);
  return seen.size() >= wanted ? 0 : 1;
}
