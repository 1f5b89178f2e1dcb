// Fills a state directory with runs as a long-lived daemon would have them: many, with many metrics, some
// live, some failed, some with names that nobody in their right mind would give. For the page's campaign.
// Usage: page_store DIRECTORY RUNS METRICS ROWS; the first run has 5,000 rows.
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>

#include "daemon/base/system_clock.h"
#include "daemon/store/store.h"
#include "tests/support/loop.h"

using namespace redflag;
using namespace redflag::daemon;
using namespace std::chrono_literals;

namespace {

constexpr const char* kHostile[] = {"<script>document.title='owned'</script>",
                                    "<img src=x onerror=alert(1)>",
                                    "\xE2\x80\xAEgnp.exe",
                                    "a\x1b[31mred\x07\nsecond line",
                                    "\xff\xfe no text",
                                    "'\"><svg/onload=alert(1)>",
                                    "zero\xE2\x80\x8Bwidth",
                                    "*_~ <b>&amp;"};
constexpr const char* kTasks[] = {"mrpc", "sst2", "rte", "squad_v2"};

RunInfo run_of(int i, Time now) {
  RunInfo run;
  run.id = fmt::format("r{:05}", i);
  run.key = "api.wandb.ai/demo/many/" + run.id;
  run.project = "demo/many";
  run.task = kTasks[i % 4];
  run.method = i % 3 == 0 ? "lora" : "full_finetune";
  run.seed = i;
  run.name = fmt::format("{}_{}_seed{}", i % 3 == 0 ? "lora" : "full_ft", run.task, i);
  if (i >= 20 && i < 20 + static_cast<int>(std::size(kHostile))) run.name = kHostile[i - 20];
  run.state = i < 20 ? RunState::running : i % 50 == 0 ? RunState::failed : RunState::finished;
  run.tags = {"full_finetune"};
  run.created_at = now - 24h - i * 60s;
  run.heartbeat_at = i < 20 ? now : now - 23h - i * 60s;
  run.config = {{"max_steps", 5000}};
  return run;
}

Observation row_of(const RunInfo& run, int at, int rows, int metrics) {
  Observation row;
  row.subject = {SubjectKind::run, run.key};
  row.run = run.key;
  row.source = "wandb";
  row.seq = at;
  row.step = static_cast<std::int64_t>(at) * 5000 / rows;
  row.time = run.created_at + at * 1s;
  const double part = static_cast<double>(at) / rows;
  const double noise = std::sin(at * 12.9898 + static_cast<double>(run.name.size())) * 0.1;
  row.samples = {{"train_loss", 2.2 * std::exp(-3 * part) + 0.2 + noise, "train/loss"},
                 {"learning_rate", 2e-5 * (1 - part), ""},
                 {"gradient_norm_total", 1.1 + noise, ""},
                 {"cpu_memory_rss_mb", 1200 + 10 * noise, ""}};
  if (at % 10 == 0) row.samples.push_back({"eval_loss", 2.3 * std::exp(-3 * part) + 0.3, ""});
  for (int m = static_cast<int>(row.samples.size()); m < metrics; ++m)
    row.samples.push_back({fmt::format("metric_{:02}", m), noise + m, ""});
  return row;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const int runs = std::atoi(argv[2]);
  const int metrics = std::atoi(argv[3]);
  const int usual_rows = std::atoi(argv[4]);
  const SystemClock clock;
  asio::io_context context;
  std::string notice;
  auto store = Store::open(argv[1], Store::Mode::in_line, clock.now(), notice);
  if (!store) {
    std::fprintf(stderr, "%s\n", store.error().text().c_str());
    return 1;
  }
  for (int i = 0; i < runs; ++i) {
    Commit commit;
    const RunInfo run = run_of(i, clock.now());
    const int rows = i == 0 ? 5000 : usual_rows;
    for (int at = 1; at <= rows; ++at) commit.observations.push_back(row_of(run, at, rows, metrics));
    commit.observations.push_back(run_facts(run, "wandb", run.heartbeat_at));
    commit.runs.push_back(run);
    if (!test::run_to_end(context, (*store)->commit(std::move(commit)))) return 1;
  }
  return 0;
}
