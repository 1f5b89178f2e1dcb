"""Two redflagd on one simulated project, with a real Prometheus Alertmanager as their only receiver but the log.

What Alertmanager tells people comes to a webhook of ours, each alert by itself. Then:
  told          alerts that both daemons had to tell (their stores), and how often people were told of each: once
  kept alive    Alertmanager drops after 40 s what it does not hear of again (refresh_interval 10 s, times four)
  one killed    the other daemon keeps the alerts alive; nobody is told anything
  both gone     what fired ends by itself, and is told once
"""

import collections
import http.server
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

BIN = os.path.abspath(sys.argv[1])
SECONDS = int(sys.argv[2]) if len(sys.argv) > 2 else 60
REFRESH = 10  # the shortest that a configuration may ask for
LIFETIME = 4 * REFRESH


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class People:
    """Gets what Alertmanager tells people: (when, fingerprint, status, labels)."""

    def __init__(self):
        self.told = []
        people = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                for alert in body["alerts"]:
                    people.told.append((time.time(), alert["fingerprint"], alert["status"], alert["labels"]))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.port = self.server.server_address[1]

    def counts(self, status):
        return collections.Counter(fingerprint for _, fingerprint, s, _ in self.told if s == status)

    def names(self):
        return {fingerprint: labels["alertname"] for _, fingerprint, _, labels in self.told}


class Alertmanager:
    def __init__(self, directory, people):
        self.port = free_port()
        config = os.path.join(directory, "alertmanager.yml")
        with open(config, "w") as out:
            out.write(f"""
route: {{receiver: people, group_by: ['...'], group_wait: 1s, group_interval: 1s, repeat_interval: 4h}}
receivers:
  - name: people
    webhook_configs: [{{url: 'http://127.0.0.1:{people.port}/', send_resolved: true}}]
""")
        self.log = open(os.path.join(directory, "alertmanager.log"), "w")
        self.process = subprocess.Popen(
            ["prometheus-alertmanager", "--config.file", config, "--storage.path", os.path.join(directory, "am"),
             f"--web.listen-address=127.0.0.1:{self.port}", "--cluster.listen-address="],
            stdout=self.log, stderr=self.log)
        self.url = f"http://127.0.0.1:{self.port}"
        deadline = time.time() + 30
        while True:
            try:
                urllib.request.urlopen(self.url + "/-/ready", timeout=1).read()
                return
            except OSError:
                if time.time() > deadline:
                    raise
                time.sleep(0.2)

    def active(self):
        """Labels of what it holds to fire, by fingerprint."""
        with urllib.request.urlopen(self.url + "/api/v2/alerts", timeout=5) as answer:
            return {a["fingerprint"]: a["labels"] for a in json.load(answer)}


class Daemon:
    def __init__(self, name, directory, alertmanager):
        self.directory = os.path.join(directory, name)
        os.makedirs(self.directory)
        with open(os.path.join(directory, "redflag.yaml")) as given:
            config = given.read()
        begin, end = config.index("alerts:"), config.index("log:")
        config = config[:begin] + f"""alerts:
  receivers:
    - {{type: alertmanager, url: '{alertmanager.url}', refresh_interval: {REFRESH}s}}
    - {{type: log}}
store: {{state_directory: {self.directory}/state}}
""" + config[end:]
        self.config = os.path.join(self.directory, "redflag.yaml")
        with open(self.config, "w") as out:
            out.write(config)
        self.start()

    def start(self):
        self.log = open(os.path.join(self.directory, "redflagd.log"), "a")
        self.process = subprocess.Popen([BIN + "/redflagd", "--config", self.config], stderr=self.log,
                                        env={"PATH": "/usr/bin:/bin", "HOME": self.directory})

    def rows(self, table):
        connection = sqlite3.connect(f"file:{self.directory}/state/redflag.db?mode=ro", uri=True)
        try:
            return [json.loads(body) for (body,) in connection.execute(f"SELECT body FROM {table}")]
        finally:
            connection.close()

    def outbox(self):
        return [m for m in self.rows("outbox") if m["channel"] == "alertmanager"]

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        self.process.wait(timeout=10)


def wait_for(seconds, condition):
    deadline = time.time() + seconds
    while time.time() < deadline:
        if condition():
            return True
        time.sleep(0.5)
    return condition()


def main():
    directory = tempfile.mkdtemp(prefix="redflag-alertmanager-")
    people = People()
    alertmanager = Alertmanager(directory, people)
    demo = subprocess.Popen([BIN + "/redflag", "demo", "--no-daemon", "--directory", directory, "--seconds", str(SECONDS)],
                            stdout=subprocess.PIPE, text=True)
    demo.stdout.readline()
    demo.stdout.readline()
    failures = []

    def check(holds, words):
        if not holds:
            failures.append(words)
        return "yes" if holds else "NO"

    a = Daemon("a", directory, alertmanager)
    time.sleep(2)
    b = Daemon("b", directory, alertmanager)  # a host that came later
    begun = time.time()
    time.sleep(SECONDS)
    wait_for(30, lambda: not [m for d in (a, b) for m in d.outbox() if m["state"] == 0])
    print(f"{'play':<34} {SECONDS} s, refresh {REFRESH} s, lifetime {LIFETIME} s")
    ids = [{i for m in d.outbox() for i in m["alert_ids"]} for d in (a, b)]
    fired = people.counts("firing")
    # An alert that escalates is another one to Alertmanager: its severity is a label.
    kinds = [collections.Counter(m["id"].split("@")[0].split("-")[1] for m in d.outbox()) for d in (a, b)]
    print(f"{'alerts told by daemon a / b':<34} {len(ids[0])} / {len(ids[1])}; messages {dict(kinds[0])} / {dict(kinds[1])}")
    twice = {people.names()[f]: n for f, n in fired.items() if n > 1}
    print(f"{'alerts Alertmanager told people of':<34} {len(fired)}; more than once: {len(twice)} {twice or ''}")
    check(fired, "nobody was told anything")
    for kind in kinds:
        due = kind["fired"] + kind["escalated"] + kind["notice"]
        check(len(fired) == due, f"people were told of {len(fired)}, daemons of {due}")
    check(not twice, f"told more than once: {twice}")
    parked = [m["last_error"] for d in (a, b) for m in d.outbox() if m["state"] not in (0, 1)]
    check(not parked, f"refused: {parked[:3]}")

    # Whatever ended during the play has been told as ended, or is still within its lifetime.
    time.sleep(LIFETIME + 10)
    before = alertmanager.active()
    resolved = people.counts("resolved")
    print(f"{'ended during the play, told':<34} {sum(resolved.values())} of {len(fired) - len(before)}; more than once: "
          f"{sum(1 for n in resolved.values() if n > 1)}")
    check(set(resolved) == set(fired) - set(before), "an end was not told, or one told that is none")
    firing = [sorted(x["last"]["id"] for x in d.rows("alert") if x["last"]["to"] == "firing") for d in (a, b)]
    print(f"{'firing: daemon a / b / Alertmanager':<34} {len(firing[0])} / {len(firing[1])} / {len(before)}, "
          f"{LIFETIME + 10} s after the play")
    check(before, "nothing was kept alive")

    told = len(people.told)
    a.end(signal.SIGKILL)
    time.sleep(LIFETIME + 15)
    after = alertmanager.active()
    print(f"{'one daemon killed, 55 s later':<34} firing {len(after)} of {len(before)}, people told of {len(people.told) - told}")
    check(set(after) == set(before), "alerts were lost when one of two daemons was killed")
    check(len(people.told) == told, "people were told something when one of two daemons was killed")

    b.end()
    gone = wait_for(LIFETIME + 30, lambda: not alertmanager.active())
    time.sleep(3)
    ended = people.counts("resolved")
    print(f"{'both gone':<34} all ended: {check(gone, 'alerts outlived both daemons')}; "
          f"told of each end once: {check(all(ended[f] == 1 for f in fired), 'an end was told not once')}")
    print(f"{'in all':<34} {len(fired)} alerts, {sum(fired.values())} told as firing, {sum(ended.values())} as ended, "
          f"{time.time() - begun:.0f} s")

    demo.send_signal(signal.SIGINT)
    demo.wait(timeout=10)
    alertmanager.process.terminate()
    alertmanager.process.wait(timeout=10)
    if failures:
        print("FAILED: " + "; ".join(failures))
        print("kept for a look:", directory)
        return 1
    subprocess.run(["rm", "-rf", directory], check=True)
    print("ok: two daemons, one notification for each alert")
    return 0


sys.exit(main())
