// Reading a Slack message as a person does, for the tests of what is written.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace redflag::alerts::test {

inline std::string joined(const std::vector<std::string>& lines) {
  std::string all;
  for (const std::string& line : lines) all += line + '\n';
  return all;
}

/// What a reader of the message sees, without the JSON around it.
inline std::string visible(const std::string& payload) {
  const auto root = nlohmann::json::parse(payload);
  std::string all;
  for (const auto& block : root["blocks"]) {
    if (block.contains("text")) all += block["text"]["text"].get<std::string>() + "\n";
    for (const char* list : {"fields", "elements"}) {
      if (!block.contains(list)) continue;
      for (const auto& item : block[list]) all += item["text"].get<std::string>() + "\n";
    }
  }
  return all;
}

}  // namespace redflag::alerts::test
