// Reads the text format strictly, as Prometheus does, so that a test knows what would be scraped.
#pragma once

#include <cstdlib>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>

namespace redflag::test {

struct Exposition {
  std::map<std::string, std::string> types;  ///< by family
  std::map<std::string, std::string> helps;
  std::map<std::string, double> samples;  ///< by name and labels, as they stand
};

/// Throws at the first line that is not as the format asks: an escape that is none, a family in two places, a
/// sample that is there twice or that has no type.
inline Exposition read_exposition(const std::string& text) {
  Exposition read;
  std::string family;
  const auto wrong = [](std::string_view line, const char* why) {
    return std::runtime_error(std::string(why) + ": " + std::string(line));
  };
  if (text.empty() || text.back() != '\n') throw std::runtime_error("it does not end with a line end");
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    for (const char c : line) {
      if (static_cast<unsigned char>(c) < 0x20) throw wrong(line, "a control character");
    }
    if (line.rfind("# HELP ", 0) == 0 || line.rfind("# TYPE ", 0) == 0) {
      const std::size_t space = line.find(' ', 7);
      family = line.substr(7, space - 7);
      auto& where = line[2] == 'H' ? read.helps : read.types;
      if (!where.emplace(family, line.substr(space + 1)).second) throw wrong(line, "a family in two places");
      continue;
    }
    std::size_t i = line.find_first_of("{ ");
    if (line.substr(0, i) != family) throw wrong(line, "a sample outside its family");
    if (line[i] == '{') {
      ++i;
      for (;;) {
        const std::size_t equals = line.find("=\"", i);
        if (equals == std::string::npos) throw wrong(line, "a label without value");
        if (line.substr(i, equals - i).find_first_not_of("abcdefghijklmnopqrstuvwxyz_") != std::string::npos)
          throw wrong(line, "a label's name");
        for (i = equals + 2; i < line.size() && line[i] != '"'; ++i) {
          if (line[i] != '\\') continue;
          ++i;
          if (i >= line.size() || (line[i] != '\\' && line[i] != '"' && line[i] != 'n'))
            throw wrong(line, "an escape that is none");
        }
        ++i;
        if (i >= line.size()) throw wrong(line, "a label without end");
        if (line[i] == '}') break;
        if (line[i++] != ',') throw wrong(line, "something between labels");
      }
      ++i;
    }
    if (i >= line.size() || line[i] != ' ') throw wrong(line, "no value");
    const std::string value = line.substr(i + 1);
    char* stopped = nullptr;
    const double number = std::strtod(value.c_str(), &stopped);
    if (*stopped != '\0' || value.empty()) throw wrong(line, "a value that is none");
    if (!read.samples.emplace(line.substr(0, i), number).second) throw wrong(line, "a sample twice");
  }
  for (const auto& [name, help] : read.helps) {
    if (!read.types.contains(name) || help.empty()) throw wrong(name, "a family without type or help");
  }
  return read;
}

}  // namespace redflag::test
