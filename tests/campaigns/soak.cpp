// Thirty days of a busy project in simulated time: fifty runs a day, some of which explode, crash or turn to
// NaN; W&B and Slack away for hours; redflagd killed and restarted. Is every planned alert told once, nothing
// told of a healthy run, and what do memory and database come to? What the daemon itself holds is what the
// heap loses when it goes: the simulators, in the same process, grow with every run they remember.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include <fmt/format.h>
#include <malloc.h>
#include <sqlite3.h>

#include "tests/app/simulated_daemon.h"

using namespace redflag;
using namespace redflag::test;
using namespace std::chrono_literals;

namespace {

constexpr int kRunsADay = 50;
constexpr int kRows = 90;

using Planned = std::map<std::pair<std::string, std::string>, int>;  // run and rule → how often it was told

/// The names have to tell the runs apart in messages.
RunScript planned_run(const std::string& id, Time created, int number, Planned& planned) {
  RunScript script = healthy_run(id, created, kRows);
  script.name = "soak_" + id;
  const auto bad_from = [&](std::size_t first, const char* metric, const nlohmann::json& value,
                            const char* rule) {
    for (std::size_t i = first; i < script.rows.size(); ++i) script.rows[i].values[metric] = value;
    planned[{script.name, rule}] = 0;
  };
  switch (number % 10) {
    case 3:
      bad_from(40, "train/grad_norm", 5000.0, "gradient-explosion");
      break;
    case 6:
      bad_from(50, "train/loss", "NaN", "loss-nan");
      break;
    case 8:
      script.states = {{kRows * 1min + 20s, "crashed"}};
      planned[{script.name, "run-failed"}] = 0;
      break;
    default:
      break;
  }
  return script;
}

double megabytes(std::size_t bytes) {
  return static_cast<double>(bytes) / 1e6;
}

std::size_t heap() {
  return mallinfo2().uordblks + mallinfo2().hblkhd;
}

double resident() {
  std::ifstream file("/proc/self/statm");
  double pages = 0;
  double resident_pages = 0;
  file >> pages >> resident_pages;
  return resident_pages * 4096 / 1e6;
}

void print_tables(const std::string& path) {
  sqlite3* handle = nullptr;
  if (sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READONLY, nullptr) != SQLITE_OK) return;
  for (const char* table : {"run", "point", "fact", "cursor", "instance", "alert", "outbox"}) {
    sqlite3_stmt* statement = nullptr;
    const std::string sql = fmt::format("SELECT count(*) FROM {}", table);
    if (sqlite3_prepare_v2(handle, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
      fmt::print(" {} {}", table, sqlite3_column_int64(statement, 0));
    sqlite3_finalize(statement);
  }
  sqlite3_close(handle);
  fmt::print("\n");
}

/// Stops the daemon to see what it held, and starts it again.
void measure(SimulatedDaemon& daemon, int day) {
  const std::size_t with = heap();
  const double rss = resident();
  const std::string path = daemon.store->path();
  daemon.stop();
  const std::size_t without = heap();
  fmt::print(
      "day {:2}: daemon's heap {:.1f} MB (process, simulators included: {:.0f} MB resident), database {:.1f} "
      "MB;",
      day, megabytes(with - without), rss, megabytes(std::filesystem::file_size(path)));
  print_tables(path);
  std::fflush(stdout);
  daemon.start();
}

}  // namespace

int main(int argc, char** argv) {
  const int days = argc > 1 ? std::atoi(argv[1]) : 30;
  const int retention_days = argc > 2 ? std::atoi(argv[2]) : 90;
  SimulatedDaemon daemon;
  daemon.config.store.retention = retention_days * 24h;
  daemon.config.wandb.poll_interval = 1min;
  daemon.start();
  Planned planned;
  std::set<std::string> extra;
  for (int day = 1; day <= days; ++day) {
    const Time morning = daemon.clock.now();
    for (int i = 0; i < kRunsADay; ++i) {
      daemon.wandb.add_run(
          "ent", "proj",
          planned_run(fmt::format("d{:02}r{:02}", day, i), morning + i * (20h / kRunsADay), i, planned));
    }
    if (day % 3 == 0)
      daemon.wandb.faults().during(morning + 5h, morning + 7h, {.kind = FaultKind::unreachable});
    if (day % 4 == 1)
      daemon.wandb.faults().during(morning + 12h, morning + 12h + 20min, {.kind = FaultKind::bad_gateway});
    if (day % 5 == 0)
      daemon.slack.faults().during(morning + 9h, morning + 10h, {.kind = FaultKind::server_error});
    daemon.run_for(11h);
    if (day % 10 == 4) {  // six days are left to the same process, so that what grows with its age shows
      daemon.kill();
      daemon.start();
    }
    daemon.run_for(13h);
    if (day == 1 || day == 10 || day == 20 || day == days) measure(daemon, day);
  }
  std::size_t fired = 0;
  std::map<std::string, int> others;
  std::size_t false_alarms = 0;
  for (const SlackMessage& message : daemon.slack.messages()) {
    if (message.text.starts_with("RESOLVED")) continue;
    bool known = false;
    for (auto& [what, told] : planned) {
      if (message.plain.find(what.first) == std::string::npos ||
          message.plain.find("rule " + what.second) == std::string::npos)
        continue;
      ++told;
      ++fired;
      known = true;
    }
    if (known) continue;
    // A second rule may have something to say of a run that is sick; of a healthy one nobody may.
    const bool sick = std::any_of(planned.begin(), planned.end(), [&](const auto& one) {
      return message.plain.find(one.first.first) != std::string::npos;
    });
    ++others[sick ? "more about sick runs" : message.text.substr(0, message.text.find(':'))];
    false_alarms += !sick && message.plain.find("soak_") != std::string::npos ? 1 : 0;
  }
  std::size_t missing = 0;
  std::size_t repeated = 0;
  for (const auto& [what, told] : planned) {
    missing += told == 0 ? 1 : 0;
    repeated += told > 1 ? 1 : 0;
    if (told != 1) fmt::print("  {} {}: told {} times\n", what.first, what.second, told);
  }
  fmt::print("planned alerts {}, told {}, missing {}, told more than once {}, of healthy runs {}\n",
             planned.size(), fired, missing, repeated, false_alarms);
  int shown = 0;
  for (const auto& [text, count] : others) {
    if (++shown <= 20) fmt::print("  besides: {} × {}\n", count, text);
  }
  return missing == 0 && repeated == 0 && false_alarms == 0 ? 0 : 1;
}
