#include <sstream>

#include "alerts/mail/mail_message.h"
#include "alerts/text/utf8.h"
#include "builders.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::alerts;
using namespace redflag::alerts::test;

namespace {

const MailOptions kOptions{{"alice@example.org", "root"}, "redflag@example.org"};

NotificationGroup one() {
  return {failed_run().key, {fired()}};
}

std::string header_of(const std::string& mail) {
  return mail.substr(0, mail.find("\n\n") + 1);
}

/// Undoes quoted-printable, by a reader of its own.
std::string body_of(const std::string& mail) {
  const std::string raw = mail.substr(mail.find("\n\n") + 2);
  std::string out;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '=') {
      out += raw[i];
    } else if (raw[i + 1] == '\n') {
      ++i;
    } else {
      out += static_cast<char>(std::stoi(raw.substr(i + 1, 2), nullptr, 16));
      i += 2;
    }
  }
  return out;
}

/// Undoes RFC 2047's base64 words of the subject.
std::string subject_of(const std::string& mail) {
  const std::size_t begin = mail.find("Subject:") + 8;
  std::size_t end = mail.find('\n', begin);
  while (mail[end + 1] == ' ') end = mail.find('\n', end + 1);
  const std::string raw = mail.substr(begin, end - begin);
  if (raw.find("=?UTF-8?B?") == std::string::npos) return raw.substr(1);
  static const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t at = raw.find("=?UTF-8?B?"); at != std::string::npos;
       at = raw.find("=?UTF-8?B?", at + 1)) {
    const std::string coded = raw.substr(at + 10, raw.find("?=", at + 10) - at - 10);
    std::uint32_t bits = 0;
    int have = 0;
    std::string word;
    for (const char c : coded) {
      if (c == '=') break;
      bits = bits << 6 | static_cast<std::uint32_t>(digits.find(c));
      have += 6;
      if (have >= 8) {
        have -= 8;
        word += static_cast<char>(bits >> have & 255U);
      }
    }
    // Every word is whole UTF-8 of its own: no character is torn apart.
    for (std::size_t i = 0; i < word.size(); i += decode_at(word, i).bytes) CHECK(decode_at(word, i).valid);
    out += word;
  }
  return out;
}

SinkAnswer ended(int code, const std::string& words = {}) {
  SinkAnswer answer;
  answer.status = kExitStatus + code;
  answer.body = words;
  return answer;
}

}  // namespace

TEST_CASE("a mail says in its subject what is wrong where, and the rest in its body", "[mail]") {
  const std::string mail = mail_message(one(), kOptions);
  CHECK(mail.starts_with("From: redflag <redflag@example.org>\nTo: alice@example.org,\n root\nSubject:"));
  CHECK(subject_of(mail) == "CRITICAL full_ft_sst2_seed999_failed: train loss 8.45 > 5 at step 700");
  const std::string body = body_of(mail);
  CHECK_THAT(body,
             ContainsSubstring("https://wandb.ai/ent/proj/runs/abc123\nsst2, full_finetune, seed 999\n"));
  CHECK_THAT(body, ContainsSubstring("CRITICAL: loss too high\n  train loss 8.45 > 5 at step 700\n  since "
                                     "2026-11-23T02:56:39Z (step 660)\n"));
  CHECK_THAT(body, ContainsSubstring("What to try: lower the learning rate"));
  CHECK_THAT(body, ContainsSubstring("train_loss ▁▁▃▄▆█ 8.45"));
  CHECK_THAT(body, ContainsSubstring("alert 9f3c0a4be2d17788, rule loss-too-high"));
  CHECK_THAT(header_of(mail), ContainsSubstring("Auto-Submitted: auto-generated"));
  CHECK(mail_message({}, kOptions).empty());
}

TEST_CASE("mails of one run refer to one another, and one that is sent twice has one Message-ID", "[mail]") {
  const auto reference = [](const std::string& mail) { return mail.substr(mail.find("References:"), 50); };
  NotificationGroup later = one();
  later.parts[0].transitions[0].rule = "step-time-up";
  CHECK(reference(mail_message(one(), kOptions)) == reference(mail_message(later, kOptions)));
  CHECK(mail_stamp("9f3c-fired-critical@mail", at(0)) ==
        "Message-ID: <9f3c-fired-critical.mail@redflag.invalid>\nDate: Mon, 23 Nov 2026 02:56:39 +0000\n");
  CHECK_THAT(mail_stamp("a\r\nBcc: x@y\n", at(0)), ContainsSubstring("@redflag.invalid>\nDate: "));
}

TEST_CASE("a group and a notice are one mail each", "[mail]") {
  NotificationGroup group = one();
  group.parts.push_back(fired());
  group.parts[1].transitions[0].id = "2";
  group.parts[1].severity = Severity::warning;
  CHECK(subject_of(mail_message(group, kOptions)) ==
        "CRITICAL full_ft_sst2_seed999_failed: 1 critical, 1 warning");
  Notification notice;
  notice.kind = NotificationKind::notice;
  notice.title = "redflag was down for 3 h";
  notice.text = "Live then: a\n.\nFrom b";
  const std::string mail = mail_message({"", {notice}}, kOptions);
  CHECK(subject_of(mail) == "WARNING: redflag was down for 3 h");
  CHECK_THAT(body_of(mail), ContainsSubstring("Live then: a\n.\nFrom b\n"));
  CHECK(mail.find("\n.\n") == std::string::npos);
  CHECK(mail.find("\nFrom b") == std::string::npos);
}

TEST_CASE("no name adds a header, breaks a line's length or leaves ASCII", "[mail][hostile]") {
  for (const std::string& name : hostile_names()) {
    NotificationGroup group = one();
    Notification& n = group.parts[0];
    Transition& t = n.transitions[0];
    group.key = name;
    n.run.name = n.run.task = n.run.method = n.run.seed = n.run.url = n.remark = name;
    t.rule = t.message = t.hint = t.id = t.reason = name;
    t.subject = {SubjectKind::checkpoint, name};
    const std::string mail = mail_message(group, kOptions);
    INFO(name.substr(0, 60));
    std::istringstream lines(mail);
    for (std::string text; std::getline(lines, text);) {
      CHECK(text.size() <= 76);
      for (const char c : text) CHECK((c >= 0x20 && c < 0x7f));
    }
    std::istringstream headers(header_of(mail));
    for (std::string text; std::getline(headers, text);) {
      const bool known = text.starts_with("From: ") || text.starts_with("To: ") || text.starts_with(" ") ||
                         text.starts_with("Subject:") || text.starts_with("References: ") ||
                         text.starts_with("Auto-Submitted: ") || text.starts_with("MIME-Version: ") ||
                         text.starts_with("Content-T");
      CHECK(known);
    }
    CHECK(!subject_of(mail).empty());
  }
}

TEST_CASE("what is no address is refused", "[mail]") {
  for (const char* good : {"alice@example.org", "a.b+c@x-y.example", "root", "o_1@localhost"})
    CHECK(is_mail_address(good));
  for (const char* bad : {"", "@", "a@", "@b", "a b@c", "a@b@c", "-oQ/tmp", "a@b\nBcc: c", "<a@b>", "a,b@c",
                          "é@b", "|/bin/sh", "a;b@c", "\"a\"@b"})
    CHECK_FALSE(is_mail_address(bad));
}

TEST_CASE("sendmail's exit codes: what may pass and what needs a person", "[mail][sink]") {
  CHECK(classify_sendmail_answer(ended(0)).outcome == Outcome::sent);
  for (const int code : {1, 69, 70, 71, 73, 74, 75, 127})
    CHECK(classify_sendmail_answer(ended(code)).outcome == Outcome::retry);
  for (const int code : {64, 65, 67, 68, 72, 76, 77, 78})
    CHECK(classify_sendmail_answer(ended(code)).outcome == Outcome::permanent);
  CHECK_THAT(classify_sendmail_answer(ended(67, "User unknown\x1b[31m")).reason,
             ContainsSubstring("exit code 67: User unknown"));
  SinkAnswer cut;
  cut.transport_error = true;
  cut.transport_text = "took longer than 1 min";
  CHECK(classify_sendmail_answer(cut).outcome == Outcome::retry);
}
