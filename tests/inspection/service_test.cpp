#include <csignal>

#include <boost/asio/bind_cancellation_slot.hpp>

#include "daemon/inspection/inspection_service.h"
#include "tests/inspection/support.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::daemon;
using namespace redflag::daemon::test;
using tensors::FileReport;
using tensors::Verdict;

namespace {

struct Bench : World {
  InspectorSettings inspector_settings;
  InspectionServiceSettings settings;
  MemoryVerdicts verdicts;
  std::unique_ptr<Inspector> inspector;
  std::unique_ptr<VerdictCache> cache;
  std::unique_ptr<InspectionService> service;
  std::vector<std::pair<std::string, FileReport>> reports;
  asio::cancellation_signal stop;
  bool ended = false;

  Bench() { inspector_settings.program = "/usr/bin/redflag-inspect"; }
  ~Bench() {
    stop.emit(asio::cancellation_type::terminal);
    clock.run_for(context, 1s, [this] { return ended; });
  }

  InspectionService& get() {
    if (service) return *service;
    inspector = std::make_unique<Inspector>(clock, launcher, memory, inspector_settings);
    cache = std::make_unique<VerdictCache>(clock, verdicts, "1.0");
    service = std::make_unique<InspectionService>(
        context.get_executor(), clock, *inspector, *cache, files, settings,
        [this](const std::string& path, const FileReport& report) { reports.emplace_back(path, report); });
    asio::co_spawn(
        context, service->run(),
        asio::bind_cancellation_slot(stop.slot(), [this](const std::exception_ptr&) { ended = true; }));
    return *service;
  }
  void request(const std::string& path, InspectionKind kind = InspectionKind::other,
               std::int64_t newness = 0) {
    InspectionJob job;
    job.path = path;
    job.kind = kind;
    job.group = "/r";
    job.newness = newness;
    if (const auto identity = files.identity_of(path)) job.identity = *identity;
    get().request(std::move(job));
  }
  void add(const std::string& path, InspectionKind kind = InspectionKind::other, std::int64_t newness = 0) {
    files.put(path);
    request(path, kind, newness);
  }
  void run_for(Duration duration) { clock.run_for(context, duration); }
  std::vector<std::string> reported() const {
    std::vector<std::string> all;
    for (const auto& [path, report] : reports)
      all.push_back(path + " " + std::string(to_string(report.verdict)));
    return all;
  }
  std::string in_progress(const std::string& path) {
    FileReport report = *tensors::report_from_json(launcher.good_report(path));
    report.verdict = Verdict::in_progress;
    return tensors::to_json(report);
  }
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("what is asked for is read by one child in order of importance, and told", "[service]") {
  Bench bench;
  bench.add("/r/layer", InspectionKind::representation, 5);
  bench.add("/r/old", InspectionKind::checkpoint, 1);
  bench.add("/r/new", InspectionKind::checkpoint, 2);
  bench.add("/r/final", InspectionKind::final_model, 3);
  bench.run_for(1min);
  CHECK(bench.reported() == Lines{"/r/new ok", "/r/final ok", "/r/layer ok", "/r/old ok"});
  CHECK(bench.launcher.most_running == 1);
  CHECK(bench.service->state().inspected == 4);
  CHECK(bench.service->state().queued == 0);
}

TEST_CASE("a file that has not changed is answered from what is kept, without a child", "[service]") {
  Bench bench;
  bench.add("/r/a");
  bench.run_for(1min);
  bench.request("/r/a");
  bench.run_for(1min);
  CHECK(bench.reported() == Lines{"/r/a ok", "/r/a ok"});
  CHECK(bench.launcher.asked.size() == 1);
  CHECK(bench.service->state().answered_from_kept == 1);
  bench.files.put("/r/a", 1000, 2);  // only its time
  bench.request("/r/a");
  bench.run_for(1min);
  CHECK(bench.launcher.asked.size() == 2);
}

TEST_CASE("an idle child is ended, and started again when there is something to read", "[service]") {
  Bench bench;
  bench.add("/r/a");
  bench.run_for(5s);
  CHECK(bench.launcher.running == 1);
  bench.run_for(20s);
  CHECK(bench.launcher.running == 0);
  bench.add("/r/b");
  bench.run_for(1s);
  CHECK(bench.reported() == Lines{"/r/a ok", "/r/b ok"});
}

TEST_CASE("a checkpoint rotated away, before or in the middle of its inspection, is not a finding",
          "[service]") {
  Bench bench;
  bench.launcher.script = [&](const std::string& path, int) {
    Act act;
    if (path == "/r/killer") act.ends = ProcessEnd{0, SIGSEGV};
    bench.files.there.erase("/r/middle");
    bench.files.there.erase("/r/killer");
    return act;
  };
  bench.add("/r/before");
  bench.add("/r/forgotten");
  bench.files.there.erase("/r/before");
  bench.get().forget("/r/forgotten");
  SECTION("deleted while it is read") {
    bench.add("/r/middle");
  }
  SECTION("its reader died of it") {
    bench.add("/r/killer");
  }
  bench.run_for(1h);
  CHECK(bench.reports.empty());
  CHECK(bench.verdicts.size() == 0);
  CHECK(bench.service->state().blocked.empty());
}

TEST_CASE("forgetting a file while it is read silences the answer", "[service]") {
  Bench bench;
  bench.launcher.script = [](const std::string&, int) { return Act{.takes = 10s}; };
  bench.add("/r/a");
  bench.run_for(5s);
  CHECK(bench.service->state().inspecting == "/r/a");
  bench.service->forget("/r/a");
  bench.run_for(1min);
  CHECK(bench.reports.empty());
  CHECK(bench.service->state().inspecting.empty());
}

TEST_CASE("a file that changes while it is read is read again, and only the last state is told and kept",
          "[service]") {
  Bench bench;
  bench.launcher.script = [](const std::string&, int) { return Act{.takes = 10s}; };
  bench.add("/r/a");
  bench.run_for(5s);
  bench.files.put("/r/a", 2000, 2);
  SECTION("and is asked for: at once") {
    bench.request("/r/a");
    bench.run_for(20s);
  }
  SECTION("and nobody tells: half a minute later") {
    bench.run_for(60s);
  }
  REQUIRE(bench.reported() == Lines{"/r/a ok"});
  CHECK(bench.reports[0].second.size == 2000);
  CHECK(bench.launcher.asked.size() == 2);
}

TEST_CASE("a file still being written is looked at after 30 s, then ever less often, until it is whole",
          "[service]") {
  Bench bench;
  std::vector<Duration> looked;
  bench.launcher.script = [&](const std::string& path, int) {
    looked.push_back(bench.since_start());
    Act act;
    if (looked.size() < 8) act.says = bench.in_progress(path);
    return act;
  };
  bench.add("/r/a");
  bench.run_for(2h);
  CHECK(looked == std::vector<Duration>{0s, 30s, 90s, 210s, 450s, 930s, 1530s, 2130s});
  CHECK(bench.reported().back() == "/r/a ok");
  CHECK(bench.reported().front() == "/r/a in_progress");
  CHECK(bench.service->state().being_written == 0);
}

TEST_CASE("a file still being written is looked at when it changes", "[service]") {
  Bench bench;
  bench.launcher.script = [&](const std::string& path, int) {
    Act act;
    if (bench.launcher.asked.size() < 2) act.says = bench.in_progress(path);
    return act;
  };
  bench.add("/r/a");
  bench.run_for(10s);
  bench.files.put("/r/a", 5000, 9);
  bench.request("/r/a");
  bench.run_for(1s);
  CHECK(bench.reported() == Lines{"/r/a in_progress", "/r/a ok"});
  bench.run_for(10min);
  CHECK(bench.launcher.asked.size() == 2);
}

TEST_CASE("background work keeps to its share of a core; the newest checkpoint does not wait for it",
          "[service]") {
  Bench bench;
  bench.launcher.script = [](const std::string&, int) { return Act{.takes = 1s, .cpu = 1s}; };
  for (int i = 0; i < 1000; ++i) bench.add("/r/" + std::to_string(i));
  bench.run_for(4min);
  CHECK(bench.reports.size() <= 4 * 30 + 1);
  CHECK(bench.reports.size() >= 4 * 28);
  bench.add("/r/checkpoint", InspectionKind::checkpoint, 1);
  bench.run_for(3s);
  CHECK(bench.reports.back().first == "/r/checkpoint");
}

TEST_CASE("without the reader nothing is told of any file; once it is there all are read", "[service]") {
  Bench bench;
  bench.launcher.refuses =
      Error{ErrorCode::not_found, false, "starting /usr/bin/redflag-inspect", "no such program", ""};
  bench.add("/r/a");
  bench.add("/r/b");
  bench.run_for(5min);
  CHECK(bench.reports.empty());
  CHECK(bench.service->state().queued == 2);
  CHECK_THAT(bench.service->state().blocked, ContainsSubstring("no such program"));
  bench.launcher.refuses.reset();
  bench.run_for(10min);
  CHECK(bench.reported() == Lines{"/r/a ok", "/r/b ok"});
  CHECK(bench.service->state().blocked.empty());
}

TEST_CASE("while memory is short the service says so and asks nothing of the machine", "[service]") {
  Bench bench;
  bench.memory.available = 1'000'000;
  bench.add("/r/a");
  bench.run_for(1min);
  CHECK_THAT(bench.service->state().blocked, ContainsSubstring("memory is short: 1 MB available"));
  CHECK(bench.launcher.launched.empty());
  bench.memory.available = std::uint64_t{8} << 30;
  bench.run_for(1min);
  CHECK(bench.reported() == Lines{"/r/a ok"});
  CHECK(bench.service->state().blocked.empty());
}

TEST_CASE("readers that crash, hang and run out of memory cost a finding each, and the daemon goes on",
          "[service]") {
  Bench bench;
  bench.launcher.script = [](const std::string& path, int) {
    Act act;
    if (path == "/r/crash") act.ends = ProcessEnd{0, SIGSEGV};
    if (path == "/r/bomb") act.ends = ProcessEnd{65, 0};
    act.hangs = path == "/r/hang";
    return act;
  };
  bench.add("/r/crash", InspectionKind::other, 4);
  bench.add("/r/bomb", InspectionKind::other, 3);
  bench.add("/r/hang", InspectionKind::other, 2);
  bench.add("/r/good", InspectionKind::other, 1);
  bench.run_for(5min);
  CHECK(bench.reported() == Lines{"/r/crash unknown", "/r/bomb refused", "/r/hang refused", "/r/good ok"});
  CHECK(has_finding(bench.reports[0].second, "inspector_crashed"));
  CHECK(has_finding(bench.reports[1].second, "inspector_out_of_memory"));
  CHECK(has_finding(bench.reports[2].second, "inspector_hung"));
  CHECK(bench.verdicts.size() ==
        2);  // the crash and the good one hold; the others may be better another time
  CHECK(bench.reports[0].second.inode == 7);
}

TEST_CASE("what does not fit into the queue is counted, and a rescan is asked for when there is room",
          "[service]") {
  Bench bench;
  bench.settings.queue_bound = 10;
  for (int i = 0; i < 15; ++i) bench.add("/r/" + std::to_string(i));
  CHECK_FALSE(bench.get().wants_more());
  CHECK(bench.service->state().dropped == 5);
  bench.run_for(1min);
  CHECK(bench.service->wants_more());
  CHECK(bench.service->wants_rescan());
  CHECK(bench.service->begin_rescan() == 5);
  CHECK_FALSE(bench.service->wants_rescan());
}

TEST_CASE("a file that the reader could not open is told and not called good", "[service]") {
  Bench bench;
  bench.launcher.script = [](const std::string& path, int) {
    FileReport report;
    report.path = path;
    report.reason = "permission denied";
    Act act;
    act.says = tensors::to_json(report);
    return act;
  };
  bench.add("/r/a");
  bench.run_for(1min);
  CHECK(bench.reported() == Lines{"/r/a unknown"});
  CHECK(bench.verdicts.size() == 0);
}

TEST_CASE("stopping in the middle of a file ends the child", "[service]") {
  Bench bench;
  bench.launcher.script = [](const std::string&, int) { return Act{.hangs = true}; };
  bench.add("/r/a");
  bench.run_for(5s);
  CHECK(bench.launcher.running == 1);
  bench.stop.emit(asio::cancellation_type::terminal);
  bench.run_for(1s);
  CHECK(bench.ended);
  CHECK(bench.launcher.running == 0);
  CHECK(bench.service->state().queued == 1);
}
