#include "daemon/tensors/torch_objects.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include <fmt/format.h>

#include "daemon/tensors/failure.h"
#include "daemon/tensors/numbers.h"

namespace redflag::tensors {
namespace {

constexpr std::size_t kMaxDepth = 256;
constexpr std::size_t kLongestName = 4096;
constexpr std::size_t kMaxNameBytes = 16'000'000;
constexpr std::size_t kMaxValues = 5'000;
constexpr std::size_t kMaxValueText = 256;
constexpr std::size_t kMaxListed = 64;  // elements of a list of plain values
constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 62;

bool multiply(std::uint64_t a, std::uint64_t b, std::uint64_t& out) {
  return !__builtin_mul_overflow(a, b, &out) && out <= kMaxBytes;
}

class Finder {
 public:
  Finder(const ByteSource& source, const Pickle& pickle)
      : source_(source), pickle_(pickle), seen_(pickle.nodes(), false) {}

  tl::expected<TorchObjects, ReadFailure> run() {
    for (const std::string& each : pickle_.globals()) {
      std::string name = each;
      std::replace(name.begin(), name.end(), ' ', '.');
      out_.globals.push_back(std::move(name));
    }
    find_doubtful_calls();
    later(pickle_.root(), {}, 0);
    // A stack of its own, so that nesting costs no recursion; children are taken one by one, so that width
    // costs nothing.
    while (!todo_.empty() && !failure_) advance();
    if (failure_) return Failed(std::move(*failure_));
    return std::move(out_);
  }

 private:
  struct Visit {
    NodeId node;
    std::string name;
    std::size_t depth;
  };

  void fail(Failed failed) {
    if (!failure_) failure_ = std::move(failed.value());
  }

  /// Of all nodes, also of those that were made and thrown away. Enums and nested classes are pickled as
  /// getattr(class, "member").
  void find_doubtful_calls() {
    for (NodeId id = 0; id < pickle_.nodes() && out_.doubtful_calls.size() < 10; ++id) {
      if (pickle_.node(id).type != NodeType::call) continue;
      const auto [module, name] = callee(id);
      if (name != "getattr" || (module != "builtins" && module != "__builtin__")) continue;
      const auto& items = pickle_.items(id);
      const bool plain = items.size() == 2 && pickle_.node(items[0]).type == NodeType::global &&
                         pickle_.node(items[1]).type == NodeType::text &&
                         pickle_.text(items[1]).substr(0, 2) != "__";
      if (!plain)
        out_.doubtful_calls.push_back(
            items.size() > 1 ? fmt::format("getattr(…, {})", shown(pickle_.text(items[1]))) : "getattr");
    }
  }

  // --- walking ---

  static std::string join(const std::string& name, std::string_view part) {
    if (name.empty()) return std::string(part);
    return fmt::format("{}.{}", name, part);
  }

  /// Children of one node that are still to be visited.
  struct Frame {
    const std::vector<NodeId>* items = nullptr;  ///< null: `one` alone
    NodeId one = kNoNode;
    std::size_t next = 0;
    std::size_t end = 1;
    bool pairs = false;  ///< keys and values in turn
    const char* prefix = "";
    std::string name;
    std::size_t depth = 0;
  };

  /// Visited before whatever was put off earlier.
  void later(NodeId node, std::string name, std::size_t depth) {
    Frame frame;
    frame.one = node;
    frame.name = std::move(name);
    frame.depth = depth;
    todo_.push_back(std::move(frame));
  }

  void advance() {
    Frame& frame = todo_.back();
    if (frame.next >= frame.end) return todo_.pop_back();
    if (frame.items == nullptr) {
      Visit only{frame.one, std::move(frame.name), frame.depth};
      todo_.pop_back();
      return visit(std::move(only));
    }
    const std::size_t i = frame.next;
    const auto& items = *frame.items;
    Visit child{items[i], {}, frame.depth + 1};
    if (frame.pairs) {
      child.node = items[i + 1];
      child.name = join(frame.name, key_text(items[i]));
    } else {
      child.name = join(frame.name, fmt::format("{}{}", frame.prefix, i));
    }
    frame.next += frame.pairs ? 2 : 1;
    if (child.name.size() > kLongestName) return fail(refused("a name in it is longer than 4,096 bytes"));
    visit(std::move(child));
  }

  void put_off(const Visit& at, const std::vector<NodeId>& items, std::size_t from, std::size_t end,
               bool pairs, const char* prefix = "") {
    if (from >= end) return;
    Frame frame;
    frame.items = &items;
    frame.next = from;
    frame.end = end;
    frame.pairs = pairs;
    frame.prefix = prefix;
    frame.name = at.name;
    frame.depth = at.depth;
    todo_.push_back(std::move(frame));
  }

  void visit(Visit at) {
    const Node& node = pickle_.node(at.node);
    switch (node.type) {
      case NodeType::list:
      case NodeType::dict:
      case NodeType::call:
        break;
      case NodeType::persistent:
        return bare_storage(at);
      case NodeType::global:
        return value(at.name, std::string(pickle_.text(at.node)));
      default:
        return plain(at);
    }
    if (at.depth > kMaxDepth) return fail(refused(fmt::format("nested more than {} levels deep", kMaxDepth)));
    if (node.type == NodeType::call && tensor_call(at)) return;
    // A container met twice is named once; tensors are named wherever they are met.
    if (seen_[at.node]) return;
    seen_[at.node] = true;
    if (node.type == NodeType::call) return general_call(at);
    const auto& items = pickle_.items(at.node);
    node.type == NodeType::list ? visit_list(at, items, 0)
                                : put_off(at, items, 0, items.size() / 2 * 2, true);
  }

  void visit_list(const Visit& at, const std::vector<NodeId>& items, std::size_t from) {
    const auto begin = items.begin() + static_cast<std::ptrdiff_t>(from);
    const bool plain_only = std::all_of(begin, items.end(), [&](NodeId id) { return is_plain(id); });
    const std::size_t count = items.size() - from;
    if (!at.name.empty() || !plain_only) value(join(at.name, "length"), static_cast<double>(count));
    if (!plain_only || count <= kMaxListed) put_off(at, items, from, items.size(), false);
  }

  bool is_plain(NodeId id) const {
    const NodeType type = pickle_.node(id).type;
    return type != NodeType::list && type != NodeType::dict && type != NodeType::call &&
           type != NodeType::persistent;
  }

  std::string key_text(NodeId id) const {
    const Node& node = pickle_.node(id);
    switch (node.type) {
      case NodeType::text:
        return std::string(pickle_.text(id).substr(0, 512));
      case NodeType::integer:
        return std::to_string(node.integer);
      case NodeType::boolean:
        return node.integer != 0 ? "True" : "False";
      case NodeType::real:
        return fmt::format("{}", node.real);
      case NodeType::none:
        return "None";
      default:
        return "?";
    }
  }

  // --- values ---

  void value(const std::string& name, Value what) {
    if (out_.values.size() < kMaxValues)
      out_.values.emplace_back(name.empty() ? "value" : name, std::move(what));
  }

  void plain(const Visit& at) {
    const Node& node = pickle_.node(at.node);
    switch (node.type) {
      case NodeType::none:
        return value(at.name, std::string("null"));
      case NodeType::boolean:
        return value(at.name, node.integer != 0);
      case NodeType::integer:
        return value(at.name, static_cast<double>(node.integer));
      case NodeType::real:
        return value(at.name, node.real);
      case NodeType::text:
        return value(at.name, std::string(pickle_.text(at.node).substr(0, kMaxValueText)));
      case NodeType::big_integer:
        return value(at.name, fmt::format("an integer of {} bytes", node.length));
      case NodeType::bytes:
        return value(at.name, fmt::format("{} bytes", commas(node.length)));
      default:
        return;
    }
  }

  // --- calls ---

  /// "torch._utils _rebuild_tensor_v2" → {"torch._utils", "_rebuild_tensor_v2"}.
  std::pair<std::string_view, std::string_view> callee(NodeId call) const {
    const NodeId id = pickle_.node(call).callee;
    if (id == kNoNode || pickle_.node(id).type != NodeType::global) return {};
    const std::string_view both = pickle_.text(id);
    const std::size_t space = both.find(' ');
    return {both.substr(0, space), both.substr(space + 1)};
  }

  /// A call that makes a tensor, or wraps one. True when it was dealt with.
  bool tensor_call(const Visit& at) {
    const auto [module, name] = callee(at.node);
    const auto& items = pickle_.items(at.node);
    const bool torch = module.substr(0, 5) == "torch";
    if (torch && (name == "_rebuild_tensor_v2" || name == "_rebuild_tensor" || name == "_rebuild_qtensor")) {
      if (items.size() < 4)
        return fail(damaged(fmt::format("tensor {} lacks arguments", shown(at.name)))), true;
      tensor(at.name, items[0], items[1], items[2], items[3], kNoNode, name == "_rebuild_qtensor");
      return true;
    }
    if (torch && name == "_rebuild_tensor_v3") {
      if (items.size() < 7)
        return fail(damaged(fmt::format("tensor {} lacks arguments", shown(at.name)))), true;
      tensor(at.name, items[0], items[1], items[2], items[3], items[6], false);
      return true;
    }
    if (torch &&
        (name == "_rebuild_parameter" || name == "_rebuild_parameter_with_state" ||
         name == "_rebuild_device_tensor_from_numpy" || name == "_rebuild_device_tensor_from_cpu_tensor")) {
      if (!items.empty()) later(items[0], at.name, at.depth + 1);
      return true;
    }
    if (torch && name == "_rebuild_from_type_v2" && items.size() >= 3) {
      return wrapped_call(at, items[0], items[2]);
    }
    if (name == "ndarray" || name == "_reconstruct" || name == "_frombuffer")
      return numpy_array(at, name == "_frombuffer");
    return false;
  }

  /// _rebuild_from_type_v2(function, type, arguments, state): the function is one of the above.
  bool wrapped_call(const Visit& at, NodeId function, NodeId arguments) {
    const auto& items = pickle_.items(arguments);
    if (pickle_.node(function).type != NodeType::global || items.size() < 4) return false;
    const std::string_view name = pickle_.text(function);
    const bool third = name.size() > 3 && name.substr(name.size() - 3) == "_v3";
    if (name.find("_rebuild_tensor") == std::string_view::npos || (third && items.size() < 7)) return false;
    tensor(at.name, items[0], items[1], items[2], items[3], third ? items[6] : kNoNode, false);
    return true;
  }

  void general_call(const Visit& at) {
    const Node& node = pickle_.node(at.node);
    const auto& items = pickle_.items(at.node);
    const std::size_t arguments = std::min(pickle_.arguments(at.node), items.size());
    const auto [module, name] = callee(at.node);
    if (name == "scalar" && module.find("numpy") == 0 && arguments == 2)
      return numpy_scalar(at, items[0], items[1]);
    // The last one put off is visited first: arguments, then what was set on it, then its state.
    if (node.state != kNoNode) later(node.state, at.name, at.depth + 1);
    if (items.size() > arguments) {
      if (name == "deque" || (items.size() - arguments) % 2 != 0) {
        visit_list(at, items, arguments);
      } else {
        put_off(at, items, arguments, items.size(), true);
      }
    }
    if (name.find("_rebuild_sparse") == 0 && arguments >= 2 &&
        pickle_.node(items[1]).type == NodeType::list) {
      sparse_parts(at, pickle_.items(items[1]));
    } else if (arguments == 1) {
      later(items[0], at.name,
            at.depth + 1);  // one is usually the whole thing: an enum's value, torch.Size's tuple
    } else {
      put_off(at, items, 0, arguments, false, "args.");
    }
  }

  void sparse_parts(const Visit& at, const std::vector<NodeId>& parts) {
    // (indices, values, size) of COO; (compressed, plain, values, size) of CSR and its kin.
    const bool coo = parts.size() < 4 || pickle_.node(parts[2]).type != NodeType::call || parts.size() == 3;
    const char* const names_coo[] = {"indices", "values", "size", "coalesced"};
    const char* const names_csr[] = {"crow_indices", "col_indices", "values", "size"};
    for (std::size_t i = std::min<std::size_t>(parts.size(), 4); i-- > 0 && !failure_;) {
      later(parts[i], join(at.name, coo ? names_coo[i] : names_csr[i]), at.depth + 1);
    }
  }

  // --- tensors ---

  std::optional<std::uint64_t> natural(NodeId id) const {
    if (id == kNoNode || pickle_.node(id).type != NodeType::integer || pickle_.node(id).integer < 0)
      return std::nullopt;
    return static_cast<std::uint64_t>(pickle_.node(id).integer);
  }

  /// A list or torch.Size of integers that are not negative.
  std::optional<std::vector<std::int64_t>> sizes(NodeId id) const {
    if (id == kNoNode) return std::nullopt;
    if (pickle_.node(id).type == NodeType::call && pickle_.items(id).size() == 1) id = pickle_.items(id)[0];
    if (pickle_.node(id).type != NodeType::list || pickle_.items(id).size() > 64) return std::nullopt;
    std::vector<std::int64_t> out;
    for (const NodeId each : pickle_.items(id)) {
      const auto size = natural(each);
      if (!size) return std::nullopt;
      out.push_back(static_cast<std::int64_t>(*size));
    }
    return out;
  }

  /// The storage a persistent id means: ('storage', type, key, location, elements[, view]).
  std::optional<std::size_t> storage(NodeId id, const std::string& name) {
    if (id == kNoNode) return std::nullopt;
    // torch.storage.TypedStorage(wrap_storage=…, dtype=…) around it in some versions.
    if (pickle_.node(id).type == NodeType::call && !pickle_.items(id).empty()) id = pickle_.items(id)[0];
    if (pickle_.node(id).type != NodeType::persistent) return std::nullopt;
    const NodeId tuple = pickle_.items(id).front();
    if (pickle_.node(tuple).type != NodeType::list || pickle_.items(tuple).size() < 5) return std::nullopt;
    const auto& parts = pickle_.items(tuple);
    if (pickle_.text(parts[0]) != "storage" || pickle_.node(parts[1]).type != NodeType::global)
      return std::nullopt;
    const std::string_view type = pickle_.text(parts[1]);
    const auto dtype = dtype_of_storage(type.substr(type.rfind(' ') + 1));
    const auto count = natural(parts[4]);
    if (!dtype) {
      fail(refused(fmt::format("tensor {} has a storage of unknown type {}", shown(name), shown(type))));
      return std::nullopt;
    }
    ClaimedStorage claim{key_text(parts[2]), *dtype, 0};
    if (!count || !multiply(*count, size_of(*dtype), claim.bytes)) return std::nullopt;
    const auto [known, fresh] = storage_index_.try_emplace(claim.key, out_.storages.size());
    if (fresh) {
      out_.storages.push_back(std::move(claim));
    } else if (out_.storages[known->second].bytes != claim.bytes) {
      fail(damaged(fmt::format("storage {} is said to have {} bytes and {} bytes", shown(claim.key),
                               commas(out_.storages[known->second].bytes), commas(claim.bytes))));
      return std::nullopt;
    }
    return known->second;
  }

  void tensor(const std::string& name, NodeId storage_node, NodeId offset, NodeId size, NodeId stride,
              NodeId dtype, bool opaque) {
    const auto at = storage(storage_node, name);
    if (failure_) return;
    const auto first = natural(offset);
    auto shape = sizes(size);
    auto strides = sizes(stride);
    if (!at || !first || !shape || !strides || shape->size() != strides->size()) {
      return fail(damaged(fmt::format(
          "tensor {}: its storage, offset, shape or strides are not what they should be", shown(name))));
    }
    TensorEntry entry{name,  out_.storages[*at].dtype, std::move(*shape), std::move(*strides), *at, *first,
                      opaque};
    if (dtype != kNoNode) {
      const std::string_view type =
          pickle_.node(dtype).type == NodeType::global ? pickle_.text(dtype) : std::string_view();
      const auto known = dtype_of_torch(type.substr(type.rfind(' ') + 1));
      if (!known)
        return fail(refused(fmt::format("tensor {} is of the unknown type {}", shown(name), shown(type))));
      entry.dtype = *known;
    }
    check_and_add(std::move(entry), out_.storages[*at].bytes);
  }

  /// The last element it reaches has to lie in its storage; arithmetic that cannot overflow.
  void check_and_add(TensorEntry entry, std::uint64_t storage_bytes) {
    std::uint64_t elements = 1;
    std::uint64_t last = entry.first;
    bool overflow = false;
    for (const std::int64_t size : entry.shape) {
      if (size != 0) overflow = overflow || !multiply(elements, static_cast<std::uint64_t>(size), elements);
    }
    const bool empty = std::find(entry.shape.begin(), entry.shape.end(), 0) != entry.shape.end();
    for (std::size_t i = 0; i < entry.shape.size() && !empty && !overflow; ++i) {
      std::uint64_t reach = 0;
      overflow = !multiply(static_cast<std::uint64_t>(entry.shape[i] - 1),
                           static_cast<std::uint64_t>(entry.strides[i]), reach) ||
                 __builtin_add_overflow(last, reach, &last);
    }
    const std::uint64_t held = storage_bytes / size_of(entry.dtype);
    if (overflow || (!empty && last >= held)) {
      return fail(damaged(fmt::format("tensor {} of shape {} reaches beyond its storage of {} elements",
                                      shown(entry.name), shape_text(entry.shape), commas(held))));
    }
    if (is_contiguous(entry)) entry.strides.clear();
    if ((name_bytes_ += entry.name.size() + 100) > kMaxNameBytes)
      return fail(refused("its tensors' names take more than 16 MB"));
    out_.tensors.push_back(std::move(entry));
  }

  static std::string shape_text(const std::vector<std::int64_t>& shape) {
    return fmt::format("[{}]", fmt::join(shape, ", "));
  }

  static bool is_contiguous(const TensorEntry& entry) {
    std::int64_t expected = 1;
    for (std::size_t i = entry.shape.size(); i-- > 0;) {
      if (entry.shape[i] == 0) return true;
      if (entry.shape[i] != 1 && entry.strides[i] != expected) return false;
      expected *= entry.shape[i];
    }
    return true;
  }

  /// A storage that was saved without a tensor around it.
  void bare_storage(const Visit& at) {
    const auto index = storage(at.node, at.name);
    if (!index || failure_) return;  // other persistent ids (modules of the legacy format) hold no data
    const ClaimedStorage& claim = out_.storages[*index];
    out_.tensors.push_back({at.name,
                            claim.dtype,
                            {static_cast<std::int64_t>(claim.bytes / size_of(claim.dtype))},
                            {},
                            *index,
                            0,
                            false});
  }

  // --- numpy ---

  /// The dtype call: dtype('f4', False, True), with BUILD state (3, '<', …).
  std::optional<DType> numpy_dtype(NodeId id) const {
    if (id == kNoNode || pickle_.node(id).type != NodeType::call || pickle_.items(id).empty())
      return std::nullopt;
    const auto type = dtype_of_numpy(pickle_.text(pickle_.items(id)[0]));
    const NodeId state = pickle_.node(id).state;
    if (state != kNoNode && pickle_.items(state).size() > 1 && pickle_.text(pickle_.items(state)[1]) == ">")
      return std::nullopt;
    return type;
  }

  /// _reconstruct(…) with BUILD state (version, shape, dtype, fortran, data), or _frombuffer(data, dtype,
  /// shape, order).
  bool numpy_array(const Visit& at, bool from_buffer) {
    const NodeId holder = from_buffer ? at.node : pickle_.node(at.node).state;
    if (holder == kNoNode) return false;
    const auto& parts = pickle_.items(holder);
    if (parts.size() < (from_buffer ? 3U : 5U)) return false;
    const NodeId data = from_buffer ? parts[0] : parts[4];
    const auto dtype = numpy_dtype(parts[from_buffer ? 1 : 2]);
    const auto shape = sizes(parts[from_buffer ? 2 : 1]);
    if (!dtype || !shape) return false;
    if (pickle_.node(data).type != NodeType::bytes) {
      // Protocol 2 has no bytes: they come as text in Latin-1, and are not looked at.
      out_.inline_storages.push_back({join(at.name, "data"), 0, 0, std::nullopt});
      out_.tensors.push_back(
          {at.name, *dtype, *shape, {}, kInline + out_.inline_storages.size() - 1, 0, true});
      return true;
    }
    const Node& bytes = pickle_.node(data);
    StorageEntry inside{join(at.name, "data"), bytes.offset, bytes.length, *dtype};
    TensorEntry entry{at.name, *dtype, *shape, {}, kInline + out_.inline_storages.size(), 0, false};
    std::uint64_t needed = size_of(*dtype);
    bool fits = true;
    for (const std::int64_t size : *shape)
      fits = fits && multiply(needed, static_cast<std::uint64_t>(size), needed);
    if (!fits || needed != bytes.length) {
      fail(damaged(fmt::format("array {} of shape {} has {} bytes of data", shown(at.name),
                               shape_text(*shape), commas(bytes.length))));
      return true;
    }
    out_.inline_storages.push_back(std::move(inside));
    out_.tensors.push_back(std::move(entry));
    return true;
  }

  void numpy_scalar(const Visit& at, NodeId type, NodeId data) {
    const auto dtype = numpy_dtype(type);
    std::string bytes;
    const Node& node = pickle_.node(data);
    if (node.type == NodeType::bytes && node.length <= 16) {
      bytes = source_.bytes(node.offset, static_cast<std::size_t>(node.length));
    } else if (node.type == NodeType::call && !pickle_.items(data).empty()) {
      bytes =
          from_latin1(pickle_.text(pickle_.items(data)[0]));  // protocol 2: _codecs.encode(text, 'latin1')
    }
    if (!dtype || bytes.size() != size_of(*dtype)) return value(at.name, std::string("a numpy number"));
    if (const auto number = decode_number(*dtype, bytes)) value(at.name, *number);
  }

  static std::string from_latin1(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto c = static_cast<unsigned char>(text[i]);
      if (c < 0x80) {
        out += text[i];
      } else if (c < 0xc4 && i + 1 < text.size()) {
        out += static_cast<char>((c & 3U) << 6 | (static_cast<unsigned char>(text[++i]) & 0x3fU));
      } else {
        return {};
      }
    }
    return out;
  }

 public:
  static constexpr std::size_t kInline = std::size_t{1}
                                         << 40;  ///< TensorEntry::storage of inline storages, until the end

 private:
  const ByteSource& source_;
  const Pickle& pickle_;
  std::vector<bool> seen_;
  std::vector<Frame> todo_;
  std::size_t name_bytes_ = 0;  // of tensors' names
  std::unordered_map<std::string, std::size_t> storage_index_;
  TorchObjects out_;
  std::optional<ReadFailure> failure_;
};

}  // namespace

tl::expected<TorchObjects, ReadFailure> find_torch_objects(const ByteSource& source, const Pickle& pickle) {
  auto found = Finder(source, pickle).run();
  if (!found) return found;
  for (TensorEntry& tensor : found->tensors) {
    if (tensor.storage >= Finder::kInline) tensor.storage += found->storages.size() - Finder::kInline;
  }
  return found;
}

}  // namespace redflag::tensors
