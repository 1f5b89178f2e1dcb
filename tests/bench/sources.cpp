// The readers of local files, timed over large generated files; `./dev bench sources` runs it beside Python.
//   generate DIR MEGABYTES     writes one file of each kind
//   read KIND FILE [observe]   prints "seconds S rows N sum X": S is CPU time, X adds up every number of
//   every row, so that two
//                              readers can be seen to have read the same. observe: rows are made
//                              observations, too
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <random>
#include <string>

#include <fmt/format.h>

#include "daemon/local/console.h"
#include "daemon/local/local_rows.h"
#include "daemon/local/tfevents.h"
#include "daemon/local/trainer_json.h"
#include "daemon/local/wandb_file.h"
#include "tests/local/log_writers.h"

namespace {

using namespace redflag;
using namespace redflag::daemon;
using namespace redflag::daemon::local;

void write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// A loss curve with noise, numbers as long as Python prints them.
class Curve {
 public:
  double loss(int step) { return 0.3 + 4.0 / (1.0 + step * 0.001) + noise_(random_); }
  double norm() { return 1.0 + 10 * std::abs(noise_(random_)); }

 private:
  std::mt19937 random_{42};
  std::normal_distribution<double> noise_{0.0, 0.02};
};

void generate(const std::string& directory, std::size_t megabytes) {
  const std::size_t size = megabytes << 20U;
  Curve curve;
  std::string text;
  for (int i = 1; text.size() < size; ++i)
    text += fmt::format(
        "{{\"current_steps\": {}, \"total_steps\": 1000000, \"loss\": {:.4f}, \"accuracy\": {}, "
        "\"learning_rate\": {}, "
        "\"epoch\": {}, \"percentage\": {:.2f}, \"elapsed_time\": \"0:00:26\", \"remaining_time\": "
        "\"0:14:35\"}}\n",
        i * 10, curve.loss(i), curve.norm() / 20, 2e-5 / i, i / 1125.0, i / 100.0);
  write(directory + "/jsonl", text);

  text = "{\n  \"best_metric\": null,\n  \"log_history\": [\n";
  for (int i = 1; text.size() < size; ++i)
    text += fmt::format(
        "{}    {{\n      \"epoch\": {},\n      \"grad_norm\": {},\n      \"learning_rate\": {},\n      "
        "\"loss\": {:.4f},\n      \"step\": {}\n    }}",
        i > 1 ? ",\n" : "", i / 1125.0, curve.norm(), 2e-5 / i, curve.loss(i), i * 10);
  text += "\n  ],\n  \"max_steps\": 10\n}\n";
  write(directory + "/trainer_state", text);
  write(directory + "/trainer_state_again", text);

  text = tf_begin();
  for (int i = 1; text.size() < size; ++i) {
    const double time = 1.79e9 + i;
    const auto value = [&](const char* tag, double number) {
      text += tf_event(time, i * 10, tf_value(tag, static_cast<float>(number)));
    };
    value("train/loss", curve.loss(i));
    value("train/grad_norm", curve.norm());
    value("train/learning_rate", 2e-5 / i);
    value("train/epoch", i / 1125.0);
  }
  write(directory + "/tfevents", text);

  for (const bool newer : {false, true}) {
    WandbWriter run;
    for (int i = 1; run.bytes().size() < size; ++i) {
      const WandbWriter::Values values{{"train/loss", fmt::format("{}", curve.loss(i))},
                                       {"train/grad_norm", fmt::format("{}", curve.norm())},
                                       {"train/learning_rate", fmt::format("{}", 2e-5 / i)},
                                       {"train/global_step", std::to_string(i * 10)},
                                       {"_timestamp", fmt::format("{}", 1.79e9 + i * 0.37)},
                                       {"_runtime", fmt::format("{}", i * 0.37)},
                                       {"_step", std::to_string(i)}};
      run.history(values, newer);
      if (!newer) continue;
      std::string summary;
      for (const auto& [name, json] : values) summary += WandbWriter::item(name, json, true);
      run.record(3, summary);
    }
    write(directory + (newer ? "/wandb_newer" : "/wandb_older"), run.bytes());
  }

  text.clear();
  for (int i = 1; text.size() < size; ++i) {
    text += fmt::format("\r{:3}%|{:10}| {}/1000000 [{:02}:{:02}<09:30, {:.2f}it/s]", i / 10000, "##", i,
                        i / 60 % 60, i % 60, 9 + curve.loss(i));
    if (i % 10 == 0)
      text +=
          fmt::format("\r{:60}\r{{'loss': {:.4f}, 'grad_norm': {}, 'learning_rate': {}, 'epoch': {:.2f}}}\n",
                      "", curve.loss(i), curve.norm(), 2e-5 / i, i / 1125.0);
    if (i % 50 == 0)
      text += "/opt/env/lib/python3.11/site-packages/torch/utils/checkpoint.py:295: UserWarning: ...\n";
  }
  write(directory + "/console", text);
}

std::string read_whole(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  std::string text(static_cast<std::size_t>(file.tellg()), '\0');
  file.seekg(0);
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  return text;
}

std::clock_t started = 0;

struct Counted {
  std::uint64_t rows = 0;
  double sum = 0.0;
};

Counted read(const std::string& kind, const std::string& path, bool observe) {
  Counted counted;
  const MetricNames names;
  const RowBuilder builder(names);
  const RowTarget target{{SubjectKind::run, "run"}, "run", "bench"};
  const EventSink sink = [&](LocalEvent& event) {
    const Row* row = std::get_if<Row>(&event.what);
    if (row == nullptr) return;
    ++counted.rows;
    for (std::size_t i = 0; i < row->values.size(); ++i)
      if (row->values.is_number(i)) counted.sum += row->values.number(i);
    if (observe && !build_row(builder, *row, target)) std::abort();
  };
  std::ifstream file(path, std::ios::binary);
  std::string piece;
  const auto each_piece = [&](auto feed) {
    piece.resize(std::size_t{1} << 20);
    while (file.read(piece.data(), static_cast<std::streamsize>(piece.size())) || file.gcount() > 0)
      feed(std::string_view(piece.data(), static_cast<std::size_t>(file.gcount())));
  };
  if (kind == "jsonl") {
    JsonLinesReader reader(sink);
    each_piece([&](std::string_view bytes) { reader.feed(bytes); });
  } else if (kind == "trainer_state") {
    TrainerStateReader reader(sink);
    reader.read(read_whole(path));
  } else if (kind == "trainer_state_again") {
    // What happens at each save: all of it was told but the last row.
    bool told = false;
    TrainerStateReader reader([&](LocalEvent& event) {
      if (told) sink(event);
    });
    std::string before = read_whole(path);
    before.erase(before.rfind(",\n    {"),
                 before.rfind('}', before.rfind(']')) + 1 - before.rfind(",\n    {"));
    reader.read(before);
    told = true;
    started = std::clock();
    reader.read(read_whole(path));
  } else if (kind == "tfevents") {
    TfeventsReader reader(sink);
    each_piece([&](std::string_view bytes) { reader.feed(bytes); });
    reader.finish();
  } else if (kind == "console") {
    ConsoleReader reader(sink);
    each_piece([&](std::string_view bytes) { reader.feed(bytes); });
    reader.finish();
  } else {
    WandbFileReader reader(sink);
    each_piece([&](std::string_view bytes) { reader.feed(bytes); });
  }
  return counted;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string what = count > 1 ? arguments[1] : "";
  if (what == "generate" && count == 4) {
    generate(arguments[2], std::stoul(arguments[3]));
    return 0;
  }
  if (what != "read" || count < 4) {
    fmt::print(stderr, "usage: generate DIR MEGABYTES | read KIND FILE [observe]\n");
    return 2;
  }
  started = std::clock();  // as its peer, which counts from behind its imports
  const Counted counted = read(arguments[2], arguments[3], count > 4);
  fmt::print("seconds {:.4f} rows {} sum {:.9g}\n",
             static_cast<double>(std::clock() - started) / CLOCKS_PER_SEC, counted.rows, counted.sum);
}
