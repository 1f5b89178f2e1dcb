"""Debian's Prometheus against a redflagd that watches the demo.

  promtool     check metrics on the page, check rules and check config on what docs/prometheus ships
  scrapes      how many, how many failed, how long the longest took, how many series and bytes
  alerts       TrainingRedFlag fires for the run that fails and for no other; RedflagDown fires when redflagd is killed
  hostile      a Host header that is not ours, other methods and other paths are refused
"""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

BIN = os.path.abspath(sys.argv[1])
SECONDS = int(sys.argv[2]) if len(sys.argv) > 2 else 60
DOCS = os.path.abspath("docs/prometheus")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(seconds, condition):
    deadline = time.time() + seconds
    while time.time() < deadline:
        try:
            if condition():
                return True
        except OSError:
            pass
        time.sleep(0.5)
    return False


def get(port, path, host=None, method="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request(method, path, headers={"Host": host or f"127.0.0.1:{port}"})
    answer = connection.getresponse()
    return answer.status, answer.read().decode(), dict(answer.getheaders())


class Prometheus:
    def __init__(self, directory, target):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        rules = open(os.path.join(DOCS, "redflag.rules.yml")).read()
        # What takes minutes in life is seconds in a play.
        rules = re.sub(r"for: \d+m", "for: 5s", rules)
        with open(os.path.join(directory, "redflag.rules.yml"), "w") as out:
            out.write(rules)
        config = os.path.join(directory, "prometheus.yml")
        with open(config, "w") as out:
            out.write(f"global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}\n"
                      f"scrape_configs:\n  - job_name: redflag\n    static_configs: [{{targets: ['127.0.0.1:{target}']}}]\n"
                      f"rule_files: [redflag.rules.yml]\n")
        self.log = open(os.path.join(directory, "prometheus.log"), "w")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={directory}/tsdb",
             f"--web.listen-address=127.0.0.1:{self.port}"], stdout=self.log, stderr=self.log)
        if not wait_for(30, lambda: urllib.request.urlopen(self.url + "/-/ready", timeout=1).read()):
            raise RuntimeError("prometheus does not start")

    def ask(self, path, **query):
        url = f"{self.url}/api/v1/{path}" + ("?" + urllib.parse.urlencode(query) if query else "")
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]

    def query(self, expression):
        return self.ask("query", query=expression)["result"]

    def firing(self):
        return [(a["labels"]["alertname"], a["labels"].get("name", "")) for a in self.ask("alerts")["alerts"]
                if a["state"] == "firing"]


def promtool(*words, text=None):
    done = subprocess.run(["promtool", *words], input=text, capture_output=True, text=True)
    return done.returncode, (done.stdout + done.stderr).strip()


def main():
    directory = tempfile.mkdtemp(prefix="redflag-prometheus-")
    failures = []

    def check(holds, words):
        if not holds:
            failures.append(words)
        return "yes" if holds else "NO"

    demo = subprocess.Popen([BIN + "/redflag", "demo", "--no-daemon", "--directory", directory, "--seconds", str(SECONDS)],
                            stdout=subprocess.PIPE, text=True)
    demo.stdout.readline()
    demo.stdout.readline()
    port = free_port()
    config = os.path.join(directory, "redflag.yaml")
    with open(config, "a") as out:
        out.write(f"\nprometheus: {{listen: '127.0.0.1:{port}'}}\n")
    log = open(os.path.join(directory, "redflagd.log"), "w")
    daemon = subprocess.Popen([BIN + "/redflagd", "--config", config], stderr=log,
                              env={"PATH": "/usr/bin:/bin", "HOME": directory})
    check(wait_for(20, lambda: get(port, "/healthz")[0] == 200), "redflagd does not answer /healthz")
    asked = time.time()
    check(wait_for(20, lambda: get(port, "/readyz")[0] == 200), "redflagd does not become ready")
    print(f"{'play':<34} {SECONDS} s, scraped every second; ready {time.time() - asked:.1f} s after it answered")
    prometheus = Prometheus(directory, port)

    def run_flags():
        return sorted({name for alert, name in prometheus.firing() if alert == "TrainingRedFlag"})

    fired = wait_for(SECONDS + 30, run_flags)
    page = get(port, "/metrics")
    names = run_flags()
    print(f"{'TrainingRedFlag fires for':<34} {', '.join(names) or 'nobody'}")
    check(fired and all("fail" in name for name in names), f"the alert fires for {names}")

    code, words = promtool("check", "metrics", text=page[1])
    print(f"{'promtool check metrics':<34} exit code {code} {words}")
    check(code == 0 and not words, "promtool objects to /metrics")
    for kind, name in (("rules", "redflag.rules.yml"), ("config", "prometheus.yml")):
        code, words = promtool("check", kind, os.path.join(DOCS, name))
        print(f"{'promtool check ' + kind:<34} exit code {code} {words.splitlines()[-1].strip() if words else ''}")
        check(code == 0, f"promtool objects to {name}: {words}")

    for alert, _ in prometheus.firing():
        check(alert in ("TrainingRedFlag", "ResultsDiskFilling"), f"{alert} fires")
    up = prometheus.query("sum_over_time(up{job='redflag'}[10m])")[0]["value"][1]
    count = prometheus.query("count_over_time(up{job='redflag'}[10m])")[0]["value"][1]
    longest = float(prometheus.query("max_over_time(scrape_duration_seconds[10m])")[0]["value"][1])
    series = int(float(prometheus.query("max_over_time(scrape_samples_scraped[10m])")[0]["value"][1]))
    print(f"{'scrapes':<34} {up} of {count} good; longest {longest * 1000:.1f} ms; {series} series, {len(page[1])} bytes")
    check(up == count, "a scrape failed")
    stored = {r["metric"]["__name__"] for r in prometheus.query("{job='redflag',__name__=~'redflag_.*'}")}
    told = set(re.findall(r"^(redflag_\w+)[{ ]", page[1], re.M))
    print(f"{'metrics with samples, stored':<34} {len(stored & told)} of {len(told)}")
    check(told <= stored, f"not stored: {sorted(told - stored)}")
    dashboard = json.load(open("docs/grafana/redflag.json"))
    empty = []
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            if not prometheus.query("last_over_time(((" + target["expr"].replace('$run', '.*') + "))[10m:1s])"):
                empty.append(panel["title"])
    print(f"{'dashboard queries without data':<34} {', '.join(empty) or 'none'}")
    check(len(empty) < 4, f"panels without data: {empty}")

    refused = [get(port, "/metrics", host="evil.example")[0], get(port, "/metrics", method="POST")[0],
               get(port, "/v1/alerts")[0]]
    print(f"{'refused (host, method, path)':<34} {refused}")
    check(refused == [403, 405, 404], "something was not refused")

    daemon.send_signal(signal.SIGKILL)
    daemon.wait()
    killed = time.time()
    down = wait_for(60, lambda: ("RedflagDown", "") in prometheus.firing())
    print(f"{'killed: RedflagDown fires':<34} {check(down, 'RedflagDown does not fire')}, after {time.time() - killed:.0f} s (for: 5s)")

    demo.send_signal(signal.SIGINT)
    demo.wait(timeout=10)
    prometheus.process.terminate()
    prometheus.process.wait(timeout=20)
    if failures:
        print("FAILED: " + "; ".join(failures))
        print("kept for a look:", directory)
        return 1
    shutil.rmtree(directory)
    print("ok: scraped, checked, alerted")
    return 0


sys.exit(main())
