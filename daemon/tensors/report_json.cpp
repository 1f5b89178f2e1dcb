// Written tensor by tensor and read through the SAX interface, so that a report of 50,000 tensors costs its
// own size and not a tree of JSON nodes. What is read may have been written by a child that a hostile file
// took over: every count, depth and type is checked.
#include "daemon/tensors/report_json.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "daemon/results/printable.h"

namespace redflag::tensors {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxText = std::size_t{64} << 20;
constexpr std::size_t kMaxTensors = 200'000;
constexpr std::size_t kMaxDimensions = 256;
constexpr std::size_t kMaxValues = 500'000;
constexpr std::size_t kMaxGlobals = 100'000;
constexpr std::size_t kMaxFindings = 100'000;
constexpr int kMaxUnknownDepth = 32;

constexpr std::string_view kNan = "NaN";
constexpr std::string_view kInfinity = "Infinity";
constexpr std::string_view kNegativeInfinity = "-Infinity";

// --- Bytes as text: the rule of printable.h, which can be undone ---

std::string escaped(std::string_view bytes) {
  return daemon::printable_path(bytes);
}

std::string unescaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    unsigned byte = 0;
    if (text[at] == '\\' && text.size() - at >= 4 && text[at + 1] == 'x') {
      const auto [end, error] = std::from_chars(text.data() + at + 2, text.data() + at + 4, byte, 16);
      if (error == std::errc() && end == text.data() + at + 4) {
        out += static_cast<char>(static_cast<unsigned char>(byte));
        at += 3;
        continue;
      }
    }
    out += text[at];
  }
  return out;
}

bool spells_nonfinite(std::string_view text) {
  return text == kNan || text == kInfinity || text == kNegativeInfinity;
}

// --- Writing ---

Json number(double value) {
  if (std::isnan(value)) return std::string(kNan);
  if (std::isinf(value)) return std::string(value > 0 ? kInfinity : kNegativeInfinity);
  constexpr double kExact = 9007199254740992.0;  // 2^53: steps and sizes read better without ".0"
  const bool whole =
      std::abs(value) <= kExact && value == std::trunc(value) && !(value == 0 && std::signbit(value));
  if (whole) return static_cast<std::int64_t>(value);
  return value;
}

Json hash_text(std::uint64_t hash) {
  if (hash == 0) return nullptr;
  return fmt::format("{:016x}", hash);
}

Json value_json(const Value& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag;
  if (const auto* figure = std::get_if<double>(&value)) return number(*figure);
  const auto& text = std::get<std::string>(value);
  // A string that reads "NaN" must not come back as the number.
  if (spells_nonfinite(text))
    return fmt::format("\\x{:02x}{}", static_cast<unsigned char>(text[0]), text.substr(1));
  return escaped(text);
}

Json statistics_json(const Statistics& statistics) {
  return {{"count", statistics.count},
          {"nan", statistics.nan},
          {"positive_infinity", statistics.positive_infinity},
          {"negative_infinity", statistics.negative_infinity},
          {"zeros", statistics.zeros},
          {"min", number(statistics.min)},
          {"max", number(statistics.max)},
          {"mean", number(statistics.mean)},
          {"stddev", number(statistics.stddev)}};
}

Json tensor_json(const TensorReport& tensor) {
  Json out = {{"name", escaped(tensor.name)},
              {"dtype", escaped(tensor.dtype)},
              {"shape", tensor.shape},
              {"bytes", tensor.bytes}};
  out["statistics"] = tensor.statistics ? statistics_json(*tensor.statistics) : Json(nullptr);
  out["hash"] = hash_text(tensor.hash);
  if (!tensor.same_as.empty()) out["same_as"] = escaped(tensor.same_as);
  return out;
}

Json finding_json(const Finding& finding) {
  return {{"code", escaped(finding.code)},
          {"severity", to_string(finding.severity)},
          {"message", escaped(finding.message)},
          {"where", escaped(finding.where)}};
}

/// `"key":[a,b]` appended, each item made only when its turn comes.
template <typename List, typename ToJson>
void append_list(std::string& out, std::string_view key, const List& list, ToJson to_item) {
  out += fmt::format(",\"{}\":[", key);
  bool first = true;
  for (const auto& each : list) {
    if (!first) out += ',';
    first = false;
    out += to_item(each).dump();
  }
  out += ']';
}

void append_values(std::string& out, const std::vector<std::pair<std::string, Value>>& values) {
  out += ",\"values\":{";
  bool first = true;
  for (const auto& [name, value] : values) {
    if (!first) out += ',';
    first = false;
    out += Json(escaped(name)).dump();
    out += ':';
    out += value_json(value).dump();
  }
  out += '}';
}

}  // namespace

std::string to_json(const FileReport& report) {
  const Json head = {{"path", escaped(report.path)},
                     {"kind", to_string(report.kind)},
                     {"verdict", to_string(report.verdict)},
                     {"reason", escaped(report.reason)},
                     {"size", report.size},
                     {"modified_ns", report.modified_ns},
                     {"inode", report.inode},
                     {"device", report.device},
                     {"hash", hash_text(report.hash)}};
  std::string out = head.dump();
  out.pop_back();  // the closing brace: more follows
  append_list(out, "tensors", report.tensors, tensor_json);
  out += fmt::format(",\"tensors_left_out\":{}", report.tensors_left_out);
  append_values(out, report.values);
  append_list(out, "globals", report.globals, [](const std::string& name) { return Json(escaped(name)); });
  append_list(out, "findings", report.findings, finding_json);
  out += '}';
  return out;
}

// --- Reading ---

namespace {

using Scalar = std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string>;

bool take(const Scalar& from, std::uint64_t& out) {
  const auto* value = std::get_if<std::uint64_t>(&from);
  if (value != nullptr) out = *value;
  return value != nullptr;
}

bool take(const Scalar& from, std::int64_t& out) {
  if (const auto* value = std::get_if<std::int64_t>(&from)) {
    out = *value;
    return true;
  }
  const auto* value = std::get_if<std::uint64_t>(&from);
  if (value == nullptr || *value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return false;
  out = static_cast<std::int64_t>(*value);
  return true;
}

bool take(const Scalar& from, double& out) {
  if (const auto* value = std::get_if<double>(&from)) {
    out = *value;
  } else if (const auto* whole = std::get_if<std::int64_t>(&from)) {
    out = static_cast<double>(*whole);
  } else if (const auto* natural = std::get_if<std::uint64_t>(&from)) {
    out = static_cast<double>(*natural);
  } else if (const auto* text = std::get_if<std::string>(&from); text != nullptr && spells_nonfinite(*text)) {
    const double infinity = std::numeric_limits<double>::infinity();
    out = *text == kNan        ? std::numeric_limits<double>::quiet_NaN()
          : *text == kInfinity ? infinity
                               : -infinity;
  } else {
    return false;
  }
  return true;
}

bool take(const Scalar& from, std::string& out) {
  const auto* text = std::get_if<std::string>(&from);
  if (text != nullptr) out = unescaped(*text);
  return text != nullptr;
}

bool take(const Scalar& from, Value& out) {
  double figure = 0;
  std::string text;
  if (const auto* flag = std::get_if<bool>(&from)) {
    out = *flag;
  } else if (take(from, figure)) {
    out = figure;
  } else if (take(from, text)) {
    out = std::move(text);
  } else {
    return false;
  }
  return true;
}

bool take_hash(const Scalar& from, std::uint64_t& out) {
  if (std::holds_alternative<std::nullptr_t>(from)) {
    out = 0;
    return true;
  }
  const auto* text = std::get_if<std::string>(&from);
  if (text == nullptr || text->size() != 16) return false;
  const auto [end, error] = std::from_chars(text->data(), text->data() + 16, out, 16);
  return error == std::errc() && end == text->data() + 16;
}

template <typename T>
bool take_name(const Scalar& from, std::optional<T> (*parse)(std::string_view), T& out) {
  const auto* text = std::get_if<std::string>(&from);
  const std::optional<T> found = text == nullptr ? std::nullopt : parse(*text);
  if (found) out = *found;
  return found.has_value();
}

class Reader : public nlohmann::json_sax<nlohmann::json> {
 public:
  FileReport report;
  bool complete() const { return done_ && path_seen_ && kind_seen_ && verdict_seen_; }

  bool null() override { return scalar(nullptr); }
  bool boolean(bool value) override { return scalar(value); }
  bool number_integer(number_integer_t value) override { return scalar(value); }
  bool number_unsigned(number_unsigned_t value) override { return scalar(value); }
  bool number_float(number_float_t value, const string_t&) override { return scalar(value); }
  bool string(string_t& value) override { return scalar(Scalar(std::move(value))); }
  bool binary(binary_t&) override { return false; }
  bool key(string_t& name) override {
    if (skipped_ == 0) key_ = std::move(name);
    return true;
  }
  bool start_object(std::size_t) override { return start(true); }
  bool start_array(std::size_t) override { return start(false); }
  bool end_object() override { return end(); }
  bool end_array() override { return end(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  enum class Place { report, tensors, tensor, shape, statistics, values, globals, findings, finding };

  bool start(bool object) {
    if (skipped_ > 0) return ++skipped_ <= kMaxUnknownDepth;
    if (places_.empty()) return object && !done_ && enter(Place::report);
    switch (places_.back()) {
      case Place::report:
        return start_in_report(object);
      case Place::tensors:
        return object && report.tensors.size() < kMaxTensors &&
               (report.tensors.emplace_back(), enter(Place::tensor));
      case Place::findings:
        return object && report.findings.size() < kMaxFindings &&
               (report.findings.emplace_back(), enter(Place::finding));
      case Place::tensor:
        if (key_ == "shape") return !object && enter(Place::shape);
        if (key_ == "statistics") return object && (tensor().statistics.emplace(), enter(Place::statistics));
        return skip();
      case Place::finding:
      case Place::statistics:
        return skip();
      default:
        return false;
    }
  }

  bool start_in_report(bool object) {
    if (key_ == "values") return object && enter(Place::values);
    if (key_ == "tensors") return !object && enter(Place::tensors);
    if (key_ == "globals") return !object && enter(Place::globals);
    if (key_ == "findings") return !object && enter(Place::findings);
    return skip();
  }

  bool enter(Place place) {
    places_.push_back(place);
    return true;
  }

  bool skip() {
    skipped_ = 1;
    return true;
  }

  bool end() {
    if (skipped_ > 0) {
      --skipped_;
      return true;
    }
    places_.pop_back();
    done_ = places_.empty();
    return true;
  }

  bool scalar(const Scalar& value) {
    if (skipped_ > 0) return true;
    if (places_.empty()) return false;
    switch (places_.back()) {
      case Place::report:
        return report_field(value);
      case Place::tensor:
        return tensor_field(value);
      case Place::statistics:
        return statistics_field(value, *tensor().statistics);
      case Place::finding:
        return finding_field(value, report.findings.back());
      case Place::shape:
        return tensor().shape.size() < kMaxDimensions && take(value, tensor().shape.emplace_back());
      case Place::globals:
        return report.globals.size() < kMaxGlobals && take(value, report.globals.emplace_back());
      case Place::values:
        if (report.values.size() >= kMaxValues) return false;
        report.values.emplace_back(unescaped(key_), Value{});
        return take(value, report.values.back().second);
      default:
        return false;
    }
  }

  bool report_field(const Scalar& value) {
    if (key_ == "path") return path_seen_ = take(value, report.path);
    if (key_ == "kind") return kind_seen_ = take_name(value, file_kind_from, report.kind);
    if (key_ == "verdict") return verdict_seen_ = take_name(value, verdict_from, report.verdict);
    if (key_ == "reason") return take(value, report.reason);
    if (key_ == "size") return take(value, report.size);
    if (key_ == "modified_ns") return take(value, report.modified_ns);
    if (key_ == "inode") return take(value, report.inode);
    if (key_ == "device") return take(value, report.device);
    if (key_ == "hash") return take_hash(value, report.hash);
    if (key_ == "tensors_left_out") return take(value, report.tensors_left_out);
    return key_ != "tensors" && key_ != "values" && key_ != "globals" && key_ != "findings";
  }

  bool tensor_field(const Scalar& value) {
    if (key_ == "name") return take(value, tensor().name);
    if (key_ == "dtype") return take(value, tensor().dtype);
    if (key_ == "bytes") return take(value, tensor().bytes);
    if (key_ == "hash") return take_hash(value, tensor().hash);
    if (key_ == "same_as") return take(value, tensor().same_as);
    if (key_ == "statistics") return std::holds_alternative<std::nullptr_t>(value);
    return key_ != "shape";
  }

  bool statistics_field(const Scalar& value, Statistics& out) {
    if (key_ == "count") return take(value, out.count);
    if (key_ == "nan") return take(value, out.nan);
    if (key_ == "positive_infinity") return take(value, out.positive_infinity);
    if (key_ == "negative_infinity") return take(value, out.negative_infinity);
    if (key_ == "zeros") return take(value, out.zeros);
    if (key_ == "min") return take(value, out.min);
    if (key_ == "max") return take(value, out.max);
    if (key_ == "mean") return take(value, out.mean);
    if (key_ == "stddev") return take(value, out.stddev);
    return true;
  }

  bool finding_field(const Scalar& value, Finding& out) {
    if (key_ == "code") return take(value, out.code);
    if (key_ == "severity") return take_name(value, severity_from, out.severity);
    if (key_ == "message") return take(value, out.message);
    if (key_ == "where") return take(value, out.where);
    return true;
  }

  TensorReport& tensor() { return report.tensors.back(); }

  std::vector<Place> places_;
  std::string key_;
  int skipped_ = 0;  ///< depth inside something whose name is not known
  bool done_ = false;
  bool path_seen_ = false;
  bool kind_seen_ = false;
  bool verdict_seen_ = false;
};

}  // namespace

std::optional<FileReport> report_from_json(std::string_view text) {
  if (text.size() > kMaxText) return std::nullopt;
  Reader reader;
  try {
    if (!nlohmann::json::sax_parse(text, &reader) || !reader.complete()) return std::nullopt;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
  return std::move(reader.report);
}

}  // namespace redflag::tensors
