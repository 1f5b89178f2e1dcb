#!/usr/bin/python3
"""Runs redflagd with a reader that misbehaves on some files, in a memory cgroup where one can be made (as MemoryMax of a unit does).

The reader is a script that hands every other path to the real redflag-inspect, so that what comes between is judged as ever.
Exit code 1 when an alert is missing, one came that should not, or the daemon died.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

LIMIT = 400 << 20

READER = r'''#!/usr/bin/python3
import os, signal, subprocess, sys, time
real, args = {real!r}, sys.argv[1:]
while True:
    path = b""
    while not path.endswith(b"\0"):
        c = os.read(0, 1)
        if not c:
            sys.exit(0)
        path += c
    name = os.path.basename(path[:-1]).decode()
    if name == "layer_1.pt":
        os.kill(os.getpid(), signal.SIGSEGV)
    if name == "layer_2.pt":
        time.sleep(10000)
    if name == "layer_3.pt":
        hoard = []
        while True:
            hoard.append(bytearray(os.urandom(1 << 20)) * 8)
    if name == "layer_4.pt":
        os.kill(os.getpid(), signal.SIGKILL)
    if name == "layer_5.pt":
        print("no report", flush=True)
        continue
    sys.stdout.buffer.write(subprocess.run([real, *args], input=path, stdout=subprocess.PIPE).stdout)
    sys.stdout.flush()
'''


def make_cgroup():
    """A cgroup with a memory limit, or none where that is not allowed: v1, then v2."""
    for base, file in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
        group = pathlib.Path(base) / f"redflag-children-{os.getpid()}"
        try:
            group.mkdir()
            (group / file).write_text(str(LIMIT))
            return group
        except OSError:
            if group.exists():
                group.rmdir()
    return None


def main(programs):
    programs = pathlib.Path(programs).resolve()
    home = pathlib.Path(tempfile.mkdtemp(prefix="redflag-children-"))
    (home / "bin").mkdir()
    shutil.copy(programs / "redflagd", home / "bin")
    reader = home / "bin/redflag-inspect"
    reader.write_text(READER.format(real=str(programs / "redflag-inspect")))
    reader.chmod(0o755)
    (home / "c.yaml").write_text(
        f"wandb: {{enabled: false}}\nresults: {{roots: [{home}/results], step_settle: 2s, incomplete_after: 5s, forward: false}}\n"
        f"store: {{state_directory: {home}/state}}\nlog: {{format: json, file: {home}/log}}\n")
    group = make_cgroup()

    def enter():
        if group:
            (group / "cgroup.procs").write_text(str(os.getpid()))

    daemon = subprocess.Popen([home / "bin/redflagd", "--config", home / "c.yaml"], preexec_fn=enter, stderr=subprocess.DEVNULL)
    fixture = pathlib.Path("tests/tensors/fixtures/ok/types_all.pt").read_bytes()
    step = home / "results/representations/full_finetune_mrpc/step_100"
    step.mkdir(parents=True)
    for layer in range(7):
        (step / f"layer_{layer}.pt").write_bytes(fixture)
    wanted = {
        "layer_1.pt": "SIGSEGV",
        "layer_2.pt": "no answer",
        "layer_3.pt": "killed (SIGKILL)" if group else None,
        "layer_4.pt": "killed (SIGKILL)",
        "layer_5.pt": "no report",
    }
    if not group:
        print("no memory cgroup can be made here: the memory bomb is left out")
        (step / "layer_3.pt").unlink()
    wanted = {name: words for name, words in wanted.items() if words}
    begun, seen = time.time(), {}
    while time.time() < begun + 120 and len(seen) < len(wanted):
        time.sleep(0.5)
        for line in (home / "log").read_text(errors="replace").splitlines() if (home / "log").exists() else []:
            for name, words in wanted.items():
                if name in line and words in line and "unreadable" in line and name not in seen:
                    seen[name] = time.time() - begun
    alive = daemon.poll() is None
    # It goes on: a file written now, with NaN, is found.
    later = home / "results/representations/full_finetune_mrpc/step_200"
    later.mkdir()
    shutil.copy("tests/tensors/fixtures/findings/nan_float32.pt", later / "layer_0.pt")
    found_later = None
    since = time.time()
    while alive and time.time() < since + 30 and found_later is None:
        time.sleep(0.2)
        if any("representation-nan" in line and "step_200" in line for line in (home / "log").read_text(errors="replace").splitlines()):
            found_later = time.time() - since
    peak = ""
    if group:
        for file in ("memory.max_usage_in_bytes", "memory.peak"):
            if (group / file).exists():
                peak = f", cgroup peak {int((group / file).read_text()) >> 20} of {LIMIT >> 20} MiB"
    daemon.send_signal(signal.SIGTERM)
    code = daemon.wait(10)
    for name, words in wanted.items():
        what = f"alert after {seen[name]:.1f} s" if name in seen else "NO ALERT"
        print(f"{name}: {words:<18} {what}")
    print(f"daemon {'lived' if alive else 'DIED'}, stopped with {code}{peak}; NaN written afterwards found after "
          f"{'never' if found_later is None else f'{found_later:.1f} s'}")
    wrong = [line for line in (home / "log").read_text(errors="replace").splitlines() if "unreadable" in line and ("layer_0.pt" in line or "layer_6.pt" in line)]
    for line in wrong:
        print("WRONG:", line[:300])
    ok = alive and code == 0 and len(seen) == len(wanted) and found_later is not None and not wrong
    if ok:
        shutil.rmtree(home)
    else:
        print("its files:", home)
    if group:
        group.rmdir()
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
