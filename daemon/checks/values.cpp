// A sorted view: names with one prefix lie side by side.
#include "daemon/checks/values.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace redflag::checks {

Values::Values(const tensors::FileReport& report) {
  sorted_.reserve(report.values.size());
  for (const auto& [name, value] : report.values) sorted_.emplace_back(name, &value);
  std::stable_sort(sorted_.begin(), sorted_.end(),
                   [](const Entry& a, const Entry& b) { return a.first < b.first; });
}

const tensors::Value* Values::find(std::string_view name) const {
  const auto it =
      std::lower_bound(sorted_.begin(), sorted_.end(), name,
                       [](const Entry& each, std::string_view wanted) { return each.first < wanted; });
  return it != sorted_.end() && it->first == name ? it->second : nullptr;
}

bool Values::has(std::string_view name) const {
  return find(name) != nullptr || !below(name).empty();
}

std::optional<double> Values::number(std::string_view name) const {
  const tensors::Value* value = find(name);
  if (value == nullptr || !std::holds_alternative<double>(*value)) return std::nullopt;
  return std::get<double>(*value);
}

std::optional<std::int64_t> Values::whole(std::string_view name) const {
  const auto value = number(name);
  if (!value || !(*value >= 0 && *value <= 1e9) || *value != std::floor(*value)) return std::nullopt;
  return static_cast<std::int64_t>(*value);
}

std::optional<bool> Values::flag(std::string_view name) const {
  const tensors::Value* value = find(name);
  if (value == nullptr || !std::holds_alternative<bool>(*value)) return std::nullopt;
  return std::get<bool>(*value);
}

std::optional<std::string> Values::text(std::string_view name) const {
  const tensors::Value* value = find(name);
  if (value == nullptr || !std::holds_alternative<std::string>(*value)) return std::nullopt;
  const auto& text = std::get<std::string>(*value);
  if (text == "null") return std::nullopt;
  return text;
}

std::vector<std::string> Values::texts(std::string_view name) const {
  std::vector<std::string> out;
  while (const tensors::Value* value = find(fmt::format("{}.{}", name, out.size()))) {
    if (!std::holds_alternative<std::string>(*value)) return {};
    out.push_back(std::get<std::string>(*value));
  }
  return out;
}

std::vector<Values::Entry> Values::below(std::string_view name) const {
  const std::string prefix = std::string(name) + '.';
  std::vector<Entry> out;
  auto it = std::lower_bound(sorted_.begin(), sorted_.end(), std::string_view(prefix),
                             [](const Entry& each, std::string_view wanted) { return each.first < wanted; });
  for (; it != sorted_.end() && it->first.starts_with(prefix); ++it) {
    out.emplace_back(it->first.substr(prefix.size()), it->second);
  }
  return out;
}

}  // namespace redflag::checks
