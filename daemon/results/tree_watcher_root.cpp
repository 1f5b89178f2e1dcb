// The root's comings and goings.
#include <sys/inotify.h>

#include "daemon/results/printable.h"
#include "daemon/results/tree_watcher.h"

namespace redflag::daemon {

void TreeWatcher::attach_root(Events& out) {
  auto stat = files_.stat_following(root_);
  if (!stat || !stat->is_directory()) {
    watch_ancestor();
    stat = files_.stat_following(root_);  // it may have come between the look and the watch
  }
  if (!stat || !stat->is_directory()) {
    const std::string why = stat ? "it is not a directory" : stat.error().what;
    const bool changed = absent_why_ != why;
    absent_why_ = why;
    if (changed) out.push_back({root_, FileEvent::Kind::root_absent, {}});
    return;
  }
  drop_ancestor();
  absent_why_.clear();
  root_stat_ = *stat;
  remote_ = files_.is_remote(root_);
  out_of_watches_ = false;
  root_id_ = index_.add(DirectoryIndex::kNone, root_);
  out.push_back({root_, FileEvent::Kind::dir_added, {}});
  watch(root_id_);
  completing_ = true;
  queue_scan(root_id_, true);
}

void TreeWatcher::lose_root(Events& out, std::string why) {
  if (root_id_ == DirectoryIndex::kNone) return;
  Events ignored;  // what was below is unknown now, not removed
  forget(root_id_, ignored);
  root_id_ = DirectoryIndex::kNone;
  queue_.clear();
  listing_.reset();
  completing_ = rescan_again_ = too_many_ = false;
  absent_why_ = std::move(why);
  out.push_back({root_, FileEvent::Kind::root_absent, {}});
  watch_ancestor();
  try_root_ = true;  // it may be back already
  root_at_ = Duration::zero();
}

void TreeWatcher::watch_ancestor() {
  if (fd_ < 0) return;
  constexpr std::uint32_t kMask = IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
  std::string path = root_;
  while (path.size() > 1) {
    const std::size_t slash = path.rfind('/');
    path = slash == 0 ? "/" : path.substr(0, slash);
    const int watch = inotify_.add_watch(fd_, path, kMask);
    if (watch < 0) continue;
    if (watch != ancestor_watch_) drop_ancestor();
    ancestor_ = path;
    ancestor_watch_ = watch;
    retired_.erase(watch);
    return;
  }
}

void TreeWatcher::drop_ancestor() {
  if (ancestor_watch_ >= 0) {
    inotify_.remove_watch(fd_, ancestor_watch_);
    retired_.insert(ancestor_watch_);
  }
  ancestor_watch_ = -1;
  ancestor_.clear();
}

void TreeWatcher::check_root(Events& out) {
  if (root_id_ == DirectoryIndex::kNone) {
    attach_root(out);
    return;
  }
  const auto stat = files_.stat_following(root_);
  if (!stat || !stat->is_directory()) {
    lose_root(out, stat ? "it is not a directory" : stat.error().what);
  } else if (stat->inode != root_stat_.inode || stat->device != root_stat_.device) {
    lose_root(out, "another directory has taken its place");
    attach_root(out);
  } else if (index_[root_id_].unreadable) {
    queue_scan(root_id_, true);  // permission given is not an event
  }
}

}  // namespace redflag::daemon
