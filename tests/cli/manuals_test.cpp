// Manual pages and completion come from the registry: every command is in them, and the tools that read them
// find no fault.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "daemon/app/manual.h"
#include "daemon/config/config_loader.h"
#include "daemon/config/roff.h"
#include "tests/cli/said.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::daemon;
using namespace redflag::test;

namespace {

namespace fs = std::filesystem;

bool installed(const std::string& program) {
  return std::system(fmt::format("command -v {} >/dev/null 2>&1", program).c_str()) == 0;
}

/// What a shell command prints, both streams together.
std::string output_of(const std::string& command, const TempDir& dir) {
  const std::string file = dir / "output";
  const int code = std::system(fmt::format("{{ {} ; }} >{} 2>&1", command, file).c_str());
  return read_file(file) + (code == 0 ? "" : fmt::format("\n(exit status {})", code));
}

/// The words that bash would offer for this line.
std::string offered(const TempDir& dir, const std::string& line) {
  const std::string script = fmt::format(
      "source {}/redflag.bash; compopt() {{ echo FILES; }}; COMP_WORDS=({}); "
      "COMP_CWORD=$((${{#COMP_WORDS[@]}}-1)); "
      "_redflag; echo ${{COMPREPLY[*]}}",
      dir.path(), line);
  dir.write("try.bash", script);
  return output_of("bash " + (dir / "try.bash"), dir);
}

}  // namespace

TEST_CASE("every command and every command within one has a manual page", "[man]") {
  const TempDir dir;
  REQUIRE(run_redflag({"--man-pages", dir.path()}).code == 0);
  for (const Command& command : commands()) {
    const std::string name = "redflag-" + std::string(command.name);
    CHECK(fs::exists(dir / (name + ".1")));
    if (command.parts == nullptr) continue;
    for (const Command& part : command.parts())
      CHECK(fs::exists(dir / (name + '-' + std::string(part.name) + ".1")));
  }
  const std::string replay = read_file(dir / "redflag-replay.1");
  CHECK(replay == run_redflag({"--man", "replay"}).out);
  CHECK_THAT(replay, ContainsSubstring(".SH EXIT STATUS") && ContainsSubstring(".SH EXAMPLES") &&
                         ContainsSubstring("\\fB\\-\\-labels\\fR"));
}

TEST_CASE("a page for a command that is not there is an error", "[man]") {
  CHECK(run_redflag({"--man", "nothing"}).code == 2);
  CHECK(run_redflag({"--man-pages"}).code == 2);
  CHECK(run_redflag({"--man-pages", "/nonexistent/folder"}).code == 1);
}

TEST_CASE("man and mandoc read the pages without a warning", "[man]") {
  const TempDir dir;
  REQUIRE(run_redflag({"--man-pages", dir.path()}).code == 0);
  dir.write("redflag.yaml.5", config_manual());
  for (const fs::directory_entry& entry : fs::directory_iterator(dir.path())) {
    const std::string path = entry.path().string();
    if (path.ends_with("output")) continue;
    INFO(path);
    if (installed("man")) {
      CHECK(output_of("LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z " + path +
                          " 2>&1 >/dev/null",
                      dir) == "");
    }
    if (installed("mandoc")) {
      // The pages it refers to are not installed where the tests run.
      CHECK(output_of("mandoc -Tlint -Wwarning " + path, dir) == "");
    }
  }
}

TEST_CASE("text that roff would take for requests or escapes is shown as it is", "[man]") {
  CHECK(roff_text(".starts with a dot") == "\\&.starts with a dot");
  CHECK(roff_text("'quoted'") == "\\&\\(aqquoted\\(aq");
  CHECK(roff_text("a\\b - c… `--json`") == "a\\(rsb \\- c\\[u2026] \\fB\\-\\-json\\fR");
  CHECK(roff_text("one ` alone") == "one \\(ga alone");
}

TEST_CASE("redflag help COMMAND is that command's help, also within a group", "[man]") {
  CHECK(run_redflag({"help", "setup"}).out == run_redflag({"setup", "--help"}).out);
  CHECK(run_redflag({"help", "rules", "check"}).out == run_redflag({"rules", "check", "--help"}).out);
  CHECK(run_redflag({"help"}).out == run_redflag({"--help"}).out);
  const Said mistyped = run_redflag({"help", "statsu"});
  CHECK(mistyped.code == 2);
  CHECK_THAT(mistyped.err, ContainsSubstring("did you mean \"status\"?"));
  CHECK_THAT(run_redflag({"--help"}).out, ContainsSubstring("\n  ack         somebody"));
}

TEST_CASE("bash completes commands, options, and files where a file is wanted", "[completion]") {
  if (!installed("bash")) return;
  const TempDir dir;
  const Said script = run_redflag({"completion", "bash"});
  REQUIRE(script.code == 0);
  dir.write("redflag.bash", script.out);
  CHECK_THAT(offered(dir, "redflag ''"), ContainsSubstring("demo") && ContainsSubstring("rules"));
  CHECK(offered(dir, "redflag rul") == "rules\n");
  CHECK(offered(dir, "/usr/bin/redflag rules exp") == "explain\n");
  CHECK(offered(dir, "redflag rules explain --j") == "--json\n");
  CHECK(offered(dir, "redflag completion z") == "zsh\n");
  CHECK_THAT(offered(dir, "redflag replay ''"), ContainsSubstring("FILES"));
  CHECK_THAT(offered(dir, "redflag replay --rules ''"), ContainsSubstring("FILES"));
  CHECK(offered(dir, "redflag demo --seconds ''") == "\n");
  CHECK(offered(dir, "redflagd --check") == "--check-config\n");
}

TEST_CASE("the other shells' scripts are right as far as the shells themselves say", "[completion]") {
  const TempDir dir;
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    const Said script = run_redflag({"completion", shell});
    REQUIRE(script.code == 0);
    if (!installed(shell)) continue;
    dir.write("script", script.out);
    CHECK(output_of(fmt::format("{} -n {}", shell, dir / "script"), dir) == "");
  }
  CHECK(run_redflag({"completion"}).code == 2);
  CHECK(run_redflag({"completion", "tcsh"}).code == 2);
}
