// A run's fields. `history` and `sampledHistory` have the service's traps on purpose: more rows than asked
// for means a random sample, `maxStep` is exclusive in one and inclusive in the other, and several keys in
// one spec drop the rows that lack any.
#include <algorithm>
#include <cstdint>
#include <limits>

#include <openssl/evp.h>

#include "daemon/simulator/wandb_schema.h"

namespace redflag::daemon::wandb_schema {
namespace {

using graphql::record;
using graphql::Value;
using nlohmann::json;
using Row = SimulatedRun::Row;

constexpr std::int64_t kMaxStep = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMaxSamples = 100000;

std::string one_line(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

json text_or_null(const std::string& text) {
  return text.empty() ? json(nullptr) : json(text);
}

/// `samples` of the rows, at random but the same each time, in their order. All of them when there are no
/// more.
template <typename T>
std::vector<T> sample(std::vector<T> rows, std::int64_t samples) {
  const auto wanted = static_cast<std::size_t>(std::clamp<std::int64_t>(samples, 0, kMaxSamples));
  if (rows.size() <= wanted) return rows;
  std::uint64_t state = rows.size() * 0x9E3779B97F4A7C15U + 1;
  std::vector<T> out;
  for (std::size_t i = 0; i < rows.size() && out.size() < wanted; ++i) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    if (state % (rows.size() - i) < wanted - out.size()) out.push_back(std::move(rows[i]));
  }
  return out;
}

std::string md5_base64(const std::string& content) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (EVP_Digest(content.data(), content.size(), digest, &size, EVP_md5(), nullptr) != 1) return {};
  return base64({reinterpret_cast<const char*>(digest), size});
}

class RunObject : public TableObject<RunObject> {
 public:
  static constexpr std::string_view kType = "Run";
  RunObject(Context& context, const SimulatedRun& run) : context_(context), run_(run) {}

  static const std::vector<Entry>& table() {
    static const std::vector<Entry> entries = {
        {{"id", {}}, &RunObject::id},
        {{"name", {}}, &RunObject::name},
        {{"displayName", {}}, &RunObject::display_name},
        {{"state", {}}, &RunObject::state},
        {{"createdAt", {}}, &RunObject::created_at},
        {{"heartbeatAt", {}}, &RunObject::heartbeat_at},
        {{"updatedAt", {}}, &RunObject::heartbeat_at},
        {{"tags", {}}, &RunObject::tags},
        {{"group", {}}, &RunObject::group},
        {{"jobType", {}}, &RunObject::job_type},
        {{"notes", {}}, &RunObject::notes},
        {{"description", {}}, &RunObject::nothing},
        {{"sweepName", {}}, &RunObject::sweep},
        {{"commit", {}}, &RunObject::commit},
        {{"readOnly", {}}, &RunObject::no},
        {{"stopped", {}}, &RunObject::no},
        {{"projectId", {}}, &RunObject::project_id},
        {{"user", {}}, &RunObject::user},
        {{"config", {}}, &RunObject::config},
        {{"summaryMetrics", {}}, &RunObject::summary_metrics},
        {{"systemMetrics", {}}, &RunObject::system_metrics},
        {{"historyLineCount", {}}, &RunObject::history_line_count},
        {{"eventsLineCount", {}}, &RunObject::events_line_count},
        {{"logLineCount", {}}, &RunObject::log_line_count},
        {{"historyKeys", {}}, &RunObject::history_keys},
        {{"history", {"minStep", "maxStep", "samples"}}, &RunObject::history},
        {{"sampledHistory", {"specs"}}, &RunObject::sampled_history},
        {{"events", {"samples"}}, &RunObject::events},
        {{"logLines", {"first", "last", "after"}}, &RunObject::log_lines},
        {{"fileCount", {}}, &RunObject::file_count},
        {{"files", {"names", "after", "first", "pattern"}}, &RunObject::files},
    };
    return entries;
  }

 private:
  Time now() const { return context_.now; }
  const RunScript& info() const { return run_.info(); }

  Result<Value> id(const json&) const {
    return json(global_id("Run:v1:" + run_.id() + ":" + run_.project() + ":" + run_.entity()));
  }
  Result<Value> name(const json&) const { return json(run_.id()); }
  Result<Value> display_name(const json&) const { return json(info().name); }
  Result<Value> state(const json&) const { return json(run_.state(now())); }
  Result<Value> created_at(const json&) const { return json(to_rfc3339(info().created)); }
  Result<Value> heartbeat_at(const json&) const { return json(to_rfc3339(run_.heartbeat(now()))); }
  Result<Value> tags(const json&) const { return json(info().tags); }
  Result<Value> group(const json&) const { return text_or_null(info().group); }
  Result<Value> job_type(const json&) const { return text_or_null(info().job_type); }
  Result<Value> notes(const json&) const { return text_or_null(info().notes); }
  Result<Value> nothing(const json&) const { return json(nullptr); }
  Result<Value> sweep(const json&) const { return text_or_null(info().sweep); }
  Result<Value> commit(const json&) const { return text_or_null(info().commit); }
  Result<Value> no(const json&) const { return json(false); }
  Result<Value> project_id(const json&) const { return json(base64("ProjectInternalId:" + run_.project())); }
  Result<Value> user(const json&) const {
    return record("User", {{"id", json(base64("User:" + info().user))},
                           {"name", json(info().user)},
                           {"username", json(info().user)}});
  }

  Result<Value> config(const json&) const {
    json wrapped = json::object();
    for (const auto& [key, value] : info().config.items())
      wrapped[key] = {{"desc", nullptr}, {"value", value}};
    return json(one_line(presentable(std::move(wrapped))));
  }
  Result<Value> summary_metrics(const json&) const { return json(one_line(run_.summary(now()))); }
  Result<Value> system_metrics(const json&) const { return json(one_line(run_.system_metrics(now()))); }
  Result<Value> history_line_count(const json&) const { return json(run_.row_count(now())); }
  Result<Value> events_line_count(const json&) const { return json(run_.event_count(now())); }
  Result<Value> log_line_count(const json&) const { return json(run_.log_count(now())); }

  Result<Value> history_keys(const json&) const {
    json keys = json::object();
    for (const auto& [key, seen] : run_.keys(now())) {
      keys[key] = {{"typeCounts", json::array({{{"type", seen.type}, {"count", seen.count}}})},
                   {"monotonic", false},
                   {"previousValue", seen.last}};
    }
    return json{{"sets", json::array()}, {"keys", std::move(keys)}, {"lastStep", run_.last_step(now())}};
  }

  /// Notes that the history was read; an Error when this request is to fail on it.
  Result<void> open_history() const {
    context_.touched.push_back(run_.id());
    const auto& broken = context_.history_fails_for;
    if (!broken || (!broken->empty() && *broken != run_.id())) return {};
    context_.history_failed = true;
    return fail(ErrorCode::unavailable, "reading history", "internal error: context deadline exceeded");
  }

  Result<Value> history(const json& arguments) const {
    if (auto open = open_history(); !open) return tl::unexpected<Error>(open.error());
    auto rows = sample(run_.rows(now(), number_argument(arguments, "minStep", 0),
                                 number_argument(arguments, "maxStep", kMaxStep)),
                       number_argument(arguments, "samples", 500));
    std::vector<Value> out;
    out.reserve(rows.size());
    for (const Row* row : rows) out.emplace_back(json(row->text));
    return out;
  }

  Result<Value> sampled_history(const json& arguments) const {
    if (auto open = open_history(); !open) return tl::unexpected<Error>(open.error());
    const auto specs = arguments.find("specs");
    if (specs == arguments.end())
      return fail(ErrorCode::invalid_input, "reading history", "specs are required");
    std::vector<Value> out;
    for (const json& text : specs->is_array() ? *specs : json::array({*specs})) {
      auto rows = sampled_rows(text);
      if (!rows) return tl::unexpected<Error>(rows.error());
      out.emplace_back(std::move(*rows));
    }
    return out;
  }

  Result<json> sampled_rows(const json& text) const {
    const json spec =
        text.is_string() ? json::parse(text.get_ref<const std::string&>(), nullptr, false) : text;
    if (!spec.is_object())
      return fail(ErrorCode::invalid_input, "reading history", "invalid spec: this is not a JSON object");
    const auto keys = spec.find("keys");
    const std::int64_t last = number_argument(spec, "maxStep", kMaxStep);
    std::vector<json> rows;
    for (const Row* row :
         run_.rows(now(), number_argument(spec, "minStep", 0), last == kMaxStep ? last : last + 1)) {
      if (keys == spec.end() || !keys->is_array()) {
        rows.push_back(row->values);
        continue;
      }
      json chosen = json::object();
      const bool has_all = std::all_of(keys->begin(), keys->end(), [&](const json& key) {
        const auto value =
            key.is_string() ? row->values.find(key.get_ref<const std::string&>()) : row->values.end();
        if (value == row->values.end()) return false;
        chosen[key.get_ref<const std::string&>()] = *value;
        return true;
      });
      if (has_all) rows.push_back(std::move(chosen));
    }
    return json(sample(std::move(rows), number_argument(spec, "samples", 500)));
  }

  Result<Value> events(const json& arguments) const {
    std::vector<const Row*> rows;
    for (std::size_t i = 0; i < run_.event_count(now()); ++i) rows.push_back(&run_.all_events()[i]);
    std::vector<Value> out;
    for (const Row* row : sample(std::move(rows), number_argument(arguments, "samples", 500))) {
      out.emplace_back(json(row->text));
    }
    return out;
  }

  Result<Value> log_lines(const json& arguments) const {
    const auto count = static_cast<std::int64_t>(run_.log_count(now()));
    const std::string after = text_argument(arguments, "after");
    std::int64_t from = 0;
    std::int64_t to = count;
    if (arguments.contains("last")) {
      from =
          std::max<std::int64_t>(0, count - std::max<std::int64_t>(0, number_argument(arguments, "last", 0)));
    } else {
      while (!after.empty() && from < count && base64(std::to_string(from)) != after) ++from;
      if (!after.empty()) ++from;
      to = std::min(count,
                    from + std::clamp<std::int64_t>(number_argument(arguments, "first", 1000), 0, 100000));
    }
    std::vector<std::pair<Value, std::string>> nodes;
    for (std::int64_t i = from; i < to; ++i) {
      const auto& line = run_.all_log()[static_cast<std::size_t>(i)];
      nodes.emplace_back(record("LogLine", {{"id", json(base64("line:" + std::to_string(i)))},
                                            {"number", json(i)},
                                            {"timestamp", json(to_rfc3339(line.at))},
                                            {"level", json(line.level)},
                                            {"label", json("")},
                                            {"line", json(line.text)}}),
                         base64(std::to_string(i)));
    }
    return connection("LogLine", std::move(nodes), to < count);
  }

  Result<Value> file_count(const json&) const { return json(run_.files(now()).size()); }

  /// `pattern` is SQL's LIKE in the service; only its "%" is understood here.
  static bool like(std::string_view text, std::string_view pattern) {
    const std::size_t percent = pattern.find('%');
    if (percent == std::string_view::npos) return text == pattern;
    const std::string_view head = pattern.substr(0, percent);
    const std::string_view tail = pattern.substr(pattern.rfind('%') + 1);
    return text.size() >= head.size() + tail.size() && text.substr(0, head.size()) == head &&
           text.substr(text.size() - tail.size()) == tail;
  }

  Result<Value> files(const json& arguments) const {
    const auto names = arguments.find("names");
    const bool by_name = names != arguments.end() && names->is_array() && !names->empty();
    const std::string pattern = text_argument(arguments, "pattern");
    const std::string after = text_argument(arguments, "after");
    const std::int64_t first = std::clamp<std::int64_t>(number_argument(arguments, "first", 50), 0, 1000);
    std::vector<std::pair<Value, std::string>> nodes;
    bool started = after.empty();
    bool more = false;
    for (const auto* file : run_.files(now())) {
      if (by_name && std::find(names->begin(), names->end(), file->name) == names->end()) continue;
      if (!pattern.empty() && !like(file->name, pattern)) continue;
      const std::string cursor = base64(file->name);
      if (started && static_cast<std::int64_t>(nodes.size()) == first) more = true;
      if (started && !more) nodes.emplace_back(file_record(*file), cursor);
      if (cursor == after) started = true;
    }
    return connection("File", std::move(nodes), more);
  }

  Value file_record(const SimulatedRun::File& file) const {
    const std::string url = context_.public_url + "/files/" + run_.entity() + "/" + run_.project() + "/" +
                            run_.id() + "/" + file.name;
    const auto dot = file.name.rfind('.');
    const std::string extension = dot == std::string::npos ? "" : file.name.substr(dot);
    return record("File", {{"id", json(base64("File:" + file.name))},
                           {"name", json(file.name)},
                           {"url", json(url)},
                           {"directUrl", json(url)},
                           {"sizeBytes", json(file.content.size())},
                           {"mimetype", json(extension == ".json" ? "application/json" : "text/plain")},
                           {"updatedAt", json(to_rfc3339(file.updated))},
                           {"md5", json(md5_base64(file.content))}});
  }

  Context& context_;
  const SimulatedRun& run_;
};

}  // namespace

graphql::ObjectPtr run_object(Context& context, const SimulatedRun& run) {
  return std::make_shared<RunObject>(context, run);
}

}  // namespace redflag::daemon::wandb_schema
