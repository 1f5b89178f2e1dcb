// Beast parses; the body goes straight through decompression into the response, so that nothing is held
// twice.
#include "daemon/net/response_reader.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <type_traits>

#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/optional/optional.hpp>

#include "daemon/net/connection.h"
#include "daemon/net/inflate.h"

namespace redflag::daemon {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::size_t kReadStep = std::size_t{16} << 10;
constexpr std::size_t kChunkOverhead = std::size_t{16}
                                       << 10;  // a chunk's header or the trailer must fit into the buffer
constexpr int kMostInterim = 8;

/// Where a body goes.
struct Sink {
  std::size_t limit = 0;
  std::string body;
  std::unique_ptr<Inflater> inflater;
  ReadProblem problem = ReadProblem::none;

  error_code stop(ReadProblem why) {
    problem = why;
    return http::make_error_code(http::error::body_limit);
  }
};

/// A Beast body type (its Body concept) that fills a Sink.
struct SinkBody {
  using value_type = Sink;

  class reader {
   public:
    // Made before the header has arrived. A template because Beast tries its Body concept out on a type of
    // its own.
    template <bool isRequest, class Fields>
    reader(http::header<isRequest, Fields>& header, value_type& sink) : sink_(sink) {
      if constexpr (std::is_same_v<Fields, http::fields>) {
        fields_ = &header;
      }
    }

    void init(const boost::optional<std::uint64_t>& /*length*/, error_code& error) {
      error = {};
      const beast::string_view encoding = (*fields_)[http::field::content_encoding];
      if (encoding.empty() || beast::iequals(encoding, "identity")) {
        return;
      }
      if (beast::iequals(encoding, "gzip") || beast::iequals(encoding, "x-gzip") ||
          beast::iequals(encoding, "deflate")) {
        sink_.inflater = std::make_unique<Inflater>();
      } else {
        error = sink_.stop(ReadProblem::bad_encoding);
      }
    }

    template <class Buffers>
    std::size_t put(const Buffers& buffers, error_code& error) {
      error = {};
      std::size_t count = 0;
      for (const asio::const_buffer buffer : beast::buffers_range_ref(buffers)) {
        const std::string_view piece(static_cast<const char*>(buffer.data()), buffer.size());
        count += piece.size();
        error = take(piece);
        if (error) {
          break;
        }
      }
      return count;
    }

    void finish(error_code& error) {
      error = {};
      if (sink_.inflater && !sink_.inflater->at_end()) {
        error = sink_.stop(ReadProblem::bad_encoding);
      }
    }

   private:
    error_code take(std::string_view piece) {
      if (!sink_.inflater) {
        if (piece.size() > sink_.limit - sink_.body.size()) {
          return sink_.stop(ReadProblem::body_too_large);
        }
        sink_.body += piece;
        return {};
      }
      switch (sink_.inflater->feed(piece, sink_.body, sink_.limit)) {
        case Inflater::Outcome::too_large:
          return sink_.stop(ReadProblem::body_too_large);
        case Inflater::Outcome::corrupt:
          return sink_.stop(ReadProblem::bad_encoding);
        case Inflater::Outcome::ok:
          break;
      }
      return {};
    }

    Sink& sink_;
    const http::fields* fields_ = nullptr;
  };
};

using Parser = http::response_parser<SinkBody>;

void prepare(std::optional<Parser>& parser, const ReadLimits& limits) {
  parser.emplace();
  parser->eager(true);
  parser->skip(limits.no_body);
  parser->header_limit(static_cast<std::uint32_t>(limits.header_bytes));
  parser->body_limit(boost::none);  // the sink counts, after decompression
  parser->get().body().limit = limits.body_bytes;
}

ReadProblem problem_of(const error_code& error, const Sink& sink) {
  if (sink.problem != ReadProblem::none) {
    return sink.problem;
  }
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return ReadProblem::header_too_large;
  }
  if (error == http::error::partial_message || error == http::error::end_of_stream) {
    return ReadProblem::cut;
  }
  return ReadProblem::not_http;
}

/// Beast sets the body up at its first byte only; a length that is too much need not be waited for.
bool announces_too_much(const Parser& parser, const ReadLimits& limits) {
  const auto length = parser.content_length();
  const bool plain = parser.get()[http::field::content_encoding].empty();
  return length && *length > limits.body_bytes && plain && !limits.no_body;
}

void hand_over(Parser& parser, HttpResponse& response) {
  auto& message = parser.get();
  response.status = static_cast<int>(message.result_int());
  for (const auto& field : message) {
    response.headers.push_back(HttpHeader{std::string(field.name_string()), std::string(field.value())});
  }
  response.body = std::move(message.body().body);
  // A string that grew by doubling may hold as much again as it needs; the caller may keep it.
  if (response.body.capacity() - response.body.size() > (std::size_t{64} << 10)) {
    response.body.shrink_to_fit();
  }
}

}  // namespace

asio::awaitable<ReadOutcome> read_response(Connection& connection, ReadLimits limits) {
  ReadOutcome outcome;
  beast::flat_buffer buffer(limits.header_bytes + kChunkOverhead);
  std::optional<Parser> parser;
  prepare(parser, limits);
  bool anything = false;
  int interim = 0;
  for (;;) {
    error_code error;
    bool starved = buffer.size() == 0;
    if (!starved) {
      const std::size_t used = parser->put(buffer.data(), error);
      buffer.consume(used);
      starved = error == http::error::need_more || (!error && !parser->is_done() && used == 0);
      if (error && error != http::error::need_more) {
        outcome.problem = problem_of(error, parser->get().body());
        co_return outcome;
      }
    }
    if (parser->is_header_done() && !parser->is_done() && announces_too_much(*parser, limits)) {
      outcome.problem = ReadProblem::body_too_large;
      co_return outcome;
    }
    if (parser->is_done()) {
      const unsigned status = parser->get().result_int();
      if (status >= 200 || status == 101) {
        break;
      }
      if (++interim > kMostInterim) {
        outcome.problem = ReadProblem::not_http;
        co_return outcome;
      }
      prepare(parser, limits);
      continue;
    }
    if (!starved) {
      continue;
    }
    const std::size_t room = std::min(kReadStep, buffer.max_size() - buffer.size());
    if (room == 0) {
      outcome.problem = parser->is_header_done() ? ReadProblem::not_http : ReadProblem::header_too_large;
      co_return outcome;
    }
    error = {};
    const asio::mutable_buffer space = buffer.prepare(room);
    const std::size_t count = co_await connection.read_some(space, error);
    buffer.commit(count);
    anything = anything || count > 0;
    if (!error) {
      continue;
    }
    outcome.error = error;
    if (!anything) {
      outcome.problem = ReadProblem::closed;
      co_return outcome;
    }
    // Only a clean end may end a body that has no length of its own (TLS says cleanly, or the body may have
    // been cut).
    outcome.problem = ReadProblem::cut;
    if (error == asio::error::eof && parser->got_some()) {
      error_code at_end;
      parser->put_eof(at_end);
      if (!at_end && parser->is_done()) {
        outcome.problem = ReadProblem::none;
        break;
      }
      outcome.problem = problem_of(at_end, parser->get().body());
    }
    if (outcome.problem != ReadProblem::none) {
      co_return outcome;
    }
  }
  outcome.reusable = !outcome.error && parser->keep_alive() && buffer.size() == 0;
  hand_over(*parser, outcome.response);
  co_return outcome;
}

}  // namespace redflag::daemon
