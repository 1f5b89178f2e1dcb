#include <cstdlib>
#include <cstring>
#include <map>

#include <zlib.h>

#include "daemon/simulator/torch_file_writer.h"
#include "tests/simulator/sim.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace redflag::test;

namespace {

FloatTensor counting(std::vector<std::int64_t> shape) {
  FloatTensor tensor;
  const auto count = element_count(shape).value();
  tensor.shape = std::move(shape);
  for (std::uint64_t i = 0; i < count; ++i) tensor.values.push_back(0.5F * static_cast<float>(i));
  return tensor;
}

template <typename T>
T at(const std::string& data, std::size_t offset) {
  T value{};
  REQUIRE(offset + sizeof value <= data.size());
  std::memcpy(&value, data.data() + offset, sizeof value);
  return value;
}

struct Entry {
  std::string name;
  std::size_t data = 0;
  std::size_t size = 0;
};

/// Reads the zip by its end record and central directory, checking all that a reader could check.
std::vector<Entry> zip_entries(const std::string& zip) {
  const std::size_t end = zip.size() - 22;
  REQUIRE(at<std::uint32_t>(zip, end) == 0x06054b50);
  const auto count = at<std::uint16_t>(zip, end + 10);
  const auto size = at<std::uint32_t>(zip, end + 12);
  std::size_t here = at<std::uint32_t>(zip, end + 16);
  const std::size_t zip64 = end - 20 - 56;
  CHECK(here + size == zip64);
  CHECK(at<std::uint32_t>(zip, zip64) == 0x06064b50);
  CHECK(at<std::uint64_t>(zip, end - 20 + 8) == zip64);
  std::vector<Entry> entries;
  for (unsigned i = 0; i < count; ++i) {
    REQUIRE(at<std::uint32_t>(zip, here) == 0x02014b50);
    CHECK(at<std::uint16_t>(zip, here + 10) == 0);  // stored
    const auto crc = at<std::uint32_t>(zip, here + 16);
    const std::size_t length = at<std::uint32_t>(zip, here + 20);
    const std::size_t name_length = at<std::uint16_t>(zip, here + 28);
    const std::size_t local = at<std::uint32_t>(zip, here + 42);
    REQUIRE(at<std::uint32_t>(zip, local) == 0x04034b50);
    const std::size_t data =
        local + 30 + at<std::uint16_t>(zip, local + 26) + at<std::uint16_t>(zip, local + 28);
    CHECK(data % 64 == 0);
    CHECK(zip.substr(local + 30, name_length) == zip.substr(here + 46, name_length));
    CHECK(crc32_z(0, reinterpret_cast<const unsigned char*>(zip.data() + data), length) == crc);
    entries.push_back({zip.substr(here + 46, name_length), data, length});
    here += 46 + name_length;
  }
  CHECK(here == zip64);
  return entries;
}

int run(const std::string& command) {
  return std::system(command.c_str());
}

}  // namespace

TEST_CASE("A torch file is a zip whose directory, checksums and alignment are right", "[torch]") {
  const std::string file = torch_file("layer_0", counting({3, 5})).value();
  const auto entries = zip_entries(file);
  REQUIRE(entries.size() == 5);
  CHECK(entries[0].name == "layer_0/data.pkl");
  CHECK(entries[1].name == "layer_0/byteorder");
  CHECK(entries[2].name == "layer_0/data/0");
  CHECK(entries[3].name == "layer_0/version");
  CHECK(entries[4].name == "layer_0/.data/serialization_id");
  CHECK(entries[2].size == 60);
  CHECK(at<float>(file, entries[2].data + 56) == 7.0F);
}

TEST_CASE("Tensors of every shape can be written, those that do not agree are refused", "[torch]") {
  for (const auto& shape :
       std::vector<std::vector<std::int64_t>>{{}, {0}, {1}, {70000}, {2, 3, 4, 5}, {0, 7}, {300, 300}}) {
    CHECK(zip_entries(torch_file("t", counting(shape)).value()).size() == 5);
  }
  CHECK_FALSE(torch_file("t", {{2, 2}, {1.0F}}).has_value());
  CHECK_FALSE(torch_file("t", {{-1}, {}}).has_value());
  CHECK_FALSE(torch_file("a/b", counting({1})).has_value());
  CHECK_FALSE(element_count({1 << 30, 1 << 30, 1 << 30}).has_value());
}

TEST_CASE("The bytes are those of a file that torch itself wrote", "[torch][samples]") {
  const auto path = samples() / "results/representations/full_finetune_mrpc/step_000100/layer_0.pt";
  if (!std::filesystem::exists(path)) {
    WARN("no sample file here: nothing checked");
    return;
  }
  const std::string theirs = read_file(path.string());
  const auto entries = zip_entries(theirs);
  FloatTensor tensor;
  tensor.shape = {100, 512};
  tensor.values.resize(100 * 512);
  std::memcpy(tensor.values.data(), theirs.data() + entries[2].data, entries[2].size);
  std::string ours = torch_file("layer_0", tensor).value();
  REQUIRE(ours.size() == theirs.size());
  // Only the serialization id differs, and its checksum in the two places where that is kept.
  const Entry& id = entries[4];
  const auto borrow = [&](std::size_t from, std::size_t length) {
    ours.replace(from, length, theirs, from, length);
  };
  borrow(id.data, id.size);
  borrow(id.data + id.size + 4, 4);
  borrow(theirs.rfind(id.name) - 30, 4);
  CHECK(ours == theirs);
}

TEST_CASE("Python's own zip and pickle readers find the tensor that was written", "[torch][python]") {
  if (run("/usr/bin/python3 -c 'import pickle, zipfile' >/dev/null 2>&1") != 0) {
    WARN("no /usr/bin/python3 here: nothing checked");
    return;
  }
  const TempDir dir;
  const std::map<std::string, std::vector<std::int64_t>> shapes = {
      {"scalar", {}},    {"empty", {0, 7}},   {"line", {70000}},
      {"small", {3, 5}}, {"cube", {2, 3, 4}}, {"deep", {2, 3, 4, 5}}};
  std::string expected = "expected = {";
  for (const auto& [name, shape] : shapes) {
    dir.write(name + ".pt", torch_file(name, counting(shape)).value());
    expected += "'" + name + "': " + json(shape).dump() + ", ";
  }
  dir.write("check.py", expected + "}\n" + R"py(
import array, math, pickle, sys, zipfile
class Reader(pickle.Unpickler):
    def find_class(self, module, name):
        known = {('torch._utils', '_rebuild_tensor_v2'): lambda *a: a, ('torch', 'FloatStorage'): 'float',
                 ('collections', 'OrderedDict'): dict}
        return known[module, name]
    def persistent_load(self, pid):
        return pid
for name, shape in expected.items():
    z = zipfile.ZipFile(sys.argv[1] + '/' + name + '.pt')
    assert z.testzip() is None
    numel = math.prod(shape)
    strides, step = [], 1
    for size in reversed(shape):
        strides.insert(0, step)
        step *= max(size, 1)
    storage, offset, size, stride, grad, hooks = Reader(z.open(name + '/data.pkl')).load()
    assert storage == ('storage', 'float', '0', 'cpu', numel), storage
    assert (offset, size, stride, grad, hooks) == (0, tuple(shape), tuple(strides), False, {}), (size, stride)
    values = array.array('f', z.read(name + '/data/0'))
    assert list(values) == [i * 0.5 for i in range(numel)]
)py");
  CHECK(run("/usr/bin/python3 " + dir / "check.py" + " " + dir.path()) == 0);
}

TEST_CASE("Python's torch loads what is written", "[torch][python]") {
  if (run("/usr/bin/python3 -c 'import torch' >/dev/null 2>&1") != 0) {
    WARN("no torch for /usr/bin/python3 here: nothing checked");
    return;
  }
  const TempDir dir;
  dir.write("small.pt", torch_file("small", counting({3, 5})).value());
  dir.write("big.pt", torch_file("big", counting({300, 300})).value());
  dir.write("scalar.pt", torch_file("scalar", {{}, {2.5F}}).value());
  dir.write("deep.pt", torch_file("deep", counting({2, 3, 4, 5})).value());
  dir.write("empty.pt", torch_file("empty", counting({0, 7})).value());
  dir.write("check.py",
            "import sys, torch\n"
            "d = sys.argv[1] + '/'\n"
            "def same(name, *shape):\n"
            "    t = torch.load(d + name)\n"
            "    n = t.numel()\n"
            "    assert t.dtype == torch.float32 and tuple(t.shape) == shape, (t.dtype, t.shape)\n"
            "    assert torch.equal(t.flatten(), torch.arange(n, dtype=torch.float32) * 0.5)\n"
            "same('small.pt', 3, 5); same('big.pt', 300, 300); same('deep.pt', 2, 3, 4, 5); same('empty.pt', "
            "0, 7)\n"
            "assert torch.load(d + 'scalar.pt').item() == 2.5\n");
  CHECK(run("/usr/bin/python3 " + dir / "check.py" + " " + dir.path()) == 0);
}

TEST_CASE("A safetensors file has a header that covers its data without holes", "[safetensors]") {
  const std::string file = safetensors_file({{"b", counting({2, 2})}, {"a", counting({3})}}).value();
  const auto length = at<std::uint64_t>(file, 0);
  CHECK(length % 8 == 0);
  const json header = json::parse(file.substr(8, length));
  CHECK(header["a"] == json{{"dtype", "F32"}, {"shape", {3}}, {"data_offsets", {0, 12}}});
  CHECK(header["b"]["data_offsets"] == json{12, 28});
  CHECK(file.size() == 8 + length + 28);
  CHECK(at<float>(file, 8 + length + 24) == 1.5F);
  CHECK_FALSE(safetensors_file({{"x", {{4}, {1.0F}}}}).has_value());
}
