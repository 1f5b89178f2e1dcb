// Who gets to the live page and who does not, over a real connection.
#include <nlohmann/json.hpp>

#include "tests/page/running_page.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::test;

TEST_CASE("A login address works once: it gives a cookie for the page's own path and leads there",
          "[page][access]") {
  RunningPage page;
  const std::string path = page.login_path();
  const Heard first = page.ask("GET", path);
  CHECK(first.status == 303);
  const std::string base = first.header("Location");
  CHECK(base.size() == 18);
  const std::string cookie = first.header("Set-Cookie");
  CHECK_THAT(cookie, ContainsSubstring("; HttpOnly; SameSite=Strict"));
  CHECK_THAT(cookie, ContainsSubstring("; Path=" + base + ";"));
  CHECK(cookie.find(std::string(16, 'a')) == std::string::npos);  // the token itself goes nowhere

  const Heard again = page.ask("GET", path);
  CHECK(again.status == 303);
  CHECK(again.header("Location") == "/?spent");
  CHECK(again.header("Set-Cookie").empty());
}

TEST_CASE("Without a session there is the sign-in page and nothing else", "[page][access]") {
  RunningPage page;
  CHECK(page.ask("GET", "/").status == 200);
  CHECK(page.ask("GET", "/style.css").status == 200);
  for (const char* path :
       {"/v1/alerts", "/v1/events", "/index.html", "/main.js", "/../page_token", "/%2e%2e/"})
    CHECK(page.ask("GET", path).status == 404);
  page.sign_in();
  CHECK(page.ask("GET", page.base + "v1/alerts").status == 401);
  CHECK(page.ask("GET", page.base + "v1/events").status == 401);
  CHECK(page.ask("GET", page.base + "v1/alerts", {page.cookie}).status == 200);
  // A browser that goes there is led to the sign-in page.
  const Heard led = page.ask("GET", page.base, {"Sec-Fetch-Dest: document", "Sec-Fetch-Mode: navigate"});
  CHECK(led.status == 303);
  CHECK(led.header("Location") == "/?ended");
}

TEST_CASE("A cookie that was changed, or is another server's, opens nothing", "[page][access]") {
  RunningPage page;
  page.sign_in();
  std::string longer = page.cookie;
  longer.replace(longer.find('=') + 1, 1, "9");  // ends later, says who forged it
  const std::string target = page.base + "v1/alerts";
  CHECK(page.ask("GET", target, {longer}).status == 401);
  CHECK(page.ask("GET", target, {page.cookie.substr(0, page.cookie.size() - 1)}).status == 401);
  CHECK(page.ask("GET", target, {"Cookie: redflag_session=; redflag_session=..; x"}).status == 401);
  const std::string value = page.cookie.substr(8);
  CHECK(page.ask("GET", target, {"Cookie: _xsrf=2|3; " + value + "; a=b"}).status == 200);
}

TEST_CASE("Only names of this machine are answered: a rebound DNS name finds nobody", "[page][access]") {
  RunningPage page;
  page.sign_in();
  const std::string target = page.base + "v1/alerts";
  for (const char* host :
       {"Host: evil.example", "Host: 127.0.0.1.evil.example:8765", "Host: localhost.evil.example",
        "Host: ", "Host: 10.0.0.1", "Host: [::2]", "Host: localhost:80:80", "Host: 127.0.0.1@evil.example"}) {
    INFO(host);
    CHECK(page.ask("GET", target, {host, page.cookie}).status == 403);
    CHECK(page.ask("GET", "/", {host}).status == 403);
  }
  for (const char* host :
       {"Host: localhost", "Host: localhost:9000", "Host: 127.0.0.1:1", "Host: [::1]:8765"})
    CHECK(page.ask("GET", target, {host, page.cookie}).status == 200);
}

TEST_CASE("Another page in the same browser can neither ask nor change", "[page][access]") {
  RunningPage page;
  page.sign_in();
  const std::string ack = page.base + "v1/alerts/9f3c/ack";
  const std::string own = fmt::format("Origin: http://127.0.0.1:{}", page.port);
  const std::string foreign = "Origin: http://127.0.0.1:9999";
  CHECK(page.ask("POST", ack, {page.cookie}, "{}").status == 403);  // no header of its own: a form
  CHECK(page.ask("POST", ack, {page.cookie, "X-Redflag: page", foreign}, "{}").status == 403);
  CHECK(page.ask("POST", ack, {page.cookie, "X-Redflag: page", "Origin: null"}, "{}").status == 403);
  CHECK(page.ask("GET", page.base + "v1/alerts", {page.cookie, "Sec-Fetch-Site: same-site"}).status == 403);
  CHECK(page.ask("GET", "/style.css", {"Sec-Fetch-Site: cross-site"}).status == 403);
  CHECK(page.ask("OPTIONS", ack, {page.cookie, "Origin: http://evil.example"}).status == 403);
  page.on_loop([&] { CHECK(page.operations.calls.empty()); });

  const std::vector<std::string> ours{page.cookie, "X-Redflag: page", own, "Sec-Fetch-Site: same-origin"};
  CHECK(page.ask("POST", ack, ours, R"({"comment": "seen"})").status == 200);
  page.on_loop([&] {
    CHECK(page.operations.calls == std::vector<std::string>{"ack 9f3c0a4be2d17788 by page: seen"});
  });
  // Following a link from elsewhere leads in, without what the cookie is for; a frame does not.
  std::vector<std::string> link{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate",
                                "Sec-Fetch-Dest: document"};
  CHECK(page.ask("GET", "/", link).status == 200);
  link.back() = "Sec-Fetch-Dest: iframe";
  CHECK(page.ask("GET", "/", link).status == 403);
}

TEST_CASE("Every answer forbids what the page does not need", "[page][access]") {
  RunningPage page;
  page.sign_in();
  const std::vector<Heard> answers{page.ask("GET", "/"),
                                   page.ask("GET", "/nothing"),
                                   page.ask("GET", page.login_path()),
                                   page.ask("GET", page.base, {page.cookie}),
                                   page.ask("GET", page.base + "v1/alerts", {page.cookie}),
                                   page.ask("GET", page.base + "v1/alerts"),
                                   page.ask("GET", "/", {"Host: evil.example"}),
                                   page.ask("GET", "bad target\x01")};
  for (const Heard& heard : answers) {
    INFO(heard.head);
    CHECK_THAT(heard.header("Content-Security-Policy"),
               ContainsSubstring("default-src 'none'; script-src 'self'; style-src 'self'"));
    CHECK_THAT(heard.header("Content-Security-Policy"), ContainsSubstring("frame-ancestors 'none'"));
    CHECK(heard.header("Content-Security-Policy").find("unsafe") == std::string::npos);
    CHECK(heard.header("X-Content-Type-Options") == "nosniff");
    CHECK(heard.header("Referrer-Policy") == "no-referrer");
    CHECK(heard.header("Access-Control-Allow-Origin").empty());
  }
}

TEST_CASE("Whoever guesses is soon told to wait, and who has a session or a code goes on", "[page][access]") {
  RunningPage page;
  page.sign_in();
  int refused = 0;
  for (int i = 0; i < 20; ++i)
    refused += page.ask("GET", fmt::format("/login?code={:032x}", i)).status == 429 ? 1 : 0;
  CHECK(refused == 10);
  CHECK(page.ask("GET", page.base + "v1/alerts", {page.cookie}).status == 200);
  CHECK(page.ask("GET", page.login_path()).header("Location") == page.base);
}

TEST_CASE("The page's API is the local API, mistakes and all", "[page][access]") {
  RunningPage page;
  page.sign_in();
  const Heard alerts = page.ask("GET", page.base + "v1/alerts?state=firing&limit=1", {page.cookie});
  CHECK(nlohmann::json::parse(alerts.body)["alerts"][0]["id"] == "9f3c0a4be2d17788");
  CHECK(alerts.header("Cache-Control") == "no-store");
  const Heard wrong = page.ask("GET", page.base + "v1/alert", {page.cookie});
  CHECK(wrong.status == 404);
  CHECK_THAT(wrong.body, ContainsSubstring("did you mean /v1/alerts?"));
}
