"""Shared by the benches of tensor files: wall time and memory of a program with all its children."""
import os
import subprocess
import threading
import time


def median(values):
    values = sorted(values)
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def tree_of(pid):
    """The process and its descendants."""
    found = [pid]
    for known in found:
        try:
            tasks = os.listdir(f"/proc/{known}/task")
            for task in tasks:
                with open(f"/proc/{known}/task/{task}/children") as file:
                    found += [int(child) for child in file.read().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def resident_mb(pid):
    """(all, anonymous) megabytes: pages of a mapped file, the page cache's, count in the first only."""
    try:
        with open(f"/proc/{pid}/status") as file:
            fields = dict(line.split(":", 1) for line in file if line.startswith(("VmRSS", "RssAnon")))
        return tuple(int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon"))
    except (FileNotFoundError, ProcessLookupError, KeyError, IndexError):
        return 0.0, 0.0


class Peak:
    """The largest sum over a process tree, looked at 100 times a second."""

    def __init__(self, pid):
        self.all = self.anonymous = 0.0
        self.pid, self.done = pid, threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    def watch(self):
        while not self.done.wait(0.01):
            each = [resident_mb(pid) for pid in tree_of(self.pid)]
            self.all = max(self.all, sum(mb for mb, _ in each))
            self.anonymous = max(self.anonymous, sum(mb for _, mb in each))

    def stop(self):
        self.done.set()
        self.thread.join()


def run(command, stdin=None, watch=False, check=True):
    """(seconds, Peak or None, stdout); `check`: an exit code other than 0 ends the bench."""
    start = time.perf_counter()
    child = subprocess.Popen(command, stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
                             stdout=subprocess.PIPE)
    peak = Peak(child.pid) if watch else None
    out, _ = child.communicate(stdin)
    seconds = time.perf_counter() - start
    if peak:
        peak.stop()
    if check and child.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))} ended with {child.returncode}: {out[-500:]!r}")
    return seconds, peak, out


def drop_cache(path):
    """Throws a file's pages out of the page cache, as far as the kernel does so."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def warm(path):
    with open(path, "rb") as file:
        while file.read(1 << 24):
            pass


def about_machine():
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")),
                     "unknown processor")
    with open("/proc/loadavg") as file:
        load = file.read().split()[0]
    return f"{model}, {os.cpu_count()} cores; load before the start {load}"
