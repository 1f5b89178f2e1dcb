// Mail through stand-ins for sendmail: real programs, real pipes.
#include "daemon/channels/mail_channel.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <boost/asio/io_context.hpp>

#include "daemon/base/simulated_clock.h"
#include "daemon/base/system_clock.h"
#include "daemon/base/system_process.h"
#include "tests/alerts/builders.h"
#include "tests/support/catch.h"
#include "tests/support/loop.h"
#include "tests/support/temp_dir.h"

using namespace redflag;
using namespace redflag::daemon;
using namespace redflag::alerts::test;
using namespace std::chrono_literals;

namespace {

struct NoReceipts : alerts::Receipts {
  std::optional<std::string> find(const std::string&) const override { return std::nullopt; }
};

struct Bench {
  redflag::test::TempDir directory;
  asio::io_context io;
  SystemClock clock;
  SystemLauncher launcher{io.get_executor()};

  /// A program of that body; "$D" is a directory for what it wants to tell.
  std::string program(const std::string& body) {
    const std::string path = directory / "sendmail";
    std::ofstream(path) << "#!/bin/sh\nD='" << (directory / ".") << "'\n" << body << "\n";
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path;
  }
  std::string told(const std::string& name) {
    std::ostringstream text;
    text << std::ifstream(directory / name).rdbuf();
    return text.str();
  }
  alerts::Verdict send(const std::string& program, const alerts::NotificationGroup& group) {
    MailChannel channel("mail", program, {{"alice@example.org"}, "redflag@example.org"}, &launcher, clock);
    auto message = channel.render(group);
    REQUIRE(message);
    message->id = "9f3c-fired-critical@mail";
    message->created = at(0);
    const NoReceipts none;
    return channel.judge(redflag::test::run_to_end(io, channel.deliver(*message, none)), at(0));
  }
};

alerts::NotificationGroup one() {
  return {failed_run().key, {fired()}};
}

}  // namespace

TEST_CASE("sendmail gets the whole mail on its standard input and nothing but -t -oi as arguments",
          "[mail]") {
  Bench bench;
  const std::string program = bench.program("echo \"$@\" >\"$D/arguments\"; cat >\"$D/mail\"; echo thanks");
  CHECK(bench.send(program, one()).outcome == alerts::Outcome::sent);
  CHECK(bench.told("arguments") == "-t -oi\n");
  const std::string mail = bench.told("mail");
  CHECK(mail.starts_with("Message-ID: <9f3c-fired-critical.mail@redflag.invalid>\nDate: Mon, 23 Nov 2026"));
  CHECK_THAT(mail, ContainsSubstring("To: alice@example.org\n"));
  CHECK_THAT(mail, ContainsSubstring("rule loss-too-high\n"));
}

TEST_CASE("a large mail to a program that reads late, or not at all, blocks nothing", "[mail]") {
  Bench bench;
  alerts::NotificationGroup many = one();
  for (int i = 0; i < 300; ++i) {
    many.parts.push_back(fired());
    many.parts.back().transitions[0].id = std::to_string(i);
    many.parts.back().transitions[0].hint = std::string(1500, 'x');
  }
  CHECK(bench.send(bench.program("sleep 0.3; cat >\"$D/mail\""), many).outcome == alerts::Outcome::sent);
  CHECK_THAT(bench.told("mail"), ContainsSubstring("and 251 more"));
  CHECK(bench.send(bench.program("exit 75"), many).outcome == alerts::Outcome::retry);
}

TEST_CASE("sendmail's exit code decides, and its last words are told", "[mail]") {
  Bench bench;
  const alerts::Verdict later =
      bench.send(bench.program("cat >/dev/null; echo queue full >&2; exit 75"), one());
  CHECK(later.outcome == alerts::Outcome::retry);
  CHECK_THAT(later.reason, ContainsSubstring("75"));
  CHECK(bench.send(bench.program("cat >/dev/null; exit 67"), one()).outcome == alerts::Outcome::permanent);
  CHECK(bench.send(bench.program("kill -9 $$"), one()).outcome == alerts::Outcome::retry);
  const alerts::Verdict missing = bench.send("/nonexistent/sendmail", one());
  CHECK(missing.outcome == alerts::Outcome::permanent);
  CHECK_THAT(missing.reason, ContainsSubstring("install a mail transport agent"));
}

TEST_CASE("names that look like shell or mail commands stay text", "[mail][hostile]") {
  Bench bench;
  const std::string program = bench.program("cat >\"$D/mail\"");
  for (const char* name :
       {"$(touch \"$D/hacked\")", "`id`", "x\nBcc: eve@example.org", "\r\n.\r\n", "-oQ/tmp"}) {
    alerts::NotificationGroup group = one();
    group.parts[0].run.name = group.parts[0].transitions[0].message = name;
    CHECK(bench.send(program, group).outcome == alerts::Outcome::sent);
    const std::string mail = bench.told("mail");
    CHECK(mail.substr(0, mail.find("\n\n")).find("\nBcc:") == std::string::npos);
    CHECK(bench.told("mail").find("\n.\n") == std::string::npos);
  }
  CHECK(bench.told("hacked").empty());
}
