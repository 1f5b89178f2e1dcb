"""Figures for beside_training.sh, which see. usage: beside_training.py REDFLAG_INSPECT ROUNDS DIRECTORY

The trainer is a small transformer on the CPU, in this process. Each round times its steps alone, then while
the inspector reads the checkpoint as the daemon starts it (nice 19, idle I/O class, one thread, 256 MiB a second), over and
over: the next begins when the last has ended, which is far more than the daemon asks for. So the ratio is
what a trainer feels while an inspection lasts, and the seconds an inspection lasts say for how long.
"cold": the checkpoint's pages are thrown out of the page cache before each inspection.
"""
import os
import pathlib
import subprocess
import sys
import threading
import time

import measure

SIZE = 2_500_000_000
SECONDS = 4  # of each half of a round


def make(path):
    import torch

    block = torch.randn(25_000_000)
    fresh = path.with_name("new.pt")
    torch.save({f"layer.{i}.weight": block + i for i in range(SIZE // 100_000_000)}, fresh)
    fresh.rename(path)


class Trainer:

    def __init__(self, threads):
        import torch

        torch.set_num_threads(threads)
        torch.manual_seed(1)
        layer = torch.nn.TransformerEncoderLayer(256, 4, 1024, batch_first=True, dropout=0.0)
        self.model = torch.nn.TransformerEncoder(layer, 4)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-4)
        self.data = torch.randn(8, 64, 256)

    def step(self):
        self.optimizer.zero_grad()
        loss = (self.model(self.data) - self.data).square().mean()
        loss.backward()
        self.optimizer.step()

    def steps(self, seconds):
        """Milliseconds of each step, for so long."""
        spent, end = [], time.perf_counter() + seconds
        while time.perf_counter() < end:
            start = time.perf_counter()
            self.step()
            spent.append((time.perf_counter() - start) * 1000)
        return spent


class Inspections:
    """The inspector over and over, until the end of the block."""

    def __init__(self, program, path, cold):
        self.command = [
            "nice", "-n", "19", "ionice", "-c3",
            str(program), "--threads", "1", "--pace", str(256 << 20), "--root",
            str(path.parent)
        ]
        self.path, self.cold, self.seconds, self.done = path, cold, [], threading.Event()

    def loop(self):
        while not self.done.is_set():
            if self.cold:
                measure.drop_cache(self.path)
            start = time.perf_counter()
            out = subprocess.run(self.command, input=os.fsencode(self.path) + b"\0",
                                 capture_output=True).stdout
            self.seconds.append(time.perf_counter() - start)
            if b'"ok"' not in out:
                print(f"the inspection failed: {out[:300]!r}", file=sys.stderr)
                return

    def __enter__(self):
        self.thread = threading.Thread(target=self.loop)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()


def compare(program, path, threads, cold, rounds):
    trainer = Trainer(threads)
    trainer.steps(1)
    alone, beside, ratios, inspections = [], [], [], []
    for _ in range(rounds):
        before = trainer.steps(SECONDS)
        with Inspections(program, path, cold) as running:
            during = trainer.steps(SECONDS)
        inspections += running.seconds
        alone += before
        beside += during
        ratios.append(measure.median(during) / measure.median(before))
    lasts = measure.median(inspections)
    ratio = measure.median(beside) / measure.median(alone)
    print(
        f"  {threads} thread{'s' if threads > 1 else ' '}  {'cold' if cold else 'warm'}  "
        f"{measure.median(alone):9.2f} {measure.median(beside):9.2f} "
        f"{ratio:7.3f}   {min(ratios):.3f}-{max(ratios):.3f} {lasts:9.2f} {(ratio - 1) * lasts * 1000:12.0f}",
        flush=True)


def main():
    program, rounds, directory = pathlib.Path(sys.argv[1]).absolute(), int(sys.argv[2]), pathlib.Path(
        sys.argv[3]).absolute()
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "checkpoint_2500MB.pt"
    if not path.exists():
        make(path)
    measure.warm(path)
    print(
        f"{measure.about_machine()}; {rounds} rounds of {SECONDS} s alone and {SECONDS} s beside; "
        "inspections back to back"
    )
    print(
        f"  {'trainer':9}  {'':4}  {'alone ms':>9} {'beside ms':>9} {'ratio':>7}   {'of rounds':11} "
        f"{'inspect s':>9} {'lost ms each':>12}"
    )
    for threads in (1, 2):
        for cold in (False, True):
            compare(program, path, threads, cold, rounds)


if __name__ == "__main__":
    main()
