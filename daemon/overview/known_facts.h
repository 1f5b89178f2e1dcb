// The last word about sources, and about directories of a results tree, as people are shown it: kept in
// memory because a page asks every few seconds. A directory is a word and a line, its sound files are nothing
// at all. Everything else about subjects is in the store.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include "daemon/overview/overview.h"
#include "rules/values/observation.h"

namespace redflag::daemon {

/// What a source last said of itself.
struct SourceFacts {
  Attributes attributes;
  bool spoken = false;  ///< since the start, not only before it
};

/// One thread.
class KnownFacts {
 public:
  /// `before` the start: of what is kept, only what still holds is taken.
  void note(const Observation& facts, bool before = false);
  void forget(const Subject& subject);

  const SourceFacts* source(const std::string& key) const;
  const std::map<std::string, SourceFacts>& sources() const { return sources_; }
  /// Of a step or a checkpoint, by its printable path. `read_inside`: somebody looks into files; else why
  /// nobody does is `otherwise`.
  StepCell cell(const std::string& directory, std::int64_t step, bool read_inside,
                std::string_view otherwise) const;
  std::size_t directories() const { return directories_.size(); }

 private:
  struct Directory {
    std::string verdict, detail;  ///< of the results source
    std::string forward_detail;   ///< why no forward pass was made; empty: one was, or none is due
    bool read = false;            ///< its contents were judged
    std::map<std::string, std::string> critical;  ///< kind of trouble → its words
    std::map<std::string, std::string> warning;
    std::map<std::string, std::string> bad_files;  ///< name → what is wrong
  };
  void note_directory(Directory& directory, const Attributes& attributes);
  static void note_file(Directory& directory, const std::string& name, const Attributes& attributes);

  std::map<std::string, SourceFacts> sources_;
  std::unordered_map<std::string, Directory> directories_;
};

const Attribute* find_attribute(const Attributes& attributes, std::string_view name);
std::string text_attribute(const Attributes& attributes, std::string_view name);  ///< "" = none
std::optional<double> number_attribute(const Attributes& attributes, std::string_view name);
std::optional<bool> flag_attribute(const Attributes& attributes, std::string_view name);

}  // namespace redflag::daemon
