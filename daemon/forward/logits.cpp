// One directory: its config.json, its adapter if it is one, each format of its weights twice.
#include "daemon/forward/logits.h"

#include <algorithm>
#include <filesystem>
#include <functional>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "daemon/forward/binding.h"
#include "daemon/forward/limits.h"
#include "daemon/forward/model_layout.h"
#include "daemon/forward/models.h"
#include "daemon/forward/torch_error.h"

namespace redflag::forward {
namespace {

bool exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored);
}

/// What is looked at: a model, or an adapter with the base model it is for.
struct Subject {
  std::string directory;  ///< holds the formats that are compared
  std::string stem = "model";
  ModelConfig config;
  std::optional<AdapterConfig> adapter;
  std::string base_directory;
  WeightFormat base_format;
};

/// base_model_name_or_path may be a name of the hub, or a directory, seen from the adapter or from anywhere.
Result<std::string> base_directory(const std::string& adapter_directory, const std::string& given,
                                   const std::string& written) {
  if (!given.empty()) return given;
  std::error_code ignored;
  const std::filesystem::path path(written);
  const std::filesystem::path beside =
      path.is_absolute() ? path : std::filesystem::path(adapter_directory) / path;
  if (!written.empty() && std::filesystem::is_directory(beside, ignored)) return beside.string();
  return fail(ErrorCode::not_found, "looking for the adapter's base model",
              fmt::format("\"{}\" is no directory on this machine", one_line(written)),
              "name it by --base DIR");
}

Result<void> read_adapter(const Arguments& arguments, Subject& subject) {
  const Result<nlohmann::json> json = read_json_object(arguments.path + "/adapter_config.json");
  if (!json) return tl::unexpected<Error>(json.error());
  Result<AdapterConfig> adapter = adapter_config_from(*json);
  if (!adapter) return tl::unexpected<Error>(std::move(adapter.error()));
  Result<std::string> base = base_directory(arguments.path, arguments.base, adapter->base);
  if (!base) return tl::unexpected<Error>(std::move(base.error()));
  const std::vector<WeightFormat> formats = weight_formats(*base, "model");
  if (formats.empty())
    return fail(ErrorCode::not_found, "looking for the adapter's base model",
                one_line(*base) + " holds no weights");
  subject.stem = "adapter_model";
  subject.adapter = std::move(*adapter);
  subject.base_directory = std::move(*base);
  subject.base_format = formats.front();
  return {};
}

Result<Subject> read_subject(const Arguments& arguments) {
  Subject subject;
  subject.directory = arguments.path;
  std::error_code ignored;
  if (!std::filesystem::is_directory(arguments.path, ignored))
    return fail(ErrorCode::not_found, "looking at " + arguments.path, "there is no such directory");
  const bool adapter =
      exists(arguments.path + "/adapter_config.json") && weight_formats(arguments.path, "model").empty();
  if (adapter) {
    if (const Result<void> read = read_adapter(arguments, subject); !read)
      return tl::unexpected<Error>(read.error());
  }
  const std::string config_directory = adapter ? subject.base_directory : subject.directory;
  const Result<nlohmann::json> json = read_json_object(config_directory + "/config.json");
  if (!json) return tl::unexpected<Error>(json.error());
  Result<ModelConfig> config = model_config_from(*json, subject.adapter ? subject.adapter->task : "");
  if (!config) return tl::unexpected<Error>(std::move(config.error()));
  subject.config = std::move(*config);
  return subject;
}

/// Weights opened and bound anew: what "loading" is here.
struct Loaded {
  WeightSet weights;
  std::optional<WeightSet> adapter;
  ModelConfig config;
  Binding binding;

  std::string changed() const {
    const std::string first = weights.changed();
    return first.empty() && adapter ? adapter->changed() : first;
  }
};

Result<std::unique_ptr<Loaded>> load(const Subject& subject, const WeightFormat& format) {
  Result<WeightSet> own = WeightSet::open(subject.directory, format);
  if (!own) return tl::unexpected<Error>(std::move(own.error()));
  auto loaded = std::make_unique<Loaded>();
  loaded->config = subject.config;
  if (!subject.adapter) {
    loaded->weights = std::move(*own);
    loaded->binding = bind(loaded->config, loaded->weights);
    return loaded;
  }
  Result<WeightSet> base = WeightSet::open(subject.base_directory, subject.base_format);
  if (!base) return tl::unexpected<Error>(std::move(base.error()));
  loaded->weights = std::move(*base);
  loaded->adapter = std::move(*own);
  // An output embedding of its own unties the two.
  if (loaded->adapter->find("base_model.model." + output_embedding(loaded->config)) != nullptr)
    loaded->config.tied = false;
  loaded->binding = bind(loaded->config, loaded->weights, {&*subject.adapter, &*loaded->adapter});
  return loaded;
}

/// Bytes that a pass takes beyond what the process holds already: blocks of weights, activations, what is
/// read whole.
std::uint64_t needed_bytes(const Loaded& loaded, std::uint64_t tokens, int threads) {
  const ModelConfig& c = loaded.config;
  const auto widest =
      static_cast<std::uint64_t>(std::max({c.intermediate, 3 * c.hidden, c.heads * c.head_dim}));
  std::uint64_t bytes = static_cast<std::uint64_t>(threads) * (16ULL << 20);
  bytes += tokens * 4 *
           (12 * widest + 3 * static_cast<std::uint64_t>(std::max(c.vocabulary, c.labels.value_or(1))));
  bytes += tokens * tokens * static_cast<std::uint64_t>(c.heads) * 16;
  std::uint64_t whole = 0;
  for (const auto& [name, tensor] : loaded.binding.tensors) {
    if (tensor.entry->shape.size() == 1 || !tensor.contiguous()) {
      whole = std::max(
          whole, std::max(bytes_when_whole(tensor), tensor.contiguous() ? 0 : 2 * tensor.storage->bytes));
    } else if (const std::int64_t rows = TensorReader::rows_per_block(tensor);
               rows == 1 && tensor.entry->shape[0] > 0) {
      whole = std::max(whole, bytes_when_whole(tensor) / static_cast<std::uint64_t>(tensor.entry->shape[0]));
    }
  }
  for (const auto& [module, term] : loaded.binding.lora)
    whole = std::max(whole, bytes_when_whole(term.a) + bytes_when_whole(term.b));
  return bytes > UINT64_MAX - whole ? UINT64_MAX : bytes + whole;
}

/// Reasons not to run it that are nobody's fault.
std::string obstacle(const Loaded& loaded, const Arguments& arguments) {
  const ModelConfig& c = loaded.config;
  if (!loaded.binding.unsupported.empty()) return loaded.binding.unsupported;
  const std::int64_t positions = c.family == Family::roberta ? c.positions - c.pad_token - 1 : c.positions;
  if (static_cast<std::int64_t>(arguments.ids.size()) > positions)
    return fmt::format("the model takes {} tokens, the input has {}", positions, arguments.ids.size());
  const std::int64_t largest = *std::max_element(arguments.ids.begin(), arguments.ids.end());
  if (largest >= c.vocabulary)
    return fmt::format("the vocabulary has {} tokens, the input asks for number {}", c.vocabulary, largest);
  const std::uint64_t needed = needed_bytes(loaded, arguments.ids.size(), arguments.threads);
  const std::uint64_t held = memory_use().resident_bytes;
  if (needed > arguments.memory_bytes || held > arguments.memory_bytes - needed)
    return fmt::format("needs about {} MB, limit {} MB", megabytes(needed) + megabytes(held),
                       megabytes(arguments.memory_bytes));
  return {};
}

std::string stored_type(const Binding& binding) {
  std::string name;
  for (const auto& [tensor, located] : binding.tensors) {
    const std::string_view type = tensors::to_string(located.entry->dtype);
    if (!name.empty() && name != type) return "mixed";
    name = type;
  }
  return name;
}

Result<FormatLogits> run(const Loaded& loaded, const Arguments& arguments) {
  FormatLogits out;
  out.stored = stored_type(loaded.binding);
  const Result<void> ran = guarded("running the model", [&] {
    Weights weights(loaded.binding, arguments.memory_bytes, arguments.threads);
    const LayerHook hook = [&](std::int64_t layer, const at::Tensor& hidden) {
      if (out.first_bad_layer < 0 && !at::isfinite(hidden).all().item<bool>()) out.first_bad_layer = layer;
    };
    const at::Tensor logits = run_model(loaded.config, weights, arguments.ids, hook).contiguous();
    const auto count = static_cast<std::uint64_t>(logits.numel());
    out.nan = static_cast<std::uint64_t>(at::isnan(logits).sum().item<std::int64_t>());
    out.infinite =
        count - out.nan - static_cast<std::uint64_t>(at::isfinite(logits).sum().item<std::int64_t>());
    out.values.assign(logits.data_ptr<float>(), logits.data_ptr<float>() + count);
    if (loaded.config.head != Head::sequence_classification) out.shape.push_back(1);
    for (const std::int64_t size : logits.sizes()) out.shape.push_back(size);
  });
  if (!ran) return tl::unexpected<Error>(ran.error());
  if (const std::string changed = loaded.changed(); !changed.empty())
    return fail(ErrorCode::unavailable, "running the model", changed, {}, true);
  return out;
}

class Check {
 public:
  explicit Check(const Arguments& arguments) : arguments_(arguments) { report_.ids = arguments.ids; }

  LogitsReport run_all() {
    const Result<Subject> subject = read_subject(arguments_);
    if (!subject) {
      note(subject.error());
      return finish();
    }
    report_.architecture = subject->config.architecture;
    const std::vector<WeightFormat> formats = weight_formats(subject->directory, subject->stem);
    if (formats.empty()) note(Status::not_checked, "there are no weights in the directory");
    several_ = formats.size() > 1;
    for (const WeightFormat& format : formats) check_format(*subject, format);
    compare_formats();
    if (!arguments_.compare.empty()) compare_with_earlier(arguments_.compare, report_);
    return finish();
  }

 private:
  /// The worst that was said decides; of equals the first.
  void note(Status status, std::string reason) {
    if (noted_ && (report_.status == Status::bad || status == report_.status)) return;
    noted_ = true;
    report_.status = status;
    report_.reason = std::move(reason);
  }
  void note(const Error& error) { note(status_of(error), one_line(error.text())); }

  void add(std::string code, std::string message, const std::string& where,
           Severity severity = Severity::critical) {
    report_.findings.push_back({std::move(code), severity, std::move(message), where});
  }

  void take_findings(Binding& binding, const WeightFormat& format) {
    for (tensors::Finding& finding : binding.findings) {
      if (several_) finding.message = fmt::format("{}: {}", format.main, finding.message);
      report_.findings.push_back(std::move(finding));
    }
  }

  void check_format(const Subject& subject, const WeightFormat& format) {
    Result<std::unique_ptr<Loaded>> first = load(subject, format);
    if (!first) return note(first.error());
    const bool complete = (*first)->binding.complete();
    take_findings((*first)->binding, format);
    if (!complete) return;
    if (const std::string why = obstacle(**first, arguments_); !why.empty())
      return note(Status::not_checked, fmt::format("{}: {}", format.main, why));
    Result<FormatLogits> logits = run(**first, arguments_);
    if (!logits) return note(logits.error());
    logits->format = format.name;
    first->reset();
    run_again(subject, format, *logits);
    if (!logits->finite()) note_nonfinite(subject.config, *logits);
    report_.formats.push_back(std::move(*logits));
  }

  void run_again(const Subject& subject, const WeightFormat& format, FormatLogits& first) {
    const Result<std::unique_ptr<Loaded>> loaded = load(subject, format);
    if (!loaded) return note(loaded.error());
    const Result<FormatLogits> second = run(**loaded, arguments_);
    if (!second) return note(second.error());
    first.reload_difference = largest_difference(first.values, second->values);
    if (*first.reload_difference > kTolerance)
      add("forward_not_repeatable",
          fmt::format("loaded a second time, the logits differ by up to {:.3g}; the limit is {:g}",
                      *first.reload_difference, kTolerance),
          format.main);
  }

  void note_nonfinite(const ModelConfig& config, const FormatLogits& logits) {
    std::string place = "in the output head";
    if (logits.first_bad_layer == 0) place = "in the embeddings";
    if (logits.first_bad_layer > 0)
      place = fmt::format("in layer {} of {}", logits.first_bad_layer - 1, config.layers);
    add("forward_nonfinite",
        fmt::format("{} NaN and {} infinite of {} logits; the first arise {}{}", logits.nan, logits.infinite,
                    logits.values.size(), place, logits.first_bad_layer > 0 ? " (counted from 0)" : ""),
        logits.format);
  }

  void compare_formats() {
    if (report_.formats.size() < 2) return;
    const FormatLogits& a = report_.formats[0];
    const FormatLogits& b = report_.formats[1];
    report_.between_formats = largest_difference(a.values, b.values);
    if (*report_.between_formats <= kTolerance) return;
    const bool same_type = a.stored == b.stored;
    add("forward_formats_differ",
        fmt::format(
            "the logits from {} and from {} differ by up to {:.3g}; the limit is {:g}{}", a.format, b.format,
            *report_.between_formats, kTolerance,
            same_type ? "" : fmt::format(" (one is stored as {}, the other as {})", a.stored, b.stored)),
        "", same_type ? Severity::critical : Severity::warning);
  }

  LogitsReport finish() {
    for (const tensors::Finding& finding : report_.findings)
      if (finding.severity == Severity::critical) note(Status::bad, finding.message);
    if (!noted_) report_.status = Status::ok;
    return std::move(report_);
  }

  const Arguments& arguments_;
  LogitsReport report_;
  bool noted_ = false;
  bool several_ = false;
};

}  // namespace

LogitsReport check_logits(const Arguments& arguments) {
  return Check(arguments).run_all();
}

}  // namespace redflag::forward
