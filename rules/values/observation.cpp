#include "rules/values/observation.h"

#include <array>

namespace redflag {
namespace {

constexpr std::array<std::pair<SubjectKind, std::string_view>, 6> kKinds{{
    {SubjectKind::run, "run"},
    {SubjectKind::source, "source"},
    {SubjectKind::representation, "representation"},
    {SubjectKind::checkpoint, "checkpoint"},
    {SubjectKind::log, "log"},
    {SubjectKind::host, "host"},
}};

}  // namespace

std::string_view to_string(SubjectKind kind) {
  for (const auto& [value, name] : kKinds) {
    if (value == kind) return name;
  }
  return "unknown";
}

std::optional<SubjectKind> subject_kind_from(std::string_view name) {
  for (const auto& [value, text] : kKinds) {
    if (text == name) return value;
  }
  return std::nullopt;
}

}  // namespace redflag
