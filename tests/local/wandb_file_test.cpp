#include "daemon/local/wandb_file.h"

#include <cmath>

#include "tests/local/log_writers.h"
#include "tests/local/reading.h"
#include "tests/support/catch.h"

namespace redflag::daemon::local {
namespace {

Heard read(const std::string& file) {
  Heard heard;
  WandbFileReader reader(heard.sink());
  reader.feed(file);
  reader.finish();
  return heard;
}

std::string run_record() {
  const std::string started = number_field(1, 1790000000) + number_field(2, 500000000);
  return bytes_field(1, "abc123") + bytes_field(2, "ent") + bytes_field(3, "glue") + bytes_field(6, "g1") +
         bytes_field(8, "full_ft_rte_seed42") + bytes_field(10, "full_finetune") + bytes_field(10, "rte") +
         bytes_field(13, "vm7") + number_field(14, 40) + bytes_field(17, started) + number_field(18, 1) +
         bytes_field(
             4, WandbWriter::item("lr", "2e-05", false) + WandbWriter::item("_wandb", "{\"x\":1}", false));
}

std::string big_value(std::size_t bytes) {
  return '"' + std::string(bytes, 'x') + '"';
}

}  // namespace

TEST_CASE("who the run is stands in its file, with its configuration", "[local][wandb]") {
  WandbWriter file;
  file.record(17, run_record());
  const Heard heard = read(file.bytes());
  REQUIRE(heard.texts() ==
          std::vector<std::string>{
              "run ent/glue/abc123 \"full_ft_rte_seed42\" group g1 job  host vm7 tags 2 resumed "
              "true from 40 at 2026-09-21T14:13:20.500Z",
              "config {\"lr\":2e-05}"});
}

TEST_CASE("a history row keeps NaN, infinities and nested names, and is found by its _step",
          "[local][wandb]") {
  WandbWriter file;
  file.history({{"train_loss", "NaN"},
                {"up", "Infinity"},
                {"nested", R"({"a": 1, "b": {"c": 2.5}})"},
                {"hist", R"({"_type": "histogram", "bins": [1, 2], "values": 3})"},
                {"flag", "true"},
                {"none", "null"},
                {"huge", "1e309"},
                {"_step", "7"}});
  const auto rows = read(file.bytes()).all<Row>();
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].seq == 7);
  CHECK(
      rows[0].values.to_json().dump() ==
      R"({"_step":7.0,"huge":"Infinity","nested.a":1.0,"nested.b.c":2.5,"train_loss":"NaN","up":"Infinity"})");
}

TEST_CASE("the newer SDK's paths are names, and its histograms are no metrics", "[local][wandb]") {
  WandbWriter file;
  const auto path = [](const char* a, const char* b, const char* value) {
    return bytes_field(1, bytes_field(2, a) + bytes_field(2, b) + bytes_field(16, value));
  };
  file.record(2, path("nested", "a", "1") + path("hist", "_type", "\"histogram\"") +
                     path("hist", "min", "0.5") + path("_step", "", "3") +
                     WandbWriter::item("_step", "12", true));
  const auto rows = read(file.bytes()).all<Row>();
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].values.number_of("nested.a") == 1.0);
  CHECK_FALSE(rows[0].values.find("hist.min"));
  CHECK(rows[0].seq == 12);
}

TEST_CASE("a row without a _step item takes the record's own step", "[local][wandb]") {
  WandbWriter file;
  file.record(2, WandbWriter::item("loss", "1.5", false) + bytes_field(2, number_field(1, 99)));
  const auto rows = read(file.bytes()).all<Row>();
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].seq == 99);
}

TEST_CASE("summary, system metrics, console, alert and exit are told", "[local][wandb]") {
  WandbWriter file;
  const std::string time = number_field(1, 1790000000);
  file.record(3, WandbWriter::item("acc", "0.5", false) + WandbWriter::item("gone", "1", false));
  file.record(3, bytes_field(1, bytes_field(1, "acc") + bytes_field(16, "0.8")) +
                     bytes_field(2, bytes_field(1, "gone")));
  file.record(7, bytes_field(2, time) +
                     bytes_field(3, bytes_field(1, "proc.memory.rssMB") + bytes_field(16, "812.5")));
  file.record(13, number_field(1, 1) + bytes_field(2, time) + bytes_field(3, "hello\n"));
  file.record(13, bytes_field(2, time) + bytes_field(3, "oops\n"));
  file.record(10, bytes_field(1, "High Loss") + bytes_field(2, "loss is NaN") + bytes_field(3, "WARN") +
                      number_field(4, 300000));
  file.record(23, "");
  file.record(18, number_field(1, 1) + number_field(2, 90));
  CHECK(read(file.bytes()).texts() ==
        std::vector<std::string>{"system {\"system.proc.memory.rssMB\":812.5}", "stdout hello\n",
                                 "stderr oops\n", "alert High Loss | loss is NaN | WARN | 5 min",
                                 "preempting", "summary {\"acc\":0.8}", "exit 1 after 1 min 30 s"});
}

TEST_CASE("a record that ends where a block nearly ends is read in any case", "[local][wandb]") {
  for (std::size_t left = 0; left <= 20; ++left) {
    INFO(left << " bytes are left in the first block");
    WandbWriter file;
    const std::size_t overhead = 7 + 7 + 20;  // header, chunk, tags: found by trying
    std::size_t fill = 32768 - overhead - left;
    for (;; ++fill) {
      WandbWriter attempt;
      attempt.history({{"k", big_value(fill)}});
      if (attempt.bytes().size() == 32768 - left) {
        file = attempt;
        break;
      }
      REQUIRE(fill < 33000);
    }
    file.history({{"loss", "1"}, {"_step", "1"}});
    file.history({{"k", big_value(80000)}, {"_step", "2"}});
    file.history({{"loss", "3"}, {"_step", "3"}});
    const Heard heard = read(file.bytes());
    CHECK(heard.all<Trouble>().empty());
    REQUIRE(heard.all<Row>().size() == 4);
    CHECK(heard.all<Row>()[3].values.number_of("loss") == 3.0);
  }
}

TEST_CASE("read byte by byte as it grows, a file tells the same, and a cursor never lies within a record",
          "[local][wandb]") {
  WandbWriter file;
  file.record(17, run_record());
  for (int i = 0; i < 40; ++i)
    file.history({{"loss", std::to_string(i)},
                  {"pad", big_value(static_cast<std::size_t>(i) * 97)},
                  {"_step", std::to_string(i)}});
  const Heard whole = read(file.bytes());
  Heard bytewise;
  WandbFileReader reader(bytewise.sink());
  for (std::size_t i = 0; i < file.bytes().size(); ++i) {
    reader.feed(std::string_view(file.bytes()).substr(i, 1));
    REQUIRE(reader.next_offset() == i + 1);
    if (i % 1009 != 0) continue;
    // Whoever goes on at the cursor tells exactly what was not told yet.
    Heard rest;
    WandbFileReader resumed(rest.sink(), reader.cursor());
    resumed.feed(std::string_view(file.bytes()).substr(reader.cursor()));
    CHECK(bytewise.all<Row>().size() + rest.all<Row>().size() == 40);
  }
  CHECK(bytewise.texts() == whole.texts());
}

TEST_CASE("a file cut within a record is not yet, and damage only once nothing more is to come",
          "[local][wandb]") {
  WandbWriter file;
  file.history({{"loss", "1"}, {"_step", "1"}});
  const std::size_t cut = file.bytes().size() + 9;
  file.history({{"loss", "2"}, {"_step", "2"}});
  Heard heard;
  WandbFileReader reader(heard.sink());
  reader.feed(std::string_view(file.bytes()).substr(0, cut));
  CHECK(heard.texts().size() == 1);
  reader.finish();
  CHECK(heard.texts().back() ==
        "trouble damaged: the file ends within a record; it was cut, or its writer was killed");
  reader.feed(std::string_view(file.bytes()).substr(cut));
  CHECK(heard.all<Row>().size() == 2);
}

TEST_CASE("a wrong checksum costs the rest of its block and no more", "[local][wandb]") {
  WandbWriter file;
  for (int i = 0; i < 300; ++i) file.history({{"pad", big_value(400)}, {"_step", std::to_string(i)}});
  REQUIRE(file.bytes().size() > 3 * 32768);
  std::string damaged = file.bytes();
  damaged[40000] = static_cast<char>(damaged[40000] ^ 1);
  const Heard heard = read(damaged);
  CHECK(heard.all<Trouble>().size() == 1);
  const auto rows = heard.all<Row>();
  CHECK(rows.size() > 300 - 80);
  CHECK(rows.front().seq == 0);
  CHECK(rows.back().seq == 299);
}

TEST_CASE("a wrong checksum in the block that is being written is not yet told", "[local][wandb]") {
  WandbWriter file;
  file.history({{"loss", "1"}, {"_step", "1"}});
  const std::size_t second = file.bytes().size();
  file.history({{"loss", "2"}, {"_step", "2"}});
  std::string half_written = file.bytes();
  half_written[half_written.size() - 3] = '\0';
  Heard heard;
  WandbFileReader reader(heard.sink());
  reader.feed(half_written);
  CHECK(heard.all<Trouble>().empty());
  CHECK(reader.cursor() == second);
}

TEST_CASE("a block of zeros is passed over", "[local][wandb]") {
  WandbWriter file;
  file.history({{"_step", "1"}});
  file.bytes().resize(2 * 32768, '\0');
  file.history({{"_step", "2"}});
  const Heard heard = read(file.bytes());
  CHECK(heard.all<Row>().size() == 2);
  CHECK(heard.all<Trouble>().empty());
}

TEST_CASE("what is no run file says so and is left alone", "[local][wandb]") {
  CHECK(read("version https://git-lfs.github.com/spec/v1\noid sha256:1\n").texts() ==
        std::vector<std::string>{
            "trouble not this format: a git-LFS pointer stands in its place (run: git lfs pull)"});
  CHECK(read("PK\x03\x04 something").texts() ==
        std::vector<std::string>{"trouble not this format: it does not begin like a W&B run file"});
  CHECK(read(std::string("\x3A\x57\x26\x42\xE1\xBE\x07", 7)).texts() ==
        std::vector<std::string>{"trouble not this format: its format is version 7, only 0 is known"});
  CHECK(read("").texts().empty());
}

TEST_CASE("a record of hundreds of megabytes is passed over without being kept", "[local][wandb]") {
  WandbWriter file;
  file.history({{"k", big_value((std::size_t{64} << 20) + 100)}});
  file.history({{"loss", "1"}, {"_step", "1"}});
  const Heard heard = read(file.bytes());
  REQUIRE(heard.texts().size() == 2);
  CHECK(heard.texts()[0] == "trouble too large: a record of more than 64 MB was skipped");
}

TEST_CASE("A git-LFS pointer or another program's file is named alike, however little of it comes at once") {
  using namespace std::string_literals;
  for (const std::string& text : {"version https://git-lfs.github.com/spec/v1\n"s, "v\0\x12"s, "ver"s}) {
    INFO(text);
    const std::vector<std::string> whole = read(text).texts();
    Heard pieces;
    WandbFileReader by_and_by(pieces.sink());
    for (const char& byte : text) by_and_by.feed({&byte, 1});
    by_and_by.finish();
    CHECK(whole.size() == 1);
    CHECK(pieces.texts() == whole);
  }
}

}  // namespace redflag::daemon::local
