// The API through a real unix socket: who gets in, what is left behind, and what cannot be read.
#include <thread>

#include <boost/asio/post.hpp>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/api/bodies.h"
#include "daemon/net/unix_client.h"
#include "daemon/net/unix_socket.h"
#include "tests/api/running_api.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::test;

namespace {

/// A socket file whose owner has died without removing it.
void leave_stale(const std::string& path) {
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  REQUIRE(::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  ::close(descriptor);
}

unsigned mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status.st_mode & 0777U;
}

Result<HttpResponse> ask(const std::string& socket, const std::string& method, const std::string& target,
                         const std::string& body = {}) {
  UnixRequest request;
  request.socket = socket;
  request.method = method;
  request.target = target;
  request.body = body;
  return ask_unix(request);
}

}  // namespace

TEST_CASE("A question through the socket is answered, and the user who asks is known", "[api][socket]") {
  RunningApi api;
  const auto said = ask(api.socket(), "GET", "/v1/alerts?state=firing");
  REQUIRE(said);
  CHECK(said->status == 200);
  CHECK(nlohmann::json::parse(said->body)["total"] == 2);
  REQUIRE(ask(api.socket(), "POST", "/v1/alerts/9f3c/ack", "{}"));
  UserNames names;
  api.stop();
  CHECK(api.operations.kept[0].alert.acknowledged.by == names.of(::getuid()));
  CHECK(names.of(4'000'000) == "uid 4000000");
  CHECK(names.of(65534) == "uid 65534");
}

TEST_CASE("The socket has the wanted mode whatever the umask, and is gone after a stop", "[api][socket]") {
  for (const mode_t mode : {mode_t{0600}, mode_t{0660}, mode_t{0666}}) {
    const mode_t before = ::umask(mode == 0600 ? 0 : 077);
    RunningApi api(mode);
    ::umask(before);
    CHECK(mode_of(api.socket()) == mode);
    CHECK(mode_of(api.directory / "run") == (mode == 0600 ? 0700U : 0755U));
    api.stop();
    CHECK(::access(api.socket().c_str(), F_OK) != 0);
  }
}

TEST_CASE("The socket of a dead daemon is replaced, that of a living one is not", "[api][socket]") {
  const TempDir dir;
  leave_stale(dir / "s.sock");
  asio::io_context context;
  const auto first = listen_unix(context.get_executor(), dir / "s.sock", 0600, "");
  REQUIRE(first);
  const auto second = listen_unix(context.get_executor(), dir / "s.sock", 0600, "");
  REQUIRE_FALSE(second);
  CHECK(second.error().code == ErrorCode::conflict);
  CHECK_THAT(second.error().text(), ContainsSubstring("another process answers there"));
  CHECK(::access((dir / "s.sock").c_str(), F_OK) == 0);
}

TEST_CASE("Whatever is no socket is left alone", "[api][socket]") {
  const TempDir dir;
  asio::io_context context;
  dir.write("s.sock", "precious");
  const auto listener = listen_unix(context.get_executor(), dir / "s.sock", 0600, "");
  REQUIRE_FALSE(listener);
  CHECK(listener.error().code == ErrorCode::conflict);
  CHECK(read_file(dir / "s.sock") == "precious");
  REQUIRE(::symlink((dir / "elsewhere").c_str(), (dir / "link").c_str()) == 0);
  CHECK_FALSE(listen_unix(context.get_executor(), dir / "link", 0600, ""));
  CHECK(::access((dir / "elsewhere").c_str(), F_OK) != 0);
}

TEST_CASE("A socket that somebody has put in place of ours is not removed", "[api][socket]") {
  RunningApi api;
  REQUIRE(::unlink(api.socket().c_str()) == 0);
  leave_stale(api.socket());
  api.stop();
  CHECK(::access(api.socket().c_str(), F_OK) == 0);
}

TEST_CASE("A path that cannot be a socket is an error that says why", "[api][socket]") {
  const TempDir dir;
  asio::io_context context;
  const auto why = [&](const std::string& path, const std::string& group = {}) {
    const auto listener = listen_unix(context.get_executor(), path, 0600, group);
    return listener ? std::string("listens") : listener.error().text();
  };
  CHECK_THAT(why("/" + std::string(120, 'x')), ContainsSubstring("the path has 121 bytes"));
  CHECK_THAT(why("/" + std::string(120, 'x')), ContainsSubstring("107"));
  CHECK_THAT(why("relative.sock"), ContainsSubstring("not an absolute path"));
  CHECK_THAT(why(""), ContainsSubstring("not an absolute path"));
  CHECK_THAT(why(dir / "none/s.sock"), ContainsSubstring("its directory has to exist"));
  CHECK_THAT(why(dir / "s.sock", "no-such-group-here"), ContainsSubstring("there is no group"));
  CHECK(::access((dir / "s.sock").c_str(), F_OK) != 0);
  CHECK(why("/" + std::string(106, 'x')).find("bytes") == std::string::npos);
}

TEST_CASE("What is no HTTP, or too much of it, is answered in the API's form", "[api][socket]") {
  RunningApi api;
  auto said = ask(api.socket(), "POST", "/v1/silences", std::string(api::kMaxBodyBytes + 1, 'x'));
  REQUIRE(said);
  CHECK(said->status == 413);
  CHECK(nlohmann::json::parse(said->body)["error"]["code"] == "too_large");
  said = ask(api.socket(), "GET", "/v1/alerts?match=" + std::string(20'000, 'x'));
  REQUIRE(said);
  CHECK(said->status == 431);
  CHECK(nlohmann::json::parse(said->body)["error"]["code"] == "too_large");
  said = ask(api.socket(), "BREW", "/healthz");
  REQUIRE(said);
  CHECK(said->status == 405);
}

TEST_CASE("The client says whether nobody is there, or nobody listens, or nobody answers", "[api][socket]") {
  const TempDir dir;
  CHECK(ask(dir / "none.sock", "GET", "/").error().code == ErrorCode::not_found);
  leave_stale(dir / "stale.sock");
  CHECK(ask(dir / "stale.sock", "GET", "/").error().code == ErrorCode::unavailable);
  CHECK(ask("/" + std::string(200, 'x'), "GET", "/").error().code == ErrorCode::invalid_input);
  asio::io_context context;
  const auto mute = listen_unix(context.get_executor(), dir / "mute.sock", 0600, "");
  REQUIRE(mute);
  UnixRequest request;
  request.socket = dir / "mute.sock";
  request.timeout = std::chrono::milliseconds{20};
  const auto said = ask_unix(request);
  REQUIRE_FALSE(said);
  CHECK(said.error().code == ErrorCode::timed_out);
}
