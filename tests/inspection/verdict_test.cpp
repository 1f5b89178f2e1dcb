#include <cmath>
#include <limits>

#include "daemon/inspection/autopsy.h"
#include "daemon/inspection/stored_verdicts.h"
#include "daemon/inspection/verdict_cache.h"
#include "tests/inspection/support.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace redflag;
using namespace redflag::daemon;
using namespace redflag::daemon::test;
using tensors::FileReport;
using tensors::Verdict;

namespace {

constexpr FileIdentity kIdentity{.size = 1000, .modified_ns = -5, .inode = ~std::uint64_t{0}, .device = 66};

FileReport report_of(const std::string& path, Verdict verdict = Verdict::ok) {
  FileReport report;
  report.path = path;
  report.verdict = verdict;
  report.size = kIdentity.size;
  report.modified_ns = kIdentity.modified_ns;
  report.inode = kIdentity.inode;
  report.device = kIdentity.device;
  tensors::TensorReport tensor;
  tensor.name = "w";
  tensor.dtype = "float32";
  tensor.shape = {10, 20};
  tensor.hash = 77;
  tensor.statistics.emplace();
  tensor.statistics->max = std::numeric_limits<double>::infinity();
  report.tensors.push_back(tensor);
  report.findings.push_back({"nan", Severity::critical, "a NaN in w", "w"});
  return report;
}

FileReport with_tensors(std::size_t count) {
  FileReport report = report_of("/r/large");
  const tensors::TensorReport tensor = report.tensors[0];
  report.tensors.assign(count, tensor);
  for (std::size_t i = 0; i < count; ++i)
    report.tensors[i].name = "model.layers." + std::to_string(i) + ".weight";
  return report;
}

struct Cache : World {
  MemoryVerdicts store;
  VerdictCache cache{clock, store, "1.0"};

  std::optional<FileReport> find(const std::string& path, const FileIdentity& identity = kIdentity) {
    return run(cache.find(path, identity));
  }
};

}  // namespace

TEST_CASE("a kept verdict holds for the same file and the same reader, whole", "[verdicts]") {
  Cache it;
  const FileReport report = report_of("/r/\xff a");
  it.cache.keep(report);
  const auto found = it.find(report.path);
  REQUIRE(found.has_value());
  CHECK(*found == report);
}

TEST_CASE("a verdict does not hold once anything that tells one state of a file from another differs",
          "[verdicts]") {
  Cache it;
  it.cache.keep(report_of("/r/a"));
  FileIdentity other = kIdentity;
  SECTION("size") {
    other.size = 1001;
  }
  SECTION("time, by one nanosecond") {
    other.modified_ns = -4;
  }
  SECTION("inode: a file moved over it") {
    other.inode = 3;
  }
  SECTION("device") {
    other.device = 67;
  }
  CHECK_FALSE(it.find("/r/a", other).has_value());
  CHECK_FALSE(it.find("/r/b").has_value());
  VerdictCache newer(it.clock, it.store, "1.1");
  CHECK_FALSE(it.run(newer.find("/r/a", kIdentity)).has_value());
}

TEST_CASE("what may be different next time is not kept, and removes what was", "[verdicts]") {
  Cache it;
  it.cache.keep(report_of("/r/a"));
  FileReport passing = report_of("/r/a", Verdict::ok);
  SECTION("still being written") {
    passing.verdict = Verdict::in_progress;
  }
  SECTION("could not be opened") {
    passing.verdict = Verdict::unknown;
  }
  SECTION("too slow a disk") {
    passing.verdict = Verdict::refused;
    passing.findings.push_back({"inspector_hung", Severity::warning, "x", ""});
  }
  SECTION("memory was short") {
    passing.verdict = Verdict::refused;
    passing.findings.push_back({"inspector_out_of_memory", Severity::warning, "x", ""});
  }
  it.cache.keep(passing);
  CHECK_FALSE(it.find("/r/a").has_value());
}

TEST_CASE("a file that kills its reader is not given to the same reader at each start", "[verdicts]") {
  Cache it;
  FileReport crashed = report_of("/r/a", Verdict::unknown);
  crashed.findings.push_back({"inspector_crashed", Severity::critical, "x", ""});
  it.cache.keep(crashed);
  CHECK(it.find("/r/a").has_value());
}

TEST_CASE("a record that was tampered with or cut is a verdict less and nothing worse", "[verdicts]") {
  Cache it;
  it.cache.keep(report_of("/r/a"));
  VerdictRecord record = *it.run(it.store.find("/r/a"));
  SECTION("cut") {
    record.report.resize(record.report.size() / 2);
  }
  SECTION("of another file") {
    record.report = tensors::to_json(report_of("/r/b"));
  }
  SECTION("of another state") {
    FileReport other = report_of("/r/a");
    other.inode = 1;
    record.report = tensors::to_json(other);
  }
  SECTION("not JSON") {
    record.report = std::string(100'000, '[');
  }
  it.store.keep(record);
  CHECK_FALSE(it.find("/r/a").has_value());
}

TEST_CASE("a large report is kept without statistics, with every shape, hash and finding", "[verdicts]") {
  const FileReport large = with_tensors(3000);
  REQUIRE(tensors::to_json(large).size() > kKeptReportBytes);
  const auto text = text_to_keep(large);
  REQUIRE(text.has_value());
  const auto kept = tensors::report_from_json(*text);
  REQUIRE(kept.has_value());
  REQUIRE(kept->tensors.size() == 3000);
  CHECK_FALSE(kept->tensors[2999].statistics.has_value());
  CHECK(kept->tensors[2999].shape == std::vector<std::int64_t>{10, 20});
  CHECK(kept->tensors[2999].hash == 77);
  CHECK(kept->findings == large.findings);
  CHECK(tensors::report_from_json(*text_to_keep(with_tensors(200)))->tensors[199].statistics.has_value());
}

TEST_CASE("a report that could only be kept with tensors missing is not kept", "[verdicts]") {
  CHECK_FALSE(text_to_keep(with_tensors(60'000)).has_value());
}

TEST_CASE("verdicts survive a restart of the daemon", "[verdicts]") {
  const redflag::test::TempDir dir;
  World world;
  const FileReport report = report_of("/r/\xffweights.bin");
  const auto with_store = [&](const std::function<void(VerdictCache&)>& use) {
    std::string notice;
    auto store = Store::open(dir.path(), Store::Mode::in_line, world.clock.now(), notice);
    REQUIRE(store.has_value());
    StoredVerdicts verdicts(
        **store, [&](Commit commit) { REQUIRE(world.run((*store)->commit(std::move(commit))).has_value()); });
    VerdictCache cache(world.clock, verdicts, "1.0");
    use(cache);
  };
  with_store([&](VerdictCache& cache) { cache.keep(report); });
  with_store([&](VerdictCache& cache) {
    const auto found = world.run(cache.find(report.path, kIdentity));
    REQUIRE(found.has_value());
    CHECK(*found == report);
    cache.forget(report.path);
  });
  with_store(
      [&](VerdictCache& cache) { CHECK_FALSE(world.run(cache.find(report.path, kIdentity)).has_value()); });
}

TEST_CASE("the reader's version differs from build to build", "[verdicts]") {
  const redflag::test::TempDir dir;
  dir.write("redflag-inspect", "one");
  const std::string first = reader_version(dir / "redflag-inspect");
  dir.write("redflag-inspect", "other");
  CHECK(first != reader_version(dir / "redflag-inspect"));
  CHECK(reader_version(dir / "absent") == REDFLAG_VERSION);
}
