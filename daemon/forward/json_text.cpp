#include "daemon/forward/json_text.h"

#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "alerts/text/escape.h"
#include "daemon/results/bounded_json.h"
#include "daemon/tensors/byte_source.h"

namespace redflag::forward {

Json number_json(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return value;
}

Json number_json(const std::optional<double>& value) {
  return value ? number_json(*value) : Json(nullptr);
}

std::optional<double> number_from_json(const nlohmann::json& value) {
  if (value.is_number()) return value.get<double>();
  if (!value.is_string()) return std::nullopt;
  const std::string& word = value.get_ref<const std::string&>();
  if (word == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (word == "Infinity") return std::numeric_limits<double>::infinity();
  if (word == "-Infinity") return -std::numeric_limits<double>::infinity();
  return std::nullopt;
}

Json findings_json(const std::vector<tensors::Finding>& findings) {
  Json all = Json::array();
  for (const tensors::Finding& finding : findings) {
    all.push_back({{"code", finding.code},
                   {"severity", redflag::to_string(finding.severity)},
                   {"message", alerts::escape_utf8(finding.message)},
                   {"where", alerts::escape_utf8(finding.where)}});
  }
  return all;
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

Result<nlohmann::json> read_json_object(const std::string& path) {
  constexpr std::uint64_t kLargest = 64ULL << 20;
  const std::string doing = "reading " + path;
  Result<tensors::FileSource> source = tensors::FileSource::open(path);
  if (!source) return tl::unexpected<Error>(std::move(source.error()));
  if (source->size() > kLargest)
    return fail(ErrorCode::too_large, doing,
                fmt::format("{} bytes are too many for such a file", source->size()));
  const std::string text = source->bytes(0, static_cast<std::size_t>(source->size()));
  nlohmann::json json;
  if (const auto problem = daemon::parse_bounded_json(text, json))
    return fail(ErrorCode::malformed, doing, problem->what);
  if (!json.is_object()) return fail(ErrorCode::malformed, doing, "it holds no JSON object");
  return json;
}

}  // namespace redflag::forward
