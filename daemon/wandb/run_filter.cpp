#include "daemon/wandb/run_filter.h"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

#include "daemon/runs/json_number.h"
#include "daemon/runs/metric_names.h"
#include "rules/values/glob.h"

namespace redflag::daemon {
namespace {

using nlohmann::json;

std::string regex_from_glob(const std::string& glob) {
  std::string regex = "^";
  for (const char c : glob) {
    if (c == '*') {
      regex += ".*";
    } else if (c == '?') {
      regex += '.';
    } else {
      if (std::string_view("\\^$.|+()[]{}").find(c) != std::string_view::npos) regex += '\\';
      regex += c;
    }
  }
  return regex + '$';
}

json any_of(const char* field, const std::vector<std::string>& values) {
  return json{{field, json{{"$in", values}}}};
}

/// Value of a dotted path in nested objects, or of a key that has dots itself.
const json* config_value(const json& config, const std::string& path) {
  if (!config.is_object()) return nullptr;
  if (const auto whole = config.find(path); whole != config.end()) return &*whole;
  const auto dot = path.find('.');
  if (dot == std::string::npos) return nullptr;
  const auto head = config.find(path.substr(0, dot));
  return head == config.end() ? nullptr : config_value(*head, path.substr(dot + 1));
}

bool same_value(const json& actual, const json& wanted) {
  const auto a = number_from(actual);
  const auto b = number_from(wanted);
  return a && b ? *a == *b : actual == wanted;
}

template <typename List, typename Test>
bool empty_or_any(const List& list, Test test) {
  return list.empty() || std::any_of(list.begin(), list.end(), test);
}

}  // namespace

json mongo_filter(const RunFilter& filter, Time now) {
  json all = json::array();
  if (!filter.tags.empty()) all.push_back(any_of("tags", filter.tags));
  if (!filter.names.empty()) {
    json names = json::array();
    for (const auto& glob : filter.names) {
      names.push_back(json{{"displayName", json{{"$regex", regex_from_glob(glob)}}}});
    }
    all.push_back(names.size() == 1 ? names.front() : json{{"$or", names}});
  }
  if (!filter.groups.empty()) all.push_back(any_of("group", filter.groups));
  if (!filter.states.empty()) {
    std::vector<std::string> states;
    for (const auto state : filter.states) states.emplace_back(to_string(state));
    all.push_back(any_of("state", states));
  }
  if (filter.max_age) {
    const Time oldest = std::chrono::floor<std::chrono::minutes>(now - *filter.max_age);
    all.push_back(json{{"createdAt", json{{"$gte", to_rfc3339(oldest)}}}});
  }
  for (const auto& [key, value] : filter.config) all.push_back(json{{"config." + key, value}});
  if (all.empty()) return json::object();
  return all.size() == 1 ? all.front() : json{{"$and", all}};
}

bool matches(const RunFilter& filter, const RunInfo& run, Time now, bool check_config) {
  const auto has_tag = [&](const std::string& tag) {
    return std::find(run.tags.begin(), run.tags.end(), tag) != run.tags.end();
  };
  if (!empty_or_any(filter.tags, has_tag)) return false;
  if (!empty_or_any(filter.names, [&](const std::string& glob) { return glob_match(glob, run.name); }))
    return false;
  if (!empty_or_any(filter.groups, [&](const std::string& group) { return run.group == group; }))
    return false;
  if (!empty_or_any(filter.states, [&](RunState state) { return run.state == state; })) return false;
  if (filter.max_age && run.created_at != Time{} &&
      run.created_at < now - *filter.max_age - std::chrono::minutes{1}) {
    return false;
  }
  return !check_config || std::all_of(filter.config.begin(), filter.config.end(), [&](const auto& wanted) {
    const json* actual = config_value(run.config, wanted.first);
    return actual != nullptr && same_value(*actual, wanted.second);
  });
}

std::string fingerprint(const RunFilter& filter) {
  RunFilter timeless = filter;
  timeless.max_age.reset();
  json all = mongo_filter(timeless, Time{});
  const long long age = filter.max_age ? static_cast<long long>(filter.max_age->count()) : -1;
  const std::string text = fmt::format("{} {}", all.dump(-1, ' ', true, json::error_handler_t::replace), age);
  // FNV-1a: stable between versions of the standard library, unlike std::hash.
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return fmt::format("{:016x}", hash);
}

}  // namespace redflag::daemon
