// A row's JSON object read straight into a LoggedRow: one pass, no tree, no allocation per value. Reads what
// parse_relaxed_json reads (bare NaN and infinities, 1e309, duplicate keys) and is held against it by a
// fuzzer; several times as fast, for files of millions of lines.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "daemon/runs/logged_row.h"

namespace redflag::daemon {

/// A number by JSON's own grammar at the start of [p, end): its end, nullptr when there is none. Too large
/// for a double is an infinity, too small 0.
const char* read_json_number(const char* p, const char* end, double& value);

/// Not thread-safe (keeps scratch memory).
class RowJson {
 public:
  enum class Outcome {
    row,  ///< an object; what of it can be a metric was appended (see append_json for what is left out)
    not_object,  ///< valid JSON, but no object: nothing was appended
    malformed,   ///< not JSON; what was appended is to be thrown away
  };

  /// `text` is one JSON value with white space around it. Nested deeper than 200 is malformed.
  Outcome parse(std::string_view text, LoggedRow& row);

  /// The value at `at` alone (any JSON value), e.g. a value_json: a number or text is appended under `name`,
  /// an object flattened below it with '.'. False: malformed.
  bool parse_value(std::string_view text, std::string_view name, LoggedRow& row);

  /// For whole files: calls back for each member of the top object. `on_array_object` gets each object that
  /// is an element of the array `array_name` as text; scalars of the top object land in `head`. The offset
  /// behind the last byte understood is `reached`; false with reached == text.size(): the text ends too
  /// early.
  template <typename OnObject>
  bool parse_file(std::string_view text, std::string_view array_name, LoggedRow& head, bool& array_found,
                  OnObject on_array_object);
  std::size_t reached() const { return at_; }

 private:
  bool skip_space();
  bool skip_nested();
  bool value(std::string_view name, int depth, LoggedRow* row);
  bool object(std::string_view prefix, int depth, LoggedRow* row);
  bool array(int depth);
  bool string(std::string_view& out, std::string& scratch);
  bool number_or_word(std::string_view name, LoggedRow* row);
  bool expect(char c);

  std::string_view text_;
  std::size_t at_ = 0;
  std::string key_scratch_;
  std::string value_scratch_;
  std::string name_;
};

template <typename OnObject>
bool RowJson::parse_file(std::string_view text, std::string_view array_name, LoggedRow& head,
                         bool& array_found, OnObject on_array_object) {
  text_ = text;
  at_ = 0;
  array_found = false;
  if (!skip_space() || !expect('{') || !skip_space()) return false;
  if (text_[at_] == '}') return ++at_, true;
  for (;;) {
    std::string_view key;
    if (!skip_space() || !string(key, key_scratch_)) return false;
    name_.assign(key);
    if (!skip_space() || !expect(':') || !skip_space()) return false;
    if (name_ == array_name && text_[at_] == '[') {
      array_found = true;
      ++at_;
      if (!skip_space()) return false;
      if (text_[at_] == ']') {
        ++at_;
      } else {
        for (;;) {
          if (!skip_space()) return false;
          const std::size_t begin = at_;
          const bool is_object = text_[at_] == '{';
          if (is_object ? !skip_nested() : !value("", 1, nullptr)) return false;
          if (is_object) on_array_object(text_.substr(begin, at_ - begin));
          if (!skip_space()) return false;
          if (text_[at_] == ',') {
            ++at_;
            continue;
          }
          if (!expect(']')) return false;
          break;
        }
      }
    } else {
      const std::string name = name_;
      const bool nested = text_[at_] == '{' || text_[at_] == '[';
      if (!value(name, 1, nested ? nullptr : &head)) return false;
    }
    if (!skip_space()) return false;
    if (text_[at_] == ',') {
      ++at_;
      continue;
    }
    return expect('}');
  }
}

}  // namespace redflag::daemon
