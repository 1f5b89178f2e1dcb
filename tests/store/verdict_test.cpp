// The table of verdicts: found again, replaced, bounded, and there after an upgrade of an older database.
#include <filesystem>

#include <sqlite3.h>

#include "daemon/store/schema.h"
#include "daemon/store/store.h"
#include "daemon/store/writer.h"
#include "tests/support/catch.h"
#include "tests/support/loop.h"
#include "tests/support/temp_dir.h"

using namespace redflag;
using namespace redflag::daemon;

namespace {

const Time kNow = *parse_rfc3339("2026-11-23T03:00:00Z");

std::unique_ptr<Store> open(const test::TempDir& dir, Store::Mode mode = Store::Mode::in_line) {
  std::string notice;
  auto store = Store::open(dir.path(), mode, kNow, notice);
  REQUIRE(store.has_value());
  return std::move(*store);
}

VerdictRecord verdict(const std::string& path, std::string report = "{}", int second = 0) {
  return {.path = path,
          .device = 1,
          .inode = ~std::uint64_t{0},
          .size = std::uint64_t{1} << 63,
          .modified_ns = -1,
          .reader = "0.1.0:5:6",
          .checked = kNow + std::chrono::seconds{second},
          .report = std::move(report)};
}

struct Bench {
  test::TempDir dir;
  asio::io_context context;
  std::unique_ptr<Store> store = open(dir);

  void commit(std::vector<VerdictRecord> verdicts) {
    Commit commit;
    commit.verdicts = std::move(verdicts);
    REQUIRE(test::run_to_end(context, store->commit(std::move(commit))).has_value());
  }
  std::optional<VerdictRecord> find(const std::string& path) {
    auto found = test::run_to_end(context, store->find_verdict(path));
    REQUIRE(found.has_value());
    return *found;
  }
};

int run_sql(const std::string& path, const char* sql) {
  sqlite3* handle = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &handle) == SQLITE_OK);
  const int done = sqlite3_exec(handle, sql, nullptr, nullptr, nullptr);
  sqlite3_close(handle);
  return done;
}

}  // namespace

TEST_CASE("a verdict is found again after a restart, every bit of it", "[store]") {
  Bench bench;
  const std::string path = "/r/\xff\xfe weird'.pt";
  bench.commit({verdict(path, R"({"findings":["NaN"]})")});
  bench.store.reset();
  bench.store = open(bench.dir);
  const auto found = bench.find(path);
  REQUIRE(found.has_value());
  CHECK(found->path == path);
  CHECK(found->inode == ~std::uint64_t{0});
  CHECK(found->size == std::uint64_t{1} << 63);
  CHECK(found->modified_ns == -1);
  CHECK(found->reader == "0.1.0:5:6");
  CHECK(found->checked == kNow);
  CHECK(found->report == R"({"findings":["NaN"]})");
  CHECK_FALSE(bench.find("/r/other").has_value());
}

TEST_CASE("of several verdicts about one file the last one counts, in one commit as well", "[store]") {
  Bench bench;
  bench.commit({verdict("/r/a", "1"), verdict("/r/a", ""), verdict("/r/a", "2"), verdict("/r/b", "3"),
                verdict("/r/b", "")});
  CHECK(bench.find("/r/a")->report == "2");
  CHECK_FALSE(bench.find("/r/b").has_value());
}

TEST_CASE("a verdict asked for after a commit was handed over is the one of that commit", "[store]") {
  const test::TempDir dir;
  asio::io_context context;
  const auto store = open(dir, Store::Mode::threaded);
  int found = 0;
  for (int i = 0; i < 50; ++i) {
    Commit commit;
    commit.verdicts = {verdict("/r/a", std::to_string(i))};
    asio::co_spawn(context, store->commit(std::move(commit)),
                   [](const std::exception_ptr&, const Result<void>&) {});
    asio::co_spawn(context, store->find_verdict("/r/a"), [&, i](const std::exception_ptr&, const auto& read) {
      if (read && *read && std::stoi((*read)->report) >= i) ++found;
    });
  }
  context.run();
  CHECK(found == 50);
}

TEST_CASE("the table of verdicts is bounded in number and bytes; the oldest go", "[store]") {
  Bench bench;
  bench.store.reset();
  auto database = Database::open(bench.dir / "redflag.db");
  REQUIRE(database.has_value());
  Commit commit;
  for (int i = 0; i < 100; ++i)
    commit.verdicts.push_back(verdict("/r/" + std::to_string(i), std::string(1000, 'x'), i));
  REQUIRE(write_commit(**database, commit).has_value());
  const auto count = [&] { return (*database)->query_integer("SELECT count(*) FROM verdict").value_or(-1); };
  CHECK(count() == 100);
  REQUIRE(limit_verdicts(**database, {.records = 60, .bytes = 1'000'000}));
  CHECK(count() == 54);
  CHECK_FALSE(read_verdict(**database, "/r/45")->has_value());
  CHECK(read_verdict(**database, "/r/46")->has_value());
  REQUIRE(limit_verdicts(**database, {.records = 60, .bytes = 20'000}));
  CHECK(count() == 18);
  CHECK(read_verdict(**database, "/r/99")->has_value());
}

TEST_CASE("a database from before there were verdicts is migrated with all that is in it, and a copy is left",
          "[store]") {
  Bench bench;
  Commit commit;
  commit.cursors = {{"wandb:x", "r1", "7"}};
  REQUIRE(test::run_to_end(bench.context, bench.store->commit(std::move(commit))).has_value());
  bench.store.reset();
  REQUIRE(run_sql(bench.dir / "redflag.db",
                  "DROP TABLE verdict; DROP TABLE silence; PRAGMA user_version=1") == SQLITE_OK);
  const std::string copy = "redflag.db.before-v" + std::to_string(schema_version());
  bench.dir.write(copy, "what a start left that was cut short");
  bench.store = open(bench.dir);
  std::size_t skipped = 0;
  const auto state = bench.store->load(skipped);
  REQUIRE(state.has_value());
  REQUIRE(state->cursors.size() == 1);
  CHECK(state->cursors[0].value == "7");
  bench.commit({verdict("/r/a")});
  CHECK(bench.find("/r/a").has_value());
  CHECK(run_sql(bench.dir / copy, "SELECT value FROM cursor") == SQLITE_OK);
}
