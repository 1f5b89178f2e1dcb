#include "daemon/runs/logged_row.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <nlohmann/json.hpp>

#include "daemon/runs/json_number.h"

namespace redflag::daemon {
namespace {

constexpr int kMaxDepth = 8;
constexpr std::size_t kFewValues = 48;  // below this comparing all pairs is quicker than sorting

void walk(const nlohmann::json& object, const std::string& prefix, int depth, LoggedRow& row) {
  for (const auto& [key, value] : object.items()) {
    if (key.size() + prefix.size() > LoggedRow::kMaxNameBytes) continue;
    if (value.is_object()) {
      if (depth < kMaxDepth && !value.contains("_type")) walk(value, prefix + key + '.', depth + 1, row);
    } else if (const auto number = number_from(value)) {
      row.append(prefix + key, *number);
    } else if (const auto* text = value.get_ptr<const std::string*>()) {
      row.append_text(prefix + key, *text);
    }
  }
}

}  // namespace

void LoggedRow::clear() {
  bytes_.clear();
  values_.clear();
  dropped_ = 0;
}

LoggedRow::Value* LoggedRow::place(std::string_view name) {
  if (values_.size() >= kMaxValues || name.size() > kMaxNameBytes) {
    ++dropped_;
    return nullptr;
  }
  Value& value = values_.emplace_back();
  value.name_at = static_cast<std::uint32_t>(bytes_.size());
  value.name_bytes = static_cast<std::uint32_t>(name.size());
  bytes_.append(name);
  return &value;
}

void LoggedRow::set_text(Value& value, std::string_view text) {
  text = text.substr(0, kMaxTextBytes);
  value.is_number = false;
  value.number = std::numeric_limits<double>::quiet_NaN();
  value.text_at = static_cast<std::uint32_t>(bytes_.size());
  value.text_bytes = static_cast<std::uint32_t>(text.size());
  bytes_.append(text);
}

void LoggedRow::append(std::string_view name, double value) {
  if (Value* fresh = place(name)) fresh->number = value;
}

void LoggedRow::append_text(std::string_view name, std::string_view text) {
  if (Value* fresh = place(name)) set_text(*fresh, text);
}

void LoggedRow::add(std::string_view name, double value) {
  if (const auto index = find(name)) {
    values_[*index].number = value;
    values_[*index].is_number = true;
    values_[*index].text_bytes = 0;
  } else {
    append(name, value);
  }
}

void LoggedRow::add_text(std::string_view name, std::string_view text) {
  if (const auto index = find(name)) {
    set_text(values_[*index], text);
  } else {
    append_text(name, text);
  }
}

void LoggedRow::settle() {
  const std::size_t count = values_.size();
  // Most rows name nothing twice, and their names differ in length and last letters.
  std::array<std::uint64_t, 4> seen{};
  bool all_differ = true;
  for (std::size_t i = 0; i < count && all_differ; ++i) {
    const std::string_view text = name(i);
    const auto letter = [&](std::size_t back) {
      return text.size() < back ? 0U
                                : static_cast<unsigned>(static_cast<unsigned char>(text[text.size() - back]));
    };
    const unsigned slot =
        (static_cast<unsigned>(text.size()) * 31U + letter(1) * 7U + letter(3) * 57U) & 255U;
    std::uint64_t& word = seen[slot / 64];
    all_differ = (word >> (slot % 64) & 1U) == 0;
    word |= std::uint64_t{1} << (slot % 64);
  }
  if (all_differ) return;
  const auto same = [&](std::size_t a, std::size_t b) {
    return values_[a].name_bytes == values_[b].name_bytes && name(a) == name(b);
  };
  std::vector<std::size_t> older;
  if (count <= kFewValues) {
    for (std::size_t a = 0; a + 1 < count; ++a) {
      for (std::size_t b = a + 1; b < count; ++b) {
        if (!same(a, b)) continue;
        older.push_back(a);
        break;
      }
    }
  } else {
    std::vector<std::size_t> order(count);
    for (std::size_t i = 0; i < count; ++i) order[i] = i;
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return name(a) != name(b) ? name(a) < name(b) : a < b; });
    for (std::size_t i = 0; i + 1 < count; ++i)
      if (same(order[i], order[i + 1])) older.push_back(order[i]);
    std::sort(older.begin(), older.end());
  }
  if (older.empty()) return;
  std::size_t kept = 0;
  std::size_t next = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (next < older.size() && older[next] == i) {
      ++next;
    } else {
      values_[kept++] = values_[i];
    }
  }
  values_.resize(kept);
}

void LoggedRow::drop_below(std::string_view prefix) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < values_.size(); ++i)
    if (!name(i).starts_with(prefix)) values_[kept++] = values_[i];
  values_.resize(kept);
}

std::string_view LoggedRow::name(std::size_t index) const {
  return std::string_view(bytes_).substr(values_[index].name_at, values_[index].name_bytes);
}

std::string_view LoggedRow::text(std::size_t index) const {
  return std::string_view(bytes_).substr(values_[index].text_at, values_[index].text_bytes);
}

std::optional<std::size_t> LoggedRow::find(std::string_view wanted) const {
  for (std::size_t i = values_.size(); i-- > 0;)
    if (values_[i].name_bytes == wanted.size() && name(i) == wanted) return i;
  return std::nullopt;
}

std::optional<double> LoggedRow::number_of(std::string_view wanted) const {
  const auto index = find(wanted);
  return index && values_[*index].is_number ? std::optional<double>(values_[*index].number) : std::nullopt;
}

std::string_view LoggedRow::text_of(std::string_view wanted) const {
  const auto index = find(wanted);
  return index && !values_[*index].is_number ? text(*index) : std::string_view{};
}

nlohmann::json LoggedRow::to_json() const {
  nlohmann::json object = nlohmann::json::object();
  for (std::size_t i = 0; i < size(); ++i) {
    auto& value = object[std::string(name(i))];
    if (!is_number(i)) {
      value = std::string(text(i));
    } else if (std::isnan(number(i))) {
      value = "NaN";
    } else if (std::isinf(number(i))) {
      value = number(i) > 0 ? "Infinity" : "-Infinity";
    } else {
      value = number(i);
    }
  }
  return object;
}

void append_json(const nlohmann::json& object, LoggedRow& row) {
  if (object.is_object()) walk(object, "", 0, row);
}

}  // namespace redflag::daemon
