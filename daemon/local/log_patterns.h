// The table of texts that a console log is searched for (log_patterns.yaml says how it is written). Users put
// files of the same form before it.
//
// A log may have a million lines and the table hundreds of texts, so a line is walked once: every four bytes
// of it are looked up in a small bit set that holds four bytes of each text. Only where that says "perhaps"
// is a text compared. Linear in the line, whatever the table.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "daemon/local/local_event.h"
#include "rules/values/error.h"

namespace redflag::daemon::local {

struct LogPattern {
  std::string kind;
  LogSeverity severity = LogSeverity::warning;
  bool deadly = false;
  int weight = 25;   ///< 0 … 100
  bool own = false;  ///< of a user's file, not of ours
};

/// A file of patterns: `name` is what errors call it.
struct PatternText {
  std::string name;
  std::string text;
};

/// log_patterns.yaml as it was built in.
std::string_view shipped_log_patterns_text();

/// Immutable once loaded.
class LogPatterns {
 public:
  /// `own` go before the shipped ones, in their order. A mistake names file, line and what is wrong.
  static Result<LogPatterns> load(const std::vector<PatternText>& own = {});
  /// Without any of the user's.
  static const LogPatterns& shipped();

  /// The first pattern of the table that fits; nullptr: none. The pointer lives as long as the table.
  const LogPattern* match(std::string_view line) const;

  std::size_t size() const { return patterns_.size(); }

 private:
  struct Text {
    std::vector<std::string> pieces;  // in this order, anything between
    bool at_begin = false;
    bool at_end = false;
    bool fits(std::string_view line) const;
  };
  struct Entry {
    LogPattern pattern;
    std::vector<Text> unless;
  };
  struct Candidate {
    std::uint32_t entry;
    Text text;
  };

  Result<void> read(const PatternText& source, bool own);
  static Result<Text> compile(const std::string& written, const std::string& doing);

  std::vector<Entry> patterns_;
  std::vector<Candidate> candidates_;
  std::unordered_map<std::uint32_t, std::vector<std::uint32_t>> by_four_;
  std::bitset<65536> perhaps_;
};

}  // namespace redflag::daemon::local
