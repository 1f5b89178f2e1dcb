#include "daemon/page/run_list.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "daemon/overview/overview_json.h"

namespace redflag::daemon::page {
namespace {

constexpr std::size_t kMostRows = 500;

constexpr std::pair<std::string_view, RunSort> kSorts[] = {
    {"name", RunSort::name},           {"state", RunSort::state}, {"step", RunSort::step},
    {"remaining", RunSort::remaining}, {"loss", RunSort::loss},   {"alerts", RunSort::alerts}};
constexpr std::pair<std::string_view, RunKind> kKinds[] = {{"live", RunKind::live},
                                                           {"finished", RunKind::finished},
                                                           {"failed", RunKind::failed},
                                                           {"flagged", RunKind::flagged}};

template <typename T, std::size_t N>
std::optional<T> word_of(const std::pair<std::string_view, T> (&words)[N], std::string_view word) {
  for (const auto& [name, value] : words) {
    if (name == word) return value;
  }
  return std::nullopt;
}

/// ASCII only: what people type into a filter.
std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string haystack(const RunInfo& run) {
  std::string text =
      fmt::format("{}\n{}\n{}\n{}\n{}\n{}", run.name, run.id, run.project, run.group, run.task, run.method);
  if (run.seed) text += fmt::format("\nseed{0}\nseed {0}", *run.seed);
  for (const std::string& tag : run.tags) text += '\n' + tag;
  return lower(text);
}

bool is_of(const RunView& run, RunKind kind) {
  const RunState state = run.info.state;
  switch (kind) {
    case RunKind::all:
      return true;
    case RunKind::live:
      return state == RunState::running;
    case RunKind::finished:
      return state == RunState::finished;
    case RunKind::failed:
      return state == RunState::failed || state == RunState::crashed || state == RunState::killed;
    case RunKind::flagged:
      return !(run.alerts == AlertCounts{});
  }
  return true;
}

/// By what a run is sorted; nullopt: not known.
std::optional<double> figure_of(const RunView& run, RunSort sort) {
  if (sort == RunSort::step) return run.step < 0 ? std::nullopt : std::optional<double>(run.step);
  if (sort == RunSort::loss) {
    if (run.loss.empty() || std::isnan(run.loss.back())) return std::nullopt;
    return run.loss.back();
  }
  if (sort == RunSort::remaining) {
    const std::optional<Duration> left = run.remaining();
    return left ? std::optional<double>(std::chrono::duration<double>(*left).count()) : std::nullopt;
  }
  const auto& counts = run.alerts;
  return static_cast<double>(counts.critical) * 1e12 + static_cast<double>(counts.warning) * 1e6 +
         static_cast<double>(counts.info);
}

void sort_runs(std::vector<const RunView*>& runs, RunSort by, bool descending) {
  if (by == RunSort::none) return;
  if (by == RunSort::name || by == RunSort::state) {
    const auto text = [&](const RunView* run) {
      return by == RunSort::name ? lower(run->info.name) : std::string(to_string(run->info.state));
    };
    std::vector<std::pair<std::string, const RunView*>> keyed;
    for (const RunView* run : runs) keyed.emplace_back(text(run), run);
    std::stable_sort(keyed.begin(), keyed.end(), [&](const auto& a, const auto& b) {
      return descending ? b.first < a.first : a.first < b.first;
    });
    std::transform(keyed.begin(), keyed.end(), runs.begin(), [](const auto& each) { return each.second; });
    return;
  }
  std::vector<std::pair<std::optional<double>, const RunView*>> keyed;
  for (const RunView* run : runs) keyed.emplace_back(figure_of(*run, by), run);
  std::stable_sort(keyed.begin(), keyed.end(), [&](const auto& a, const auto& b) {
    if (!a.first || !b.first) return a.first.has_value() && !b.first.has_value();
    return descending ? *b.first < *a.first : *a.first < *b.first;
  });
  std::transform(keyed.begin(), keyed.end(), runs.begin(), [](const auto& each) { return each.second; });
}

tl::unexpected<Error> unknown_word(std::string_view what, const std::string& word, std::string advice) {
  return fail(ErrorCode::invalid_input, "", fmt::format("there is no {} \"{}\"", what, word.substr(0, 80)),
              std::move(advice));
}

}  // namespace

Result<RunListRequest> parse_run_list(const api::Target& target) {
  const Result<api::Query> query =
      api::Query::of(target, {"text", "state", "sort", "descending", "offset", "limit"});
  if (!query) return tl::unexpected<Error>(query.error());
  RunListRequest request;
  request.text = query->text("text").value_or(std::string()).substr(0, 200);
  if (const auto word = query->text("state"); word && !word->empty()) {
    const auto kind = word_of(kKinds, *word);
    if (!kind) return unknown_word("state", *word, "states are live, finished, failed, flagged");
    request.kind = *kind;
  }
  if (const auto word = query->text("sort"); word && !word->empty()) {
    const auto sort = word_of(kSorts, *word);
    if (!sort) return unknown_word("order", *word, "orders are name, state, step, remaining, loss, alerts");
    request.sort = *sort;
  }
  const Result<bool> descending = query->flag("descending");
  if (!descending) return tl::unexpected<Error>(descending.error());
  const Result<std::size_t> limit = query->count("limit", 50, kMostRows);
  if (!limit) return tl::unexpected<Error>(limit.error());
  request.descending = *descending;
  request.limit = *limit;
  if (const auto offset = query->text("offset"); offset && *offset != "0") {
    const Result<std::size_t> count = query->count("offset", 0, 1'000'000'000);
    if (!count) return tl::unexpected<Error>(count.error());
    request.offset = *count;
  }
  return request;
}

RunList run_list(const std::vector<RunView>& runs, const RunListRequest& request) {
  std::vector<std::string> words;
  const std::string text = lower(request.text);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = text.find_first_not_of(" \t\n", at);
    if (begin == std::string::npos) break;
    at = std::min(text.find_first_of(" \t\n", begin), text.size());
    words.push_back(text.substr(begin, at - begin));
  }
  RunList list;
  for (const RunView& run : runs) {
    if (!is_of(run, request.kind)) continue;
    if (!words.empty()) {
      const std::string all = haystack(run.info);
      if (!std::all_of(words.begin(), words.end(),
                       [&](const std::string& word) { return all.find(word) != std::string::npos; }))
        continue;
    }
    list.runs.push_back(&run);
  }
  list.matching = list.runs.size();
  sort_runs(list.runs, request.sort, request.descending);
  const std::size_t last_page = list.matching == 0 ? 0 : (list.matching - 1) / request.limit * request.limit;
  list.offset = std::min(request.offset, last_page);
  const auto begin = list.runs.begin() + static_cast<std::ptrdiff_t>(list.offset);
  const std::size_t size = std::min(request.limit, list.matching - list.offset);
  list.runs = {begin, begin + static_cast<std::ptrdiff_t>(size)};
  return list;
}

std::string run_list_json(const RunList& list, std::size_t total) {
  nlohmann::ordered_json json{{"total", total}, {"matching", list.matching}, {"offset", list.offset}};
  auto& runs = json["runs"] = nlohmann::ordered_json::array();
  for (const RunView* run : list.runs) {
    nlohmann::ordered_json one = json_of(*run);
    one.erase("latest");
    runs.push_back(std::move(one));
  }
  return dump_json(json);
}

}  // namespace redflag::daemon::page
