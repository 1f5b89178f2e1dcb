#include "daemon/overview/known_facts.h"

#include <algorithm>
#include <array>

namespace redflag::daemon {
namespace {

constexpr std::array<std::string_view, 8> kTroubles{"nan",    "hostile", "zero",      "mismatch",
                                                    "output", "resume",  "collapsed", "identical"};
constexpr std::size_t kMostBadFiles = 64;  // of one directory; the rest is said by its own verdict
constexpr std::size_t kLongestDetail = 400;

bool is_bad(std::string_view verdict) {
  return !verdict.empty() && verdict != "ok" && verdict != "in_progress";
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

void set(Attributes& attributes, const std::string& name, const Attribute& value) {
  const auto found =
      std::find_if(attributes.begin(), attributes.end(), [&](const auto& one) { return one.first == name; });
  if (found == attributes.end()) {
    attributes.emplace_back(name, value);
  } else {
    found->second = value;
  }
}

void join(std::string& text, std::string_view more) {
  if (more.empty() || text.size() >= kLongestDetail) return;
  if (!text.empty()) text += "; ";
  text += more;
}

}  // namespace

const Attribute* find_attribute(const Attributes& attributes, std::string_view name) {
  for (const auto& [key, value] : attributes) {
    if (key == name) return &value;
  }
  return nullptr;
}

std::string text_attribute(const Attributes& attributes, std::string_view name) {
  const Attribute* found = find_attribute(attributes, name);
  const auto* text = found == nullptr ? nullptr : std::get_if<std::string>(found);
  return text == nullptr ? std::string() : *text;
}

std::optional<double> number_attribute(const Attributes& attributes, std::string_view name) {
  const Attribute* found = find_attribute(attributes, name);
  const auto* number = found == nullptr ? nullptr : std::get_if<double>(found);
  return number == nullptr ? std::nullopt : std::optional<double>(*number);
}

std::optional<bool> flag_attribute(const Attributes& attributes, std::string_view name) {
  const Attribute* found = find_attribute(attributes, name);
  const auto* flag = found == nullptr ? nullptr : std::get_if<bool>(found);
  return flag == nullptr ? std::nullopt : std::optional<bool>(*flag);
}

void KnownFacts::note(const Observation& facts, bool before) {
  if (facts.kind != ObservationKind::facts) return;
  if (facts.subject.kind == SubjectKind::source) {
    SourceFacts& source = sources_[facts.subject.key];
    for (const auto& [name, value] : facts.attributes) set(source.attributes, name, value);
    source.spoken = source.spoken || !before;
    return;
  }
  const bool file_tree =
      facts.subject.kind == SubjectKind::representation || facts.subject.kind == SubjectKind::checkpoint;
  // The tree is listed again at every start, and said what is in it.
  if (!file_tree || before) return;
  const std::string what = text_attribute(facts.attributes, "what");
  const bool of_file = what.empty() ? find_attribute(facts.attributes, "content") != nullptr
                                    : what != "step" && what != "series" && what != "checkpoint";
  const std::string& path = facts.subject.key;
  if (of_file) {
    const auto known = directories_.find(parent_of(path));
    const bool bad = is_bad(text_attribute(facts.attributes, "verdict")) ||
                     is_bad(text_attribute(facts.attributes, "content"));
    if (!bad && known == directories_.end()) return;
    Directory& directory = known == directories_.end() ? directories_[parent_of(path)] : known->second;
    note_file(directory, path.substr(path.rfind('/') + 1), facts.attributes);
  } else if (what != "series") {
    note_directory(directories_[path], facts.attributes);
  }
}

void KnownFacts::note_file(Directory& directory, const std::string& name, const Attributes& attributes) {
  std::string wrong;
  for (const auto& [word, detail] :
       {std::pair{"verdict", "detail"}, std::pair{"content", "content_detail"}}) {
    const std::string verdict = text_attribute(attributes, word);
    if (is_bad(verdict)) join(wrong, verdict + ": " + text_attribute(attributes, detail));
  }
  if (wrong.empty()) {
    // One source calls it sound; it does not speak for the other.
    const auto known = directory.bad_files.find(name);
    if (known == directory.bad_files.end()) return;
    const bool content = find_attribute(attributes, "content") != nullptr;
    const bool was_content = known->second.starts_with("damaged") || known->second.starts_with("refused") ||
                             known->second.starts_with("unreadable");
    if (content == was_content || !content) directory.bad_files.erase(known);
  } else if (directory.bad_files.size() < kMostBadFiles) {
    directory.bad_files[name] = std::move(wrong);
  }
}

void KnownFacts::note_directory(Directory& directory, const Attributes& attributes) {
  if (find_attribute(attributes, "verdict") != nullptr) {
    directory.verdict = text_attribute(attributes, "verdict");
    directory.detail = text_attribute(attributes, "detail");
  }
  // Told of a directory that is written, together with all the others.
  if (find_attribute(attributes, "mismatch") != nullptr) directory.read = true;
  if (find_attribute(attributes, "forward") != nullptr) {
    const bool unchecked = text_attribute(attributes, "forward") == "not_checked";
    directory.forward_detail = unchecked ? text_attribute(attributes, "forward_detail") : std::string();
  }
  for (const std::string_view trouble : kTroubles) {
    if (find_attribute(attributes, trouble) == nullptr) continue;
    const std::string kind(trouble);
    const std::string severity = text_attribute(attributes, trouble);
    directory.critical.erase(kind);
    directory.warning.erase(kind);
    if (severity == "none") continue;
    std::string words = text_attribute(attributes, kind + "_detail");
    if (words.empty()) words = kind;
    (severity == "critical" ? directory.critical : directory.warning)[kind] = std::move(words);
  }
}

void KnownFacts::forget(const Subject& subject) {
  if (subject.kind == SubjectKind::source) sources_.erase(subject.key);
  if (subject.kind != SubjectKind::representation && subject.kind != SubjectKind::checkpoint) return;
  directories_.erase(subject.key);
  const auto above = directories_.find(parent_of(subject.key));
  if (above != directories_.end())
    above->second.bad_files.erase(subject.key.substr(subject.key.rfind('/') + 1));
}

const SourceFacts* KnownFacts::source(const std::string& key) const {
  const auto found = sources_.find(key);
  return found == sources_.end() ? nullptr : &found->second;
}

StepCell KnownFacts::cell(const std::string& directory, std::int64_t step, bool read_inside,
                          std::string_view otherwise) const {
  StepCell cell;
  cell.step = step;
  const auto found = directories_.find(directory);
  if (found == directories_.end()) {
    cell.state = StepCell::State::in_progress;
    cell.detail = "not looked at yet";
    return cell;
  }
  const Directory& known = found->second;
  for (const auto& [kind, words] : known.critical) join(cell.detail, words);
  for (const auto& [file, wrong] : known.bad_files) join(cell.detail, file + " " + wrong);
  if (is_bad(known.verdict)) join(cell.detail, known.detail.empty() ? known.verdict : known.detail);
  if (!cell.detail.empty()) {
    cell.state = StepCell::State::bad;
  } else if (known.verdict.empty() || known.verdict == "in_progress") {
    cell.state = StepCell::State::in_progress;
    cell.detail = known.detail.empty() ? "being written" : known.detail;
  } else if (known.read) {
    cell.state = StepCell::State::ok;
  } else {
    cell.detail = read_inside ? "waits to be read" : otherwise;
  }
  for (const auto& [kind, words] : known.warning) join(cell.detail, words);
  if (cell.state == StepCell::State::ok && !known.forward_detail.empty())
    join(cell.detail, "no forward pass: " + known.forward_detail);
  return cell;
}

}  // namespace redflag::daemon
