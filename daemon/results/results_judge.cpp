// Completeness of step directories, series and checkpoints.
#include "daemon/results/results_judge.h"

#include <array>
#include <set>

#include <fmt/format.h>

#include "daemon/results/printable.h"

namespace redflag::daemon {
namespace {

/// "layer_3, layer_4 and 5 more".
std::string some_of(const std::vector<std::string>& names) {
  std::string out;
  const std::size_t shown = names.size() > 6 ? 5 : names.size();
  for (std::size_t i = 0; i < shown; ++i)
    out += (i == 0 ? "" : ", ") + printable_path(names[i]).substr(0, 80);
  if (shown < names.size()) out += fmt::format(" and {} more", names.size() - shown);
  return out;
}

std::string stem(const std::string& name) {
  const std::size_t dot = name.rfind('.');
  return dot == std::string::npos || dot == 0 ? name : name.substr(0, dot);
}

std::string parent(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

std::size_t count(const DirRecord& dir, FileKind kind) {
  return static_cast<std::size_t>(std::count_if(dir.files.begin(), dir.files.end(),
                                                [&](const auto& each) { return each.second.kind == kind; }));
}

/// Calls `visit(path, record)` for the other steps of the same series.
template <typename Visit>
void for_sibling_steps(const DirTable& dirs, const std::string& path, Visit visit) {
  const std::string series = parent(path);
  for (auto it = first_below(dirs, series); it != end_below(dirs, series); ++it) {
    if (it->second.role != DirRole::step || it->first == path || it->second.stale) continue;
    if (!visit(it->first, it->second)) return;
  }
}

/// The layers that more than half of the other steps have.
std::vector<std::string> usual_layers(const DirTable& dirs, const std::string& path) {
  std::map<std::string, std::size_t> seen;
  std::size_t steps = 0;
  for_sibling_steps(dirs, path, [&](const std::string&, const DirRecord& sibling) {
    ++steps;
    for (const auto& [name, file] : sibling.files) {
      if (file.kind == FileKind::layer) ++seen[stem(name)];
    }
    return steps < 50;  // a sample is enough, and keeps this linear over the whole series
  });
  std::vector<std::string> out;
  for (const auto& [name, times] : seen) {
    if (times * 2 > steps) out.push_back(name);
  }
  return out;
}

}  // namespace

Judgement judge_step(FileSystem& files, const DirTable& dirs, const std::string& path, const DirRecord& dir) {
  Judgement out;
  out.verdict = Verdict::ok;
  std::vector<std::string> problems;
  std::vector<std::string> wanted;
  std::string by = "metadata.json";
  if (dir.files.count("metadata.json") == 0) {
    problems.push_back("metadata.json is missing");
  } else {
    wanted = metadata_layers(files, path + "/metadata.json");
  }
  if (wanted.empty()) {
    wanted = usual_layers(dirs, path);
    by = "most other steps";
  }
  std::set<std::string> present;
  for (const auto& [name, file] : dir.files) {
    out.size += file.size;
    if (file.kind == FileKind::layer || file.kind == FileKind::tensor) present.insert(stem(name));
  }
  std::vector<std::string> absent;
  for (const std::string& name : wanted) {
    if (present.count(name) == 0 && present.count(stem(name)) == 0) absent.push_back(name);
  }
  if (present.empty()) {
    problems.push_back("no layer files");
  } else if (!absent.empty()) {
    problems.push_back(fmt::format("{} of {} layers missing as in {}: {}", absent.size(), wanted.size(), by,
                                   some_of(absent)));
  }
  for (const std::string& problem : problems) out.detail += (out.detail.empty() ? "" : "; ") + problem;
  if (!problems.empty()) out.verdict = Verdict::missing;
  return out;
}

Judgement judge_checkpoint(FileSystem& files, const std::string& path, const DirRecord& dir) {
  Judgement out;
  out.verdict = Verdict::ok;
  std::vector<std::string> absent;
  bool adapter = dir.role == DirRole::final_adapter || dir.files.count("adapter_config.json") != 0;
  bool whole = false;  // weights in one file, or all shards of one index
  std::vector<std::string> shards_absent;
  for (const auto& [name, file] : dir.files) {
    out.size += file.size;
    if (file.kind == FileKind::weights && name.find("-of-") == std::string::npos) whole = true;
    if (name.rfind("adapter_model", 0) == 0) adapter = true;
    if (file.kind != FileKind::shard_index) continue;
    const auto shards = index_shards(files, path + '/' + name);
    std::vector<std::string> lost;
    for (const std::string& shard : shards) {
      if (dir.files.count(shard) == 0) lost.push_back(shard);
    }
    if (!shards.empty() && lost.empty()) whole = true;
    shards_absent.insert(shards_absent.end(), lost.begin(), lost.end());
  }
  if (!whole && !shards_absent.empty()) {
    absent.push_back(fmt::format("{} shards of its index: {}", shards_absent.size(), some_of(shards_absent)));
  } else if (!whole && count(dir, FileKind::weights) == 0) {
    absent.push_back(adapter ? "adapter weights (adapter_model.safetensors or .bin)"
                             : "weights (model.safetensors or pytorch_model.bin)");
  } else if (!whole) {
    absent.push_back("the index of its shards (model.safetensors.index.json)");
  }
  const char* config = adapter ? "adapter_config.json" : "config.json";
  if (dir.files.count(config) == 0) absent.push_back(config);
  if (!absent.empty()) {
    out.verdict = Verdict::missing;
    for (const std::string& each : absent) out.detail += (out.detail.empty() ? "missing: " : "; ") + each;
  }
  std::vector<std::string> lacking;
  if (dir.role == DirRole::final_model && dir.files.count("tokenizer_config.json") == 0) {
    lacking.push_back("tokenizer_config.json");
  }
  if (dir.role == DirRole::checkpoint) {
    constexpr std::array<std::pair<FileKind, const char*>, 4> kResume{
        {{FileKind::optimizer, "optimizer.pt"},
         {FileKind::scheduler, "scheduler.pt"},
         {FileKind::rng, "rng_state.pth"},
         {FileKind::trainer_state, "trainer_state.json"}}};
    for (const auto& [kind, name] : kResume) {
      if (count(dir, kind) == 0) lacking.push_back(name);
    }
  }
  out.lacking = some_of(lacking);
  return out;
}

SeriesSummary summarise_series(const DirTable& dirs, const std::string& root, const std::string& path,
                               std::int64_t interval) {
  SeriesSummary out;
  const DirPlace place = place_below(root, path);
  out.dir = printable_path(path);
  out.method = place.method;
  out.task = place.task;
  for (auto it = first_below(dirs, path); it != end_below(dirs, path); ++it) {
    if (it->second.role == DirRole::step) out.steps.push_back(it->second.step);
  }
  std::sort(out.steps.begin(), out.steps.end());
  out.steps.erase(std::unique(out.steps.begin(), out.steps.end()), out.steps.end());
  find_gaps(out, interval);
  const std::string siblings = parent(path);
  out.has_base = false;
  for (auto it = first_below(dirs, siblings); it != end_below(dirs, siblings) && !out.has_base;) {
    if (it->second.role == DirRole::series) {
      const MethodTask split = split_method_task(it->first.substr(siblings.size() + 1));
      const bool holds_steps = first_below(dirs, it->first) != end_below(dirs, it->first);
      out.has_base = holds_steps && split.task == out.task && split.method.rfind("base", 0) == 0;
      it = end_below(dirs, it->first);
    } else {
      ++it;
    }
  }
  return out;
}

Judgement judge_series(const DirTable& dirs, const std::string& path, const SeriesSummary& summary,
                       std::int64_t interval) {
  Judgement out;
  out.verdict = Verdict::ok;
  std::vector<std::string> problems;
  if (summary.missing_count != 0) {
    std::vector<std::string> names;
    for (const std::int64_t step : summary.missing) names.push_back(std::to_string(step));
    problems.push_back(
        fmt::format("{} steps missing of one every {}: {}", summary.missing_count, interval, some_of(names)));
  }
  // Steps that have other layers than most: the number is enough, the steps' own verdicts name them.
  std::map<std::size_t, std::vector<std::string>> by_count;
  for (auto it = first_below(dirs, path); it != end_below(dirs, path); ++it) {
    if (it->second.role != DirRole::step || it->second.deadline != kNoDeadline) continue;
    by_count[count(it->second, FileKind::layer)].push_back(std::to_string(it->second.step));
  }
  if (by_count.size() > 1) {
    const auto usual = std::max_element(by_count.begin(), by_count.end(), [](const auto& a, const auto& b) {
      return a.second.size() < b.second.size();
    });
    for (const auto& [layers, steps] : by_count) {
      if (layers == usual->first) continue;
      problems.push_back(
          fmt::format("{} layers instead of {} at step {}", layers, usual->first, some_of(steps)));
      if (problems.size() == 4) break;
    }
  }
  for (const std::string& problem : problems) out.detail += (out.detail.empty() ? "" : "; ") + problem;
  if (!problems.empty()) out.verdict = Verdict::missing;
  out.lacking = fmt::format("{} {} {} {}", summary.steps.size(), summary.missing_count, summary.regular,
                            summary.has_base);
  return out;
}

std::uint64_t expected_size(const DirTable& dirs, const std::string& path, const DirRecord& dir,
                            const std::string& name) {
  const auto is_whole = [](const FileRecord& file) {
    return file.judgement.told && file.judgement.verdict == Verdict::ok;
  };
  for (const auto& [other, file] : dir.files) {
    if (file.kind == FileKind::layer && other != name && is_whole(file)) return file.size;
  }
  std::uint64_t size = 0;
  int looked = 0;
  for_sibling_steps(dirs, path, [&](const std::string&, const DirRecord& sibling) {
    const auto it = sibling.files.find(name);
    if (it != sibling.files.end() && is_whole(it->second)) size = it->second.size;
    return size == 0 && ++looked < 16;
  });
  return size;
}

void find_gaps(SeriesSummary& series, std::int64_t interval) {
  constexpr std::size_t kMaxNamed = 1000;
  if (interval <= 0) return;
  std::int64_t previous = -1;
  for (std::size_t i = 0; i < series.steps.size(); ++i) {
    const std::int64_t step = series.steps[i];
    if (step % interval != 0) {
      const bool last = i + 1 == series.steps.size();  // training rarely ends on a multiple
      if (!last) series.regular = false;
      if (!last || previous < 0) continue;
    }
    const std::int64_t whole = step % interval == 0 ? step / interval : step / interval + 1;
    if (previous >= 0 && whole > previous + 1) {
      series.missing_count += static_cast<std::uint64_t>(whole - previous - 1);
      for (std::int64_t k = previous + 1; k < whole && series.missing.size() < kMaxNamed; ++k) {
        series.missing.push_back(k * interval);
      }
    }
    previous = whole;
  }
  if (series.missing_count != 0) series.regular = false;
}

}  // namespace redflag::daemon
