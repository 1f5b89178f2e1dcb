// The words of a transition: placeholders to values. What comes from outside is cut to length and put in as
// it is; escaping belongs to the channel that shows it.
#include "rules/engine/lifecycle.h"

namespace redflag {
namespace {

constexpr std::size_t kLongestText = 200;
constexpr std::string_view kUnknown = "?";

std::string value_text(const Value& value, const ValueFormat& format) {
  switch (value.kind) {
    case Value::Kind::number:
      return format_number(value.number, format);
    case Value::Kind::text:
      return cut_text(value.text, kLongestText);
    case Value::Kind::boolean:
      return value.flag ? "true" : "false";
    case Value::Kind::unknown:
      break;
  }
  return std::string(kUnknown);
}

std::string optional_number(const std::optional<double>& value, const ValueFormat& format) {
  return value ? format_number(*value, format) : std::string(kUnknown);
}

std::string time_text(Time time) {
  return time == Time{} ? std::string(kUnknown) : to_rfc3339(time);
}

/// The name that a person calls it by: the attribute `name`, else the last part of the key.
std::string name_of(const SubjectState& subject) {
  const auto slot = subject.table->index.find(std::string_view("name"));
  const Attribute* name = slot == subject.table->index.end() ? nullptr : subject.attribute(slot->second);
  const auto* text = name == nullptr ? nullptr : std::get_if<std::string>(name);
  if (text != nullptr && !text->empty()) return cut_text(*text, kLongestText);
  const std::size_t cut = subject.subject.key.find_last_of('/');
  return cut_text(cut == std::string::npos ? subject.subject.key : subject.subject.key.substr(cut + 1),
                  kLongestText);
}

std::string special_text(Special special, const ValueFormat& format, const CompiledRule& rule,
                         const SubjectState& subject, const Transition& change) {
  switch (special) {
    case Special::step:
      return change.step < 0 ? std::string(kUnknown) : std::to_string(change.step);
    case Special::since_step:
      return change.since_step < 0 ? std::string(kUnknown) : std::to_string(change.since_step);
    case Special::value:
      return optional_number(change.value, format);
    case Special::threshold:
      return optional_number(change.threshold, format);
    case Special::name:
      return name_of(subject);
    case Special::since:
      return time_text(change.since);
    case Special::time:
      return time_text(change.time);
    case Special::run:
      return cut_text(change.run, kLongestText);
    case Special::subject:
      return cut_text(subject.subject.key, kLongestText);
    case Special::severity:
      return std::string(to_string(change.severity));
    case Special::rule:
      return rule.name;
    case Special::attempt:
      return std::to_string(change.attempt);
    case Special::none:
      break;
  }
  return {};
}

}  // namespace

std::string render_message(const MessageTemplate& message, const CompiledRule& rule,
                           const SubjectState& subject, const Transition& change, Evaluator& evaluator) {
  std::string text;
  std::uint32_t part = 0;
  std::size_t part_begin = 0;
  bool dropped = false;
  for (const MessagePiece& piece : message.pieces) {
    if (piece.part != part) {
      part = piece.part;
      part_begin = text.size();
      dropped = false;
    }
    if (dropped) continue;
    const bool literal = piece.special == Special::none && !piece.program;
    const std::string words = literal ? piece.literal
                              : piece.program
                                  ? value_text(evaluator.run(*piece.program, subject), piece.format)
                                  : special_text(piece.special, piece.format, rule, subject, change);
    if (part != 0 && !literal && (words == kUnknown || words.empty())) {
      text.resize(part_begin);
      dropped = true;
      continue;
    }
    text += words;
  }
  return text;
}

}  // namespace redflag
