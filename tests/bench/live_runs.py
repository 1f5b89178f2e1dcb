"""Figures for live_runs.sh, which see. usage: live_runs.py REDFLAGD MINUTES RUNS

The training loop is a small transformer on the CPU, one thread, in this process; the runs are written by one other
process. Rounds come in pairs, one alone and one beside redflagd, in the order AB BA AB …, so that a drift of the
machine falls on both.

In a round alone redflagd is stopped (SIGSTOP) and the same lines are written at the same pace to a second set of
runs, in a directory that nobody watches. So both rounds have the same writer, and a round beside has exactly the
rows of its own time: were the watched runs written on while redflagd is stopped, it would do the work of two rounds
in one; were it started for each round, it would mostly start. What is a little against redflagd: its timers have all
run out when it goes on, so that what it does every fifteen seconds or minute it does in each round.

The loop's wall time also holds what other programs on the machine take of it; the CPU time of its thread does not, but
neither does it show where redflagd took its core. "95 %": of the median of the pairs, by their ranks alone. "alone, by
turns" compares each round alone with the one before it: what the machine does to the figure without redflagd.

CPU is that of redflagd and its children over the rounds beside. Rows and points are counted in its database.
"""
import collections
import heapq
import json
import math
import multiprocessing
import os
import pathlib
import shutil
import signal
import sqlite3
import sys
import time

import beside_training
import local_latency
import local_runs
import measure

LEAST_PAIRS, ROUND = 10, 6  # seconds: short ones, for the machine's other work comes and goes
SYSTEM_EVERY = 15
EVALUATE_EVERY = 20  # rows
SAVE_EVERY = 5

# ---- the runs ----


def logged(step, number, loss=None):
    """A row of a fine-tuning with TRL, and now and then an evaluation."""
    row = local_runs.logged(step, number, loss)
    row["loss"] = 0.4 + 0.6 * (row["loss"] - 0.4)  # above 2 the rules find it high
    row.update({
        "mean_token_accuracy": 0.9 - 0.1 * row["loss"],
        "entropy": 0.5 * row["loss"],
        "num_tokens": 8192.0 * step,
        "samples_per_second": 30 + row["grad_norm"],
        "tokens_per_second": 15000 + 500 * row["grad_norm"],
        "step_time": 0.5 + 0.01 * row["grad_norm"],
        "data_time": 0.01 * row["grad_norm"],
    })
    if step // 10 % EVALUATE_EVERY == 0:
        row.update({"eval_loss": row["loss"] + 0.05, "eval_accuracy": row["mean_token_accuracy"]})
    return row


class Noting:
    """Knows what it wrote: {step: {metric: value}}."""

    def logged(self, step, number, loss=None):
        row = logged(step, number, loss)
        self.written[step] = row
        return row

    def begin(self):
        self.written = {}
        super().begin()

    def system(self):
        pass

    def close(self):
        self.end()


class Console(Noting, local_runs.Console):

    def encoded(self, row):
        """A line as HF Trainer prints it, with its step."""
        return (str({name: float(f"{value:.5g}") for name, value in row.items()} | {"step": self.step}) + "\n").encode()


class TrainerLog(Noting, local_runs.TrainerLog):
    pass


class Tensorboard(Noting, local_runs.Tensorboard):
    pass


class Wandb(Noting, local_runs.Wandb):

    def system(self):
        """What the SDK measures by itself."""
        values = {"proc.memory.rssMB": 2100.0 + self.number, "proc.memory.percent": 8.5, "proc.memory.availableMB": 14000.0,
                  "proc.cpu.threads": 24, "cpu": 55.0, "memory_percent": 40.0, "disk./.usagePercent": 41.0, "disk./.usageGB": 205.0,
                  "network.sent": 1.0e6, "network.recv": 2.0e6}
        seconds, rest = divmod(time.time(), 1)
        stamp = local_runs.number(1, int(seconds)) + local_runs.number(2, int(rest * 1e9))
        items = b"".join(local_runs.text(3, local_runs.text(1, name) + local_runs.text(16, json.dumps(value)))
                         for name, value in values.items())
        os.write(self.file, self.blocks.record(local_runs.text(7, local_runs.number(1, 0) + local_runs.text(2, stamp) + items)))


class TrainerState(Noting, local_runs.TrainerState):
    """Rows come to the disk with the next checkpoint only; two checkpoints are kept (save_total_limit)."""

    def open(self):
        super().open()
        self.kept, self.unsaved = collections.deque(), 0

    def save(self):
        self.unsaved += 1
        if self.unsaved >= SAVE_EVERY:
            self.close()
        return time.monotonic()

    def close(self):
        if self.unsaved == 0:
            return
        self.unsaved = 0
        super().save()
        self.kept.append(self.root / "out" / self.name / f"checkpoint-{self.step}")
        if len(self.kept) > 2:
            shutil.rmtree(self.kept.popleft())


KINDS = (Wandb, TrainerState, Tensorboard, Console, TrainerLog)


def write(roots, count, pipe):
    """For a process of its own: the same runs below each of two roots, of which one at a time is written on, as the
    pipe says: the number of the root, or -1 for the end. Answers with what the first root's runs have logged."""
    # The pace of a kind's runs is spread over 1 to 10 s as that of all.
    places = [[KINDS[number % len(KINDS)](root, number) for number in range(count)] for root in roots]
    pace = [1 + 9 * (number // len(KINDS)) / max(1, (count - 1) // len(KINDS)) for number in range(count)]
    for runs in places:
        for run in runs:
            run.begin()
            run.system()
    now = time.monotonic()
    due = [(now + pace[number] * (number * 0.618 % 1), number, False) for number in range(count)]
    due += [(now + SYSTEM_EVERY * number / count, number, True) for number in range(count)]
    heapq.heapify(due)
    pipe.send("begun")
    root = 0
    while True:
        when, number, system = due[0]
        if pipe.poll(max(0.0, when - time.monotonic())):
            root = pipe.recv()
            if root < 0:
                break
            continue
        run = places[root][number]
        if system:
            run.system()
        else:
            run.row()
        heapq.heapreplace(due, (when + (SYSTEM_EVERY if system else pace[number]), number, system))
    for run in places[0]:
        run.close()
    pipe.send({run.name: run.written for run in places[0]})


# ---- what redflagd is like ----


def cpu_of(pid):
    """(user, system) seconds of it and of its children, also those that have ended."""
    sums = [0, 0]
    for one in measure.tree_of(pid):
        try:
            with open(f"/proc/{one}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        for at in range(2):
            sums[at] += int(fields[11 + at]) + int(fields[13 + at])
    return tuple(ticks / os.sysconf("SC_CLK_TCK") for ticks in sums)


def database_mb(state):
    return sum(path.stat().st_size for path in state.glob("redflag.db*")) / 1e6


def taken(state):
    """{name of a run's last part: {step: [values of the row]}}; what W&B measures by itself is not a row of the run's."""
    rows = collections.defaultdict(lambda: collections.defaultdict(list))
    with sqlite3.connect(f"file:{state}/redflag.db?mode=ro", uri=True) as database:
        for subject, step, samples in database.execute(
                "SELECT subject, step, samples FROM point WHERE subject LIKE 'run:%' AND kind=0 AND source!='wandb_system'"):
            values = [value[0] if isinstance(value, list) else value for value in json.loads(samples).values()]
            rows[subject.rsplit("/", 1)[1].removesuffix(".log")][step] += values
    return rows


def missing(written, rows):
    """(rows, points) that were written and are not there. Event files keep 32 bits of a number, consoles five digits."""
    lost_rows = lost_points = 0
    for run, steps in written.items():
        for step, row in steps.items():
            there = rows[run].get(step, [])
            lost_rows += not there
            lost_points += sum(not any(abs(value - wanted) <= 1e-4 * abs(wanted) for value in there) for wanted in row.values())
    return lost_rows, lost_points


# ---- rounds ----


class Round:

    def __init__(self, trainer, seconds):
        wall, cpu, end = [], [], time.perf_counter() + seconds
        while time.perf_counter() < end:
            start, used = time.perf_counter(), time.thread_time()
            trainer.step()
            wall.append((time.perf_counter() - start) * 1000)
            cpu.append((time.thread_time() - used) * 1000)
        self.median, self.mean, self.cpu = measure.median(wall), sum(wall) / len(wall), measure.median(cpu)


class Watch:
    """Rounds alone and beside, and what redflagd was like in the latter."""

    def __init__(self, daemon, pipe, trainer):
        self.daemon, self.pipe, self.trainer = daemon, pipe, trainer
        self.alone, self.beside = [], []
        self.seconds, self.cpu, self.resident = 0.0, [0.0, 0.0], []

    def one(self, beside, seconds):
        self.pipe.send(0 if beside else 1)
        if not beside:
            os.kill(self.daemon.process.pid, signal.SIGSTOP)
            self.alone.append(Round(self.trainer, seconds))
            os.kill(self.daemon.process.pid, signal.SIGCONT)
            return
        before, begin = cpu_of(self.daemon.process.pid), time.monotonic()
        self.beside.append(Round(self.trainer, seconds))
        self.seconds += time.monotonic() - begin
        self.cpu = [sum_ + now - then for sum_, now, then in zip(self.cpu, cpu_of(self.daemon.process.pid), before)]
        self.resident.append(self.daemon.memory_mb()["VmRSS"])

    def pair(self, number, seconds):
        for beside in (False, True) if number % 2 == 0 else (True, False):
            self.one(beside, seconds)

    def line(self, words, figure):
        alone, beside = ([figure(one) for one in rounds] for rounds in (self.alone, self.beside))
        print(f"  {words:24} {measure.median(alone):8.2f} {measure.median(beside):8.2f} {measure.median(beside) / measure.median(alone):7.3f}  "
              f"{spread([two / one for one, two in zip(alone, beside)])}   {spread([two / one for one, two in zip(alone, alone[1:])])}", flush=True)


def spread(ratios):
    """Median, where the true one lies at 95 %, and the extremes."""
    ratios, count = sorted(ratios), len(ratios)
    rank, below = 0, 1.0
    while below <= 0.025 * 2 ** count:
        rank += 1
        below += math.comb(count, rank)
    rank = max(0, rank - 1)
    return f"{measure.median(ratios):6.3f} ({ratios[rank]:.3f}-{ratios[-1 - rank]:.3f}; {ratios[0]:.2f}-{ratios[-1]:.2f})"


def told(sink):
    with sink.lock:
        return sorted(sink.arrived)


def main():
    program, minutes, count = pathlib.Path(sys.argv[1]).absolute(), float(sys.argv[2]), int(sys.argv[3])
    pairs = max(LEAST_PAIRS, round(minutes * 60 / (2 * ROUND)))
    seconds = minutes * 60 / (2 * pairs)
    print(f"{measure.about_machine()}; {count} runs; {pairs} pairs of rounds of {seconds:.0f} s", flush=True)
    with local_latency.Scratch() as scratch:
        sink = local_runs.Sink()
        daemon = local_runs.Daemon(program, scratch, sink, least="info", host=True)
        unwatched = scratch / "unwatched"
        (unwatched / "console").mkdir(parents=True)
        pipe, end = multiprocessing.Pipe()
        writer = multiprocessing.get_context("fork").Process(target=write, args=((daemon.runs, unwatched), count, end), daemon=True)
        writer.start()
        pipe.recv()
        trainer = beside_training.Trainer(1)
        trainer.steps(5)
        watch = Watch(daemon, pipe, trainer)
        watch.resident.append(daemon.memory_mb()["VmRSS"])
        for number in range(pairs):
            watch.pair(number, seconds)
        peak = daemon.memory_mb()["VmHWM"]
        writer_cpu = sum(cpu_of(writer.pid)) / (watch.seconds * 2)
        pipe.send(-1)
        written = pipe.recv()
        time.sleep(3)
        size = database_mb(daemon.scratch / "state")
        alerts = told(sink)
        daemon.stop()
        rows = taken(daemon.scratch / "state")
        report(watch, peak, writer_cpu, size, written, rows, alerts)


PAUSES = "step-time-outliers"


def report(watch, peak, writer_cpu, size, written, rows, alerts):
    print(f"  {'loop, ms a step':24} {'alone':>8} {'beside':>8} {'ratio':>7}  {'of pairs (95 %; all)':34}   alone, by turns (95 %; all)")
    watch.line("a round's median", lambda one: one.median)
    watch.line("a round's mean", lambda one: one.mean)
    watch.line("CPU, a round's median", lambda one: one.cpu)
    user, system = (100 * cpu / watch.seconds for cpu in watch.cpu)
    wrote = sum(len(steps) for steps in written.values())
    points = sum(len(row) for steps in written.values() for row in steps.values())
    got = sum(len(steps) for steps in rows.values())
    lost_rows, lost_points = missing(written, rows)
    resident = watch.resident
    print(f"  redflagd, CPU            {user + system:.2f} % of a core (user {user:.2f}, system {system:.2f}) over {watch.seconds:.0f} s; "
          f"the writer takes {writer_cpu * 100:.1f} %")
    print(f"  redflagd, resident       {resident[0]:.1f} MB at the start, {resident[len(resident) // 2]:.1f} in the middle, "
          f"{resident[-1]:.1f} at the end, {peak:.1f} at the peak")
    print(f"  database                 {size:.1f} MB with its log")
    print(f"  rows                     {wrote} written, {got} taken, {lost_rows} lost; of {points} points {lost_points} lost")
    # The watched files stand still in every other round, and whoever reads their times sees steps that take long.
    pauses = sum(rule == PAUSES for _, rule in alerts)
    alerts = [one for one in alerts if one[1] != PAUSES]
    words = ", ".join(f"{rule} ({run or 'the machine'})" for run, rule in alerts)
    print(f"  alerts                   {words or 'none'}; besides {pauses} x {PAUSES}, of the rounds' own pauses")
    if lost_rows or lost_points or any(run for run, _ in alerts):
        raise SystemExit("points were lost, or a healthy run was told of")


if __name__ == "__main__":
    main()
