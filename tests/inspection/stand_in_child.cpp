// Stands in for redflag-inspect in tests with real processes: what it does with a file is written in the
// file's name. Built without the sanitizers (their memory would meet the limit) and without anything of
// redflag's.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

namespace {

void say(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

[[noreturn]] void hang() {
  for (;;) ::pause();
}

void eat_memory() {
  for (;;) {
    auto* block = new char[1 << 20];
    std::memset(block, 1, 1 << 20);
  }
}

void act(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  if (name == "crash") std::raise(SIGSEGV);
  if (name == "abort") std::abort();
  if (name == "killed") std::raise(SIGKILL);
  if (name == "hang") hang();
  if (name == "bomb") eat_memory();
  if (name == "exit") std::exit(9);
  if (name == "garbage") return say("\xff{[ no report\n");
  if (name == "endless") {
    const std::string block(65536, 'x');
    for (;;) say(block);
  }
  if (name == "chatty") {
    for (int i = 0; i < 100'000; ++i) std::fprintf(stderr, "line %d of many\n", i);
  }
  if (name == "deaf") {
    std::fprintf(stderr, "closing everything\n");
    ::close(0);
    ::close(1);
    hang();
  }
  say("{\"path\":\"" + path + "\",\"kind\":\"json\",\"verdict\":\"ok\"}\n");
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] != "--memory") continue;
    const rlimit limit{std::stoul(words[i + 1]), std::stoul(words[i + 1])};
    ::setrlimit(RLIMIT_AS, &limit);
  }
  std::string path;
  try {
    for (int c = std::getchar(); c != EOF; c = std::getchar()) {
      if (c != 0) {
        path += static_cast<char>(c);
        continue;
      }
      act(path);
      path.clear();
    }
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "out of memory\n");
    return 65;
  }
  return 0;
}
