// Representations of small steps, against sums written out here.
#include <cmath>

#include "tests/forward/run.h"
#include "tests/support/catch.h"

using namespace redflag::test;

namespace {

/// Numbers that look random and are the same everywhere.
std::vector<float> noise(std::size_t count, std::uint64_t seed) {
  std::vector<float> out;
  for (std::size_t i = 0; i < count; ++i) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    out.push_back(static_cast<float>(seed >> 40) / 8388608.0F - 1);
  }
  return out;
}

void write_layer(const TempDir& dir, const std::string& path, std::int64_t rows, std::int64_t width,
                 const std::vector<float>& values) {
  dir.write(path, safetensors({{"hidden", {rows, width}, values}}));
}

}  // namespace

TEST_CASE("The cosine of a step with the one before is the mean over its rows", "[forward][drift]") {
  const TempDir dir;
  const auto now = noise(12 * 5, 1);
  const auto before = noise(12 * 5, 2);
  write_layer(dir, "step_200/layer_0.pt", 12, 5, now);
  write_layer(dir, "step_100/layer_0.pt", 12, 5, before);
  write_layer(dir, "step_300/layer_0.pt", 12, 5, before);
  const Answer answer = forward("drift " + dir / "step_200");
  REQUIRE(answer.status() == "ok");
  CHECK(answer.json["previous"] == dir / "step_100");
  double sum = 0;
  for (std::size_t row = 0; row < 12; ++row) {
    double both = 0, a = 0, b = 0;
    for (std::size_t k = row * 5; k < row * 5 + 5; ++k) {
      both += static_cast<double>(now[k]) * before[k];
      a += static_cast<double>(now[k]) * now[k];
      b += static_cast<double>(before[k]) * before[k];
    }
    sum += both / std::sqrt(a * b);
  }
  CHECK(answer.json["layers"][0]["cosine_previous"].get<double>() == Approx(sum / 12).epsilon(1e-9));
  CHECK(answer.json["layers"][0]["cosine_base"].is_null());
}

TEST_CASE("Layers come in the order of their numbers", "[forward][drift]") {
  const TempDir dir;
  for (const char* layer : {"0", "2", "10"})
    write_layer(dir, std::string("step_1/layer_") + layer + ".pt", 10, 9, noise(90, 3));
  write_layer(dir, "step_1/final_hidden_states.pt", 10, 9, noise(90, 3));
  const Answer answer = forward("drift " + dir / "step_1");
  REQUIRE(answer.json["layers"].size() == 3);
  CHECK(answer.json["layers"][1]["layer"] == "layer_2");
  CHECK(answer.json["layers"][2]["layer"] == "layer_10");
}

TEST_CASE("Many rows are sampled evenly, the same ones of both steps, and that is said", "[forward][drift]") {
  const TempDir dir;
  auto values = noise(1000 * 8, 4);
  write_layer(dir, "step_2/layer_0.pt", 1000, 8, values);
  write_layer(dir, "step_1/layer_0.pt", 1000, 8, values);
  const Answer same = forward("drift " + dir / "step_2 --rows 64");
  CHECK(same.json["sampled"] == true);
  CHECK(same.json["layers"][0]["rows"] == 1000);
  CHECK(same.json["layers"][0]["rows_used"] == 64);
  CHECK(same.json["layers"][0]["identical_previous"] == true);
  CHECK(same.json["layers"][0]["cka_previous"].get<double>() == Approx(1));

  // The second half turned round: half of the rows looked at lie in it.
  for (std::size_t i = 500 * 8; i < values.size(); ++i) values[i] = -values[i];
  write_layer(dir, "step_1/layer_0.pt", 1000, 8, values);
  const Answer turned = forward("drift " + dir / "step_2 --rows 64");
  CHECK(turned.json["layers"][0]["cosine_previous"].get<double>() == Approx(0).margin(1e-9));
}

TEST_CASE("A strong mean alone is no collapse", "[forward][drift]") {
  const TempDir dir;
  auto values = noise(40 * 16, 5);
  for (float& value : values) value += 100;
  write_layer(dir, "step_1/layer_0.pt", 40, 16, values);
  const Answer answer = forward("drift " + dir / "step_1");
  CHECK(answer.json["layers"][0]["top_share"].get<double>() > 0.999);
  CHECK(answer.json["layers"][0]["collapsed"] == false);
}

TEST_CASE("Layers that cannot be compared are told apart from those that can", "[forward][drift]") {
  const TempDir dir;
  auto broken = noise(80, 6);
  broken[7] = std::nanf("");
  write_layer(dir, "step_1/layer_0.pt", 10, 8, broken);
  write_layer(dir, "step_1/layer_1.pt", 10, 8, noise(80, 7));
  SECTION("NaN") {
    const Answer answer = forward("drift " + dir / "step_1");
    CHECK(answer.status() == "bad");
    CHECK(answer.severity("drift_nonfinite") == "critical");
    CHECK(answer.json["layers"][0]["top_share"].is_null());
    CHECK(answer.json["layers"][1]["top_share"].is_number());
  }
  SECTION("a file that is damaged") {
    dir.write("step_1/layer_0.pt", "PK\x03\x04 and nothing else");
    const Answer answer = forward("drift " + dir / "step_1");
    CHECK(answer.status() != "ok");
    CHECK_FALSE(answer.json["layers"][0]["reason"].get<std::string>().empty());
    CHECK(answer.json["layers"][1]["reason"] == "");
  }
  SECTION("no layers at all") {
    dir.write("step_9/metadata.json", "{}");
    CHECK(forward("drift " + dir / "step_9").status() == "not_checked");
  }
  SECTION("a base without layers") {
    dir.write("base/metadata.json", "{}");
    CHECK(forward("drift " + dir / "step_1 --base " + dir / "base").severity("drift_not_compared") == "info");
  }
}
