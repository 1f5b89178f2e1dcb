// yaml-cpp is used for its scanner and its events only. What it lets pass is checked here: duplicate keys are
// kept for the reader to refuse, quotes that are never closed, further documents, tags, merge keys, and its
// end-of-input mark (byte 4).
#include "daemon/config/yaml_tree.h"

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

namespace redflag::daemon::settings {
namespace {

constexpr std::size_t npos = std::string_view::npos;
constexpr std::size_t kEnoughErrors = 50;
using Level = ConfigDiagnostic::Level;

struct Refused {
  Place place;
  std::string message;
  std::string help;
};

std::size_t to_index(int value) {
  return value > 0 ? static_cast<std::size_t>(value) : 0;
}

class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(const SourceText& source, std::size_t first_line) : source_(source), first_line_(first_line) {}

  Place place(const YAML::Mark& mark) const {
    return {to_index(mark.line) + first_line_, to_index(mark.column), 1};
  }
  NodePtr take_root() { return std::move(root_); }
  /// Start of the last quoted scalar that went over more than one line: the suspect when what follows makes
  /// no sense.
  std::optional<Place> long_quote() const { return long_quote_; }
  /// The innermost [ or { that is open.
  std::optional<Place> open_bracket() const {
    if (open_.empty() || !open_.back().flow) return std::nullopt;
    return open_.back().node.place;
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ < 2) return;
    throw Refused{place(mark), "a second document begins here",
                  "redflag reads one document: remove this \"---\""};
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node node;
    node.place = place(mark);
    finish(std::move(node), anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node;
    node.type = Node::Type::scalar;
    node.place = place(mark);
    refuse_tag(tag, node.place);
    node.text = value;
    node.quoted = tag == "!";
    measure(node);
    finish(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end())
      throw Refused{place(mark), "an alias refers to what it is itself a part of", ""};
    add(found->second, place(mark));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    open(Node::Type::list, mark, tag, anchor, style == YAML::EmitterStyle::Flow);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    open(Node::Type::map, mark, tag, anchor, style == YAML::EmitterStyle::Flow);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    Node node;
    YAML::anchor_t anchor = 0;
    bool flow = false;  // in [] or {}
    NodePtr key;        // of a map: waiting for its value
  };

  void refuse_tag(const std::string& tag, const Place& where) const {
    if (tag.empty() || tag == "?" || tag == "!") return;
    throw Refused{where, "YAML tags are not used here", "remove the word that begins with !"};
  }

  void open(Node::Type type, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            bool flow) {
    Open next;
    next.node.type = type;
    next.node.place = place(mark);
    next.anchor = anchor;
    next.flow = flow;
    refuse_tag(tag, next.node.place);
    if (open_.size() >= kMaxDepth)
      throw Refused{next.node.place, fmt::format("nested more than {} levels deep", kMaxDepth), ""};
    open_.push_back(std::move(next));
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    finish(std::move(done.node), done.anchor);
  }

  void finish(Node node, YAML::anchor_t anchor) {
    const Place where = node.place;
    auto shared = std::make_shared<const Node>(std::move(node));
    if (anchor != 0) anchors_[anchor] = shared;
    add(std::move(shared), where);
  }

  void add(NodePtr node, const Place& where) {
    total_ += node->weight;
    if (total_ > kMaxWeight)
      throw Refused{where, fmt::format("more than {} values, counting what aliases repeat", kMaxWeight), ""};
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    parent.node.weight += node->weight;
    if (parent.node.type == Node::Type::list) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.key) {
      parent.key = std::move(node);
    } else {
      parent.node.entries.emplace_back(std::move(parent.key), std::move(node));
      parent.key = nullptr;
    }
  }

  /// How much of the line the caret underlines, and whether an opened quote is closed.
  void measure(Node& node) {
    const std::string_view line = source_.line(node.place.line);
    std::size_t at = std::min(node.place.byte, line.size());
    while (at < line.size() && line[at] == '&') {  // yaml-cpp marks an anchored value at its anchor
      at = std::min(line.find_first_of(" \t", at), line.size());
      at = std::min(line.find_first_not_of(" \t", at), line.size());
    }
    const char quote = node.quoted && at < line.size() ? line[at] : '\0';
    if (quote != '"' && quote != '\'') {
      if (!node.quoted && line.substr(at).starts_with(node.text)) {
        node.place.byte = at;
        node.place.length = std::max<std::size_t>(node.text.size(), 1);
      }
      return;
    }
    node.place.byte = at;
    const std::string_view rest = source_.text().substr(source_.offset(node.place.line) + at);
    std::size_t end = 1;
    for (;; ++end) {
      if (end >= rest.size()) throw Refused{node.place, "this quote is never closed", ""};
      if (quote == '"' && rest[end] == '\\')
        ++end;
      else if (rest[end] == quote && quote == '\'' && end + 1 < rest.size() && rest[end + 1] == quote)
        ++end;
      else if (rest[end] == quote)
        break;
    }
    if (rest.substr(0, end).find('\n') != npos) long_quote_ = node.place;
    node.place.length = std::min(end + 1, line.size() - at);
  }

  const SourceText& source_;
  std::size_t first_line_;
  std::size_t documents_ = 0;
  std::size_t total_ = 0;
  NodePtr root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, NodePtr> anchors_;
  std::optional<Place> long_quote_;
};

/// yaml-cpp's words as a person would say them.
Refused explain(const std::string& what, Place place, std::string_view line, std::optional<Place> bracket) {
  const std::string_view rest = line.substr(std::min(place.byte, line.size()));
  const auto has = [&](std::string_view part) { return what.find(part) != std::string::npos; };
  if (has("end of map not found")) {
    if (line.substr(0, std::min(place.byte, line.size())).find_first_not_of(' ') == npos)
      return {place, "this line's indentation fits nothing above it",
              "align it with the keys of the section it belongs to"};
    return {place, "something follows that does not belong to the value before it",
            "is a quote or a comma misplaced?"};
  }
  if (has("end of sequence flow not found") || has("end of map flow not found")) {
    const bool list = has("sequence");
    const std::string help = fmt::format("is a comma or a {} missing?", list ? "]" : "}");
    if (bracket && bracket->line != place.line)
      return {*bracket, fmt::format("this {} is never closed", list ? "[" : "{"), help};
    return {place, fmt::format("this does not belong into the {} before it", list ? "list" : "map"), help};
  }
  if (has("end of sequence not found"))
    return {place, "expected another list item (\"- \") or less indentation",
            "align it with the items above"};
  if (has("illegal map value"))
    return {place, "a \"key: value\" cannot begin here",
            "is the line indented too far, or does a text with \": \" in it lack its quotes?"};
  if (has("anchor is not defined"))
    return {place, "\"*\" refers to an anchor (\"&name\") that does not exist",
            "put a text that begins with * in quotes"};
  if (has("unknown token"))
    return {place,
            fmt::format("a value cannot begin with {}", in_quotes(rest.substr(0, utf8_length(rest, 0)))),
            "put it in quotes"};
  return {place, "this is not valid YAML: " + shown(what), ""};
}

struct Attempt {
  NodePtr root;
  std::optional<Refused> error;
};

/// Parses text that starts at `first_line` of the source.
Attempt attempt(const SourceText& source, std::string_view text, std::size_t first_line) {
  Attempt result;
  TreeBuilder builder(source, first_line);
  try {
    std::istringstream in{std::string(text)};
    YAML::Parser parser(in);
    while (parser.HandleNextDocument(builder)) {
    }
    result.root = builder.take_root();
  } catch (const Refused& refused) {
    result.error = refused;
  } catch (const YAML::Exception& e) {
    const Place place = builder.place(e.mark);
    result.error = explain(e.msg, place, source.line(place.line), builder.open_bracket());
  } catch (const std::exception&) {
    result.error = Refused{{first_line, 0, 1}, "this is not valid YAML", ""};
  }
  const std::optional<Place> quote = builder.long_quote();
  if (result.error && quote && quote->line < result.error->place.line)
    result.error->help =
        fmt::format("the quote opened on line {} is not closed on that line", quote->line + 1);
  return result;
}

/// What yaml-cpp would misread or not place well. One finding a line.
std::vector<bool> check_bytes(const SourceText& source, ConfigDiagnostics& found) {
  std::vector<bool> bad(source.lines(), false);
  for (std::size_t i = 0; i < source.lines(); ++i) {
    const std::string_view line = source.line(i);
    const auto report = [&](std::size_t byte, std::string message, std::string help) {
      bad[i] = true;
      if (found.list.size() < kEnoughErrors)
        found.list.push_back(
            source.diagnose(Level::error, {i, byte, 1}, std::move(message), std::move(help)));
    };
    const std::size_t indent = std::min(line.find_first_not_of(" \t"), line.size());
    const std::size_t tab = line.substr(0, indent).find('\t');
    if (tab != npos && indent < line.size() && line[indent] != '#')
      report(tab, "a tab in the indentation", "indent with spaces");
    for (std::size_t at = 0; at < line.size() && !bad[i];) {
      const std::size_t length = utf8_length(line, at);
      const auto byte = static_cast<unsigned char>(line[at]);
      if (length == 0) report(at, "this is not UTF-8", "save the file in UTF-8");
      if (length == 1 && ((byte < 0x20 && byte != '\t') || byte == 0x7f))
        report(at, fmt::format("a control character (byte 0x{:02x})", byte), "remove it");
      at += std::max<std::size_t>(length, 1);
    }
  }
  return bad;
}

/// Does a new top-level key (or document) begin on this line?
bool starts_block(std::string_view line) {
  return !line.empty() && std::string_view(" \t#-]}").find(line.front()) == npos;
}

/// Reads the file block by block, so that one broken block does not hide what else is wrong.
NodePtr read_blocks(const SourceText& source, const std::vector<bool>& bad, std::optional<Refused> whole,
                    ConfigDiagnostics& found) {
  Node root;
  root.type = Node::Type::map;
  const std::size_t before = found.list.size();
  const bool bytes_bad = std::find(bad.begin(), bad.end(), true) != bad.end();
  const bool anchors = source.text().find('&') != npos;
  for (std::size_t first = 0; first < source.lines();) {
    std::size_t last = first + 1;
    while (last < source.lines() && !starts_block(source.line(last))) ++last;
    const std::size_t begin = source.offset(first);
    const std::string_view text = source.text().substr(begin, source.offset(last) - begin);
    const bool skip = std::find(bad.begin() + static_cast<std::ptrdiff_t>(first),
                                bad.begin() + static_cast<std::ptrdiff_t>(last),
                                true) != bad.begin() + static_cast<std::ptrdiff_t>(last) ||
                      text.starts_with("---") || text.starts_with("...") || text.starts_with('%');
    if (!skip && found.list.size() < kEnoughErrors) {
      Attempt block = attempt(source, text, first);
      // An alias to an anchor of another block cannot be resolved here; that is no error of the file's.
      const bool unresolved =
          block.error && anchors && block.error->message.find("refers to an anchor") != std::string::npos;
      if (block.root && !block.error && block.root->type == Node::Type::map) {
        root.weight += block.root->weight;
        root.entries.insert(root.entries.end(), block.root->entries.begin(), block.root->entries.end());
      } else if (block.root && !block.error) {
        block.error = Refused{block.root->place, "expected \"key: value\"", ""};
      }
      if (block.error && !unresolved)
        found.list.push_back(
            source.diagnose(Level::error, block.error->place, block.error->message, block.error->help));
    }
    first = last;
  }
  if (found.list.size() == before && whole && !bytes_bad)
    found.list.push_back(source.diagnose(Level::error, whole->place, whole->message, whole->help));
  if (root.weight > kMaxWeight) return nullptr;
  return std::make_shared<const Node>(std::move(root));
}

/// Hides the values of keys that hold secrets, also where the text alone did not show them (escapes in the
/// key, "? key").
void hide_secrets(const Node& node, SourceText& source) {
  for (const NodePtr& item : node.items) hide_secrets(*item, source);
  for (const auto& [key, value] : node.entries) {
    if (key->type == Node::Type::scalar && names_secret(key->text))
      source.hide(value->place.line, value->place.byte);
    hide_secrets(*value, source);
  }
}

}  // namespace

NodePtr read_yaml(SourceText& source, ConfigDiagnostics& found) {
  if (source.text().size() > kMaxConfigBytes) {
    ConfigDiagnostic diagnostic;
    diagnostic.where = shown(source.name());
    diagnostic.message =
        fmt::format("larger than {} KiB: this cannot be redflag's configuration", kMaxConfigBytes / 1024);
    found.list.push_back(std::move(diagnostic));
    return nullptr;
  }
  const std::vector<bool> bad = check_bytes(source, found);
  NodePtr root;
  std::optional<Refused> error;
  if (found.list.empty()) {
    Attempt whole = attempt(source, source.text(), 0);
    root = std::move(whole.root);
    error = std::move(whole.error);
  }
  if (error || !found.list.empty()) root = read_blocks(source, bad, std::move(error), found);
  if (root) hide_secrets(*root, source);
  return root;
}

}  // namespace redflag::daemon::settings
