#include "alerts/mail/mail_message.h"

#include <algorithm>
#include <array>
#include <ctime>

#include <fmt/format.h>

#include "alerts/group.h"
#include "alerts/outbox/http_answer.h"
#include "alerts/sparkline.h"
#include "alerts/text/clean.h"
#include "alerts/text/utf8.h"
#include "alerts/text/words.h"

namespace redflag::alerts {
namespace {

constexpr std::size_t kMaxShown = 50;  ///< alerts with a paragraph of their own
constexpr std::size_t kLine = 76;

bool plain_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto byte = [&](std::size_t k) {
      return k < bytes.size() ? static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[k])) : 0U;
    };
    const std::uint32_t group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    for (std::size_t k = 0; k < 4; ++k)
      out += i + k <= bytes.size() ? kDigits[group >> (18 - 6 * k) & 63U] : '=';
  }
  return out;
}

/// "Subject: …", folded; words that are not ASCII as RFC 2047 has it, no character torn apart. `text` is
/// clean.
std::string subject_header(const std::string& text) {
  constexpr std::size_t kWordBytes = 39;  // 52 in base64, with "=?UTF-8?B?" and "?=" 64 characters
  if (plain_ascii(text) && text.size() <= 60 && text.find("=?") == std::string::npos)
    return "Subject: " + text + '\n';
  std::string out = "Subject:";
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size()) {
      const std::size_t next = end + decode_at(text, end).bytes;
      if (next - at > kWordBytes) break;
      end = next;
    }
    out += fmt::format("{} =?UTF-8?B?{}?=", at == 0 ? "" : "\n",
                       base64(std::string_view(text).substr(at, end - at)));
    at = end;
  }
  return out + '\n';
}

/// RFC 2045, lines of at most 76 characters. A line "From …" is encoded, too: some mailers change it.
std::string quoted_printable(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    std::size_t column = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const char c = line[i];
      const bool last = i + 1 == line.size();
      const bool special = c == '=' || c < 0x20 || c > 0x7e || (c == ' ' && last) || (i == 0 && c == '.') ||
                           (i == 0 && line.starts_with("From "));
      const std::string piece =
          special ? fmt::format("={:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)))
                  : std::string(1, c);
      if (column + piece.size() > kLine - 1) {
        out += "=\n";
        column = 0;
      }
      out += piece;
      column += piece.size();
    }
    out += '\n';
    at = end + 1;
  }
  return out;
}

std::string subject_of(const std::vector<const Notification*>& parts) {
  const Notification& first = *parts.front();
  const std::string where = clean(common_place(parts), 80);
  const std::string lead = where.empty() ? std::string() : " " + where;
  if (parts.size() == 1)
    return clean(fmt::format("{}{}: {}", status_words(first), lead, what_words(first)), 200);
  const GroupCounts counts = count_parts(parts);
  const std::string status = counts.firing() == 0 ? "RESOLVED" : std::string(severity_word(first.severity));
  return clean(fmt::format("{}{}: {}", status, lead, counts_words(counts)), 200);
}

void line(std::string& out, std::string_view label, std::string_view raw) {
  const std::string text = clean(raw, 1500, Lines::keep);
  if (!text.empty()) out += fmt::format("{}{}\n", label, text);
}

std::string paragraph(const Notification& n, bool says_where) {
  std::string out;
  if (!about_alert(n)) {
    line(out, n.kind == NotificationKind::digest ? "" : fmt::format("{}: ", severity_word(n.severity)),
         n.title);
    out += '\n' + clean(n.text, 20000, Lines::keep) + '\n';
    line(out, "", n.remark);
    return out;
  }
  const Transition& t = n.transitions.front();
  const bool resolved = n.kind == NotificationKind::resolved;
  line(out, status_words(n) + ": ", rule_words(t.rule));
  if (says_where) line(out, "  ", place(t, &n.run));
  if (t.subject.kind != SubjectKind::run && place(t, &n.run) != t.subject.key)
    line(out, fmt::format("  {} ", to_string(t.subject.kind)), t.subject.key);
  line(out, "  ", what_words(n));
  if (resolved) line(out, "  lasted ", lasted_words(t));
  if (!resolved && t.since != Time{})
    line(out, "  since ",
         to_rfc3339(t.since) + (t.since_step >= 0 ? fmt::format(" (step {})", t.since_step) : ""));
  line(out, "  ", n.remark);
  if (!resolved) {
    line(out, "  What to try: ", t.hint);
    for (const Evidence& evidence : t.evidence) {
      if (evidence.recent.empty()) continue;
      line(out, "  ",
           fmt::format("{} {} {}", clean(evidence.metric, 80), sparkline(evidence.recent),
                       number_words(evidence.value)));
      break;
    }
  }
  line(out, "  ", fmt::format("alert {}, rule {}", t.id, t.rule));
  return out;
}

std::string body_of(const std::vector<const Notification*>& parts) {
  std::string out;
  const std::string where = common_place(parts);
  const RunContext& run = parts.front()->run;
  line(out, "", where);
  if (!where.empty()) {
    line(out, "", run.url);
    std::string facts;
    for (const std::string& fact : {run.task, run.method, run.seed.empty() ? "" : "seed " + run.seed})
      facts += facts.empty() || fact.empty() ? fact : ", " + fact;
    line(out, "", facts);
    out += '\n';
  }
  for (std::size_t i = 0; i < std::min(parts.size(), kMaxShown); ++i)
    out += paragraph(*parts[i], where.empty()) + '\n';
  if (parts.size() > kMaxShown) out += fmt::format("and {} more\n", parts.size() - kMaxShown);
  return out;
}

struct ExitCode {
  int code;
  std::string_view words;
};

// sysexits.h. Those that are left out (69 unavailable, 70, 71, 73, 74, 75 …) may pass.
constexpr std::array<ExitCode, 8> kPermanent{{
    {64, "it does not understand its options -t -oi: check the receiver's sendmail"},
    {65, "it refuses the message"},
    {67, "an addressee is unknown: check the receiver's to"},
    {68, "an addressee's host is unknown: check the receiver's to"},
    {72, "the program is not there: install a mail transport agent (msmtp-mta, postfix), or set sendmail"},
    {76, "the mail server refused it"},
    {77, "it may not send: check its configuration and the service's restrictions"},
    {78, "its configuration is wrong"},
}};

}  // namespace

std::string mail_message(const NotificationGroup& group, const MailOptions& options) {
  const std::vector<const Notification*> parts = present_parts(group);
  if (parts.empty()) return {};
  std::string out;
  if (!options.from.empty()) out += "From: redflag <" + options.from + ">\n";
  out += "To:";
  for (std::size_t i = 0; i < options.to.size(); ++i) out += (i == 0 ? " " : ",\n ") + options.to[i];
  out += '\n' + subject_header(subject_of(parts));
  if (!group.key.empty()) out += fmt::format("References: <{}@redflag.invalid>\n", stable_hash(group.key));
  out +=
      "Auto-Submitted: auto-generated\nMIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n"
      "Content-Transfer-Encoding: quoted-printable\n\n";
  return out + quoted_printable(body_of(parts));
}

std::string mail_stamp(std::string_view message_id, Time created) {
  std::string id;
  for (const char c : message_id.substr(0, 60)) {
    const bool fit = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    id += fit ? c : '.';
  }
  if (id.empty() || id.front() == '.' || id.back() == '.' || id.find("..") != std::string::npos)
    id = stable_hash(message_id);
  const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(created).time_since_epoch().count();
  std::tm fields{};
  ::gmtime_r(&seconds, &fields);
  constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  return fmt::format("Message-ID: <{}@redflag.invalid>\nDate: {}, {:02} {} {} {:02}:{:02}:{:02} +0000\n", id,
                     kDays[static_cast<std::size_t>(fields.tm_wday)], fields.tm_mday,
                     kMonths[static_cast<std::size_t>(fields.tm_mon)], fields.tm_year + 1900, fields.tm_hour,
                     fields.tm_min, fields.tm_sec);
}

bool is_mail_address(std::string_view text) {
  if (text.empty() || text.size() > 254 || text.front() == '-' || text.front() == '.') return false;
  constexpr std::string_view kUnfit = "\"'`(),:;<>[]\\|&$!{}";
  const bool fit = std::all_of(text.begin(), text.end(), [&](char c) {
    return c > ' ' && c < 0x7f && kUnfit.find(c) == std::string_view::npos;
  });
  const std::size_t at = text.find('@');
  if (!fit || at == 0) return false;
  return at == std::string_view::npos ||
         (at + 1 < text.size() && text.find('@', at + 1) == std::string_view::npos);
}

Verdict classify_sendmail_answer(const SinkAnswer& answer) {
  if (std::optional<Verdict> none = no_answer(answer)) return *none;
  const int code = answer.status - kExitStatus;
  if (code == 0) return {Outcome::sent, std::nullopt, false, {}};
  const std::string said = clean(answer.body, 160);
  std::string words =
      fmt::format("sendmail ended with exit code {}{}", code, said.empty() ? "" : ": " + said);
  const auto found = std::find_if(kPermanent.begin(), kPermanent.end(),
                                  [code](const ExitCode& one) { return one.code == code; });
  if (found == kPermanent.end()) return {Outcome::retry, std::nullopt, false, std::move(words)};
  return {Outcome::permanent, std::nullopt, false, fmt::format("{} ({})", words, found->words)};
}

}  // namespace redflag::alerts
