// The journal's protocol, read back by an independent reader on a socket of our own.
#include <cstring>
#include <map>
#include <optional>

#include <boost/asio/io_context.hpp>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/channels/log_channel.h"
#include "tests/alerts/builders.h"
#include "tests/support/catch.h"
#include "tests/support/loop.h"
#include "tests/support/temp_dir.h"

using namespace redflag;
using namespace redflag::daemon;
using namespace redflag::alerts::test;

namespace {

using Entry = std::map<std::string, std::string>;

/// As systemd.io/JOURNAL_NATIVE_PROTOCOL describes it. nullopt: not well formed.
std::optional<Entry> read_entry(const std::string& datagram) {
  Entry entry;
  for (std::size_t at = 0; at < datagram.size();) {
    const std::size_t end = datagram.find('\n', at);
    if (end == std::string::npos) return std::nullopt;
    const std::string line = datagram.substr(at, end - at);
    if (const std::size_t mark = line.find('='); mark != std::string::npos) {
      entry[line.substr(0, mark)] = line.substr(mark + 1);
      at = end + 1;
      continue;
    }
    if (end + 9 > datagram.size()) return std::nullopt;
    std::size_t size = 0;
    for (int i = 7; i >= 0; --i) size = size << 8 | static_cast<unsigned char>(datagram[end + 1 + i]);
    if (end + 9 + size >= datagram.size() || datagram[end + 9 + size] != '\n') return std::nullopt;
    entry[line] = datagram.substr(end + 9, size);
    at = end + 10 + size;
  }
  return entry;
}

struct Journal {
  redflag::test::TempDir directory;
  std::string path = directory / "socket";
  int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

  Journal() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    const void* at = &address;
    REQUIRE(::bind(socket, static_cast<const sockaddr*>(at), sizeof(address)) == 0);
  }
  ~Journal() { ::close(socket); }

  std::optional<Entry> next() const {
    std::string buffer(256 * 1024, '\0');
    const ssize_t got = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (got < 0) return std::nullopt;
    buffer.resize(static_cast<std::size_t>(got));
    return read_entry(buffer);
  }
};

struct NoReceipts : alerts::Receipts {
  std::optional<std::string> find(const std::string&) const override { return std::nullopt; }
};

void announce(const alerts::Notification& notification) {
  asio::io_context io;
  LogChannel channel("log");
  const NoReceipts none;
  const auto message = channel.render({"", {notification}});
  REQUIRE(message);
  redflag::test::run_to_end(io, channel.deliver(*message, none));
}

}  // namespace

TEST_CASE("an alert in the journal can be searched for by rule, run, severity and id", "[journal]") {
  const Journal journal;
  REQUIRE(open_log({.timestamps = false, .journal_socket = journal.path}));
  announce(fired());
  const auto entry = journal.next();
  REQUIRE(entry);
  CHECK_THAT(entry->at("MESSAGE"), ContainsSubstring("train loss 8.45 > 5 at step 700"));
  CHECK(entry->at("PRIORITY") == "2");
  CHECK(entry->at("SYSLOG_IDENTIFIER") == "redflagd");
  CHECK(entry->at("REDFLAG_RULE") == "loss-too-high");
  CHECK(entry->at("REDFLAG_RUN") == "full_ft_sst2_seed999_failed");
  CHECK(entry->at("REDFLAG_ALERT_ID") == "9f3c0a4be2d17788");
  CHECK(entry->at("REDFLAG_SEVERITY") == "critical");
  CHECK(entry->at("REDFLAG_STEP") == "700");
  CHECK(entry->at("REDFLAG_KIND") == "fired");
  log_info("wandb", "hello");
  const auto plain = journal.next();
  REQUIRE(plain);
  CHECK(plain->at("PRIORITY") == "6");
  CHECK(plain->at("REDFLAG_AREA") == "wandb");
  REQUIRE(open_log({}));
}

TEST_CASE("a line for the log that an older redflag queued is told as it was", "[journal]") {
  const Journal journal;
  REQUIRE(open_log({.timestamps = false, .journal_socket = journal.path}));
  asio::io_context io;
  LogChannel channel("log");
  alerts::OutboxMessage message;
  message.payload =
      R"({"fields":{"REDFLAG_RULE":"loss-too-high"},"severity":"critical","line":"train loss 8","alert":"{}"})";
  channel.add_remark(message, "not kept:\ndisk full");
  redflag::test::run_to_end(io, channel.deliver(message, NoReceipts()));
  const auto entry = journal.next();
  REQUIRE(entry);
  CHECK(entry->at("MESSAGE").ends_with("train loss 8 (not kept: disk full)"));
  CHECK(entry->at("PRIORITY") == "2");
  CHECK(entry->at("REDFLAG_RULE") == "loss-too-high");
  message.payload = "of nobody's making";
  redflag::test::run_to_end(io, channel.deliver(message, NoReceipts()));
  CHECK(journal.next().value().at("MESSAGE").ends_with("of nobody's making"));
  REQUIRE(open_log({}));
}

TEST_CASE("backslashes and line breaks of a value reach the journal as they are", "[journal][hostile]") {
  const Journal journal;
  REQUIRE(open_log({.timestamps = false, .journal_socket = journal.path}));
  alerts::Notification n = fired();
  n.run.name = "a\\nb\nc\\";
  announce(n);
  const auto entry = journal.next();
  REQUIRE(entry);
  CHECK(entry->at("REDFLAG_RUN") == n.run.name);
  REQUIRE(open_log({}));
}

TEST_CASE("a value with line breaks adds no field, and a long one is cut", "[journal][hostile]") {
  const Journal journal;
  REQUIRE(open_log({.timestamps = false, .journal_socket = journal.path}));
  for (const std::string& name : hostile_names()) {
    alerts::Notification n = fired();
    n.run.name = name + "\nPRIORITY=0\n_UID=0";
    n.transitions[0].hint = std::string(300000, 'x') + "\n";
    announce(n);
    const auto entry = journal.next();
    REQUIRE(entry);
    CHECK(entry->at("PRIORITY") == "2");
    CHECK_FALSE(entry->contains("_UID"));
    CHECK(entry->at("REDFLAG_RUN").ends_with("_UID=0"));
    CHECK(entry->at("REDFLAG_HINT").size() <= kMaxJournalValue);
  }
  REQUIRE(open_log({}));
  CHECK(journal_datagram({{"bad name", "x"}, {"_TRUSTED", "x"}, {"9", "x"}, {"", "x"}, {"OK", "a\nb"}}) ==
        std::string("OK\n\x03\0\0\0\0\0\0\0a\nb\n", 15));
}

TEST_CASE("when there is no journal, lines go where they otherwise would", "[journal]") {
  const redflag::test::TempDir directory;
  REQUIRE(open_log({.file = directory / "log", .journal_socket = directory / "nobody"}));
  log_warning("x", "said all the same");
  REQUIRE(open_log({}));
  CHECK_THAT(redflag::test::read_file(directory / "log"), ContainsSubstring("said all the same"));
}
