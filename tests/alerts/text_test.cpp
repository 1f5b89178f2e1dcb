#include <cmath>
#include <random>

#include "alerts/sparkline.h"
#include "alerts/text/clean.h"
#include "alerts/text/escape.h"
#include "alerts/text/utf8.h"
#include "alerts/text/words.h"
#include "builders.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::alerts;
using namespace redflag::alerts::test;

TEST_CASE("a sparkline shows the course, and what is no number as what it is", "[sparkline]") {
  const std::vector<double> rising{1, 2, 3, 4, 5, 6, 7, 8};
  CHECK(sparkline(rising) == "▁▂▃▄▅▆▇█");
  CHECK(sparkline(rising, SparklineStyle::ascii) == "_.:-=+*#");
  const std::vector<double> odd{0, std::nan(""), INFINITY, -INFINITY, 1};
  CHECK(sparkline(odd) == "▁×↑↓█");
  CHECK(sparkline(odd, SparklineStyle::ascii) == "_x^v#");
  CHECK(sparkline(std::vector<double>{3, 3, 3}) == "▄▄▄");
  CHECK(sparkline(std::vector<double>{}).empty());
  CHECK(sparkline(rising, SparklineStyle::unicode, 2) == "▁█");
  CHECK(sparkline(std::vector<double>{-1.7e308, 1.7e308}) == "▁█");
  CHECK(sparkline(std::vector<double>{0, 5e-324}) == "▄▄");
}

TEST_CASE("bytes that are no UTF-8 survive JSON and come back exactly", "[text]") {
  CHECK(escape_utf8("a\xff") == "a\xEF\xBF\xBDxFF");
  for (const std::string& name : hostile_names()) CHECK(unescape_utf8(escape_utf8(name)) == name);
  CHECK(unescape_utf8(escape_utf8("\xEF\xBF\xBDxFF")) == "\xEF\xBF\xBDxFF");
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes;
    for (int i = 0; i < 12; ++i) {
      switch (random() % 4) {
        case 0:
          bytes += "\xEF\xBF\xBD";
          break;
        case 1:
          bytes += "xFF";
          break;
        case 2:
          bytes += static_cast<char>(random() % 256);
          break;
        default:
          bytes += "é";
          break;
      }
    }
    REQUIRE(unescape_utf8(escape_utf8(bytes)) == bytes);
  }
}

TEST_CASE("a name can neither forge a log line nor reach the terminal", "[text][hostile]") {
  CHECK(escape_terminal("a\nCRITICAL fake\x1b[2J\\") == "a\\nCRITICAL fake\\u{1b}[2J\\\\");
  CHECK(escape_terminal("\xC2\x9B"
                        "31m \xE2\x80\xAE \xff") == "\\u{9b}31m \\u{202e} \\xff");
  CHECK(escape_terminal("Zürich 🚀") == "Zürich 🚀");
}

TEST_CASE("cleaned text is valid, bounded and has nothing invisible", "[text][hostile]") {
  CHECK(clean("a\r\nb\tc", 100) == "a b c");
  CHECK(clean("a\r\nb", 100, Lines::keep) == "a\nb");
  CHECK(clean("x\xE2\x80\xAEy\xE2\x80\x8Bz", 100) == "xyz");
  CHECK(clean("\xff", 100) == "\xEF\xBF\xBD");
  for (const std::string& name : hostile_names()) {
    for (const std::size_t limit : {0, 1, 2, 7, 100}) {
      const std::string text = clean(name, limit);
      CHECK(utf16_units(text) <= limit);
      CHECK(clean(text, limit) == text);
      for (std::size_t at = 0; at < text.size(); at += decode_at(text, at).bytes)
        REQUIRE(decode_at(text, at).valid);
    }
  }
}

TEST_CASE("numbers read as people write them", "[text]") {
  CHECK(number_words(8.45) == "8.45");
  CHECK(number_words(22340) == "22340");
  CHECK(number_words(1500) == "1500");
  CHECK(number_words(1e-9) == "1e-09");
  CHECK(number_words(std::nan("")) == "NaN");
  CHECK(number_words(-INFINITY) == "-inf");
  CHECK(number_words(0.0) == "0");
}
