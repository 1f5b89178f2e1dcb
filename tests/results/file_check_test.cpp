// Whole or not: what the cheap look at both ends says.
#include "daemon/results/file_check.h"

#include <nlohmann/json.hpp>

#include "daemon/results/bounded_json.h"
#include "daemon/results/memory_file_system.h"
#include "tests/results/support.h"
#include "tests/support/catch.h"

using namespace redflag::daemon;
using namespace redflag::daemon::test;

namespace {

CheckResult check(const std::string& name, const std::string& content,
                  CheckContext context = {FileKind::layer, 100, "", ""}) {
  MemoryFileSystem files;
  files.write("/d/" + name, content);
  const auto result = check_file(files, "/d/" + name, content.size(), context);
  REQUIRE(result);
  return *result;
}

const CheckContext kMetadata{FileKind::metadata, 100, "full_finetune", "mrpc"};

}  // namespace

TEST_CASE("an intact torch file is ok, with and without 64-bit records or a comment", "[check]") {
  CHECK(check("a.pt", torch_zip(5000)).verdict == Verdict::ok);
  CHECK(check("a.pt", torch_zip(5000, true)).verdict == Verdict::ok);
  CHECK(check("a.pt", torch_zip(5000, false, "a comment")).verdict == Verdict::ok);
  CHECK(check("a.pt", torch_zip(200, false)).verdict == Verdict::tiny);
}

TEST_CASE("a torch file cut anywhere is never called ok", "[check]") {
  for (const bool wide : {false, true}) {
    const std::string whole = torch_zip(3000, wide);
    for (std::size_t length = 1; length < whole.size(); ++length) {
      INFO(length << " of " << whole.size());
      const CheckResult result = check("a.pt", whole.substr(0, length));
      REQUIRE(result.verdict == Verdict::truncated);
    }
  }
}

TEST_CASE("hostile zip records are refused, not followed", "[check]") {
  const std::string whole = torch_zip(3000);
  for (std::size_t at = whole.size() - 22 + 8; at < whole.size(); ++at) {
    for (const char value : {'\x00', '\x7f', '\xff'}) {
      std::string bad = whole;
      if (bad[at] == value) continue;
      bad[at] = value;
      if (at >= whole.size() - 22 + 8 && at < whole.size() - 22 + 10)
        continue;  // the per-disk count is not used
      INFO("byte " << at);
      CHECK(check("a.pt", bad).verdict != Verdict::ok);
    }
  }
  std::string wide = torch_zip(3000, true);
  for (std::size_t at = wide.size() - 22 - 20 - 56 + 32; at < wide.size() - 22 - 20; ++at) {
    std::string bad = wide;
    bad[at] = static_cast<char>(bad[at] ^ '\xff');
    INFO("byte " << at);
    CHECK(check("a.pt", bad).verdict == Verdict::damaged);
  }
}

TEST_CASE("what is no tensor file is called damaged, and why is said", "[check]") {
  CHECK(check("a.pt", std::string(5000, 'g')).detail == "damaged: neither a torch zip nor a pickle");
  CHECK_THAT(check("a.pt", std::string(5000, '\0')).detail, ContainsSubstring("zero bytes"));
  CHECK(check("a.pt", "").verdict == Verdict::empty);
  CHECK(check("a.pt", std::string("\x80\x02", 2) + std::string(2000, 'p')).verdict == Verdict::ok);
}

TEST_CASE("a git-LFS pointer is named as such with the real size", "[check]") {
  const std::string pointer =
      "version https://git-lfs.github.com/spec/v1\noid sha256:" + std::string(64, 'a') + "\nsize 205980\n";
  const CheckResult result = check("model.safetensors", pointer, {FileKind::weights, -1, "", ""});
  CHECK(result.verdict == Verdict::lfs_pointer);
  CHECK_THAT(result.detail, ContainsSubstring("205,980 bytes"));
  CHECK(check("metadata.json", pointer, kMetadata).verdict == Verdict::lfs_pointer);
}

TEST_CASE("safetensors: the header says how long the file has to be", "[check]") {
  const std::string header =
      R"({"a":{"dtype":"F32","shape":[500],"data_offsets":[0,2000]},"__metadata__":{"format":"pt"}})";
  CHECK(check("m.safetensors", safetensors(header, 2000)).verdict == Verdict::ok);
  const CheckResult cut = check("m.safetensors", safetensors(header, 1500));
  CHECK(cut.verdict == Verdict::truncated);
  CHECK_THAT(cut.detail, ContainsSubstring("1,598 of 2,098 bytes"));
  CHECK(check("m.safetensors", safetensors(header, 2001)).verdict == Verdict::damaged);
  CHECK(check("m.safetensors", safetensors(header, 2000).substr(0, 40)).verdict == Verdict::truncated);
  CHECK(check("m.safetensors", std::string(3000, '\xff')).verdict == Verdict::damaged);
  const std::string huge = R"({"a":{"data_offsets":[0,18446744073709551615]}})";
  CHECK(check("m.safetensors", safetensors(huge, 2000)).verdict == Verdict::damaged);
  CHECK(check("m.safetensors", safetensors(R"({"a":{"data_offsets":[-1,5]}})", 2000)).verdict ==
        Verdict::damaged);
}

TEST_CASE("metadata.json has to have its keys and agree with its directory", "[check]") {
  CHECK(check("metadata.json", metadata(100, "full_finetune", "mrpc", 3), kMetadata).verdict == Verdict::ok);
  const CheckResult step = check("metadata.json", metadata(200, "full_finetune", "mrpc", 3), kMetadata);
  CHECK(step.verdict == Verdict::damaged);
  CHECK(step.detail == "step is 200, its directory says 100");
  CHECK_THAT(check("metadata.json", metadata(100, "lora", "mrpc", 3), kMetadata).detail,
             ContainsSubstring("method is \"lora\""));
  CHECK_THAT(check("metadata.json", metadata(100, "full_finetune", "rte", 3), kMetadata).detail,
             ContainsSubstring("task_name"));
  CHECK(check("metadata.json", "{}", kMetadata).detail ==
        "lacks step, task_name, method, timestamp, num_samples, layer_names, tensor_shapes");
  CHECK(check("metadata.json", R"({"step": 100, "task_na)", kMetadata).verdict == Verdict::truncated);
  CHECK(check("metadata.json", "step: 100", kMetadata).verdict == Verdict::damaged);
  CHECK(check("metadata.json", "[1, 2]", kMetadata).verdict == Verdict::damaged);
}

TEST_CASE("JSON as Python writes it is read, hostile JSON is refused", "[check]") {
  nlohmann::json value;
  CHECK_FALSE(parse_bounded_json(R"({"loss": NaN, "a": -Infinity, "b": [Infinity], "c": "NaN"})", value));
  CHECK(value["loss"].is_null());
  CHECK(value["c"] == "NaN");
  CHECK(parse_bounded_json(std::string(3'000'000, '['), value));
  CHECK(parse_bounded_json("[" + std::string(3'000'000, ',') + "]", value));
  CHECK(parse_bounded_json("", value)->cut_short);
}

TEST_CASE("an unreadable file gives an error, not a verdict", "[check]") {
  MemoryFileSystem files;
  files.write("/d/a.pt", torch_zip(3000));
  files.deny("/d/a.pt");
  const auto result = check_file(files, "/d/a.pt", 3000, {FileKind::layer, 100, "", ""});
  REQUIRE_FALSE(result);
  CHECK(result.error().code == redflag::ErrorCode::denied);
}
