// The watcher on the kernel's inotify and a real directory, with faults put into the stream where the kernel
// would need its limits lowered. Waits are for a condition, by poll(2), never for a time.
#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <set>
#include <thread>

#include <poll.h>
#include <sys/inotify.h>

#include "daemon/results/memory_file_system.h"
#include "tests/results/support.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::daemon;
using namespace redflag::daemon::test;
using Kind = FileEvent::Kind;
namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

/// The kernel's, with a watch limit and overflows on demand.
class FaultyInotify final : public SystemInotify {
 public:
  int limit = 1'000'000;
  int error = ENOSPC;
  bool overflow = false;  ///< the next read gives an overflow, and what was in the queue is lost
  int unknown_watch = 0;  ///< the next read gives an event for this watch

  int add_watch(int fd, const std::string& path, std::uint32_t mask) override {
    const int watch = SystemInotify::add_watch(fd, path, mask);
    if (watch >= 0 && known_.count(watch) == 0) {
      if (static_cast<int>(known_.size()) >= limit) {
        SystemInotify::remove_watch(fd, watch);
        return -error;
      }
      known_.insert(watch);
    }
    return watch;
  }
  void remove_watch(int fd, int watch) override {
    known_.erase(watch);
    SystemInotify::remove_watch(fd, watch);
  }
  ssize_t read(int fd, void* buffer, std::size_t size) override {
    if (overflow) {
      while (SystemInotify::read(fd, buffer, size) > 0) {
      }
      overflow = false;
      return put({-1, IN_Q_OVERFLOW, 0, 0}, buffer);
    }
    if (unknown_watch != 0) return put({std::exchange(unknown_watch, 0), IN_MODIFY, 0, 0}, buffer);
    return SystemInotify::read(fd, buffer, size);
  }

 private:
  static ssize_t put(::inotify_event event, void* buffer) {
    std::memcpy(buffer, &event, sizeof(event));
    return sizeof(event);
  }
  std::set<int> known_;
};

struct Driver {
  FaultyInotify inotify;
  TreeWatcher watcher;
  std::set<std::string> files;  ///< as a model would have them
  std::set<std::string> dirs;
  std::vector<FileEvent> all;
  Duration skew{};  ///< added to the clock: time passes at the test's wish

  explicit Driver(const std::string& root, WatcherSettings settings = {})
      : watcher(root, system_files(), inotify, settings) {}

  Duration now() const {
    return skew + std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch());
  }
  void take(FileEvent&& event) {
    const std::string below = event.path + "/";
    const auto drop = [&](std::set<std::string>& from, bool deep) {
      for (auto it = from.lower_bound(below); it != from.end() && it->rfind(below, 0) == 0;) {
        it = deep || it->find('/', below.size()) == std::string::npos ? from.erase(it) : std::next(it);
      }
    };
    switch (event.kind) {
      case Kind::dir_added:
        dirs.insert(event.path);
        break;
      case Kind::dir_removed:
      case Kind::root_absent:
        dirs.erase(event.path);
        drop(dirs, true);
        drop(files, true);
        break;
      case Kind::rescan:
        drop(files, false);
        for (const auto& file : event.files) files.insert(below + file.name);
        break;
      case Kind::removed:
        files.erase(event.path);
        break;
      case Kind::scan_complete:
        break;
      default:
        files.insert(event.path);
    }
    all.push_back(std::move(event));
  }
  /// One turn; true when there is more to do.
  bool turn() {
    std::vector<FileEvent> events;
    const bool more = watcher.turn(now(), events);
    for (FileEvent& event : events) take(std::move(event));
    return more;
  }
  /// Runs until the condition holds; false after a generous bound.
  bool until(const std::function<bool()>& done) {
    const auto bound = std::chrono::steady_clock::now() + 30s;
    while (std::chrono::steady_clock::now() < bound) {
      const bool more = turn();
      if (done()) return true;
      if (more) continue;
      pollfd ready{watcher.fd(), POLLIN, 0};
      ::poll(&ready, watcher.fd() >= 0 ? 1 : 0, 20);
    }
    return false;
  }
  /// Until nothing is left to read or to list.
  void settle() {
    for (;;) {
      while (turn()) {
      }
      pollfd ready{watcher.fd(), POLLIN, 0};
      if (watcher.fd() < 0 || ::poll(&ready, 1, 0) <= 0) return;
    }
  }
  bool saw(Kind kind, const std::string& path) const {
    for (const FileEvent& event : all) {
      if (event.kind == kind && event.path == path) return true;
    }
    return false;
  }
};

}  // namespace

TEST_CASE("what is there at the start is listed, what happens later is told", "[watcher]") {
  Scratch dir;
  put(dir / "a/b/old.pt", "x");
  Driver driver(dir.path());
  REQUIRE(driver.until([&] { return driver.saw(Kind::scan_complete, dir.path()); }));
  CHECK(driver.files == std::set<std::string>{dir / "a/b/old.pt"});
  CHECK(driver.watcher.health().watching == "inotify");
  CHECK(driver.watcher.health().directories == 3);

  put(dir / "a/new.pt", "x");
  REQUIRE(driver.until([&] { return driver.saw(Kind::closed, dir / "a/new.pt"); }));
  fs::rename(dir / "a/new.pt", dir / "a/b/moved.pt");
  REQUIRE(driver.until([&] { return driver.saw(Kind::moved_in, dir / "a/b/moved.pt"); }));
  CHECK(driver.saw(Kind::removed, dir / "a/new.pt"));
  fs::remove_all(dir / "a/b");
  REQUIRE(driver.until([&] { return driver.saw(Kind::dir_removed, dir / "a/b"); }));
  CHECK(driver.files.empty());
}

TEST_CASE(
    "a burst of nested directories and files is seen whole, though each directory is watched only once it "
    "exists",
    "[watcher]") {
  Scratch dir;
  Driver driver(dir.path());
  driver.settle();
  std::set<std::string> made;
  for (int i = 0; i < 300; ++i) {
    for (int k = 0; k < 10; ++k) {
      made.insert(dir / ("d" + std::to_string(i % 20) + "/e" + std::to_string(i) + "/f" + std::to_string(k)));
    }
  }
  std::thread writer([&] {
    for (const std::string& path : made) put(path, "x");
  });
  const bool all = driver.until([&] { return driver.files.size() == made.size(); });
  writer.join();
  CHECK(all);
  CHECK(driver.files == made);
  CHECK(driver.dirs.size() == 1 + 20 + 300);
}

TEST_CASE("a tree moved in is listed, one moved out is no longer watched", "[watcher]") {
  Scratch dir;
  Scratch outside;
  put(outside / "tree/x/y/z.pt", "x");
  Driver driver(dir.path());
  driver.settle();
  fs::rename(outside / "tree", dir / "tree");
  REQUIRE(driver.until([&] { return driver.files.count(dir / "tree/x/y/z.pt") == 1; }));
  fs::rename(dir / "tree", dir / "renamed");
  REQUIRE(driver.until([&] { return driver.files.count(dir / "renamed/x/y/z.pt") == 1; }));
  driver.settle();
  CHECK(driver.files == std::set<std::string>{dir / "renamed/x/y/z.pt"});
  put(dir / "renamed/x/y/w.pt", "x");
  REQUIRE(driver.until([&] { return driver.saw(Kind::closed, dir / "renamed/x/y/w.pt"); }));
  fs::rename(dir / "renamed", outside / "away");
  REQUIRE(driver.until([&] { return driver.dirs.count(dir / "renamed") == 0; }));
  driver.all.clear();
  put(outside / "away/x/y/later.pt", "x");
  driver.settle();
  CHECK(driver.all.empty());
  CHECK(driver.watcher.health().directories == 1);
}

TEST_CASE("after a queue overflow everything is listed, and lost events are made up for", "[watcher]") {
  Scratch dir;
  put(dir / "keep/a.pt", "x");
  put(dir / "gone/b.pt", "x");
  put(dir / "swapped/c.pt", "x");
  Driver driver(dir.path());
  driver.settle();
  put(dir / "new/deep/d.pt", "x");
  put(dir / "keep/e.pt", "x");
  fs::remove(dir / "keep/a.pt");
  fs::remove_all(dir / "gone");
  fs::rename(dir / "swapped", dir / "old");  // and another directory takes its name
  put(dir / "swapped/f.pt", "x");
  driver.inotify.overflow = true;
  REQUIRE(driver.until([&] { return driver.watcher.health().overflows == 1 && driver.files.size() == 4; }));
  driver.settle();
  CHECK(driver.files == std::set<std::string>{dir / "keep/e.pt", dir / "new/deep/d.pt", dir / "old/c.pt",
                                              dir / "swapped/f.pt"});
  // The watches are right again: later events come under the right names.
  for (const char* name : {"new/deep/1", "old/2", "swapped/3"}) {
    put(dir / name, "x");
    CHECK(driver.until([&] { return driver.saw(Kind::closed, dir / name); }));
  }
}

TEST_CASE("an event for a watch nobody knows leads to a listing", "[watcher]") {
  Scratch dir;
  Driver driver(dir.path());
  driver.settle();
  driver.all.clear();
  driver.inotify.unknown_watch = 12345;
  REQUIRE(driver.until([&] { return driver.saw(Kind::scan_complete, dir.path()); }));
}

TEST_CASE(
    "without free watches a subtree is polled, said with the setting to raise, and watched when there are "
    "some again",
    "[watcher]") {
  Scratch dir;
  for (int i = 0; i < 5; ++i) fs::create_directories(dir / ("d" + std::to_string(i)));
  Driver driver(dir.path());
  driver.inotify.limit = 3;
  driver.inotify.error = GENERATE(ENOSPC, ENOMEM);
  driver.settle();
  WatchHealth health = driver.watcher.health();
  CHECK(health.watching == "polling");
  CHECK(health.polled == 3);
  CHECK(health.directories == 6);
  CHECK_THAT(health.degraded, ContainsSubstring("sysctl -w fs.inotify.max_user_watches="));
  for (int i = 0; i < 5; ++i) put(dir / ("d" + std::to_string(i) + "/sub/f.pt"), "x");
  driver.settle();
  CHECK(driver.files.size() < 5);
  driver.skew += 6s;
  REQUIRE(driver.until([&] { return driver.files.size() == 5; }));
  driver.inotify.limit = 1'000'000;
  driver.skew += 6s;
  REQUIRE(driver.until([&] { return driver.watcher.health().polled == 0; }));
  CHECK(driver.watcher.health().degraded.empty());
  put(dir / "d4/sub/later.pt", "x");
  CHECK(driver.until([&] { return driver.saw(Kind::closed, dir / "d4/sub/later.pt"); }));
}

TEST_CASE("a root that is absent at first, vanishes and comes back is followed", "[watcher]") {
  Scratch dir;
  const std::string root = dir / "not/yet/there";
  Driver driver(root);
  driver.settle();
  CHECK_FALSE(driver.watcher.health().present);
  CHECK(driver.watcher.health().watching == "absent");
  CHECK(driver.saw(Kind::root_absent, root));
  put(root + "/a.pt", "x");
  // No time passes beyond a few milliseconds: the nearest existing parent is watched.
  REQUIRE(driver.until([&] { return driver.files.count(root + "/a.pt") == 1; }));
  CHECK(driver.watcher.health().present);

  fs::rename(dir / "not/yet/there", dir / "aside");
  REQUIRE(driver.until([&] { return !driver.watcher.health().present; }));
  CHECK(driver.files.empty());
  put(dir / "aside/b.pt", "x");
  fs::rename(dir / "aside", root);
  REQUIRE(driver.until([&] { return driver.files.size() == 2; }));

  fs::remove_all(dir / "not");
  REQUIRE(driver.until([&] { return !driver.watcher.health().present; }));
  put(root + "/c.pt", "x");
  REQUIRE(driver.until([&] { return driver.files == std::set<std::string>{root + "/c.pt"}; }));
}

TEST_CASE("a parent renamed away takes the root with it", "[watcher]") {
  Scratch dir;
  const std::string root = dir / "data/results";
  put(root + "/a.pt", "x");
  Driver driver(root);
  driver.settle();
  fs::rename(dir / "data", dir / "other");
  driver.skew += 11s;  // nothing is sent for that: the root is looked at every ten seconds
  REQUIRE(driver.until([&] { return !driver.watcher.health().present; }));
  put(root + "/b.pt", "x");
  REQUIRE(driver.until([&] { return driver.files.count(root + "/b.pt") == 1; }));
}

TEST_CASE("loops of links are not followed, links to files are seen, odd names survive", "[watcher]") {
  Scratch dir;
  fs::create_directories(dir / "a");
  fs::create_directory_symlink(dir.path(), dir / "a/loop");
  put(dir / "blob", "x");
  fs::create_symlink(dir / "blob", dir / "a/model.safetensors");
  const std::string odd = dir / "gr\xff\xfe\n";
  put(odd + "/f.pt", "x");
  Driver driver(dir.path());
  driver.settle();
  CHECK(driver.watcher.health().directories == 3);
  CHECK(driver.files.count(dir / "a/model.safetensors") == 1);
  CHECK(driver.files.count(odd + "/f.pt") == 1);
}

TEST_CASE("without inotify at all everything is polled", "[watcher]") {
  class None final : public SystemInotify {
   public:
    int open() override { return -EMFILE; }
  } none;
  Scratch dir;
  put(dir / "a/f.pt", "x");
  TreeWatcher watcher(dir.path(), system_files(), none);
  std::vector<FileEvent> events;
  while (watcher.turn(1h, events)) {
  }
  CHECK(watcher.fd() == -1);
  CHECK(watcher.health().watching == "polling");
  CHECK_THAT(watcher.health().degraded, ContainsSubstring("fs.inotify.max_user_instances"));
  put(dir / "a/g.pt", "x");
  events.clear();
  while (watcher.turn(1h + 6s, events)) {
  }
  std::set<std::string> seen;
  for (const auto& event : events) {
    for (const auto& file : event.files) seen.insert(file.name);
  }
  CHECK(seen == std::set<std::string>{"f.pt", "g.pt"});
}

TEST_CASE("a directory that may not be read is reported and does not stop the rest", "[watcher]") {
  MemoryFileSystem files;
  SystemInotify inotify;
  files.write("/nowhere-redflag/shut/a.pt", "x");
  files.write("/nowhere-redflag/open/b.pt", "x");
  files.deny("/nowhere-redflag/shut");
  TreeWatcher watcher("/nowhere-redflag", files, inotify);
  std::vector<FileEvent> events;
  while (watcher.turn(1h, events)) {
  }
  CHECK(watcher.health().unreadable == 1);
  CHECK_THAT(watcher.health().degraded, ContainsSubstring("/nowhere-redflag/shut"));
  bool seen = false;
  for (const auto& event : events) {
    for (const auto& file : event.files) seen = seen || file.name == "b.pt";
  }
  CHECK(seen);
}

TEST_CASE("an open writer is never overlooked", "[watcher]") {
  Scratch dir;
  put(dir / "f.pt", "x");
  std::ofstream writer(dir / "f.pt", std::ios::app);
  CHECK_FALSE(system_files().surely_has_no_writer(dir / "f.pt"));
  CHECK_FALSE(system_files().surely_has_no_writer(dir / "absent.pt"));
}

TEST_CASE("an idle watcher wakes at most once a second", "[watcher]") {
  Scratch dir;
  Driver driver(dir.path());
  driver.settle();
  CHECK(driver.watcher.next_deadline() - driver.now() > 1s);
  Driver absent(dir / "absent");
  absent.settle();
  CHECK(absent.watcher.next_deadline() - absent.now() > 1s);
}
