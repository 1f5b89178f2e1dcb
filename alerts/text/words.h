// The words that every form of a message shares, so that Slack, the log and the digest say the same thing the
// same way. Results are raw: they may carry what came from outside, and the form that shows them escapes it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "alerts/alert.h"

namespace redflag::alerts {

/// Four significant digits, no exponent where people write none: "8.45", "0.0012", "22340", "1e-09", "NaN",
/// "-inf".
std::string number_words(double value);

/// "INFO", "WARNING", "CRITICAL".
std::string_view severity_word(Severity severity);

/// "loss-too-high" → "loss too high".
std::string rule_words(std::string_view rule);

/// "8.45 > 5", or "8.45" when there is no limit; empty when there is no value.
std::string value_words(const Transition& transition);

/// The run's name, else its key, else the subject's key: where it happened.
std::string_view place(const Transition& transition, const RunContext* run);

/// The rule's message, or one made of the value, with "at step N" appended when it does not say so itself.
std::string message_words(const Transition& transition);

/// How long the condition had held when the transition happened; "" when either time is not known.
std::string lasted_words(const Transition& transition);

/// 64-bit FNV-1a as 16 hex digits: for identifiers that have to be the same on every machine and after every
/// restart.
std::string stable_hash(std::string_view bytes);

}  // namespace redflag::alerts
