// What has to agree: the number in the directory's name, the trainer's step, the scheduler's, the
// optimizer's, and the shapes of the optimizer's state with those of the weights.
#include "daemon/checks/resume_check.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "daemon/checks/values.h"
#include "daemon/checks/words.h"

namespace redflag::checks {
namespace {

using daemon::FileKind;

const FileView* first_of(const std::vector<FileView>& files, FileKind kind) {
  const auto it =
      std::find_if(files.begin(), files.end(), [&](const FileView& each) { return each.kind == kind; });
  return it == files.end() ? nullptr : &*it;
}

std::size_t count_of(const std::vector<FileView>& files, FileKind kind) {
  return static_cast<std::size_t>(
      std::count_if(files.begin(), files.end(), [&](const FileView& each) { return each.kind == kind; }));
}

void not_resumable(std::vector<Finding>& out, const std::string& why, const std::string& where = {},
                   Severity severity = Severity::critical) {
  add(out, "not_resumable", severity, "not resumable: " + why, where);
}

/// The files of a checkpoint that training goes on from.
struct State {
  const FileView* optimizer = nullptr;
  const FileView* scheduler = nullptr;
  const FileView* trainer = nullptr;
  std::size_t rng_files = 0;
};

void find_missing(const State& state, std::vector<Finding>& out) {
  const bool weights_only = state.optimizer == nullptr && state.scheduler == nullptr && state.rng_files == 0;
  if (weights_only && state.trainer != nullptr) {
    not_resumable(
        out,
        "saved without optimizer, scheduler and RNG state (save_only_model); training can only begin anew",
        "", Severity::warning);
    return;
  }
  std::vector<std::string> absent;
  if (state.optimizer == nullptr) absent.emplace_back("optimizer.pt");
  if (state.scheduler == nullptr) absent.emplace_back("scheduler.pt");
  if (state.trainer == nullptr) absent.emplace_back("trainer_state.json");
  if (!absent.empty()) {
    not_resumable(out, fmt::format("{} {} missing", some_of(absent), is_or_are(absent.size())),
                  absent.front());
  }
  if (state.rng_files == 0) {
    not_resumable(out, "rng_state.pth is missing; training goes on, but with other random numbers",
                  "rng_state.pth", Severity::warning);
  }
}

void find_unreadable(const std::vector<FileView>& files, std::vector<Finding>& out) {
  std::vector<std::string> bad;
  for (const FileView& file : files) {
    const bool state = file.kind == FileKind::optimizer || file.kind == FileKind::scheduler ||
                       file.kind == FileKind::rng || file.kind == FileKind::trainer_state;
    if (state && !file.ok()) bad.push_back(file.name);
  }
  if (!bad.empty()) {
    not_resumable(out, fmt::format("{} {} not load", some_of(bad), bad.size() == 1 ? "does" : "do"),
                  bad.front());
  }
}

/// Rank files rng_state_0.pth … must be all there.
void check_rng(const std::vector<FileView>& files, std::vector<Finding>& out) {
  std::set<std::int64_t> ranks;
  for (const FileView& file : files) {
    if (file.kind != FileKind::rng) continue;
    const std::string_view stem = std::string_view(file.name).substr(0, file.name.rfind('.'));
    if (const std::int64_t rank = daemon::number_after(stem, "rng_state_"); rank >= 0) ranks.insert(rank);
  }
  if (ranks.empty() || *ranks.rbegin() > 100'000) return;
  std::vector<std::string> absent;
  for (std::int64_t rank = 0; rank < *ranks.rbegin(); ++rank) {
    if (ranks.count(rank) == 0) absent.push_back(fmt::format("rng_state_{}.pth", rank));
  }
  if (absent.empty()) return;
  not_resumable(
      out,
      fmt::format("{} {} missing, those of other ranks are there", some_of(absent), is_or_are(absent.size())),
      absent.front(), Severity::warning);
}

/// The parts below "state.": {"0", "exp_avg"} of "state.0.exp_avg". Keys may hold dots: parameters' names.
std::optional<std::pair<std::string, std::string>> state_part(std::string_view name) {
  if (!name.starts_with("state.")) return std::nullopt;
  name.remove_prefix(6);
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  return std::pair(std::string(name.substr(0, dot)), std::string(name.substr(dot + 1)));
}

/// The highest step of any parameter: one that gets no gradient for a while lags behind.
std::optional<double> optimizer_step(const Values& optimizer) {
  std::optional<double> out;
  for (const auto& [name, value] : optimizer.below("state")) {
    const auto* number = std::get_if<double>(value);
    if (number == nullptr || !name.ends_with(".step")) continue;
    if (!out || *number > *out || std::isnan(*number)) out = *number;
  }
  return out;
}

/// The scheduler's step, unless it is of a kind that counts something else (evaluations, epochs).
std::optional<double> scheduler_step(const Values& scheduler) {
  if (scheduler.has("num_bad_epochs")) return std::nullopt;
  return scheduler.number("last_epoch");
}

std::string figure(double value) {
  return fmt::format("{:.15g}", value);
}

struct Steps {
  std::optional<double> directory;
  std::optional<double> trainer;
  std::optional<double> scheduler;
  std::optional<double> scheduler_calls;  ///< _step_count - 1
  std::optional<double> optimizer;
};

/// A scheduler wrapped by accelerate counts once for each process.
bool scheduler_agrees(double scheduler, double step, std::size_t processes) {
  return scheduler == step || (processes > 1 && scheduler == step * static_cast<double>(processes));
}

std::string steps_text(const Steps& steps) {
  std::vector<std::string> parts;
  const auto say = [&](const std::optional<double>& value, const char* what) {
    if (value) parts.push_back(fmt::format("{} {}", what, figure(*value)));
  };
  say(steps.optimizer, "optimizer's step is");
  say(steps.scheduler, "scheduler's last_epoch");
  if (steps.scheduler_calls != steps.scheduler) say(steps.scheduler_calls, "its _step_count less one");
  say(steps.trainer, "trainer_state's global_step");
  say(steps.directory, "directory says");
  return fmt::format("{}", fmt::join(parts, ", "));
}

void compare_steps(const Steps& steps, std::size_t processes, std::vector<Finding>& out) {
  const std::optional<double> truth = steps.directory ? steps.directory : steps.trainer;
  if (!truth) return;
  const bool trainer_agrees = !steps.trainer || *steps.trainer == *truth;
  const bool scheduler_fits = !steps.scheduler || scheduler_agrees(*steps.scheduler, *truth, processes);
  const bool calls_fit = !steps.scheduler_calls || steps.scheduler_calls == steps.scheduler;
  const bool optimizer_fits = !steps.optimizer || *steps.optimizer == *truth;
  if (trainer_agrees && scheduler_fits && calls_fit && optimizer_fits) return;
  // fp16's loss scaling skips an update now and then, and then neither the optimizer nor the scheduler counts
  // it.
  const std::optional<double> updates = steps.optimizer ? steps.optimizer : steps.scheduler;
  const bool together = !steps.optimizer || !steps.scheduler || *steps.optimizer == *steps.scheduler;
  const double skipped = *truth - updates.value_or(0);
  if (trainer_agrees && calls_fit && together && updates && *updates > 0 && skipped > 0 &&
      skipped <= 10 + *truth / 500) {
    add(out, "skipped_updates", Severity::info,
        fmt::format("{} of {} updates were skipped (normal with fp16 loss scaling): {}", figure(skipped),
                    figure(*truth), steps_text(steps)));
    return;
  }
  not_resumable(out, "the steps disagree: " + steps_text(steps));
}

void check_steps(const DirectoryInput& input, const State& state, std::vector<Finding>& out) {
  Steps steps;
  if (input.place.step >= 0) steps.directory = static_cast<double>(input.place.step);
  if (state.trainer != nullptr && state.trainer->ok()) {
    const Values trainer(*state.trainer->report);
    steps.trainer = trainer.number("global_step");
    const bool step_known = steps.trainer && std::isfinite(*steps.trainer);
    if (!step_known) not_resumable(out, "trainer_state.json has no global_step", state.trainer->name);
    const auto epoch = trainer.number("epoch");
    if (epoch && !std::isfinite(*epoch)) {
      not_resumable(out, "trainer_state.json's epoch is " + figure(*epoch), state.trainer->name);
    }
  }
  if (state.scheduler != nullptr && state.scheduler->ok()) {
    const Values scheduler(*state.scheduler->report);
    steps.scheduler = scheduler_step(scheduler);
    const auto calls = scheduler.number("_step_count");
    // Warm restarts never count their calls.
    if (steps.scheduler && calls && !scheduler.has("T_0")) steps.scheduler_calls = *calls - 1;
  }
  if (state.optimizer != nullptr && state.optimizer->ok()) {
    steps.optimizer = optimizer_step(Values(*state.optimizer->report));
  }
  compare_steps(steps, state.rng_files, out);
}

void check_rates(const State& state, std::vector<Finding>& out) {
  std::vector<std::string> bad;
  const auto look = [&](const FileView* file, std::string_view group, auto wanted) {
    if (file == nullptr || !file->ok()) return;
    const Values values(*file->report);  // the names looked at live in the report
    for (const auto& [name, value] : values.below(group)) {
      const auto* number = std::get_if<double>(value);
      if (number == nullptr || !wanted(name) || (std::isfinite(*number) && *number >= 0)) continue;
      bad.push_back(fmt::format("{}.{} = {}", group, name, figure(*number)));
    }
  };
  const auto is_rate = [](std::string_view name) {
    return name.ends_with(".lr") || name.ends_with(".initial_lr");
  };
  const auto any = [](std::string_view) { return true; };
  look(state.optimizer, "param_groups", is_rate);
  look(state.scheduler, "_last_lr", any);
  look(state.scheduler, "base_lrs", any);
  if (bad.empty()) return;
  add(out, "learning_rate", Severity::critical,
      fmt::format("{} no learning rate{}: {}",
                  is_or_are(bad.size()) == "is" ? "one figure is" : "some figures are",
                  bad.size() == 1 ? "" : "s", some_of(bad)));
}

using ShapeCounts = std::map<std::vector<std::int64_t>, std::size_t>;

/// One shape for each parameter that has moments of its own shape (Adam, SGD with momentum). Optimizers that
/// keep factors or quantised blocks have none.
ShapeCounts state_shapes(const FileReport& optimizer, std::size_t& parameters) {
  std::map<std::string, const TensorReport*> moments;
  std::set<std::string> keys;
  for (const TensorReport& tensor : optimizer.tensors) {
    const auto part = state_part(tensor.name);
    if (!part) continue;
    keys.insert(part->first);
    if (part->second == "exp_avg" || part->second == "momentum_buffer") moments[part->first] = &tensor;
  }
  parameters = keys.size();
  ShapeCounts out;
  for (const auto& [key, tensor] : moments) ++out[tensor->shape];
  return out;
}

void check_shapes(const FileReport& optimizer, const WeightSet* weights, std::vector<Finding>& out) {
  std::size_t parameters = 0;
  const ShapeCounts wanted = state_shapes(optimizer, parameters);
  const Values values(optimizer);
  double grouped = 0;
  for (const auto& [name, value] : values.below("param_groups")) {
    if (name.ends_with(".params.length") && std::holds_alternative<double>(*value))
      grouped += std::get<double>(*value);
  }
  if (grouped > 0 && grouped < static_cast<double>(parameters)) {
    not_resumable(out, fmt::format("the optimizer has state for {} but its param_groups hold {}",
                                   counted(parameters, "parameter"), figure(grouped)));
  }
  if (weights == nullptr || !weights->complete) return;
  ShapeCounts there;
  for (const auto& [name, places] : weights->tensors) ++there[places.front().tensor->shape];
  std::vector<std::string> strange;
  std::size_t count = 0;
  for (const auto& [shape, times] : wanted) {
    const auto found = there.find(shape);
    const std::size_t known = found == there.end() ? 0 : found->second;
    if (times <= known) continue;
    count += times - known;
    strange.push_back(
        fmt::format("{} ({} in the optimizer, {} in the weights)", shape_text(shape), times, known));
  }
  if (count == 0) return;
  not_resumable(out, fmt::format("the optimizer has state for {} that {} no weight's shape in {}: {}",
                                 counted(count, "parameter"), count == 1 ? "has" : "have", weights->label,
                                 some_of(strange)));
}

}  // namespace

bool has_sharded_state(const DirectoryInput& input) {
  const auto is_sharded = [](std::string_view name) {
    const std::string_view top = name.substr(0, name.find('/'));
    if (name.ends_with(".distcp") || top == "zero_to_fp32.py") return true;
    for (const std::string_view start : {"global_step", "optimizer_", "pytorch_model_fsdp_"}) {
      if (daemon::number_after(top, start) >= 0) return true;
    }
    return false;
  };
  const auto& names = input.other_names;
  if (std::any_of(names.begin(), names.end(), is_sharded)) return true;
  return std::any_of(input.files.begin(), input.files.end(), [&](const FileReport* file) {
    const std::string_view path = file->path;
    return path.starts_with(input.path) && path.size() > input.path.size() &&
           is_sharded(path.substr(input.path.size() + 1));
  });
}

void check_resumable(const DirectoryInput& input, const std::vector<FileView>& files,
                     const WeightSet* weights, DirectoryReport& out) {
  const State state{first_of(files, FileKind::optimizer), first_of(files, FileKind::scheduler),
                    first_of(files, FileKind::trainer_state), count_of(files, FileKind::rng)};
  if (has_sharded_state(input)) {
    add(out.findings, "sharded_state", Severity::info,
        "saved by DeepSpeed or FSDP: sharded optimizer state is not read, so resumability is not checked");
  } else {
    find_missing(state, out.findings);
  }
  find_unreadable(files, out.findings);
  check_rng(files, out.findings);
  check_steps(input, state, out.findings);
  check_rates(state, out.findings);
  if (state.optimizer == nullptr || !state.optimizer->ok()) return;
  const FileReport& optimizer = *state.optimizer->report;
  std::vector<NamedTensor> tensors;
  for (const TensorReport& tensor : optimizer.tensors) {
    if (state_part(tensor.name)) tensors.push_back({tensor.name, &tensor});
  }
  find_nonfinite(tensors, "optimizer tensor", "optimizer_nan", out.findings);
  if (optimizer.tensors_left_out == 0) check_shapes(optimizer, weights, out.findings);
}

}  // namespace redflag::checks
