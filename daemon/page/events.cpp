#include "daemon/page/events.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "alerts/text/escape.h"

namespace redflag::daemon::page {
namespace {

/// ASCII, whatever a run is called: no line break can end the event early.
std::string json_text(const std::string& text) {
  return nlohmann::json(alerts::escape_utf8(text)).dump(-1, ' ', true);
}

}  // namespace

/// One open page. Bounded: what it does not take makes it end.
class Events::Client : public ResponseStream {
 public:
  Client(asio::any_io_executor executor, std::size_t most) : news_(std::move(executor)), most_(most) {}

  void add(std::shared_ptr<const std::string> text) {
    if (waiting_.size() >= most_) return close();
    waiting_.push_back(std::move(text));
    news_.set();
  }

  asio::awaitable<std::string> next() override {
    for (;;) {
      const std::uint64_t seen = news_.count();
      if (closed_) co_return std::string();
      if (!waiting_.empty()) break;
      co_await news_.wait_past(seen);
    }
    std::string all;
    for (const auto& text : waiting_) all += *text;
    waiting_.clear();
    co_return all;
  }

  void close() override {
    closed_ = true;
    waiting_.clear();
    news_.set();
  }

  bool closed() const { return closed_; }

 private:
  Event news_;
  std::size_t most_;
  std::deque<std::shared_ptr<const std::string>> waiting_;
  bool closed_ = false;
};

Events::Events(asio::any_io_executor executor, Clock& clock, Views& views, std::string boot,
               EventLimits limits)
    : executor_(std::move(executor)),
      clock_(clock),
      views_(views),
      boot_(std::move(boot)),
      limits_(limits),
      somebody_(executor_) {}

Events::~Events() {
  stop();
}

std::string Events::greeting(std::uint64_t number, bool reset) const {
  return fmt::format("retry: 2000\nid: {}-{}\nevent: overview\ndata: {{\"revision\":{},\"reset\":{}}}\n\n",
                     boot_, number, views_.revision(), reset);
}

std::shared_ptr<ResponseStream> Events::connect(std::string_view last_id) {
  std::erase_if(clients_, [](const std::weak_ptr<Client>& each) {
    const auto client = each.lock();
    return !client || client->closed();
  });
  if (clients_.size() >= limits_.clients) return nullptr;
  auto client = std::make_shared<Client>(executor_, limits_.waiting);
  std::uint64_t last = 0;
  const std::string prefix = boot_ + "-";
  const bool ours =
      last_id.starts_with(prefix) &&
      std::from_chars(last_id.data() + prefix.size(), last_id.data() + last_id.size(), last).ec ==
          std::errc{};
  const std::uint64_t oldest = told_.empty() ? number_ + 1 : told_.front().number;
  // While nobody listened nobody looked: what changed then is found by the next look, or not known any more.
  const bool known = ours && last <= number_ && last + 1 >= oldest && number_ - last < limits_.waiting;
  client->add(std::make_shared<const std::string>(greeting(known ? last : number_, !known)));
  if (known) {
    for (const Told& each : told_) {
      if (each.number > last) client->add(each.text);
    }
  }
  clients_.push_back(client);
  somebody_.set();
  return client;
}

void Events::tell(std::string_view event, const std::string& data) {
  ++number_;
  auto text = std::make_shared<const std::string>(
      fmt::format("id: {}-{}\nevent: {}\ndata: {}\n\n", boot_, number_, event, data));
  told_.push_back({number_, text});
  if (told_.size() > limits_.remembered) told_.pop_front();
  for (const auto& each : clients_) {
    if (const auto client = each.lock()) client->add(text);
  }
}

void Events::compare(const Overview& overview, std::uint64_t revision) {
  std::map<std::string, Seen> now;
  std::string runs;
  std::size_t changed = 0;
  for (const RunView& run : overview.runs) {
    Seen seen{run.step, run.last_row_at, run.attempt, run.info.state};
    const auto before = seen_.find(run.info.key);
    if (before == seen_.end() || before->second != seen) {
      if (changed++ < limits_.runs_named) runs += (runs.empty() ? "" : ",") + json_text(run.info.key);
    }
    now.emplace(run.info.key, std::move(seen));
  }
  std::string alerts;
  for (const AlertLine& alert : overview.alerts) {
    alerts += fmt::format("{} {} {} {} {}\n", alert.id, static_cast<int>(alert.severity), alert.state,
                          alert.acknowledged, alert.muted_by);
  }
  const bool alerts_changed = std::exchange(alerts_seen_, std::move(alerts)) != alerts_seen_;
  seen_ = std::move(now);
  if (!std::exchange(looked_, true)) return;  // the first look has nothing to compare with
  tell("overview", fmt::format("{{\"revision\":{},\"reset\":false}}", revision));
  if (changed > 0) {
    tell("rows", fmt::format("{{\"revision\":{},\"runs\":[{}],\"more\":{}}}", revision, runs,
                             changed > limits_.runs_named));
  }
  if (alerts_changed) {
    tell("alerts", fmt::format("{{\"revision\":{},\"critical\":{},\"warning\":{},\"info\":{}}}", revision,
                               overview.firing.critical, overview.firing.warning, overview.firing.info));
  }
}

asio::awaitable<void> Events::run() {
  const auto alive = std::make_shared<const std::string>(": alive\n\n");
  Duration quiet_since = clock_.monotonic();
  for (;;) {
    const std::uint64_t seen = somebody_.count();
    std::erase_if(clients_, [](const std::weak_ptr<Client>& each) {
      const auto client = each.lock();
      return !client || client->closed();
    });
    if (clients_.empty()) {
      co_await somebody_.wait_past(seen);
      continue;
    }
    const std::uint64_t revision = views_.revision();
    if (!looked_ || revision != revision_) {
      revision_ = revision;
      const Overview overview = co_await views_.overview(limits_.runs_looked_at);
      compare(overview, revision);
      quiet_since = clock_.monotonic();
    } else if (clock_.monotonic() - quiet_since >= limits_.keep_alive) {
      quiet_since = clock_.monotonic();
      for (const auto& each : clients_) {
        if (const auto client = each.lock()) client->add(alive);
      }
    }
    co_await clock_.sleep(limits_.spacing);
  }
}

void Events::stop() {
  const auto all = std::exchange(clients_, {});
  for (const auto& each : all) {
    if (const auto client = each.lock()) client->close();
  }
}

}  // namespace redflag::daemon::page
