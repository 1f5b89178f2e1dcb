// The limits of redflag-inspect bite: the program says so itself, limit by limit.
#include <array>
#include <cstdio>

#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace redflag {
namespace {

struct Ran {
  std::string out;
  int code = -1;
};

Ran run(const std::string& command) {
  Ran ran;
  FILE* pipe = ::popen(command.c_str(), "r");
  std::array<char, 4096> buffer{};
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe))
    ran.out.append(buffer.data(), got);
  const int status = ::pclose(pipe);
  ran.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  return ran;
}

const std::string kProgram = REDFLAG_INSPECT_PROGRAM;

}  // namespace

#if !defined(__SANITIZE_ADDRESS__)
TEST_CASE("each thing the sandbox forbids is stopped, and reading below the roots is not",
          "[tensors][sandbox]") {
  const Ran ran = run(kProgram + " --self-test");
  INFO(ran.out);
  CHECK(ran.code == 0);
  for (const char* what : {"open a socket", "start a program", "make a process", "open a file for writing",
                           "make a file", "delete a file", "map memory to run code from",
                           "look at another process", "read a file outside its roots", "take 1 GiB of memory",
                           "open 100 files", "compute for more than its CPU seconds"}) {
    CHECK_THAT(ran.out, ContainsSubstring(std::string("stopped  ") + what));
  }
  CHECK_THAT(ran.out, ContainsSubstring("allowed  read a file below its roots"));
}
#endif

TEST_CASE("a path outside the roots is answered, but not read", "[tensors][sandbox]") {
  test::TempDir dir, other;
  other.write("secret.json", "{\"key\": 1}");
  dir.write("fine.json", "{\"key\": 2}");
  const Ran ran = run("printf '%s\\0%s' " + (other / "secret.json") + " " + (dir / "fine.json") + " | " +
                      kProgram + " --root " + dir.path());
  INFO(ran.out);
  CHECK(ran.code == 0);
  CHECK_THAT(ran.out, ContainsSubstring("Permission denied"));
  CHECK_THAT(ran.out, ContainsSubstring("\"key\":2"));
  CHECK(ran.out.find("\"key\":1") == std::string::npos);
}

TEST_CASE("wrong arguments end with the usage and exit code 3", "[tensors][sandbox]") {
  CHECK(run(kProgram + " --root 2>/dev/null </dev/null").code == 3);
  CHECK(run(kProgram + " 2>/dev/null </dev/null").code == 3);
  CHECK(run(kProgram + " --root /tmp --threads 0 2>/dev/null </dev/null").code == 3);
}

}  // namespace redflag
