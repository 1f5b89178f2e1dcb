// What the watcher makes of the kernel's events.
#include <cerrno>
#include <cstring>

#include <sys/inotify.h>

#include "daemon/results/tree_watcher.h"

namespace redflag::daemon {

bool TreeWatcher::read_events(Events& out) {
  if (fd_ < 0) return false;
  const ssize_t got = inotify_.read(fd_, buffer_.data(), buffer_.size());
  if (got <= 0) return false;
  const auto size = static_cast<std::size_t>(got);
  std::size_t at = 0;
  while (size - at >= sizeof(::inotify_event)) {
    // Aligned: the buffer is allocated for any type, and the kernel pads names so that the next event is
    // aligned too.
    const auto& event = *reinterpret_cast<const ::inotify_event*>(buffer_.data() + at);
    if (event.len > size - at - sizeof(event)) break;
    handle(event, out);
    at += sizeof(event) + event.len;
  }
  return size > buffer_.size() / 2;  // a full buffer: there is more; a small one: the queue was drained
}

void TreeWatcher::handle(const ::inotify_event& event, Events& out) {
  if (event.wd < 0 || (event.mask & IN_Q_OVERFLOW) != 0) {
    ++overflows_;
    retired_.clear();
    if (root_id_ == DirectoryIndex::kNone) {
      try_root_ = true;
    } else {
      rescan_everything();
    }
    return;
  }
  if (event.wd == ancestor_watch_) {
    if ((event.mask & (IN_IGNORED | IN_UNMOUNT)) != 0) ancestor_watch_ = -1;
    try_root_ = true;
    return;
  }
  const auto it = by_watch_.find(event.wd);
  if (it == by_watch_.end()) {
    const bool expected = retired_.count(event.wd) != 0;
    if ((event.mask & IN_IGNORED) != 0) {
      retired_.erase(event.wd);
    } else if (!expected) {
      rescan_everything();
    }
    return;
  }
  const Id id = it->second;
  if ((event.mask & (IN_IGNORED | IN_UNMOUNT | IN_DELETE_SELF | IN_MOVE_SELF)) != 0) {
    handle_self(id, event.mask, out);
    return;
  }
  if (event.len == 0) return;
  const std::string name(event.name, ::strnlen(event.name, event.len));
  if (name.empty()) return;
  if ((event.mask & IN_ISDIR) != 0) {
    handle_directory(id, name, event.mask, out);
    return;
  }
  FileEvent::Kind kind = FileEvent::Kind::modified;
  if ((event.mask & IN_CREATE) != 0) kind = FileEvent::Kind::created;
  if ((event.mask & IN_CLOSE_WRITE) != 0) kind = FileEvent::Kind::closed;
  if ((event.mask & IN_MOVED_TO) != 0) kind = FileEvent::Kind::moved_in;
  if ((event.mask & (IN_DELETE | IN_MOVED_FROM)) != 0) kind = FileEvent::Kind::removed;
  std::string path = index_.path(id);
  path += '/';
  path += name;
  if (kind == FileEvent::Kind::modified && !out.empty() && out.back().kind == kind && out.back().path == path)
    return;
  out.push_back({std::move(path), kind, {}});
}

void TreeWatcher::handle_directory(Id parent, const std::string& name, std::uint32_t mask, Events& out) {
  if ((mask & (IN_CREATE | IN_MOVED_TO)) != 0) {
    adopt(parent, name, true, out);
  } else if ((mask & (IN_DELETE | IN_MOVED_FROM)) != 0) {
    const Id child = index_.child(parent, name);
    if (child != DirectoryIndex::kNone) forget(child, out);
  }
}

void TreeWatcher::handle_self(Id id, std::uint32_t mask, Events& out) {
  if (id == root_id_) {
    lose_root(out, (mask & IN_UNMOUNT) != 0 ? "it was unmounted" : "it was deleted or moved");
    try_root_ = true;
    return;
  }
  // The parent's event names the child and decides; a watch that ended by itself is only taken off the books,
  // and the parent listed in case its event is lost.
  if ((mask & IN_IGNORED) != 0) {
    by_watch_.erase(index_[id].watch);
    index_[id].watch = -1;
    queue_scan(index_[id].parent, false);
  } else if ((mask & IN_UNMOUNT) != 0) {
    queue_scan(index_[id].parent, true);
  }
}

}  // namespace redflag::daemon
