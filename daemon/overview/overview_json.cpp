// A writer and a reader over members.h: each kind of value is written and read in one place, whatever struct
// it stands in.
#include "daemon/overview/overview_json.h"

#include <cmath>
#include <limits>
#include <type_traits>

#include <fmt/format.h>

#include "alerts/text/escape.h"
#include "alerts/text/json_number.h"
#include "daemon/overview/members.h"
#include "daemon/runs/json_number.h"

namespace redflag::daemon {
namespace {

using nlohmann::json;
using Json = nlohmann::ordered_json;
using overview_members::members;

// --- Words of enumerations ---

template <typename E>
std::optional<E> word_from(std::string_view word, std::initializer_list<E> all) {
  for (const E one : all) {
    if (to_string(one) == word) return one;
  }
  return std::nullopt;
}

void read_word(std::string_view word, RunState& value) {
  value = run_state_from(word);
}
void read_word(std::string_view word, Severity& value) {
  value = severity_from(word).value_or(value);
}
void read_word(std::string_view word, SubjectKind& value) {
  value = subject_kind_from(word).value_or(value);
}
void read_word(std::string_view word, ScoreVerdict& value) {
  using V = ScoreVerdict;
  value = word_from<V>(word, {V::critical, V::below, V::in_range, V::above}).value_or(V::none);
}
void read_word(std::string_view word, StepCell::State& value) {
  using S = StepCell::State;
  value = word_from<S>(word, {S::ok, S::bad, S::in_progress}).value_or(S::unchecked);
}

// --- Writing ---

struct Writer {
  ConfigShown config = ConfigShown::no;

  Json operator()(bool value) const { return value; }
  Json operator()(double value) const { return alerts::json_number<Json>(value); }
  Json operator()(const std::string& value) const { return alerts::escape_utf8(value); }
  Json operator()(Time value) const { return value == Time{} ? Json(nullptr) : Json(to_rfc3339(value)); }

  template <typename T>
  requires std::is_integral_v<T> Json operator()(T value) const { return value; }

  template <typename T>
  requires std::is_enum_v<T> Json operator()(T value) const { return std::string(to_string(value)); }

  template <typename T>
  Json operator()(const std::optional<T>& value) const {
    return value ? (*this)(*value) : Json(nullptr);
  }

  template <typename T>
  Json operator()(const std::vector<T>& values) const {
    Json array = Json::array();
    for (const T& value : values) array.push_back((*this)(value));
    return array;
  }

  Json operator()(const Attributes& attributes) const {
    Json object = Json::object();
    for (const auto& [name, value] : attributes) {
      Json& out = object[alerts::escape_utf8(name)];
      if (const auto* flag = std::get_if<bool>(&value)) {
        out = *flag;
      } else if (const auto* real = std::get_if<double>(&value)) {
        out = std::isfinite(*real) ? Json(*real) : Json{{"number", (*this)(*real)}};
      } else {
        out = (*this)(std::get<std::string>(value));
      }
    }
    return object;
  }

  template <typename T>
  requires std::is_class_v<T> Json operator()(const T& value) const {
    // Names do not repeat within a struct: no need to look for each among those before it.
    Json object = Json::object();
    Json::object_t::Container& entries = object.get_ref<Json::object_t&>();
    members(value,
            [&](const char* name, const auto& member) { entries.emplace_back(name, (*this)(member)); });
    if constexpr (std::is_same_v<T, RunView>) {
      const std::optional<Duration> left = value.remaining();
      object["remaining_seconds"] = left ? Json(std::chrono::duration<double>(*left).count()) : Json(nullptr);
      if (config == ConfigShown::yes) object["config"] = escaped(value.info.config);
    }
    return object;
  }

  /// A value from outside: its texts and keys escaped like any other, its numbers with NaN as text.
  Json escaped(const json& value) const {
    if (value.is_object()) {
      Json object = Json::object();
      for (const auto& [key, one] : value.items()) object[alerts::escape_utf8(key)] = escaped(one);
      return object;
    }
    if (value.is_array()) {
      Json array = Json::array();
      for (const json& one : value) array.push_back(escaped(one));
      return array;
    }
    if (value.is_string()) return (*this)(value.get_ref<const std::string&>());
    if (value.is_number_float()) return (*this)(value.get<double>());
    if (value.is_number_unsigned()) return value.get<std::uint64_t>();
    if (value.is_number_integer()) return value.get<std::int64_t>();
    if (value.is_boolean()) return value.get<bool>();
    return nullptr;
  }
};

// --- Reading ---

/// Reads into what has its default already. The first mistake is kept, with its place.
class Reader {
 public:
  explicit Reader(std::string place) : place_(std::move(place)) {}

  const std::string& mistake() const { return mistake_; }

  void operator()(const json& in, bool& value) {
    if (!in.is_boolean()) return expected("true or false", in);
    value = in.get<bool>();
  }
  void operator()(const json& in, double& value) {
    const std::optional<double> number = number_from(in);
    if (!number) return expected("a number", in);
    value = *number;
  }
  void operator()(const json& in, std::string& value) {
    if (!in.is_string()) return expected("a text", in);
    value = alerts::unescape_utf8(in.get_ref<const std::string&>());
  }
  void operator()(const json& in, Time& value) {
    const auto* text = in.get_ptr<const std::string*>();
    const std::optional<Time> time = text ? parse_rfc3339(*text) : std::nullopt;
    if (!time) return expected("a time as in RFC 3339", in);
    value = *time;
  }

  template <typename T>
  requires std::is_integral_v<T>
  void operator()(const json& in, T& value) {
    if (in.is_number_unsigned() && std::in_range<T>(in.get<std::uint64_t>())) {
      value = static_cast<T>(in.get<std::uint64_t>());
    } else if (in.is_number_integer() && !in.is_number_unsigned() &&
               std::in_range<T>(in.get<std::int64_t>())) {
      value = static_cast<T>(in.get<std::int64_t>());
    } else {
      expected(std::is_signed_v<T> ? "a whole number" : "a whole number from 0 on", in);
    }
  }

  template <typename T>
  requires std::is_enum_v<T>
  void operator()(const json& in, T& value) {
    if (!in.is_string()) return expected("a word", in);
    read_word(in.get_ref<const std::string&>(), value);
  }

  template <typename T>
  void operator()(const json& in, std::optional<T>& value) {
    (*this)(in, value.emplace());
  }

  template <typename T>
  void operator()(const json& in, std::vector<T>& values) {
    if (!in.is_array()) return expected("a list", in);
    values.reserve(in.size());
    for (std::size_t i = 0; i < in.size(); ++i)
      within(fmt::format("[{}]", i), [&] { (*this)(in[i], values.emplace_back()); });
  }

  void operator()(const json& in, Attributes& attributes) {
    if (!in.is_object()) return expected("an object", in);
    for (const auto& [name, value] : in.items()) {
      within("." + name, [&, &one = value, &key = name] {
        Attribute attribute;
        if (one.is_boolean()) {
          attribute = one.template get<bool>();
        } else if (one.is_object() && one.contains("number")) {
          (*this)(one["number"], attribute.emplace<double>());
        } else if (one.is_number()) {
          attribute = one.template get<double>();
        } else {
          (*this)(one, attribute.emplace<std::string>());
        }
        attributes.emplace_back(alerts::unescape_utf8(key), std::move(attribute));
      });
    }
  }

  template <typename T>
  requires std::is_class_v<T>
  void operator()(const json& in, T& value) {
    if (!in.is_object()) return expected("an object", in);
    members(value, [&](const char* name, auto& member) {
      const auto found = in.find(name);
      if (found == in.end() || found->is_null()) return;
      within(std::string(".") + name, [&] { (*this)(*found, member); });
    });
    if constexpr (std::is_same_v<T, RunView>) {
      if (const auto config = in.find("config"); config != in.end() && config->is_object())
        value.info.config = unescaped(*config);
    }
  }

 private:
  static json unescaped(const json& value) {
    if (value.is_string()) return alerts::unescape_utf8(value.get_ref<const std::string&>());
    if (value.is_array()) {
      json array = json::array();
      for (const json& one : value) array.push_back(unescaped(one));
      return array;
    }
    if (!value.is_object()) return value;
    json object = json::object();
    for (const auto& [key, one] : value.items()) object[alerts::unescape_utf8(key)] = unescaped(one);
    return object;
  }

  template <typename Read>
  void within(const std::string& part, Read read) {
    if (!mistake_.empty()) return;
    const std::size_t length = place_.size();
    place_ += part;
    read();
    place_.resize(length);
  }

  void expected(std::string_view what, const json& found) {
    if (mistake_.empty()) mistake_ = fmt::format("{}: {} expected, not {}", place_, what, found.type_name());
  }

  std::string place_;
  std::string mistake_;
};

template <typename T>
Result<T> read(const json& in, const char* what) {
  T value;
  Reader reader(what);
  reader(in, value);
  if (!reader.mistake().empty()) {
    return fail(ErrorCode::malformed, "reading what redflagd answered", reader.mistake(),
                "redflag and redflagd may be of different versions: restart the daemon after an update");
  }
  return value;
}

}  // namespace

Json json_of(const Overview& overview, ConfigShown config) {
  return Writer{config}(overview);
}

Json json_of(const RunView& run, ConfigShown config) {
  return Writer{config}(run);
}

Json json_of(const Curve& curve) {
  return Writer{}(curve);
}

Json json_of(const RunEvidence& run) {
  return Writer{}(run);
}

Json json_of(const SubjectFacts& facts) {
  return Writer{}(facts);
}

Json json_of(const AlertLine& alert) {
  return Writer{}(alert);
}

Json json_of(const Evidence& evidence) {
  return Writer{ConfigShown::yes}(evidence);
}

std::string dump_json(const Json& value) {
  return value.dump(-1, ' ', true, Json::error_handler_t::replace);
}

Result<Overview> overview_from(const json& value) {
  return read<Overview>(value, "overview");
}

Result<RunView> run_view_from(const json& value) {
  return read<RunView>(value, "run");
}

Result<Curve> curve_from(const json& value) {
  return read<Curve>(value, "curve");
}

Result<std::vector<Curve>> curves_from(const json& value) {
  return read<std::vector<Curve>>(value, "curves");
}

Result<Evidence> evidence_from(const json& value) {
  return read<Evidence>(value, "evidence");
}

}  // namespace redflag::daemon
