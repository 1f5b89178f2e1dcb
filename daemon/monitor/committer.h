// The one way into the store: keeps commits in order, merges those that wait together into one transaction,
// and tries again when the disk refuses, so that nothing that was accepted is ever dropped.
//
// When the disk goes on refusing, whoever waits is let go with the word that what he handed over is not
// durable: the law's one exception, for an alert that waits for a full disk helps nobody. What was handed
// over stays here, in order, and is written when the disk takes it again. Sources then have to wait for room;
// alerts never do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "daemon/base/clock.h"
#include "daemon/base/event.h"
#include "daemon/store/store.h"
#include "rules/values/transition.h"

namespace redflag::daemon {

struct CommitterOptions {
  Duration patience = std::chrono::seconds{5};          ///< with a disk that refuses
  Duration silent_patience = std::chrono::seconds{30};  ///< with one that does not answer at all
  std::size_t most_bytes = 64ULL << 20U;                ///< of what waits; sources are held up beyond it
};

class Committer {
 public:
  /// What redflag has to say of itself: severity, headline, text.
  using Tell = std::function<void(Severity, std::string, std::string)>;
  /// All that has to be in a database that begins anew.
  using Everything = std::function<Commit()>;

  Committer(asio::any_io_executor executor, Clock& clock, Store& store, CommitterOptions options = {});
  /// Before run(); both may be left out.
  void on_news(Tell tell) { tell_ = std::move(tell); }
  void on_damage(Everything everything) { everything_ = std::move(everything); }

  /// Resumes with true once the commit is durable; with false when the disk has refused for too long: it is
  /// then kept in memory and written later.
  asio::awaitable<bool> submit(Commit commit);
  /// The same in two steps: hands over, and gives its ticket; then `settled` answers as `submit` does.
  /// `messages`: how many messages that commit brings.
  /// `may_linger`: what comes within two seconds may share its transaction; what may not, or hurry(), takes
  /// it along.
  std::uint64_t post(Commit commit, bool may_linger = false);
  void hurry();
  asio::awaitable<bool> settled(std::uint64_t ticket, std::size_t messages);
  /// Resumes once less waits than `most_bytes`: for whoever could bring more.
  asio::awaitable<void> room();

  /// Both run until cancelled.
  asio::awaitable<void> run();
  asio::awaitable<void> watch();

  /// Everything submitted so far is durable.
  bool idle() const { return committed_ == issued_; }
  /// Since when the store refuses; Time{} while it does not.
  Time failing_since() const { return failing_since_; }
  /// Nobody waits for the disk at present, and what is said meanwhile carries this; empty: all is durable.
  const std::string& undurable_words() const { return undurable_words_; }
  bool undurable() const { return !undurable_words_.empty(); }
  std::size_t waiting_bytes() const { return waiting_bytes_; }
  /// How many became durable since this one was made.
  std::uint64_t committed() const { return committed_; }

 private:
  struct Chunk {
    Commit commit;
    std::uint64_t ticket = 0;  ///< of the last that is in it
    std::size_t bytes = 0;
  };

  asio::awaitable<void> write(std::shared_ptr<const Commit> commit);
  asio::awaitable<void> begin_anew();
  asio::awaitable<void> mind_the_reserve();
  void release();
  void caught_up();
  void tell(Severity severity, std::string title, std::string text);

  Clock& clock_;
  Store& store_;
  CommitterOptions options_;
  Tell tell_;
  Everything everything_;
  Event work_;
  Event done_;
  std::deque<Chunk> queue_;
  std::size_t waiting_bytes_ = 0;
  std::uint64_t issued_ = 0;
  std::uint64_t hurried_ = 0;  // up to this ticket nothing lingers
  Duration linger_until_{0};
  std::uint64_t committed_ = 0;
  Time failing_since_;
  Duration writing_since_{-1};  // monotonic, as those below; negative: not
  Duration refused_since_{-1};
  std::string undurable_words_;
  Time undurable_since_;
  std::size_t undurable_messages_ = 0;
  int anew_left_ = 3;
  bool damage_told_ = false;
  bool had_reserve_;
  Duration reserve_tried_{0};
  Duration reserve_told_{-1};
};

}  // namespace redflag::daemon
