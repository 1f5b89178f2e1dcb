// Views without a daemon behind them: the overview and evidence that they were given.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "daemon/overview/views.h"
#include "tests/api/fake_operations.h"
#include "tests/overview/sample_overview.h"

namespace redflag::test {

using namespace redflag::daemon;

class FakeViews : public Views {
 public:
  FakeViews() {
    shown.overview.now = kDocumentedNow;
    shown.overview.daemon.once = shown.overview.daemon.undurable = false;
    shown.overview.daemon.as_of = Time{};
  }

  daemon::Evidence shown = daemon::test::sample_evidence();
  std::vector<CurveRequest> asked;  ///< for curves

  asio::awaitable<Overview> overview(std::size_t most_runs) override {
    Overview some = shown.overview;
    if (some.runs.size() > most_runs) some.runs.resize(most_runs);
    co_return some;
  }
  asio::awaitable<Result<RunView>> run(std::string key) override {
    for (const RunView& run : shown.overview.runs) {
      if (run.info.key == key || run.info.name == key) co_return run;
    }
    co_return no_run(key);
  }
  asio::awaitable<Result<std::vector<Curve>>> curves(std::string key, CurveRequest wanted) override {
    asked.push_back(std::move(wanted));
    for (const RunEvidence& run : shown.runs) {
      if (run.key == key) co_return run.curves;
    }
    co_return no_run(key);
  }
  asio::awaitable<Result<daemon::Evidence>> evidence() override { co_return shown; }
  std::uint64_t revision() const override { return 1; }

 private:
  static tl::unexpected<Error> no_run(const std::string& key) {
    return fail(ErrorCode::not_found, "looking for run " + key, "there is no such run",
                "redflag status lists the runs");
  }
};

}  // namespace redflag::test
