#include "alerts/slack/slack_text.h"

#include <array>
#include <iterator>

#include <fmt/format.h>

#include "alerts/text/utf8.h"

namespace redflag::alerts {
namespace {

constexpr std::size_t kMaxUrlBytes = 1000;

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      default:
        out += c;
    }
  }
}

/// Escapes valid text character by character for as long as it fits.
std::string escape_within(std::string_view text, std::size_t max_units) {
  std::string whole;
  append_escaped(whole, text);
  if (utf16_units(whole) <= max_units) return whole;
  if (max_units == 0) return {};
  std::string out;
  std::size_t units = 1;  // the ellipsis
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t bytes = cluster_bytes(text, at);
    std::string piece;
    append_escaped(piece, text.substr(at, bytes));
    units += utf16_units(piece);
    if (units > max_units) break;
    out += piece;
    at += bytes;
  }
  return out + "…";
}

bool is_word(char32_t code) {
  return (code >= '0' && code <= '9') || (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z');
}

std::string_view look_alike(char32_t code) {
  switch (code) {
    case '*':
      return "∗";
    case '_':
      return "ˍ";
    case '~':
      return "∼";
    case '`':
      return "ˋ";
    default:
      return {};
  }
}

bool mentions_everyone(std::string_view rest) {
  for (const std::string_view name : {"@channel", "@here", "@everyone"}) {
    if (rest.starts_with(name)) return true;
  }
  return false;
}

std::string neutralised(std::string_view text) {
  std::string out;
  bool after_word = false;
  for (std::size_t at = 0; at < text.size();) {
    const Decoded here = decode_at(text, at);
    const std::size_t end = at + here.bytes;
    const bool before_word = end < text.size() && is_word(decode_at(text, end).code);
    const std::string_view harmless = look_alike(here.code);
    // A backtick formats even inside a word.
    if (!harmless.empty() && (here.code == '`' || !after_word || !before_word)) {
      out += harmless;
    } else if (here.code == '@' && mentions_everyone(text.substr(at))) {
      out += "＠";
    } else {
      out += text.substr(at, here.bytes);
    }
    after_word = is_word(here.code);
    at = end;
  }
  return out;
}

bool is_linkable(std::string_view url) {
  if (!url.starts_with("https://") && !url.starts_with("http://")) return false;
  return url.size() <= kMaxUrlBytes && clean(url, url.size() + 1) == url;
}

}  // namespace

std::string slack_plain(std::string_view raw, std::size_t max_units, Lines lines) {
  return escape_within(clean(raw, max_units + 1, lines), max_units);
}

std::string slack_mrkdwn(std::string_view raw, std::size_t max_units, Lines lines) {
  return escape_within(neutralised(clean(raw, max_units + 1, lines)), max_units);
}

std::string slack_link(std::string_view url, std::string_view label, std::size_t max_label_units) {
  std::string shown = slack_mrkdwn(label, max_label_units);
  if (!is_linkable(url)) return shown;
  // "|" would end the URL; one look-alike bar in the label costs nothing.
  for (std::size_t at = shown.find('|'); at != std::string::npos; at = shown.find('|', at))
    shown.replace(at, 1, "∣");
  std::string target;
  for (const char c : url) {
    constexpr std::string_view kEncoded = " \"'<>|\\^`{}";
    if (kEncoded.find(c) != std::string_view::npos) {
      fmt::format_to(std::back_inserter(target), "%{:02X}",
                     static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      append_escaped(target, std::string_view(&c, 1));
    }
  }
  return fmt::format("<{}|{}>", target, shown.empty() ? "run" : shown);
}

std::string slack_date(Time time) {
  if (time == Time{}) return "unknown";
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  std::string fallback = to_rfc3339(seconds);
  fallback[10] = ' ';
  fallback.replace(fallback.size() - 1, 1, " UTC");
  return fmt::format("<!date^{}^{{date_short_pretty}} {{time_secs}}|{}>", seconds.time_since_epoch().count(),
                     fallback);
}

}  // namespace redflag::alerts
