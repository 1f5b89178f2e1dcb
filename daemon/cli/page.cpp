// There is no --open: a browser is started with the address among its arguments, where every user of the
// machine can read it, and the first to use it is signed in.
#include "daemon/cli/page.h"

#include <cstdlib>

#include <fmt/format.h>
#include <unistd.h>

#include "daemon/cli/daemon_client.h"
#include "daemon/config/url.h"

namespace redflag::daemon {

const CommandSpec& page_spec() {
  static const CommandSpec kSpec{
      "page", "", "Prints the address of the live page; it signs a browser in.",
      std::string("The address works once, for five minutes; the browser that opens it stays signed\n"
                  "in for thirty days. Who may use the daemon's socket may use its page. The page is\n"
                  "off unless the configuration says `page.listen: 127.0.0.1:8765`.\n\n") +
          kDaemonExitCodes +
          "\n\nexamples:\n"
          "  redflag page\n"
          "  sudo redflag page                     the page of the system's daemon\n"
          "  ssh -L 8765:127.0.0.1:8765 HOST       then `redflag page` there, for a browser here",
      with_daemon_options({})};
  return kSpec;
}

int page_command(const std::vector<std::string>& words) {
  const CommandSpec& spec = page_spec();
  const Result<Arguments> arguments = Arguments::parse(spec, words);
  if (const std::optional<int> code = usage_answer("redflag", spec, arguments)) return *code;
  if (!arguments->operands().empty()) {
    fmt::print(stderr, "redflag page: it takes no arguments besides its options\n");
    return kWrongUsage;
  }
  DaemonClient daemon("redflag page", *arguments);
  const auto answer = daemon.ask("POST", "/v1/page/login");
  if (!answer) return answer.error();
  if (arguments->has("json")) {
    print_json(*answer);
    return 0;
  }
  const std::string url = text_in(*answer, "url");
  fmt::print("{}\n", url);
  // For people; a script that takes the address is not told.
  if (::isatty(STDOUT_FILENO) == 1) {
    fmt::print("It works once, for five minutes.\n");
    const auto parts = settings::split_url(url);
    if (std::getenv("SSH_CONNECTION") != nullptr && parts)
      fmt::print("For a browser on your own machine, there: ssh -L {0}:127.0.0.1:{0} THIS_MACHINE\n",
                 parts->port);
  }
  return 0;
}

}  // namespace redflag::daemon
