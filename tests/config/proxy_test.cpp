// Proxies: which variable counts, which hosts go around it, and what of it is shown.
#include "daemon/config/proxy.h"

#include "tests/config/config_helpers.h"
#include "tests/support/catch.h"

using namespace redflag::daemon;
using namespace redflag::daemon::test;

namespace {

std::string via(const Variables& variables, std::string_view url) {
  const auto settings = proxy_from_environment(environment(variables));
  if (!settings) return settings.error().text();
  const auto proxy = settings->proxy_for(url);
  return proxy ? proxy->text() : "direct";
}

}  // namespace

TEST_CASE("Each scheme has its variable, lower case wins, ALL_PROXY stands in", "[config][proxy]") {
  CHECK(via({{"HTTPS_PROXY", "http://p:3128"}}, "https://api.wandb.ai/graphql") == "http://p:3128");
  CHECK(via({{"HTTPS_PROXY", "http://p:3128"}}, "http://x.example") == "direct");
  CHECK(via({{"HTTPS_PROXY", "http://p:1"}, {"https_proxy", "http://q:2"}}, "https://x.example") ==
        "http://q:2");
  CHECK(via({{"ALL_PROXY", "http://p:1"}}, "https://x.example") == "http://p:1");
  CHECK(via({{"ALL_PROXY", "http://p:1"}, {"HTTP_PROXY", "http://h:2"}}, "http://x.example") == "http://h:2");
  CHECK(via({{"HTTPS_PROXY", ""}}, "https://x.example") == "direct");
  CHECK(via({{"HTTPS_PROXY", "p:3128"}}, "https://x.example") == "http://p:3128");
  CHECK(via({{"HTTPS_PROXY", "http://[fd00::1]:3128/"}}, "https://x.example") == "http://[fd00::1]:3128");
  CHECK(via({{"HTTP_PROXY", "http://evil:1"}, {"REQUEST_METHOD", "GET"}}, "http://x.example") == "direct");
}

TEST_CASE("NO_PROXY matches hosts, domains, addresses, ports and everything", "[config][proxy]") {
  const auto direct = [](const char* list, const char* url) {
    return via({{"HTTPS_PROXY", "http://p:1"}, {"NO_PROXY", list}}, url) == "direct";
  };
  CHECK(direct("*", "https://x.example"));
  CHECK(direct("wandb.ai", "https://wandb.ai"));
  CHECK(direct("wandb.ai", "https://API.wandb.ai/graphql"));
  CHECK(direct(".wandb.ai", "https://api.wandb.ai"));
  CHECK(direct("*.wandb.ai", "https://api.wandb.ai"));
  CHECK(direct("a, b ,wandb.ai", "https://api.wandb.ai"));
  CHECK(direct("10.0.0.5", "https://10.0.0.5:8443/x"));
  CHECK(direct("fd00::1", "https://[fd00::1]/x"));
  CHECK(direct("[fd00::1]:8443", "https://[fd00::1]:8443/x"));
  CHECK(direct("x.example:8443", "https://x.example:8443"));
  CHECK(direct("x.example:443", "https://x.example"));
  CHECK(direct("x.example.", "https://x.example./"));

  CHECK_FALSE(direct("x.example:8443", "https://x.example"));
  CHECK_FALSE(direct("wandb.ai", "https://notwandb.ai"));
  CHECK_FALSE(direct("ai.wandb", "https://wandb.ai"));
  CHECK_FALSE(direct("0.0.5", "https://10.0.0.5"));
  CHECK_FALSE(direct("api", "https://api.wandb.ai"));
  CHECK_FALSE(direct("", "https://api.wandb.ai"));
  CHECK_FALSE(direct(",,", "https://api.wandb.ai"));
}

TEST_CASE("This machine is never reached through a proxy", "[config][proxy]") {
  for (const char* url : {"https://localhost:8080", "https://127.0.0.1", "https://127.9.9.9",
                          "https://[::1]:1", "https://a.localhost"})
    CHECK(via({{"ALL_PROXY", "http://p:1"}}, url) == "direct");
  CHECK(via({{"ALL_PROXY", "http://p:1"}}, "https://127.evil.example") == "http://p:1");
  CHECK(via({{"ALL_PROXY", "http://p:1"}}, "not a url") == "direct");
}

TEST_CASE("A proxy's password is decoded for the proxy and shown to nobody", "[config][proxy]") {
  const auto proxy = parse_proxy_url("http://me:hunter2%40hunter2@proxy.example:8080", "HTTPS_PROXY");
  REQUIRE(proxy);
  CHECK(proxy->credentials.reveal() == "me:hunter2@hunter2");
  CHECK(proxy->text() == "http://proxy.example:8080 (credentials set)");
  for (const char* bad :
       {"http://me:hunter2hunter2@", "socks5://me:hunter2hunter2@p:1", "https://me:hunter2hunter2@p:1",
        "http://me:hunter2hunter2@p:99999", "http://me:hunter2hunter2%0d@p:1",
        "http://me:hunter2hunter2%4@p:1", "http://me:hunter2hunter2@p/path"}) {
    const auto refused = parse_proxy_url(bad, "HTTPS_PROXY");
    REQUIRE_FALSE(refused);
    INFO(refused.error().text());
    CHECK_FALSE(leaks(refused.error().text(), "hunter2hunter2"));
    const std::string said = complaints("", {{"HTTPS_PROXY", bad}});
    CHECK_THAT(said, ContainsSubstring("HTTPS_PROXY"));
    CHECK_FALSE(leaks(said, "hunter2hunter2"));
  }
  const Config config =
      accepted("", {{"HTTPS_PROXY", "http://me:hunter2hunter2@p:1"}, {"NO_PROXY", "a.example"}});
  CHECK_THAT(describe(config),
             ContainsSubstring("# https goes through http://p:1 (credentials set) (from HTTPS_PROXY)"));
  CHECK_THAT(describe(config), ContainsSubstring("# reached directly: a.example"));
  CHECK_FALSE(leaks(describe(config), "hunter2hunter2"));
}

TEST_CASE("The file's proxy wins over the environment, and none switches it off", "[config][proxy]") {
  const Variables env{{"HTTPS_PROXY", "http://env:1"}, {"NO_PROXY", "a.example"}};
  Config config = accepted("network: {proxy: \"http://mine:2\", no_proxy: [.b.example]}\n", env);
  CHECK(config.network.proxies.proxy_for("https://x.example")->text() == "http://mine:2");
  CHECK_FALSE(config.network.proxies.proxy_for("https://a.example").has_value());
  CHECK_FALSE(config.network.proxies.proxy_for("https://x.b.example").has_value());
  config = accepted("network: {proxy: none}\n", env);
  CHECK_FALSE(config.network.proxies.proxy_for("https://x.example").has_value());
  config = accepted("network: {no_proxy: [c.example]}\n", env);
  CHECK_FALSE(config.network.proxies.proxy_for("https://c.example").has_value());
  CHECK(config.network.proxies.proxy_for("https://x.example")->text() == "http://env:1");
  const std::string said = complaints("network: {proxy: \"http://me:hunter2hunter2@p:1\"}\n");
  CHECK_THAT(said, ContainsSubstring("network.proxy must not hold a user name or a password"));
  CHECK_FALSE(leaks(said, "hunter2hunter2"));
}
