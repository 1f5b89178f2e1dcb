// What a person may look at: the interface behind the local API's read-only part, as Operations is behind the
// rest. The daemon's service implements it; so does a command that looks once.
#pragma once

#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "daemon/overview/evidence.h"
#include "daemon/overview/overview.h"
#include "rules/values/error.h"

namespace redflag::daemon {

namespace asio = boost::asio;

/// How much of a curve is wanted.
struct CurveRequest {
  std::vector<std::string> metrics;           ///< canonical names; empty: all the run has
  std::size_t points = 500;                   ///< about so many of each
  std::int64_t from_step = -1, to_step = -1;  ///< -1: no bound
};

/// All on the loop's thread. Errors: not_found (no such run), storage.
class Views {
 public:
  virtual ~Views() = default;

  /// `most_runs` of the runs, in the order of Overview::runs; counts are of all.
  virtual asio::awaitable<Overview> overview(std::size_t most_runs) = 0;
  /// By key; also by id or name when only one run has it.
  virtual asio::awaitable<Result<RunView>> run(std::string key) = 0;
  virtual asio::awaitable<Result<std::vector<Curve>>> curves(std::string key, CurveRequest wanted) = 0;
  virtual asio::awaitable<Result<Evidence>> evidence() = 0;

  /// Grows whenever something that a person could see has changed: rows, states, alerts, files.
  virtual std::uint64_t revision() const = 0;
};

}  // namespace redflag::daemon
