#include "daemon/local/tfevents.h"

#include <cmath>
#include <limits>

#include "daemon/local/tensor_scalar.h"
#include "tests/local/log_writers.h"
#include "tests/local/reading.h"
#include "tests/support/catch.h"

namespace redflag::daemon::local {
namespace {

constexpr double kT = 1.79e9;

Heard read(const std::string& file, const std::string& prefix = {}) {
  Heard heard;
  TfeventsReader reader(heard.sink(), prefix);
  reader.feed(file);
  reader.finish();
  return heard;
}

std::string tensor_value(const char* tag, const std::string& tensor, const char* plugin = "scalars") {
  const std::string metadata = *plugin == '\0' ? "" : bytes_field(9, bytes_field(1, bytes_field(1, plugin)));
  return bytes_field(1, bytes_field(1, tag) + bytes_field(8, tensor) + metadata);
}

}  // namespace

TEST_CASE("checksums are those that the world computes", "[local][tfevents]") {
  CHECK(crc32(0, "123456789") == 0xCBF43926U);
  CHECK(crc32c("123456789") == 0xE3069283U);
  CHECK(crc32c("") == 0U);
  CHECK(masked_crc32c("123456789") == ((0xE3069283U >> 15U | 0xE3069283U << 17U) + 0xA282EAD8U));
}

TEST_CASE("what HF logs in one call is one row, told as soon as its epoch is", "[local][tfevents]") {
  std::string file = tf_begin();
  file += tf_event(kT, 100, tf_value("train/loss", 0.5F)) +
          tf_event(kT, 100, tf_value("train/grad_norm", 2.0F)) +
          tf_event(kT, 100, tf_value("train/epoch", 0.25F));
  Heard heard;
  TfeventsReader reader(heard.sink());
  reader.feed(file);  // and no flush
  CHECK(heard.texts() ==
        std::vector<std::string>{
            R"(row 40 step 100 (event) {"train/epoch":0.25,"train/grad_norm":2.0,"train/loss":0.5})"});
}

TEST_CASE("training, evaluation and totals of one step are three rows", "[local][tfevents]") {
  std::string file = tf_begin();
  file += tf_event(kT, 10, tf_value("train/loss", 0.5F)) + tf_event(kT, 10, tf_value("train/epoch", 1.0F));
  file += tf_event(kT + 60, 10, tf_value("eval/loss", 0.7F)) +
          tf_event(kT + 60, 10, tf_value("train/epoch", 1.0F));
  file += tf_event(kT + 60, 10, tf_value("train/train_runtime", 60.0F)) +
          tf_event(kT + 60, 10, tf_value("train/train_loss", 0.6F)) +
          tf_event(kT + 60, 10, tf_value("train/epoch", 1.0F));
  const auto rows = read(file).all<Row>();
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].values.find("train/loss"));
  CHECK(rows[1].values.find("eval/loss"));
  CHECK_FALSE(rows[1].values.find("train/train_runtime"));
  CHECK(rows[2].values.find("train/train_loss"));
}

TEST_CASE("without an epoch a row ends at the next step, a repeated tag, a second later, or when flushed",
          "[local][tfevents]") {
  std::string file = tf_begin();
  file += tf_event(kT, 1, tf_value("loss", 1.0F)) + tf_event(kT, 1, tf_value("lr", 0.1F));
  file += tf_event(kT, 2, tf_value("loss", 2.0F)) + tf_event(kT, 2, tf_value("loss", 3.0F));
  file += tf_event(kT + 5, 2, tf_value("lr", 0.2F));
  Heard heard;
  TfeventsReader reader(heard.sink());
  reader.feed(file);
  CHECK(heard.all<Row>().size() == 3);
  const std::uint64_t cursor = reader.cursor();
  CHECK(cursor < file.size());  // the open row is read again after a restart
  reader.flush();
  CHECK(heard.all<Row>().size() == 4);
  CHECK(reader.cursor() == file.size());
  Heard again;
  TfeventsReader resumed(again.sink(), "", cursor);
  resumed.feed(std::string_view(file).substr(cursor));
  resumed.flush();
  CHECK(again.texts().back() == heard.texts().back());
}

TEST_CASE("a scalar may be a tensor of one number, of any type and in any field", "[local][tfevents]") {
  const auto scalar = [](const std::string& tensor) { return scalar_of_tensor(tensor); };
  CHECK(scalar(number_field(1, 1) + bytes_field(4, little_endian(1.5F))) == 1.5);
  CHECK(scalar(number_field(1, 1) + float_field(5, 2.5F)) == 2.5);
  CHECK(scalar(number_field(1, 1) + bytes_field(5, little_endian(2.5F))) == 2.5);
  CHECK(scalar(number_field(1, 2) + bytes_field(4, little_endian(1e300))) == 1e300);
  CHECK(scalar(number_field(1, 2) + double_field(6, -3.0)) == -3.0);
  CHECK(scalar(number_field(1, 3) + number_field(7, static_cast<std::uint64_t>(-4))) == -4.0);
  CHECK(scalar(number_field(1, 9) + bytes_field(10, varint(77))) == 77.0);
  CHECK(scalar(number_field(1, 19) + number_field(13, 0x3C00)) == 1.0);
  CHECK(scalar(number_field(1, 19) + bytes_field(4, std::string("\x00\xC0", 2))) == -2.0);
  CHECK(scalar(number_field(1, 14) + number_field(13, 0x3F80)) == 1.0);
  CHECK(std::isnan(*scalar(number_field(1, 19) + number_field(13, 0x7E00))));
  CHECK(std::isinf(*scalar(number_field(1, 19) + number_field(13, 0xFC00))));
  // a list, a matrix, a text: no scalars
  CHECK_FALSE(scalar(number_field(1, 1) + float_field(5, 1.0F) + float_field(5, 2.0F)));
  CHECK_FALSE(
      scalar(number_field(1, 1) + bytes_field(2, bytes_field(2, number_field(1, 3))) + float_field(5, 1.0F)));
  CHECK_FALSE(scalar(number_field(1, 7) + bytes_field(8, "text")));
}

TEST_CASE("Keras writes tensors, says their kind once, and names the same in two directories",
          "[local][tfevents]") {
  std::string file = tf_begin();
  const auto loss = [](float value) { return number_field(1, 1) + bytes_field(4, little_endian(value)); };
  file += tf_event(kT, 0, tensor_value("epoch_loss", loss(1.5F)));
  file += tf_event(kT + 9, 1, tensor_value("epoch_loss", loss(std::numeric_limits<float>::quiet_NaN()), ""));
  const auto rows = read(file, "validation").all<Row>();
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].values.number_of("validation/epoch_loss") == 1.5);
  CHECK(std::isnan(*rows[1].values.number_of("validation/epoch_loss")));
}

TEST_CASE("histograms, images and texts are counted and passed over", "[local][tfevents]") {
  std::string file = tf_begin();
  file += tf_event(kT, 1, bytes_field(1, bytes_field(1, "w") + bytes_field(5, "histogram")));
  file += tf_event(kT, 1, bytes_field(1, bytes_field(1, "i") + bytes_field(4, "image")));
  file += tf_event(kT, 1, tensor_value("t", number_field(1, 7) + bytes_field(8, "hello"), "text"));
  file += tf_event(kT, 1, tensor_value("pr", number_field(1, 1) + float_field(5, 1.0F), "pr_curves"));
  Heard heard;
  TfeventsReader reader(heard.sink());
  reader.feed(file);
  reader.finish();
  CHECK(heard.events.empty());
  CHECK(reader.ignored() == 4);
}

TEST_CASE("HF's arguments and hparams are the run's configuration", "[local][tfevents]") {
  std::string file = tf_begin();
  file += tf_event(
      kT, 0,
      tensor_value("args/text_summary",
                   number_field(1, 7) + bytes_field(8, R"({"learning_rate": 2e-05, "seed": 42})"), "text"));
  const std::string entry = bytes_field(1, bytes_field(1, "lr") + bytes_field(2, double_field(2, 0.5)));
  const std::string name = bytes_field(1, bytes_field(1, "opt") + bytes_field(2, bytes_field(3, "adam")));
  const std::string hparams = bytes_field(3, entry + name);
  file += tf_event(kT, 0,
                   bytes_field(1, bytes_field(1, "_hparams_/session_start_info") +
                                      bytes_field(9, bytes_field(1, bytes_field(1, "hparams") +
                                                                        bytes_field(2, hparams)))));
  CHECK(read(file).texts() == std::vector<std::string>{R"(config {"learning_rate":2e-05,"seed":42})",
                                                       R"(config {"lr":0.5,"opt":"adam"})"});
}

TEST_CASE("damage costs one record; a lost length is found again", "[local][tfevents]") {
  std::string file = tf_begin();
  std::vector<std::size_t> starts;
  for (int step = 1; step <= 20; ++step) {
    starts.push_back(file.size());
    file += tf_event(kT + step * 2, step, tf_value("loss", static_cast<float>(step)));
  }
  std::string bad_data = file;
  bad_data[starts[5] + 20] = static_cast<char>(bad_data[starts[5] + 20] ^ 4);
  Heard heard = read(bad_data);
  CHECK(heard.all<Row>().size() == 19);
  CHECK(heard.all<Trouble>().size() == 1);
  std::string bad_length = file;
  bad_length[starts[5]] = static_cast<char>(bad_length[starts[5]] ^ 4);
  heard = read(bad_length);
  CHECK(heard.all<Row>().size() == 19);
  CHECK(heard.all<Trouble>().size() == 1);
}

TEST_CASE("byte by byte, cut short, and of another kind", "[local][tfevents]") {
  std::string file = tf_begin();
  for (int step = 1; step <= 20; ++step) file += tf_event(kT + step * 2, step, tf_value("loss", 0.5F));
  Heard heard;
  TfeventsReader reader(heard.sink());
  for (std::size_t i = 0; i < file.size(); ++i) reader.feed(std::string_view(file).substr(i, 1));
  reader.finish();
  CHECK(heard.texts() == read(file).texts());
  const Heard cut = read(file.substr(0, file.size() - 5));
  CHECK(cut.all<Row>().back().step == 19);
  CHECK(cut.texts().back() == "trouble damaged: the file ends within a record");
  CHECK(read("version https://git-lfs.github.com/spec/v1\n").texts() ==
        std::vector<std::string>{
            "trouble not this format: a git-LFS pointer stands in its place (run: git lfs pull)"});
  CHECK(read("{\"json\": \"and not a single event\"}").all<Trouble>().size() == 1);
}

TEST_CASE("a graph of a gigabyte is passed over without being kept", "[local][tfevents]") {
  std::string file = tf_begin();
  const std::uint64_t length = std::uint64_t{1} << 30U;
  const std::string head = little_endian(length);
  Heard heard;
  TfeventsReader reader(heard.sink());
  reader.feed(file + head + little_endian(masked_crc32c(head)));
  const std::string piece(std::size_t{1} << 20, 'x');
  for (int i = 0; i < 1024; ++i) reader.feed(piece);
  reader.feed("cccc" + tf_event(kT, 3, tf_value("loss", 1.0F)));
  reader.finish();
  CHECK(heard.texts().size() == 2);
  CHECK(heard.all<Trouble>().at(0).kind == Trouble::Kind::too_large);
}

}  // namespace redflag::daemon::local
