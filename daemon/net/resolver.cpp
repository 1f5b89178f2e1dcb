// The loop's side (State) holds who waits for what; a lookup's thread holds the letter box, a weak pointer
// and copies.
#include "daemon/net/resolver.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <map>
#include <optional>
#include <thread>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>
#include <netdb.h>
#ifdef REDFLAG_STATIC
#include <nss.h>
#endif
#include <sys/socket.h>

#include "daemon/base/letter_box.h"

namespace redflag::daemon {
namespace {

using Addresses = std::vector<asio::ip::address>;

constexpr std::size_t kMostRemembered = 64;
constexpr int kNoThread = -10'000;  // no EAI_ code: the system would not start a thread

/// Somebody who waits. The timer is both the timeout and the bell.
struct Waiter {
  explicit Waiter(const asio::any_io_executor& executor) : timer(executor) {}
  asio::steady_timer timer;
  std::optional<LookupAnswer> answer;
  bool stopped = false;
};

tl::unexpected<Error> no_answer(std::string doing, const std::string& host, int error) {
  if (error == kNoThread) {
    return fail(ErrorCode::unavailable, std::move(doing), "no thread could be started to ask DNS",
                "raise the limit on tasks (systemd: TasksMax) or free memory", true);
  }
  const std::string advice = "check the network, /etc/resolv.conf and the host's name";
  if (error == EAI_AGAIN) {
    return fail(ErrorCode::unavailable, std::move(doing),
                fmt::format("DNS gives no answer about {} at the moment", host), advice, true);
  }
  return fail(ErrorCode::unavailable, std::move(doing), fmt::format("DNS has no address for {}", host),
              advice, true);
}

}  // namespace

LookupAnswer system_lookup(const std::string& host) {
#ifdef REDFLAG_STATIC
  // /etc/nsswitch.conf may name modules (mdns4_minimal, resolve): shared objects of the machine's own glibc,
  // which a static program of another version must not load. /etc/hosts and DNS are built in.
  static const int configured = __nss_configure_lookup("hosts", "files dns");
  (void)configured;
#endif
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  LookupAnswer answer;
  answer.error = getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (answer.error != 0) {
    return answer;
  }
  for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
    if (each->ai_family == AF_INET && each->ai_addrlen >= sizeof(sockaddr_in)) {
      sockaddr_in address{};
      std::memcpy(&address, each->ai_addr, sizeof address);
      answer.addresses.emplace_back(asio::ip::address_v4(ntohl(address.sin_addr.s_addr)));
    } else if (each->ai_family == AF_INET6 && each->ai_addrlen >= sizeof(sockaddr_in6)) {
      sockaddr_in6 address{};
      std::memcpy(&address, each->ai_addr, sizeof address);
      asio::ip::address_v6::bytes_type bytes;
      std::memcpy(bytes.data(), &address.sin6_addr, bytes.size());
      answer.addresses.emplace_back(asio::ip::address_v6(bytes, address.sin6_scope_id));
    }
  }
  freeaddrinfo(list);
  return answer;
}

struct Resolver::State : std::enable_shared_from_this<State> {
  struct Remembered {
    Addresses addresses;
    std::chrono::steady_clock::time_point until;
  };
  struct Job {
    bool running = false;
    std::vector<std::weak_ptr<Waiter>> waiters;
  };

  asio::any_io_executor executor;
  ResolverSettings settings;
  std::shared_ptr<LetterBox> box = std::make_shared<LetterBox>();
  std::map<std::string, Remembered> cache;
  std::map<std::string, Job> jobs;
  std::deque<std::string> queue;  // jobs that wait for a thread
  int running = 0;
  bool stopped = false;

  void start(const std::string& host) {
    jobs[host].running = true;
    ++running;
    auto work = [letter_box = box, weak = weak_from_this(), lookup = settings.lookup, host] {
      LookupAnswer answer;
      try {
        answer = lookup(host);
      } catch (...) {  // out of memory, or an injected function's own error: there is no answer either way
        answer = LookupAnswer{EAI_MEMORY, {}};
      }
      letter_box->deliver([weak, host, answer = std::move(answer)] {
        if (const auto state = weak.lock()) {
          state->finish(host, answer);
        }
      });
    };
    try {
      const SignalsBlocked blocked;
      std::thread(std::move(work)).detach();
    } catch (const std::system_error&) {
      asio::post(executor, [weak = weak_from_this(), host] {
        if (const auto state = weak.lock()) {
          state->finish(host, LookupAnswer{kNoThread, {}});
        }
      });
    }
  }

  void start_queued() {
    while (running < std::max(settings.threads, 1) && !queue.empty()) {
      const std::string host = std::move(queue.front());
      queue.pop_front();
      const std::vector<std::weak_ptr<Waiter>>& waiters = jobs[host].waiters;
      if (std::all_of(waiters.begin(), waiters.end(), [](const auto& waiter) { return waiter.expired(); })) {
        jobs.erase(host);  // all of them gave up while it was queued
      } else {
        start(host);
      }
    }
  }

  void finish(const std::string& host, const LookupAnswer& answer) {
    if (stopped) {
      return;
    }
    --running;
    if (answer.error == 0 && !answer.addresses.empty()) {
      remember(host, answer.addresses);
    }
    const Job job = std::move(jobs[host]);
    jobs.erase(host);
    for (const std::weak_ptr<Waiter>& each : job.waiters) {
      if (const auto waiter = each.lock()) {
        waiter->answer = answer;
        waiter->timer.cancel();
      }
    }
    start_queued();
  }

  void remember(const std::string& host, const Addresses& addresses) {
    const auto now = settings.now();
    std::erase_if(cache, [now](const auto& entry) { return entry.second.until <= now; });
    if (cache.size() >= kMostRemembered) {
      cache.erase(cache.begin());
    }
    cache[host] = Remembered{addresses, now + settings.remember};
  }

  void ask(const std::string& host, const std::shared_ptr<Waiter>& waiter) {
    const bool known = jobs.contains(host);
    Job& job = jobs[host];
    std::erase_if(job.waiters, [](const auto& each) { return each.expired(); });
    job.waiters.push_back(waiter);
    if (!known) {
      queue.push_back(host);
      start_queued();
    }
  }

  // Static, and the state by value: the coroutine may outlive the Resolver.
  static asio::awaitable<Result<Addresses>> resolve(std::shared_ptr<State> state, std::string host,
                                                    Duration timeout, std::string doing) {
    boost::system::error_code error;
    const asio::ip::address literal = asio::ip::make_address(host, error);
    if (!error) {
      co_return Addresses{literal};
    }
    if (state->stopped) {
      co_return fail(ErrorCode::cancelled, std::move(doing), "redflag is stopping");
    }
    const auto cached = state->cache.find(host);
    if (cached != state->cache.end() && cached->second.until > state->settings.now()) {
      co_return cached->second.addresses;
    }
    const auto waiter = std::make_shared<Waiter>(state->executor);
    waiter->timer.expires_after(timeout);
    state->ask(host, waiter);
    if (!waiter->answer) {
      co_await waiter->timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
    }
    if (waiter->answer) {
      if (waiter->answer->error != 0 || waiter->answer->addresses.empty()) {
        co_return no_answer(std::move(doing), host, waiter->answer->error);
      }
      co_return std::move(waiter->answer->addresses);
    }
    if (waiter->stopped || error) {
      co_return fail(ErrorCode::cancelled, std::move(doing), "redflag is stopping");
    }
    co_return fail(ErrorCode::timed_out, std::move(doing),
                   fmt::format("DNS did not answer about {} in {}", host, human_duration(timeout)),
                   "check the network and /etc/resolv.conf", true);
  }
};

Resolver::Resolver(asio::any_io_executor executor, ResolverSettings settings)
    : state_(std::make_shared<State>()) {
  state_->box->executor = executor;
  state_->executor = std::move(executor);
  state_->settings = std::move(settings);
}

Resolver::~Resolver() {
  stop();
}

asio::awaitable<Result<Addresses>> Resolver::resolve(std::string host, Duration timeout, std::string doing) {
  return State::resolve(state_, std::move(host), timeout, std::move(doing));
}

void Resolver::stop() {
  if (std::exchange(state_->stopped, true)) {
    return;
  }
  state_->box->close();
  for (auto& [host, job] : state_->jobs) {
    for (const std::weak_ptr<Waiter>& each : job.waiters) {
      if (const auto waiter = each.lock()) {
        waiter->stopped = true;
        waiter->timer.cancel();
      }
    }
  }
  state_->jobs.clear();
  state_->queue.clear();
}

}  // namespace redflag::daemon
