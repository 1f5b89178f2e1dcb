"""Figures for inspect.sh, which see (not named inspect.py: that would hide a module of Python's).

usage: inspect_speed.py BIN REPEATS DIRECTORY

A GB is 10^9 bytes of file. "process": one file, one process, from fork to exit, start-up included. "in a
child": what a further file costs a process that already runs, as in a tree of files. Rounds are
interleaved: each program once, then each again; medians.
"""
import json
import os
import pathlib
import struct
import subprocess
import sys
import time

import measure

SIZES = {"100 MB": 100_000_000, "1 GB": 1_000_000_000}
TENSORS = 16

# What a careful script does; the import is not counted. safetensors are read by torch.frombuffer.
PYTHON = """
import json, mmap, struct, sys, time, torch
torch.set_num_threads(int(sys.argv[2]))
def load(path):
    if path.endswith(".pt"):
        return torch.load(path)
    with open(path, "rb") as file:
        data = bytearray(file.read())
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    kinds = {"F32": (torch.float32, 4), "BF16": (torch.bfloat16, 2)}
    def tensor(entry):
        (dtype, width), (begin, end) = kinds[entry["dtype"]], entry["data_offsets"]
        return torch.frombuffer(data, dtype=dtype, offset=8 + size + begin, count=(end - begin) // width)
    return {name: tensor(entry) for name, entry in header.items()}
start = time.perf_counter()
fine = all(bool(torch.isfinite(tensor).all()) for tensor in load(sys.argv[1]).values())
print(time.perf_counter() - start, fine)
"""


def make(path, size, bf16):
    """Random numbers, 16 tensors; 64 MB of them over and over."""
    import torch

    dtype = torch.bfloat16 if bf16 else torch.float32
    count = size // TENSORS // (2 if bf16 else 4)
    torch.manual_seed(1)
    block = torch.randn(min(count, 1 << 24)).to(dtype)
    tensor = block.repeat(-(-count // block.numel()))[:count].reshape(-1, 250)
    if path.suffix == ".pt":
        torch.save({f"layer.{i}.weight": tensor.clone() for i in range(TENSORS)}, path)
        return
    raw = tensor.view(torch.int16 if bf16 else torch.int32).numpy().tobytes()
    header = json.dumps({
        f"layer.{i}.weight": {
            "dtype": "BF16" if bf16 else "F32", "shape": list(tensor.shape), "data_offsets":
            [i * len(raw), (i + 1) * len(raw)]
        }
        for i in range(TENSORS)
    }).encode()
    header += b" " * (-len(header) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        for _ in range(TENSORS):
            file.write(raw)


class Bench:

    def __init__(self, bin, repeats, directory):
        self.bin, self.repeats, self.directory = pathlib.Path(bin), repeats, pathlib.Path(
            directory).absolute()

    def inspect(self, path, threads, times=1):
        """Seconds for one process that reads the file so often."""
        command = [self.bin / "redflag-inspect", "--threads", str(threads), "--root", str(self.directory)]
        seconds, _, out = measure.run(command, (os.fsencode(path) + b"\0") * times)
        reports = [json.loads(line) for line in out.splitlines()]
        if len(reports) != times or any(report["verdict"] != "ok" or report["findings"]
                                        for report in reports):
            raise SystemExit(f"inspect: {path} should be fine: {out[:500]!r}")
        return seconds

    def limit(self, path, threads):
        _, _, out = measure.run([self.bin / "redflag_bench_memory_read", str(path), str(threads), "1"])
        fields = out.decode().split()
        return float(fields[1]), float(fields[3])

    def cat(self, path):
        start = time.perf_counter()
        with open(os.devnull, "wb") as null:
            subprocess.run(["cat", str(path)], stdout=null, check=True)
        return time.perf_counter() - start

    def python(self, path, threads):
        out = subprocess.run(["/usr/bin/python3", "-c", PYTHON,
                              str(path), str(threads)], capture_output=True, check=True, text=True).stdout
        seconds, fine = out.split()
        if fine != "True":
            raise SystemExit(f"python: {path} should be finite")
        return float(seconds)

    def warm(self, path):
        """Medians in GB/s."""
        measure.warm(path)
        gb = path.stat().st_size / 1e9
        rounds = {}
        more = 4  # further files of the running child
        for _ in range(self.repeats):
            for threads in (1, 2):
                mapped, fresh = self.limit(path, threads)
                rounds.setdefault(f"limit {threads}", []).append(mapped)
                rounds.setdefault(f"fresh {threads}", []).append(fresh)
                one = self.inspect(path, threads)
                rounds.setdefault(f"process {threads}", []).append(gb / one)
                rounds.setdefault(f"child {threads}",
                                  []).append(more * gb / max(1e-9,
                                                             self.inspect(path, threads, 1 + more) - one))
            rounds.setdefault("cat", []).append(gb / self.cat(path))
            for threads in (1, 2):
                rounds.setdefault(f"python {threads}", []).append(gb / self.python(path, threads))
        return {name: measure.median(values) for name, values in rounds.items()}

    def cold(self, path):
        rounds = {"inspect": [], "cat": []}
        for _ in range(self.repeats):
            for name, read in (("cat", self.cat), ("inspect", lambda p: self.inspect(p, 1))):
                measure.drop_cache(path)
                rounds[name].append(path.stat().st_size / 1e9 / read(path))
        return {name: measure.median(values) for name, values in rounds.items()}


def main():
    bench = Bench(sys.argv[1], int(sys.argv[2]), sys.argv[3])
    bench.directory.mkdir(parents=True, exist_ok=True)
    print(f"{measure.about_machine()}; medians of {bench.repeats}, GB/s")
    columns = [
        "limit 1", "limit 2", "fresh 1", "process 1", "process 2", "child 1", "child 2", "cat", "python 1",
        "python 2"
    ]
    print(
        "page cache warm; 1 and 2: threads; limit: memory read of the mapping, fresh: the same with page faults"
    )
    print(f"  {'':20}" + "".join(f"{column:>10}" for column in columns) +
          "   process/limit 1, 2   child/limit 1, 2   process/python 1, 2")
    files = [(size, bytes, form, bf16) for size, bytes in SIZES.items() for form in ("pt", "safetensors")
             for bf16 in (False, True)]
    for size, bytes, form, bf16 in files:
        path = bench.directory / f"{'bf16' if bf16 else 'fp32'}_{size.replace(' ', '')}.{form}"
        if not path.exists():
            make(path.with_name("new." + form), bytes, bf16)
            path.with_name("new." + form).rename(path)
        got = bench.warm(path)
        ratios = [
            got[f"{what} {n}"] / got[f"{base} {n}"]
            for what, base in (("process", "limit"), ("child", "limit"), ("process", "python"))
            for n in (1, 2)
        ]
        print(
            f"  {size + (' bf16 ' if bf16 else ' fp32 ') + form:20}" + "".join(f"{got[column]:10.2f}"
                                                                               for column in columns) +
            "       {:6.2f} {:6.2f}      {:6.2f} {:6.2f}       {:6.1f} {:6.1f}".format(*ratios), flush=True)
    print("cold (pages dropped before each reading), 1 thread")
    for form in ("pt", "safetensors"):
        got = bench.cold(bench.directory / f"fp32_1GB.{form}")
        print(
            f"  1 GB fp32 {form:12} inspect {got['inspect']:6.2f}   cat {got['cat']:6.2f}   "
            f"inspect/cat {got['inspect'] / got['cat']:5.2f}",
            flush=True)


if __name__ == "__main__":
    main()
