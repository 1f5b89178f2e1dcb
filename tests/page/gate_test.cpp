// Token, codes and sessions, without a server.
#include "daemon/page/gate.h"

#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/simulated_clock.h"
#include "daemon/config/listen_address.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace redflag;
using namespace redflag::daemon;
using namespace std::chrono_literals;

namespace {

/// Time that passes when told to.
class HandClock : public Clock {
 public:
  Time now() const override { return *parse_rfc3339("2026-11-23T12:00:00Z") + passed; }
  Duration monotonic() const override { return passed; }
  asio::awaitable<void> sleep(Duration) override { co_return; }
  Duration passed{};
};

ServerRequest with_session(const std::string& session) {
  ServerRequest request;
  request.method = "GET";
  request.headers = {{"Host", "127.0.0.1:8765"}, {"Cookie", "redflag_session=" + session}};
  return request;
}

}  // namespace

TEST_CASE("The token is made once, is for this user alone, and is the same at the next start",
          "[page][gate]") {
  const test::TempDir dir;
  const mode_t before = ::umask(0);
  const auto first = page::page_token(dir.path());
  ::umask(before);
  REQUIRE(first);
  CHECK(first->reveal().size() == 64);
  struct stat status {};
  REQUIRE(::stat((dir / "page_token").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0600);
  const auto again = page::page_token(dir.path());
  REQUIRE(again);
  CHECK(again->reveal() == first->reveal());
  const test::TempDir other;
  CHECK(page::page_token(other.path())->reveal() != first->reveal());
}

TEST_CASE("A token that others can read, an empty one and a link are refused, with what to do",
          "[page][gate]") {
  const test::TempDir dir;
  const std::string path = dir / "page_token";
  REQUIRE(page::page_token(dir.path()));
  ::chmod(path.c_str(), 0644);
  const auto open = page::page_token(dir.path());
  REQUIRE_FALSE(open);
  CHECK_THAT(open.error().text(), ContainsSubstring("others can read it"));
  CHECK_THAT(open.error().text(), ContainsSubstring("remove it"));
  ::unlink(path.c_str());
  dir.write("page_token", "");
  ::chmod(path.c_str(), 0600);
  REQUIRE_FALSE(page::page_token(dir.path()));
  ::unlink(path.c_str());
  REQUIRE(::symlink("/etc/passwd", path.c_str()) == 0);
  REQUIRE_FALSE(page::page_token(dir.path()));
}

TEST_CASE("A code is good once and for five minutes, a session for thirty days", "[page][gate]") {
  HandClock clock;
  page::Gate gate(Secret("t"), clock);
  const std::string code = gate.make_code();
  const std::string late = gate.make_code();
  CHECK(code != late);
  const auto session = gate.redeem(code);
  REQUIRE(session);
  CHECK_FALSE(gate.redeem(code));
  clock.passed += 5min;
  CHECK_FALSE(gate.redeem(late));
  CHECK_FALSE(gate.redeem(""));
  CHECK(gate.admits(with_session(*session)));
  clock.passed = 24h * 30 - 1s;
  CHECK(gate.admits(with_session(*session)));
  clock.passed += 2s;
  CHECK_FALSE(gate.admits(with_session(*session)));
}

TEST_CASE("A session outlives a restart with the same token, and none with another", "[page][gate]") {
  HandClock clock;
  page::Gate first(Secret("t"), clock);
  const auto session = first.redeem(first.make_code());
  REQUIRE(session);
  CHECK(page::Gate(Secret("t"), clock).admits(with_session(*session)));
  CHECK(page::Gate(Secret("t"), clock).base() == first.base());
  CHECK_FALSE(page::Gate(Secret("u"), clock).admits(with_session(*session)));
  CHECK(page::Gate(Secret("u"), clock).base() != first.base());
}

TEST_CASE("Codes that nobody uses do not pile up", "[page][gate]") {
  HandClock clock;
  page::Gate gate(Secret("t"), clock);
  const std::string oldest = gate.make_code();
  std::string newest;
  for (std::size_t i = 0; i < page::kMostCodes; ++i) {
    clock.passed += 1s;
    newest = gate.make_code();
  }
  CHECK_FALSE(gate.redeem(oldest));
  CHECK(gate.redeem(newest));
}

TEST_CASE("Only addresses of this machine itself can be listened on", "[page][gate]") {
  for (const char* good : {"127.0.0.1:8765", "localhost:0", "[::1]:8765", "127.9.9.9:65535"})
    CHECK(parse_loopback_address(good));
  CHECK(parse_loopback_address("localhost:80")->text() == "127.0.0.1:80");
  CHECK(parse_loopback_address("[::1]:80")->text() == "[::1]:80");
  for (const char* bad :
       {"0.0.0.0:8765", "[::]:8765", "10.0.0.1:80", "example.com:80", "8765", ":8765", "127.0.0.1",
        "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "::1:80", "[::ffff:10.0.0.1]:80", ""}) {
    INFO(bad);
    const auto refused = parse_loopback_address(bad);
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().text(), ContainsSubstring("127.0.0.1:8765"));
  }
}
