#include "daemon/tensors/pickle.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "daemon/tensors/failure.h"

namespace redflag::tensors {
namespace {

constexpr std::size_t kBudget = 32'000'000;  // bytes
constexpr std::size_t kMaxGlobals = 10'000;
constexpr std::size_t kMaxLine = 65'536;

}  // namespace

std::string_view Pickle::text(NodeId id) const {
  const Node& node = nodes_[id];
  if (node.type != NodeType::text && node.type != NodeType::global) return {};
  return std::string_view(pool_).substr(static_cast<std::size_t>(node.offset),
                                        static_cast<std::size_t>(node.length));
}

const std::vector<NodeId>& Pickle::items(NodeId id) const {
  static const std::vector<NodeId> kNone;
  const std::uint32_t at = nodes_[id].items;
  return at == kNoNode ? kNone : lists_[at];
}

/// Buffered reading, the stack, the memo. The first failure is kept and ends it.
class PickleMachine {
 public:
  PickleMachine(const ByteSource& source, std::uint64_t begin, std::uint64_t end)
      : source_(source), begin_(begin), end_(std::min(end, source.size())), at_(begin) {}

  tl::expected<Pickle, ReadFailure> run() {
    while (!done_ && !failure_) step();
    if (failure_) return Failed(std::move(*failure_));
    return std::move(out_);
  }

 private:
  using Ids = std::vector<NodeId>;

  // --- failing ---

  void fail(Failed failed) {
    if (!failure_) failure_ = std::move(failed.value());
  }
  void broken(const std::string& what) {
    fail(damaged(fmt::format("pickle: {} at byte {}", what, commas(op_at_ - begin_))));
  }
  bool spend(std::size_t bytes) {
    spent_ += bytes;
    if (spent_ <= kBudget) return true;
    fail(refused(fmt::format("the pickle's structure takes more than {} MB", kBudget / 1'000'000)));
    return false;
  }

  // --- bytes ---

  std::uint64_t left() const { return end_ - at_; }

  /// The next `length` (at most 65,536) bytes; empty after a failure.
  std::string_view take(std::size_t length) {
    if (length > left()) {
      fail(truncated(fmt::format("the pickle ends inside an instruction at byte {}; {} bytes",
                                 commas(op_at_ - begin_), commas(end_ - begin_))));
      return {};
    }
    if (at_ < buffer_at_ || at_ + length > buffer_at_ + buffer_.size()) {
      buffer_ = source_.bytes(at_, static_cast<std::size_t>(std::min<std::uint64_t>(left(), 2 * kMaxLine)));
      buffer_at_ = at_;
      if (buffer_.size() < length) {
        fail(Failed(ReadFailure{Verdict::in_progress, "it became shorter while it was read"}));
        return {};
      }
    }
    const std::string_view bytes =
        std::string_view(buffer_).substr(static_cast<std::size_t>(at_ - buffer_at_), length);
    at_ += length;
    return bytes;
  }

  std::uint64_t number(std::size_t width) {
    const std::string_view bytes = take(width);
    return failure_ ? 0 : little_endian(bytes, 0, width);
  }

  /// Up to and without the next newline.
  std::string line() {
    std::string out;
    while (!failure_) {
      const std::string_view c = take(1);
      if (failure_ || c[0] == '\n') break;
      out += c[0];
      if (out.size() > kMaxLine) broken("a line longer than 65,536 bytes");
    }
    return out;
  }

  bool announced(std::uint64_t length, const char* what) {
    if (failure_) return false;
    if (length <= left()) return true;
    fail(damaged(fmt::format("pickle: {} of {} bytes announced at byte {}, {} are left", what, commas(length),
                             commas(op_at_ - begin_), commas(left()))));
    return false;
  }

  // --- nodes ---

  NodeId add(Node node) {
    if (!spend(sizeof(Node))) return 0;
    out_.nodes_.push_back(node);
    return static_cast<NodeId>(out_.nodes_.size() - 1);
  }
  void push(NodeId id) {
    if (failure_ || !spend(sizeof(NodeId))) return;
    stack_.push_back(id);
  }
  void push_new(NodeType type, std::int64_t integer = 0) {
    Node node;
    node.type = type;
    node.integer = integer;
    push(add(node));
  }
  void push_real(double value) {
    Node node;
    node.type = NodeType::real;
    node.real = value;
    push(add(node));
  }
  NodeId with_items(NodeType type, Ids items) {
    Node node;
    node.type = type;
    if (!spend(sizeof(Ids) + items.size() * sizeof(NodeId))) return 0;
    node.items = static_cast<std::uint32_t>(out_.lists_.size());
    out_.lists_.push_back(std::move(items));
    return add(node);
  }
  NodeId pooled(NodeType type, std::string_view text) {
    Node node;
    node.type = type;
    node.offset = out_.pool_.size();
    node.length = text.size();
    if (!spend(text.size())) return 0;
    out_.pool_.append(text);
    return add(node);
  }
  void push_text(std::uint64_t length) {
    if (!announced(length, "a text")) return;
    if (length > kMaxLine) return push_bytes(length, "a text");  // too long for a name: its place is enough
    const std::string_view text = take(static_cast<std::size_t>(length));
    if (!failure_) push(pooled(NodeType::text, text));
  }
  void push_bytes(std::uint64_t length, const char* what = "bytes") {
    if (!announced(length, what)) return;
    Node node;
    node.type = NodeType::bytes;
    node.offset = at_;
    node.length = length;
    at_ += length;
    push(add(node));
  }
  void push_long(std::uint64_t length) {
    if (!announced(length, "a number")) return;
    if (length > 8) {
      Node node;
      node.type = NodeType::big_integer;
      node.offset = at_;
      node.length = length;
      at_ += length;
      return push(add(node));
    }
    const std::string_view bytes = take(static_cast<std::size_t>(length));
    if (failure_) return;
    std::uint64_t value = little_endian(bytes, 0, bytes.size());
    const std::size_t bits = bytes.size() * 8;
    if (bits != 0 && bits < 64 && (value >> (bits - 1) & 1U) != 0) value |= ~std::uint64_t{0} << bits;
    push_new(NodeType::integer, static_cast<std::int64_t>(value));
  }
  NodeId global(std::string_view module, std::string_view name) {
    const std::string both = fmt::format("{} {}", module, name);
    if (out_.globals_.size() < kMaxGlobals && known_globals_.insert(both).second) {
      if (!spend(2 * both.size() + 128)) return 0;
      out_.globals_.push_back(both);
    }
    return pooled(NodeType::global, both);
  }
  NodeId call(NodeId callee, Ids arguments) {
    const std::size_t count = arguments.size();
    const NodeId id = with_items(NodeType::call, std::move(arguments));
    if (failure_) return 0;
    out_.nodes_[id].callee = callee;
    out_.nodes_[id].length = count;
    return id;
  }

  // --- stack ---

  NodeId pop() {
    const std::size_t floor = marks_.empty() ? 0 : marks_.back();
    if (stack_.size() <= floor) {
      broken("takes from an empty stack");
      return 0;
    }
    const NodeId id = stack_.back();
    stack_.pop_back();
    return id;
  }
  NodeId top() {
    const std::size_t floor = marks_.empty() ? 0 : marks_.back();
    if (stack_.size() > floor) return stack_.back();
    broken("looks at an empty stack");
    return 0;
  }
  Ids pop_to_mark() {
    if (marks_.empty()) {
      broken("no mark on the stack");
      return {};
    }
    const auto from = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    Ids items(from, stack_.end());
    stack_.erase(from, stack_.end());
    marks_.pop_back();
    return items;
  }
  void push_tuple(std::size_t count) {
    Ids items(count);
    for (std::size_t i = count; i-- > 0;) items[i] = pop();
    if (!failure_) push(with_items(NodeType::list, std::move(items)));
  }
  /// Appends to the list, dict or call on top of the stack. What else is there cannot hold items.
  void extend(const Ids& items, bool pairs) {
    const NodeId target = top();
    if (failure_) return;
    const NodeType type = out_.nodes_[target].type;
    const bool fits = type == NodeType::call || (type == NodeType::dict) == pairs;
    if (!fits || (type != NodeType::call && type != NodeType::list && type != NodeType::dict)) {
      return broken("puts items into something that holds none");
    }
    if (pairs && items.size() % 2 != 0) return broken("a key without a value");
    if (!spend(items.size() * sizeof(NodeId))) return;
    Ids& list = out_.lists_[out_.nodes_[target].items];
    list.insert(list.end(), items.begin(), items.end());
  }
  void store(std::uint64_t slot) {
    const NodeId id = top();
    if (failure_ || !spend(48)) return;
    memo_[slot] = id;
  }
  void recall(std::uint64_t slot) {
    if (failure_) return;
    const auto found = memo_.find(slot);
    if (found == memo_.end()) return broken(fmt::format("asks for memo {} that was never stored", slot));
    push(found->second);
  }

  void step();
  void step_text_form(char op);
  void step_objects(unsigned char op);
  bool step_scalar(unsigned char op);

  const ByteSource& source_;
  std::uint64_t begin_, end_, at_;
  std::uint64_t op_at_ = 0;
  std::string buffer_;
  std::uint64_t buffer_at_ = 0;
  Pickle out_;
  Ids stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, NodeId> memo_;
  std::unordered_set<std::string> known_globals_;
  std::size_t spent_ = 0;
  bool done_ = false;
  std::optional<ReadFailure> failure_;
};

/// Numbers and texts; false when `op` is another.
bool PickleMachine::step_scalar(unsigned char op) {
  switch (op) {
    case 'N':
      push_new(NodeType::none);
      return true;
    case 0x88:
      push_new(NodeType::boolean, 1);
      return true;
    case 0x89:
      push_new(NodeType::boolean, 0);
      return true;
    case 'J':
      push_new(NodeType::integer, static_cast<std::int32_t>(number(4)));
      return true;
    case 'K':
      push_new(NodeType::integer, static_cast<std::int64_t>(number(1)));
      return true;
    case 'M':
      push_new(NodeType::integer, static_cast<std::int64_t>(number(2)));
      return true;
    case 0x8a:
      push_long(number(1));
      return true;
    case 0x8b:
      push_long(number(4));
      return true;
    case 'G': {
      const std::string_view bytes = take(8);
      if (failure_) return true;
      std::uint64_t bits = 0;
      for (const char c : bytes) bits = bits << 8 | static_cast<unsigned char>(c);
      double value = 0;
      std::memcpy(&value, &bits, sizeof value);
      push_real(value);
      return true;
    }
    case 'T':
      push_text(number(4));
      return true;
    case 'U':
      push_text(number(1));
      return true;
    case 'X':
      push_text(number(4));
      return true;
    case 0x8c:
      push_text(number(1));
      return true;
    case 0x8d:
      push_text(number(8));
      return true;
    case 'B':
      push_bytes(number(4));
      return true;
    case 'C':
      push_bytes(number(1));
      return true;
    case 0x8e:
    case 0x96:
      push_bytes(number(8));
      return true;
    default:
      return false;
  }
}

/// Protocol 0: arguments as lines of text.
void PickleMachine::step_text_form(char op) {
  const std::string text = line();
  if (failure_) return;
  char* end = nullptr;
  switch (op) {
    case 'I':
      if (text == "00" || text == "01") return push_new(NodeType::boolean, text == "01" ? 1 : 0);
      [[fallthrough]];
    case 'L': {
      const long long value = std::strtoll(text.c_str(), &end, 10);
      if (end == text.c_str() || (*end != '\0' && *end != 'L')) return broken("not a number");
      return push_new(NodeType::integer, value);
    }
    case 'F': {
      const double value = std::strtod(text.c_str(), &end);
      if (end == text.c_str() || *end != '\0') return broken("not a number");
      return push_real(value);
    }
    case 'S':
      return push(pooled(NodeType::text, text.size() < 2
                                             ? std::string_view()
                                             : std::string_view(text).substr(1, text.size() - 2)));
    case 'V':
      return push(pooled(NodeType::text, text));
    case 'P': {
      const NodeId id = pooled(NodeType::text, text);
      return push(with_items(NodeType::persistent, {id}));
    }
    case 'c': {
      const std::string name = line();
      return push(global(text, name));
    }
    case 'i': {
      const std::string name = line();
      const NodeId callee = global(text, name);
      Ids arguments = pop_to_mark();
      return push(failure_ ? 0 : call(callee, std::move(arguments)));
    }
    case 'g':
      return recall(std::strtoull(text.c_str(), nullptr, 10));
    default:
      return store(std::strtoull(text.c_str(), nullptr, 10));  // 'p'
  }
}

/// What builds containers and calls.
void PickleMachine::step_objects(unsigned char op) {
  switch (op) {
    case '(':
      if (spend(sizeof(std::size_t))) marks_.push_back(stack_.size());
      return;
    case '0':
      if (!marks_.empty() && stack_.size() == marks_.back()) return marks_.pop_back();
      pop();
      return;
    case '1':
      pop_to_mark();
      return;
    case '2':
      return push(top());
    case ')':
    case ']':
    case 0x8f:
      return push(with_items(NodeType::list, {}));
    case '}':
      return push(with_items(NodeType::dict, {}));
    case 't':
    case 'l':
    case 0x91: {
      Ids items = pop_to_mark();
      return push(failure_ ? 0 : with_items(NodeType::list, std::move(items)));
    }
    case 'd': {
      Ids items = pop_to_mark();
      if (items.size() % 2 != 0) return broken("a key without a value");
      return push(failure_ ? 0 : with_items(NodeType::dict, std::move(items)));
    }
    case 0x85:
      return push_tuple(1);
    case 0x86:
      return push_tuple(2);
    case 0x87:
      return push_tuple(3);
    case 'a': {
      const NodeId item = pop();
      return failure_ ? void() : extend({item}, false);
    }
    case 's': {
      const NodeId value = pop();
      const NodeId key = pop();
      return failure_ ? void() : extend({key, value}, true);
    }
    case 'e':
    case 0x90: {
      const Ids items = pop_to_mark();
      return failure_ ? void() : extend(items, false);
    }
    case 'u': {
      const Ids items = pop_to_mark();
      return failure_ ? void() : extend(items, true);
    }
    case 'R':
    case 0x81: {  // REDUCE and NEWOBJ: callable and a tuple of arguments
      const NodeId arguments = pop();
      const NodeId callee = pop();
      if (failure_) return;
      if (out_.nodes_[arguments].type != NodeType::list) return push(call(callee, {arguments}));
      return push(call(callee, out_.items(arguments)));
    }
    case 0x92: {  // NEWOBJ_EX
      const NodeId keywords = pop();
      const NodeId arguments = pop();
      const NodeId callee = pop();
      return failure_ ? void() : push(call(callee, {arguments, keywords}));
    }
    case 'o': {
      Ids items = pop_to_mark();
      if (failure_) return;
      if (items.empty()) return broken("an object without a class");
      const NodeId callee = items.front();
      items.erase(items.begin());
      return push(call(callee, std::move(items)));
    }
    case 'b': {
      const NodeId state = pop();
      const NodeId target = top();
      if (failure_) return;
      out_.nodes_[target].state = state;  // of other types too: it is looked at, never applied
      return;
    }
    case 'Q': {
      const NodeId id = pop();
      return failure_ ? void() : push(with_items(NodeType::persistent, {id}));
    }
    case 0x93: {
      const NodeId name = pop();
      const NodeId module = pop();
      if (failure_) return;
      if (out_.nodes_[name].type != NodeType::text || out_.nodes_[module].type != NodeType::text) {
        return broken("a global whose name is no text");
      }
      return push(global(std::string(out_.text(module)), std::string(out_.text(name))));
    }
    case 0x82:
      number(1);
      return push(global("copyreg", "extension"));
    case 0x83:
      number(2);
      return push(global("copyreg", "extension"));
    case 0x84:
      number(4);
      return push(global("copyreg", "extension"));
    case 'h':
      return recall(number(1));
    case 'j':
      return recall(number(4));
    case 'q': {
      const std::uint64_t slot = number(1);
      return failure_ ? void() : store(slot);
    }
    case 'r': {
      const std::uint64_t slot = number(4);
      return failure_ ? void() : store(slot);
    }
    case 0x94:
      return store(memo_.size());
    case 0x97:
      return push_new(NodeType::none);  // NEXT_BUFFER: the bytes are elsewhere
    case 0x98:
      return;
    default:
      return broken(fmt::format("unknown instruction 0x{:02x}", op));
  }
}

void PickleMachine::step() {
  op_at_ = at_;
  if (at_ >= end_) {
    return fail(truncated(fmt::format("the pickle ends without its STOP; {} bytes", commas(end_ - begin_))));
  }
  const std::string_view byte = take(1);
  if (failure_) return;
  const auto op = static_cast<unsigned char>(byte[0]);
  if (op == '.') {
    out_.root_ = pop();
    out_.end_ = at_;
    done_ = true;
    return;
  }
  if (op == 0x80) {
    const std::uint64_t protocol = number(1);
    if (protocol > 5) fail(refused(fmt::format("pickle protocol {}; 0 to 5 are known", protocol)));
    return;
  }
  if (op == 0x95) {
    const std::uint64_t length = number(8);
    announced(length, "a frame");
    return;
  }
  if (step_scalar(op)) return;
  if (std::strchr("ILFSVPcigp", static_cast<char>(op)) != nullptr && op != 0)
    return step_text_form(static_cast<char>(op));
  step_objects(op);
}

tl::expected<Pickle, ReadFailure> read_pickle(const ByteSource& source, std::uint64_t begin,
                                              std::uint64_t end) {
  return PickleMachine(source, begin, end).run();
}

}  // namespace redflag::tensors
