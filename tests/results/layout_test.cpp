// What paths mean, by name alone.
#include "daemon/results/layout.h"

#include "daemon/results/printable.h"
#include "daemon/results/results_summary.h"
#include "tests/support/catch.h"

using namespace redflag::daemon;

TEST_CASE("a representation step is recognised anywhere below the root, padded or not", "[layout]") {
  for (const char* path : {"representations/full_finetune_mrpc/step_000100",
                           "a/b/representations/full_finetune_mrpc/step_100"}) {
    const DirPlace place = classify_directory(path);
    CHECK(place.role == DirRole::step);
    CHECK(place.step == 100);
    CHECK(place.method == "full_finetune");
    CHECK(place.task == "mrpc");
  }
  CHECK(classify_directory("step_100").role == DirRole::plain);
  CHECK(classify_directory("representations/full_mrpc/step_12x").role == DirRole::plain);
  CHECK(classify_directory("representations/full_mrpc/step_99999999999999999999").role == DirRole::plain);
}

TEST_CASE("a root inside or at a representations directory is understood", "[layout]") {
  CHECK(place_below("/d/representations", "/d/representations/lora_rte/step_5").role == DirRole::step);
  CHECK(place_below("/d/representations/lora_rte", "/d/representations/lora_rte/step_5").task == "rte");
  CHECK(place_below("/d", "/d/representations").role == DirRole::representations);
  CHECK(place_below("/", "/x/final_model").role == DirRole::final_model);
  CHECK(place_below("/d/representations_old", "/d/representations_old/lora_rte/step_5").role ==
        DirRole::plain);
}

TEST_CASE("method and task are told apart although both may have underscores", "[layout]") {
  const auto split = [](const char* name) {
    const MethodTask out = split_method_task(name);
    return out.method + "|" + out.task;
  };
  CHECK(split("full_finetune_squad_v2") == "full_finetune|squad_v2");
  CHECK(split("base_pretrained_squad-v2") == "base_pretrained|squad_v2");
  CHECK(split("lora_SST-2") == "lora|sst2");
  CHECK(split("lora_r8_cola") == "lora_r8|cola");
  CHECK(split("mrpc") == "|mrpc");
  CHECK(split("whatever") == "whatever|");
}

TEST_CASE("checkpoints, staging directories and temporary names are not confused", "[layout]") {
  CHECK(classify_directory("run/checkpoint-500").role == DirRole::checkpoint);
  CHECK(classify_directory("run/checkpoint-500").step == 500);
  CHECK(classify_directory("run/tmp-checkpoint-500").role == DirRole::staging);
  CHECK(classify_directory("run/checkpoint-500.tmp").role == DirRole::staging);
  CHECK(classify_directory("run/tmp-checkpoint-500/sub").role == DirRole::staging);
  CHECK(classify_directory("run/final_adapter").role == DirRole::final_adapter);
  for (const char* name :
       {"a.pt.tmp", "a.pt~", "model.safetensors.partial", ".layer_0.pt.swp", "x.part", "y.incomplete"}) {
    CHECK(classify_file(DirRole::step, name) == FileKind::temporary);
  }
  CHECK(classify_file(DirRole::step, "layer_12.pt") == FileKind::layer);
  CHECK(classify_file(DirRole::step, "final_hidden_states.pt") == FileKind::tensor);
  CHECK(classify_file(DirRole::final_model, "model-00001-of-00002.safetensors") == FileKind::weights);
  CHECK(classify_file(DirRole::final_model, "model.safetensors.index.json") == FileKind::shard_index);
  CHECK(classify_file(DirRole::checkpoint, "rng_state_0.pth") == FileKind::rng);
  CHECK(classify_file(DirRole::plain, "trainer_state.json") == FileKind::trainer_state);
  CHECK(classify_file(DirRole::plain, "train.log") == FileKind::log);
  CHECK(classify_file(DirRole::plain, "model.safetensors") == FileKind::other);
}

TEST_CASE("gaps in the extraction interval are found, a shorter last interval is none", "[layout]") {
  SeriesSummary series;
  series.steps = {0, 100, 300, 342};
  find_gaps(series, 100);
  CHECK(series.missing == std::vector<std::int64_t>{200});
  CHECK_FALSE(series.regular);

  SeriesSummary good;
  good.steps = {100, 200, 250};
  find_gaps(good, 100);
  CHECK(good.missing.empty());
  CHECK(good.regular);

  SeriesSummary late;
  late.steps = {100, 450};
  find_gaps(late, 100);
  CHECK(late.missing == std::vector<std::int64_t>{200, 300, 400});

  SeriesSummary hostile;
  hostile.steps = {0, 999'999'999'999'900};
  find_gaps(hostile, 100);
  CHECK(hostile.missing.size() == 1000);
  CHECK(hostile.missing_count == 9'999'999'999'998);
}

TEST_CASE("file names that are not UTF-8 are shown without loss", "[layout]") {
  CHECK(printable_path("/a/gr\xc3\xbc\xc3\x9f") == "/a/gr\xc3\xbc\xc3\x9f");
  CHECK(printable_path("/a/\xff\n") == "/a/\\xff\\x0a");
  CHECK(printable_path("/a/\\xff") == "/a/\\x5cxff");
  CHECK(with_commas(205980) == "205,980");
  CHECK(with_commas(999) == "999");
}
