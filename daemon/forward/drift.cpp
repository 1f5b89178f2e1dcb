#include "daemon/forward/drift.h"

#include <filesystem>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "alerts/text/escape.h"
#include "daemon/forward/drift_math.h"
#include "daemon/forward/limits.h"
#include "daemon/forward/representation.h"
#include "daemon/forward/torch_error.h"

namespace redflag::forward {
namespace {

class Drift {
 public:
  explicit Drift(const Arguments& arguments) : arguments_(arguments) {
    const std::uint64_t held = memory_use().resident_bytes;
    limit_ = {arguments.rows, arguments.memory_bytes > held ? arguments.memory_bytes - held : 0};
  }

  DriftReport run() {
    const std::vector<std::string> layers = layers_of(arguments_.path);
    if (layers.empty()) {
      report_.reason = "there is no layer_K.pt in the directory";
      return std::move(report_);
    }
    find_others();
    for (const std::string& layer : layers) report_.layers.push_back(check_layer(layer));
    judge();
    return std::move(report_);
  }

 private:
  void find_others() {
    if (!arguments_.base.empty()) {
      report_.base = representation_in(arguments_.base);
      if (report_.base.empty())
        add("drift_not_compared", Severity::info, "there is no layer_K.pt to compare with", arguments_.base);
    }
    if (arguments_.previous == "none") return;
    report_.previous =
        arguments_.previous.empty() ? earlier_step(arguments_.path) : representation_in(arguments_.previous);
    if (report_.previous.empty() && !arguments_.previous.empty())
      add("drift_not_compared", Severity::info, "there is no layer_K.pt to compare with",
          arguments_.previous);
  }

  void add(std::string code, Severity severity, std::string message, const std::string& where) {
    report_.findings.push_back({std::move(code), severity, std::move(message), where});
  }

  Result<Matrix> read(const std::string& directory, const std::string& layer) const {
    return read_layer(directory, layer, limit_);
  }

  LayerDrift check_layer(const std::string& layer) {
    LayerDrift out;
    out.layer = layer;
    const Result<Matrix> matrix = read(arguments_.path, layer);
    if (!matrix) {
      out.reason = one_line(matrix.error().text());
      if (status_of(matrix.error()) == Status::bad) unreadable_ = true;
      return out;
    }
    out.rows = matrix->all_rows;
    out.rows_used = matrix->rows.size(0);
    out.hidden = matrix->rows.size(1);
    out.nonfinite = matrix->nonfinite;
    report_.sampled |= out.rows_used < out.rows;
    if (out.nonfinite > 0) {
      out.reason = fmt::format("{} numbers that are NaN or infinite", out.nonfinite);
      add("drift_nonfinite", Severity::critical, out.reason + ": drift cannot be told", layer);
      return out;
    }
    const Result<void> done = guarded("comparing " + layer, [&] { compute(layer, *matrix, out); });
    if (!done) out.reason = one_line(done.error().text());
    return out;
  }

  void compute(const std::string& layer, const Matrix& matrix, LayerDrift& out) {
    if (matrix.rows.numel() == 0) {
      out.reason = "it holds no numbers";
      return;
    }
    const Shaped now = shape_of(matrix.rows);
    const Spectrum spectrum = spectrum_of(now);
    out.top_share = spectrum.top_share;
    out.centred_top_share = spectrum.centred_top_share;
    out.effective_rank = spectrum.effective_rank;
    out.collapsed = spectrum.collapsed;
    if (out.collapsed) {
      add("layer_collapsed", Severity::critical,
          spectrum.rows_equal
              ? fmt::format("all {} rows of {} are the same: it no longer tells its inputs apart", out.rows,
                            layer)
              : fmt::format("{} has collapsed to one direction, which holds {:.2f} % of it", layer,
                            100 * spectrum.top_share),
          layer);
    }
    compare(layer, now, matrix.all_rows, report_.base, out.base);
    compare(layer, now, matrix.all_rows, report_.previous, out.previous);
  }

  void compare(const std::string& layer, const Shaped& now, std::int64_t all_rows,
               const std::string& directory, LayerComparison& out) {
    if (directory.empty()) return;
    const Result<Matrix> other = read(directory, layer);
    if (!other)
      return add("drift_not_compared", Severity::info, one_line(other.error().text()),
                 directory + "/" + layer + ".pt");
    if (other->all_rows != all_rows || other->rows.sizes() != now.rows.sizes()) {
      add("drift_shape_mismatch", Severity::warning,
          fmt::format("{} has {} rows of {}, in {} it has {} rows of {}: not comparable", layer, all_rows,
                      now.rows.size(1), directory, other->all_rows, other->rows.size(1)),
          layer);
      return;
    }
    if (other->nonfinite > 0)
      return add("drift_not_compared", Severity::info, "it holds NaN or infinities",
                 directory + "/" + layer + ".pt");
    out.identical = at::equal(now.rows, other->rows);
    out.cosine = mean_cosine(now.rows, other->rows);
    out.cka = linear_cka(now, shape_of(other->rows));
  }

  void judge() {
    std::size_t read = 0;
    for (const LayerDrift& layer : report_.layers) {
      if (layer.reason.empty()) ++read;
      if (!layer.reason.empty() && report_.reason.empty()) report_.reason = layer.layer + ": " + layer.reason;
    }
    report_.status = read == report_.layers.size() ? Status::ok : Status::not_checked;
    if (unreadable_) report_.status = Status::bad;
    for (const tensors::Finding& finding : report_.findings) {
      if (finding.severity != Severity::critical) continue;
      if (report_.status != Status::bad) report_.reason = finding.message;
      report_.status = Status::bad;
    }
  }

  const Arguments& arguments_;
  RowLimit limit_;
  DriftReport report_;
  bool unreadable_ = false;
};

void add_comparison(Json& json, const std::string& name, const LayerComparison& comparison) {
  json["cosine_" + name] = number_json(comparison.cosine);
  json["cka_" + name] = number_json(comparison.cka);
  json["drift_" + name] = number_json(comparison.drift());
  json["identical_" + name] = comparison.identical;
}

Json layer_json(const LayerDrift& layer) {
  Json json = {{"layer", layer.layer},   {"reason", alerts::escape_utf8(layer.reason)},
               {"rows", layer.rows},     {"rows_used", layer.rows_used},
               {"hidden", layer.hidden}, {"nonfinite", layer.nonfinite}};
  add_comparison(json, "base", layer.base);
  add_comparison(json, "previous", layer.previous);
  json["top_share"] = number_json(layer.top_share);
  json["centred_top_share"] = number_json(layer.centred_top_share);
  json["effective_rank"] = number_json(layer.effective_rank);
  json["collapsed"] = layer.collapsed;
  return json;
}

}  // namespace

DriftReport check_drift(const Arguments& arguments) {
  return Drift(arguments).run();
}

Json to_json(const DriftReport& report) {
  Json layers = Json::array();
  for (const LayerDrift& layer : report.layers) layers.push_back(layer_json(layer));
  return {{"status", to_string(report.status)},
          {"reason", alerts::escape_utf8(report.reason)},
          {"base", alerts::escape_utf8(report.base)},
          {"previous", alerts::escape_utf8(report.previous)},
          {"sampled", report.sampled},
          {"layers", std::move(layers)},
          {"findings", findings_json(report.findings)}};
}

}  // namespace redflag::forward
