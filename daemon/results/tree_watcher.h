// Watches a directory tree with inotify and tells what changed in it, surviving what inotify leaves to its
// users:
//  - a new directory is watched first and listed afterwards, so nothing made in between is missed;
//  - a tree moved in is one event: it is listed; one moved out has its watches removed, or it would report
//  under a stale path;
//  - a queue overflow, or an event for an unknown watch, leads to a listing of everything;
//  - no watches left (ENOSPC) or no memory: that part is polled, and health() says which setting to raise;
//  - a root that is absent, vanishes or comes back: its nearest existing parent is watched, and looked at
//  every two seconds;
//  - writers inotify does not see (mmap, other NFS clients): everything is listed from time to time.
// Synchronous: the owner waits for fd() to become readable or next_deadline() to pass, then calls turn().
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "daemon/results/directory_index.h"
#include "daemon/results/file_system.h"
#include "daemon/results/inotify_api.h"

struct inotify_event;

namespace redflag::daemon {

struct ListedFile {
  std::string name;
  FileStat stat;
};

struct FileEvent {
  enum class Kind : std::uint8_t {
    created,
    modified,       ///< consecutive writes are merged
    closed,         ///< closed by a writer
    moved_in,       ///< renamed to this path
    removed,        ///< deleted or renamed away
    dir_added,      ///< followed by a `rescan` of it once it was listed
    dir_removed,    ///< with everything below it
    rescan,         ///< `files` are all non-directories in directory `path`, as they are now
    root_absent,    ///< the root cannot be seen; what was in it is unknown, not removed
    scan_complete,  ///< the whole tree was listed since the root appeared or an overflow happened
  };
  std::string path;  ///< absolute
  Kind kind = Kind::created;
  std::vector<ListedFile> files;
};

struct WatcherSettings {
  std::chrono::microseconds poll_every = std::chrono::seconds{5};    ///< directories without a watch
  std::chrono::microseconds rescan_every = std::chrono::minutes{5};  ///< the whole tree, as a safety net
  std::chrono::microseconds remote_every =
      std::chrono::seconds{15};  ///< the whole tree, on a network file system
  std::chrono::microseconds absent_every = std::chrono::seconds{2};  ///< an absent root
  std::chrono::microseconds root_every = std::chrono::seconds{10};  ///< is the root still the same directory?
  std::size_t max_directories = 500'000;
  std::size_t stats_per_turn = 512;
};

struct WatchHealth {
  bool present = false;  ///< the root exists and can be listed
  std::string watching;  ///< "inotify", "polling" (some or all of it), "absent"
  std::size_t directories = 0;
  std::size_t polled = 0;      ///< of them, without a watch
  std::size_t unreadable = 0;  ///< of them, not permitted
  std::uint64_t overflows = 0;
  std::string degraded;  ///< for people, with what to do; empty when all is well
  bool operator==(const WatchHealth&) const = default;
};

class TreeWatcher {
 public:
  /// `root` is absolute. The two references must outlive the watcher.
  TreeWatcher(std::string root, FileSystem& files, InotifyApi& inotify, WatcherSettings settings = {});
  ~TreeWatcher();
  TreeWatcher(const TreeWatcher&) = delete;
  TreeWatcher& operator=(const TreeWatcher&) = delete;

  /// The inotify descriptor, owned by the watcher; -1 when there is none to be had (then only deadlines
  /// matter).
  int fd() const { return fd_; }
  /// Does a bounded amount of work, appending to `out`; true when there is more to do at once. The first call
  /// begins. `now` is monotonic.
  bool turn(Duration now, std::vector<FileEvent>& out);
  /// When to call turn() although fd() is silent.
  Duration next_deadline() const;
  WatchHealth health() const;
  const std::string& root() const { return root_; }

 private:
  using Id = DirectoryIndex::Id;
  using Events = std::vector<FileEvent>;
  struct Job {
    Id id = DirectoryIndex::kNone;
    std::uint32_t generation = 0;
  };
  struct Listing {
    std::string path;
    std::vector<std::string> names;
    std::vector<ListedFile> files;
    std::size_t next = 0;
  };

  // Root: present, absent, replaced (tree_watcher_root.cpp).
  void attach_root(Events& out);
  void lose_root(Events& out, std::string why);
  void watch_ancestor();
  void drop_ancestor();
  void check_root(Events& out);

  // Kernel events (tree_watcher_events.cpp).
  bool read_events(Events& out);
  void handle(const ::inotify_event& event, Events& out);
  void handle_directory(Id parent, const std::string& name, std::uint32_t mask, Events& out);
  void handle_self(Id id, std::uint32_t mask, Events& out);

  // Directories and their listings.
  void adopt(Id parent, const std::string& name, bool deep, Events& out);
  void forget(Id id, Events& out);
  void watch(Id id);
  void set_polled(Id id, bool polled);
  void set_unreadable(Id id, bool unreadable);
  void queue_scan(Id id, bool deep);
  bool scan(std::size_t budget, Events& out);
  void list(Id id, bool deep, Events& out);
  void rescan_everything();
  void run_timers(Duration now, Events& out);

  std::string root_;
  FileSystem& files_;
  InotifyApi& inotify_;
  WatcherSettings settings_;
  int fd_ = -1;
  int open_error_ = 0;
  DirectoryIndex index_;
  Id root_id_ = DirectoryIndex::kNone;
  FileStat root_stat_;
  std::unordered_map<int, Id> by_watch_;
  std::unordered_set<int> retired_;  ///< watches removed whose last events may still come
  std::deque<Job> queue_;
  std::optional<Listing> listing_;
  std::vector<char> buffer_;
  int ancestor_watch_ = -1;
  std::string ancestor_;
  std::string absent_why_;
  bool started_ = false;
  bool try_root_ = false;
  bool completing_ = false;  ///< a listing of everything is under way
  bool rescan_again_ = false;
  bool out_of_watches_ = false;
  int watch_error_ = 0;
  bool too_many_ = false;
  bool remote_ = false;
  std::size_t polled_ = 0;
  std::size_t unreadable_ = 0;
  std::string unreadable_example_;
  std::uint64_t overflows_ = 0;
  Duration poll_at_{};
  Duration rescan_at_{};
  Duration root_at_{};
};

}  // namespace redflag::daemon
