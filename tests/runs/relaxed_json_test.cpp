#include "daemon/runs/relaxed_json.h"

#include <cmath>
#include <random>

#include <nlohmann/json.hpp>

#include "daemon/runs/json_number.h"
#include "daemon/runs/row_json.h"
#include "tests/support/catch.h"

namespace redflag::daemon {

TEST_CASE("bare NaN and infinities are kept as their names", "[runs][json]") {
  const auto value =
      parse_relaxed_json(R"({"a": NaN, "b":[Infinity,-Infinity, 1e309, -1E400], "c": 1e-400})", "x");
  REQUIRE(value);
  CHECK((*value)["a"] == "NaN");
  CHECK((*value)["b"] == nlohmann::json({"Infinity", "-Infinity", "Infinity", "-Infinity"}));
  CHECK((*value)["c"] == 0.0);
  CHECK(std::isnan(*number_from((*value)["a"])));
}

TEST_CASE("text that mentions NaN is left as it is", "[runs][json]") {
  const auto value =
      parse_relaxed_json(R"({"note": "loss is NaN, \"Infinity\" 1e999", "NaN": "-Infinity\\"})", "x");
  REQUIRE(value);
  CHECK((*value)["note"] == "loss is NaN, \"Infinity\" 1e999");
  CHECK((*value)["NaN"] == "-Infinity\\");
}

TEST_CASE("a digit string too long for a double is an infinity", "[runs][json]") {
  const auto value = parse_relaxed_json("[" + std::string(400, '9') + ", " + std::string(50, '9') + "]", "x");
  REQUIRE(value);
  CHECK((*value)[0] == "Infinity");
  CHECK((*value)[1].get<double>() == Approx(1e50));
}

TEST_CASE("an error names line and column of the original text", "[runs][json]") {
  const auto value = parse_relaxed_json("{\"a\": NaN,\n \"b\": NaN, oops}", "reading x.json");
  REQUIRE_FALSE(value);
  CHECK(value.error().code == ErrorCode::malformed);
  CHECK_THAT(value.error().text(), ContainsSubstring("reading x.json"));
  CHECK_THAT(value.error().text(), ContainsSubstring("line 2, column 12"));
  const auto cut = parse_relaxed_json("{\"a\": [NaN, NaN", "reading");
  REQUIRE_FALSE(cut);
  CHECK_THAT(cut.error().text(), ContainsSubstring("ends too early"));
}

TEST_CASE("a NUL byte is no end: what follows it is not passed over in silence", "[runs][json]") {
  using namespace std::string_literals;
  for (const std::string& text : {"{\"a\":1}\0{\"b\":2}"s, "{\"a\":1}\0\0\0"s, "\0"s, "{\"a\":\"x\0\"}"s}) {
    const auto value = parse_relaxed_json(text, "reading");
    REQUIRE_FALSE(value);
    CHECK_THAT(value.error().text(), ContainsSubstring("NUL byte"));
  }
}

TEST_CASE("empty text, a pointer file and words that resemble NaN are errors, not crashes", "[runs][json]") {
  for (const char* text : {"", "version https://git-lfs.github.com/spec/v1\n", "{\"a\": NaNN}", "nan",
                           "{\"a\": --Infinity}", "\"abc\\", "[1,]", "\xff\xfe"}) {
    INFO(text);
    CHECK_FALSE(parse_relaxed_json(text, "x"));
  }
}

TEST_CASE("nesting and size are bounded before anything is parsed", "[runs][json]") {
  const auto deep = parse_relaxed_json(std::string(100000, '['), "x");
  REQUIRE_FALSE(deep);
  CHECK_THAT(deep.error().text(), ContainsSubstring("nested deeper than 200"));
  CHECK(parse_relaxed_json(std::string(200, '[') + std::string(200, ']'), "x"));
  const auto large = parse_relaxed_json("[1,2,3]", "x", {.max_bytes = 3});
  REQUIRE_FALSE(large);
  CHECK(large.error().code == ErrorCode::too_large);
}

TEST_CASE("mutations of a valid document never crash the parser", "[runs][json]") {
  const std::string valid =
      R"({"log":[{"loss":NaN,"g":1e309,"s":"a\"b\u00e9"},{"loss":-Infinity,"x":[1,2,{"y":null}]}]})";
  std::mt19937 random(7);
  std::size_t parsed = 0;
  for (int i = 0; i < 5000; ++i) {
    std::string text = valid;
    for (auto edits = random() % 4; edits > 0; --edits) {
      const std::size_t at = random() % text.size();
      if (random() % 2 == 0) {
        text[at] = static_cast<char>(random() % 256);
      } else {
        text.erase(at, random() % 8);
        if (text.empty()) text = "{";
      }
    }
    if (parse_relaxed_json(text, "x")) ++parsed;
  }
  CHECK(parsed > 1000);
  CHECK(parsed < 5000);
}

TEST_CASE("NaN is taken for a value, not for a name", "[runs][json]") {
  CHECK_FALSE(parse_relaxed_json(R"({"a": 1, NaN: 2})", "x"));
  CHECK_FALSE(parse_relaxed_json("{Infinity :2}", "x"));
  CHECK(parse_relaxed_json(R"({"a": NaN, "b": [Infinity]})", "x"));
}

TEST_CASE("numbers are recognised in every spelling, and nothing else is", "[runs][json]") {
  using nlohmann::json;
  for (const char* text : {"NaN", "nan", "-nan", "NAN"})
    CHECK(std::isnan(number_from(json(text)).value_or(0)));
  for (const char* text : {"inf", "Infinity", "+inf", "INF", "infinity"})
    CHECK(number_from(json(text)) == INFINITY);
  for (const char* text : {"-inf", "-Infinity"}) CHECK(number_from(json(text)) == -INFINITY);
  for (const char* text : {"", "12", "nano", "info", "none", "-", "0x10"})
    CHECK_FALSE(number_from(json(text)));
  CHECK_FALSE(number_from(json(true)));
  CHECK_FALSE(number_from(json(nullptr)));
  CHECK(step_from(json(12.0)) == 12);
  CHECK(step_from(json(12)) == 12);
  CHECK_FALSE(step_from(json(-1)));
  CHECK_FALSE(step_from(json(1e300)));
  CHECK_FALSE(step_from(json("12")));
}

TEST_CASE("A number too large for a double is an infinity only where it is a number by JSON's own grammar") {
  CHECK(parse_relaxed_json("[-1e309, 0.1E+400, 10e999]", "x")->dump() ==
        R"(["-Infinity","Infinity","Infinity"])");
  for (const char* text :
       {"[-01e309]", "[01e309]", "[1.e309]", "[-.5e999]", "[1e309.0]", "[--1e309]", "[1e]"}) {
    INFO(text);
    CHECK_FALSE(parse_relaxed_json(text, "x"));
    LoggedRow row;
    CHECK(RowJson().parse(text, row) == RowJson::Outcome::malformed);
  }
}

}  // namespace redflag::daemon
