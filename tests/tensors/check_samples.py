#!/usr/bin/python3
"""Holds redflag-inspect against the samples' tables; usage: check_samples.py [--table] PROGRAM DIRECTORY

DIRECTORY was made by make_samples.py; of any other directory only the table is printed. Every file is read
by a process of its own, whose milliseconds and peak memory are measured. Prints what differs (with --table
a line a file as well) and a summary; exit code 1 when anything differs.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

# Findings that no whole file may have unless the table names them.
NEVER_UNASKED = ("hostile_global", "nan", "checksum_mismatch")
SLOW_MS, LARGE_MB, SMALL = 1000, 64, 100_000_000
TIME = "/usr/bin/time"


def rows(path):
    return [line.split("\t") for line in path.read_text().splitlines() if line and not line.startswith("#")]


def inspect(program, path):
    """The report, or why there is none; milliseconds; peak memory in MB (0 without /usr/bin/time)."""
    command = [program, "--root", str(path.parent)]
    with tempfile.NamedTemporaryFile("r") as usage:
        if os.path.exists(
                TIME):  # our own wait4 would count this interpreter's memory, which the child begins with
            command = [TIME, "-q", "-f", "%M", "-o", usage.name] + command
        start = time.perf_counter()
        child = subprocess.run(command, input=os.fsencode(path) + b"\0", stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
        ms = (time.perf_counter() - start) * 1000
        peak = float(usage.read() or 0) / 1024
    try:
        return json.loads(child.stdout), ms, peak
    except ValueError as error:
        said = f"{child.stdout[:200]!r} {child.stderr[-500:]!r}"
        return f"exit code {child.returncode}, no report ({error}): {said}", ms, peak


def said(report):
    words = [report.get("reason", "")]
    for finding in report.get("findings", []):
        words += [finding.get("code", ""), finding.get("message", ""), finding.get("where", "")]
    return " ".join(words).lower()


def differences(report, kind, verdict, words):
    if isinstance(report, str):
        return [report]
    out = []
    if kind != "-" and report.get("kind") not in kind.split("/"):
        out.append(f"kind {report.get('kind')}, expected {kind}")
    if verdict != "-" and report.get("verdict") not in verdict.split("/"):
        out.append(f"verdict {report.get('verdict')}, expected {verdict}")
    text = said(report)
    for word in words.split("; ") if words != "-" else []:
        if not any(choice.lower() in text for choice in word.split(" or ")):
            out.append(f"nothing said of {word!r}")
    for finding in report.get("findings", []):
        if verdict == "ok" and finding.get("code") in NEVER_UNASKED and finding["code"] not in words:
            out.append(f"finding {finding['code']} is uncalled for")
    if out:
        out.append("it said: " + (text.strip()[:300] or "nothing"))
    return out


def close(ours, theirs, scale=0.0):
    """To a millionth; means to a millionth of the standard deviation."""
    ours, theirs = float(ours), float(theirs)
    return abs(ours - theirs) <= 1e-6 * max(abs(ours), abs(theirs), scale) + 1e-12


def tensor_differences(report, name, dtype, shape, numbers):
    """One row of expected_tensors.tsv against the report."""
    if isinstance(report, str):
        return []
    tensors = {tensor["name"]: tensor for tensor in report.get("tensors", [])}
    tensor = tensors.get("" if name == "-" else name)
    if tensor is None:
        return [f"no tensor {name!r} among {list(tensors)[:8]}"]
    out = []
    if tensor["dtype"] != dtype:
        out.append(f"{name}: dtype {tensor['dtype']}, expected {dtype}")
    if "x".join(map(str, tensor["shape"])) != ("" if shape == "scalar" else shape):
        out.append(f"{name}: shape {tensor['shape']}, expected {shape}")
    statistics = tensor.get("statistics")
    if numbers[0] == "-":
        return out
    if not statistics:
        return out + [f"{name}: no statistics"] if numbers[0] != "0" else out
    keys = ("count", "nan", "positive_infinity", "negative_infinity", "zeros", "min", "max", "mean", "stddev")
    for key, number in zip(keys, numbers):
        if key not in statistics:
            out.append(f"{name}: no {key} among {list(statistics)}")
        elif not close(statistics[key], number, float(numbers[-1]) if key == "mean" else 0.0):
            out.append(f"{name}: {key} {statistics[key]}, expected {number}")
    return out


def table_line(name, report, ms, mb):
    if isinstance(report, str):
        return f"{name:60} {'none':11} {ms:7.1f} ms {mb:6.1f} MB  {report[:90]}"
    words = report.get("reason") or ", ".join(
        sorted({finding["code"]
                for finding in report.get("findings", [])}))
    return f"{name:60} {report['verdict']:11} {ms:7.1f} ms {mb:6.1f} MB  {words[:110]}"


def only_table(program, directory):
    for path in sorted(path for path in directory.rglob("*") if path.is_file()):
        print(table_line(str(path.relative_to(directory)), *inspect(program, path.absolute())))
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", action="store_true", help="a line for every file")
    parser.add_argument("program")
    parser.add_argument("directory", type=pathlib.Path)
    options = parser.parse_args()
    if not (options.directory / "expected.tsv").exists():
        return only_table(options.program, options.directory)
    tensors = {}
    for name, *row in rows(options.directory / "expected_tensors.tsv"):
        tensors.setdefault(name, []).append(row)
    wrong, slowest, largest, files = 0, (0, ""), (0, ""), 0
    for name, kind, verdict, words in rows(options.directory / "expected.tsv"):
        report, ms, mb = inspect(options.program, (options.directory / name).absolute())
        files, slowest, largest = files + 1, max(slowest, (ms, name)), max(largest, (mb, name))
        found = differences(report, kind, verdict, words)
        for tensor, dtype, shape, *numbers in tensors.get(name, []):
            found += tensor_differences(report, tensor, dtype, shape, numbers)
        small = (options.directory / name).stat().st_size < SMALL
        if (small and ms > SLOW_MS) or mb > LARGE_MB:
            found.append(f"{ms:.0f} ms, {mb:.0f} MB")
        wrong += bool(found)
        if options.table:
            print(table_line(name, report, ms, mb))
        for difference in found:
            print(f"{name}: {difference}")
    print(
        f"{files} files, {files - wrong} as expected, {wrong} not; slowest {slowest[0]:.1f} ms ({slowest[1]}), "
        f"largest {largest[0]:.1f} MB ({largest[1]})")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
