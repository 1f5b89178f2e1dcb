// What the store does when the disk refuses, lies, or loses its power.
#include <algorithm>
#include <filesystem>
#include <set>

#include <sys/stat.h>

#include "daemon/store/schema.h"
#include "daemon/store/store.h"
#include "tests/store/fault_vfs.h"
#include "tests/support/catch.h"
#include "tests/support/loop.h"
#include "tests/support/temp_dir.h"

using namespace redflag;
using namespace redflag::daemon;
using namespace redflag::test;

namespace {

const Time kNow = *parse_rfc3339("2026-11-23T03:00:00Z");

std::unique_ptr<Store> open(const TempDir& dir, Store::Mode mode = Store::Mode::in_line) {
  std::string notice;
  auto store = Store::open(dir.path(), mode, kNow, notice);
  REQUIRE(store.has_value());
  CHECK(notice.empty());
  return std::move(*store);
}

/// Large enough to make the file grow.
Commit commit_of(const std::string& id) {
  Commit commit;
  alerts::OutboxMessage message;
  message.id = id;
  message.channel = "slack";
  message.payload = std::string(20'000, 'x');
  message.created = kNow;
  commit.messages = {message};
  return commit;
}

std::set<std::string> unsent(Store& store) {
  std::size_t skipped = 0;
  auto state = store.load(skipped);
  REQUIRE(state.has_value());
  CHECK(skipped == 0);
  std::set<std::string> ids;
  for (const alerts::OutboxMessage& message : state->unsent) ids.insert(message.id);
  return ids;
}

}  // namespace

TEST_CASE("the reserve beside the database is really allocated, and made anew when it is not whole",
          "[store]") {
  const TempDir dir;
  dir.write("reserve", "short");
  const auto store = open(dir);
  CHECK(store->reserve_held());
  CHECK(std::filesystem::file_size(dir / "reserve") == 8ULL << 20U);
  CHECK(std::filesystem::space(dir.path()).free > 0);
  struct stat info {};
  REQUIRE(::stat((dir / "reserve").c_str(), &info) == 0);
  CHECK(info.st_blocks * 512 >= 8 << 20);
  CHECK((info.st_mode & 0777) == 0600);
}

TEST_CASE("on a full disk the store gives up its reserve and goes on; it comes back with the space",
          "[store]") {
  const TempDir dir;
  FaultVfs disk;
  asio::io_context context;
  auto store = open(dir);
  disk.reserve = dir / "reserve";
  disk.spare_bytes = 1 << 20;
  disk.fault = DiskFault::full;
  CHECK(run_to_end(context, store->commit(commit_of("m1"))).has_value());
  CHECK_FALSE(store->reserve_held());
  CHECK_FALSE(std::filesystem::exists(dir / "reserve"));
  // That is spent as well some time later.
  Result<void> done;
  for (int i = 0; done && i < 100; ++i)
    done = run_to_end(context, store->commit(commit_of("more" + std::to_string(i))));
  REQUIRE_FALSE(done.has_value());
  CHECK(store->trouble() == StoreTrouble::full);
  CHECK_THAT(done.error().text(), ContainsSubstring("free space"));
  disk.fault = DiskFault::none;
  CHECK(run_to_end(context, store->commit(commit_of("m2"))).has_value());
  CHECK(run_to_end(context, store->renew_reserve()).has_value());
  CHECK(store->reserve_held());
  CHECK(unsent(*store).contains("m1"));
  CHECK(unsent(*store).contains("m2"));
}

TEST_CASE("a start on a full disk is helped by the reserve of the run before", "[store]") {
  const TempDir dir;
  FaultVfs disk;
  asio::io_context context;
  { REQUIRE(run_to_end(context, open(dir)->commit(commit_of("m1"))).has_value()); }
  // An older database has to be migrated, for which it is copied first.
  {
    auto database = Database::open(dir / "redflag.db");
    REQUIRE(database.has_value());
    REQUIRE((*database)->execute("DROP TABLE silence; PRAGMA user_version=2"));
  }
  disk.reserve = dir / "reserve";
  disk.spare_bytes = 4 << 20;
  disk.fault = DiskFault::full;
  const auto store = open(dir);
  CHECK(unsent(*store) == std::set<std::string>{"m1"});
  CHECK(disk.refusals > 0);
}

TEST_CASE("writes and fsyncs that fail are errors that say so, and nothing of them is kept", "[store]") {
  const DiskFault fault = GENERATE(DiskFault::write_error, DiskFault::sync_error);
  const TempDir dir;
  FaultVfs disk;
  asio::io_context context;
  auto store = open(dir, Store::Mode::threaded);
  REQUIRE(run_to_end(context, store->commit(commit_of("before"))).has_value());
  disk.fault = fault;
  const Result<void> done = run_to_end(context, store->commit(commit_of("refused")));
  REQUIRE_FALSE(done.has_value());
  CHECK(store->trouble() == StoreTrouble::io);
  CHECK_THAT(done.error().text(), ContainsSubstring("dmesg"));
  CHECK(store->reserve_held());  // it would not help
  disk.fault = DiskFault::none;
  REQUIRE(run_to_end(context, store->commit(commit_of("after"))).has_value());
  CHECK(unsent(*store) == std::set<std::string>{"before", "after"});
}

TEST_CASE("a damaged database can be replaced while running, and keeps its bytes", "[store]") {
  const TempDir dir;
  asio::io_context context;
  auto store = open(dir);
  REQUIRE(run_to_end(context, store->commit(commit_of("old"))).has_value());
  const auto aside = run_to_end(context, store->begin_anew(kNow, commit_of("kept")));
  REQUIRE(aside.has_value());
  CHECK(std::filesystem::exists(*aside));
  REQUIRE(run_to_end(context, store->commit(commit_of("new"))).has_value());
  CHECK(unsent(*store) == std::set<std::string>{"kept", "new"});
  store = nullptr;
  CHECK(unsent(*open(dir)) == std::set<std::string>{"kept", "new"});
}

TEST_CASE("whatever a power cut leaves of what was not synced, a commit that was called durable is there",
          "[store]") {
  std::mt19937_64 random(20261123);
  std::uint64_t cut = 0;
  for (std::uint64_t at = 1; at <= 400; at += 1 + random() % 3) {
    const TempDir dir;
    FaultVfs disk;
    disk.track_unsynced();
    std::set<std::string> durable;
    {
      auto database = Database::open(dir / "redflag.db");
      REQUIRE(database.has_value());
      REQUIRE(migrate(**database).has_value());
      // Checkpoints often, so that they are cut as well.
      REQUIRE((*database)->execute("PRAGMA wal_autocheckpoint=20").has_value());
      disk.power_cut_at = disk.writes + at;
      for (int i = 0; i < 40; ++i) {
        const std::string id = "m" + std::to_string(i);
        if (!write_commit(**database, commit_of(id))) break;
        durable.insert(id);
      }
    }
    if (disk.fault != DiskFault::dead) break;  // all was written before
    ++cut;
    disk.power_cut(random);
    const auto store = open(dir);
    const std::set<std::string> found = unsent(*store);
    CAPTURE(at);
    CHECK(std::includes(found.begin(), found.end(), durable.begin(), durable.end()));
    CHECK(found.size() <= durable.size() + 1);  // the one in flight may have made it
  }
  CHECK(cut > 50);
}
