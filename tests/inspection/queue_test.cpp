#include <limits>

#include "daemon/inspection/cpu_budget.h"
#include "daemon/inspection/inspection_queue.h"
#include "daemon/inspection/memory_probe.h"
#include "daemon/inspection/recheck_schedule.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::daemon;
using namespace std::chrono_literals;
using Outcome = InspectionQueue::Outcome;

namespace {

InspectionJob job(const std::string& path, InspectionKind kind, const std::string& group,
                  std::int64_t newness, std::uint64_t size = 1) {
  InspectionJob out;
  out.path = path;
  out.kind = kind;
  out.group = group;
  out.newness = newness;
  out.identity.size = size;
  return out;
}

InspectionJob plain(const std::string& path, std::uint64_t size = 1, std::int64_t newness = 0) {
  return job(path, InspectionKind::other, "", newness, size);
}

std::vector<std::string> drain(InspectionQueue& queue) {
  std::vector<std::string> order;
  while (const auto next = queue.take()) {
    order.push_back(next->path);
    queue.finish(next->path);
  }
  return order;
}

}  // namespace

TEST_CASE(
    "newest checkpoints come first, then final models, then newest representations, then what is older, "
    "newer first",
    "[queue]") {
  InspectionQueue queue;
  queue.request(job("/r/layer-100", InspectionKind::representation, "/r/lora_rte", 100));
  queue.request(job("/r/layer-300", InspectionKind::representation, "/r/lora_rte", 300));
  queue.request(job("/r/layer-200", InspectionKind::representation, "/r/lora_rte", 200));
  queue.request(job("/r/final", InspectionKind::final_model, "/r", 250));
  queue.request(job("/r/ckpt-100/b", InspectionKind::checkpoint, "/r", 100));
  queue.request(job("/r/ckpt-200/b", InspectionKind::checkpoint, "/r", 200));
  queue.request(job("/r/ckpt-200/a", InspectionKind::checkpoint, "/r", 200));
  queue.request(job("/s/ckpt-50", InspectionKind::checkpoint, "/s", 50));
  queue.request(plain("/r/other", 1, 400));
  CHECK(drain(queue) == std::vector<std::string>{"/r/ckpt-200/a", "/r/ckpt-200/b", "/s/ckpt-50", "/r/final",
                                                 "/r/layer-300", "/r/other", "/r/layer-200", "/r/ckpt-100/b",
                                                 "/r/layer-100"});
}

TEST_CASE("an older checkpoint does not become urgent because the newest one is done", "[queue]") {
  InspectionQueue queue;
  queue.request(job("/r/ckpt-200", InspectionKind::checkpoint, "/r", 200));
  CHECK(queue.next_is_urgent());
  queue.finish(queue.take()->path);
  queue.request(job("/r/ckpt-100", InspectionKind::checkpoint, "/r", 100));
  queue.request(job("/r/final", InspectionKind::final_model, "/r", 0));
  CHECK_FALSE(queue.next_is_urgent());
  CHECK(drain(queue) == std::vector<std::string>{"/r/final", "/r/ckpt-100"});
}

TEST_CASE("a path has one job; the newer request replaces the older", "[queue]") {
  InspectionQueue queue;
  queue.request(plain("/r/a", 1));
  queue.request(plain("/r/a", 2));
  REQUIRE(queue.size() == 1);
  CHECK(queue.take()->identity.size == 2);
  CHECK(queue.empty());
}

TEST_CASE(
    "beyond its bound the queue forgets what matters least, counts it, and asks for a rescan once there is "
    "room",
    "[queue]") {
  InspectionQueue queue(4);
  for (int i = 0; i < 4; ++i) queue.request(plain("/r/" + std::to_string(i), 1, i));
  CHECK_FALSE(queue.wants_more());
  queue.request(job("/r/ckpt", InspectionKind::checkpoint, "/r", 9));
  queue.request(plain("/r/old", 1, -5));
  CHECK(queue.size() == 4);
  CHECK(queue.dropped() == 2);
  CHECK_FALSE(queue.wants_rescan());
  CHECK(queue.take()->path == "/r/ckpt");
  CHECK(queue.take()->path == "/r/3");
  CHECK(queue.wants_more());
  CHECK(queue.wants_rescan());
  CHECK(queue.begin_rescan() == 2);
  CHECK_FALSE(queue.wants_rescan());
  CHECK(drain(queue) == std::vector<std::string>{"/r/2", "/r/1"});
}

TEST_CASE("a file that changes while it is inspected is queued again; one that is asked for unchanged is not",
          "[queue]") {
  InspectionQueue queue;
  queue.request(plain("/r/a", 1));
  queue.take();
  queue.request(plain("/r/a", 1));
  CHECK(queue.finish("/r/a") == Outcome::stands);
  CHECK(queue.empty());
  queue.request(plain("/r/a", 1));
  queue.take();
  queue.request(plain("/r/a", 2));
  CHECK(queue.empty());  // not beside the one that is running
  CHECK(queue.finish("/r/a") == Outcome::changed);
  CHECK(queue.take()->identity.size == 2);
}

TEST_CASE("of a file that vanishes while it waits or is inspected no answer counts", "[queue]") {
  InspectionQueue queue;
  queue.request(plain("/r/a"));
  queue.forget("/r/a");
  CHECK(queue.empty());
  queue.request(plain("/r/b"));
  queue.take();
  queue.forget("/r/b");
  CHECK(queue.finish("/r/b") == Outcome::gone);
  CHECK(queue.empty());
  queue.request(plain("/r/c"));
  const auto taken = queue.take();
  queue.forget("/r/c");
  queue.put_back(*taken);
  CHECK(queue.empty());
}

TEST_CASE("a thousand groups and extreme times keep the order total", "[queue]") {
  InspectionQueue queue(100);
  for (int i = 0; i < 1000; ++i)
    queue.request(job("/r/" + std::to_string(i), InspectionKind::checkpoint, "/g" + std::to_string(i), i));
  queue.request(plain("/min", 1, std::numeric_limits<std::int64_t>::min()));
  queue.request(plain("/max", 1, std::numeric_limits<std::int64_t>::max()));
  CHECK(queue.size() == 100);
  CHECK(queue.dropped() == 902);
  CHECK(queue.take()->path == "/r/999");
}

TEST_CASE("in no minute does the inspection use more than its share of a core, but for one file's own length",
          "[budget]") {
  const double share = GENERATE(0.1, 0.5, 1.0);
  const Duration cpu = GENERATE(Duration{1ms}, Duration{200ms}, Duration{3s});
  CpuBudget budget(share);
  Duration now = 5000s;
  std::vector<std::pair<Duration, double>> used;
  while (now < Duration{5600s}) {
    if (const Duration wait = budget.wait(now); wait > Duration::zero()) {
      now += wait;
      continue;
    }
    used.emplace_back(now, std::chrono::duration<double>(cpu).count());
    now += cpu;  // it takes as long as it computes
    budget.charge(now, cpu);
  }
  double in_minute = 0;
  double most = 0;
  double all = 0;
  for (std::size_t last = 0, first = 0; last < used.size(); ++last) {
    in_minute += used[last].second;
    all += used[last].second;
    while (used[first].first + 60s <= used[last].first) in_minute -= used[first++].second;
    most = std::max(most, in_minute);
  }
  CHECK(most <= share * 60 + std::chrono::duration<double>(cpu).count() + 1e-6);
  CHECK(all >= 0.8 * share * 600);  // and it does use what it may
}

TEST_CASE("short work after a quiet time goes without a pause", "[budget]") {
  CpuBudget budget(0.5);
  CHECK(budget.wait(100s) == Duration::zero());
  budget.charge(100s, 900ms);
  CHECK(budget.wait(100s) == Duration::zero());
  budget.charge(100s, 900ms);
  CHECK(budget.wait(100s) > Duration{1s});
  CHECK(budget.wait(200s) == Duration::zero());
}

TEST_CASE(
    "a file that is being written is looked at after 30 s, then twice as long each time, up to ten minutes",
    "[recheck]") {
  RecheckSchedule schedule;
  Duration now = 0s;
  std::vector<Duration> pauses;
  for (int i = 0; i < 7; ++i) {
    REQUIRE(schedule.add(plain("/r/a"), now));
    const Duration due = *schedule.next_due();
    pauses.push_back(due - now);
    CHECK(schedule.take_due(due - 1us).empty());
    now = due;
    REQUIRE(schedule.take_due(now).size() == 1);
    CHECK_FALSE(schedule.next_due().has_value());
  }
  CHECK(pauses == std::vector<Duration>{30s, 60s, 120s, 240s, 480s, 600s, 600s});
  schedule.done("/r/a");
  schedule.add(plain("/r/a"), now);
  CHECK(*schedule.next_due() - now == Duration{30s});
}

TEST_CASE("a file that is asked for is not looked at a second time by the schedule", "[recheck]") {
  RecheckSchedule schedule;
  schedule.add(plain("/r/a"), 0s);
  schedule.asked("/r/a");
  CHECK(schedule.take_due(3600s).empty());
}

TEST_CASE("available memory is read from what the kernel says, and nothing is made of what it does not",
          "[memory]") {
  CHECK(mem_available("MemTotal:       16000 kB\nMemAvailable:    4000 kB\nBuffers: 1 kB\n") == 4'096'000U);
  CHECK_FALSE(mem_available("MemTotal: 16000 kB\n").has_value());
  CHECK_FALSE(mem_available("MemAvailable: many").has_value());
  CHECK_FALSE(mem_available("MemAvailable:").has_value());
  CHECK_FALSE(mem_available("MemAvailable: 99999999999999999999999 kB").has_value());
  CHECK_FALSE(SystemMemoryProbe("/nonexistent/meminfo").available_bytes().has_value());
  CHECK(SystemMemoryProbe().available_bytes().value_or(0) > 1'000'000);
}
