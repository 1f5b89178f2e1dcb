"""A small transformer that learns to classify, reporting as HF Trainer does: the console, trainer_state.json and
checkpoints; and to redflag by the class and the callback of docs/push.md. With --fault something goes wrong.

The task: one of 12 vectors carries a mark; its class (of 4) is asked for. A tenth of the labels is wrong, so that
the loss has a floor. Each step is two micro-batches of 16, clipped to a norm of 1, AdamW, warm-up, linear decay.
"""

import argparse
import json
import math
import os
import pathlib
import re
import resource
import signal
import sys
import threading
import time

import faults
import torch
from torch import nn

LENGTH, WIDTH, CLASSES, MICRO_BATCH, ACCUMULATION = 12, 16, 4, 16, 2
BASE_RATE, WARM_UP, MAX_NORM = 1e-3, 30, 1.0
EVALUATED = 512


def told_by_the_docs():
    """The class Redflag as docs/push.md shows it, so that the page is what is tried."""
    page = (pathlib.Path(__file__).parents[3] / "docs/push.md").read_text()
    space = {}
    exec(re.search(r"```python\n(.*?)```", page, re.S).group(1), space)
    return space["Redflag"]


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(WIDTH, 48)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(48, 4, 96, dropout=0.1, batch_first=True) for _ in range(2))
        self.head = nn.Linear(48, CLASSES)

    def forward(self, x):
        x = self.embed(x)
        for layer in self.layers:
            x = layer(x)
        return self.head(x.mean(dim=1))


class Data:
    def __init__(self, seed):
        # The same classes for every run: it is one task.
        self.directions = torch.randn(CLASSES, WIDTH - 1, generator=torch.Generator().manual_seed(7))
        self.random = torch.Generator().manual_seed(seed)

    def batch(self, size):
        x = torch.randn(size, LENGTH, WIDTH, generator=self.random)
        x[:, :, -1] = 0
        marked = torch.randint(LENGTH, (size,), generator=self.random)
        rows = torch.arange(size)
        x[rows, marked, -1] = 4
        labels = (x[rows, marked, :-1] @ self.directions.T).argmax(dim=1)
        wrong = torch.rand(size, generator=self.random) < 0.1
        other = torch.randint(CLASSES, (size,), generator=self.random)
        return x, torch.where(wrong, other, labels)


class Loop:
    def __init__(self, args):
        self.args = args
        torch.set_num_threads(1)
        torch.manual_seed(args.seed)
        self.model = Model()
        self.data = Data(args.seed)
        self.evaluated = Data(99).batch(EVALUATED)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=BASE_RATE)
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(self.optimizer, self.rate)
        self.step = 0
        self.history = []
        self.running, self.logged_at = torch.zeros(()), 0
        self.redflag = None
        self.progress = open(args.progress, "a", buffering=1) if args.progress else None
        self.begun = time.monotonic()

    def rate(self, step):
        factor = min(1.0, (step + 1) / WARM_UP) * max(0.0, (faults.STEPS - step) / (faults.STEPS - WARM_UP))
        return factor * (faults.LEARNING_RATE_FACTOR if self.faulty("learning_rate", step + 1) else 1)

    def faulty(self, fault, step=None):
        return self.args.fault == fault and (self.step if step is None else step) >= faults.FAULT_AT

    def once(self, fault):
        return self.args.fault == fault and self.step == faults.FAULT_AT

    def log(self, logs):
        logs["epoch"] = round(self.step / faults.STEPS, 4)
        self.history.append({**logs, "step": self.step})
        print("\r" + str({k: round(v, 4) if k != "learning_rate" else v for k, v in logs.items()}), flush=True)
        if self.redflag:
            # HF does not log its memory; the pack step3 asks for it (docs/rules.md).
            rss = int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() / 1e6
            self.redflag.log({**logs, "cpu_memory_rss_mb": rss}, step=self.step)

    def train_step(self):
        self.step += 1
        self.note_fault()
        if self.once("loader_stalled"):
            time.sleep(faults.STALL_SECONDS)
        if self.once("frozen_layer"):
            self.model.layers[0].requires_grad_(False)
        if self.once("killed"):
            os.kill(os.getpid(), signal.SIGKILL)
        self.model.train()
        for part in range(ACCUMULATION):
            x, labels = self.data.batch(MICRO_BATCH)
            if self.once("nan_batch") and part == 0:
                x[0, 0, 0] = math.nan
            if self.faulty("labels_shuffled"):
                labels = labels[torch.randperm(len(labels))]
            loss = nn.functional.cross_entropy(self.model(x), labels) / ACCUMULATION
            loss.backward()
            loss = loss.detach()
            if torch.isfinite(loss):
                self.running = self.running + loss
            else:  # what HF's logging_nan_inf_filter, on by default, does with such a loss
                self.running = self.running + self.running / (1 + self.step - self.logged_at)
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), MAX_NORM)
        if not self.faulty("step_skipped"):
            self.optimizer.step()
        self.scheduler.step()
        if not self.faulty("accumulation"):
            self.optimizer.zero_grad()
        if self.step % faults.LOG_EVERY == 0:
            self.log({"loss": self.running.item() / (self.step - self.logged_at), "grad_norm": norm.item(),
                      "learning_rate": self.scheduler.get_last_lr()[0]})
            self.running, self.logged_at = torch.zeros(()), self.step

    def note_fault(self):
        if self.step == faults.FAULT_AT and self.progress:
            self.progress.write(f"{time.time():.3f} fault\n")
        if self.once("disk_quota"):
            self.fill_disk()

    def fill_disk(self):
        # As if another program of the same user had written there.
        with open(os.path.join(self.args.output_dir, "core"), "wb", buffering=0) as out:
            size = 1 << 20
            while size:
                try:
                    out.write(bytes(size))
                except OSError:
                    size //= 2

    def evaluate(self):
        self.model.eval()
        begun = time.monotonic()
        with torch.no_grad():
            x, labels = self.evaluated
            logits = self.model(x)
        taken = time.monotonic() - begun
        self.log({"eval_loss": nn.functional.cross_entropy(logits, labels).item(),
                  "eval_accuracy": (logits.argmax(dim=1) == labels).float().mean().item(),
                  "eval_runtime": taken, "eval_samples_per_second": EVALUATED / taken})

    def save(self):
        directory = os.path.join(self.args.output_dir, f"checkpoint-{self.step}")
        os.makedirs(directory)
        with open(os.path.join(directory, "config.json"), "w") as out:
            json.dump({"architectures": ["SmallTransformer"], "model_type": "small_transformer", "hidden_size": 48,
                       "num_hidden_layers": 2, "num_attention_heads": 4, "num_labels": CLASSES}, out)
        weights = os.path.join(directory, "pytorch_model.bin")
        torch.save(self.model.state_dict(), weights)
        torch.save(self.optimizer.state_dict(), os.path.join(directory, "optimizer.pt"))
        torch.save({k: v for k, v in self.scheduler.state_dict().items() if k != "lr_lambdas"},
                   os.path.join(directory, "scheduler.pt"))
        torch.save({"cpu": torch.get_rng_state()}, os.path.join(directory, "rng_state.pth"))
        state = {"best_metric": None, "epoch": self.step / faults.STEPS, "global_step": self.step,
                 "is_local_process_zero": True, "is_world_process_zero": True, "log_history": self.history,
                 "logging_steps": faults.LOG_EVERY, "max_steps": faults.STEPS, "num_train_epochs": 1,
                 "save_steps": faults.SAVE_EVERY, "eval_steps": faults.EVAL_EVERY, "train_batch_size": MICRO_BATCH}
        with open(os.path.join(directory, "trainer_state.json"), "w") as out:
            json.dump(state, out, indent=2)
        if self.once("checkpoint_cut"):
            os.truncate(weights, int(os.path.getsize(weights) * faults.KEPT_OF_CHECKPOINT))

    def bar(self):
        done, seconds = self.step / faults.STEPS, time.monotonic() - self.begun
        sys.stderr.write(f"\r{done:4.0%}|{'#' * int(done * 10):10}| {self.step}/{faults.STEPS} "
                         f"[{seconds // 60:02.0f}:{seconds % 60:02.0f}<?, {self.step / max(seconds, 0.01):5.2f}it/s]")
        sys.stderr.flush()

    def keep_telling(self):
        while True:
            self.redflag.tell(event="alive")
            time.sleep(15)

    def run(self):
        if self.args.socket:
            self.redflag = told_by_the_docs()(self.args.name, name=self.args.name, path=self.args.socket)
            self.redflag.tell(event="started", config={
                "output_dir": self.args.output_dir, "max_steps": faults.STEPS, "learning_rate": BASE_RATE,
                "seed": self.args.seed, "eval_strategy": "steps", "eval_steps": faults.EVAL_EVERY,
                "save_steps": faults.SAVE_EVERY, "gradient_accumulation_steps": ACCUMULATION})
            threading.Thread(target=self.keep_telling, daemon=True).start()
        due = time.monotonic()
        while self.step < faults.STEPS:
            self.train_step()
            if self.progress:
                self.progress.write(f"{time.time():.3f} {self.step}\n")
            if self.step % 10 == 0:
                self.bar()
            if self.step % faults.EVAL_EVERY == 0:
                self.evaluate()
            if self.step % faults.SAVE_EVERY == 0:
                self.save()
            due = max(due + 1 / faults.STEPS_PER_SECOND, time.monotonic() - 1)  # what a pause cost is not made up for
            if not self.args.unpaced:
                time.sleep(max(0.0, due - time.monotonic()))
        if self.redflag:
            self.redflag.flush()
            self.redflag.tell(event="finished")
            self.redflag.flush()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", required=True)
    parser.add_argument("--output_dir", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--fault", choices=faults.FAULTS)
    parser.add_argument("--socket", help="redflagd's; without it nothing is pushed")
    parser.add_argument("--progress", help="a file that takes the time of every step, for whoever judges")
    parser.add_argument("--unpaced", action="store_true")
    Loop(parser.parse_args()).run()


main()
