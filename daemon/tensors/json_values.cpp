#include "daemon/tensors/json_values.h"

#include <array>
#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "daemon/tensors/failure.h"

namespace redflag::tensors {
namespace {

constexpr std::size_t kMaxValues = 50'000;
constexpr std::size_t kMaxNameBytes = 8'000'000;
constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kMaxElements = 4'096;    // of one array
constexpr std::uint64_t kMaxText = 1'000'000;  // of one string: the library keeps it whole

/// Characters of the file, one after the other, with the words that only Python's JSON has (NaN, Infinity)
/// made texts that no file has: "\u0001NaN". Long texts are cut on the way.
class Characters {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = char;

  struct Shared {
    const ByteSource* source = nullptr;
    std::string buffer;
    std::uint64_t at = 0;     ///< of the next byte in the file
    std::uint64_t begin = 0;  ///< of the buffer
    std::string pending;      ///< put in place of a word
    std::size_t pending_at = 0;
    bool in_text = false, escaped = false, cutting = false;
    std::uint64_t since_escape = 0;
    std::uint64_t text = 0;  ///< length of the text it is in
    char now = 0;
    bool end = false;
  };

  Characters() = default;
  explicit Characters(Shared& shared) : shared_(&shared) { advance(); }
  char operator*() const { return shared_->now; }
  Characters& operator++() {
    advance();
    return *this;
  }
  Characters operator++(int) {
    const Characters before = *this;
    advance();
    return before;
  }
  friend bool operator==(const Characters& a, const Characters& b) { return a.at_end() == b.at_end(); }
  friend bool operator!=(const Characters& a, const Characters& b) { return !(a == b); }

 private:
  bool at_end() const { return shared_ == nullptr || shared_->end; }

  static bool fill(Shared& s) {
    if (s.at >= s.begin && s.at - s.begin < s.buffer.size()) return true;
    s.buffer = s.source->bytes(s.at, 65536);
    s.begin = s.at;
    return !s.buffer.empty();
  }

  static bool follows(Shared& s, std::string_view word) { return s.source->bytes(s.at, word.size()) == word; }

  void advance() {
    Shared& s = *shared_;
    if (s.pending_at < s.pending.size()) {
      s.now = s.pending[s.pending_at++];
      return;
    }
    do {
      if (!fill(s)) {
        s.end = true;
        return;
      }
      s.now = s.buffer[static_cast<std::size_t>(s.at - s.begin)];
      if (!s.in_text && (s.now == 'N' || s.now == 'I' || s.now == '-') && replace(s)) return;
      ++s.at;
      if (!s.in_text) {
        s.in_text = s.now == '"';
        s.text = 0;
        return;
      }
      ++s.text;
      ++s.since_escape;
      if (s.escaped) {
        s.escaped = false;
      } else if (s.now == '\\') {
        s.escaped = true;
        s.since_escape = 0;
      } else if (s.now == '"') {
        s.in_text = s.cutting = false;
        return;
      }
      // Not inside an escape (\u0041), nor inside a character of several bytes.
      const bool border = s.since_escape > 6 && (s.now & 0x80) == 0;
      s.cutting = s.cutting || (s.text > kMaxText && border);
    } while (s.cutting);
  }

  static bool replace(Shared& s) {
    for (const std::string_view word :
         {std::string_view("NaN"), std::string_view("Infinity"), std::string_view("-Infinity")}) {
      if (s.now != word[0] || !follows(s, word)) continue;
      s.pending = fmt::format("\"\\u0001{}\"", word);
      s.pending_at = 1;
      s.now = '"';
      s.at += word.size();
      return true;
    }
    return false;
  }

  Shared* shared_ = nullptr;
};

class Flattener : public nlohmann::json_sax<nlohmann::json> {
 public:
  JsonValues out;
  std::string problem;
  bool bare_value = false;
  bool cut = false;  ///< it stopped as it would where the text ends

  bool null() override { return value(std::string("null")); }
  bool boolean(bool x) override { return value(x); }
  bool number_integer(number_integer_t x) override { return value(static_cast<double>(x)); }
  bool number_unsigned(number_unsigned_t x) override { return value(static_cast<double>(x)); }
  bool number_float(number_float_t x, const string_t&) override { return value(x); }
  bool binary(binary_t&) override { return false; }
  bool string(string_t& x) override {
    if (!x.empty() && x[0] == '\x01') {
      if (x == "\x01NaN") return value(std::numeric_limits<double>::quiet_NaN());
      if (x == "\x01Infinity") return value(std::numeric_limits<double>::infinity());
      if (x == "\x01-Infinity") return value(-std::numeric_limits<double>::infinity());
    }
    return value(x.substr(0, 1024));
  }
  bool start_object(std::size_t) override { return open(false); }
  bool start_array(std::size_t) override { return open(true); }
  bool key(string_t& name) override {
    levels_.back().key = name.substr(0, 512);
    return true;
  }
  bool end_object() override {
    levels_.pop_back();
    next();
    return true;
  }
  bool end_array() override {
    const std::uint64_t length = levels_.back().index;
    const bool muted = levels_.back().muted;
    levels_.pop_back();
    if (!muted) add(path("length", true), static_cast<double>(length));
    next();
    return true;
  }
  bool parse_error(std::size_t at, const std::string&, const nlohmann::detail::exception& error) override {
    const std::string_view what = error.what();
    for (const char* sign : {"end of input", "missing closing quote", "invalid literal", "invalid number"}) {
      cut = cut || what.find(sign) != std::string_view::npos;
    }
    if (error.id == 406) {
      cut = false;
      problem = fmt::format("has a number too large for a double at byte {}", commas(at));
    } else {
      problem = fmt::format("is not valid JSON at byte {}", commas(at));
    }
    return false;
  }

 private:
  struct Level {
    bool array = false;
    bool muted = false;       ///< nothing below it is kept
    std::uint64_t index = 0;  ///< of the next element
    std::string key;
  };

  bool open(bool array) {
    if (levels_.size() == kMaxDepth) {
      problem = fmt::format("is nested more than {} levels deep", kMaxDepth);
      return false;
    }
    Level level;
    level.array = array;
    if (!levels_.empty()) {
      const Level& above = levels_.back();
      // An array of objects repeats itself (log_history, added_tokens): its first element is enough.
      level.muted = above.muted || (above.array && above.index > 0 && !array);
    }
    levels_.push_back(std::move(level));
    return true;
  }

  std::string path(std::string_view last, bool with_last) const {
    std::string out_path;
    for (const Level& each : levels_) {
      if (!out_path.empty()) out_path += '.';
      out_path += each.array ? std::to_string(each.index) : each.key;
    }
    if (with_last) out_path += (out_path.empty() ? "" : ".") + std::string(last);
    return out_path;
  }

  void next() {
    if (!levels_.empty()) ++levels_.back().index;
  }

  bool value(Value x) {
    if (levels_.empty()) {
      bare_value = true;
      return true;
    }
    const Level& level = levels_.back();
    if (!level.muted && (!level.array || level.index < kMaxElements)) add(path({}, false), std::move(x));
    next();
    return true;
  }

  void add(std::string name, Value x) {
    if (out.values.size() >= kMaxValues || (bytes_ += name.size() + 64) > kMaxNameBytes) {
      out.complete = false;
      return;
    }
    out.values.emplace_back(std::move(name), std::move(x));
  }

  std::vector<Level> levels_;
  std::size_t bytes_ = 0;
};

}  // namespace

tl::expected<JsonValues, ReadFailure> read_json_values(const ByteSource& source) {
  Characters::Shared shared;
  shared.source = &source;
  Flattener flattener;
  bool whole = false;
  try {
    whole = nlohmann::json::sax_parse(Characters(shared), Characters(), &flattener);
  } catch (const nlohmann::json::exception&) {
    flattener.problem = "is not valid JSON";
  }
  if (whole && !flattener.bare_value) return std::move(flattener.out);
  if (whole) return damaged("is JSON, but neither an object nor a list");
  // Cut short is another matter than wrong: the parser then stood at the end of the file.
  if (shared.end && flattener.cut)
    return truncated(fmt::format("ends in the middle of its JSON; {} bytes", commas(source.size())));
  return damaged(flattener.problem.empty() ? std::string("is not valid JSON") : flattener.problem);
}

}  // namespace redflag::tensors
