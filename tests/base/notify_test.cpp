#include "daemon/base/notify.h"

#include <cstdlib>
#include <cstring>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace redflag;
using namespace redflag::daemon;
using namespace std::chrono_literals;

namespace {

class FakeSystemd {
 public:
  FakeSystemd() : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = dir_ / "notify";
    std::strcpy(address.sun_path, path.c_str());
    if (::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("bind failed");
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
    ::setenv("WATCHDOG_USEC", "30000000", 1);
    ::unsetenv("WATCHDOG_PID");
  }
  ~FakeSystemd() {
    ::close(fd_);
    ::unsetenv("NOTIFY_SOCKET");
    ::unsetenv("WATCHDOG_USEC");
  }
  std::string receive() const {
    char buffer[512];
    const ssize_t size = ::recv(fd_, buffer, sizeof buffer, 0);
    return size < 0 ? std::string() : std::string(buffer, static_cast<std::size_t>(size));
  }

 private:
  test::TempDir dir_;
  int fd_;
};

}  // namespace

TEST_CASE("systemd is told ready, status, watchdog, reloading and stopping in its own words", "[notify]") {
  const FakeSystemd systemd;
  ServiceNotifier notifier;
  REQUIRE(notifier.watchdog_interval() == Duration{30s});
  notifier.ready("watching 3 runs");
  CHECK(systemd.receive() == "READY=1\nSTATUS=watching 3 runs");
  notifier.watchdog();
  CHECK(systemd.receive() == "WATCHDOG=1");
  notifier.reloading(Duration{42us});
  CHECK_THAT(systemd.receive(), ContainsSubstring("RELOADING=1\nMONOTONIC_USEC=42\n"));
  notifier.stopping();
  CHECK_THAT(systemd.receive(), ContainsSubstring("STOPPING=1"));
}

TEST_CASE("without systemd nothing is sent and nothing fails", "[notify]") {
  ::unsetenv("NOTIFY_SOCKET");
  ServiceNotifier notifier;
  notifier.ready("x");
  CHECK_FALSE(notifier.watchdog_interval().has_value());
}
