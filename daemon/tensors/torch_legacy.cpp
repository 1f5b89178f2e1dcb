#include "daemon/tensors/torch_legacy.h"

#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

#include "daemon/tensors/failure.h"
#include "daemon/tensors/torch_objects.h"

namespace redflag::tensors {
namespace {

/// 0x1950a86a20f9469cfc6c, too long for a 64-bit number: its ten bytes as LONG1 has them.
constexpr std::string_view kMagic("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);

bool is_magic(const ByteSource& source, const Pickle& pickle) {
  const Node& root = pickle.node(pickle.root());
  return root.type == NodeType::big_integer &&
         source.bytes(root.offset, static_cast<std::size_t>(root.length)) == kMagic;
}

bool is_big_endian(const Pickle& system) {
  const auto& items = system.items(system.root());
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    if (system.text(items[i]) == "little_endian") return system.node(items[i + 1]).integer == 0;
  }
  return false;
}

/// The bytes of each storage, in the order of the keys: a count of elements, then the elements.
tl::expected<void, ReadFailure> place(const ByteSource& source, const Pickle& keys, TorchObjects& objects,
                                      TensorFile& file) {
  std::unordered_map<std::string_view, std::size_t> index;
  for (std::size_t i = 0; i < objects.storages.size(); ++i) index.emplace(objects.storages[i].key, i);
  file.storages.resize(objects.storages.size());
  std::vector<bool> placed(objects.storages.size(), false);
  std::uint64_t at = keys.end();
  for (const NodeId id : keys.items(keys.root())) {
    const auto found = index.find(keys.text(id));
    if (found == index.end() || placed[found->second]) {
      return damaged(fmt::format("storage {} is listed, but no tensor has it", shown(keys.text(id))));
    }
    const ClaimedStorage& claim = objects.storages[found->second];
    const std::string head = source.bytes(at, 8);
    if (head.size() == 8) {
      const std::uint64_t count = little_endian(head, 0, 8);
      std::uint64_t bytes = 0;
      if (__builtin_mul_overflow(count, size_of(claim.dtype), &bytes) || bytes != claim.bytes) {
        return damaged(fmt::format("storage {} says {} elements, its tensors say {}", shown(claim.key),
                                   commas(count), commas(claim.bytes / size_of(claim.dtype))));
      }
    }
    if (head.size() < 8 || claim.bytes > source.size() - at - 8) {
      return truncated(fmt::format("it ends inside storage {}; {} of at least {} bytes", shown(claim.key),
                                   commas(source.size()), commas(at + 8 + claim.bytes)));
    }
    file.storages[found->second] = {claim.key, at + 8, claim.bytes, std::nullopt};
    placed[found->second] = true;
    at += 8 + claim.bytes;
  }
  const auto lost = std::find(placed.begin(), placed.end(), false);
  if (lost != placed.end()) {
    return damaged(fmt::format("storage {} is not among the listed ones",
                               shown(objects.storages[static_cast<std::size_t>(lost - placed.begin())].key)));
  }
  if (at != source.size())
    return damaged(fmt::format("{} bytes follow the last storage", commas(source.size() - at)));
  return {};
}

void take_over(TorchObjects objects, TensorFile& file) {
  for (StorageEntry& each : objects.inline_storages) file.storages.push_back(std::move(each));
  file.tensors = std::move(objects.tensors);
  file.values = std::move(objects.values);
  file.globals = std::move(objects.globals);
  file.doubtful_calls = std::move(objects.doubtful_calls);
}

/// A pickle of something else: its values and names are told. Storages of others' persistent ids have no
/// bytes here.
tl::expected<TensorFile, ReadFailure> plain_pickle(const ByteSource& source, const Pickle& pickle) {
  if (pickle.end() != source.size()) {
    return damaged(fmt::format("neither torch's legacy format nor one pickle: {} bytes follow its end",
                               commas(source.size() - pickle.end())));
  }
  auto objects = find_torch_objects(source, pickle);
  if (!objects) return Failed(objects.error());
  if (!objects->storages.empty()) return damaged("a pickle of tensors without their bytes");
  TensorFile file;
  file.kind = FileKind::pickle;
  take_over(std::move(*objects), file);
  return file;
}

}  // namespace

tl::expected<TensorFile, ReadFailure> read_torch_legacy(const ByteSource& source) {
  auto first = read_pickle(source, 0, source.size());
  if (!first) return Failed(first.error());
  if (!is_magic(source, *first)) return plain_pickle(source, *first);
  std::uint64_t at = first->end();
  const auto next = [&]() -> tl::expected<Pickle, ReadFailure> {
    auto pickle = read_pickle(source, at, source.size());
    if (pickle) at = pickle->end();
    return pickle;
  };
  const auto version = next();
  if (!version) return Failed(version.error());
  if (version->node(version->root()).integer != 1001) {
    return refused(
        fmt::format("legacy format version {}; 1001 is known", version->node(version->root()).integer));
  }
  const auto system = next();
  if (!system) return Failed(system.error());
  if (is_big_endian(*system)) return refused("its numbers are big-endian; only little-endian files are read");
  const auto object = next();
  if (!object) return Failed(object.error());
  auto objects = find_torch_objects(source, *object);
  if (!objects) return Failed(objects.error());
  const auto keys = next();
  if (!keys) return Failed(keys.error());
  if (keys->node(keys->root()).type != NodeType::list) return damaged("its list of storages is none");
  TensorFile file;
  file.kind = FileKind::torch_legacy;
  if (const auto placed = place(source, *keys, *objects, file); !placed) return Failed(placed.error());
  take_over(std::move(*objects), file);
  return file;
}

}  // namespace redflag::tensors
