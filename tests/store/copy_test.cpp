#include "daemon/store/copy.h"

#include <filesystem>
#include <fstream>

#include "daemon/store/store.h"
#include "tests/support/catch.h"
#include "tests/support/loop.h"
#include "tests/support/temp_dir.h"

using namespace redflag;
using namespace redflag::daemon;

namespace {
const Time kNow = *parse_rfc3339("2026-11-23T03:00:00Z");
constexpr std::uint64_t kMost = std::uint64_t{1} << 30;
}  // namespace

TEST_CASE("a copy has what was committed, while the daemon goes on writing the original", "[store][copy]") {
  const test::TempDir from;
  const test::TempDir to;
  asio::io_context context;
  std::string notice;
  auto store = std::move(*Store::open(from.path(), Store::Mode::in_line, kNow, notice));
  Commit commit;
  commit.cursors.push_back({"wandb", "a", "1"});
  REQUIRE(test::run_to_end(context, store->commit(std::move(commit))).has_value());
  REQUIRE(copy_store(from.path(), to.path(), kMost));
  Commit later;
  later.cursors.push_back({"wandb", "b", "2"});
  REQUIRE(test::run_to_end(context, store->commit(std::move(later))).has_value());

  auto copy = std::move(*Store::open(to.path(), Store::Mode::in_line, kNow, notice));
  std::size_t skipped = 0;
  const auto state = copy->load(skipped);
  REQUIRE(state.has_value());
  REQUIRE(state->cursors.size() == 1);
  CHECK(state->cursors[0].value == "1");
}

TEST_CASE("a store that is not there, is no database, or is too large is not copied, and says so",
          "[store][copy]") {
  const test::TempDir from;
  const test::TempDir to;
  const auto nothing = copy_store(from.path(), to.path(), kMost);
  REQUIRE_FALSE(nothing);
  CHECK(nothing.error().code == ErrorCode::not_found);

  std::string notice;
  (void)Store::open(from.path(), Store::Mode::in_line, kNow, notice);
  const auto large = copy_store(from.path(), to.path(), 100);
  REQUIRE_FALSE(large);
  CHECK(large.error().code == ErrorCode::too_large);

  const test::TempDir other;
  std::ofstream(other / "redflag.db")
      << "this is a text, and long enough to have a header of its own: no database\n";
  CHECK_FALSE(copy_store(other.path(), to.path(), kMost));
}
