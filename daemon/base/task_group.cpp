#include "daemon/base/task_group.h"

#include <algorithm>
#include <exception>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include "daemon/base/log.h"

namespace redflag::daemon {

using namespace std::chrono_literals;

TaskGroup::TaskGroup(asio::any_io_executor executor, Clock& clock) : executor_(executor), clock_(clock) {}

void TaskGroup::start(std::string name, std::function<asio::awaitable<void>()> make) {
  tasks_.emplace_back(std::move(name), std::move(make));
  const auto place = std::prev(tasks_.end());
  asio::co_spawn(executor_, supervise(*place),
                 asio::bind_cancellation_slot(place->cancel.slot(), [this, place](const std::exception_ptr&) {
                   tasks_.erase(place);
                 }));
}

asio::awaitable<void> TaskGroup::supervise(Task& task) {
  Duration pause = 1s;
  while (!stopping_) {
    std::string failure;
    try {
      co_await task.make();
      co_return;
    } catch (const boost::system::system_error& error) {
      if (error.code() == asio::error::operation_aborted && stopping_) co_return;
      failure = error.what();
    } catch (const std::exception& error) {
      failure = error.what();
    }
    log_error(task.name, "stopped unexpectedly: {}; starting it again in {}", failure, human_duration(pause));
    co_await clock_.sleep(pause);
    pause = std::min<Duration>(pause * 2, 1min);
  }
}

asio::awaitable<bool> TaskGroup::stop(Duration patience) {
  stopping_ = true;
  // Cancelling can end a task at once and take it off the list: walk a copy.
  std::vector<Task*> all;
  for (Task& task : tasks_) all.push_back(&task);
  for (Task* task : all) {
    const bool there = std::any_of(tasks_.begin(), tasks_.end(), [&](const Task& t) { return &t == task; });
    if (there) task->cancel.emit(asio::cancellation_type::terminal);
  }
  const Duration deadline = clock_.monotonic() + patience;
  while (!tasks_.empty() && clock_.monotonic() < deadline) {
    // Short turns instead of a wait on two things at once: this runs once, at the end.
    co_await clock_.sleep(10ms);
  }
  for (const Task& task : tasks_) log_warning(task.name, "did not stop in time; leaving it");
  co_return tasks_.empty();
}

}  // namespace redflag::daemon
