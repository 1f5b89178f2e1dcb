// `redflag flags`: what a person sees of what is wrong, and of what changes while they watch.
#include <csignal>
#include <filesystem>
#include <optional>
#include <thread>

#include <boost/asio/post.hpp>
#include <nlohmann/json.hpp>

#include "alerts/text/utf8.h"
#include "daemon/cli/flag_list.h"
#include "tests/api/running_api.h"
#include "tests/cli/said.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::daemon;
using nlohmann::json;
using redflag::test::at;
using redflag::test::run_redflag;
using redflag::test::RunningApi;
using redflag::test::Said;

namespace {

Said ask(const RunningApi& api, std::vector<std::string> words) {
  words.push_back("--socket=" + api.socket());
  return run_redflag(words);
}

AlertLine flag(const std::string& id, const std::string& state = "firing",
               Severity severity = Severity::critical) {
  AlertLine line;
  line.id = id;
  line.rule = "loss-too-high";
  line.severity = severity;
  line.state = state;
  line.run = "api.wandb.ai/ent/proj/abc123";
  line.about = "full_ft_sst2_seed42";
  line.message = "train loss 8.45 > 5";
  line.hint = "lower the learning rate";
  line.value = 8.45;
  line.threshold = 5.0;
  line.step = 700;
  line.since_step = 650;
  line.since = at(0);
  return line;
}

std::vector<std::string> words_of(const std::vector<FlagChange>& changes) {
  std::vector<std::string> words;
  for (const FlagChange& change : changes) words.push_back(change.word + " " + change.flag.id);
  return words;
}

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("redflag flags lists what fires by severity, with value, limit, step and since when", "[flags]") {
  const RunningApi api;
  const Said said = ask(api, {"flags"});
  CHECK(said.code == 0);
  CHECK(said.err.empty());
  CHECK(said.out.find("RED FLAGS (critical): 1") < said.out.find("WARNINGS: 1"));
  CHECK_THAT(said.out, ContainsSubstring("loss-too-high, since 2026-11-23T02:56:39Z (30 min"));
  CHECK_THAT(said.out, ContainsSubstring("full_ft_sst2_seed999_failed"));
  CHECK_THAT(said.out, ContainsSubstring("limit 5"));
  CHECK_THAT(said.out, ContainsSubstring("do: lower the learning rate"));
  CHECK(said.out.find("gradient-norm-high") == std::string::npos);  // that has ended
  CHECK(said.out.find('\033') == std::string::npos);
}

TEST_CASE("redflag flags chooses by run and severity, and --check answers with its exit code", "[flags]") {
  const RunningApi api;
  CHECK(ask(api, {"flags", "--severity", "critical"}).out.find("WARNINGS") == std::string::npos);
  CHECK(ask(api, {"flags", "--run", "lora_*"}).out.find("RED FLAGS") == std::string::npos);
  CHECK(ask(api, {"flags", "--run", "nobody"}).out == "No red flags.\n");
  CHECK(ask(api, {"flags", "--check"}).code == 1);
  CHECK(ask(api, {"flags", "--check", "--run", "lora_*"}).code == 0);
  CHECK(ask(api, {"flags", "--check", "--severity", "info"}).code == 1);
  const json answer = json::parse(ask(api, {"flags", "--json"}).out);
  CHECK(answer["flags"].size() == 2);
  CHECK(answer["flags"][0]["rule"] == "loss-too-high");
  CHECK(answer["flags"][0]["acknowledged"] == false);
  CHECK(ask(api, {"flags", "--severity", "critcal"}).code == 2);
  CHECK_THAT(ask(api, {"flags", "--severity", "critcal"}).err, ContainsSubstring("did you mean critical?"));
  CHECK(ask(api, {"flags", "--limit", "0"}).code == 2);
  CHECK(ask(api, {"flags", "--check", "--follow"}).code == 2);
  CHECK(ask(api, {"flags", "shwo", "x"}).code == 2);
  CHECK(run_redflag({"flags", "--check", "--socket=/nonexistent/redflag.sock"}).code == 3);
}

TEST_CASE("redflag flags show gives the curve, the rule's condition, the hint and what else fired",
          "[flags]") {
  RunningApi api;
  api.operations.kept[1].run = api.operations.kept[0].run;  // the stall is of the same run now
  api.operations.kept[1].alert.last.run = api.operations.kept[0].run.key;
  const Said said = ask(api, {"flags", "show", "9f3c"});
  CHECK(said.code == 0);
  CHECK_THAT(said.out, ContainsSubstring("CRITICAL loss-too-high"));
  CHECK_THAT(said.out, ContainsSubstring("lower the learning rate"));
  CHECK_THAT(said.out, ContainsSubstring("train_loss: the last values when it fired"));
  CHECK_THAT(said.out, ContainsSubstring("rule loss-too-high (step3)"));
  CHECK_THAT(said.out, ContainsSubstring("train_loss is above 5"));
  CHECK_THAT(said.out, ContainsSubstring("also on it at that time:"));
  CHECK_THAT(said.out, ContainsSubstring("run-stalled"));
  const json answer = json::parse(ask(api, {"flags", "show", "9f3c", "--json"}).out);
  CHECK(answer["alert"]["id"] == "9f3c0a4be2d17788");
  CHECK(answer["also"][0]["rule"] == "run-stalled");
  CHECK(ask(api, {"flags", "show", "ffff"}).code == 1);
  CHECK(ask(api, {"flags", "show"}).code == 2);
}

TEST_CASE("Evidence that never changed is one line, not a drawing", "[flags]") {
  RunningApi api;
  api.operations.kept[0].alert.last.evidence.push_back({"disk_horizon", "", 28800, {28800, 28800, 28800}});
  const Said said = ask(api, {"flags", "show", "9f3c"});
  CHECK_THAT(said.out, ContainsSubstring("disk_horizon: 28800 in each of the last 3 rows when it fired\n"));
  CHECK_THAT(said.out, ContainsSubstring("train_loss: the last values when it fired"));
}

TEST_CASE("Changes between two looks are told once each", "[flags]") {
  FlagChanges changes;
  AlertLine one = flag("aa");
  CHECK(words_of(changes.update({one, flag("bb", "pending"), flag("cc", "resolved")})) ==
        Words{"FIRING aa", "PENDING bb"});
  CHECK(changes.update({one, flag("bb", "pending"), flag("cc", "resolved")}).empty());
  CHECK(words_of(changes.update({one, flag("bb", "firing")})) == Words{"FIRING bb"});
  one.acknowledged = true;
  CHECK(words_of(changes.update({one, flag("bb")})) == Words{"ACKED aa"});
  one.severity = Severity::warning;
  CHECK(words_of(changes.update({one, flag("bb")})) == Words{"MILDER aa"});
  AlertLine muted = flag("bb");
  muted.muted_by = "silence 4f1c";
  CHECK(words_of(changes.update({one, muted})) == Words{"MUTED bb"});
  CHECK(words_of(changes.update({flag("aa", "resolved"), muted})) == Words{"RESOLVED aa"});
  CHECK(words_of(changes.update({flag("aa", "resolved")})) == Words{"GONE bb"});
  // What began and ended between two looks is not lost.
  CHECK(words_of(changes.update({flag("dd", "resolved"), flag("aa", "resolved")})) == Words{"RESOLVED dd"});
  CHECK(changes.update({flag("dd", "resolved"), flag("aa", "resolved")}).empty());
  CHECK(words_of(changes.update({flag("ee", "pending")})) == Words{"PENDING ee"});
  CHECK(words_of(changes.update({flag("ee", "resolved")})) == Words{"CLEARED ee"});
}

TEST_CASE("A change is one line, whatever names and messages hold", "[flags][hostile]") {
  for (const std::string& name : alerts::test::hostile_names()) {
    AlertLine hostile = flag(name);
    hostile.rule = hostile.about = hostile.message = hostile.hint = hostile.muted_by = name;
    for (const bool color : {false, true}) {
      Look look;
      look.color = color;
      const std::string line = change_line({"FIRING", hostile}, at(1800), look);
      INFO(line);
      CHECK(line.find('\n') == std::string::npos);
      std::size_t escapes = 0;
      for (const char c : line) escapes += c == '\033' ? 1 : 0;
      CHECK(escapes == (color ? 2U : 0U));
      CHECK(json::accept(change_json({"FIRING", hostile}, at(1800)).dump()));
    }
    for (const std::size_t width : {20U, 40U, 80U}) {
      Look look;
      look.width = width;
      const std::string text = flags_text({hostile}, at(1800), look, 200);
      INFO(width << "\n" << text);
      for (const char c : text) CHECK((c == '\n' || static_cast<unsigned char>(c) >= 0x20));
    }
  }
}

TEST_CASE("The list fits 40 columns, and says what it leaves out", "[flags]") {
  Look look;
  look.width = 40;
  std::vector<AlertLine> many;
  for (int i = 0; i < 300; ++i) many.push_back(flag("id" + std::to_string(1000 + i)));
  const std::string text = flags_text(many, at(1800), look, 200);
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = text.find('\n', begin);
    CHECK(alerts::utf16_units(text.substr(begin, end - begin)) <= 44);  // a word longer than the line
    begin = end + 1;
  }
  CHECK_THAT(text, ContainsSubstring("RED FLAGS (critical): 300"));
  CHECK_THAT(text, ContainsSubstring("and 100 more; --limit 300 shows them"));
}

TEST_CASE("--follow goes on through a restart of the daemon, and Ctrl-C ends it well", "[flags]") {
  redflag::test::TempDir out;
  std::optional<RunningApi> api(std::in_place);
  // Where the daemon listens stays the same when it is another process.
  const std::string socket = out / "redflag.sock";
  std::filesystem::create_symlink(api->socket(), socket);
  int code = -1;
  {
    const redflag::test::Redirected to_file(stdout, out / "out");
    // The signals go to whoever waits for them: the thread that follows.
    pthread_t follower{};
    std::thread watching([&] {
      follower = ::pthread_self();
      code = redflag_main({"flags", "--follow", "--socket=" + socket});
    });
    const auto until = [&](const std::string& words) {
      for (int i = 0; i < 3000 && redflag::test::read_file(out / "out").find(words) == std::string::npos; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    };
    until("run-stalled");
    api->stop();
    until("does not answer");
    const RunningApi again;
    std::filesystem::remove(socket);
    std::filesystem::create_symlink(again.socket(), socket);
    until("answers again");
    ::pthread_kill(follower, SIGINT);
    watching.join();
  }
  const std::string said = redflag::test::read_file(out / "out");
  CHECK(code == 0);
  CHECK_THAT(said, ContainsSubstring("CRITICAL  FIRING    full_ft_sst2_seed999_failed  loss-too-high"));
  CHECK_THAT(said, ContainsSubstring("-- redflagd does not answer"));
  CHECK_THAT(said, ContainsSubstring("-- redflagd answers again"));
  // Nothing changed meanwhile, and nothing is told twice.
  CHECK(said.find("loss-too-high") == said.rfind("loss-too-high"));
}
