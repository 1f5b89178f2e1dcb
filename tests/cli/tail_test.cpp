// `redflag tail`: every form of the log reads the same, and nothing that happens to a log file ends it.
#include <filesystem>

#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "daemon/cli/log_entry.h"
#include "daemon/cli/log_follower.h"
#include "tests/alerts/builders.h"
#include "tests/cli/said.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace redflag;
using namespace redflag::daemon;
using nlohmann::json;
using redflag::test::run_redflag;
using redflag::test::TempDir;

namespace {

const std::string kAlert =
    "2026-11-23T02:56:39Z CRITICAL alert    CRITICAL  full_ft_sst2_seed42  loss-too-high  train loss 8.45 > "
    "5 at "
    "step 700 since 02:56:39  alert 9f3c0a4be2d17788  hint: lower the learning rate";
const std::string kPoll = "2026-11-23T02:56:40Z INFO     wandb    ent/proj: 3 new rows of 2 runs";
const std::string kResolved =
    "2026-11-23T03:10:00Z CRITICAL alert    RESOLVED  \"a \\\"b\\\" c\"  loss-too-high  was critical  alert "
    "9f3c";
const std::string kJson =
    R"({"time":"2026-11-23T02:56:39.250Z","level":"WARNING","area":"alert","text":"WARNING  lora  run-stalled  x",)"
    R"("alert":{"severity":"warning","run":"lora_rte_seed42","run_key":"h/e/p/def","state":"firing"}})";

void append(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::app) << text;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("A line of the log is read whatever its form", "[tail]") {
  const LogEntry alert = read_log_line(kAlert);
  CHECK(alert.parsed);
  CHECK(alert.alert);
  CHECK(alert.head == "CRITICAL");
  CHECK(alert.run == "full_ft_sst2_seed42");
  CHECK(alert.severity == Severity::critical);
  CHECK(to_rfc3339(alert.time) == "2026-11-23T02:56:39Z");
  const LogEntry poll = read_log_line(kPoll + "\r\n");
  CHECK(poll.area == "wandb");
  CHECK(poll.text == "ent/proj: 3 new rows of 2 runs");
  CHECK_FALSE(poll.alert);
  CHECK(read_log_line(kResolved).run == "a \"b\" c");
  CHECK(read_log_line("WARNING  wandb    no time under journald").area == "wandb");
  const LogEntry from_json = read_log_line(kJson);
  CHECK(from_json.run == "lora_rte_seed42");
  CHECK(from_json.severity == Severity::warning);
  CHECK(from_json.text == "WARNING  lora  run-stalled  x");
}

TEST_CASE("An entry of the journal says the same as a line of the file", "[tail]") {
  const json entry{{"MESSAGE", kAlert.substr(21)},
                   {"__REALTIME_TIMESTAMP", "1795402599000000"},
                   {"REDFLAG_SEVERITY", "critical"},
                   {"REDFLAG_RUN", "full_ft_sst2_seed42"},
                   {"REDFLAG_RUN_KEY", "h/e/p/abc"}};
  const LogEntry read = read_journal_line(entry.dump());
  CHECK(read.alert);
  CHECK(read.run_key == "h/e/p/abc");
  CHECK(read.time != Time{});
  json bytes = json::array();
  for (const char c : std::string("INFO     wandb    \xff\x01"))
    bytes.push_back(static_cast<unsigned char>(c));
  CHECK(read_journal_line(json{{"MESSAGE", bytes}}.dump()).text == "\xff\x01");
  CHECK_FALSE(read_journal_line("{\"MESSAGE\":null}").parsed);
}

TEST_CASE("What is no line of ours is passed through, escaped", "[tail][hostile]") {
  std::vector<std::string> odd = alerts::test::hostile_names();
  for (const char* more :
       {"", "Traceback (most recent call last):", "{", "{}", "[1]", "{\"level\":3,\"area\":[]}",
        "\033]0;owned\007", "9999-99-99T99:99:99Z INFO x y", "2026-11-23T02:56:39Z", "INFO", "INFO x",
        "CRITICAL alert \"unclosed", "\\x1b[31m"})
    odd.emplace_back(more);
  const Look look;
  for (const std::string& line : odd) {
    const std::string text = log_entry_text(read_log_line(line), look);
    INFO(text);
    for (const char c : text) CHECK((static_cast<unsigned char>(c) >= 0x20 && c != 0x7f));
    CHECK(json::accept(log_entry_json(read_log_line(line))));
    CHECK(json::accept(log_entry_json(read_journal_line(line))));
  }
  CHECK(log_entry_text(read_log_line("Traceback (most recent call last):"), look) ==
        "Traceback (most recent call last):");
}

TEST_CASE("Alerts stand out, in colour and without", "[tail]") {
  Look plain;
  CHECK(log_entry_text(read_log_line(kAlert), plain).starts_with("02:56:39 !! CRITICAL  full_ft"));
  CHECK(log_entry_text(read_log_line(kPoll), plain) ==
        "02:56:40    INFO     wandb    ent/proj: 3 new rows of 2 runs");
  CHECK(log_entry_text(read_log_line(kResolved), plain).starts_with("03:10:00 + "));
  Look color;
  color.color = true;
  CHECK_THAT(log_entry_text(read_log_line(kAlert), color), ContainsSubstring("\033[1;31m"));
}

TEST_CASE("The log is filtered by run, severity and level", "[tail]") {
  const auto wants = [](LogFilter filter, const std::string& line) {
    return filter.wants(read_log_line(line));
  };
  LogFilter run;
  run.run = "full_ft_*";
  CHECK(wants(run, kAlert));
  CHECK_FALSE(wants(run, kPoll));
  CHECK(wants(run, "2026-11-23T02:56:40Z INFO     run      full_ft_sst2_seed42: step 700"));
  CHECK_FALSE(wants(run, kJson));
  run.run = "h/e/p/def";
  CHECK(wants(run, kJson));
  LogFilter critical;
  critical.severity = Severity::critical;
  CHECK(wants(critical, kAlert));
  CHECK(wants(critical, kResolved));
  CHECK_FALSE(wants(critical, kJson));
  CHECK_FALSE(wants(critical, kPoll));
  LogFilter level;
  level.level = LogLevel::warning;
  CHECK_FALSE(wants(level, kPoll));
  CHECK(wants(level, kJson));
  CHECK(wants(level, "Traceback"));
}

TEST_CASE("The end of the log is where it begins", "[tail]") {
  const TempDir dir;
  const std::string path = dir / "log";
  dir.write("log", "1\n2\n3\n4\n5\n");
  CHECK(LogFollower(path, 2).poll().lines == Lines{"4", "5"});
  CHECK(LogFollower(path, 0).poll().lines.empty());
  CHECK(LogFollower(path, 5).poll().lines == Lines{"1", "2", "3", "4", "5"});
  CHECK(LogFollower(path, 100).poll().lines.size() == 5);
  dir.write("log", "1\n2\nhalf");
  LogFollower half(path, 2);
  CHECK(half.poll().lines == Lines{"2"});
  append(path, " and whole\n");
  CHECK(half.poll().lines == Lines{"half and whole"});
  dir.write("log", "");
  CHECK(LogFollower(path, 10).poll().lines.empty());
}

TEST_CASE("Rotation loses no line", "[tail]") {
  const TempDir dir;
  const std::string path = dir / "log";
  dir.write("log", "old\n");
  LogFollower log(path, 10);
  CHECK(log.poll().lines == Lines{"old"});
  append(path, "last of the old\n");
  std::filesystem::rename(path, dir / "log.1");
  append(dir / "log.1", "written after the move\n");
  CHECK(log.poll().lines == Lines{"last of the old", "written after the move"});
  dir.write("log", "first of the new\n");
  const LogFollower::News news = log.poll();
  CHECK(news.lines == Lines{"first of the new"});
  CHECK(news.remark == "the log was rotated");
}

TEST_CASE("Truncation is noticed, also when as much was written since", "[tail]") {
  const TempDir dir;
  const std::string path = dir / "log";
  dir.write("log", "one\ntwo\n");
  LogFollower log(path, 10);
  CHECK(log.poll().lines.size() == 2);
  std::ofstream(path, std::ios::trunc) << "new\n";
  LogFollower::News news = log.poll();
  CHECK(news.lines == Lines{"new"});
  CHECK(news.remark == "the log was truncated");
  std::ofstream(path, std::ios::trunc) << "longer than before\nand more\n";
  CHECK(log.poll().lines == Lines{"longer than before", "and more"});
}

TEST_CASE("A log that is not there is waited for, and lines without end are cut", "[tail]") {
  const TempDir dir;
  LogFollower log(dir / "log", 1);
  CHECK(log.poll().lines.empty());
  CHECK(log.trouble() == "No such file or directory");
  dir.write("log", "1\n2\n3\n");
  CHECK(log.poll().lines == Lines{"1", "2", "3"});
  append(dir / "log", std::string(3 << 20, 'x') + "\nend\n");
  const LogFollower::News news = log.poll();
  REQUIRE(news.lines.size() == 2);
  CHECK(news.lines[0].size() == 1 << 20);
  CHECK(news.lines[1] == "end");
}

TEST_CASE("redflag tail --no-follow prints what there is, as text and as JSON", "[tail]") {
  const TempDir dir;
  dir.write("log", kPoll + '\n' + kAlert + "\nTraceback \033[31m\n" + kResolved + '\n' + kJson);
  const auto tail = [&](std::vector<std::string> more) {
    std::vector<std::string> words{"tail", "--no-follow", "--file", dir / "log"};
    words.insert(words.end(), more.begin(), more.end());
    return run_redflag(words);
  };
  const redflag::test::Said all = tail({});
  CHECK(all.code == 0);
  CHECK(all.err.empty());
  CHECK(std::count(all.out.begin(), all.out.end(), '\n') == 5);
  CHECK_THAT(all.out, ContainsSubstring("Traceback \\u{1b}[31m\n"));
  const std::string two = tail({"-n", "2"}).out;
  CHECK(std::count(two.begin(), two.end(), '\n') == 2);
  CHECK(tail({"-n2"}).out == two);
  const std::string critical = tail({"--severity", "critical"}).out;
  CHECK(std::count(critical.begin(), critical.end(), '\n') == 2);
  const std::string lines = tail({"--json", "--run", "lora_*"}).out;
  const json entry = json::parse(lines);
  CHECK(entry["alert"]["run"] == "lora_rte_seed42");
  CHECK(entry["level"] == "warning");
  CHECK(tail({"--severity", "bad"}).code == 2);
  CHECK(tail({"--level", "loud"}).code == 2);
  CHECK(tail({"--lines", "-3"}).code == 2);
  const redflag::test::Said none = run_redflag({"tail", "--no-follow", "--file", dir / "none"});
  CHECK(none.code == 3);
  CHECK_THAT(none.err, ContainsSubstring("No such file or directory"));
}

TEST_CASE("redflag tail finds the log by the configuration, else asks the journal", "[tail]") {
  const TempDir dir;
  dir.write("redflag.log", kAlert + '\n');
  dir.write("redflag.yaml",
            "log: {file: " + (dir / "redflag.log") + "}\nstore: {state_directory: " + (dir / "s") + "}\n");
  CHECK_THAT(run_redflag({"tail", "--no-follow", "--config", dir / "redflag.yaml"}).out,
             ContainsSubstring("loss-too-high"));
  // A stand-in for journalctl, which tells how it was called.
  dir.write("bin/journalctl",
            "#!/bin/sh\necho \"{\\\"MESSAGE\\\":\\\"INFO     args     "
            "$*\\\",\\\"__REALTIME_TIMESTAMP\\\":\\\"1795402599000000\\\"}\"\n");
  ::chmod((dir / "bin/journalctl").c_str(), 0755);
  dir.write("journal.yaml", "log: {file: journal}\nstore: {state_directory: " + (dir / "s") + "}\n");
  const std::string before = std::getenv("PATH") != nullptr ? std::getenv("PATH") : "";
  ::setenv("PATH", (dir / "bin").c_str(), 1);
  const redflag::test::Said said =
      run_redflag({"tail", "--no-follow", "-n", "7", "--config", dir / "journal.yaml"});
  ::setenv("PATH", (dir / "nowhere").c_str(), 1);
  const redflag::test::Said none = run_redflag({"tail", "--no-follow", "--config", dir / "journal.yaml"});
  ::setenv("PATH", before.c_str(), 1);
  CHECK(said.code == 0);
  CHECK_THAT(said.out, ContainsSubstring("--lines=7 --identifier=redflagd"));
  CHECK(none.code == 3);
  CHECK_THAT(none.err, ContainsSubstring("set log.file"));
}
