// The durable memory of the daemon: SQLite on a thread of its own, so that an fsync never stops the loop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "daemon/store/records.h"
#include "daemon/store/retention.h"
#include "daemon/store/writer.h"
#include "rules/values/error.h"

namespace redflag::daemon {

namespace asio = boost::asio;

/// Creates the directory, private to this user, with those above it. The error names the setting.
Result<void> make_state_directory(const std::string& directory);

class Store {
 public:
  enum class Mode : std::uint8_t {
    threaded,  ///< commits run on the store's thread; those that wait together share one fsync
    in_line,   ///< commits run where they are called: for simulated time, where nothing may happen behind the
               ///< clock's back
  };

  /// Opens or creates `directory`/redflag.db, and beside it the reserve: 8 MiB that are given up when the
  /// disk is full, at this start too. A damaged database is moved aside (with its WAL) and a new one begun;
  /// `notice` then says so, for the log and for the channels. An unwritable directory and a newer database
  /// are errors.
  ///
  /// A database larger than `checked_at_start` would hold up the start: it is read through afterwards, on a
  /// thread that gives way, and what is found is told by damage_found().
  static Result<std::unique_ptr<Store>> open(const std::string& directory, Mode mode, Time now,
                                             std::string& notice,
                                             std::uint64_t checked_at_start = 2ULL << 30U);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// For the start, before the first commit, and for a reload. `skipped` counts records that could not be
  /// read.
  Result<StoredState> load(std::size_t& skipped);
  Result<void> load_points(const std::function<PointsWanted(const Subject&)>& wanted,
                           const std::function<void(Observation&&)>& each);

  /// Resumes the caller once the commit is durable, or with the error that kept it from being so. Commits are
  /// written in the order of the calls. Call from one thread, on coroutines of one executor.
  asio::awaitable<Result<void>> commit(Commit commit);
  /// The same for one that may have to be offered again.
  asio::awaitable<Result<void>> commit(std::shared_ptr<const Commit> commit);
  asio::awaitable<Result<void>> prune(Retention retention);
  /// Makes the reserve again when the disk has space for it.
  asio::awaitable<Result<void>> renew_reserve();
  /// The database was found damaged: moves it aside with its bytes and begins a new one with `first` in it.
  /// Gives where the damaged one is now.
  asio::awaitable<Result<std::string>> begin_anew(Time now, Commit first);
  /// The kept rows and totals of a subject, in the order in which they came. `each` is called on the reading
  /// thread (in line: where it is asked for), so nothing but it should be touched by it.
  asio::awaitable<Result<void>> visit_points(Subject subject, std::function<void(Observation&&)> each);
  /// The last attributes of every subject of these kinds, of each subject all in one, by subject; `time` is
  /// the newest of them.
  asio::awaitable<Result<std::vector<Observation>>> facts(std::vector<SubjectKind> kinds);

  /// What is kept of the file at `path`, commits made before included; nullopt when nothing is.
  asio::awaitable<Result<std::optional<VerdictRecord>>> find_verdict(std::string path);

  const std::string& path() const;
  /// Why the last commit that failed did so. For the caller that has just got its error.
  StoreTrouble trouble() const;
  /// What the reading through of a large database has found; empty: nothing, or it goes on.
  std::string damage_found() const;
  /// False: it was given up, or there has been no space for it yet.
  bool reserve_held() const;

 private:
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace redflag::daemon
