#include "slack_limits.h"

#include <cstdint>
#include <regex>

#include <nlohmann/json.hpp>

namespace redflag::alerts::test {
namespace {

using nlohmann::json;

class Checker {
 public:
  std::vector<std::string> complaints;

  void payload(const std::string& body) {
    json root;
    try {
      root = json::parse(body);  // also refuses what is no UTF-8
    } catch (const std::exception& e) {
      complaints.push_back(std::string("no JSON: ") + e.what());
      return;
    }
    need(length(body) <= 12000, "more than 12000 in all: " + std::to_string(length(body)));
    need(root.contains("text") && root["text"].is_string(), "no text");
    if (!complaints.empty()) return;
    text(root["text"], 40000, true, "text");
    if (!root.contains("blocks")) return;
    const json& blocks = root["blocks"];
    need(blocks.is_array() && !blocks.empty() && blocks.size() <= 50, "blocks: 1 to 50");
    for (const json& block : blocks) one_block(block);
  }

 private:
  void need(bool holds, const std::string& what) {
    if (!holds) complaints.push_back(what);
  }

  /// UTF-16 units, counted by a decoder of its own over text that the JSON parser has found valid.
  static std::size_t length(const std::string& text) {
    std::size_t units = 0;
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if ((byte & 0xC0U) != 0x80) units += byte >= 0xF0 ? 2 : 1;
    }
    return units;
  }

  void text(const std::string& value, std::size_t limit, bool markdown, const std::string& where) {
    need(!value.empty(), where + ": empty");
    need(length(value) <= limit, where + ": longer than " + std::to_string(limit));
    for (const char c : value) {
      const auto byte = static_cast<unsigned char>(c);
      need((byte >= 0x20 || c == '\n') && byte != 0x7F, where + ": control character");
    }
    static const std::regex kBidi("\xE2\x80[\x8E\x8F\xAA-\xAE]|\xE2\x81[\xA6-\xA9]|\xC2[\x80-\x9F]");
    need(!std::regex_search(value, kBidi), where + ": direction or C1 control");
    std::string rest = value;
    if (markdown) {
      // What we mean: a link, a date, and one bold label at the start of a field.
      rest = std::regex_replace(rest, std::regex("<https?://[^<>| \n]+\\|[^<>|\n]+>"), "L");
      rest = std::regex_replace(
          rest, std::regex("<!date\\^[0-9]+\\^\\{date_short_pretty\\} \\{time_secs\\}\\|[0-9: UTC-]+>"), "D");
      rest = std::regex_replace(rest, std::regex("^\\*[A-Za-z, ]+\\*\n"), "");
      need(rest.find("@channel") == std::string::npos && rest.find("@here") == std::string::npos &&
               rest.find("@everyone") == std::string::npos,
           where + ": mention");
      // Slack formats between marks that stand at the edge of a word.
      need(!std::regex_search(rest, std::regex("(^|[^A-Za-z0-9])[*_~]|[*_~]($|[^A-Za-z0-9])|`")),
           where + ": markdown");
    }
    need(rest.find('<') == std::string::npos && rest.find('>') == std::string::npos, where + ": raw < or >");
    const std::string without = std::regex_replace(rest, std::regex("&(amp|lt|gt);"), "");
    need(without.find('&') == std::string::npos, where + ": raw & or torn entity");
  }

  void object(const json& object, std::size_t limit, const std::string& where) {
    const std::string type = object.value("type", "");
    need(type == "plain_text" || type == "mrkdwn", where + ": type " + type);
    need(type == "plain_text" || !object.contains("emoji"), where + ": emoji belongs to plain_text");
    text(object.value("text", ""), limit, type == "mrkdwn", where);
  }

  void one_block(const json& block) {
    const std::string type = block.value("type", "");
    if (type == "header") {
      need(block["text"].value("type", "") == "plain_text", "header: plain_text only");
      object(block["text"], 150, "header");
    } else if (type == "section") {
      need(block.contains("text") || block.contains("fields"), "section: neither text nor fields");
      if (block.contains("text")) object(block["text"], 3000, "section");
      if (block.contains("fields")) {
        need(!block["fields"].empty() && block["fields"].size() <= 10, "fields: 1 to 10");
        for (const json& field : block["fields"]) object(field, 2000, "field");
      }
    } else if (type == "context") {
      need(!block["elements"].empty() && block["elements"].size() <= 10, "context: 1 to 10 elements");
      for (const json& element : block["elements"]) object(element, 2000, "context");
    } else {
      complaints.push_back("unknown block " + type);
    }
  }
};

}  // namespace

std::vector<std::string> slack_complaints(const std::string& payload) {
  Checker checker;
  checker.payload(payload);
  return checker.complaints;
}

}  // namespace redflag::alerts::test
