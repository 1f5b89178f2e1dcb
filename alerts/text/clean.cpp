#include "alerts/text/clean.h"

#include "alerts/text/utf8.h"
#include "rules/values/utf8.h"

namespace redflag::alerts {
namespace {

bool is_line_break(char32_t code) {
  return code == '\n' || code == '\r' || code == 0x0B || code == 0x0C || code == 0x85 || code == 0x2028 ||
         code == 0x2029;
}

void trim(std::string& text) {
  constexpr std::string_view kSpaces = " \n";
  text.erase(0, text.find_first_not_of(kSpaces));
  text.erase(text.find_last_not_of(kSpaces) + 1);
}

}  // namespace

std::string clean(std::string_view raw, std::size_t max_units, Lines lines) {
  std::string out;
  // One cluster may hide many bytes that are left out, hence the generous bound; it keeps a 100 MB name
  // cheap.
  const std::size_t limit = max_units * 8 + 64;
  bool cut_short = false;
  for (std::size_t at = 0; at < raw.size();) {
    if (at >= limit) {
      cut_short = true;
      break;
    }
    const Decoded next = decode_at(raw, at);
    at += next.bytes;
    if (is_line_break(next.code)) {
      // "\r\n" is one break.
      if (next.code == '\r' && at < raw.size() && raw[at] == '\n') continue;
      out += lines == Lines::keep ? '\n' : ' ';
    } else if (next.code == '\t') {
      out += ' ';
    } else if (is_bidi_control(next.code) || is_invisible(next.code)) {
      continue;
    } else {
      append_utf8(out, is_control(next.code) ? kReplacement : next.code);
    }
  }
  trim(out);
  if (cut_short) out += "…";
  return cut(out, max_units);
}

}  // namespace redflag::alerts
