#include "daemon/store/store.h"

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

#include "daemon/store/schema.h"

namespace redflag::daemon {
namespace {

struct Job {
  Commit commit;
  std::optional<Retention> retention;
  std::function<void(Database&, Result<void>)> done;  ///< on the thread that ran it
};

Result<std::unique_ptr<Database>> open_checked(const std::string& path, std::string& damage) {
  Result<std::unique_ptr<Database>> database = Database::open(path);
  if (!database) {
    // "file is not a database" arrives with the first pragma; a permission problem is not damage.
    if (database.error().what.find("not a database") != std::string::npos ||
        database.error().what.find("malformed") != std::string::npos) {
      damage = database.error().what;
    }
    return database;
  }
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

}  // namespace

struct Store::Impl {
  std::unique_ptr<Database> database;
  std::mutex database_mutex;  // the writer's thread, and the loop when it loads
  Mode mode = Mode::threaded;

  std::mutex queue_mutex;
  std::condition_variable wake;
  std::deque<Job> queue;
  bool stopping = false;
  std::thread thread;

  void start() {
    if (mode == Mode::threaded) thread = std::thread([this] { work(); });
  }

  void finish() {
    {
      const std::lock_guard lock(queue_mutex);
      stopping = true;
    }
    wake.notify_all();
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
      for (const Job& job : jobs) together.append(Commit(job.commit));
      if (!together.empty() && write_commit(*database, together)) {
        for (Job& job : jobs) job.commit = {};
      }
    }
    for (Job& job : jobs) {
      Result<void> done = job.commit.empty() ? Result<void>{} : write_commit(*database, job.commit);
      if (done && job.retention) done = daemon::prune(*database, *job.retention);
      job.done(*database, std::move(done));
    }
  }

  /// `finish` makes the answer from what became of the commit, on the store's thread.
  template <typename Answer>
  using Finish = std::function<Answer(Database&, Result<void>)>;

  template <typename Answer>
  asio::awaitable<Answer> submit(Commit commit, std::optional<Retention> retention, Finish<Answer> finish) {
    return asio::async_initiate<decltype(asio::use_awaitable), void(Answer)>(
        [this](auto handler, Commit wanted, std::optional<Retention> until, Finish<Answer> make) {
          auto executor = asio::get_associated_executor(handler);
          // The guard keeps the loop alive while the thread works.
          auto shared =
              std::make_shared<std::pair<decltype(handler), asio::executor_work_guard<decltype(executor)>>>(
                  std::move(handler), asio::make_work_guard(executor));
          Job job{std::move(wanted), until,
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
        asio::use_awaitable, std::move(commit), retention, std::move(finish));
  }

  asio::awaitable<Result<void>> submit(Commit commit, std::optional<Retention> retention) {
    return submit<Result<void>>(std::move(commit), retention,
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
                                           std::string& notice) {
  if (Result<void> made = make_state_directory(directory); !made)
    return tl::unexpected<Error>(std::move(made.error()));
  const std::string path = directory + "/redflag.db";
  std::string damage;
  Result<std::unique_ptr<Database>> database = open_checked(path, damage);
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
    database = open_checked(path, damage);
  }
  if (!database) return tl::unexpected<Error>(std::move(database.error()));
  if (Result<void> migrated = migrate(**database); !migrated)
    return tl::unexpected<Error>(std::move(migrated.error()));

  if (mode == Mode::in_line) {
    // Nothing but a simulation runs in line, and what it simulates is not the power going out.
    if (Result<void> relaxed = (*database)->execute("PRAGMA synchronous=OFF"); !relaxed)
      return tl::unexpected<Error>(relaxed.error());
  }
  auto impl = std::make_unique<Impl>();
  impl->database = std::move(*database);
  impl->mode = mode;
  impl->start();
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
  return impl_->submit(std::move(commit), std::nullopt);
}

asio::awaitable<Result<void>> Store::prune(Retention retention) {
  return impl_->submit({}, retention);
}

asio::awaitable<Result<std::optional<VerdictRecord>>> Store::find_verdict(std::string path) {
  using Found = Result<std::optional<VerdictRecord>>;
  return impl_->submit<Found>({}, std::nullopt, [path = std::move(path)](Database& database, Result<void>) {
    return read_verdict(database, path);
  });
}

const std::string& Store::path() const {
  return impl_->database->path();
}

}  // namespace redflag::daemon
