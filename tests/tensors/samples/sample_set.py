"""Files written below one directory, and what a reader has to say of each: expected.tsv and its companions.

expected.tsv: file, kind, verdict, words.
  `-`: anything goes; `a/b`: either. Words are separated by `; `, alternatives by ` or `; each has to occur,
  whatever its case, in the reason or in a finding's code, message or place. Findings that nobody named may be
  there too, except hostile_global, nan and checksum_mismatch.
expected_tensors.tsv: file, tensor, dtype, shape, count, nan, +inf, -inf, zeros, min, max, mean, stddev.
  `-`: not judged. Complex elements count as two numbers, statistics are over the finite ones.
expected_dirs.tsv: directory, clean or the words that its findings have to hold.
"""
import pathlib

import numpy as np
import torch

DTYPES = {
    torch.float64: "float64", torch.float32: "float32", torch.float16: "float16", torch.bfloat16: "bfloat16",
    torch.complex32: "complex32", torch.complex64: "complex64", torch.complex128: "complex128", torch.int8:
    "int8", torch.uint8: "uint8", torch.int16: "int16", torch.int32: "int32", torch.int64: "int64",
    torch.bool: "bool"
}


def statistics(values):
    """The nine fields of a tensor's numbers, as text; `values` is a numpy array."""
    flat = values.reshape(-1)
    if np.iscomplexobj(flat):
        flat = np.stack([flat.real, flat.imag], axis=1).reshape(-1)
    flat = flat.astype(np.float64)
    finite = flat[np.isfinite(flat)]
    fields = [
        flat.size,
        np.isnan(flat).sum(),
        np.isposinf(flat).sum(),
        np.isneginf(flat).sum(), (flat == 0).sum()
    ]
    moments = [finite.min(), finite.max(), finite.mean(), finite.std()] if finite.size else [0.0] * 4
    return [str(int(field)) for field in fields] + [repr(float(moment)) for moment in moments]


def numbers_of(tensor):
    tensor = tensor.detach()
    if tensor.dtype in (torch.bfloat16, torch.float16):
        tensor = tensor.float()
    if tensor.dtype == torch.complex32:
        tensor = tensor.to(torch.complex64)
    return tensor.numpy()


def is_view(tensor):
    """Does its storage hold other elements than it does?"""
    return tensor.numel() != tensor.storage().size()


class Samples:

    def __init__(self, out):
        self.out = pathlib.Path(out)
        self.files = []
        self.tensors = []
        self.directories = []

    def path(self, name):
        path = self.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def expect(self, name, kind, verdict, words=""):
        if any(known[0] == name for known in self.files):
            raise ValueError(f"{name} twice")
        self.files.append((name, kind, verdict, words or "-"))

    def add(self, name, data, kind, verdict, words=""):
        self.path(name).write_bytes(data)
        self.expect(name, kind, verdict, words)

    def save(self, name, value, kind="torch_zip", verdict="ok", words="", judge=True, **options):
        """torch.save, and the tensors in `value` as expected ones."""
        torch.save(value, self.path(name), **options)
        self.expect(name, kind, verdict, words)
        if judge:
            self.judge(name, value, "")

    def judge(self, name, value, where):
        if isinstance(value, torch.Tensor):
            self.judge_tensor(name, where, value)
        elif isinstance(value, dict):
            for key, part in value.items():
                self.judge(name, part, f"{where}.{key}" if where else str(key))
        elif isinstance(value, (list, tuple)):
            for i, part in enumerate(value):
                self.judge(name, part, f"{where}.{i}" if where else str(i))

    def judge_tensor(self, name, where, tensor):
        if tensor.layout != torch.strided or tensor.dtype not in DTYPES:
            return
        numbers = ["-"] * 9 if is_view(tensor) else statistics(numbers_of(tensor))
        self.expect_tensor(name, where, DTYPES[tensor.dtype], tensor.shape, numbers)

    def expect_tensor(self, name, where, dtype, shape, numbers=None):
        shape = "x".join(str(n) for n in shape) or "scalar"
        self.tensors.append((name, where or "-", dtype, shape, *(numbers or ["-"] * 9)))

    def expect_directory(self, name, words="clean"):
        self.directories.append((name, words))

    def finish(self):
        self.write("expected.tsv", "# file\tkind\tverdict\twords", self.files)
        self.write("expected_tensors.tsv",
                   "# file\ttensor\tdtype\tshape\tcount\tnan\t+inf\t-inf\tzeros\tmin\tmax\tmean\tstddev",
                   self.tensors)
        if self.directories:
            self.write("expected_dirs.tsv", "# directory\twords", self.directories)

    def write(self, name, head, rows):
        self.path(name).write_text("\n".join([head] + ["\t".join(row) for row in rows]) + "\n")
