// The filter is compiled into a tree once, then asked about each run. Boost.Regex rather than std::regex: its
// matcher gives up on patterns that would take for ever, and does not recurse on the stack.
#include "daemon/simulator/mongo_filter.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include <boost/regex.hpp>
#include <nlohmann/json.hpp>

#include "rules/values/time.h"

namespace redflag::daemon {
namespace {

using nlohmann::json;

constexpr int kMaxFilterDepth = 32;
constexpr std::size_t kMaxConditions = 1000;
constexpr std::size_t kMaxPattern = 1000;

enum class Operator {
  all,
  any,
  none,
  is_not,
  in,
  not_in,
  regex,
  greater,
  at_least,
  less,
  at_most,
  equal,
  not_equal,
  exists
};

std::optional<Time> time_of(const std::string& text) {
  if (const auto time = parse_rfc3339(text)) return time;
  return text.size() == 10 ? parse_rfc3339(text + "T00:00:00Z") : std::nullopt;
}

template <typename T>
int order(const T& left, const T& right) {
  return left < right ? -1 : (right < left ? 1 : 0);
}

}  // namespace

std::optional<int> compare_values(const json& left, const json& right) {
  if (left.is_number() && right.is_number()) {
    const double a = left.get<double>();
    const double b = right.get<double>();
    if (std::isnan(a) || std::isnan(b)) return std::nullopt;
    return order(a, b);
  }
  if (left.is_string() && right.is_string()) {
    const auto& a = left.get_ref<const std::string&>();
    const auto& b = right.get_ref<const std::string&>();
    const auto time_a = time_of(a);
    const auto time_b = time_a ? time_of(b) : std::nullopt;
    return time_b ? order(*time_a, *time_b) : order(a, b);
  }
  if (left.is_boolean() && right.is_boolean()) return order(left.get<bool>(), right.get<bool>());
  return std::nullopt;
}

struct MongoFilter::Condition {
  Operator op = Operator::all;
  std::string field;  ///< empty for the logical ones
  json operand;
  boost::regex pattern;
  std::vector<Condition> parts;

  bool matches(const FieldLookup& lookup) const;
  bool holds_for(const json& value) const;
  bool holds_for_any(const json& value) const;
};

namespace {

bool equal_values(const json& left, const json& right) {
  const auto compared = compare_values(left, right);
  return compared ? *compared == 0 : left == right;
}

}  // namespace

bool MongoFilter::Condition::holds_for(const json& value) const {
  const auto compared = compare_values(value, operand);
  switch (op) {
    case Operator::greater:
      return compared && *compared > 0;
    case Operator::at_least:
      return compared && *compared >= 0;
    case Operator::less:
      return compared && *compared < 0;
    case Operator::at_most:
      return compared && *compared <= 0;
    case Operator::in:
    case Operator::not_in:
      return std::any_of(operand.begin(), operand.end(),
                         [&](const json& each) { return equal_values(value, each); });
    case Operator::regex: {
      if (!value.is_string()) return false;
      try {
        return boost::regex_search(value.get_ref<const std::string&>(), pattern);
      } catch (const std::runtime_error&) {  // the matcher gave up
        return false;
      }
    }
    default:
      return equal_values(value, operand);
  }
}

bool MongoFilter::Condition::holds_for_any(const json& value) const {
  if (holds_for(value)) return true;
  return value.is_array() &&
         std::any_of(value.begin(), value.end(), [&](const json& item) { return holds_for(item); });
}

bool MongoFilter::Condition::matches(const FieldLookup& lookup) const {
  const auto part_matches = [&](const Condition& part) { return part.matches(lookup); };
  if (op == Operator::all) return std::all_of(parts.begin(), parts.end(), part_matches);
  if (op == Operator::any) return std::any_of(parts.begin(), parts.end(), part_matches);
  if (op == Operator::none || op == Operator::is_not)
    return std::none_of(parts.begin(), parts.end(), part_matches);
  json value;
  const bool present = lookup(field, value) && !value.is_null();
  if (op == Operator::exists) return present == operand.get<bool>();
  if (!present) value = nullptr;
  const bool holds = holds_for_any(value);
  return op == Operator::not_equal || op == Operator::not_in ? !holds : holds;
}

namespace {

struct BadFilter {
  std::string what;
};

/// A template so that it can build the private Condition.
template <typename Condition>
class FilterBuilder {
 public:
  Condition object(const json& filter, int depth) {
    check(depth);
    if (!filter.is_object()) throw BadFilter{"a filter must be a JSON object"};
    Condition all;
    for (const auto& [key, value] : filter.items()) {
      if (key == "$and" || key == "$or" || key == "$nor") {
        all.parts.push_back(logical(key, value, depth));
      } else if (!key.empty() && key.front() == '$') {
        throw BadFilter{"unknown operator " + key};
      } else {
        all.parts.push_back(field(key, value, depth + 1));
      }
    }
    return all;
  }

 private:
  void check(int depth) {
    if (depth > kMaxFilterDepth) throw BadFilter{"the filter is nested too deeply"};
    if (++conditions_ > kMaxConditions) throw BadFilter{"the filter has too many conditions"};
  }

  Condition logical(const std::string& name, const json& value, int depth) {
    if (!value.is_array()) throw BadFilter{name + " needs a list"};
    Condition out;
    out.op = name == "$and" ? Operator::all : (name == "$or" ? Operator::any : Operator::none);
    for (const json& part : value) out.parts.push_back(object(part, depth + 1));
    return out;
  }

  Condition field(const std::string& name, const json& value, int depth) {
    check(depth);
    const bool has_operators = value.is_object() && !value.empty() && value.begin().key().rfind('$', 0) == 0;
    if (!has_operators) return leaf(name, Operator::equal, value);
    Condition all;
    for (const auto& [key, operand] : value.items()) {
      if (key == "$options") continue;
      if (key == "$not") {
        Condition negated;
        negated.op = Operator::is_not;
        negated.parts.push_back(field(name, operand, depth + 1));
        all.parts.push_back(std::move(negated));
      } else {
        check(depth);
        all.parts.push_back(compared(name, key, operand, value));
      }
    }
    return all;
  }

  Condition compared(const std::string& name, const std::string& op_name, const json& operand,
                     const json& whole) {
    static const std::vector<std::pair<std::string_view, Operator>> kOperators = {
        {"$eq", Operator::equal},      {"$ne", Operator::not_equal}, {"$gt", Operator::greater},
        {"$gte", Operator::at_least},  {"$lt", Operator::less},      {"$lte", Operator::at_most},
        {"$in", Operator::in},         {"$nin", Operator::not_in},   {"$regex", Operator::regex},
        {"$exists", Operator::exists},
    };
    const auto found = std::find_if(kOperators.begin(), kOperators.end(),
                                    [&](const auto& each) { return each.first == op_name; });
    if (found == kOperators.end()) throw BadFilter{"unknown operator " + op_name};
    Condition out = leaf(name, found->second, operand);
    if ((out.op == Operator::in || out.op == Operator::not_in) && !operand.is_array()) {
      throw BadFilter{op_name + " needs a list"};
    }
    if (out.op == Operator::exists && !operand.is_boolean()) throw BadFilter{"$exists needs true or false"};
    if (out.op == Operator::regex) out.pattern = pattern(operand, whole);
    return out;
  }

  static boost::regex pattern(const json& operand, const json& whole) {
    if (!operand.is_string() || operand.get_ref<const std::string&>().size() > kMaxPattern) {
      throw BadFilter{"$regex needs a pattern of at most 1,000 characters"};
    }
    const auto options = whole.find("$options");
    const bool any_case = options != whole.end() && options->is_string() &&
                          options->get_ref<const std::string&>().find('i') != std::string::npos;
    try {
      const auto flags = any_case ? boost::regex::perl | boost::regex::icase : boost::regex::perl;
      return boost::regex{operand.get_ref<const std::string&>(), static_cast<boost::regex::flag_type>(flags)};
    } catch (const std::runtime_error&) {
      throw BadFilter{"$regex: this is not a pattern"};
    }
  }

  static Condition leaf(const std::string& name, Operator op, const json& operand) {
    Condition out;
    out.op = op;
    out.field = name;
    out.operand = operand;
    return out;
  }

  std::size_t conditions_ = 0;
};

}  // namespace

Result<MongoFilter> MongoFilter::parse(const std::string& text) {
  const json filter = text.empty() ? json::object() : json::parse(text, nullptr, false);
  if (filter.is_discarded())
    return fail(ErrorCode::malformed, "reading filters", "invalid filters: this is not JSON");
  try {
    return MongoFilter{std::make_shared<const Condition>(FilterBuilder<Condition>{}.object(filter, 0))};
  } catch (const BadFilter& bad) {
    return fail(ErrorCode::malformed, "reading filters", "invalid filters: " + bad.what);
  }
}

bool MongoFilter::matches(const FieldLookup& lookup) const {
  return root_->matches(lookup);
}

}  // namespace redflag::daemon
