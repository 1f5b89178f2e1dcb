// Views over an Overview that a test writes.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "daemon/overview/views.h"

namespace redflag::test {

using namespace redflag::daemon;

class FakeViews : public Views {
 public:
  Overview now;
  std::uint64_t number = 1;
  int looks = 0;  ///< how often the overview was asked for

  void add_run(const std::string& key, std::int64_t step) {
    RunView run;
    run.info.key = key;
    run.info.name = key.substr(key.rfind('/') + 1);
    run.info.state = RunState::running;
    run.step = step;
    now.runs.push_back(run);
    ++now.runs_total;
  }

  asio::awaitable<Overview> overview(std::size_t most_runs) override {
    ++looks;
    Overview cut = now;
    cut.runs.resize(std::min(cut.runs.size(), most_runs));
    co_return cut;
  }
  asio::awaitable<Result<RunView>> run(std::string key) override {
    for (const RunView& each : now.runs) {
      if (each.info.key == key) co_return each;
    }
    co_return fail(ErrorCode::not_found, "looking for the run", "there is no run \"" + key + '"');
  }
  asio::awaitable<Result<std::vector<Curve>>> curves(std::string, CurveRequest) override {
    co_return std::vector<Curve>();
  }
  asio::awaitable<Result<daemon::Evidence>> evidence() override { co_return daemon::Evidence{}; }
  std::uint64_t revision() const override { return number; }
};

}  // namespace redflag::test
