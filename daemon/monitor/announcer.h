// Between the pipeline and the store: gives what is to be announced its forms, and lets it go once it is
// kept.
//
// A thousand alerts at once are a thousand forms: those are made a few at a time, so that the loop serves
// everything else meanwhile. What happened afterwards waits behind it, so that commits are written in the
// order in which the pipeline made them, each whole: records and forms in one transaction.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "daemon/base/event.h"
#include "daemon/monitor/committer.h"
#include "daemon/monitor/courier.h"
#include "daemon/monitor/pipeline.h"

namespace redflag::daemon {

/// One thread. What was handed over is seen through even when whoever waits for it is cancelled.
class Announcer {
 public:
  Announcer(asio::any_io_executor executor, Committer& committer, Courier& courier);

  /// Resumes once all of it is durable and its messages may be sent; also when the disk has refused for so
  /// long that the committer lets go (see Committer::submit): its messages then say that they are not kept.
  asio::awaitable<void> submit(Effects effects);
  /// The same without waiting.
  void post(Effects effects);

  /// Both run until cancelled.
  asio::awaitable<void> render();
  asio::awaitable<void> release();

  /// All that was handed over has been let go.
  bool idle() const { return released_ == issued_; }

 private:
  struct Entry {
    Effects effects;
    bool planned = false;
    std::vector<Courier::Form> forms;
    std::size_t rendered = 0;  // of the forms
  };
  struct Kept {
    std::uint64_t ticket = 0;  // of the committer
    std::vector<alerts::OutboxMessage> messages;
  };
  /// Renders at most a slice; true when all is rendered.
  bool advance(Entry& entry);
  void hand_over(Effects&& effects);

  asio::any_io_executor executor_;
  Committer& committer_;
  Courier& courier_;
  Event work_;
  Event done_;
  std::deque<Entry> waiting_;
  Event kept_work_;
  std::deque<Kept> kept_;
  std::uint64_t issued_ = 0;
  std::uint64_t released_ = 0;
};

}  // namespace redflag::daemon
