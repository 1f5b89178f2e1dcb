// The operator's commands against a daemon's API on a socket, as a person and as a script meet them.
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>

#include <boost/asio/post.hpp>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alerts/text/utf8.h"
#include "daemon/cli/daemon_client.h"
#include "daemon/config/config_loader.h"
#include "tests/api/running_api.h"
#include "tests/cli/said.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::daemon;
using nlohmann::json;
using redflag::test::run_redflag;
using redflag::test::RunningApi;
using redflag::test::Said;

namespace {

/// An environment variable, until the end of its scope.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    ::setenv(name, value.c_str(), 1);
  }
  ~Variable() { before_ ? ::setenv(name_, before_->c_str(), 1) : ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

/// `redflag … --socket` of the daemon that runs.
Said ask(const RunningApi& api, std::vector<std::string> words) {
  words.push_back("--socket=" + api.socket());
  return run_redflag(words);
}

}  // namespace

TEST_CASE("redflag alerts lists what fires, and with --all what ended", "[operator]") {
  const RunningApi api;
  const Said said = ask(api, {"alerts"});
  CHECK(said.code == 0);
  CHECK(said.err.empty());
  CHECK_THAT(said.out, ContainsSubstring("CRITICAL  firing"));
  CHECK_THAT(said.out, ContainsSubstring("WARNING   no data"));
  CHECK(said.out.find("gradient-norm-high") == std::string::npos);
  CHECK(said.out.find('\033') == std::string::npos);
  CHECK_THAT(ask(api, {"alerts", "--all"}).out, ContainsSubstring("gradient-norm-high"));
  CHECK(ask(api, {"alerts", "list"}).out == said.out);
  const Said critical = ask(api, {"alerts", "--match", "severity>=critical", "--match", "run=full_*"});
  CHECK_THAT(critical.out, ContainsSubstring("loss-too-high"));
  CHECK(critical.out.find("run-stalled") == std::string::npos);
  const Said none = ask(api, {"alerts", "--match", "rule=nothing"});
  CHECK(none.code == 0);
  CHECK(none.out == "Nothing that fires matches.\n");
  CHECK(json::parse(ask(api, {"alerts", "--json"}).out)["total"] == 2);
  CHECK_THAT(ask(api, {"alerts", "--limit", "1"}).out, ContainsSubstring("… and 1 more"));
}

TEST_CASE("redflag alerts show tells everything about one alert", "[operator]") {
  const RunningApi api;
  const Said said = ask(api, {"alerts", "show", "9f3c"});
  CHECK(said.code == 0);
  CHECK_THAT(said.out, ContainsSubstring("lower the learning rate"));
  CHECK_THAT(said.out, ContainsSubstring("https://wandb.ai/ent/proj/runs/abc123"));
  const Said missing = ask(api, {"alerts", "show", "ffff"});
  CHECK(missing.code == 1);
  CHECK_THAT(missing.err,
             ContainsSubstring("redflag alerts show: looking for the alert: there is no alert \"ffff\""));
  CHECK(ask(api, {"alerts", "show", "../silences"}).code == 1);
  CHECK(ask(api, {"alerts", "show"}).code == 2);
  CHECK(ask(api, {"alerts", "show", ""}).code == 2);
  CHECK(ask(api, {"alerts", "show", "a", "b"}).code == 2);
}

TEST_CASE("redflag ack acknowledges, and takes it back", "[operator]") {
  RunningApi api;
  const Said said = ask(api, {"ack", "9f3c", "--comment", "restarting \xff", "--by", "bob"});
  CHECK(said.code == 0);
  CHECK(said.out == "Acknowledged: loss-too-high on full_ft_sst2_seed999_failed (9f3c0a4be2d17788)\n");
  CHECK(ask(api, {"ack", "9f3c", "--undo"}).code == 0);
  CHECK(ask(api, {"ack", "51d0"}).code == 0);
  const Said ended = ask(api, {"ack", "c07e"});
  CHECK(ended.code == 1);
  CHECK_THAT(ended.err, ContainsSubstring("does not fire any more"));
  CHECK(ask(api, {"ack"}).code == 2);
  CHECK(ask(api, {"ack", "9f3c", "--undo", "--comment", "x"}).code == 2);
  api.stop();
  REQUIRE(api.operations.calls.size() == 3);
  CHECK(api.operations.calls[0] == "ack 9f3c0a4be2d17788 by bob: restarting \xff");
  CHECK(api.operations.calls[1] == "unack 9f3c0a4be2d17788");
  CHECK(api.operations.calls[2] == "ack 51d0b7c3e8a94f20 by " + my_name() + ": ");
}

TEST_CASE("redflag silence add shows first what it would mute", "[operator]") {
  RunningApi api;
  const std::vector<std::string> add{"silence", "add", "tag=lora", "--for", "2h", "--comment", "new data"};
  auto with = [&](std::vector<std::string> more) {
    std::vector<std::string> words = add;
    words.insert(words.end(), more.begin(), more.end());
    return ask(api, words);
  };
  const Said preview = with({"--preview"});
  CHECK(preview.code == 0);
  CHECK_THAT(preview.out, ContainsSubstring("It would mute 1 alert until 2026-11-23T05:26:39Z:"));
  CHECK_THAT(preview.out, ContainsSubstring("run-stalled"));
  CHECK(api.operations.calls.empty());

  const Said unanswered = with({});  // nobody is at the terminal of a test
  CHECK(unanswered.code == 1);
  CHECK_THAT(unanswered.out, ContainsSubstring("It would mute 1 alert"));
  CHECK_THAT(unanswered.err, ContainsSubstring("say --yes"));
  CHECK(api.operations.calls.empty());

  const Said made = with({"--yes"});
  CHECK(made.code == 0);
  CHECK_THAT(made.out, ContainsSubstring("It would mute 1 alert"));
  CHECK_THAT(made.out,
             ContainsSubstring("Silence 4f1c0001 is made. To end it: redflag silence remove 4f1c0001"));
  const json answer = json::parse(with({"--yes", "--json"}).out);
  CHECK(answer["silence"]["author"] == my_name());
  CHECK(answer["silence"]["matchers"] == json::array({"tag=lora"}));
  CHECK_THAT(ask(api, {"silence", "add", "rule=nothing", "--until", "2026-11-24T00:00:00Z", "--preview"}).out,
             ContainsSubstring("It would mute nothing that fires now"));
}

TEST_CASE("redflag silence add says what is missing or wrong before it asks anybody", "[operator]") {
  const auto said = [](std::vector<std::string> words) {
    words.insert(words.begin(), {"silence", "add"});
    words.push_back("--socket=/nonexistent");
    const Said all = run_redflag(words);
    CHECK(all.code == 2);
    return all.err;
  };
  CHECK_THAT(said({"--for", "2h", "--comment", "x"}), ContainsSubstring("which alerts?"));
  CHECK_THAT(said({"rul=x", "--for", "2h", "--comment", "x"}),
             ContainsSubstring("there is no label \"rul\""));
  CHECK_THAT(said({"rule=x", "--comment", "x"}), ContainsSubstring("for how long?"));
  CHECK_THAT(said({"rule=x", "--for", "2h", "--until", "2026-11-24T00:00:00Z", "--comment", "x"}),
             ContainsSubstring("for how long?"));
  CHECK_THAT(said({"rule=x", "--for", "2h"}), ContainsSubstring("why?"));
  CHECK_THAT(said({"rule=x", "--for", "120", "--comment", "x"}), ContainsSubstring("has no unit"));
  CHECK_THAT(said({"rule=x", "--until", "tomorrow", "--comment", "x"}), ContainsSubstring("is no time like"));
  CHECK_THAT(said({"rule=x", "--for", "2h", "--comment", "x", "--from", "now"}),
             ContainsSubstring("--from \"now\""));
  CHECK_THAT(said({"rule=x", "--comemnt", "x"}), ContainsSubstring("did you mean --comment?"));
}

TEST_CASE("Silences are listed and removed", "[operator]") {
  RunningApi api;
  CHECK_THAT(ask(api, {"silence", "list"}).out, ContainsSubstring("1 h 30 min left         4f1c22ab  alice"));
  const Said removed = ask(api, {"silence", "remove", "4f1c"});
  CHECK(removed.code == 0);
  CHECK(removed.out == "Ended silence 4f1c22ab: what still fires is told now.\n");
  CHECK(ask(api, {"silence", "list"}).out == "No silences.\n");
  CHECK_THAT(ask(api, {"silence", "list", "--all"}).out, ContainsSubstring("ended"));
  CHECK(ask(api, {"silence", "remove", "4f1c"}).code == 1);
  CHECK(ask(api, {"silence", "remove", "none"}).code == 1);
  CHECK(ask(api, {"silence", "remove"}).code == 2);
  CHECK(json::parse(ask(api, {"silence", "list", "--json"}).out)["total"] == 0);
}

TEST_CASE("The outbox is listed with the channels in trouble, retried and dropped", "[operator]") {
  RunningApi api;
  const Said list = ask(api, {"outbox"});
  CHECK(list.code == 0);
  CHECK_THAT(list.out, ContainsSubstring("slack has been down for 19 min 55 s"));
  CHECK_THAT(list.out, ContainsSubstring("tried 7x, next in 30 s: HTTP 503"));
  CHECK(ask(api, {"outbox", "list"}).out == list.out);
  CHECK(ask(api, {"outbox", "retry", "--all"}).out == "2 messages will be sent now.\n");
  CHECK(ask(api, {"outbox", "retry", "c07e1b22a9d3f645-fired-warning@slack"}).out ==
        "1 message will be sent now.\n");
  CHECK(ask(api, {"outbox", "retry", "none"}).code == 1);
  CHECK(ask(api, {"outbox", "retry"}).code == 2);
  CHECK(ask(api, {"outbox", "retry", "x", "--all"}).code == 2);
  const Said asked = ask(api, {"outbox", "drop", "--all"});
  CHECK(asked.code == 1);
  CHECK_THAT(asked.err, ContainsSubstring("Drop 2 message(s) for good?"));
  CHECK(json::parse(ask(api, {"outbox", "drop", "--all", "--yes", "--json"}).out)["count"] == 2);
  CHECK_THAT(ask(api, {"outbox"}).out, ContainsSubstring("Nothing waits."));
  CHECK(ask(api, {"outbox", "drop"}).code == 2);
}

TEST_CASE("Without a daemon each command says where it looked and what to do", "[operator]") {
  const redflag::test::TempDir dir;
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"alerts"},
                                             {"alerts", "show", "x"},
                                             {"ack", "x"},
                                             {"silence", "add", "rule=x", "--for", "1h", "--comment", "c"},
                                             {"silence", "list"},
                                             {"silence", "remove", "x"},
                                             {"outbox"},
                                             {"outbox", "retry", "--all"},
                                             {"outbox", "drop", "--all", "--yes"}}) {
    std::vector<std::string> all = words;
    all.push_back("--socket=" + (dir / "none.sock"));
    const Said said = run_redflag(all);
    CHECK(said.code == 3);
    CHECK(said.out.empty());
    CHECK_THAT(said.err, ContainsSubstring("redflagd is not running, or runs for another user"));
    CHECK_THAT(said.err, ContainsSubstring("none.sock: No such file or directory"));
  }
}

TEST_CASE("A socket that is closed to us is told with its owner", "[operator]") {
  if (::geteuid() == 0) {
    // Root is never refused: ask as somebody else, in a process of its own.
    RunningApi api;
    ::chmod(api.directory.path().c_str(), 0755);
    ::chmod((api.directory / "run").c_str(), 0755);
    const redflag::test::TempDir said_here;
    ::chmod(said_here.path().c_str(), 0777);
    const pid_t child = ::fork();
    if (child == 0) {
      if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(99);
      const std::string path = said_here / "err";
      std::FILE* redirected = std::freopen(path.c_str(), "wb", stderr);
      const int code = redirected == nullptr ? 98 : redflag_main({"alerts", "--socket", api.socket()});
      std::fflush(stderr);
      ::_exit(code);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WEXITSTATUS(status) == 3);
    const std::string err = redflag::test::read_file(said_here / "err");
    CHECK_THAT(err, ContainsSubstring("permission denied at " + api.socket()));
    CHECK_THAT(err, ContainsSubstring("belongs to user root and group root, mode 0600"));
    CHECK_THAT(err, ContainsSubstring("use sudo, or join the group"));
  }
}

TEST_CASE("A daemon from before the API's paths is called old", "[operator]") {
  const redflag::test::TempDir dir;
  asio::io_context context;
  SystemClock clock;
  HttpServer server(context.get_executor(), clock, [](ServerRequest) -> asio::awaitable<ServerResponse> {
    ServerResponse response;
    response.status = 404;
    response.body = "not here\n";
    co_return response;
  });
  REQUIRE(server.listen_unix(dir / "old.sock", 0600));
  std::thread thread([&] { context.run(); });
  const Said said = run_redflag({"alerts", "--socket", dir / "old.sock"});
  asio::post(context, [&] { server.stop(); });
  thread.join();
  CHECK(said.code == 1);
  CHECK_THAT(said.err, ContainsSubstring("does not know this request (HTTP 404)"));
  CHECK_THAT(said.err, ContainsSubstring("an older redflagd still runs"));
}

TEST_CASE("The socket is looked for where the configuration says, else where daemons put it", "[operator]") {
  const redflag::test::TempDir dir;
  const CommandSpec spec{"x", "", "", "", with_daemon_options({})};
  std::map<std::string, std::string> variables{{"HOME", dir.path()}};
  const Environment env = [&](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(std::string(name));
    return found == variables.end() ? std::nullopt : std::optional<std::string>(found->second);
  };
  const auto candidates = [&](const std::vector<std::string>& words, bool root = false) {
    return socket_candidates(*Arguments::parse(spec, words), env, root);
  };
  using Paths = std::vector<std::string>;
  CHECK(*candidates({"--socket", "/x.sock"}) == Paths{"/x.sock"});
  // A shell without XDG_RUNTIME_DIR (sudo -iu, cron) finds the one of `systemctl --user` all the same.
  const std::string users = "/run/user/" + std::to_string(::geteuid()) + "/redflag/redflag.sock";
  CHECK(*candidates({}) == Paths{dir / ".local/state/redflag/redflag.sock", users,
                                 "/run/redflag/redflag.sock", "/var/lib/redflag/redflag.sock"});
  variables["XDG_RUNTIME_DIR"] = "/run/user/1000";
  CHECK(candidates({})->front() == "/run/user/1000/redflag/redflag.sock");
  CHECK(candidates({}, true)->front() == "/run/redflag/redflag.sock");
  dir.write("c.yaml", "api: {socket: run/my.sock}\nstore: {state_directory: state}\n");
  CHECK(*candidates({"--config", dir / "c.yaml"}) == Paths{dir / "run/my.sock"});
  dir.write("state.yaml", "store: {state_directory: state}\n");
  CHECK(*candidates({"--config", dir / "state.yaml"}) ==
        Paths{"/run/user/1000/redflag/redflag.sock", dir / "state/redflag.sock"});
  CHECK(candidates({"--config", dir / "state.yaml"}, true)->size() == 2);  // root's daemon is another one
  dir.write("none.yaml", "api: {socket: none}\n");
  CHECK_THAT(candidates({"--config", dir / "none.yaml"}).error().what,
             ContainsSubstring("api.socket is none in"));
  CHECK(candidates({"--config", dir / "missing.yaml"}).error().code == ErrorCode::invalid_input);
  variables["REDFLAG_SOCKET"] = "/env.sock";
  CHECK(*candidates({}) == Paths{"/env.sock"});
  CHECK(run_redflag({"alerts", "--config", dir / "missing.yaml"}).code == 2);
  CHECK(run_redflag({"alerts", "--config", dir / "none.yaml"}).code == 3);
}

TEST_CASE("Without being told, the commands find the daemon where it put its socket", "[operator]") {
  if (::access("/run/redflag", F_OK) == 0 || ::access("/etc/redflag", F_OK) == 0)
    return;  // one is installed here
  RunningApi api;
  const redflag::test::TempDir runtime;
  std::filesystem::create_directory(runtime / "redflag");
  std::filesystem::create_symlink(api.socket(), runtime / "redflag/redflag.sock");
  const Variable xdg("XDG_RUNTIME_DIR", runtime.path());
  const Variable home("HOME", runtime.path());
  CHECK(run_redflag({"ack", "9f3c", "--by", "bob"}).code == 0);
  CHECK_THAT(run_redflag({"alerts"}).out, ContainsSubstring("acknowledged by bob"));
  api.stop();
  CHECK(api.operations.calls == std::vector<std::string>{"ack 9f3c0a4be2d17788 by bob: "});
  const Said nobody = run_redflag({"alerts"});
  CHECK(nobody.code == 3);
  CHECK_THAT(nobody.err, ContainsSubstring(runtime / "redflag/redflag.sock"));
  CHECK_THAT(nobody.err, ContainsSubstring("/run/redflag/redflag.sock: No such file or directory"));
}

TEST_CASE("docs/api.md shows what the commands print", "[operator][docs]") {
  const RunningApi api;
  const std::string page = redflag::test::read_file(REDFLAG_SOURCE_DIR "/docs/api.md");
  const auto example = [&](const std::string& command, const Said& said) {
    INFO(command << "\n" << said.out);
    CHECK(said.code == 0);
    CHECK(page.find("$ redflag " + command + "\n" + said.out) != std::string::npos);
  };
  example("alerts", ask(api, {"alerts"}));
  example("ack 9f3c --comment \"restarting with a lower learning rate\"",
          ask(api, {"ack", "9f3c", "--comment", "restarting with a lower learning rate"}));
  Said made = ask(api, {"silence", "add", "tag=lora", "--for", "2h", "--comment", "new data", "--yes"});
  const std::size_t answer = made.out.rfind("Silence ");
  made.out.insert(answer, "Make this silence? [y/N] y\n");
  example("silence add tag=lora --for 2h --comment \"new data, rough on purpose\"", made);
}

TEST_CASE("The help of every operator's command names exit codes and fits in 80 columns", "[operator]") {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{{"alerts"},
                                                                                     {"alerts", "list"},
                                                                                     {"alerts", "show"},
                                                                                     {"ack"},
                                                                                     {"flags"},
                                                                                     {"flags", "show"},
                                                                                     {"tail"},
                                                                                     {"silence"},
                                                                                     {"silence", "add"},
                                                                                     {"silence", "list"},
                                                                                     {"silence", "remove"},
                                                                                     {"outbox"},
                                                                                     {"outbox", "list"},
                                                                                     {"outbox", "retry"},
                                                                                     {"outbox", "drop"}}) {
    std::vector<std::string> all = words;
    all.push_back("--help");
    const Said said = run_redflag(all);
    INFO(said.out);
    CHECK(said.code == 0);
    CHECK_THAT(said.out, ContainsSubstring("exit codes: 0"));
    std::istringstream lines(said.out);
    for (std::string line; std::getline(lines, line);) CHECK(alerts::utf16_units(line) <= 80);
  }
  CHECK_THAT(run_redflag({"silence", "ad"}).err, ContainsSubstring("did you mean \"add\"?"));
  CHECK_THAT(run_redflag({"outbox", "dorp"}).err, ContainsSubstring("did you mean \"drop\"?"));
}

TEST_CASE("redflag page prints an address and nothing else to a script, and says when there is no page",
          "[operator]") {
  RunningApi off;
  const Said none = ask(off, {"page"});
  CHECK(none.code == 1);
  CHECK_THAT(none.err, ContainsSubstring("this redflagd serves no live page"));
  CHECK_THAT(none.err, ContainsSubstring("page.listen: 127.0.0.1:8765"));
  RunningApi api;
  api.serve_page_at("http://127.0.0.1:8765/login?code=7d0c");
  CHECK(ask(api, {"page"}).out == "http://127.0.0.1:8765/login?code=7d0c\n");
  CHECK(json::parse(ask(api, {"page", "--json"}).out)["url"] == "http://127.0.0.1:8765/login?code=7d0c");
  CHECK(ask(api, {"page", "now"}).code == 2);
}
