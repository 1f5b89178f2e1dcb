#include "daemon/local/metric_line.h"

#include <cmath>

#include "daemon/local/progress_bar.h"
#include "daemon/local/python_dict.h"
#include "tests/support/catch.h"

namespace redflag::daemon::local {
namespace {

/// "step 5 epoch 2 | {values}", or "none".
std::string read(std::string_view line) {
  MetricLineParser parser;
  LoggedRow row;
  const auto found = parser.parse(line, row);
  if (!found) return "none";
  std::string text;
  if (found->step >= 0) text += "step " + std::to_string(found->step) + " ";
  if (found->of >= 0) text += "of " + std::to_string(found->of) + " ";
  if (found->epoch >= 0 && !found->is_dict)
    text += "epoch " + std::to_string(static_cast<int>(found->epoch)) + " ";
  if (found->continues) text += "continues ";
  return text + row.to_json().dump();
}

std::string postfix(std::string_view text) {
  MetricLineParser parser;
  LoggedRow row;
  return parser.parse_postfix(text, row) ? row.to_json().dump() : "none";
}

}  // namespace

TEST_CASE("HF's printed dicts are rows, in every version's way of writing numbers", "[local][console]") {
  CHECK(read("{'loss': 0.5, 'grad_norm': nan, 'learning_rate': 2e-05, 'epoch': 1.0}") ==
        R"({"epoch":1.0,"grad_norm":"NaN","learning_rate":2e-05,"loss":0.5})");
  CHECK(read("{'loss': '4.992e-05', 'grad_norm': '0.2994', 'reward': 'nan', 'epoch': '0.0625'}") ==
        R"({"epoch":0.0625,"grad_norm":0.2994,"loss":4.992e-05,"reward":"NaN"})");
  CHECK(read("{'eval_loss': tensor(0.5, device='cuda:0'), 'eval_f1': np.float64(0.25), 'eval_x': None, 'y': "
             "[1, (2,)]}") == R"({"eval_f1":0.25,"eval_loss":0.5})");
  CHECK(read("{'train_runtime': 6914.1, 'train_loss': -0.009, 'epoch': 3.1}") ==
        R"({"epoch":3.1,"train_loss":-0.009,"train_runtime":6914.1})");
  CHECK(read("INFO:__main__:{'loss': inf, 'step': 3}") == R"({"loss":"Infinity","step":3.0})");
  CHECK(read("{'train': {'loss': 1.5}, 'val': {\"loss\": -inf}}") ==
        R"({"train.loss":1.5,"val.loss":"-Infinity"})");
}

TEST_CASE("JSON lines in a log are rows", "[local][console]") {
  CHECK(read(R"({"loss": NaN, "step": 12, "lr": 1e-4})") == R"({"loss":"NaN","lr":0.0001,"step":12.0})");
  CHECK(read(R"(2026 INFO {"train_loss": 0.5, "global_step": 7})") ==
        R"({"global_step":7.0,"train_loss":0.5})");
}

TEST_CASE("a dict that is no row is none", "[local][console]") {
  CHECK(read("{'step': 0, 'agent_id': 'market_maker', 'reward': 2.6094}") == "none");
  CHECK(read("{'loss': 0.5} of type {'loss': Number}") == "none");
  CHECK(read("Loaded config {'learning_rate': 0.0001, 'epochs': 3}") == "none");
  CHECK(read("{'loss': 'cross_entropy'}") == "none");
  CHECK(read("{'lr': 0.001, 'grad_clip': 1.0, 'loss_weight': 0.5, 'gradient_accumulation_steps': 4}") ==
        "none");
  CHECK(read("{'loss_total': 2.5, 'loss_data': 1.5}") == R"({"loss_data":1.5,"loss_total":2.5})");
  CHECK(read("{'loss': 0.5") == "none");
  CHECK(read("{}") == "none");
  CHECK(read("{'loss': 0.5, 'x': object at 0x7f}") == "none");
}

TEST_CASE("what scripts print for people is understood", "[local][console]") {
  CHECK(read("step 100 | loss 1.23 | lr 3e-05") == R"(step 100 {"loss":1.23,"lr":3e-05})");
  CHECK(read("step 0 loss 3.9872") == R"(step 0 {"loss":3.9872})");
  CHECK(read("Step: 1500, Training Loss: 0.41, Validation Loss: 0.5") ==
        R"(step 1500 {"training_loss":0.41,"validation_loss":0.5})");
  CHECK(read("iter 250: loss 2.1234, time 120.11ms, mfu 3.40%") == R"(step 250 {"loss":2.1234})");
  CHECK(read("step 250: train loss 2.0125, val loss nan") ==
        R"(step 250 {"train_loss":2.0125,"val_loss":"NaN"})");
  CHECK(read("Epoch [20/50], Loss: 0.9286, Accuracy: 79.32%") ==
        R"(epoch 20 {"accuracy":0.7931999999999999,"loss":0.9286})");
  CHECK(read("Epoch 3/10 - loss: 0.5 - val_loss: 0.75") == R"(epoch 3 {"loss":0.5,"val_loss":0.75})");
  CHECK(read("Epoch [1][50/100]  lr: 1.000e-02, eta: 0:03:02, time: 0.5, loss: 1.25") ==
        R"(step 50 of 100 epoch 1 {"loss":1.25,"lr":0.01})");
  CHECK(read(" iteration      100/  500000 | consumed samples:        25600 | elapsed time per iteration "
             "(ms): 512.3 | "
             "learning rate: 1.500E-04 | global batch size:   256 | lm loss: 8.600000E+00 | loss scale: "
             "65536.0 | "
             "grad norm: 1.250 | number of skipped iterations:   0 |")
            .starts_with(R"(step 100 of 500000 {"grad_norm":1.25,"learning_rate":0.00015,"lm_loss":8.6)"));
  CHECK(read("Epoch 2 Step 40/200 loss=0.125 acc=0.5") ==
        R"(step 40 of 200 epoch 2 {"acc":0.5,"loss":0.125})");
  CHECK(read("epoch 001:    100 / 2000 loss=9.2, nll_loss=8.5, ppl=362.0, lr=1e-05, gnorm=3.2") ==
        R"(step 100 of 2000 epoch 1 {"gnorm":3.2,"loss":9.2,"lr":1e-05,"nll_loss":8.5,"ppl":362.0})");
  CHECK(read("2026-11-23 INFO - [train] step=5 loss=inf") == R"(step 5 {"train_loss":"Infinity"})");
  CHECK(read("Train Epoch: 1 [640/60000 (1%)]\tLoss: 2.25") ==
        R"(epoch 1 {"loss":2.25})");  // samples, no steps
  CHECK(read("[train] epoch: 3, step: 40, total_loss: 0.5") == R"(step 40 epoch 3 {"train_total_loss":0.5})");
  CHECK(read("training step 12: loss = 0.5") == R"(step 12 {"loss":0.5})");
  CHECK(read("Test Accuracy: 78.18%") == R"(continues {"test_accuracy":0.7818})");
  CHECK(read("Validation loss: 0.25") == R"(continues {"validation_loss":0.25})");
}

TEST_CASE("prose, tables and sizes are no rows", "[local][console]") {
  for (const char* line : {"New best model saved with accuracy 91.99%",
                           "the loss went down to 0.5 today",
                           "Loading data...",
                           "Total params: 4,958,034",
                           "            Conv2d-4           [-1, 64, 32, 32]          36,864",
                           "Input size (MB): 0.01",
                           "step 5 of the setup is done",
                           "learning rate 0.001",
                           "Number of epochs: 50",
                           "  Num Epochs = 100",
                           "wandb: 🚀 View run at https://wandb.ai/e/p/runs/abc?loss=5",
                           "batch size: 64",
                           "Epoch 3/10",
                           "v1.2.3 released",
                           "",
                           ":::===",
                           "1 2 3 4",
                           "loss",
                           "loss:",
                           "loss: n/a",
                           "step: 5 loss: pending"}) {
    INFO(line);
    CHECK(read(line) == "none");
  }
}

TEST_CASE("the pairs beside a bar", "[local][console]") {
  CHECK(postfix("loss=0.41") == R"({"loss":0.41})");
  CHECK(postfix("v_num=0, train_loss=0.410, val_acc=nan") == R"({"train_loss":0.41,"val_acc":"NaN"})");
  CHECK(postfix("loss: 0.4100 - accuracy: 0.8000 - val_loss: 0.5") ==
        R"({"accuracy":0.8,"loss":0.41,"val_loss":0.5})");
  CHECK(postfix("v_num=0") == "none");
}

TEST_CASE("tqdm's bars", "[local][console]") {
  const auto bar =
      parse_bar("Epoch 3:  45%|████▌     | 90/200 [00:31<01:00:38,  2.50it/s, v_num=0, loss=[0.4]]{'x': 1}");
  REQUIRE(bar);
  CHECK(bar->progress.label == "Epoch 3");
  CHECK(bar->progress.done == 90);
  CHECK(bar->progress.total == 200);
  CHECK(bar->progress.per_second == 2.5);
  CHECK(bar->progress.elapsed == std::chrono::seconds(31));
  CHECK(bar->progress.remaining == std::chrono::seconds(3638));
  CHECK(bar->postfix == "v_num=0, loss=[0.4]");
  CHECK(bar->rest == "{'x': 1}");
  CHECK(parse_bar("  0%|          | 0/250 [00:00<?, ?it/s]")->progress.per_second == 0.0);
  CHECK(parse_bar("  2%|▏| 5/250 [02:26<1:53:51, 27.88s/it]Both `max_new")->progress.per_second ==
        Approx(1 / 27.88));
  CHECK(parse_bar("Map: 100%|##########| 1.20k/1.20k [00:01<00:00, 1.2kexamples/s]")->progress.done == 1200);
  CHECK(parse_bar("model.safetensors:  50%|█████     | 1.10G/2.20G [00:10<00:10, 110MB/s]")->progress.total ==
        2200000000);
  CHECK_FALSE(parse_bar(" 45%|####5     | 90/200 [00:31<00:38,  2.83it"));  // not written whole
  CHECK_FALSE(parse_bar("100%| sure"));
  CHECK_FALSE(parse_bar("90/200 is a good share"));
}

TEST_CASE("Keras's bars", "[local][console]") {
  const auto older =
      parse_bar(" 50/100 [============>.................] - ETA: 1:05 - loss: 0.4100 - accuracy: 0.8");
  REQUIRE(older);
  CHECK(older->progress.done == 50);
  CHECK(older->progress.remaining == std::chrono::seconds(65));
  CHECK(older->postfix.find("loss: 0.4100") != std::string_view::npos);
  const auto newer = parse_bar("100/100 ━━━━━━━━━━━━━━━━━━━━ 5s 50ms/step - accuracy: 0.5 - loss: 0.3");
  REQUIRE(newer);
  CHECK(newer->progress.total == 100);
  CHECK(newer->postfix == "accuracy: 0.5 - loss: 0.3");
}

}  // namespace redflag::daemon::local
