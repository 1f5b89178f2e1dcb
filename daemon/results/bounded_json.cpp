// One pass over the text before the library sees it: depth and elements are counted, NaN and Infinity
// replaced.
#include "daemon/results/bounded_json.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace redflag::daemon {
namespace {

constexpr int kMaxDepth = 64;
constexpr std::size_t kMaxElements = 200'000;

struct Scanned {
  std::string text;
  int depth = 0;
  bool in_string = false;
  std::optional<std::string> refused;
};

Scanned scan(std::string_view text) {
  Scanned out;
  out.text.reserve(text.size());
  std::size_t elements = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (out.in_string) {
      out.text += c;
      if (c == '\\' && i + 1 < text.size()) {
        out.text += text[++i];
      } else if (c == '"') {
        out.in_string = false;
      }
      continue;
    }
    if (c == '"') out.in_string = true;
    if (c == '[' || c == '{') {
      ++elements;
      if (++out.depth > kMaxDepth) out.refused = fmt::format("is nested more than {} levels deep", kMaxDepth);
    }
    if (c == ']' || c == '}') --out.depth;
    if (c == ',' && ++elements > kMaxElements)
      out.refused = fmt::format("has more than {} elements", kMaxElements);
    if (out.refused) return out;
    bool replaced = false;
    for (const std::string_view word :
         {std::string_view("NaN"), std::string_view("-Infinity"), std::string_view("Infinity")}) {
      if (text.substr(i, word.size()) != word) continue;
      out.text += "null";
      i += word.size() - 1;
      replaced = true;
      break;
    }
    if (!replaced) out.text += c;
  }
  return out;
}

/// Follows {"name": {"data_offsets": [begin, end]}} without building anything.
class OffsetReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  std::uint64_t end = 0;

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return !in_offsets_; }  // negative: never an offset
  bool number_unsigned(number_unsigned_t value) override {
    if (in_offsets_) end = std::max<std::uint64_t>(end, value);
    return true;
  }
  bool number_float(number_float_t, const string_t&) override { return !in_offsets_; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return ++depth_ <= 4; }
  bool end_object() override {
    --depth_;
    return true;
  }
  bool start_array(std::size_t) override {
    in_offsets_ = next_is_offsets_;
    return ++depth_ <= 4 && depth_ > 1;
  }
  bool end_array() override {
    --depth_;
    in_offsets_ = next_is_offsets_ = false;
    return true;
  }
  bool key(string_t& name) override {
    next_is_offsets_ = depth_ == 2 && name == "data_offsets";
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  int depth_ = 0;
  bool next_is_offsets_ = false;
  bool in_offsets_ = false;
};

}  // namespace

std::optional<JsonProblem> parse_bounded_json(std::string_view text, nlohmann::json& out) {
  const Scanned scanned = scan(text);
  if (scanned.refused) return JsonProblem{*scanned.refused, false};
  try {
    out = nlohmann::json::parse(scanned.text);
    return std::nullopt;
  } catch (const nlohmann::json::exception&) {
    // The library's message quotes the file; ours says what a person needs.
  }
  out = nullptr;
  const bool blank = text.find_first_not_of(" \t\r\n") == std::string_view::npos;
  const bool cut = blank || scanned.depth > 0 || scanned.in_string;
  return JsonProblem{cut ? "ends in the middle of its JSON" : "is not valid JSON", cut};
}

std::optional<std::uint64_t> safetensors_data_end(std::string_view header) {
  OffsetReader reader;
  try {
    if (!nlohmann::json::sax_parse(header, &reader)) return std::nullopt;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
  return reader.end;
}

}  // namespace redflag::daemon
