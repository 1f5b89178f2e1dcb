#include "daemon/local/traceback.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

namespace redflag::daemon::local {
namespace {

constexpr std::string_view kHeader = "Traceback (most recent call last)";
constexpr std::string_view kGroupHeader = "Exception Group Traceback (most recent call last)";
constexpr std::size_t kMaxMessage = 400;
constexpr std::uint32_t kMaxLines = 20000;  // a recursion's traceback has 1,000 frames; more is no traceback
constexpr int kMaxForeign = 12;             // other processes' lines between a traceback's

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.remove_suffix(1);
  return text;
}

bool is_installed(std::string_view path) {
  for (const char* part : {"site-packages", "dist-packages", "/lib/python3", "\\Lib\\", "\\lib\\", "<frozen",
                           "<string>", "/usr/lib/", "importlib"})
    if (path.find(part) != std::string_view::npos) return true;
  return false;
}

std::string_view base_name(std::string_view path) {
  const auto slash = path.find_last_of("/\\");
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

bool blank(std::string_view text) {
  return trimmed(text).empty();
}

}  // namespace

bool split_exception(std::string_view text, std::string_view& type, std::string_view& message) {
  std::size_t end = 0;
  bool part_begins = true;
  while (end < text.size()) {
    const char c = text[end];
    const bool letter = std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_';
    if (letter || (!part_begins && std::isdigit(static_cast<unsigned char>(c)) != 0)) {
      part_begins = false;
    } else if (c == '.' && !part_begins) {
      part_begins = true;
    } else if (text.substr(end).starts_with("<locals>")) {
      end += 7;
      part_begins = false;
    } else {
      break;
    }
    ++end;
  }
  if (end == 0 || part_begins || end > 200) return false;
  const std::string_view name = text.substr(0, end);
  const std::string_view rest = text.substr(end);
  if (!rest.empty() && !rest.starts_with(":") && !blank(rest)) return false;
  type = name;
  message = rest.starts_with(":") ? trimmed(rest.substr(1)) : std::string_view{};
  return true;
}

bool TracebackCollector::begins(std::string_view text, std::uint64_t line) {
  const auto start = [&](State state) {
    const bool chained = chain_announced_;
    std::string root;
    if (chained) {
      root = result_.root.empty()
                 ? result_.exception + (result_.message.empty() ? "" : ": " + result_.message)
                 : result_.root;
    }
    const bool harmless = harmless_next_ || (chained && result_.harmless);
    const bool in_thread = thread_next_ || (chained && result_.in_thread);
    result_ = TracebackResult{};
    result_.root = std::move(root);
    result_.chained = chained;
    result_.harmless = harmless;
    result_.in_thread = in_thread;
    result_.first_line = line;
    state_ = state;
    foreign_lines_ = 0;
    lines_ = 0;
    chain_announced_ = harmless_next_ = thread_next_ = group_named_ = false;
    return true;
  };
  if (text.starts_with(kHeader)) return start(State::frames);
  const std::string_view inner = trimmed(text);
  if (inner.starts_with("+ ") && inner.find(kGroupHeader) != std::string_view::npos)
    return start(State::group);
  // A SyntaxError of the script itself has no header.
  if (text.starts_with("  File \"") && text.find(", line ") != std::string_view::npos) {
    start(State::frames);
    take_frame(text);
    return true;
  }
  const auto header = text.find(kHeader);
  if (header == std::string_view::npos) return false;
  if (text.starts_with("\u256d")) return start(State::box);  // rich
  std::string_view type;
  std::string_view rest;
  if (split_exception(trimmed(text.substr(0, header)), type, rest) && rest.empty() &&
      text.substr(0, header).ends_with("  ")) {
    jupyter_name_.assign(type);
    return start(State::jupyter);
  }
  return false;
}

void TracebackCollector::take_frame(std::string_view text) {
  const auto file = text.find("File \"");
  if (file == std::string_view::npos) return;
  const auto close = text.find("\", line ", file + 6);
  if (close == std::string_view::npos) return;
  const std::string_view path = text.substr(file + 6, close - file - 6);
  if (is_installed(path)) return;
  std::string_view rest = text.substr(close + 8);
  std::size_t digits = 0;
  while (digits < rest.size() && std::isdigit(static_cast<unsigned char>(rest[digits])) != 0) ++digits;
  result_.where.assign(base_name(path).substr(0, 100))
      .append(":")
      .append(rest.substr(0, std::min<std::size_t>(digits, 12)));
  rest.remove_prefix(digits);
  if (rest.starts_with(", in ")) result_.where.append(" in ").append(trimmed(rest.substr(5)).substr(0, 100));
}

bool TracebackCollector::name_exception(std::string_view text) {
  std::string_view type;
  std::string_view message;
  if (!split_exception(text, type, message)) return false;
  result_.exception.assign(type);
  result_.message.assign(message.substr(0, kMaxMessage));
  return true;
}

TracebackCollector::Taken TracebackCollector::in_frames(std::string_view text) {
  if (text.starts_with(' ') || text.starts_with('\t')) {
    take_frame(text);
    return Taken::yes;
  }
  if (!blank(text) && name_exception(text)) {
    state_ = State::after;
    lines_after_ = 0;
    return Taken::exception;
  }
  if (++foreign_lines_ > kMaxForeign) state_ = State::idle;
  return Taken::no;
}

/// Lines begin with '|' or '+', deeper ones with more space before.
TracebackCollector::Taken TracebackCollector::in_group(std::string_view text) {
  const std::string_view inner = trimmed(text);
  if (!inner.starts_with('|') && !inner.starts_with('+')) {
    state_ = State::after;
    lines_after_ = 0;
    return group_named_ ? Taken::exception : Taken::no;
  }
  std::string_view content = inner.substr(1);
  if (content.starts_with(' ')) content.remove_prefix(1);
  if (inner.front() == '|') {
    if (content.starts_with(' ')) {
      take_frame(content);
      return Taken::yes;
    }
    std::string_view type;
    std::string_view message;
    if (!split_exception(content, type, message)) return Taken::yes;
    if (!group_named_) {
      group_named_ = true;
      result_.exception.assign(type);
      result_.message.assign(message.substr(0, kMaxMessage));
    } else if (result_.message.size() < kMaxMessage &&
               type.find("ExceptionGroup") == std::string_view::npos) {
      // What the group holds says more than its own name.
      result_.message.append(": ").append(
          content.substr(0, kMaxMessage - std::min(kMaxMessage, result_.message.size())));
    }
  }
  return Taken::yes;
}

TracebackCollector::Taken TracebackCollector::in_jupyter(std::string_view text) {
  if (text.starts_with(jupyter_name_) && name_exception(text) &&
      text.find(kHeader) == std::string_view::npos) {
    state_ = State::after;
    lines_after_ = 0;
    return Taken::exception;
  }
  return Taken::yes;
}

TracebackCollector::Taken TracebackCollector::take(std::string_view text, std::uint64_t line) {
  if (state_ == State::idle || state_ == State::after) {
    if (begins(text, line)) return Taken::yes;
    if (state_ == State::idle) return Taken::no;
    if (blank(text)) return lines_after_ < 4 ? Taken::yes : Taken::no;
    if (text.starts_with("During handling of the above exception") ||
        text.starts_with("The above exception was the direct cause")) {
      chain_announced_ = true;
      return Taken::yes;
    }
    if (text.starts_with("Call stack:")) {  // of a logging error
      state_ = State::call_stack;
      return Taken::yes;
    }
    if (++lines_after_ > 3) {
      state_ = State::idle;
      chain_announced_ = false;
    }
    return Taken::no;
  }
  if (++lines_ > kMaxLines) {
    state_ = State::idle;
    return Taken::no;
  }
  if (text.find(kHeader) != std::string_view::npos && state_ != State::group && state_ != State::box &&
      begins(text, line))
    return Taken::yes;  // the one before was never ended
  switch (state_) {
    case State::frames:
      return in_frames(text);
    case State::group:
      return in_group(text);
    case State::jupyter:
      return in_jupyter(text);
    case State::box:
      if (text.starts_with("\u2502") || text.starts_with("\u2570") || text.starts_with("\u256d"))
        return Taken::yes;
      state_ = State::frames;
      return in_frames(text);
    case State::call_stack:
      if (text.starts_with(' ') || text.starts_with("Message:")) return Taken::yes;
      state_ = State::idle;
      return text.starts_with("Arguments:") ? Taken::yes : Taken::no;
    default:
      return Taken::no;
  }
}

}  // namespace redflag::daemon::local
