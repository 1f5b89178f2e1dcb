// One walk over the blocks checks them, another reads them.
#include "daemon/simulator/slack_payload.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace redflag::daemon {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxBlocks = 50;
constexpr std::size_t kMaxTotal = 12000;  // practice: msg_blocks_too_long near 13,200
constexpr std::size_t kMaxAttachments = 100;

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

class Checker {
 public:
  SlackVerdict check(const json& payload) {
    if (!payload.is_object()) return {"invalid_payload", {"the payload is not a JSON object"}};
    const bool has_text = payload.contains("text") && payload["text"].is_string() &&
                          !payload["text"].empty() && !payload["text"].get_ref<const std::string&>().empty();
    const bool has_blocks =
        payload.contains("blocks") && payload["blocks"].is_array() && !payload["blocks"].empty();
    const bool has_attachments = payload.contains("attachments") && payload["attachments"].is_array() &&
                                 !payload["attachments"].empty();
    if (!has_text && !has_blocks && !has_attachments) return {"no_text", {"no text, blocks or attachments"}};
    if (payload.contains("text") && !payload["text"].is_string()) complain("text is not a string");
    if (has_attachments && payload["attachments"].size() > kMaxAttachments) {
      return {"too_many_attachments", {"more than 100 attachments"}};
    }
    if (payload.contains("blocks")) blocks(payload["blocks"]);
    if (total_ > kMaxTotal) {
      return {"msg_blocks_too_long",
              {fmt::format("the blocks hold {} characters, at most {}", total_, kMaxTotal)}};
    }
    return {reasons_.empty() ? "" : "invalid_payload", reasons_};
  }

 private:
  void complain(std::string reason) {
    if (reasons_.size() < 20) reasons_.push_back(std::move(reason));
  }

  void blocks(const json& blocks) {
    if (!blocks.is_array()) return complain("blocks is not a list");
    if (blocks.size() > kMaxBlocks)
      return complain(fmt::format("{} blocks, at most {}", blocks.size(), kMaxBlocks));
    for (std::size_t i = 0; i < blocks.size(); ++i) block(blocks[i], fmt::format("blocks[{}]", i));
  }

  void block(const json& block, const std::string& where) {
    if (!block.is_object()) return complain(where + " is not an object");
    const std::string type = string_of(block, "type");
    if (block.contains("block_id")) {
      const std::string id = string_of(block, "block_id");
      if (id.empty() || characters(id) > 255)
        complain(where + ".block_id is not a text of 1 to 255 characters");
      if (!block_ids_.insert(id).second) complain(where + ".block_id is used twice");
    }
    if (type == "header") {
      text(block, "text", where, 150, true);
    } else if (type == "section") {
      section(block, where);
    } else if (type == "context") {
      elements(block, where, 10);
    } else if (type == "actions") {
      elements(block, where, 25);
    } else if (type == "image") {
      image(block, where);
    } else if (type != "divider" && type != "rich_text" && type != "video" && type != "file") {
      complain(where + ".type is not a kind of block");
    }
  }

  void section(const json& block, const std::string& where) {
    const bool has_fields = block.contains("fields");
    if (!block.contains("text") && !has_fields) complain(where + " has neither text nor fields");
    if (block.contains("text")) text(block, "text", where, 3000, false);
    if (has_fields) {
      const json& fields = block["fields"];
      if (!fields.is_array() || fields.empty() || fields.size() > 10) {
        return complain(where + ".fields is not a list of 1 to 10");
      }
      for (std::size_t i = 0; i < fields.size(); ++i) {
        text_object(fields[i], fmt::format("{}.fields[{}]", where, i), 2000, false);
      }
    }
    if (block.contains("accessory")) element(block["accessory"], where + ".accessory");
  }

  void elements(const json& block, const std::string& where, std::size_t limit) {
    const auto list = block.find("elements");
    if (list == block.end() || !list->is_array() || list->empty() || list->size() > limit) {
      return complain(fmt::format("{}.elements is not a list of 1 to {}", where, limit));
    }
    for (std::size_t i = 0; i < list->size(); ++i)
      element((*list)[i], fmt::format("{}.elements[{}]", where, i));
  }

  void element(const json& element, const std::string& where) {
    const std::string type = element.is_object() ? string_of(element, "type") : "";
    if (type == "plain_text" || type == "mrkdwn") {
      text_object(element, where, 3000, false);
    } else if (type == "image") {
      image(element, where);
    } else if (type == "button") {
      text(element, "text", where, 75, true);
      if (characters(string_of(element, "url")) > 3000)
        complain(where + ".url is longer than 3,000 characters");
      if (characters(string_of(element, "action_id")) > 255)
        complain(where + ".action_id is longer than 255 characters");
      if (characters(string_of(element, "value")) > 2000)
        complain(where + ".value is longer than 2,000 characters");
    } else {
      complain(where + ".type is not a kind of element");
    }
  }

  void image(const json& image, const std::string& where) {
    if (string_of(image, "image_url").empty() || characters(string_of(image, "image_url")) > 3000) {
      complain(where + ".image_url is not a text of 1 to 3,000 characters");
    }
    if (string_of(image, "alt_text").empty() || characters(string_of(image, "alt_text")) > 2000) {
      complain(where + ".alt_text is not a text of 1 to 2,000 characters");
    }
  }

  void text(const json& block, const char* name, const std::string& where, std::size_t limit,
            bool plain_only) {
    const auto found = block.find(name);
    if (found == block.end()) return complain(fmt::format("{}.{} is missing", where, name));
    text_object(*found, fmt::format("{}.{}", where, name), limit, plain_only);
  }

  void text_object(const json& text, const std::string& where, std::size_t limit, bool plain_only) {
    if (!text.is_object()) return complain(where + " is not a text object");
    const std::string type = string_of(text, "type");
    if (type != "plain_text" && (plain_only || type != "mrkdwn")) complain(where + ".type is wrong");
    if (!text.contains("text") || !text["text"].is_string()) return complain(where + ".text is not a string");
    const std::size_t length = characters(text["text"].get_ref<const std::string&>());
    total_ += length;
    if (length == 0) complain(where + " is empty");
    if (length > limit) complain(fmt::format("{} is {} characters long, at most {}", where, length, limit));
  }

  static std::string string_of(const json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
  }

  std::vector<std::string> reasons_;
  std::set<std::string> block_ids_;
  std::size_t total_ = 0;
};

std::string decode_entities(std::string_view text) {
  static constexpr std::pair<std::string_view, char> kEntities[] = {
      {"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}};
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto entity = std::find_if(std::begin(kEntities), std::end(kEntities), [&](const auto& each) {
      return text.substr(i, each.first.size()) == each.first;
    });
    if (entity != std::end(kEntities)) {
      out += entity->second;
      i += entity->first.size();
    } else {
      out += text[i++];
    }
  }
  return out;
}

/// "<https://x|label>" reads as "label", "<https://x>" as its address.
std::string read_mrkdwn(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t open = text.find('<');
    const std::size_t close = open == std::string_view::npos ? open : text.find('>', open);
    if (close == std::string_view::npos) return out + decode_entities(text);
    out += decode_entities(text.substr(0, open));
    std::string_view link = text.substr(open + 1, close - open - 1);
    if (const std::size_t bar = link.find('|'); bar != std::string_view::npos) link.remove_prefix(bar + 1);
    out += decode_entities(link);
    text.remove_prefix(close + 1);
  }
  return out;
}

void read_texts(const json& node, std::string& out, int depth) {
  if (depth > 20) return;
  if (node.is_array()) {
    for (const json& item : node) read_texts(item, out, depth + 1);
    return;
  }
  if (!node.is_object()) return;
  if (const auto text = node.find("text"); text != node.end() && text->is_string()) {
    const auto& words = text->get_ref<const std::string&>();
    const bool plain = node.value("type", json()) == "plain_text";
    out += (plain ? words : read_mrkdwn(words)) + '\n';
  }
  for (const char* inner : {"text", "fields", "elements", "accessory", "blocks", "attachments"}) {
    const auto found = node.find(inner);
    if (found != node.end() && found->is_structured()) read_texts(*found, out, depth + 1);
  }
}

}  // namespace

SlackVerdict check_slack_payload(const json& payload) {
  return Checker{}.check(payload);
}

std::string slack_plain_text(const json& payload) {
  std::string out;
  read_texts(payload, out, 0);
  return out;
}

}  // namespace redflag::daemon
