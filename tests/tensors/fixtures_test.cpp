// Files that torch and others made, committed small, each with what is to be said of it; and what the readers
// make of files that change, of threads and of borders.
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include "daemon/tensors/inspect.h"
#include "daemon/tensors/report_json.h"
#include "daemon/tensors/tensor_file.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace redflag::tensors {
namespace {

const std::string kFixtures = std::string(REDFLAG_SOURCE_DIR) + "/tests/tensors/fixtures/";

std::vector<std::vector<std::string>> table(const std::string& path) {
  std::vector<std::vector<std::string>> out;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::vector<std::string> cells;
    std::istringstream stream(line);
    for (std::string cell; std::getline(stream, cell, '\t');) cells.push_back(cell);
    out.push_back(cells);
  }
  return out;
}

/// "a; b" or "a/b" or "a or b" (written '|'), without the spaces around.
std::vector<std::string> choices(std::string text, char separator) {
  if (separator == '|') {
    for (std::size_t at = text.find(" or "); at != std::string::npos; at = text.find(" or "))
      text.replace(at, 4, "|");
  }
  std::vector<std::string> out;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) {
    const std::size_t first = part.find_first_not_of(' ');
    if (first != std::string::npos) out.push_back(part.substr(first, part.find_last_not_of(' ') - first + 1));
  }
  return out;
}

bool holds(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

TEST_CASE("every fixture gets the verdict and the words its table asks for", "[tensors][fixtures]") {
  const auto rows = table(kFixtures + "expected.tsv");
  REQUIRE(rows.size() > 40);
  for (const auto& row : rows) {
    REQUIRE(row.size() >= 4);
    const FileReport report = inspect_file(kFixtures + row[0]);
    const std::string json = to_json(report);
    INFO(row[0] << ": " << json.substr(0, 600));
    if (row[1] != "-") CHECK(holds(choices(row[1], '/'), to_string(report.kind)));
    CHECK(holds(choices(row[2], '/'), to_string(report.verdict)));
    if (row[3] == "-") continue;
    std::string said = report.reason;
    for (const Finding& each : report.findings) said += " " + each.code + " " + each.message;
    for (const std::string& word : choices(row[3], ';')) {
      const auto any = choices(word, '|');
      const bool found = std::any_of(any.begin(), any.end(), [&](const std::string& choice) {
        return lower(said).find(lower(choice)) != std::string::npos;
      });
      INFO("looking for " << word);
      CHECK(found);
    }
  }
}

TEST_CASE("the tensors of the fixtures have the shapes and statistics that torch sees",
          "[tensors][fixtures]") {
  const auto rows = table(kFixtures + "expected_tensors.tsv");
  REQUIRE(rows.size() > 20);
  std::map<std::string, FileReport> reports;
  for (const auto& row : rows) {
    REQUIRE(row.size() >= 13);
    if (reports.count(row[0]) == 0) reports[row[0]] = inspect_file(kFixtures + row[0]);
    const FileReport& report = reports[row[0]];
    const std::string name = row[1] == "-" ? "" : row[1];
    const auto found = std::find_if(report.tensors.begin(), report.tensors.end(),
                                    [&](const TensorReport& each) { return each.name == name; });
    INFO(row[0] << " " << row[1]);
    REQUIRE(found != report.tensors.end());
    CHECK(found->dtype == row[2]);
    CHECK((found->shape.empty() ? "scalar" : fmt::format("{}", fmt::join(found->shape, "x"))) == row[3]);
    if (row[4] == "-") continue;  // torch and we count different things: a view, or quantised numbers
    REQUIRE(found->statistics);
    const Statistics& s = *found->statistics;
    CHECK(std::to_string(s.count) == row[4]);
    CHECK(std::to_string(s.nan) == row[5]);
    CHECK(std::to_string(s.positive_infinity) == row[6]);
    CHECK(std::to_string(s.negative_infinity) == row[7]);
    CHECK(std::to_string(s.zeros) == row[8]);
    if (row[9] == "-") continue;
    CHECK(s.min == Approx(std::stod(row[9])));
    CHECK(s.max == Approx(std::stod(row[10])));
    CHECK(s.mean == Approx(std::stod(row[11])).margin(1e-6 * (std::fabs(s.max) + 1e-30)));
    CHECK(s.stddev == Approx(std::stod(row[12])).epsilon(1e-5));
  }
}

TEST_CASE("a fixture cut off anywhere is never called whole", "[tensors][fixtures]") {
  for (const char* name : {"ok/type_float32.pt", "ok/type_float32_legacy.pt"}) {
    const std::string whole = test::read_file(kFixtures + name);
    REQUIRE(whole.size() > 100);
    for (std::size_t length = 0; length < whole.size(); ++length) {
      const std::string part = whole.substr(0, length);
      const FileReport report = inspect_bytes(MemorySource(part), name);
      INFO(name << " cut to " << length);
      REQUIRE(report.verdict == Verdict::damaged);
      REQUIRE_FALSE(report.reason.empty());
    }
  }
}

TEST_CASE("a flipped bit in the numbers is found by the checksum and the entry is named",
          "[tensors][fixtures]") {
  std::string bytes = test::read_file(kFixtures + "ok/type_float32.pt");
  const auto fine = inspect_bytes(MemorySource(bytes), "x.pt");
  REQUIRE(fine.verdict == Verdict::ok);
  const auto source = MemorySource(bytes);
  const auto file = read_tensor_file(source);
  REQUIRE(file);
  bytes[static_cast<std::size_t>(file->storages[0].offset) + 5] ^= 1;
  const auto report = inspect_bytes(MemorySource(bytes), "x.pt");
  CHECK(report.verdict == Verdict::damaged);
  CHECK_THAT(report.reason, ContainsSubstring("data/0"));
}

TEST_CASE("the report does not depend on the number of threads", "[tensors]") {
  test::TempDir dir;
  // 40 MB of safetensors in three tensors: several chunks each.
  const std::size_t count = 3'500'000;
  std::string header = R"({"a":{"dtype":"F32","shape":[3500000],"data_offsets":[0,14000000]},)"
                       R"("b":{"dtype":"BF16","shape":[3500000],"data_offsets":[14000000,21000000]},)"
                       R"("c":{"dtype":"F32","shape":[3500000],"data_offsets":[21000000,35000000]}})";
  std::string bytes(8, '\0');
  bytes[0] = static_cast<char>(header.size());
  bytes += header;
  std::uint32_t state = 1;
  for (std::size_t i = 0; i < count * 10 / 4; ++i) {
    state = state * 1664525U + 1013904223U;
    const std::uint32_t bits = (state >> 9 & 0x007fffffU) | 0x3f800000U;
    bytes.append(reinterpret_cast<const char*>(&bits), 4);
  }
  dir.write("x.safetensors", bytes);
  InspectOptions options;
  const FileReport one = inspect_file(dir / "x.safetensors", options);
  REQUIRE(one.verdict == Verdict::ok);
  options.threads = 4;
  options.drop_cache = true;
  CHECK(to_json(inspect_file(dir / "x.safetensors", options)) == to_json(one));
  CHECK(one.tensors[0].hash != one.tensors[2].hash);
}

TEST_CASE("a tensor has the same hash in torch's zip and in safetensors", "[tensors][fixtures]") {
  const std::string bytes = test::read_file(kFixtures + "ok/type_float32.pt");
  const MemorySource source(bytes);
  const auto file = read_tensor_file(source);
  REQUIRE(file);
  std::string other(8, '\0');
  const std::string header = R"({"w":{"dtype":"F32","shape":[8,8],"data_offsets":[0,256]}})";
  other[0] = static_cast<char>(header.size());
  other += header + bytes.substr(static_cast<std::size_t>(file->storages[0].offset), 256);
  const auto zip = inspect_bytes(source, "w.pt");
  const auto safetensors = inspect_bytes(MemorySource(other), "w.safetensors");
  REQUIRE(safetensors.verdict == Verdict::ok);
  CHECK(zip.tensors[0].hash == safetensors.tensors[0].hash);
  CHECK(zip.tensors[0].statistics == safetensors.tensors[0].statistics);
}

TEST_CASE("what is not a regular file is unknown, with the reason", "[tensors]") {
  test::TempDir dir;
  CHECK(inspect_file(dir / "absent.pt").verdict == Verdict::unknown);
  CHECK_THAT(inspect_file(dir / "absent.pt").reason, ContainsSubstring("No such file"));
  CHECK_THAT(inspect_file(dir.path()).reason, ContainsSubstring("not a regular file"));
  REQUIRE(::mkfifo((dir / "pipe.pt").c_str(), 0600) == 0);
  CHECK_THAT(inspect_file(dir / "pipe.pt").reason, ContainsSubstring("not a regular file"));
}

TEST_CASE("a file that somebody has open for writing is in progress, whatever is in it", "[tensors]") {
  test::TempDir dir;
  dir.write("layer_0.pt", "PK\x03\x04 half of a file");
  CHECK(inspect_file(dir / "layer_0.pt").verdict == Verdict::damaged);
  std::ofstream writer(dir / "layer_0.pt", std::ios::app);
  const auto report = inspect_file(dir / "layer_0.pt");
  CHECK(report.verdict == Verdict::in_progress);
  CHECK(report.findings.empty());
}

}  // namespace redflag::tensors
