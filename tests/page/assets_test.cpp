// The page's files as they are served.
#include "daemon/page/assets.h"

#include "daemon/net/inflate.h"
#include "tests/page/running_page.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::test;

namespace {

std::string inflated(std::string_view gzipped) {
  std::string text;
  Inflater inflater;
  CHECK(inflater.feed(gzipped, text, std::size_t{8} << 20) == Inflater::Outcome::ok);
  return text;
}

}  // namespace

TEST_CASE("A file is sent once: a browser that has it is told that it is still good", "[page][assets]") {
  RunningPage page;
  page.sign_in();
  const Heard first = page.ask("GET", page.base, {page.cookie, "Accept-Encoding: gzip, br"});
  CHECK(first.status == 200);
  CHECK(first.header("Content-Type") == "text/html; charset=utf-8");
  CHECK(first.header("Content-Encoding") == "gzip");
  const std::string etag = first.header("ETag");
  REQUIRE(etag.size() == 18);
  const Heard again = page.ask("GET", page.base, {page.cookie, "If-None-Match: " + etag});
  CHECK(again.status == 304);
  CHECK(again.body.empty());
  CHECK(page.ask("GET", page.base, {page.cookie, "If-None-Match: \"0123\""}).status == 200);
}

TEST_CASE("Who cannot inflate gets the plain file", "[page][assets]") {
  RunningPage page;
  page.sign_in();
  const Heard plain = page.ask("GET", page.base + "dygraph.min.js", {page.cookie});
  CHECK(plain.header("Content-Encoding").empty());
  CHECK(plain.body == inflated(page::find_asset("dygraph.min.js")->gzipped));
}

TEST_CASE("The page's own files hold nothing that its policy forbids, and name no other host",
          "[page][assets]") {
  for (const page::Asset& asset : page::assets()) {
    if (asset.path == "dygraph.min.js") continue;
    const std::string text = inflated(asset.gzipped);
    for (const char* never : {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(",
                              "style=\"", "<style", "onclick=", "javascript:", "https://", "@import"}) {
      INFO(asset.path << " has " << never);
      CHECK(text.find(never) == std::string::npos);
    }
    for (std::size_t at = text.find("http://"); at != std::string::npos; at = text.find("http://", at + 1))
      CHECK(text.substr(at, 18) == "http://www.w3.org/");  // the name of SVG
  }
}

TEST_CASE("Changing a file of the page is not a method", "[page][assets]") {
  RunningPage page;
  page.sign_in();
  const Heard heard = page.ask("POST", page.base + "style.css", {page.cookie, "X-Redflag: page"}, "x");
  CHECK(heard.status == 405);
  CHECK(heard.header("Allow") == "GET");
}
