"""Kills redflagd with SIGKILL hundreds of times under load, restarts it each time, and compares what was told with what should.

A round is one play of the demo's simulators (W&B, Slack, a results tree), and beside it a load: damaged files that appear
in the results tree, each an alert of its own. redflagd is killed in four ways, each for a quarter of the kills:
  named points   by REDFLAG_FAILPOINT, which makes it kill itself at that place of a message's way (daemon/base/failpoint.h)
  random         after a random time
  and both once more on a disk that forgets what was not synced and has writes half done (tests/campaigns/unsynced.c); there
  the disk is also full until the reserve is given up, for the points around that.
At the end of a round redflagd is left alone until everything is told. Then:
  lost        alerts that the load or the demo had to cause and Slack never got, messages of the outbox that Slack never got,
              silences and acknowledgements that `redflag` said were placed and that are not in the store
              (a later acknowledgement of the same alert may have replaced one)
  duplicates  messages that tell of an alert what an earlier one had told: its state is the same; at most one per kill, for
              one is in flight at a time
"""

import collections
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

BIN = os.path.abspath(sys.argv[1])
UNSYNCED = os.path.abspath(sys.argv[2])
KILLS = int(sys.argv[3]) if len(sys.argv) > 3 else 500
MINUTES = float(sys.argv[4]) if len(sys.argv) > 4 else 15
SEED = int(sys.argv[5]) if len(sys.argv) > 5 else 1
POINTS = ["before-forms", "after-forms", "mid-commit", "before-commit", "after-commit", "before-send", "after-send", "after-verdict", "after-answer"]
RESERVE_POINTS = ["before-release", "after-release"]
PROMISED = {"run-failed", "loss-too-high", "gradient-explosion", "score-low"}
FAILING = "full_ft_sst2_seed999_failed"
PLAY = 25  # seconds
MARKS = "\u2705\u26a0\ufe0f\u2139\U0001f6a8 "
STATUS = re.compile(f"[{MARKS}]*(STILL )?(CRITICAL|WARNING|INFO|RESOLVED)( \\(was \\w+\\))?")
ALERT = re.compile(r"alert ([0-9a-f]{16})")


def has_command(name):
    return subprocess.run([BIN + "/redflag", name, "--help"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


class Load(threading.Thread):
    """Half a damaged layer in a new step's directory, again and again."""

    def __init__(self, directory, every):
        super().__init__(daemon=True)
        self.directory, self.every = directory, every
        self.planned = []
        self.over = threading.Event()

    def run(self):
        while not self.over.wait(self.every):
            name = f"step_{100 * (len(self.planned) + 1):06}"
            step = f"{self.directory}/results/representations/full_finetune_kills/{name}"
            os.makedirs(step)
            with open(step + "/layer_0.pt", "wb") as file:
                file.write(b"PK\x03\x04" + bytes(4000))
            self.planned.append(f"full_finetune_kills/{name}/layer_0.pt")


class Round:
    def __init__(self, unsynced, operator):
        self.directory = tempfile.mkdtemp(prefix="redflag-kills-")
        self.unsynced, self.operator = unsynced, operator
        self.kills = 0
        self.by_point = collections.Counter()
        self.promises = {"silence": [], "acknowledgement": []}  # (of what, comment) that `redflag` said were placed
        self.attempts = []  # all of (of what, comment), those without an answer too
        self.demo = subprocess.Popen(
            [BIN + "/redflag", "demo", "--no-daemon", "--directory", self.directory, "--seconds", str(PLAY),
             "--slack-delay", "0.05"], stdout=subprocess.PIPE, text=True)
        self.demo.stdout.readline()
        self.demo.stdout.readline()
        with open(self.directory + "/redflag.yaml", "a") as config:
            config.write(f"api:\n  socket: {self.directory}/api.sock\n")
        self.end = time.monotonic() + PLAY + 1
        self.load = Load(self.directory, 2.0)
        self.load.start()

    def daemon(self, point=None, full=False):
        env = {"PATH": "/usr/bin:/bin", "HOME": self.directory}
        if point:
            env["REDFLAG_FAILPOINT"] = point
        if self.unsynced:
            env |= {"LD_PRELOAD": UNSYNCED, "REDFLAG_UNSYNCED": self.directory + "/state/"}
            if full:
                env["REDFLAG_UNSYNCED_FULL"] = self.directory + "/state/reserve"
        with open(self.directory + "/redflagd.log", "a") as log:
            return subprocess.Popen([BIN + "/redflagd", "--config", self.directory + "/redflag.yaml"], env=env, stderr=log)

    def kill(self, daemon):
        daemon.kill()
        daemon.wait()
        self.kills += 1

    def at_a_point(self, point, passage):
        daemon = self.daemon(f"{point}:{passage}", full=point in RESERVE_POINTS)
        self.operate(daemon)
        try:
            daemon.wait(timeout=4)
            if self.locked_out(daemon):
                return
            self.kills += 1
            self.by_point[point] += 1
        except subprocess.TimeoutExpired:  # it was not passed that often
            self.kill(daemon)
            self.by_point["elsewhere"] += 1

    def at_random(self, rng):
        daemon = self.daemon()
        if rng.random() < 0.5:
            self.operate(daemon)
        time.sleep(rng.uniform(0.02, 1.0))
        if daemon.poll() is None or not self.locked_out(daemon):
            self.kill(daemon)

    def locked_out(self, daemon):
        """A child that the killed one was just forking holds its lock for a moment longer; a service manager tries again."""
        if daemon.returncode == -signal.SIGKILL:
            return False
        with open(self.directory + "/redflagd.log") as log:
            last = log.read().splitlines()[-1]
        assert "is already using it" in last, f"redflagd ended with {daemon.returncode}: {last}"
        time.sleep(0.2)
        self.by_point["locked out"] += 1
        return True

    def operate(self, daemon):
        """Places a silence of nothing in particular and acknowledges an alert; what `redflag` calls done has to last."""
        if not self.operator:
            return
        place = f"rule=nothing-{self.kills}"
        self.ask(daemon, "silence", place, ["silence", "add", place, "--for", "10h", "--yes"])
        alerts = self.database("SELECT id FROM alert WHERE active=1 ORDER BY random() LIMIT 1")
        if alerts:
            self.ask(daemon, "acknowledgement", alerts[0][0], ["ack", alerts[0][0]])

    def ask(self, daemon, what, of, command):
        words = f"campaign {len(self.attempts)}."
        self.attempts.append((of, words))
        for _ in range(20):  # until it listens, or is gone
            code = self.run(command, words)
            if code != 3 or daemon.poll() is not None:
                break
            time.sleep(0.05)
        if code == 0:
            self.promises[what].append((of, words))

    def run(self, command, words):
        try:
            done = subprocess.run([BIN + "/redflag", *command, "--comment", words, "--config", self.directory + "/redflag.yaml"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=3)
            return done.returncode
        except subprocess.TimeoutExpired:
            return None

    def acknowledgements_lost(self):
        """Of each alert the last that was promised, unless one that was tried after it is there instead."""
        lost = []
        bodies = dict(self.database("SELECT id, body FROM alert"))
        for of, words in dict(self.promises["acknowledgement"]).items():
            since = self.attempts[self.attempts.index((of, words)):]
            if not any(f'"{one}"' in bodies.get(of, "") for place, one in since if place == of):
                lost.append(f"{of} {words}")
        return lost

    def finish(self):
        """Lets it run in peace until the play is over and nothing is queued any more."""
        self.load.over.set()
        self.load.join()
        daemon = self.daemon()
        deadline = max(self.end, time.monotonic()) + 120  # Slack takes one message a second
        while time.monotonic() < deadline:
            time.sleep(0.5)
            if daemon.poll() is not None and self.locked_out(daemon):
                daemon = self.daemon()
            if time.monotonic() > self.end + 2 and not self.missing():
                break
        daemon.send_signal(signal.SIGTERM)
        code = daemon.wait(timeout=10)
        assert code == 0, f"redflagd ended with {code}"
        self.demo.send_signal(signal.SIGINT)
        self.demo.wait(timeout=10)

    def database(self, query):
        try:
            connection = sqlite3.connect(f"file:{self.directory}/state/redflag.db?mode=ro", uri=True)
        except sqlite3.Error:
            return []
        try:
            return connection.execute(query).fetchall()
        except sqlite3.Error:  # just being opened, or not yet there
            return []
        finally:
            connection.close()

    def received(self):
        """The messages that reached Slack, in order: (what of which alerts, text); ids are in the footers."""
        out = []
        with open(self.directory + "/slack.jsonl") as journal:
            for line in journal:
                if not line.endswith("\n"):
                    continue
                payload = json.loads(line)["payload"]
                parts = [block["text"]["text"] for block in payload.get("blocks", []) if block["type"] == "section" and "text" in block]
                parts = [part for part in parts if STATUS.match(part) and ALERT.search(part)]
                told = {(ALERT.search(part)[1], STATUS.match(part)[0].strip(MARKS)) for part in parts}
                text = json.dumps(payload)
                if not told:  # about one alert, or none
                    status = STATUS.match(payload["text"])
                    told = {(one, status[0] if status else "") for one in ALERT.findall(text)} or {(payload["text"], "")}
                out.append((told, text))
        return out

    def missing(self):
        received = self.received()
        everything = "\n".join(text for _, text in received)
        known = {one for told, _ in received for one, _ in told}
        lost = [name for name in self.load.planned if name not in everything]
        told = {rule for what, text in received
                if FAILING in text and any("CRITICAL" in status for _, status in what)
                for rule in re.findall(r"rule ([a-z0-9-]+)", text)}
        lost += sorted(PROMISED - told)
        for body, in self.database("SELECT body FROM outbox"):
            message = json.loads(body)
            if message["channel"] == "slack" and message["alert_ids"] and not set(message["alert_ids"]) & known:
                lost.append(message["id"])
        return lost

    def judge(self):
        received = self.received()
        known, again = set(), []
        for told, text in received:
            again += [text] if told & known else []
            known |= told
        silences = "\n".join(body for body, in self.database("SELECT body FROM silence"))
        return {
            "kills": self.kills,
            "told": len(received),
            "planned": len(self.load.planned) + len(PROMISED),
            "duplicates": len(again),
            "lost": self.missing(),
            "silences": len(self.promises["silence"]),
            "silences lost": [w for _, w in self.promises["silence"] if f'"{w}"' not in silences],
            "acks": len(self.promises["acknowledgement"]),
            "acks lost": self.acknowledgements_lost(),
            "damaged": sum(".damaged-" in name for name in os.listdir(self.directory + "/state")),
        }


def play(one, named, points, left, rng):
    while left > one.kills and time.monotonic() < one.end - 1:
        if named:
            point = points[(one.kills + rng.randrange(2)) % len(points)]
            one.at_a_point(point, 1 if point in RESERVE_POINTS else rng.choice([1, 1, 2, 3]))
        else:
            one.at_random(rng)


def main():
    rng = random.Random(SEED)
    operator = has_command("silence") and has_command("ack")
    if not operator:
        print("(this redflag has no `silence` and `ack` commands: only alerts are followed)")
    began = time.monotonic()
    failed = False
    columns = ["kills", "planned", "told", "duplicates", "lost", "silences", "silences lost", "acks", "acks lost", "damaged"]
    print(f"{'':<32}" + "  ".join(columns), flush=True)
    totals = collections.Counter()
    ways = [("named points", True, False), ("random moments", False, False),
            ("named points, unsynced lost", True, True), ("random moments, unsynced lost", False, True)]
    for number, (name, named, unsynced) in enumerate(ways):
        wanted = KILLS * (number + 1) // len(ways) - KILLS * number // len(ways)
        sums = collections.Counter()
        by_point = collections.Counter()
        while sums["kills"] < wanted:
            if time.monotonic() - began > 60 * MINUTES * (number + 1) / len(ways):
                print(f"  out of time for {name}: {sums['kills']} of {wanted} kills")
                break
            one = Round(unsynced, operator)
            play(one, named, POINTS + (RESERVE_POINTS if unsynced else []), wanted - sums["kills"], rng)
            one.finish()
            found = one.judge()
            by_point += one.by_point
            bad = found["lost"] or found["silences lost"] or found["acks lost"] or found["damaged"] or found["duplicates"] > one.kills
            if bad:
                failed = True
                print("  FAILED, kept for a look:", one.directory, {k: v for k, v in found.items() if isinstance(v, list) and v})
            else:
                shutil.rmtree(one.directory)
            for key, value in found.items():
                sums[key] += len(value) if isinstance(value, list) else value
        print(f"{name:<32}" + "  ".join(f"{sums[c]:>{len(c)}}" for c in columns), flush=True)
        if by_point:
            print("    " + ", ".join(f"{point} {n}" for point, n in by_point.most_common()))
        totals += sums
    print(f"{'all':<32}" + "  ".join(f"{totals[c]:>{len(c)}}" for c in columns))
    print(f"{time.monotonic() - began:.0f} s")
    print("FAILED" if failed else "ok: nothing lost, no more duplicates than messages in flight at the kills")
    return 1 if failed else 0


sys.exit(main())
