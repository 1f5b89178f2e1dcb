#include "daemon/local/log_patterns.h"

#include "tests/support/catch.h"

namespace redflag::daemon::local {
namespace {

std::string kind(const LogPatterns& table, std::string_view line) {
  const LogPattern* found = table.match(line);
  return found == nullptr ? "" : found->kind;
}

std::string mistake(const std::string& text) {
  const auto loaded = LogPatterns::load({{"own.yaml", text}});
  return loaded ? "" : loaded.error().text();
}

}  // namespace

TEST_CASE("the shipped table loads", "[local][patterns]") {
  const auto loaded = LogPatterns::load();
  REQUIRE(loaded);
  CHECK(loaded->size() > 20);
  CHECK(LogPatterns::shipped().size() == loaded->size());
}

TEST_CASE("a user's patterns go before the shipped ones", "[local][patterns]") {
  const auto table =
      LogPatterns::load({{"own.yaml",
                          "patterns:\n"
                          "  - kind: licence\n    severity: critical\n    deadly: true\n"
                          "    any: [\"CUDA out of memory: no licence\", \"^lmgrd*refused$\"]\n"
                          "    not: [\"retrying\"]\n"}});
  REQUIRE(table);
  CHECK(kind(*table, "CUDA out of memory: no licence") == "licence");
  CHECK(kind(*table, "CUDA out of memory: no licence, retrying") == "cuda_out_of_memory");
  CHECK(kind(*table, "CUDA out of memory") == "cuda_out_of_memory");
  CHECK(kind(*table, "lmgrd says: refused") == "licence");
  CHECK(kind(*table, "the lmgrd says: refused") == "");
  CHECK(kind(*table, "lmgrd says: refused.") == "");
}

TEST_CASE("anchors and stars mean what they say", "[local][patterns]") {
  const LogPatterns& table = LogPatterns::shipped();
  CHECK(kind(table, "Killed") == "killed");
  CHECK(kind(table, "Killed the process") == "killed");
  CHECK(kind(table, "He was Killed") == "");
  CHECK(kind(table, "Kil") == "");
  CHECK(kind(table, "") == "");
  CHECK(kind(table, "Terminated") == "terminated");
  CHECK(kind(table, "Terminated by") == "terminated");
  CHECK(kind(table, "TerminatedBy") == "");
}

TEST_CASE("a mistake in a file of patterns says where and what", "[local][patterns]") {
  CHECK(mistake("patterns: 7").find("a list `patterns:` is expected") != std::string::npos);
  CHECK(mistake("patterns:\n  - kind: x\n    any: [\"a*b\"]")
            .find("own.yaml:3: \"a*b\" has no four characters") != std::string::npos);
  CHECK(mistake("patterns:\n  - any: [\"abcd\"]").find("`kind` is missing") != std::string::npos);
  CHECK(mistake("patterns:\n  - kind: Bad Kind\n    any: [\"abcd\"]").find("small letters") !=
        std::string::npos);
  CHECK(mistake("patterns:\n  - kind: x\n    severity: fatal\n    any: [\"abcd\"]").find("own.yaml:3") !=
        std::string::npos);
  CHECK(mistake("patterns:\n  - kind: x\n    anny: [\"abcd\"]").find("no such setting: \"anny\"") !=
        std::string::npos);
  CHECK(mistake("patterns:\n  - kind: x").find("`any` is missing") != std::string::npos);
  CHECK(mistake("patterns: [").find("own.yaml") != std::string::npos);
  CHECK(mistake("patterns:\n  - kind: x\n    weight: heavy\n    any: [\"abcd\"]") != "");
}

TEST_CASE("a line of a megabyte is searched once", "[local][patterns]") {
  std::string line(std::size_t{1} << 20, 'C');
  CHECK(kind(LogPatterns::shipped(), line) == "");
  line += "CUDA out of memory";
  CHECK(kind(LogPatterns::shipped(), line) == "cuda_out_of_memory");
}

}  // namespace redflag::daemon::local
