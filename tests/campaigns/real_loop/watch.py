"""Runs the loop of train.py with each fault of faults.py, a healthy one beside it, and watches what redflagd says.

One redflagd for all of it, with the shipped rules and defaults: no W&B, the results directory and the logs' directory
followed, what the loops push taken. An alert counts from warning on; about a healthy loop, or about a faulty one
before its fault, it is a false alarm. Steps are those that the loop had made since the fault when the alert was told.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from datetime import datetime

import faults

BIN = os.path.abspath(sys.argv[1])
CHOSEN = sys.argv[2:] or list(faults.FAULTS)
HERE = os.path.dirname(os.path.abspath(__file__))
SEVERITIES = ["info", "warning", "critical"]


class Daemon:
    def __init__(self, directory):
        self.directory = directory
        self.socket = os.path.join(directory, "redflag.sock")
        self.told = []  # (when, alert), in this order
        self.read = 0
        config = os.path.join(directory, "redflag.yaml")
        with open(config, "w") as out:
            out.write(f"""
wandb: {{enabled: false}}
results: {{roots: [{directory}/results]}}
local: {{directories: [{{path: {directory}/logs}}]}}
store: {{state_directory: {directory}/state}}
log: {{format: json, file: {directory}/redflagd.log}}
api: {{socket: {self.socket}}}
alerts: {{receivers: [{{type: log}}]}}
""")
        self.process = subprocess.Popen([BIN + "/redflagd", "--config", config],
                                        env={"PATH": "/usr/bin:/bin", "HOME": directory})
        deadline = time.time() + 10
        while not os.path.exists(self.socket):
            if self.process.poll() is not None or time.time() > deadline:
                sys.exit(f"redflagd did not start: {directory}/redflagd.log")
            time.sleep(0.1)

    def look(self):
        """Reads what the log says was told: an alert's own time is that of the curve, which may be long before."""
        with open(os.path.join(self.directory, "redflagd.log"), "rb") as log:
            log.seek(self.read)
            text = log.read()
        whole = text[:text.rfind(b"\n") + 1]
        self.read += len(whole)
        for line in whole.splitlines():
            entry = json.loads(line)
            alert = entry.get("alert")
            if alert and alert.get("kind") in ("fired", "escalated"):
                self.told.append((datetime.fromisoformat(entry["time"].replace("Z", "+00:00")).timestamp(), alert))

    def end(self):
        self.process.terminate()
        self.process.wait(timeout=20)


class Training:
    def __init__(self, daemon, seed, fault=None):
        self.name = f"toy_seed{seed}"
        self.fault = fault
        self.output = os.path.join(daemon.directory, "results", self.name)
        self.progress = os.path.join(daemon.directory, self.name + ".progress")
        logs = os.path.join(daemon.directory, "logs", self.name)
        os.makedirs(self.output, exist_ok=True)
        os.makedirs(logs)
        open(self.progress, "w").close()
        command = ["/usr/bin/python3", os.path.join(HERE, "train.py"), "--name", self.name, "--output_dir",
                   self.output, "--seed", str(seed), "--socket", daemon.socket, "--progress", self.progress]
        if fault:
            command += ["--fault", fault]
        # From a script, as a queue or nohup would: the shell's last words go to the log, too. The variable tells
        # redflag which process trains which run (docs/host.md).
        with open(os.path.join(logs, "output.log"), "wb") as log:
            self.process = subprocess.Popen(["bash", "-c", '"$@"; exit $?', "job", *command], stdout=log, stderr=log,
                                            start_new_session=True,
                                            env={**os.environ, "WANDB_RUN_ID": self.name})

    def over(self):
        return self.process.poll() is not None

    def times(self):
        """When the fault came, or None; and the times of all steps."""
        came, steps = None, []
        for line in open(self.progress):
            at, what = line.split()
            if what == "fault":
                came = float(at)
            else:
                steps.append(float(at))
        return came, steps

    def is_about(self, alert):
        text = " ".join(str(alert[key]) for key in ("run", "run_key", "subject"))
        return re.search(rf"(?<!\w){self.name}(?!\w)", text) is not None

    def alerts(self, daemon, least="warning"):
        """(when, alert), the first one first."""
        return [(t, a) for t, a in daemon.told
                if SEVERITIES.index(a["severity"]) >= SEVERITIES.index(least) and self.is_about(a)]

    def found(self, daemon):
        came, _ = self.times()
        return came is not None and any(t >= came for t, _ in self.alerts(daemon))

    def watched_enough(self, daemon):
        if self.fault == "loader_stalled" and not self.over() and not self.found(daemon):
            return False
        came, _ = self.times()
        seconds = faults.WATCHED_SECONDS.get(self.fault, faults.WATCHED_SECONDS_OTHERS)
        return came is None or self.found(daemon) or time.time() > came + seconds


def wait(daemon, condition, seconds):
    deadline = time.time() + seconds
    while not condition() and time.time() < deadline:
        daemon.look()
        time.sleep(0.25)


def words(training, daemon):
    came, steps = training.times()
    if came is None:
        return ["the fault never came: see its output.log"]
    told, seen = [], set()
    for at, alert in training.alerts(daemon, "info"):
        kind = (alert["rule"], alert["severity"])
        if kind in seen:
            continue
        seen.add(kind)
        if at < came:
            told.append(f"{alert['rule']} ({alert['severity']}) BEFORE THE FAULT, step {sum(t <= at for t in steps)}")
            continue
        made = sum(came < t <= at for t in steps)
        told.append(f"{alert['rule']} ({alert['severity']}) after {made} steps, {at - came:.1f} s")
    return told


def main():
    unknown = [fault for fault in CHOSEN if fault not in faults.FAULTS]
    if unknown:
        sys.exit(f"no such fault: {', '.join(unknown)}; there are: {', '.join(faults.FAULTS)}")
    directory = tempfile.mkdtemp(prefix="redflag-real-loop-")
    full = None
    daemon = None
    pairs = []
    try:
        seeds = {fault: 11 + 2 * number for number, fault in enumerate(faults.FAULTS)}
        if "disk_quota" in CHOSEN:
            # A file system of its own, before redflagd watches what lies below it.
            full = os.path.join(directory, "results", f"toy_seed{seeds['disk_quota']}")
            os.makedirs(full)
            if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={faults.DISK_BYTES}", "redflag", full]).returncode:
                CHOSEN.remove("disk_quota")
                full = None
                print("disk_quota is left out: a small file system cannot be mounted (it takes root)", flush=True)
        for name in ("results", "logs"):
            os.makedirs(os.path.join(directory, name), exist_ok=True)
        daemon = Daemon(directory)
        begun = time.time()
        for fault in CHOSEN:
            faulty = Training(daemon, seeds[fault], fault)
            healthy = Training(daemon, seeds[fault] + 1)
            pairs.append((fault, faulty, healthy))
            # A loop that waits for its data takes no processor: the next pair need not wait for it.
            wait(daemon, lambda: healthy.over() and (faulty.over() or fault == "loader_stalled"), 300)
            wait(daemon, lambda: False, 3)
        wait(daemon, lambda: all(faulty.watched_enough(daemon) for _, faulty, _ in pairs), 1000)
        wait(daemon, lambda: False, 5)

        daemon.look()
        kept = f", kept in {directory}" if "KEEP" in os.environ else ""
        print(f"{time.time() - begun:.0f} s, load {os.getloadavg()[0]:.1f}{kept}")
        silent, early = 0, 0
        for fault, faulty, healthy in pairs:
            print(f"\n{fault}: {faults.FAULTS[fault]}")
            told = words(faulty, daemon)
            early += any("BEFORE" in line for line in told)
            if not faulty.found(daemon):
                print("  NOT FOUND (nothing from warning on)")
            for line in told:
                print(f"  {line}")
            cries = [f"{a['rule']} ({a['severity']}): {a['message']}" for _, a in healthy.alerts(daemon)]
            silent += not cries
            print(f"  healthy beside it, exit code {healthy.process.returncode}: {'; '.join(cries) or 'silent'}")
        others = [f"{a['rule']} ({a['severity']}) {a['subject']}: {a['message']}" for _, a in daemon.told
                  if not any(t.is_about(a) for _, *both in pairs for t in both)]
        print(f"\nfound {sum(faulty.found(daemon) for _, faulty, _ in pairs)} of {len(pairs)}, faulty loops with an alert "
              f"before their fault {early}, healthy loops silent {silent} of {len(pairs)}")
        for line in others:
            print(f"about none of them: {line}")
    finally:
        for _, *both in pairs:
            for training in both:
                if not training.over():
                    os.killpg(training.process.pid, signal.SIGKILL)  # the shell and its child
                    training.process.wait()
        if daemon:
            daemon.end()
        if full:
            subprocess.run(["umount", full], check=False)
        if "KEEP" not in os.environ:
            shutil.rmtree(directory, ignore_errors=True)


main()
