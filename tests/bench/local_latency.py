"""Figures for local_latency.sh, which see. usage: local_latency.py REDFLAGD TRIALS [quiet|busy|cpu|all] [KIND…]

Each trial is a run of its own: some healthy rows, a moment of rest, then a row whose loss is NaN (an out-of-memory line for "error").
Timed is from the return of that write() to when the whole of the alert's request was read by a webhook on loopback.
quiet: nothing else is written, a redflagd for each kind; busy: beside 20 runs that log 10 lines a second each; cpu: what redflagd
takes of a core meanwhile, without trials.
"""
import multiprocessing
import pathlib
import random
import shutil
import sys
import tempfile
import time

import local_runs
import measure

KINDS = {kind.kind: kind for kind in (local_runs.Console, local_runs.ConsoleError, local_runs.TrainerLog, local_runs.TrainerState,
                                      local_runs.Tensorboard, local_runs.Wandb, local_runs.WandbBlock, local_runs.Push)}
WORDS = {"console": "console line with a NaN", "error": "console line of an error", "jsonl": "trainer_log.jsonl", "state": "trainer_state.json",
         "tfevents": "tfevents", "wandb": ".wandb, a row", "block": ".wandb, a block of 32 KiB", "push": "push"}
RULE = {"error": "log-out-of-memory"}
RUNS, PER_SECOND, SECONDS = 20, 10, 60


def trials(sink, daemon, kind, count):
    spent, missing = [], 0
    chance = random.Random(1)
    local_runs.Push.socket_path = daemon.socket
    ahead = []
    for number in range(count + 5):
        # A run is there for a while before its trial, so that only the one write is new.
        if number < count:
            run = KINDS[kind](daemon.runs, number)
            run.begin()
            ahead.append(run)
        if number < 5:
            time.sleep(0.3)
            continue
        time.sleep(chance.uniform(0.25, 0.35))  # slower than a webhook is paced (5 a second), and at any phase of what is periodic
        run = ahead.pop(0)
        written = run.row(float("nan"))
        arrived = sink.when(run.name, RULE.get(kind, "loss-nan"), 5)
        run.end()
        if arrived is None:
            missing += 1
        else:
            spent.append((arrived - written) * 1000)
    spent.sort()

    def percentile(p):
        return spent[min(len(spent) - 1, int(p * len(spent)))] if spent else float("nan")

    print(f"  {WORDS[kind]:26} {len(spent):4} of {count} {percentile(0.5):9.1f} {percentile(0.99):9.1f} {percentile(1):9.1f}", flush=True)


class Scratch:

    def __enter__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="redflag-latency-"))
        return self.path

    def __exit__(self, kind, *_):
        if kind is None:
            shutil.rmtree(self.path, ignore_errors=True)
        else:
            print(f"kept for a look: {self.path}", file=sys.stderr)


def heading(words):
    print(f"{words}\n  {'write to alert at the sink':26} {'arrived':>11} {'p50 ms':>9} {'p99 ms':>9} {'max ms':>9}", flush=True)


def quiet(program, count, kinds):
    heading("nothing else is written")
    for kind in kinds:
        with Scratch() as scratch:
            sink = local_runs.Sink()
            daemon = local_runs.Daemon(program, scratch, sink)
            trials(sink, daemon, kind, count)
            daemon.stop()


def busy(program, count, kinds):
    heading(f"beside {RUNS} runs that log {PER_SECOND} lines a second each")
    for kind in kinds:
        with Scratch() as scratch:
            sink = local_runs.Sink()
            daemon = local_runs.Daemon(program, scratch, sink)
            writer = multiprocessing.Process(target=local_runs.write_lines, args=(daemon.runs, RUNS, PER_SECOND, 3600), daemon=True)
            writer.start()
            trials(sink, daemon, kind, count)
            writer.terminate()
            writer.join()
            daemon.stop()


def cpu(program):
    with Scratch() as scratch:
        daemon = local_runs.Daemon(program, scratch, local_runs.Sink())
        writer = multiprocessing.Process(target=local_runs.write_lines, args=(daemon.runs, RUNS, PER_SECOND, SECONDS + 20), daemon=True)
        writer.start()
        time.sleep(10)
        before, begin = daemon.cpu_seconds(), time.monotonic()
        time.sleep(SECONDS)
        share = (daemon.cpu_seconds() - before) / (time.monotonic() - begin)
        writer.terminate()
        writer.join()
        print(f"redflagd beside {RUNS} runs that log {PER_SECOND} lines a second each, over {SECONDS} s: {share * 100:.2f} % of a core, "
              f"{daemon.memory_mb()['VmHWM']:.1f} MB at the peak", flush=True)
        daemon.stop()


def main():
    program, count = pathlib.Path(sys.argv[1]).absolute(), int(sys.argv[2])
    what = sys.argv[3] if len(sys.argv) > 3 else "all"
    kinds = sys.argv[4:] or list(KINDS)
    if what not in ("quiet", "busy", "cpu", "all") or any(kind not in KINDS for kind in kinds):
        raise SystemExit(f"{__doc__}\nkinds: {' '.join(KINDS)}")
    print(f"{measure.about_machine()}; alerts.group_wait 0s", flush=True)
    if what in ("cpu", "all"):
        cpu(program)
    if what in ("quiet", "all"):
        quiet(program, count, kinds)
    if what in ("busy", "all"):
        busy(program, count, kinds)


if __name__ == "__main__":
    main()
