#include "daemon/contents/forward_answer.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "daemon/runs/json_number.h"

namespace redflag::daemon {
namespace {

constexpr std::size_t kMaxFindings = 200;

std::string text(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>().substr(0, 1000)
                                                     : std::string();
}

std::optional<double> number(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() ? std::nullopt : number_from(*found);
}

void read_findings(const nlohmann::json& answer, ForwardSays& out) {
  const auto found = answer.find("findings");
  if (found == answer.end() || !found->is_array()) return;
  for (const auto& each : *found) {
    if (!each.is_object() || out.findings.size() == kMaxFindings) continue;
    const auto severity = severity_from(text(each, "severity"));
    out.findings.push_back({text(each, "code"), severity.value_or(Severity::warning), text(each, "message"),
                            text(each, "where")});
  }
}

/// The largest (or smallest) of one figure over the layers.
std::optional<double> extreme(const nlohmann::json& layers, const char* key, bool largest,
                              std::string* where = nullptr) {
  std::optional<double> out;
  for (const auto& each : layers) {
    if (!each.is_object()) continue;
    const auto value = number(each, key);
    if (!value || std::isnan(*value)) continue;
    if (out && (largest ? *value <= *out : *value >= *out)) continue;
    out = value;
    if (where != nullptr) *where = text(each, "layer");
  }
  return out;
}

}  // namespace

ForwardSays read_forward_answer(const nlohmann::json& answer, bool logits) {
  ForwardSays out;
  if (!answer.is_object()) return out;
  const std::string status = text(answer, "status");
  out.ok = status == "ok";
  read_findings(answer, out);
  if (logits) {
    const std::string said = status == "ok" || status == "bad" ? status : "not_checked";
    out.figures = {{"forward", said}, {"forward_detail", text(answer, "reason")}};
    return out;
  }
  const auto layers = answer.find("layers");
  if (layers == answer.end() || !layers->is_array()) return out;
  const auto add = [&](const char* name, std::optional<double> value) {
    if (value) out.figures.emplace_back(name, *value);
  };
  std::string moved;
  add("drift", extreme(*layers, "drift_base", true, &moved));
  add("drift_previous", extreme(*layers, "drift_previous", true));
  add("cka", extreme(*layers, "cka_base", false));
  add("cka_previous", extreme(*layers, "cka_previous", false));
  if (!moved.empty()) out.figures.emplace_back("drift_layer", moved);
  return out;
}

}  // namespace redflag::daemon
