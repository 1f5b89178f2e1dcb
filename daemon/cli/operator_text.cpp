#include "daemon/cli/operator_text.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "alerts/text/escape.h"
#include "alerts/text/utf8.h"
#include "daemon/cli/daemon_client.h"
#include "daemon/cli/terminal.h"

namespace redflag::daemon {

using nlohmann::json;

namespace {

constexpr std::size_t kNarrow = 60;  // below this, no columns
constexpr std::size_t kIndent = 10;

std::size_t width_of(std::string_view text) {
  return alerts::utf16_units(text);  // emoji count two, as terminals show them
}

/// What of `word` fits into `room` columns, at least one character.
std::string_view first_of(std::string_view word, std::size_t room) {
  std::size_t bytes = 0;
  while (bytes < word.size()) {
    const std::size_t next = std::max<std::size_t>(alerts::cluster_bytes(word, bytes), 1);
    if (bytes > 0 && width_of(word.substr(0, bytes + next)) > room) break;
    bytes += next;
  }
  return word.substr(0, bytes);
}

std::string padded(std::string text, std::size_t width) {
  const std::size_t has = width_of(text);
  if (has < width) text.append(width - has, ' ');
  return text;
}

std::string painted(std::string text, const char* code, const Look& look) {
  return look.color ? fmt::format("\033[{}m{}\033[0m", code, text) : std::move(text);
}

/// A column of escaped text, coloured after it was padded.
struct Cell {
  std::string text;
  std::size_t width;
  const char* color = "";
};

std::string row(const std::vector<Cell>& cells, const Look& look) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const bool last = i + 1 == cells.size();
    std::string text = last ? cells[i].text : padded(cells[i].text, cells[i].width);
    line += *cells[i].color == '\0' ? text : painted(std::move(text), cells[i].color, look);
    if (!last) line += "  ";
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + '\n';
}

std::string heading(std::vector<Cell> cells, const Look& look) {
  for (Cell& cell : cells) cell.color = "2";
  return row(cells, look);
}

std::string indented(std::string_view raw, std::size_t indent, const Look& look) {
  if (raw.empty()) return {};
  return std::string(indent, ' ') + folded(raw, indent, look.width) + '\n';
}

const char* color_of(std::string_view severity) {
  if (severity == "critical") return "1;31";
  return severity == "warning" ? "33" : "36";
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return text;
}

bool flag_in(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

bool acknowledged(const json& alert) {
  const auto found = alert.find("acknowledged");
  return found != alert.end() && found->is_object();
}

std::vector<std::string> texts_in(const json& object, const char* key) {
  std::vector<std::string> texts;
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array()) return texts;
  for (const json& one : *found) {
    if (one.is_string()) texts.push_back(alerts::unescape_utf8(one.get_ref<const std::string&>()));
  }
  return texts;
}

std::string joined(const std::vector<std::string>& texts, std::string_view between_them) {
  std::string all;
  for (const std::string& text : texts)
    all += (all.empty() ? std::string() : std::string(between_them)) + text;
  return all;
}

/// The one word for the column: what a person has to know first.
std::string state_word(const json& alert) {
  const std::string state = text_in(alert, "state");
  if (state != "firing" && state != "pending") return state;
  const std::string muted = text_in(alert, "muted_by");
  if (muted.starts_with("silence")) return "silenced";
  if (muted.starts_with("inhibited")) return "inhibited";
  if (acknowledged(alert)) return "acked";
  if (flag_in(alert, "flapping") || muted == "flapping") return "flapping";
  if (!muted.empty()) return "muted";
  if (time_in(alert, "no_data_since") != Time{}) return "no data";
  return state;
}

/// "acknowledged by alice: on it; no data for 18 min": what the word alone does not tell.
std::string remarks(const json& alert, Time now) {
  std::vector<std::string> all;
  if (acknowledged(alert)) {
    const json& ack = alert["acknowledged"];
    const std::string comment = text_in(ack, "comment");
    all.push_back("acknowledged by " + text_in(ack, "by") + (comment.empty() ? "" : ": " + comment));
  }
  if (const std::string muted = text_in(alert, "muted_by"); !muted.empty())
    all.push_back("muted by " + muted);
  if (const Time since = time_in(alert, "no_data_since"); since != Time{})
    all.push_back("no data for " + between(since, now));
  return joined(all, "; ");
}

/// The message, and at which step unless it says so itself.
std::string what(const json& alert) {
  std::string message = text_in(alert, "message");
  const auto step = alert.find("step");
  if (step == alert.end() || !step->is_number_integer() || message.find("step") != std::string::npos)
    return message;
  return message + (message.empty() ? "at step " : " at step ") + step->dump();
}

std::string where(const json& alert) {
  const std::string run = text_in(alert, "run");
  return run.empty() ? text_in(alert, "subject") : run;
}

/// How long it has held; of one that is over, how long ago it ended.
std::string for_how_long(const json& alert, Time now) {
  if (const Time ended = time_in(alert, "ended_at"); ended != Time{}) return between(ended, now) + " ago";
  const Time since = time_in(alert, "since");
  return between(since == Time{} ? time_in(alert, "fired_at") : since, now);
}

/// The shortest beginnings, eight characters at least, that tell the ids of a list apart.
std::size_t id_width(const json& alerts) {
  std::vector<std::string> ids;
  for (const json& alert : alerts) ids.push_back(text_in(alert, "id"));
  std::sort(ids.begin(), ids.end());
  std::size_t width = 8;
  for (std::size_t i = 1; i < ids.size(); ++i) {
    const auto [a, b] = std::mismatch(ids[i - 1].begin(), ids[i - 1].end(), ids[i].begin(), ids[i].end());
    width = std::max(width, static_cast<std::size_t>(a - ids[i - 1].begin()) + 1);
  }
  return std::min<std::size_t>(width, 16);
}

std::string number_text(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_integer()) return fmt::format("{}", value.get<std::int64_t>());
  return value.is_number() ? fmt::format("{:.6g}", value.get<double>()) : "";
}

}  // namespace

Look Look::of_stdout() {
  const Terminal terminal = Terminal::of(STDOUT_FILENO);
  Look look;
  look.width = std::max<std::size_t>(terminal.width, 20);
  look.color = terminal.color;
  std::string locale;
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') {
      locale = upper(value);
      break;
    }
  }
  look.unicode = locale.find("UTF-8") != std::string::npos || locale.find("UTF8") != std::string::npos;
  return look;
}

std::string folded(std::string_view raw, std::size_t indent, std::size_t width) {
  const std::string escaped = alerts::escape_terminal(raw);
  const std::size_t room = std::max<std::size_t>(width > indent ? width - indent : 0, 10);
  std::string out;
  std::size_t column = 0;
  std::string_view rest = escaped;
  while (!rest.empty()) {
    const std::size_t start = rest.find_first_not_of(' ');
    if (start == std::string_view::npos) break;
    rest.remove_prefix(start);
    std::string_view word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(word.size());
    if (column > 0 && column + 1 + width_of(word) <= room) {
      out += ' ';
      ++column;
    } else if (column > 0) {
      out += '\n' + std::string(indent, ' ');
      column = 0;
    }
    while (width_of(word) > room) {
      const std::string_view part = first_of(word, room);
      word.remove_prefix(part.size());
      out += part;
      if (!word.empty()) out += '\n' + std::string(indent, ' ');
    }
    out += word;
    column += width_of(word);
  }
  return out;
}

std::string between(Time from, Time to) {
  if (from == Time{} || to == Time{}) return "?";
  return human_duration(std::max(to - from, Duration::zero()));
}

std::string alert_name(const json& alert) {
  return fmt::format("{} on {} ({})", alerts::escape_terminal(text_in(alert, "rule")),
                     alerts::escape_terminal(where(alert)), alerts::escape_terminal(text_in(alert, "id")));
}

std::string alerts_text(const json& alerts, Time now, const Look& look) {
  const std::size_t id = id_width(alerts);
  const bool narrow = look.width < kNarrow;
  std::string text;
  if (!narrow) {
    text = heading({{"SEVERITY", 8}, {"STATE", 9}, {"FOR", 14}, {"ID", id}, {"RULE", 0}}, look);
  }
  for (const json& alert : alerts) {
    if (!alert.is_object()) continue;
    const std::string severity = text_in(alert, "severity");
    const std::string rule = alerts::escape_terminal(text_in(alert, "rule"));
    const std::string number = alerts::escape_terminal(text_in(alert, "id").substr(0, id));
    const std::size_t indent = narrow ? 2 : kIndent;
    if (narrow) {
      text += painted(folded(upper(severity) + " " + text_in(alert, "rule"), 2, look.width),
                      color_of(severity), look) +
              '\n';
      text +=
          indented(fmt::format("{} {}, id {}", state_word(alert), for_how_long(alert, now), number), 2, look);
    } else {
      const std::size_t before = 8 + 9 + 14 + id + 4 * 2;
      text += row({{alerts::escape_terminal(upper(severity)), 8, color_of(severity)},
                   {alerts::escape_terminal(state_word(alert)), 9},
                   {for_how_long(alert, now), 14},
                   {number, id},
                   {folded(text_in(alert, "rule"), before, look.width), 0}},
                  look);
    }
    text += indented(alerts::cut(where(alert), 400), indent, look);
    text += indented(alerts::cut(what(alert), 400), indent, look);
    const std::string reason = text_in(alert, "reason");
    if (text_in(alert, "state") != "firing") text += indented(alerts::cut(reason, 400), indent, look);
    text += indented(alerts::cut(remarks(alert, now), 400), indent, look);
  }
  return text;
}

std::string silences_text(const json& silences, Time now, const Look& look) {
  const bool narrow = look.width < kNarrow;
  const std::size_t indent = narrow ? 2 : kIndent;
  std::string text;
  if (!narrow) text = heading({{"STATE", 8}, {"TIME", 22}, {"ID", 8}, {"BY", 0}}, look);
  for (const json& silence : silences) {
    if (!silence.is_object()) continue;
    const std::string state = text_in(silence, "state");
    const Time starts = time_in(silence, "starts");
    const Time ends = time_in(silence, "ends");
    const std::string when = state == "active"    ? between(now, ends) + " left"
                             : state == "pending" ? "in " + between(now, starts)
                                                  : between(ends, now) + " ago";
    const std::string id = text_in(silence, "id").empty() ? "-" : text_in(silence, "id");
    if (narrow) {
      text += folded(fmt::format("{} {}, id {}, by {}", state, when, id, text_in(silence, "author")), 2,
                     look.width) +
              '\n';
    } else {
      text += row({{alerts::escape_terminal(state), 8, state == "active" ? "1" : ""},
                   {when, 22},
                   {alerts::escape_terminal(id), 8},
                   {folded(text_in(silence, "author"), 44, look.width), 0}},
                  look);
    }
    text += indented(joined(texts_in(silence, "matchers"), " "), indent, look);
    text += indented(text_in(silence, "comment"), indent, look);
    if (state == "pending") text += indented("until " + text_in(silence, "ends"), indent, look);
  }
  return text;
}

std::string outbox_text(const json& messages, Time now, const Look& look) {
  std::string text;
  for (const json& message : messages) {
    if (!message.is_object()) continue;
    text += folded(text_in(message, "id"), 2, look.width) + '\n';
    const std::string state = flag_in(message, "in_flight") ? "being sent" : text_in(message, "state");
    std::string words = fmt::format("{}, {} old", state, between(time_in(message, "created"), now));
    const std::string attempts = message.contains("attempts") ? number_text(message["attempts"]) : "";
    if (!attempts.empty() && attempts != "0") words += fmt::format(", tried {}x", attempts);
    if (const Time next = time_in(message, "not_before"); next > now)
      words += ", next in " + between(now, next);
    const std::string error = text_in(message, "last_error");
    text += indented(words + (error.empty() ? "" : ": " + error), 2, look);
  }
  return text;
}

std::string channels_text(const json& channels, Time now, const Look& look) {
  std::string text;
  for (const json& channel : channels) {
    if (!channel.is_object()) continue;
    const Time paused = time_in(channel, "paused_until");
    std::string words = text_in(channel, "channel");
    if (!flag_in(channel, "healthy")) {
      words += " has been down for " + between(time_in(channel, "since"), now);
      if (const std::string error = text_in(channel, "last_error"); !error.empty()) words += ": " + error;
    } else if (paused > now) {
      words += " was asked to wait for " + between(now, paused);
    } else {
      continue;
    }
    text += painted(folded(words, 2, look.width), "33", look) + '\n';
  }
  return text;
}

std::string cut_text(const json& answer, std::string_view list) {
  const auto total = answer.find("total");
  const auto shown = answer.find(list);
  if (!flag_in(answer, "cut") || total == answer.end() || !total->is_number_unsigned() ||
      shown == answer.end())
    return {};
  return fmt::format("… and {} more; --limit shows them\n", total->get<std::size_t>() - shown->size());
}

}  // namespace redflag::daemon
