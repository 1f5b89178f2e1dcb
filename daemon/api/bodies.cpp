#include "daemon/api/bodies.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "alerts/text/escape.h"
#include "daemon/config/suggest.h"
#include "daemon/config/values.h"

namespace redflag::daemon::api {
namespace {

using nlohmann::json;

constexpr std::string_view kDoing = "reading the request's body";
constexpr int kMaxDepth = 4;

tl::unexpected<Error> wrong(std::string what, std::string advice = {}) {
  return fail(ErrorCode::invalid_input, std::string(kDoing), std::move(what), std::move(advice));
}

/// What the library says, without its own number in brackets in front.
std::string json_mistake(std::string_view said) {
  const std::size_t end = said.find("] ");
  said = end == std::string_view::npos ? said : said.substr(end + 2);
  return alerts::escape_terminal(said.substr(0, 300));
}

std::string_view type_words(const json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  if (value.is_string()) return "a text";
  if (value.is_boolean()) return "true or false";
  if (value.is_null()) return "null";
  return "a number";
}

/// The body as an object whose keys are all known, none twice, and not nested without end.
Result<json> object_of(std::string_view body, const std::vector<std::string_view>& known) {
  if (body.size() > kMaxBodyBytes)
    return fail(ErrorCode::too_large, std::string(kDoing), fmt::format("{} bytes are too many", body.size()));
  std::set<std::string, std::less<>> keys;
  std::string twice;
  bool deep = false;
  const auto watch = [&](int depth, json::parse_event_t event, json& value) {
    deep = deep || depth > kMaxDepth;
    if (event == json::parse_event_t::key && depth == 1 && value.is_string() &&
        !keys.insert(value.get<std::string>()).second) {
      twice = value.get<std::string>();
    }
    return !deep;  // what is nested beyond reason is not even kept
  };
  json value;
  try {
    value = json::parse(body, watch);
  } catch (const json::exception& error) {
    return fail(ErrorCode::malformed, std::string(kDoing),
                fmt::format("it is not JSON: {}", json_mistake(error.what())));
  }
  if (deep) return wrong("it is nested too deeply");
  if (!value.is_object()) return wrong(fmt::format("it is {}, not an object", type_words(value)));
  if (!twice.empty()) return wrong(fmt::format("\"{}\" is there twice", twice.substr(0, 80)));
  for (const auto& item : value.items()) {
    if (std::find(known.begin(), known.end(), item.key()) != known.end()) continue;
    const std::string_view meant = settings::nearest(item.key(), known);
    return wrong(fmt::format("there is no key \"{}\" here", item.key().substr(0, 80)),
                 meant.empty() ? fmt::format("keys are {}", settings::one_of(known))
                               : fmt::format("did you mean \"{}\"?", meant));
  }
  return value;
}

/// Empty when it is not there.
Result<std::string> text_of(const json& object, const char* key, std::size_t most) {
  const auto found = object.find(key);
  if (found == object.end()) return std::string();
  if (!found->is_string())
    return wrong(fmt::format("\"{}\" is {}", key, type_words(*found)), "it is to be a text");
  std::string text = alerts::unescape_utf8(found->get_ref<const std::string&>());
  if (text.size() > most)
    return wrong(fmt::format("\"{}\" has {} bytes", key, text.size()), fmt::format("{} are allowed", most));
  return text;
}

Result<std::vector<std::string>> texts_of(const json& object, const char* key, std::size_t most_bytes,
                                          std::size_t most) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array()) {
    return wrong(found == object.end() ? fmt::format("\"{}\" is missing", key)
                                       : fmt::format("\"{}\" is {}", key, type_words(*found)),
                 "it is to be a list of texts");
  }
  if (found->empty()) return wrong(fmt::format("\"{}\" is empty", key), "name at least one");
  if (found->size() > most)
    return wrong(fmt::format("\"{}\" has {} entries", key, found->size()),
                 fmt::format("{} are allowed", most));
  std::vector<std::string> texts;
  for (const json& one : *found) {
    if (!one.is_string())
      return wrong(fmt::format("an entry of \"{}\" is {}", key, type_words(one)), "each is to be a text");
    texts.push_back(alerts::unescape_utf8(one.get_ref<const std::string&>()));
    if (texts.back().empty() || texts.back().size() > most_bytes) {
      return wrong(fmt::format("an entry of \"{}\" has {} bytes", key, texts.back().size()),
                   fmt::format("it is to have 1 to {}", most_bytes));
    }
  }
  return texts;
}

/// Time{} when it is not there.
Result<Time> time_of(const json& object, const char* key) {
  const Result<std::string> text = text_of(object, key, 64);
  if (!text) return tl::unexpected<Error>(text.error());
  if (!object.contains(key)) return Time{};
  const std::optional<Time> time = parse_rfc3339(*text);
  if (!time || *time == Time{}) {
    return wrong(fmt::format("\"{}\" is \"{}\"", key, *text),
                 "write a time like 2026-11-23T18:00:00Z, or with +01:00 in place of Z");
  }
  return *time;
}

Result<Time> end_of(const json& object, Time starts) {
  if (object.contains("ends") == object.contains("duration"))
    return wrong("it has to have either \"ends\" or \"duration\"", "for example \"duration\": \"2h\"");
  if (object.contains("ends")) return time_of(object, "ends");
  const Result<std::string> text = text_of(object, "duration", 64);
  if (!text) return tl::unexpected<Error>(text.error());
  const auto duration = settings::parse_duration(*text);
  if (!duration || *duration <= Duration::zero() || *duration > kMaxSilence) {
    return wrong(fmt::format("\"duration\" is \"{}\"", *text),
                 "write it like 30m, 2h or 1d12h, 3650d at most");
  }
  return starts + *duration;
}

}  // namespace

Result<AckBody> parse_ack(std::string_view body) {
  AckBody ack;
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) return ack;
  const Result<json> object = object_of(body, {"by", "comment"});
  if (!object) return tl::unexpected<Error>(object.error());
  Result<std::string> by = text_of(*object, "by", kMaxNameBytes);
  if (!by) return tl::unexpected<Error>(std::move(by.error()));
  Result<std::string> comment = text_of(*object, "comment", kMaxCommentBytes);
  if (!comment) return tl::unexpected<Error>(std::move(comment.error()));
  return AckBody{std::move(*by), std::move(*comment)};
}

Result<std::vector<alerts::Matcher>> parse_matchers(const std::vector<std::string>& written) {
  if (written.size() > kMaxMatchers)
    return wrong(fmt::format("{} matchers are too many", written.size()),
                 fmt::format("{} are allowed", kMaxMatchers));
  std::vector<alerts::Matcher> matchers;
  for (const std::string& text : written) {
    if (text.size() > kMaxMatcherBytes)
      return wrong(fmt::format("a matcher has {} bytes", text.size()),
                   fmt::format("{} are allowed", kMaxMatcherBytes));
    Result<alerts::Matcher> matcher = alerts::parse_matcher(text);
    if (!matcher) return tl::unexpected<Error>(std::move(matcher.error()));
    matchers.push_back(std::move(*matcher));
  }
  return matchers;
}

Result<alerts::Silence> parse_silence(std::string_view body, Time now, bool preview) {
  const Result<json> object =
      object_of(body, {"matchers", "starts", "ends", "duration", "comment", "author"});
  if (!object) return tl::unexpected<Error>(object.error());
  const auto written = texts_of(*object, "matchers", kMaxMatcherBytes, kMaxMatchers);
  if (!written) return tl::unexpected<Error>(written.error());
  Result<std::vector<alerts::Matcher>> matchers = parse_matchers(*written);
  if (!matchers) return tl::unexpected<Error>(std::move(matchers.error()));
  const Result<Time> starts = time_of(*object, "starts");
  if (!starts) return tl::unexpected<Error>(starts.error());
  alerts::Silence silence;
  silence.matchers = std::move(*matchers);
  silence.starts = *starts == Time{} ? now : *starts;
  const Result<Time> ends = end_of(*object, silence.starts);
  if (!ends) return tl::unexpected<Error>(ends.error());
  silence.ends = *ends;
  if (silence.ends <= silence.starts) return wrong("it ends before it starts");
  if (silence.ends <= now) return wrong(fmt::format("it ended at {}", to_rfc3339(silence.ends)));
  if (silence.ends > now + 2 * kMaxSilence || silence.starts < now - 2 * kMaxSilence)
    return wrong("it lasts too long", "a silence of more than ten years is a rule to be removed");
  Result<std::string> comment = text_of(*object, "comment", kMaxCommentBytes);
  if (!comment) return tl::unexpected<Error>(std::move(comment.error()));
  if (!preview && comment->find_first_not_of(" \t\r\n") == std::string::npos)
    return wrong("\"comment\" is missing", "say why, for those who find the silence later");
  Result<std::string> author = text_of(*object, "author", kMaxNameBytes);
  if (!author) return tl::unexpected<Error>(std::move(author.error()));
  silence.comment = std::move(*comment);
  silence.author = std::move(*author);
  return silence;
}

Result<IdsBody> parse_ids(std::string_view body) {
  const Result<json> object = object_of(body, {"ids", "all"});
  if (!object) return tl::unexpected<Error>(object.error());
  const bool all = object->contains("all");
  if (all == object->contains("ids"))
    return wrong("it has to have either \"ids\" or \"all\"", "{\"ids\": [\"…\"]}, or {\"all\": true}");
  if (all) {
    if ((*object)["all"] != true) return wrong("\"all\" can only be true");
    return IdsBody{};
  }
  Result<std::vector<std::string>> ids = texts_of(*object, "ids", kMaxIdBytes, kMaxIds);
  if (!ids) return tl::unexpected<Error>(std::move(ids.error()));
  return IdsBody{std::move(*ids)};
}

}  // namespace redflag::daemon::api
