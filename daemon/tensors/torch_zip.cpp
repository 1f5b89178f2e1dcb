#include "daemon/tensors/torch_zip.h"

#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

#include "daemon/tensors/failure.h"
#include "daemon/tensors/torch_objects.h"

namespace redflag::tensors {
namespace {

/// Format versions: torch.save writes 3; TorchScript up to 10 as of torch 2.x.
constexpr int kNewestVersion = 10;

using Index = std::unordered_map<std::string_view, const ZipEntry*>;

/// "archive/" for an archive whose pickle is archive/data.pkl.
std::optional<std::string> find_prefix(const std::vector<ZipEntry>& entries) {
  constexpr std::string_view kPickle = "/data.pkl";
  for (const ZipEntry& each : entries) {
    const std::size_t at = each.name.size() - std::min(each.name.size(), kPickle.size());
    if (each.name.compare(at, std::string::npos, kPickle) != 0) continue;
    if (each.name.find('/') == at) return each.name.substr(0, at + 1);
  }
  return std::nullopt;
}

std::string small_entry(const ByteSource& source, const Index& index, const std::string& name) {
  const auto found = index.find(name);
  if (found == index.end()) return {};
  return source.bytes(found->second->data,
                      static_cast<std::size_t>(std::min<std::uint64_t>(found->second->bytes, 64)));
}

tl::expected<void, ReadFailure> check_header(const ByteSource& source, const Index& index,
                                             const std::string& prefix) {
  const std::string order = small_entry(source, index, prefix + "byteorder");
  if (order == "big") {
    return refused(
        "its numbers are big-endian (byteorder: big); only little-endian files are read: save it on the "
        "machine it is used on");
  }
  if (!order.empty() && order != "little") return damaged(fmt::format("its byteorder is {}", shown(order)));
  std::string version = small_entry(source, index, prefix + "version");
  if (version.empty()) version = small_entry(source, index, prefix + ".data/version");
  while (!version.empty() && (version.back() == '\n' || version.back() == ' ')) version.pop_back();
  if (version.empty()) return damaged("the entry version is missing or empty");
  const bool digits = version.size() < 6 && std::all_of(version.begin(), version.end(),
                                                        [](char c) { return c >= '0' && c <= '9'; });
  if (!digits) return damaged(fmt::format("its version is {}", shown(version)));
  if (std::stoi(version) > kNewestVersion || std::stoi(version) < 1) {
    return refused(fmt::format("format version {}; 1 to {} are known", std::stoi(version), kNewestVersion));
  }
  return {};
}

/// torch compresses the text of TorchScript's code and nothing else.
tl::expected<void, ReadFailure> check_stored(const std::vector<ZipEntry>& entries,
                                             const std::string& prefix) {
  for (const ZipEntry& each : entries) {
    if (!each.compressed || each.name.compare(0, prefix.size() + 5, prefix + "code/") == 0) continue;
    return refused(fmt::format(
        "entry {} is compressed (deflate, {} bytes said to become {}); torch.save stores, so this is not its "
        "file: unpack it or save it again",
        shown(each.name), commas(each.bytes), commas(each.full)));
  }
  return {};
}

/// Gives each storage that the pickle speaks of its bytes, from folder NAME/data/ or NAME/constants/.
tl::expected<void, ReadFailure> place(TorchObjects objects, const Index& index, const std::string& folder,
                                      TensorFile& file) {
  const std::size_t before = file.storages.size();
  for (ClaimedStorage& claim : objects.storages) {
    const auto found = index.find(folder + claim.key);
    if (found == index.end()) {
      return damaged(
          fmt::format("the entry {} that its pickle speaks of is missing", shown(folder + claim.key)));
    }
    if (found->second->bytes < claim.bytes) {
      return damaged(fmt::format("storage {} should have {} bytes, its entry has {}", shown(claim.key),
                                 commas(claim.bytes), commas(found->second->bytes)));
    }
    file.storages.push_back({std::move(claim.key), found->second->data, claim.bytes, std::nullopt});
  }
  for (StorageEntry& each : objects.inline_storages) file.storages.push_back(std::move(each));
  for (TensorEntry& each : objects.tensors) {
    each.storage += before;
    file.tensors.push_back(std::move(each));
  }
  file.doubtful_calls.insert(file.doubtful_calls.end(), objects.doubtful_calls.begin(),
                             objects.doubtful_calls.end());
  file.values.insert(file.values.end(), objects.values.begin(), objects.values.end());
  for (std::string& each : objects.globals) {
    if (std::find(file.globals.begin(), file.globals.end(), each) == file.globals.end())
      file.globals.push_back(std::move(each));
  }
  return {};
}

}  // namespace

tl::expected<TorchZip, ReadFailure> read_torch_zip(const ByteSource& source) {
  auto entries = read_zip_directory(source);
  if (!entries) return Failed(entries.error());
  TorchZip out;
  out.entries = std::move(*entries);
  Index index;
  index.reserve(out.entries.size());
  for (const ZipEntry& each : out.entries) index.emplace(each.name, &each);
  const auto prefix = find_prefix(out.entries);
  if (!prefix) {
    return Failed(ReadFailure{
        Verdict::unknown,
        fmt::format("a zip, but not torch's: no NAME/data.pkl among its {} entries", out.entries.size())});
  }
  if (const auto stored = check_stored(out.entries, *prefix); !stored) return Failed(stored.error());
  if (const auto fine = check_header(source, index, *prefix); !fine) return Failed(fine.error());
  const bool script = index.count(*prefix + "constants.pkl") != 0;
  out.file.kind = script ? FileKind::torchscript : FileKind::torch_zip;
  for (const char* part : {"data", "constants"}) {
    const auto found = index.find(*prefix + part + ".pkl");
    if (found == index.end()) continue;
    const ZipEntry& entry = *found->second;
    const auto pickle = read_pickle(source, entry.data, entry.data + entry.bytes);
    if (!pickle) return Failed(pickle.error());
    if (pickle->end() != entry.data + entry.bytes) {
      return damaged(fmt::format("{} bytes follow the end of {}.pkl",
                                 commas(entry.data + entry.bytes - pickle->end()), part));
    }
    auto objects = find_torch_objects(source, *pickle);
    if (!objects) return Failed(objects.error());
    if (const auto placed = place(std::move(*objects), index, *prefix + part + '/', out.file); !placed)
      return Failed(placed.error());
    if (!script) break;
  }
  return out;
}

}  // namespace redflag::tensors
