// Server-sent events: what is told, to whom, and what becomes of clients that go, sleep or are many.
#include <list>

#include <nlohmann/json.hpp>

#include "tests/page/running_page.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::test;
using namespace std::chrono_literals;

namespace {

page::EventLimits quick() {
  page::EventLimits limits;
  limits.spacing = 1ms;
  limits.keep_alive = 20ms;
  return limits;
}

std::unique_ptr<Wire> listen(RunningPage& page, std::vector<std::string> headers = {}) {
  auto wire = std::make_unique<Wire>(page.port);
  headers.push_back(page.cookie);
  wire->send(page.request("GET", page.base + "v1/events", std::move(headers)));
  return wire;
}

/// The rest of the last line that begins with `key`.
std::string line_after(const std::string& text, const std::string& key) {
  const std::string lines = '\n' + text;
  const std::size_t at = lines.rfind('\n' + key);
  if (at == std::string::npos) return "(no " + key + ")";
  const std::size_t begin = at + 1 + key.size();
  return lines.substr(begin, lines.find('\n', begin) - begin);
}

/// All that comes until an event of that kind has come whole.
std::string event(Wire& wire, const std::string& kind) {
  std::string text = wire.until("event: " + kind + "\n");
  return text + wire.until("}\n\n");
}

}  // namespace

TEST_CASE("Who listens is greeted, told which runs have news, and what fires", "[page][events]") {
  RunningPage page(quick());
  page.on_loop([&] {
    page.views.add_run("h/e/p/one", 10);
    page.views.add_run("h/e/p/two", 10);
  });
  page.sign_in();
  const auto wire = listen(page);
  const std::string greeting = wire->until("}\n\n");
  CHECK_THAT(greeting, ContainsSubstring("Content-Type: text/event-stream"));
  CHECK_THAT(greeting, ContainsSubstring("Transfer-Encoding: chunked"));
  CHECK_THAT(greeting, ContainsSubstring("retry: 2000\n"));
  CHECK_THAT(greeting, ContainsSubstring("event: overview\ndata: {\"revision\":1,\"reset\":true}"));
  wire->until(": alive\n\n");  // it has looked once by now

  page.on_loop([&] {
    page.views.now.runs[1].step = 20;
    ++page.views.number;
  });
  const std::string news = event(*wire, "rows");
  CHECK_THAT(news, ContainsSubstring("event: overview\ndata: {\"revision\":2,\"reset\":false}"));
  CHECK(line_after(news, "data: ") == R"({"revision":2,"runs":["h/e/p/two"],"more":false})");

  page.on_loop([&] {
    AlertLine alert;
    alert.id = "a1";
    alert.severity = Severity::critical;
    page.views.now.alerts.push_back(alert);
    page.views.now.firing.critical = 1;
    ++page.views.number;
  });
  const std::string alert = event(*wire, "alerts");
  CHECK(line_after(alert, "data: ") == R"({"revision":3,"critical":1,"warning":0,"info":0})");
}

TEST_CASE("Who comes back is told what was missed; who was away too long is told to ask for everything",
          "[page][events]") {
  page::EventLimits limits = quick();
  limits.remembered = 8;
  RunningPage page(limits);
  page.on_loop([&] { page.views.add_run("h/e/p/one", 10); });
  page.sign_in();
  const auto first = listen(page);
  first->until(": alive\n\n");
  const auto progress = [&] {
    page.on_loop([&] {
      ++page.views.now.runs[0].step;
      ++page.views.number;
    });
    return event(*first, "rows");
  };
  const std::string id = line_after(progress(), "id: ");
  progress();
  {
    const auto back = listen(page, {"Last-Event-ID: " + id});
    const std::string told = event(*back, "rows");
    CHECK_THAT(told, ContainsSubstring("\"reset\":false"));
    CHECK(told.find("\"reset\":true") == std::string::npos);
    CHECK_THAT(told, ContainsSubstring("\"revision\":3"));
  }
  for (int i = 0; i < 8; ++i) progress();
  for (const std::string& old :
       {id, std::string("00000000-1"), std::string("nonsense"), id.substr(0, 9) + "18446744073709551615"}) {
    INFO(old);
    CHECK_THAT(listen(page, {"Last-Event-ID: " + old})->until("}\n\n"), ContainsSubstring("\"reset\":true"));
  }
}

TEST_CASE("Many clients are told by one look", "[page][events]") {
  RunningPage page(quick());
  page.on_loop([&] { page.views.add_run("h/e/p/one", 10); });
  page.sign_in();
  std::list<std::unique_ptr<Wire>> wires;
  for (int i = 0; i < 50; ++i) wires.push_back(listen(page));
  for (const auto& wire : wires) wire->until(": alive\n\n");
  int before = 0;
  page.on_loop([&] {
    before = page.views.looks;
    page.views.now.runs[0].step = 11;
    ++page.views.number;
  });
  for (const auto& wire : wires) CHECK_THAT(wire->until("event: rows\n"), ContainsSubstring("event: rows"));
  page.on_loop([&] { CHECK(page.views.looks == before + 1); });
  CHECK(page.listeners() == 50);
}

TEST_CASE("Who has gone is forgotten", "[page][events]") {
  RunningPage page(quick());
  page.sign_in();
  {
    const auto wire = listen(page);
    wire->until(": alive\n\n");
    CHECK(page.listeners() == 1);
  }
  while (page.listeners() != 0) std::this_thread::yield();
}

TEST_CASE("A client that does not read is dropped, and the others hear everything", "[page][events]") {
  page::EventLimits limits = quick();
  limits.waiting = 16;
  RunningPage page(limits);
  // Names so long that what the system buffers is soon full.
  page.on_loop([&] {
    for (int i = 0; i < 50; ++i) page.views.add_run("h/e/p/" + std::string(2000, 'x') + std::to_string(i), 1);
  });
  page.sign_in();
  Wire sleeper(page.port, 4096);
  sleeper.send(page.request("GET", page.base + "v1/events", {page.cookie}));
  const auto reader = listen(page);
  reader->until(": alive\n\n");
  int rounds = 0;
  while (page.listeners() == 2) {
    REQUIRE(++rounds < 2000);
    page.on_loop([&] {
      for (RunView& run : page.views.now.runs) ++run.step;
      ++page.views.number;
    });
    CHECK_THAT(reader->until("event: rows\n"), ContainsSubstring("event: rows"));
  }
  CHECK(page.listeners() == 1);
}

TEST_CASE("More pages than there is room for are told so", "[page][events]") {
  page::EventLimits limits = quick();
  limits.clients = 2;
  RunningPage page(limits);
  page.sign_in();
  const auto one = listen(page);
  const auto two = listen(page);
  one->until("}\n\n");
  two->until("}\n\n");
  const Heard third = page.ask("GET", page.base + "v1/events", {page.cookie});
  CHECK(third.status == 503);
  CHECK(third.header("Retry-After") == "30");
}

TEST_CASE("A run's name cannot end an event early or begin another", "[page][events]") {
  RunningPage page(quick());
  page.sign_in();
  const auto wire = listen(page);
  wire->until(": alive\n\n");
  page.on_loop([&] {
    page.views.add_run("h/e/p/a\n\nevent: alerts\ndata: {}\n\n\xff</script>\xE2\x80\xAE", 1);
    ++page.views.number;
  });
  const std::string data = line_after(event(*wire, "rows"), "data: ");
  CHECK(nlohmann::json::parse(data)["runs"].size() == 1);
  CHECK(data.find('\xE2') == std::string::npos);
  CHECK(wire->until(": alive").find("event: alerts") == std::string::npos);
}
