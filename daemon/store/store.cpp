#include "daemon/store/store.h"

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <filesystem>
#include <mutex>
#include <thread>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>
#include <sys/resource.h>

#include "daemon/base/log.h"
#include "daemon/store/reader.h"
#include "daemon/store/reserve.h"
#include "daemon/store/schema.h"

namespace redflag::daemon {
namespace {

using Written = std::shared_ptr<const Commit>;
using Work = std::function<Result<void>(std::unique_ptr<Database>&)>;

/// What is wanted is done on the store's thread: the commit, then the work.
struct Job {
  Written commit;  ///< may be null
  Work work;       ///< may be empty
  std::function<void(Database&, Result<void>)> done;
};

Result<std::unique_ptr<Database>> open_checked(const std::string& path, std::uint64_t most,
                                               std::string& damage) {
  Result<std::unique_ptr<Database>> database = Database::open(path);
  if (!database) {
    // "file is not a database" arrives with the first pragma; a permission problem is not damage.
    if (database.error().what.find("not a database") != std::string::npos ||
        database.error().what.find("malformed") != std::string::npos) {
      damage = database.error().what;
    }
    return database;
  }
  std::error_code ignored;
  if (const auto size = std::filesystem::file_size(path, ignored); !ignored && size > most) return database;
  const Result<std::string> check = (*database)->quick_check();
  if (!check) {
    damage = check.error().what;
  } else if (*check != "ok") {
    damage = *check;
  }
  return database;
}

/// The damaged file and its WAL keep their bytes: somebody may want to read them.
Result<std::string> move_aside(const std::string& path, Time now) {
  std::string suffix = ".damaged-" + to_rfc3339(now);
  std::erase(suffix, ':');
  std::error_code error;
  for (const char* tail : {"", "-wal", "-shm"}) {
    if (!std::filesystem::exists(path + tail, error)) continue;
    std::filesystem::rename(path + tail, path + suffix + tail, error);
    if (error)
      return fail(ErrorCode::storage, "moving the damaged database " + path + " aside", error.message());
  }
  return path + suffix;
}

/// As open_checked, with today's tables, whatever has to be moved aside for that.
Result<std::unique_ptr<Database>> open_migrated(const std::string& path, Time now, std::uint64_t most,
                                                std::string& notice) {
  std::string damage;
  Result<std::unique_ptr<Database>> database = open_checked(path, most, damage);
  if (!damage.empty()) {
    if (database) database->reset();
    Result<std::string> aside = move_aside(path, now);
    if (!aside) return tl::unexpected<Error>(std::move(aside.error()));
    notice = fmt::format(
        "The state database was damaged ({}). It was moved to {} and a new one begun. Alerts that were "
        "waiting to be sent, "
        "acknowledgements and cursors in it are gone; runs are read again from the start.",
        damage, *aside);
    damage.clear();
    database = open_checked(path, most, damage);
  }
  if (!database) return database;
  if (Result<void> migrated = migrate(**database); !migrated)
    return tl::unexpected<Error>(std::move(migrated.error()));
  return database;
}

}  // namespace

struct Store::Impl {
  explicit Impl(const std::string& directory)
      : path(directory + "/redflag.db"), reserve(directory + "/reserve"), reader(path) {}

  const std::string path;
  std::unique_ptr<Database> database;
  Reserve reserve;  // as the database
  StoreReader reader;
  std::mutex database_mutex;  // the writer's thread, and the loop when it loads
  Mode mode = Mode::threaded;
  std::atomic<bool> reserve_held{false};
  std::atomic<StoreTrouble> trouble{StoreTrouble::none};

  std::mutex queue_mutex;
  std::condition_variable wake;
  std::deque<Job> queue;
  bool stopping = false;
  std::thread thread;
  std::unique_ptr<Database> checked;
  std::thread checker;
  std::string damage;  // that it found; under queue_mutex

  void start() {
    if (mode == Mode::threaded) thread = std::thread([this] { work(); });
  }

  /// Beside the writer, on a connection of its own.
  void check_behind() {
    Result<std::unique_ptr<Database>> opened = Database::open_to_read(path);
    if (!opened) return;
    checked = std::move(*opened);
    log_info("store", "{} is large; it is read through while redflag runs, not before", path);
    checker = std::thread([this] {
      (void)::setpriority(PRIO_PROCESS, 0, 19);  // of this thread; give_way() would speak for the process
      const Result<std::string> found = checked->quick_check();
      const std::lock_guard lock(queue_mutex);
      if (stopping || (found && *found == "ok")) return;
      damage = found ? *found : found.error().what;
    });
  }

  void finish() {
    {
      const std::lock_guard lock(queue_mutex);
      stopping = true;
    }
    wake.notify_all();
    reader.stop();
    if (checker.joinable()) {
      checked->interrupt();
      checker.join();
    }
    if (thread.joinable()) thread.join();
  }

  void work() {
    for (;;) {
      std::deque<Job> jobs;
      {
        std::unique_lock lock(queue_mutex);
        wake.wait(lock, [this] { return stopping || !queue.empty(); });
        if (queue.empty()) return;
        jobs.swap(queue);
      }
      run(jobs);
    }
  }

  /// Everything that waited together becomes one transaction. If that fails, each is tried alone, so that one
  /// bad record cannot hold up the others; their order is kept.
  void run(std::deque<Job>& jobs) {
    const std::lock_guard lock(database_mutex);
    if (jobs.size() > 1) {
      Commit together;
      for (const Job& job : jobs) {
        if (job.commit) together.append(Commit(*job.commit));
      }
      if (!together.empty() && write(together)) {
        for (Job& job : jobs) job.commit.reset();
      }
    }
    for (Job& job : jobs) {
      Result<void> done = job.commit && !job.commit->empty() ? write(*job.commit) : Result<void>{};
      if (done && job.work) done = job.work(database);
      job.done(*database, std::move(done));
    }
  }

  /// A full disk gets the reserve, then a second chance.
  Result<void> write(const Commit& commit) {
    Result<void> done = write_commit(*database, commit);
    if (!done && database->trouble() == StoreTrouble::full && reserve.release()) {
      reserve_held = false;
      done = write_commit(*database, commit);
    }
    if (!done) trouble = database->trouble();
    return done;
  }

  Result<void> begin_anew(Time now, const Commit& first, std::string& aside) {
    // Closed before it is moved, or it would later delete the new one's WAL. Until there is a new one, what
    // is written has to be refused, not forgotten.
    Result<std::unique_ptr<Database>> none = Database::open(":memory:");
    if (none) {
      if (Result<void> deaf = (*none)->execute("PRAGMA query_only=ON"); !deaf) return deaf;
      database = std::move(*none);
    }
    Result<std::string> moved = move_aside(path, now);
    if (!moved) return tl::unexpected<Error>(std::move(moved.error()));
    aside = *moved;
    Result<std::unique_ptr<Database>> fresh = Database::open(path);
    if (!fresh) return tl::unexpected<Error>(std::move(fresh.error()));
    if (Result<void> made = migrate(**fresh); !made) return made;
    database = std::move(*fresh);
    reader.reopen();
    return write(first);
  }

  /// `finish` makes the answer from what became of the job, on the store's thread.
  template <typename Answer>
  using Finish = std::function<Answer(Database&, Result<void>)>;

  template <typename Answer>
  asio::awaitable<Answer> submit(Written commit, Work work, Finish<Answer> finish) {
    return asio::async_initiate<decltype(asio::use_awaitable), void(Answer)>(
        [this](auto handler, Written wanted, Work wanted_work, Finish<Answer> make) {
          auto executor = asio::get_associated_executor(handler);
          // The guard keeps the loop alive while the thread works.
          auto shared =
              std::make_shared<std::pair<decltype(handler), asio::executor_work_guard<decltype(executor)>>>(
                  std::move(handler), asio::make_work_guard(executor));
          Job job{std::move(wanted), std::move(wanted_work),
                  [shared, executor, make = std::move(make)](Database& used, Result<void> done) {
                    asio::post(executor, [shared, result = make(used, std::move(done))]() mutable {
                      auto resume = std::move(shared->first);
                      shared->second.reset();
                      std::move(resume)(std::move(result));
                    });
                  }};
          if (mode == Mode::in_line) {
            std::deque<Job> jobs;
            jobs.push_back(std::move(job));
            run(jobs);
            return;
          }
          {
            const std::lock_guard lock(queue_mutex);
            queue.push_back(std::move(job));
          }
          wake.notify_one();
        },
        asio::use_awaitable, std::move(commit), std::move(work), std::move(finish));
  }

  /// `ask` runs on the reading thread; in line it runs here, on the writer's connection.
  template <typename Answer>
  asio::awaitable<Answer> read(std::function<Answer(Database&)> ask) {
    return asio::async_initiate<decltype(asio::use_awaitable), void(Answer)>(
        [this](auto handler, std::function<Answer(Database&)> wanted) {
          auto executor = asio::get_associated_executor(handler);
          auto shared =
              std::make_shared<std::pair<decltype(handler), asio::executor_work_guard<decltype(executor)>>>(
                  std::move(handler), asio::make_work_guard(executor));
          const auto done = [shared, executor, wanted = std::move(wanted)](Result<Database*> used) {
            Answer answer = used ? wanted(**used) : Answer(tl::unexpected<Error>(std::move(used.error())));
            asio::post(executor, [shared, result = std::move(answer)]() mutable {
              auto resume = std::move(shared->first);
              shared->second.reset();
              std::move(resume)(std::move(result));
            });
          };
          if (mode == Mode::in_line) {
            const std::lock_guard lock(database_mutex);
            done(database.get());
          } else {
            reader.post(done);
          }
        },
        asio::use_awaitable, std::move(ask));
  }

  asio::awaitable<Result<void>> submit(Written commit, Work work) {
    return submit<Result<void>>(std::move(commit), std::move(work),
                                [](Database&, Result<void> done) { return done; });
  }
};

Result<void> make_state_directory(const std::string& directory) {
  std::error_code error;
  const bool made = std::filesystem::create_directories(directory, error);
  if (error) {
    return fail(ErrorCode::storage, "creating the state directory " + directory, error.message(),
                "set store.state_directory to a directory this user can write");
  }
  // It names runs and hosts; one that was there keeps the mode its owner gave it.
  if (made) std::filesystem::permissions(directory, std::filesystem::perms::owner_all, error);
  return {};
}

Result<std::unique_ptr<Store>> Store::open(const std::string& directory, Mode mode, Time now,
                                           std::string& notice, std::uint64_t checked_at_start) {
  if (Result<void> made = make_state_directory(directory); !made)
    return tl::unexpected<Error>(std::move(made.error()));
  auto impl = std::make_unique<Impl>(directory);
  Result<std::unique_ptr<Database>> database = open_migrated(impl->path, now, checked_at_start, notice);
  if (!database && impl->reserve.release()) {
    // A start on a full disk needs a little space as well: for the WAL's index, for a migration.
    notice.clear();
    database = open_migrated(impl->path, now, checked_at_start, notice);
  }
  if (!database) return tl::unexpected<Error>(std::move(database.error()));
  if (mode == Mode::in_line) {
    // Nothing but a simulation runs in line, and what it simulates is not the power going out.
    if (Result<void> relaxed = (*database)->execute("PRAGMA synchronous=OFF"); !relaxed)
      return tl::unexpected<Error>(relaxed.error());
  }
  impl->database = std::move(*database);
  impl->reserve_held = impl->reserve.make();
  impl->mode = mode;
  impl->start();
  std::error_code ignored;
  if (std::filesystem::file_size(impl->path, ignored) > checked_at_start && !ignored) impl->check_behind();
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Store::~Store() {
  impl_->finish();
}

Result<StoredState> Store::load(std::size_t& skipped) {
  const std::lock_guard lock(impl_->database_mutex);
  return read_state(*impl_->database, skipped);
}

Result<void> Store::load_points(const std::function<PointsWanted(const Subject&)>& wanted,
                                const std::function<void(Observation&&)>& each) {
  const std::lock_guard lock(impl_->database_mutex);
  return read_points(*impl_->database, wanted, each);
}

asio::awaitable<Result<void>> Store::commit(Commit commit) {
  return impl_->submit(std::make_shared<const Commit>(std::move(commit)), {});
}

asio::awaitable<Result<void>> Store::commit(std::shared_ptr<const Commit> commit) {
  return impl_->submit(std::move(commit), {});
}

asio::awaitable<Result<void>> Store::prune(Retention retention) {
  return impl_->submit({}, [retention](auto& database) { return daemon::prune(*database, retention); });
}

asio::awaitable<Result<void>> Store::renew_reserve() {
  return impl_->submit({}, [impl = impl_.get()](auto&) {
    impl->reserve_held = impl->reserve.make();
    return Result<void>{};
  });
}

asio::awaitable<Result<std::string>> Store::begin_anew(Time now, Commit first) {
  auto aside = std::make_shared<std::string>();
  const auto kept = std::make_shared<const Commit>(std::move(first));
  return impl_->submit<Result<std::string>>(
      {}, [=, impl = impl_.get()](auto&) { return impl->begin_anew(now, *kept, *aside); },
      [aside](Database&, Result<void> done) -> Result<std::string> {
        if (!done) return tl::unexpected<Error>(std::move(done.error()));
        return *aside;
      });
}

asio::awaitable<Result<std::optional<VerdictRecord>>> Store::find_verdict(std::string path) {
  using Found = Result<std::optional<VerdictRecord>>;
  return impl_->submit<Found>({}, {}, [path = std::move(path)](Database& database, Result<void>) {
    return read_verdict(database, path);
  });
}

asio::awaitable<Result<void>> Store::visit_points(Subject subject, std::function<void(Observation&&)> each) {
  return impl_->read<Result<void>>(
      [subject = std::move(subject), each = std::move(each)](Database& database) {
        return read_points_of(database, subject, each);
      });
}

asio::awaitable<Result<std::vector<Observation>>> Store::facts(std::vector<SubjectKind> kinds) {
  return impl_->read<Result<std::vector<Observation>>>(
      [kinds = std::move(kinds)](Database& database) { return read_facts(database, kinds); });
}

const std::string& Store::path() const {
  return impl_->path;
}

StoreTrouble Store::trouble() const {
  return impl_->trouble;
}

std::string Store::damage_found() const {
  const std::lock_guard lock(impl_->queue_mutex);
  return impl_->damage;
}

bool Store::reserve_held() const {
  return impl_->reserve_held;
}

}  // namespace redflag::daemon
