// The order matters: a message is journalled before it is answered, so whoever got "ok" can rely on finding
// it.
#include "daemon/simulator/slack_simulator.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <unistd.h>

#include "daemon/simulator/slack_payload.h"

namespace redflag::daemon {
namespace {

using nlohmann::json;

ServerResponse plain(int status, std::string text) {
  ServerResponse response;
  response.status = status;
  response.headers.push_back({"Content-Type", status == 200 ? "text/html" : "text/plain; charset=utf-8"});
  response.body = std::move(text);
  return response;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string decode_form_value(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low >= 0) {
      out += static_cast<char>(static_cast<unsigned char>(high * 16 + low));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

json payload_of(const ServerRequest& request) {
  const std::string_view body = request.body;
  if (body.substr(0, 8) == "payload=") {
    return json::parse(decode_form_value(body.substr(8, body.find('&') - 8)), nullptr, false);
  }
  return json::parse(body, nullptr, false);
}

SlackMessage make_message(Time arrived, json payload) {
  SlackMessage message;
  message.arrived = arrived;
  message.text = payload.contains("text") ? payload["text"].get<std::string>() : std::string{};
  message.plain = slack_plain_text(payload);
  message.payload = std::move(payload);
  return message;
}

bool write_all(int file, std::string_view data) {
  while (!data.empty()) {
    const ssize_t written = ::write(file, data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    data.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

SlackSimulator::SlackSimulator(const Clock& clock, SlackSimulatorOptions options)
    : clock_(clock), options_(std::move(options)), allowance_(options_.burst), allowance_at_(clock.now()) {}

bool SlackSimulator::over_the_limit(Time now) {
  if (options_.messages_per_second <= 0.0) return false;
  const double passed = std::max(0.0, std::chrono::duration<double>(now - allowance_at_).count());
  allowance_ = std::min(options_.burst, allowance_ + passed * options_.messages_per_second);
  allowance_at_ = now;
  if (allowance_ < 1.0) return true;
  allowance_ -= 1.0;
  return false;
}

bool SlackSimulator::write_journal(const SlackMessage& message) const {
  if (options_.journal.empty()) return true;
  const json line = {
      {"time", to_rfc3339(message.arrived)}, {"text", message.text}, {"payload", message.payload}};
  const int file = ::open(options_.journal.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) return false;
  const bool written = write_all(file, line.dump(-1, ' ', false, json::error_handler_t::replace) + '\n');
  return ::close(file) == 0 && written;
}

ServerResponse SlackSimulator::deliver(const ServerRequest& request) {
  json payload = payload_of(request);
  const SlackVerdict verdict = check_slack_payload(payload);
  if (!verdict.error.empty()) {
    refusals_.push_back({clock_.now(), verdict.error, verdict.reasons});
    return plain(400, verdict.error);
  }
  if (over_the_limit(clock_.now())) {
    Fault limited;
    limited.kind = FaultKind::rate_limited;
    limited.retry_after = "1";
    return spoil(limited, {});
  }
  SlackMessage message = make_message(clock_.now(), std::move(payload));
  if (!write_journal(message)) return plain(500, "rollup_error");
  messages_.push_back(std::move(message));
  return plain(200, "ok");
}

ServerResponse SlackSimulator::answer(const ServerRequest& request) {
  ++requests_;
  const auto fault = faults_.take(clock_.now());
  if (fault && is_before_the_service(fault->kind) && !fault->takes_effect) return spoil(*fault, {});
  ServerResponse response;
  if (request.path() != options_.path) {
    response = plain(404, request.path().substr(0, 10) == "/services/" ? "no_service" : "not found");
  } else if (request.method != "POST") {
    response = plain(400, "invalid_payload");
  } else if (fault && fault->kind == FaultKind::not_ok && !fault->takes_effect) {
    response = plain(200, "");
  } else {
    response = deliver(request);
  }
  return fault ? spoil(*fault, std::move(response)) : response;
}

Result<std::vector<SlackMessage>> read_slack_journal(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(ErrorCode::not_found, "reading " + path, "the journal cannot be opened");
  const std::string all{std::istreambuf_iterator<char>(in), {}};
  std::vector<SlackMessage> messages;
  for (std::size_t at = 0, end = all.find('\n'); end != std::string::npos;
       at = end + 1, end = all.find('\n', at)) {
    json line = json::parse(all.begin() + static_cast<std::ptrdiff_t>(at),
                            all.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
    const auto time = line.is_object() && line.contains("time") && line["time"].is_string()
                          ? parse_rfc3339(line["time"].get_ref<const std::string&>())
                          : std::nullopt;
    if (!time || !line.contains("payload") || !line["payload"].is_object()) {
      return fail(ErrorCode::malformed, "reading " + path, "a line is not a message");
    }
    messages.push_back(make_message(*time, std::move(line["payload"])));
  }
  return messages;
}

}  // namespace redflag::daemon
