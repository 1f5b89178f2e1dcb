#include "alerts/text/words.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace redflag::alerts {
namespace {

/// Does the text name this step already ("step 700", not "step 7001")?
bool names_step(std::string_view text, std::int64_t step) {
  const std::string wanted = fmt::format("step {}", step);
  for (std::size_t at = text.find(wanted); at != std::string_view::npos; at = text.find(wanted, at + 1)) {
    const std::size_t end = at + wanted.size();
    if (end == text.size() || text[end] < '0' || text[end] > '9') return true;
  }
  return false;
}

}  // namespace

std::string number_words(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  const double size = std::fabs(value);
  if (size >= 1e4 && size < 1e9) return fmt::format("{:.0f}", value);
  return fmt::format("{:.4g}", value);
}

std::string_view severity_word(Severity severity) {
  switch (severity) {
    case Severity::info:
      return "INFO";
    case Severity::warning:
      return "WARNING";
    case Severity::critical:
      return "CRITICAL";
  }
  return "UNKNOWN";
}

std::string rule_words(std::string_view rule) {
  std::string words(rule);
  std::replace(words.begin(), words.end(), '-', ' ');
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
}

std::string value_words(const Transition& transition) {
  if (!transition.value) return {};
  std::string words = number_words(*transition.value);
  if (transition.threshold && !transition.comparison.empty()) {
    words += fmt::format(" {} {}", transition.comparison, number_words(*transition.threshold));
  }
  return words;
}

std::string_view place(const Transition& transition, const RunContext* run) {
  if (run != nullptr && !run->name.empty()) return run->name;
  return transition.run.empty() ? std::string_view(transition.subject.key) : std::string_view(transition.run);
}

std::string message_words(const Transition& transition) {
  std::string words = transition.message;
  if (words.empty()) {
    words = transition.evidence.empty() ? rule_words(transition.rule) : transition.evidence.front().metric;
    const std::string value = value_words(transition);
    if (!value.empty()) words += " " + value;
  }
  if (transition.step >= 0 && !names_step(words, transition.step))
    words += fmt::format(" at step {}", transition.step);
  return words;
}

std::string lasted_words(const Transition& transition) {
  if (transition.since == Time{} || transition.time < transition.since) return {};
  return human_duration(transition.time - transition.since);
}

std::string stable_hash(std::string_view bytes) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : bytes) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1099511628211ULL;
  }
  return fmt::format("{:016x}", hash);
}

}  // namespace redflag::alerts
