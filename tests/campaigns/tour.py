"""What each command prints, at 80 columns, written into one page. usage: tour.py BIN PAGE

The demo part runs `redflag demo --keep` and asks its daemon when the failing run has failed. The other part needs
SAMPLES=DIR, a folder with results/, runs/, torch/ and wandb/; without it that part of the page stays as it is.
"""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

BIN = pathlib.Path(sys.argv[1]).resolve()
PAGE = pathlib.Path(sys.argv[2])
MOST_LINES = 60
SPLIT = "\n# On files of other people's trainings\n"
HEAD = """# A tour: what each command prints

As it looks on a terminal of 80 columns (in colour there), on the demo and on files that were not made for it. This page is written by
`./dev campaign tour`; nothing in it is typed by hand. Long answers are cut, where it says so.

# On the demo

`redflag demo --keep`: five runs, one of which explodes and fails.
"""


def environment(**more):
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return dict(kept, COLUMNS="80", LC_ALL="C.UTF-8", **more)


def shown(command, note, cwd=None, most=MOST_LINES, **more):
    """One command, as a reader would type it, and its answer."""
    words = ["redflag", *command]
    ran = subprocess.run([str(BIN / "redflag"), *command], cwd=cwd, env=environment(**more), text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    lines = ran.stdout.replace(str(BIN) + "/", "").rstrip("\n").split("\n")
    cut = len(lines) - most
    if cut > 0:
        lines = lines[:most] + [f"[… {cut} more lines]"]
    quoted = " ".join(f"'{word}'" if re.search(r"[*\s]", word) else word for word in words)
    end = f"\nExit code {ran.returncode}.\n" if ran.returncode else ""
    print(f"{quoted}: exit code {ran.returncode}, {len(lines)} lines", file=sys.stderr)
    return f"\n{note}\n\n```\n$ {quoted}\n" + "\n".join(lines) + f"\n```\n{end}"


def answer(command, **more):
    return subprocess.run([str(BIN / "redflag"), *command], env=environment(**more), text=True,
                          capture_output=True, timeout=60).stdout


def demo():
    at = tempfile.mkdtemp(prefix="demo-", dir="/tmp")
    directory = pathlib.Path(at) / "demo"
    playing = subprocess.Popen([str(BIN / "redflag"), "demo", "--keep", "--seconds", "20", "--directory", str(directory)],
                               env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        socket = None
        for _ in range(600):
            time.sleep(0.1)
            socket = next(iter(directory.rglob("*.sock*")), None)
            if socket and answer(["alerts", "--json"], REDFLAG_SOCKET=str(socket)).count("run-failed") > 0:
                break
        time.sleep(75)  # what the demo wrote last has settled and was read
        more = {"REDFLAG_SOCKET": str(socket)}
        listed = answer(["flags"], **more)
        ids = re.findall(r"\b[0-9a-f]{8,16}\b", listed)
        log = next(iter(directory.rglob("*.log")), None)
        page = shown(["status"], "Everything in one screen:", **more)
        page += shown(["flags"], "What is wrong:", **more)
        if ids:
            page += shown(["flags", "show", ids[0]], "Why:", **more)
        page += shown(["alerts"], "The same to deal with:", **more)
        if ids:
            page += shown(["ack", ids[0], "--comment", "on it"], "Somebody takes it on:", **more)
        page += shown(["silence", "add", "run=*seed999*", "--for", "2h", "--comment", "rough on purpose", "--yes"],
                      "Quiet for a while:", **more)
        page += shown(["silence", "list"], "What is silent:", **more)
        page += shown(["outbox"], "Messages under way:", **more)
        page += shown(["validate"], "The checklist:", most=90, **more)
        if log:
            page += shown(["tail", "--no-follow", "--lines", "8", "--file", str(log)], "The log, readable:", most=20)
        return page.replace(at, "/tmp")
    finally:
        playing.send_signal(signal.SIGINT)
        playing.wait(timeout=30)
        shutil.rmtree(at, ignore_errors=True)


def samples(folder):
    page = SPLIT
    page += shown(["status", "--once", "--results", "results"], "A results directory, without any daemon:", folder)
    page += shown(["flags", "--once", "--results", "results"], "What is wrong in it:", folder)
    page += shown(["validate", "--once", "--results", "results"], "The checklist on it:", folder, most=90)
    page += shown(["inspect", "results"], "What is in its files:", folder)
    page += shown(["inspect", "torch/bad"], "Damaged and hostile files:", folder)
    logs = sorted(pathlib.Path(folder, "runs").glob("*093*")) or sorted(pathlib.Path(folder, "runs").iterdir())
    page += shown(["replay", str(logs[0].relative_to(folder))], "A recorded training, replayed through the rules:", folder)
    page += shown(["rules", "list"], "The rules:", most=20)
    return page.replace(str(folder), ".")


old = PAGE.read_text() if PAGE.exists() else ""
rest = samples(pathlib.Path(os.environ["SAMPLES"])) if os.environ.get("SAMPLES") else SPLIT + old.partition(SPLIT)[2]
PAGE.write_text(HEAD + demo() + rest)
