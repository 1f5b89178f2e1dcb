#include "daemon/local/log_patterns.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

namespace redflag::daemon::local {
namespace {

constexpr std::size_t kFour = 4;
constexpr std::size_t kMaxPatterns = 10000;

std::uint32_t four_at(const char* bytes) {
  std::uint32_t four = 0;
  std::memcpy(&four, bytes, kFour);
  return four;
}

std::uint32_t slot_of(std::uint32_t four) {
  return (four * 0x9E3779B1U) >> 16U;
}

std::string at_line(const PatternText& source, const YAML::Node& node) {
  return fmt::format("{}:{}", source.name, node.Mark().line + 1);
}

/// Which four bytes of a text are looked for: common ones ("Erro") would have every line compared.
std::uint32_t rarest_four(const std::string& piece) {
  std::size_t best = 0;
  int best_score = -1;
  for (std::size_t at = 0; at + kFour <= piece.size(); ++at) {
    int score = 0;
    for (std::size_t i = at; i < at + kFour; ++i) {
      const char c = piece[i];
      const bool lower = c >= 'a' && c <= 'z';
      score += c == ' ' ? 0 : lower ? 1 : 3;
    }
    if (score > best_score) {
      best = at;
      best_score = score;
    }
  }
  return four_at(piece.data() + best);
}

}  // namespace

bool LogPatterns::Text::fits(std::string_view line) const {
  std::size_t from = 0;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const std::string& piece = pieces[i];
    const bool first = i == 0 && at_begin;
    const bool last = i + 1 == pieces.size() && at_end;
    if (last) {
      if (line.size() < from + piece.size() || !line.ends_with(piece)) return false;
      return !first || line.size() == piece.size();
    }
    if (first) {
      if (!line.starts_with(piece)) return false;
      from = piece.size();
      continue;
    }
    const auto found = line.find(piece, from);
    if (found == std::string_view::npos) return false;
    from = found + piece.size();
  }
  return true;
}

Result<LogPatterns::Text> LogPatterns::compile(const std::string& written, const std::string& doing) {
  Text text;
  std::string_view rest = written;
  if (rest.starts_with('^')) {
    text.at_begin = true;
    rest.remove_prefix(1);
  }
  if (rest.ends_with('$')) {
    text.at_end = true;
    rest.remove_suffix(1);
  }
  std::size_t longest = 0;
  while (!rest.empty()) {
    const auto star = std::min(rest.find('*'), rest.size());
    if (star > 0) text.pieces.emplace_back(rest.substr(0, star));
    longest = std::max(longest, star);
    rest.remove_prefix(std::min(star + 1, rest.size()));
  }
  if (longest < kFour) {
    return fail(ErrorCode::invalid_input, doing,
                fmt::format("\"{}\" has no four characters in a row that are not `*`", written),
                "say more of the text: short ones are found everywhere");
  }
  if (written.starts_with("^*")) text.at_begin = false;
  if (written.ends_with("*$")) text.at_end = false;
  return text;
}

Result<void> LogPatterns::read(const PatternText& source, bool own) {
  const std::string doing = "reading log patterns " + source.name;
  YAML::Node root;
  try {
    root = YAML::Load(source.text);
  } catch (const YAML::Exception& error) {
    return fail(ErrorCode::invalid_input, doing, fmt::format("line {}: {}", error.mark.line + 1, error.msg));
  }
  const auto wrong = [&](const YAML::Node& node, std::string what) {
    return fail(ErrorCode::invalid_input, at_line(source, node), std::move(what), "see docs/logs.md");
  };
  try {
    if (!root.IsMap() || !root["patterns"].IsDefined() || !root["patterns"].IsSequence())
      return wrong(root, "a list `patterns:` is expected at the top");
    for (const YAML::Node& node : root["patterns"]) {
      if (!node.IsMap()) return wrong(node, "a pattern has `kind`, `severity` and `any`");
      if (patterns_.size() >= kMaxPatterns) return wrong(node, "more patterns than anybody can mean");
      Entry entry;
      entry.pattern.own = own;
      for (const auto& member : node) {
        const auto key = member.first.as<std::string>();
        if (key != "kind" && key != "severity" && key != "deadly" && key != "weight" && key != "any" &&
            key != "not")
          return wrong(
              member.first,
              fmt::format("no such setting: \"{}\" (kind, severity, deadly, weight, any, not)", key));
      }
      if (!node["kind"]) return wrong(node, "`kind` is missing");
      entry.pattern.kind = node["kind"].as<std::string>();
      if (entry.pattern.kind.empty() ||
          !std::all_of(entry.pattern.kind.begin(), entry.pattern.kind.end(),
                       [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; }))
        return wrong(node["kind"], "`kind` is a word of small letters, digits and _");
      if (node["severity"]) {
        const auto word = node["severity"].as<std::string>();
        if (word != "info" && word != "warning" && word != "critical")
          return wrong(node["severity"], "`severity` is info, warning or critical");
        entry.pattern.severity = word == "info"      ? LogSeverity::info
                                 : word == "warning" ? LogSeverity::warning
                                                     : LogSeverity::critical;
      }
      if (node["deadly"]) entry.pattern.deadly = node["deadly"].as<bool>();
      if (node["weight"]) entry.pattern.weight = node["weight"].as<int>();
      if (entry.pattern.weight < 0 || entry.pattern.weight > 100)
        return wrong(node["weight"], "`weight` is 0 to 100");
      if (!node["any"] || !node["any"].IsSequence() || node["any"].size() == 0)
        return wrong(node, "`any` is missing: a list of texts");
      for (const YAML::Node& written : node["not"]) {
        Result<Text> text = compile(written.as<std::string>(), at_line(source, written));
        if (!text) return tl::unexpected<Error>(std::move(text.error()));
        entry.unless.push_back(std::move(*text));
      }
      for (const YAML::Node& written : node["any"]) {
        Result<Text> text = compile(written.as<std::string>(), at_line(source, written));
        if (!text) return tl::unexpected<Error>(std::move(text.error()));
        const auto longest =
            std::max_element(text->pieces.begin(), text->pieces.end(),
                             [](const auto& a, const auto& b) { return a.size() < b.size(); });
        const std::uint32_t four = rarest_four(*longest);
        perhaps_.set(slot_of(four));
        by_four_[four].push_back(static_cast<std::uint32_t>(candidates_.size()));
        candidates_.push_back({static_cast<std::uint32_t>(patterns_.size()), std::move(*text)});
      }
      patterns_.push_back(std::move(entry));
    }
  } catch (const YAML::Exception& error) {
    return fail(ErrorCode::invalid_input, doing, fmt::format("line {}: {}", error.mark.line + 1, error.msg));
  }
  return {};
}

Result<LogPatterns> LogPatterns::load(const std::vector<PatternText>& own) {
  LogPatterns table;
  for (const PatternText& source : own)
    if (Result<void> done = table.read(source, true); !done)
      return tl::unexpected<Error>(std::move(done.error()));
  if (Result<void> done = table.read({"log_patterns.yaml", std::string(shipped_log_patterns_text())}, false);
      !done)
    return tl::unexpected<Error>(std::move(done.error()));
  return table;
}

const LogPatterns& LogPatterns::shipped() {
  static const LogPatterns kTable = [] {
    Result<LogPatterns> loaded = load();
    return loaded ? std::move(*loaded) : LogPatterns{};  // a test holds the table to being right
  }();
  return kTable;
}

const LogPattern* LogPatterns::match(std::string_view line) const {
  if (line.size() < kFour) return nullptr;
  std::uint32_t best = static_cast<std::uint32_t>(patterns_.size());
  const char* const end = line.data() + line.size() - kFour + 1;
  for (const char* p = line.data(); p < end; ++p) {
    const std::uint32_t four = four_at(p);
    if (!perhaps_[slot_of(four)]) continue;
    const auto found = by_four_.find(four);
    if (found == by_four_.end()) continue;
    for (const std::uint32_t index : found->second) {
      const Candidate& candidate = candidates_[index];
      if (candidate.entry >= best || !candidate.text.fits(line)) continue;
      const auto& unless = patterns_[candidate.entry].unless;
      if (std::none_of(unless.begin(), unless.end(), [&](const Text& text) { return text.fits(line); }))
        best = candidate.entry;
    }
  }
  return best < patterns_.size() ? &patterns_[best].pattern : nullptr;
}

}  // namespace redflag::daemon::local
