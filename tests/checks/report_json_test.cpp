// Reports across the process border: nothing lost, and nothing believed.
#include "daemon/tensors/report_json.h"

#include <cmath>
#include <limits>

#include <nlohmann/json.hpp>

#include "tests/checks/report_builder.h"
#include "tests/support/catch.h"

using namespace redflag;
using namespace redflag::tensors;
using namespace redflag::tensors::test;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

FileReport full_report() {
  FileReport out = ReportBuilder("/results/run/checkpoint-100/model.safetensors", FileKind::safetensors)
                       .add(tensor("lm_head.weight", {32000, 2048}, "bfloat16"))
                       .set("global_step", 100)
                       .set("lr", 2e-5)
                       .set("flag", Value(true))
                       .set("name", "llama")
                       .finding("nan", Severity::critical, "3 NaN in layer_0");
  out.verdict = Verdict::damaged;
  out.reason = "truncated: 4,096 of 205,980 bytes";
  out.size = std::numeric_limits<std::uint64_t>::max();
  out.modified_ns = std::numeric_limits<std::int64_t>::min();
  out.inode = 7;
  out.device = std::numeric_limits<std::uint64_t>::max();
  out.hash = std::numeric_limits<std::uint64_t>::max();
  out.tensors[0].hash = std::numeric_limits<std::uint64_t>::max();
  out.tensors[0].same_as = "model.embed_tokens.weight";
  out.tensors[0].statistics->min = -1e-310;
  out.tensors[0].statistics->max = 1e308;
  TensorReport bare = tensor("", {});
  bare.statistics.reset();
  bare.hash = 0;
  out.tensors.push_back(bare);
  out.tensors_left_out = 12;
  out.globals = {"collections.OrderedDict", "os.system"};
  return out;
}

std::string minimal(const std::string& more) {
  return R"({"path":"/a","kind":"torch_zip","verdict":"ok")" + more + "}";
}

}  // namespace

TEST_CASE("a report comes back from JSON as it was", "[report]") {
  const FileReport report = full_report();
  const auto back = report_from_json(to_json(report));
  REQUIRE(back);
  CHECK(*back == report);
  CHECK(to_json(*back) == to_json(report));
}

TEST_CASE("every verdict and every kind has a name that is read again", "[report]") {
  for (int i = 0; i <= static_cast<int>(Verdict::unknown); ++i) {
    CHECK(verdict_from(to_string(static_cast<Verdict>(i))) == static_cast<Verdict>(i));
  }
  for (int i = 0; i <= static_cast<int>(FileKind::empty); ++i) {
    CHECK(file_kind_from(to_string(static_cast<FileKind>(i))) == static_cast<FileKind>(i));
  }
  CHECK_FALSE(verdict_from("fine"));
  CHECK_FALSE(file_kind_from(""));
}

TEST_CASE("NaN and infinities are strings in JSON and numbers again afterwards", "[report]") {
  FileReport report = ReportBuilder("/a")
                          .set("loss", std::nan(""))
                          .set("best", kInfinity)
                          .set("worst", -kInfinity)
                          .set("zero", -0.0);
  const std::string text = to_json(report);
  CHECK_THAT(text, ContainsSubstring(R"("loss":"NaN","best":"Infinity","worst":"-Infinity")"));
  const auto back = report_from_json(text);
  REQUIRE(back);
  CHECK(std::isnan(back->number("loss").value_or(0)));
  CHECK(back->number("best") == kInfinity);
  CHECK(back->number("worst") == -kInfinity);
  CHECK(std::signbit(back->number("zero").value_or(1)));
}

TEST_CASE("a text that reads NaN stays a text", "[report]") {
  FileReport report = ReportBuilder("/a").set("name", "NaN").set("other", "-Infinity");
  const auto back = report_from_json(to_json(report));
  REQUIRE(back);
  CHECK(*back == report);
}

TEST_CASE("bytes that are no UTF-8 are escaped in JSON and come back", "[report]") {
  const std::vector<std::string> names{
      "a\xff",    "\xed\xa0\x80",     "\\x41",   "a\\xzz", "\\", "\\x", std::string("n\0l", 3), "line\nbreak",
      "\xc3\xa9", "\xf5\x80\x80\x80", "\xe2\x82"};
  for (const std::string& name : names) {
    FileReport report = ReportBuilder("/dir/" + name).add(tensor(name, {2})).set(name, name);
    report.reason = name;
    report.globals = {name};
    report.findings = {{name, Severity::info, name, name}};
    const std::string text = to_json(report);
    CHECK(nlohmann::json::accept(text));
    CHECK(text.find('\n') == std::string::npos);
    const auto back = report_from_json(text);
    REQUIRE(back);
    CHECK(*back == report);
  }
  CHECK_THAT(to_json(ReportBuilder("a\xff")), ContainsSubstring(R"("path":"a\\xff")"));
}

TEST_CASE("keys come in an order made for reading, and whole numbers without a point", "[report]") {
  const std::string text = to_json(ReportBuilder("/a").add(tensor("w", {2, 3})).set("step", 100));
  std::size_t last = 0;
  for (const char* key : {"path", "kind", "verdict", "reason", "size", "modified_ns", "inode", "device",
                          "hash", "tensors", "name", "dtype", "shape", "bytes", "statistics",
                          "tensors_left_out", "values", "globals", "findings"}) {
    const std::size_t at = text.find('"' + std::string(key) + "\":", last);
    INFO(key);
    REQUIRE(at != std::string::npos);
    last = at;
  }
  CHECK_THAT(text, ContainsSubstring(R"("values":{"step":100})"));
}

TEST_CASE("what is not a report is refused without an exception", "[report]") {
  CHECK(report_from_json(minimal("")));
  const std::string bad[] = {
      "",
      "[]",
      "null",
      "{}",
      R"({"path":"/a","kind":"torch_zip"})",
      R"({"path":"/a","kind":"nonsense","verdict":"ok"})",
      R"({"path":1,"kind":"torch_zip","verdict":"ok"})",
      minimal("") + "x",
      minimal(R"(,"size":-1)"),
      minimal(R"(,"size":1e30)"),
      minimal(R"(,"size":18446744073709551616)"),
      minimal(R"(,"modified_ns":9223372036854775808)"),
      minimal(R"(,"hash":"12")"),
      minimal(R"(,"hash":"-000000000000001")"),
      minimal(R"(,"hash":"000000000000000g")"),
      minimal(R"(,"tensors":{})"),
      minimal(R"(,"tensors":"none")"),
      minimal(R"(,"tensors":[1])"),
      minimal(R"(,"tensors":[{"shape":[1.5]}])"),
      minimal(R"(,"tensors":[{"shape":[[1]]}])"),
      minimal(R"(,"tensors":[{"statistics":[]}])"),
      minimal(R"(,"tensors":[{"statistics":{"nan":-1}}])"),
      minimal(R"(,"values":{"a":[]})"),
      minimal(R"(,"values":{"a":null})"),
      minimal(R"(,"globals":[1])"),
      minimal(R"(,"findings":[{"severity":"dire"}])"),
      minimal(R"(,"values":{"a":1e999})"),
      minimal(",\"reason\":\"\xff\""),
  };
  for (const std::string& text : bad) {
    INFO(text);
    CHECK_FALSE(report_from_json(text));
  }
}

TEST_CASE("a report cut off anywhere is refused", "[report]") {
  const std::string whole = to_json(full_report());
  for (std::size_t length = 0; length < whole.size(); ++length) {
    REQUIRE_FALSE(report_from_json(whole.substr(0, length)));
  }
}

TEST_CASE("unknown keys of a later version are passed over", "[report]") {
  const auto back = report_from_json(minimal(
      R"(,"new":{"path":"/evil","x":[{"verdict":"damaged"}]},"tensors":[{"name":"w","extra":[1,{"name":"v"}]}],)"
      R"("findings":[{"code":"nan","since":{"code":"x"}}],"size":5)"));
  REQUIRE(back);
  CHECK(back->path == "/a");
  CHECK(back->verdict == Verdict::ok);
  CHECK(back->tensors.at(0).name == "w");
  CHECK(back->findings.at(0).code == "nan");
  CHECK(back->size == 5);
}

TEST_CASE("JSON nested without end is refused", "[report]") {
  const std::string deep(1'000'000, '[');
  CHECK_FALSE(report_from_json(deep));
  CHECK_FALSE(report_from_json(minimal(R"(,"new":)" + deep)));
  CHECK_FALSE(report_from_json(minimal(R"(,"values":{"a":)" + deep)));
}

TEST_CASE("more dimensions or tensors than a file can have are refused", "[report]") {
  std::string shape = "1";
  for (int i = 0; i < 300; ++i) shape += ",1";
  CHECK_FALSE(report_from_json(minimal(R"(,"tensors":[{"shape":[)" + shape + "]}]")));
  std::string tensors = "{}";
  for (int i = 0; i < 200'000; ++i) tensors += ",{}";
  CHECK_FALSE(report_from_json(minimal(R"(,"tensors":[)" + tensors + "]")));
}

TEST_CASE("a value is found by its whole name, and is a number only when it is one", "[report]") {
  const FileReport report = ReportBuilder("/a").set("step", 3).set("steps", "3");
  CHECK(report.number("step") == 3);
  CHECK_FALSE(report.number("steps"));
  CHECK(report.value("steps") != nullptr);
  CHECK(report.value("ste") == nullptr);
}
