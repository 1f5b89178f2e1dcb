#include "daemon/api/target.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "daemon/config/suggest.h"

namespace redflag::daemon::api {
namespace {

constexpr std::size_t kMaxParts = 256;
constexpr std::string_view kDoing = "reading the request";

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> decoded(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[at] != '%') {
      out += text[at];
    } else {
      if (at + 2 >= text.size()) return std::nullopt;
      const int high = hex_digit(text[at + 1]);
      const int low = hex_digit(text[at + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      at += 2;
    }
  }
  return out;
}

tl::unexpected<Error> wrong(std::string what, std::string advice = {}) {
  return fail(ErrorCode::invalid_input, std::string(kDoing), std::move(what), std::move(advice));
}

/// Takes the text up to `end` off `rest`, and the `end` with it.
std::string_view next_part(std::string_view& rest, char end) {
  const std::string_view part = rest.substr(0, rest.find(end));
  rest.remove_prefix(std::min(part.size() + 1, rest.size()));
  return part;
}

bool is_among(std::string_view name, const std::vector<std::string_view>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::string Target::path_text() const {
  std::string text;
  for (const std::string& part : path) text += '/' + part;
  return text.empty() ? "/" : text;
}

Result<Target> parse_target(std::string_view target) {
  Target result;
  target = target.substr(0, target.find('#'));
  if (!target.starts_with('/')) return wrong("its path does not begin with a slash");
  const std::size_t mark = target.find('?');
  std::string_view path = target.substr(1, mark == std::string_view::npos ? mark : mark - 1);
  std::string_view query = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
  while (!path.empty()) {  // a slash at the end says nothing: "/v1/alerts/"
    const auto part = decoded(next_part(path, '/'), false);
    if (!part) return wrong("a percent escape in the path is broken", "write % as %25");
    result.path.push_back(*part);
    if (result.path.size() > kMaxParts) return wrong("the path has too many parts");
  }
  while (!query.empty()) {
    std::string_view one = next_part(query, '&');
    if (one.empty()) continue;
    const auto name = decoded(next_part(one, '='), true);
    const auto value = decoded(one, true);
    if (!name || !value) return wrong("a percent escape in the query is broken", "write % as %25");
    result.query.emplace_back(*name, *value);
    if (result.query.size() > kMaxParts) return wrong("the query has too many parts");
  }
  return result;
}

Result<Query> Query::of(const Target& target, std::vector<std::string_view> known,
                        std::vector<std::string_view> repeated) {
  known.insert(known.end(), repeated.begin(), repeated.end());
  Query query;
  for (const auto& [name, value] : target.query) {
    if (!is_among(name, known)) {
      const std::string_view meant = settings::nearest(name, known);
      return wrong(fmt::format("there is no query \"{}\" here", name.substr(0, 80)),
                   !meant.empty()  ? fmt::format("did you mean \"{}\"?", meant)
                   : known.empty() ? "it takes none"
                                   : fmt::format("it takes {}", settings::one_of(known)));
    }
    if (!is_among(name, repeated) && query.text(name))
      return wrong(fmt::format("\"{}\" is there twice", name));
    query.values_.emplace_back(name, value);
  }
  return query;
}

std::optional<std::string> Query::text(std::string_view name) const {
  for (const auto& [key, value] : values_) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::vector<std::string> Query::all(std::string_view name) const {
  std::vector<std::string> found;
  for (const auto& [key, value] : values_) {
    if (key == name) found.push_back(value);
  }
  return found;
}

Result<bool> Query::flag(std::string_view name) const {
  const std::optional<std::string> value = text(name);
  if (!value || *value == "0" || *value == "false") return false;
  if (value->empty() || *value == "1" || *value == "true") return true;
  return wrong(fmt::format("{} is \"{}\"", name, value->substr(0, 80)), "write 1 or 0");
}

Result<std::size_t> Query::count(std::string_view name, std::size_t fallback, std::size_t most) const {
  const std::optional<std::string> value = text(name);
  if (!value) return fallback;
  std::size_t number = 0;
  const char* const end = value->data() + value->size();
  const auto [stopped, error] = std::from_chars(value->data(), end, number);
  if (error != std::errc() || stopped != end || number < 1 || number > most) {
    return wrong(fmt::format("{} is \"{}\"", name, value->substr(0, 80)),
                 fmt::format("it is a whole number from 1 to {}", most));
  }
  return number;
}

}  // namespace redflag::daemon::api
