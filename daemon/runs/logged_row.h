// One logged row before anything is made of it: names and values as they were written, nested objects
// flattened. Every reader of rows (W&B's API and files, TensorBoard, JSON, console) ends in this one form,
// and RowBuilder begins there. It keeps its memory when it is cleared: a reader fills one and the same row
// for millions of lines without allocating.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace redflag::daemon {

/// Plain value; copies are independent. At most kMaxValues values, further ones are dropped and counted.
class LoggedRow {
 public:
  static constexpr std::size_t kMaxValues = 4000;
  static constexpr std::size_t kMaxNameBytes = 256;  ///< a value with a longer name is dropped
  static constexpr std::size_t kMaxTextBytes = 256;  ///< longer texts are cut

  void clear();
  bool empty() const { return values_.empty(); }
  std::size_t size() const { return values_.size(); }
  std::size_t dropped() const { return dropped_; }  ///< values for which there was no room

  /// A name that is there already takes the new value, as JSON readers do with duplicate keys.
  void add(std::string_view name, double value);
  void add_text(std::string_view name, std::string_view text);
  /// Faster: for a caller that ends with settle(), which then removes the older of equal names.
  void append(std::string_view name, double value);
  void append_text(std::string_view name, std::string_view text);
  void settle();
  /// Removes every value whose name begins so.
  void drop_below(std::string_view prefix);

  std::string_view name(std::size_t index) const;
  bool is_number(std::size_t index) const { return values_[index].is_number; }
  double number(std::size_t index) const { return values_[index].number; }  ///< NaN for a text
  std::string_view text(std::size_t index) const;                           ///< empty for a number

  /// The index of a name; linear.
  std::optional<std::size_t> find(std::string_view name) const;
  std::optional<double> number_of(std::string_view name) const;  ///< nullopt: absent or a text
  std::string_view text_of(std::string_view name) const;         ///< empty: absent or a number

  /// Object of what it holds, NaN and infinities as strings ("NaN").
  nlohmann::json to_json() const;

 private:
  struct Value {
    std::uint32_t name_at = 0;
    std::uint32_t name_bytes = 0;
    std::uint32_t text_at = 0;
    std::uint32_t text_bytes = 0;
    double number = 0.0;
    bool is_number = true;
  };

  Value* place(std::string_view name);
  void set_text(Value& value, std::string_view text);

  std::string bytes_;  // names and texts one after another
  std::vector<Value> values_;
  std::size_t dropped_ = 0;
};

/// What of a JSON object can be a metric, a step or a time: numbers (NaN in all spellings), short texts,
/// nested objects with '.'. Typed objects ("_type"), arrays, null and booleans are left out. Not an object:
/// nothing is added.
void append_json(const nlohmann::json& object, LoggedRow& row);

}  // namespace redflag::daemon
