// What the tables of keys are written with: a key's kind and the access to its value follow from the member
// that holds it. Only for schema_*.cpp.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "daemon/config/schema.h"

namespace redflag::daemon::settings {

template <typename T>
struct EnumNames;

template <>
struct EnumNames<TextFormat> {
  static constexpr std::array all{TextFormat::text, TextFormat::json};
};
template <>
struct EnumNames<ReceiverType> {
  static constexpr std::array all{ReceiverType::slack,        ReceiverType::slack_bot, ReceiverType::webhook,
                                  ReceiverType::alertmanager, ReceiverType::mail,      ReceiverType::log};
};
template <>
struct EnumNames<LogThreshold> {
  static constexpr std::array all{LogThreshold::debug, LogThreshold::info, LogThreshold::warning,
                                  LogThreshold::error};
};
template <>
struct EnumNames<Severity> {
  static constexpr std::array all{Severity::info, Severity::warning, Severity::critical};
};

template <auto Member>
struct MemberOf;
template <typename Class, typename Type, Type Class::*Member>
struct MemberOf<Member> {
  using Object = Class;
  using Field = Type;
};

template <typename T>
constexpr Kind kind_of() {
  if constexpr (std::is_same_v<T, bool>) return Kind::boolean;
  if constexpr (std::is_same_v<T, std::int64_t>) return Kind::integer;
  if constexpr (std::is_same_v<T, double>) return Kind::number;
  if constexpr (std::is_same_v<T, Duration>) return Kind::duration;
  if constexpr (std::is_same_v<T, ByteSize>) return Kind::size;
  if constexpr (std::is_same_v<T, std::vector<std::string>>) return Kind::text_list;
  if constexpr (std::is_same_v<T, ConfigScalarMap>) return Kind::scalar_map;
  if constexpr (std::is_same_v<T, MetricAliasMap>) return Kind::alias_map;
  if constexpr (std::is_enum_v<T>) return Kind::choice;
  return Kind::text;
}

/// A key that holds a value: kind and access follow from the member.
template <auto Member>
Key value(std::string_view name, std::string_view doc) {
  using Object = typename MemberOf<Member>::Object;
  using Field = typename MemberOf<Member>::Field;
  Key key;
  key.name = name;
  key.doc = doc;
  key.kind = kind_of<Field>();
  if constexpr (std::is_enum_v<Field>) {
    for (const Field each : EnumNames<Field>::all) key.choices.push_back(to_string(each));
    key.get = [](const void* object) {
      return Value(std::string(to_string(static_cast<const Object*>(object)->*Member)));
    };
    key.set = [](void* object, Value to) {
      const std::string* text = std::get_if<std::string>(&to);
      for (const Field each : EnumNames<Field>::all) {
        if (text != nullptr && *text == to_string(each)) static_cast<Object*>(object)->*Member = each;
      }
    };
  } else {
    key.get = [](const void* object) { return Value(static_cast<const Object*>(object)->*Member); };
    key.set = [](void* object, Value to) {
      if (Field* field = std::get_if<Field>(&to)) static_cast<Object*>(object)->*Member = std::move(*field);
    };
  }
  return key;
}

template <auto Member>
Key section(std::string_view name, std::string_view doc, const Section& inner) {
  Key key;
  key.name = name;
  key.doc = doc;
  key.kind = Kind::section;
  key.section = &inner;
  key.child = [](void* object) -> void* {
    return &(static_cast<typename MemberOf<Member>::Object*>(object)->*Member);
  };
  return key;
}

template <auto Member>
Key list(std::string_view name, std::string_view doc, const Section& inner) {
  using Object = typename MemberOf<Member>::Object;
  Key key;
  key.name = name;
  key.doc = doc;
  key.kind = Kind::section_list;
  key.section = &inner;
  key.count = [](const void* object) { return (static_cast<const Object*>(object)->*Member).size(); };
  key.at = [](void* object, std::size_t index) -> void* {
    return &(static_cast<Object*>(object)->*Member)[index];
  };
  key.append = [](void* object) -> void* { return &(static_cast<Object*>(object)->*Member).emplace_back(); };
  return key;
}

}  // namespace redflag::daemon::settings
