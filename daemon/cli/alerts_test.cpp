#include "daemon/cli/alerts_test.h"

#include <algorithm>
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "daemon/app/arguments.h"
#include "daemon/app/settings.h"
#include "daemon/base/system_clock.h"
#include "daemon/base/system_process.h"
#include "daemon/config/config_loader.h"
#include "daemon/config/mask.h"
#include "daemon/config/suggest.h"
#include "daemon/net/http_client.h"

namespace redflag::daemon {
namespace {

struct NoReceipts : alerts::Receipts {
  std::optional<std::string> find(const std::string&) const override { return std::nullopt; }
};

struct Tried {
  alerts::Verdict verdict;
  alerts::SinkAnswer answer;
  bool plain = false;  ///< only the plain form was taken
  Duration took{};
};

std::string host_name() {
  std::string name(256, '\0');
  if (::gethostname(name.data(), name.size() - 1) != 0) return "this machine";
  name.resize(name.find('\0'));
  return name;
}

alerts::NotificationGroup test_message(const ReceiverConfig& receiver, Time now) {
  alerts::Notification n;
  n.severity = Severity::info;
  n.time = now;
  n.title = fmt::format("redflag test message: receiver {} works", receiver.name);
  n.text = fmt::format("Sent by `redflag alerts test` on {}. Nothing is wrong, and nothing needs to be done.",
                       host_name());
  n.kind = alerts::NotificationKind::notice;
  if (receiver.type != ReceiverType::alertmanager) return {"", {n}};
  // Alertmanager knows alerts only; this one ends by itself when it is not told of again.
  n.kind = alerts::NotificationKind::fired;
  Transition t;
  t.id = "redflag-test";
  t.rule = "redflag-test";
  t.severity = Severity::info;
  t.subject = {SubjectKind::source, "redflag alerts test"};
  t.to = AlertState::firing;
  t.time = t.since = now;
  t.message = n.title + ". " + n.text;
  n.transitions.push_back(std::move(t));
  return {"", {n}};
}

asio::awaitable<Tried> attempt(Channel& channel, alerts::OutboxMessage message, Clock& clock) {
  const NoReceipts none;
  Tried tried;
  const Duration begun = clock.monotonic();
  tried.answer = co_await channel.deliver(message, none);
  tried.verdict = channel.judge(tried.answer, clock.now());
  if (tried.verdict.outcome == alerts::Outcome::form_refused && !message.fallback.empty()) {
    message.payload = std::move(message.fallback);
    alerts::SinkAnswer second = co_await channel.deliver(message, none);
    alerts::Verdict verdict = channel.judge(second, clock.now());
    tried.plain = verdict.outcome == alerts::Outcome::sent;
    if (tried.plain) tried.verdict = std::move(verdict);
  }
  tried.took = clock.monotonic() - begun;
  co_return tried;
}

Result<Tried> send(const Config& config, const ReceiverConfig& receiver) {
  Secrets secrets;
  if (Result<void> found = find_receiver(receiver, process_environment(), secrets); !found)
    return tl::unexpected<Error>(std::move(found.error()));
  asio::io_context io{1};
  SystemClock clock;
  SystemLauncher launcher(io.get_executor());
  HttpClient transport(io.get_executor(), http_settings(config));
  const std::unique_ptr<Channel> channel = make_channel(receiver, secrets, {transport, clock, &launcher});
  const std::string doing = "sending to " + settings::in_quotes(receiver.name);
  if (!channel) return fail(ErrorCode::invalid_input, doing, "its secret was not found");
  std::optional<alerts::OutboxMessage> message = channel->render(test_message(receiver, clock.now()));
  if (!message) return fail(ErrorCode::invalid_input, doing, "this receiver takes no such message");
  message->id = fmt::format("test-{}@{}", clock.now().time_since_epoch().count(), receiver.name);
  message->channel = receiver.name;
  message->created = clock.now();
  std::optional<Tried> tried;
  asio::co_spawn(io, attempt(*channel, std::move(*message), clock), [&](std::exception_ptr error, Tried got) {
    if (!error) tried = std::move(got);
    transport.stop();
    io.stop();
  });
  io.run();
  if (!tried) return fail(ErrorCode::unavailable, doing, "the attempt was cut short", "", true);
  return std::move(*tried);
}

std::string_view outcome_name(const alerts::Verdict& verdict) {
  switch (verdict.outcome) {
    case alerts::Outcome::sent:
      return "sent";
    case alerts::Outcome::retry:
      return "retry";
    case alerts::Outcome::form_refused:
      return "form_refused";
    case alerts::Outcome::permanent:
      return "permanent";
  }
  return "unknown";
}

/// What redflagd would do with a message that is answered so.
std::string_view consequence(const alerts::Verdict& verdict) {
  switch (verdict.outcome) {
    case alerts::Outcome::retry:
      return "redflagd would try again until it gets through";
    case alerts::Outcome::form_refused:
    case alerts::Outcome::permanent:
      return "redflagd would keep such a message aside until somebody has mended this and retries it";
    case alerts::Outcome::sent:
      break;
  }
  return {};
}

void print_outcome(const ReceiverConfig& receiver, const Tried& tried, bool json) {
  const bool sent = tried.verdict.outcome == alerts::Outcome::sent;
  const double seconds = std::chrono::duration<double>(tried.took).count();
  if (json) {
    const nlohmann::ordered_json out{{"receiver", receiver.name},
                                     {"type", to_string(receiver.type)},
                                     {"sent", sent},
                                     {"outcome", outcome_name(tried.verdict)},
                                     {"plain_form_only", tried.plain},
                                     {"status", tried.answer.status},
                                     {"reason", tried.verdict.reason},
                                     {"seconds", seconds}};
    fmt::print("{}\n", out.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace));
    return;
  }
  const std::string name = settings::shown(receiver.name);
  if (sent) {
    fmt::print("{} ({}): sent, and taken after {}; look for \"redflag test message\"{}\n", name,
               to_string(receiver.type), human_duration(tried.took),
               tried.plain ? " (in plain form: the one with blocks was refused)" : "");
    return;
  }
  fmt::print("{} ({}): not sent: {}\n  {}\n", name, to_string(receiver.type), tried.verdict.reason,
             consequence(tried.verdict));
}

}  // namespace

const CommandSpec& alerts_test_spec() {
  static const CommandSpec kSpec{
      "alerts test",
      "RECEIVER",
      "send a real test message to a receiver and explain the answer",
      "RECEIVER is the name of one of alerts.receivers, or its type when that has no name. The message says "
      "that\n"
      "it is a test. The daemon need not run; its configuration and the receiver's secret have to be "
      "readable.\n\n"
      "A secret that only the service is given (LoadCredential=) is found by root, while the service runs, "
      "with\n"
      "CREDENTIALS_DIRECTORY=/run/credentials/redflagd.service in the environment.\n\n"
      "exit codes: 0 sent, 1 not sent, 2 wrong usage or configuration\n\n"
      "examples:\n"
      "  redflag alerts test slack\n"
      "  sudo redflag alerts test pager --config /etc/redflag/redflag.yaml",
      {{"config", "FILE", "configuration file; otherwise the one that redflagd would use"},
       {"json", "", "the outcome as one JSON object"}},
  };
  return kSpec;
}

int alerts_test_command(const std::vector<std::string>& words) {
  const CommandSpec& spec = alerts_test_spec();
  const Result<Arguments> arguments = Arguments::parse(spec, words);
  if (const std::optional<int> answer = usage_answer("redflag", spec, arguments)) return *answer;
  const std::optional<std::string> path =
      arguments->has("config") ? std::optional(arguments->value("config")) : std::nullopt;
  const ConfigResult parsed = load_config(process_load_options(path));
  if (!parsed) {
    fmt::print(stderr, "{}", parsed.error().text());
    return 2;
  }
  const std::vector<ReceiverConfig>& all = parsed->config.alerts.receivers;
  std::vector<std::string_view> names;
  for (const ReceiverConfig& receiver : all) names.push_back(receiver.name);
  if (arguments->operands().size() != 1) {
    fmt::print(stderr, "redflag alerts test: name one receiver; there are {}\n", settings::one_of(names));
    return 2;
  }
  const std::string& wanted = arguments->operands().front();
  const auto receiver = std::find(names.begin(), names.end(), wanted);
  if (receiver == names.end()) {
    const std::string_view near = settings::nearest(wanted, names);
    fmt::print(
        stderr, "redflag alerts test: there is no receiver {}; {}\n", settings::in_quotes(wanted),
        near.empty() ? "there are " + settings::one_of(names) : fmt::format("did you mean \"{}\"?", near));
    return 2;
  }
  const ReceiverConfig& chosen = all[static_cast<std::size_t>(receiver - names.begin())];
  const Result<Tried> tried = send(parsed->config, chosen);
  if (!tried) {
    fmt::print(stderr, "redflag alerts test: {}\n", tried.error().text());
    return 2;
  }
  print_outcome(chosen, *tried, arguments->has("json"));
  return tried->verdict.outcome == alerts::Outcome::sent ? 0 : 1;
}

}  // namespace redflag::daemon
