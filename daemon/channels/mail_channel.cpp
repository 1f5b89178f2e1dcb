#include "daemon/channels/mail_channel.h"

#include <utility>

#include "daemon/base/timed.h"
#include "daemon/config/environment.h"

namespace redflag::daemon {

namespace {

constexpr Duration kTimeout = std::chrono::minutes{1};

alerts::SinkAnswer cut_short(std::string why) {
  alerts::SinkAnswer answer;
  answer.transport_error = true;
  answer.transport_text = std::move(why);
  return answer;
}

asio::awaitable<ProcessEnd> hand_over(Process& process, const std::string& mail) {
  // One that ended early reads no more; its exit code says why.
  (void)co_await process.write(mail);
  process.close_input();
  std::string output;
  for (;;) {
    const bool more = co_await process.read(output);
    if (!more) break;
    output.clear();
  }
  co_return co_await process.ended();
}

}  // namespace

MailChannel::MailChannel(std::string name, std::string sendmail, alerts::MailOptions options,
                         ProcessLauncher* launcher, Clock& clock)
    : Channel(std::move(name)),
      sendmail_(std::move(sendmail)),
      options_(std::move(options)),
      launcher_(launcher),
      clock_(clock) {}

std::optional<alerts::OutboxMessage> MailChannel::render(const alerts::NotificationGroup& group) const {
  alerts::OutboxMessage message;
  message.payload = alerts::mail_message(group, options_);
  return message.payload.empty() ? std::nullopt : std::optional(std::move(message));
}

asio::awaitable<alerts::SinkAnswer> MailChannel::deliver(const alerts::OutboxMessage& message,
                                                         const alerts::Receipts&) {
  if (launcher_ == nullptr) co_return cut_short("this daemon starts no programs");
  SpawnOptions options;
  options.program = sendmail_;
  options.arguments = {"-t", "-oi"};
  options.environment = {"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL=C.UTF-8"};
  // Where msmtp and its like find the user's own configuration.
  for (const char* name : {"HOME", "USER", "LOGNAME"}) {
    if (const std::string value = variable(process_environment(), name); !value.empty())
      options.environment.push_back(std::string(name) + '=' + value);
  }
  Result<std::unique_ptr<Process>> process = launcher_->launch(std::move(options));
  if (!process) {
    alerts::SinkAnswer answer = cut_short(process.error().text());
    // As sysexits.h would say it: no such program, no permission.
    const ErrorCode code = process.error().code;
    if (code != ErrorCode::not_found && code != ErrorCode::denied) co_return answer;
    answer.transport_error = false;
    answer.status = alerts::kExitStatus + (code == ErrorCode::not_found ? 72 : 77);
    answer.body = std::move(answer.transport_text);
    co_return answer;
  }
  const std::string mail = alerts::mail_stamp(message.id, message.created) + message.payload;
  const std::optional<ProcessEnd> end = co_await timed(clock_, kTimeout, hand_over(**process, mail));
  if (!end) co_return cut_short("sendmail took longer than " + human_duration(kTimeout));
  if (end->signal != 0) co_return cut_short("sendmail was ended by " + end->text());
  alerts::SinkAnswer answer;
  answer.status = alerts::kExitStatus + end->code;
  answer.body = (*process)->last_words();
  co_return answer;
}

alerts::Verdict MailChannel::judge(const alerts::SinkAnswer& answer, Time) const {
  return alerts::classify_sendmail_answer(answer);
}

}  // namespace redflag::daemon
