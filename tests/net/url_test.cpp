// URLs that people and services write, and those that must not get through.
#include "daemon/net/url.h"

#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::daemon;

TEST_CASE("A W&B address is taken apart", "[net][url]") {
  const auto url = parse_url("https://api.wandb.ai/graphql?x=1", "reading base_url");
  REQUIRE(url);
  CHECK(url->tls);
  CHECK(url->host == "api.wandb.ai");
  CHECK(url->port == 443);
  CHECK(url->target == "/graphql?x=1");
  CHECK(url->authority() == "api.wandb.ai");
  CHECK(url->host_and_port() == "api.wandb.ai:443");
  CHECK(url->origin() == "https://api.wandb.ai:443");
}

TEST_CASE("Ports, missing paths, fragments and capital letters are understood", "[net][url]") {
  CHECK(parse_url("http://Host_1:8080", "")->authority() == "host_1:8080");
  CHECK(parse_url("http://host", "")->target == "/");
  CHECK(parse_url("http://host?q=a/b", "")->target == "/?q=a/b");
  CHECK(parse_url("http://host/a#part", "")->target == "/a");
  CHECK(parse_url("http://host#part", "")->target == "/");
  CHECK(parse_url("HTTPS://host:/", "")->port == 443);
  CHECK(parse_url("https://xn--bcher-kva.example/", "")->host == "xn--bcher-kva.example");
}

TEST_CASE("An IPv6 literal keeps its brackets where HTTP wants them", "[net][url]") {
  const auto url = parse_url("https://[2001:DB8::1]:8443/x", "");
  REQUIRE(url);
  CHECK(url->ipv6);
  CHECK(url->host == "2001:db8::1");
  CHECK(url->port == 8443);
  CHECK(url->authority() == "[2001:db8::1]:8443");
  CHECK(parse_url("http://[::1]", "")->authority() == "[::1]");
}

TEST_CASE("What is no usable URL is refused without repeating it", "[net][url]") {
  for (const std::string text : {"",
                                 "api.wandb.ai",
                                 "ftp://host/SECRET",
                                 "https://",
                                 "https:///SECRET",
                                 "https://user:SECRET@host/",
                                 "https://host/SECRET path",
                                 "https://host/SECRET\r\nX: y",
                                 "https://h\xc3\xb6st/SECRET",
                                 "https://host:0/SECRET",
                                 "https://host:65536/SECRET",
                                 "https://host:12x/SECRET",
                                 "https://host:-1/SECRET",
                                 "https://[::1/SECRET",
                                 "https://[::1]x/SECRET",
                                 "https://[SECRET]/",
                                 "https://[fe80::1%25eth0]/",
                                 "https://a..b/SECRET",
                                 "https://.a/SECRET",
                                 "https://a%20b/SECRET",
                                 "https://a\\b/SECRET"}) {
    CAPTURE(text);
    const auto url = parse_url(text, "reading the webhook");
    REQUIRE_FALSE(url);
    CHECK(url.error().code == ErrorCode::invalid_input);
    CHECK(url.error().text().find("SECRET") == std::string::npos);
  }
  CHECK_FALSE(parse_url("https://host/" + std::string(20'000, 'a'), ""));
  CHECK_FALSE(parse_url("https://" + std::string(300, 'a') + "/", ""));
}

TEST_CASE("Percent-encoding leaves only what RFC 3986 calls unreserved", "[net][url]") {
  CHECK(percent_encode("full_ft-1.2~x") == "full_ft-1.2~x");
  CHECK(percent_encode("a b/c?d&e=%\xc3\xbc\n") == "a%20b%2Fc%3Fd%26e%3D%25%C3%BC%0A");
  CHECK(percent_encode(std::string_view("\0", 1)) == "%00");
}
