// An exchange runs as a chain of coroutines. Its deadline and stop() do one thing: close the connection it is
// using, upon which whatever it waits for ends with an error, and the mark they left says which error it
// really is.
#include "daemon/net/http_client.h"

#include <algorithm>
#include <set>
#include <utility>

#include <boost/asio/steady_timer.hpp>
#include <openssl/x509_vfy.h>

#include "daemon/net/connection.h"
#include "daemon/net/connection_pool.h"
#include "daemon/net/http_errors.h"
#include "daemon/net/request_head.h"
#include "daemon/net/response_reader.h"
#include "daemon/net/tls.h"
#include "daemon/net/url.h"

namespace redflag::daemon {
namespace {

using boost::system::error_code;
using SharedConnection = std::shared_ptr<Connection>;

constexpr Duration kShortestTimeout = std::chrono::milliseconds{1};
constexpr Duration kLongestTimeout = std::chrono::hours{24};
// One address of several that swallows packets must not use up the whole exchange's time.
constexpr Duration kConnectShare = std::chrono::seconds{5};

std::string host_and_port(const std::string& host, std::uint16_t port) {
  Url url;
  url.host = host;
  url.port = port;
  url.ipv6 = host.find(':') != std::string::npos;
  return url.host_and_port();
}

enum class End { none, timed_out, stopped };

struct Exchange {
  Exchange(const asio::any_io_executor& executor, HttpRequest the_request)
      : request(std::move(the_request)), deadline(executor) {}

  HttpRequest request;
  Duration timeout{};
  Url url;
  std::optional<Proxy> proxy;
  std::string head;
  std::string key;  // connections with the same key are interchangeable
  asio::steady_timer deadline;
  SharedConnection connection;
  Stage stage = Stage::resolve;
  End end = End::none;

  const std::string& label() const { return request.label; }
  /// Whom it is waiting for.
  std::string peer() const {
    switch (stage) {
      case Stage::resolve:
        return connect_host();
      case Stage::connect:
        return host_and_port(connect_host(), connect_port());
      default:
        return url.host_and_port();
    }
  }
  const std::string& connect_host() const { return proxy ? proxy->host : url.host; }
  std::uint16_t connect_port() const { return proxy ? proxy->port : url.port; }
  bool tunnel() const { return proxy && url.tls; }
  Duration remaining() const {
    const auto left = deadline.expiry() - asio::steady_timer::clock_type::now();
    return std::max(std::chrono::duration_cast<Duration>(left), kShortestTimeout);
  }
  void finish(End why) {
    if (end == End::none) {
      end = why;
      if (connection) {
        connection->close();
      }
    }
  }
};

std::string connection_key(const Exchange& exchange) {
  if (!exchange.proxy) {
    return (exchange.url.tls ? "s " : "p ") + exchange.url.host_and_port();
  }
  const std::string proxy = host_and_port(exchange.proxy->host, exchange.proxy->port);
  return exchange.tunnel() ? "t " + proxy + ' ' + exchange.url.host_and_port() : "x " + proxy;
}

}  // namespace

struct HttpClient::State {
  State(asio::any_io_executor the_executor, HttpClientSettings the_settings)
      : executor(std::move(the_executor)),
        settings(std::move(the_settings)),
        resolver(executor, settings.resolver),
        tls(settings.ca_file),
        pool(std::make_shared<ConnectionPool>(executor, settings.idle_timeout, settings.most_idle)) {}

  asio::any_io_executor executor;
  HttpClientSettings settings;
  Resolver resolver;
  TlsContext tls;
  std::shared_ptr<ConnectionPool> pool;
  std::set<Exchange*> exchanges;
  bool stopped = false;

  /// Lists an exchange while it runs and arms its deadline.
  class Running {
   public:
    Running(State& state, const std::shared_ptr<Exchange>& exchange) : state_(state), exchange_(exchange) {
      state_.exchanges.insert(exchange.get());
      exchange->deadline.expires_after(exchange->timeout);
      exchange->deadline.async_wait([weak = std::weak_ptr(exchange)](error_code cancelled) {
        const auto late = weak.lock();
        if (late && !cancelled) {
          late->finish(End::timed_out);
        }
      });
    }
    ~Running() {
      state_.exchanges.erase(exchange_.get());
      exchange_->connection.reset();
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

   private:
    State& state_;
    const std::shared_ptr<Exchange>& exchange_;
  };

  Result<void> prepare(Exchange& exchange) const {
    Result<Url> url = parse_url(exchange.request.url, exchange.label());
    if (!url) {
      return tl::unexpected(std::move(url.error()));
    }
    exchange.url = *std::move(url);
    if (settings.proxy_for) {
      exchange.proxy = settings.proxy_for(exchange.url);
    }
    Result<std::string> head =
        request_head(exchange.request, exchange.url, exchange.proxy, settings.user_agent);
    if (!head) {
      return tl::unexpected(std::move(head.error()));
    }
    exchange.head = *std::move(head);
    exchange.key = connection_key(exchange);
    return {};
  }

  asio::awaitable<Result<void>> connect(Exchange& exchange) {
    exchange.stage = Stage::resolve;
    const auto addresses =
        co_await resolver.resolve(exchange.connect_host(), exchange.remaining(), exchange.label());
    if (!addresses) {
      co_return tl::unexpected(addresses.error());
    }
    exchange.stage = Stage::connect;
    error_code error;
    std::size_t left = addresses->size();
    for (const asio::ip::address& address : *addresses) {
      if (exchange.end != End::none) {
        break;
      }
      Duration limit = kLongestTimeout;  // the exchange's deadline comes first
      if (left > 1) {
        limit = std::min(kConnectShare, exchange.remaining() / static_cast<Duration::rep>(left));
      }
      --left;
      exchange.connection = std::make_shared<Connection>(executor);
      const asio::ip::tcp::endpoint endpoint(address, exchange.connect_port());
      error = co_await exchange.connection->connect(endpoint, limit);
      if (!error) {
        co_return Result<void>{};
      }
      if (error == asio::error::operation_aborted) {
        break;
      }
    }
    co_return tl::unexpected(aborted_or(
        exchange, error,
        connect_error(exchange.label(), host_and_port(exchange.connect_host(), exchange.connect_port()),
                      exchange.proxy.has_value(), error)));
  }

  asio::awaitable<Result<void>> open_tunnel(Exchange& exchange) {
    exchange.stage = Stage::proxy;
    const std::string head = connect_head(exchange.url, *exchange.proxy, settings.user_agent);
    ReadLimits limits;
    limits.header_bytes = settings.header_bytes;
    limits.no_body = true;
    co_await exchange.connection->write(head, {});
    const ReadOutcome outcome = co_await read_response(*exchange.connection, limits);
    const std::string proxy = host_and_port(exchange.proxy->host, exchange.proxy->port);
    if (outcome.problem != ReadProblem::none) {
      co_return tl::unexpected(aborted_or(
          exchange, outcome.error, read_error(exchange.label(), "the proxy " + proxy, outcome, limits)));
    }
    if (outcome.response.status < 200 || outcome.response.status > 299) {
      co_return tl::unexpected(proxy_error(exchange.label(), proxy, outcome.response.status));
    }
    co_return Result<void>{};
  }

  asio::awaitable<Result<void>> start_tls(Exchange& exchange) {
    exchange.stage = Stage::tls;
    const Result<asio::ssl::context*> context = tls.get(exchange.label());
    if (!context) {
      co_return tl::unexpected(context.error());
    }
    const error_code error = co_await exchange.connection->start_tls(**context, exchange.url.host);
    if (!error) {
      co_return Result<void>{};
    }
    const long verdict = exchange.connection->verify_result();
    if (verdict != X509_V_OK && exchange.end == End::none) {
      co_return tl::unexpected(certificate_refused(exchange.label(), exchange.url.host, verdict));
    }
    co_return tl::unexpected(
        aborted_or(exchange, error, tls_error(exchange.label(), exchange.peer(), error)));
  }

  asio::awaitable<Result<void>> open(Exchange& exchange) {
    Result<void> opened = co_await connect(exchange);
    if (opened && exchange.tunnel()) {
      opened = co_await open_tunnel(exchange);
    }
    if (opened && exchange.url.tls) {
      opened = co_await start_tls(exchange);
    }
    co_return opened;
  }

  asio::awaitable<ReadOutcome> converse(Exchange& exchange, const ReadLimits& limits) {
    exchange.stage = Stage::exchange;
    // A server may answer before it has read everything, and close: the answer counts, not the failed write.
    const error_code error = co_await exchange.connection->write(exchange.head, exchange.request.body);
    ReadOutcome outcome;
    if (error == asio::error::operation_aborted) {
      outcome.problem = ReadProblem::closed;
      outcome.error = error;
      co_return outcome;
    }
    outcome = co_await read_response(*exchange.connection, limits);
    outcome.reusable = outcome.reusable && !error;
    co_return outcome;
  }

  asio::awaitable<Result<HttpResponse>> run(Exchange& exchange) {
    ReadLimits limits;
    limits.header_bytes = settings.header_bytes;
    limits.body_bytes = exchange.request.max_response_bytes;
    limits.no_body = exchange.request.method == "HEAD";
    ReadOutcome outcome;
    bool answered = false;
    exchange.connection = pool->take(exchange.key);
    if (exchange.connection) {
      outcome = co_await converse(exchange, limits);
      const bool was_dead = outcome.problem == ReadProblem::closed && exchange.end == End::none &&
                            outcome.error != asio::error::operation_aborted;
      answered = !was_dead;
    }
    if (!answered) {
      const Result<void> opened = co_await open(exchange);
      if (!opened) {
        co_return tl::unexpected(opened.error());
      }
      outcome = co_await converse(exchange, limits);
    }
    if (outcome.problem != ReadProblem::none) {
      co_return tl::unexpected(aborted_or(exchange, outcome.error,
                                          read_error(exchange.label(), exchange.peer(), outcome, limits)));
    }
    if (outcome.reusable && !stopped && !exchange.connection->closed()) {
      pool->give(exchange.key, std::move(exchange.connection));
    }
    co_return std::move(outcome.response);
  }

  /// The real reason, when an operation failed because somebody closed its connection.
  static Error aborted_or(const Exchange& exchange, error_code error, Error otherwise) {
    if (exchange.end == End::timed_out) {
      return timeout_error(exchange.label(), exchange.stage, exchange.peer(), exchange.timeout);
    }
    if (exchange.end == End::stopped || error == asio::error::operation_aborted) {
      return stopped_error(exchange.label());
    }
    return otherwise;
  }

  // Static, and the state by value: the coroutine may outlive the HttpClient.
  static asio::awaitable<Result<HttpResponse>> send(std::shared_ptr<State> state, HttpRequest request) {
    if (request.label.empty()) {
      request.label = "HTTP request";
    }
    const auto exchange = std::make_shared<Exchange>(state->executor, std::move(request));
    exchange->timeout = std::clamp(exchange->request.timeout, kShortestTimeout, kLongestTimeout);
    if (state->stopped) {
      co_return tl::unexpected(stopped_error(exchange->label()));
    }
    try {
      if (const Result<void> prepared = state->prepare(*exchange); !prepared) {
        co_return tl::unexpected(prepared.error());
      }
      const Running running(*state, exchange);
      Result<HttpResponse> result = co_await state->run(*exchange);
      co_return result;
    } catch (const boost::system::system_error& error) {
      // The coroutine was cancelled between two operations.
      if (error.code() == asio::error::operation_aborted) {
        co_return tl::unexpected(aborted_or(*exchange, error.code(), stopped_error(exchange->label())));
      }
      co_return fail(ErrorCode::unavailable, exchange->label(), error.code().message(), {}, true);
    } catch (const std::bad_alloc&) {
      co_return fail(ErrorCode::unavailable, exchange->label(), "out of memory",
                     "give the daemon more memory, or lower the size of what it asks for", true);
    }
  }
};

HttpClient::HttpClient(asio::any_io_executor executor, HttpClientSettings settings)
    : state_(std::make_shared<State>(std::move(executor), std::move(settings))) {}

HttpClient::~HttpClient() {
  stop();
}

asio::awaitable<Result<HttpResponse>> HttpClient::send(HttpRequest request) {
  return State::send(state_, std::move(request));
}

void HttpClient::stop() {
  state_->stopped = true;
  for (Exchange* exchange : state_->exchanges) {
    exchange->finish(End::stopped);
  }
  state_->resolver.stop();
  state_->pool->close_all();
}

std::size_t HttpClient::idle_connections() const {
  return state_->pool->size();
}

}  // namespace redflag::daemon
