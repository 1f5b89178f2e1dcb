// What the store does when its file is not what it left there.
#include <filesystem>

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/store/store.h"
#include "tests/support/catch.h"
#include "tests/support/loop.h"
#include "tests/support/temp_dir.h"

using namespace redflag;
using namespace redflag::daemon;

namespace {

const Time kNow = *parse_rfc3339("2026-11-23T03:00:00Z");

std::size_t moved_aside(const test::TempDir& dir) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(dir.path())) {
    if (entry.path().filename().string().find(".damaged-") != std::string::npos) ++count;
  }
  return count;
}

}  // namespace

TEST_CASE("a file that is no database is moved aside with its bytes, and said loudly", "[store]") {
  const test::TempDir dir;
  dir.write("redflag.db", std::string(8192, 'x'));
  std::string notice;
  const auto store = Store::open(dir.path(), Store::Mode::in_line, kNow, notice);
  REQUIRE(store.has_value());
  CHECK_THAT(notice, ContainsSubstring("damaged"));
  CHECK_THAT(notice, ContainsSubstring("redflag.db.damaged-2026-11-23T030000Z"));
  CHECK(test::read_file(dir / "redflag.db.damaged-2026-11-23T030000Z") == std::string(8192, 'x'));
}

TEST_CASE("a database with a damaged page is found at the start, not at the next alert", "[store]") {
  const test::TempDir dir;
  {
    std::string notice;
    auto store = Store::open(dir.path(), Store::Mode::in_line, kNow, notice);
    REQUIRE(store.has_value());
    asio::io_context context;
    Commit commit;
    for (int i = 0; i < 500; ++i)
      commit.cursors.push_back({"source", std::to_string(i), std::string(200, 'v')});
    REQUIRE(test::run_to_end(context, (*store)->commit(std::move(commit))));
  }
  std::string bytes = test::read_file(dir / "redflag.db");
  REQUIRE(bytes.size() > 40000);
  for (std::size_t i = 20480; i < 36864; ++i) bytes[i] = static_cast<char>(i * 7);
  dir.write("redflag.db", bytes);
  std::string notice;
  const auto store = Store::open(dir.path(), Store::Mode::in_line, kNow, notice);
  REQUIRE(store.has_value());
  CHECK_FALSE(notice.empty());
  CHECK(moved_aside(dir) >= 1);
}

TEST_CASE("a database of a newer redflag is refused and left alone", "[store]") {
  const test::TempDir dir;
  std::string notice;
  REQUIRE(Store::open(dir.path(), Store::Mode::in_line, kNow, notice).has_value());
  sqlite3* handle = nullptr;
  REQUIRE(sqlite3_open((dir / "redflag.db").c_str(), &handle) == SQLITE_OK);
  REQUIRE(sqlite3_exec(handle, "PRAGMA user_version=999", nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(handle);
  const auto refused = Store::open(dir.path(), Store::Mode::in_line, kNow, notice);
  REQUIRE_FALSE(refused.has_value());
  CHECK_THAT(refused.error().text(), ContainsSubstring("newer redflag"));
  CHECK(moved_aside(dir) == 0);
}

TEST_CASE("a state directory that cannot be created is an error that names it and the setting", "[store]") {
  std::string notice;
  const auto store = Store::open("/proc/redflag-state", Store::Mode::in_line, kNow, notice);
  REQUIRE_FALSE(store.has_value());
  CHECK_THAT(store.error().text(), ContainsSubstring("/proc/redflag-state"));
  CHECK_THAT(store.error().text(), ContainsSubstring("store.state_directory"));
}

TEST_CASE(
    "a large database does not hold up the start: it is read through behind it, and damage is still found",
    "[store]") {
  const test::TempDir dir;
  asio::io_context context;
  std::string notice;
  {
    auto store = Store::open(dir.path(), Store::Mode::in_line, kNow, notice);
    REQUIRE(store.has_value());
    Commit commit;
    for (int i = 0; i < 500; ++i)
      commit.cursors.push_back({"source", std::to_string(i), std::string(200, 'v')});
    REQUIRE(test::run_to_end(context, (*store)->commit(std::move(commit))));
  }
  {
    auto sound = Store::open(dir.path(), Store::Mode::threaded, kNow, notice, 1);
    REQUIRE(sound.has_value());
  }
  std::string bytes = test::read_file(dir / "redflag.db");
  for (std::size_t i = 20480; i < 36864; ++i) bytes[i] = static_cast<char>(i * 7);
  dir.write("redflag.db", bytes);
  auto store = Store::open(dir.path(), Store::Mode::threaded, kNow, notice, 1);
  REQUIRE(store.has_value());
  CHECK(notice.empty());
  for (int i = 0; (*store)->damage_found().empty() && i < 10'000; ++i) ::usleep(1000);
  CHECK_FALSE((*store)->damage_found().empty());
  CHECK(moved_aside(dir) == 0);
}
