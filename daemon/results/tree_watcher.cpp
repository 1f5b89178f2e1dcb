// The watcher's turn: kernel events first (an overflow costs more than a late listing), then listings within
// a budget, then timers. Listings and events never interleave within one directory: while a listing is under
// way no events are read, so an event that comes later than a listing is also newer than it.
#include "daemon/results/tree_watcher.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "daemon/results/printable.h"

namespace redflag::daemon {
namespace {

constexpr std::uint32_t kMask = IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO |
                                IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK;

/// Never results, and sometimes huge.
bool is_ignored(const std::string& name) {
  return name == ".git" || name == "__pycache__" || name == "node_modules";
}

std::string absolute(const std::string& path) {
  std::error_code error;
  std::string out = std::filesystem::absolute(path, error).lexically_normal().string();
  if (error) out = path;
  while (out.size() > 1 && out.back() == '/') out.pop_back();
  return out;
}

}  // namespace

TreeWatcher::TreeWatcher(std::string root, FileSystem& files, InotifyApi& inotify, WatcherSettings settings)
    : root_(absolute(root)), files_(files), inotify_(inotify), settings_(settings), buffer_(64 * 1024) {
  fd_ = inotify_.open();
  if (fd_ < 0) {
    open_error_ = -fd_;
    fd_ = -1;
  }
}

TreeWatcher::~TreeWatcher() {
  if (fd_ >= 0) ::close(fd_);
}

bool TreeWatcher::turn(Duration now, Events& out) {
  if (!started_) {
    started_ = true;
    attach_root(out);
    poll_at_ = now + settings_.poll_every;
    root_at_ = now + (root_id_ == DirectoryIndex::kNone ? settings_.absent_every : settings_.root_every);
    rescan_at_ = now + (remote_ ? settings_.remote_every : settings_.rescan_every);
  }
  bool more = false;
  if (!listing_) more = read_events(out);
  if (try_root_) {
    try_root_ = false;
    if (root_id_ == DirectoryIndex::kNone) attach_root(out);
  }
  run_timers(now, out);
  if (scan(settings_.stats_per_turn, out)) more = true;
  return more || try_root_;
}

void TreeWatcher::run_timers(Duration now, Events& out) {
  if (now >= root_at_) {
    check_root(out);
    root_at_ = now + (root_id_ == DirectoryIndex::kNone ? settings_.absent_every : settings_.root_every);
  }
  if (root_id_ == DirectoryIndex::kNone) return;
  if (now >= rescan_at_) {
    // Never on top of an unfinished one: a slow disk must not be asked faster than it answers.
    if (queue_.empty() && !listing_) rescan_everything();
    rescan_at_ = now + (remote_ ? settings_.remote_every : settings_.rescan_every);
  }
  if (now >= poll_at_) {
    poll_at_ = now + settings_.poll_every;
    if (polled_ != 0 && queue_.empty() && !listing_) {
      out_of_watches_ = false;  // somebody may have raised the limit, or freed some
      for (Id id = 0; id < index_.end_id(); ++id) {
        if (index_[id].live && index_[id].polled) queue_scan(id, false);
      }
    }
  }
}

Duration TreeWatcher::next_deadline() const {
  if (!started_) return Duration::zero();
  if (root_id_ == DirectoryIndex::kNone) return root_at_;
  const Duration next = std::min(root_at_, rescan_at_);
  return polled_ != 0 ? std::min(next, poll_at_) : next;
}

void TreeWatcher::watch(Id id) {
  const bool is_root = id == root_id_;
  int watch = -ENOSYS;
  if (fd_ >= 0 && out_of_watches_) {
    watch = -ENOSPC;
  } else if (fd_ >= 0) {
    watch = inotify_.add_watch(fd_, index_.path(id), is_root ? kMask : kMask | IN_DONT_FOLLOW);
  }
  DirectoryIndex::Node& node = index_[id];
  if (watch < 0) {
    // A watch that is already held is of use even when another cannot be had.
    if (watch == -ENOENT || watch == -ENOTDIR || watch == -EACCES || watch == -ELOOP)
      return;  // the listing will tell
    if (watch == -ENOSPC || watch == -ENOMEM) out_of_watches_ = true;
    if (fd_ >= 0) watch_error_ = -watch;
    set_polled(id, node.watch < 0);
    return;
  }
  if (node.watch != watch) {
    if (node.watch >= 0) {  // another directory has taken the name
      by_watch_.erase(node.watch);
      retired_.insert(node.watch);
      inotify_.remove_watch(fd_, node.watch);
    }
    // The kernel has one watch per directory: if another node holds this one, the directory was moved from
    // there.
    if (const auto it = by_watch_.find(watch); it != by_watch_.end()) index_[it->second].watch = -1;
    by_watch_[watch] = id;
    retired_.erase(watch);
    node.watch = watch;
  }
  set_polled(id, false);
}

void TreeWatcher::set_polled(Id id, bool polled) {
  if (index_[id].polled == polled) return;
  index_[id].polled = polled;
  polled ? ++polled_ : --polled_;
}

void TreeWatcher::set_unreadable(Id id, bool unreadable) {
  if (index_[id].unreadable == unreadable) return;
  index_[id].unreadable = unreadable;
  unreadable ? ++unreadable_ : --unreadable_;
  if (unreadable) unreadable_example_ = index_.path(id);
}

void TreeWatcher::adopt(Id parent, const std::string& name, bool deep, Events& out) {
  Id id = index_.child(parent, name);
  if (id == DirectoryIndex::kNone) {
    if (is_ignored(name)) return;
    if (index_.size() >= settings_.max_directories) {
      too_many_ = true;
      return;
    }
    id = index_.add(parent, name);
    out.push_back({index_.path(id), FileEvent::Kind::dir_added, {}});
    deep = true;
    watch(id);
  }
  if (deep) queue_scan(id, true);
}

void TreeWatcher::forget(Id id, Events& out) {
  out.push_back({index_.path(id), FileEvent::Kind::dir_removed, {}});
  for (const Id each : index_.subtree(id)) {
    set_polled(each, false);
    set_unreadable(each, false);
    const int watch = index_[each].watch;
    if (watch >= 0) {
      by_watch_.erase(watch);
      retired_.insert(watch);
      inotify_.remove_watch(fd_, watch);
    }
    index_.remove(each);
  }
}

void TreeWatcher::queue_scan(Id id, bool deep) {
  DirectoryIndex::Node& node = index_[id];
  node.queued_deep = node.queued_deep || deep;
  if (node.queued) return;
  node.queued = true;
  queue_.push_back({id, node.generation});
}

void TreeWatcher::rescan_everything() {
  if (root_id_ == DirectoryIndex::kNone) return;
  if (!queue_.empty() || listing_) {
    rescan_again_ = true;
    return;
  }
  completing_ = true;
  queue_scan(root_id_, true);
}

bool TreeWatcher::scan(std::size_t budget, Events& out) {
  while (budget > 0) {
    if (!listing_) {
      if (queue_.empty()) break;
      const Job job = queue_.front();
      queue_.pop_front();
      if (!index_.is(job.id, job.generation)) continue;
      const bool deep = index_[job.id].queued_deep;
      index_[job.id].queued = index_[job.id].queued_deep = false;
      list(job.id, deep, out);
      --budget;
      continue;
    }
    Listing& listing = *listing_;
    for (; budget > 0 && listing.next < listing.names.size(); --budget) {
      std::string& name = listing.names[listing.next++];
      auto stat = files_.stat(listing.path + '/' + name);
      if (stat && !stat->is_directory()) listing.files.push_back({std::move(name), *stat});
    }
    if (listing.next == listing.names.size()) {
      out.push_back({std::move(listing.path), FileEvent::Kind::rescan, std::move(listing.files)});
      listing_.reset();
    }
  }
  if (listing_ || !queue_.empty()) return true;
  if (rescan_again_) {
    rescan_again_ = false;
    rescan_everything();
    return !queue_.empty();
  }
  if (completing_) {
    completing_ = false;
    out.push_back({root_, FileEvent::Kind::scan_complete, {}});
  }
  return false;
}

void TreeWatcher::list(Id id, bool deep, Events& out) {
  watch(id);  // again: the name may stand for another directory now, or a watch may be free now
  Listing next;
  next.path = index_.path(id);
  auto entries = files_.list(next.path);
  if (!entries) {
    if (entries.error().code != ErrorCode::not_found) {
      set_unreadable(id, true);
    } else if (id == root_id_) {
      lose_root(out, "it was deleted or moved");
    } else {
      forget(id, out);
    }
    return;
  }
  set_unreadable(id, false);
  std::vector<Id> present;
  for (DirectoryEntry& entry : *entries) {
    if (entry.type != FileType::directory) {
      next.names.push_back(std::move(entry.name));
      continue;
    }
    adopt(id, entry.name, deep, out);
    const Id child = index_.child(id, entry.name);
    if (child != DirectoryIndex::kNone) present.push_back(child);
  }
  std::sort(present.begin(), present.end());
  std::vector<Id> gone;
  for (Id child = index_[id].first_child; child != DirectoryIndex::kNone; child = index_[child].next) {
    if (!std::binary_search(present.begin(), present.end(), child)) gone.push_back(child);
  }
  for (const Id child : gone) forget(child, out);
  listing_ = std::move(next);
}

WatchHealth TreeWatcher::health() const {
  WatchHealth out;
  out.present = root_id_ != DirectoryIndex::kNone && !index_[root_id_].unreadable;
  out.directories = index_.size();
  out.polled = polled_;
  out.unreadable = unreadable_;
  out.overflows = overflows_;
  out.watching = root_id_ == DirectoryIndex::kNone ? "absent"
                 : polled_ != 0 || remote_         ? "polling"
                                                   : "inotify";
  const auto say = [&](const std::string& text) {
    out.degraded += (out.degraded.empty() ? "" : "; ") + text;
  };
  if (root_id_ == DirectoryIndex::kNone) {
    say(absent_why_);
    return out;
  }
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(settings_.poll_every).count();
  if (open_error_ != 0) {
    say(
        fmt::format("inotify is not to be had ({}), so everything is polled every {} s: raise "
                    "fs.inotify.max_user_instances, e.g. sysctl -w fs.inotify.max_user_instances=1024",
                    std::strerror(open_error_), seconds));
  } else if (polled_ != 0) {
    say(
        fmt::format("{} of {} directories have no inotify watch ({}) and are polled every {} s: raise "
                    "fs.inotify.max_user_watches, e.g. sysctl -w fs.inotify.max_user_watches=1048576",
                    polled_, index_.size(), std::strerror(watch_error_), seconds));
  }
  if (unreadable_ != 0) {
    say(fmt::format(
        "{} directories cannot be read, such as {}: let redflagd in, e.g. setfacl -R -m u:redflag:rX {}",
        unreadable_, printable_path(unreadable_example_), printable_path(root_)));
  }
  if (too_many_)
    say(fmt::format("more than {} directories: the rest is not watched", settings_.max_directories));
  return out;
}

}  // namespace redflag::daemon
