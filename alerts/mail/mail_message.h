// An announcement as a mail: plain text, ASCII on the wire whatever names are in it (RFC 5322, RFC 2045, RFC
// 2047), and what sendmail's exit codes mean.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "alerts/alert.h"
#include "alerts/outbox/verdict.h"

namespace redflag::alerts {

struct MailOptions {
  std::vector<std::string> to;  ///< addresses as is_mail_address() takes them
  std::string from;             ///< empty: sendmail's own choice
};

/// Header and body for `sendmail -t`, lines ended by "\n", at most 76 characters each but for addresses;
/// Message-ID and Date are not in it (mail_stamp). Mails of one run carry one reference, so that mail
/// programs show them as a thread. Empty for a group without parts.
std::string mail_message(const NotificationGroup& group, const MailOptions& options);

/// The two headers that depend on the message: a mail that is sent twice has one Message-ID, by which mail
/// servers recognise it.
std::string mail_stamp(std::string_view message_id, Time created);

/// One address of printable ASCII without spaces, brackets, quotes, commas or semicolons
/// ("alice@example.org", or "alice" for a user of this machine), which cannot pass for an option.
bool is_mail_address(std::string_view text);

/// How sendmail ended, as a SinkAnswer: `status` = kExitStatus + exit code, `body` = its last words.
inline constexpr int kExitStatus = 1000;

/// 0 is sent; 75 (try later) and other passing trouble is worth a retry; an unknown user or host, refused
/// data, a wrong configuration and a missing program are permanent (sysexits.h).
Verdict classify_sendmail_answer(const SinkAnswer& answer);

}  // namespace redflag::alerts
