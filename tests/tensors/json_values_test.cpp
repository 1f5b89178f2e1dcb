#include "daemon/tensors/json_values.h"

#include <cmath>

#include "daemon/tensors/inspect.h"
#include "tests/support/catch.h"

namespace redflag::tensors {
namespace {

FileReport read(const std::string& text, const std::string& name = "x.json") {
  return inspect_bytes(MemorySource(text), name);
}

}  // namespace

TEST_CASE("nested values are told by their path, arrays by index and length", "[tensors][json]") {
  const FileReport report = read(R"({"a": {"b": 1.5, "c": [true, null, "x"]}, "d": []})");
  REQUIRE(report.verdict == Verdict::ok);
  CHECK(report.number("a.b") == 1.5);
  CHECK(std::get<bool>(*report.value("a.c.0")));
  CHECK(std::get<std::string>(*report.value("a.c.1")) == "null");
  CHECK(std::get<std::string>(*report.value("a.c.2")) == "x");
  CHECK(report.number("a.c.length") == 3);
  CHECK(report.number("d.length") == 0);
}

TEST_CASE("Python's NaN and infinities are numbers, and texts that spell them stay texts",
          "[tensors][json]") {
  const FileReport report =
      read(R"({"loss": NaN, "high": Infinity, "low": -Infinity, "word": "NaN", "in": "a NaN, -Infinity"})");
  REQUIRE(report.verdict == Verdict::ok);
  CHECK(std::isnan(*report.number("loss")));
  CHECK(*report.number("high") > 1e308);
  CHECK(*report.number("low") < -1e308);
  CHECK(std::get<std::string>(*report.value("word")) == "NaN");
  CHECK(std::get<std::string>(*report.value("in")) == "a NaN, -Infinity");
}

TEST_CASE("a JSON file cut short is truncated, one that is wrong is damaged where it is wrong",
          "[tensors][json]") {
  for (const char* text : {"{", "{\"a\": ", "{\"a\": \"x", "{\"a\": [1, 2", "{\"a\": 1"}) {
    INFO(text);
    CHECK(read(text).verdict == Verdict::damaged);
    CHECK_THAT(read(text).reason, ContainsSubstring("ends in the middle of its JSON"));
  }
  CHECK_THAT(read("{\"a\": }").reason, ContainsSubstring("not valid JSON at byte"));
  CHECK_THAT(read("{\"a\": 1} tail").reason, ContainsSubstring("not valid JSON"));
  CHECK_THAT(read("{\"a\": 1e999}").reason, ContainsSubstring("too large"));
  CHECK_THAT(read("12").reason, ContainsSubstring("neither an object nor a list"));
  CHECK_THAT(read(std::string(100, '[') + std::string(100, ']')).reason,
             ContainsSubstring("nested more than 64"));
}

TEST_CASE("of a log of many objects the first and the length are kept", "[tensors][json]") {
  std::string text = R"({"global_step": 7, "log_history": [)";
  for (int i = 0; i < 20'000; ++i) text += (i == 0 ? "" : ",") + std::string(R"({"loss": 1, "step": 2})");
  const FileReport report = read(text + "]}");
  REQUIRE(report.verdict == Verdict::ok);
  CHECK(report.number("log_history.length") == 20'000);
  CHECK(report.number("log_history.0.loss") == 1);
  CHECK(report.value("log_history.1.loss") == nullptr);
  CHECK(report.number("global_step") == 7);
}

TEST_CASE("a text of many megabytes is cut, and what follows it is still read", "[tensors][json]") {
  const FileReport report = read("{\"big\": \"" + std::string(5'000'000, 'x') + "\\\"y\", \"after\": 3}");
  REQUIRE(report.verdict == Verdict::ok);
  CHECK(report.number("after") == 3);
}

}  // namespace redflag::tensors
