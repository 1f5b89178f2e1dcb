"""What a careful person's script would check in a results tree, over torch.load: the peer in validate_tree.sh.

usage: python_tree.py TREE checks|statistics THREADS
Start-up and the import of torch are part of it, as they are of such a script.
"""
import collections
import json
import pathlib
import re
import struct
import sys
import zlib

import torch

FIELDS = ("step", "task_name", "method", "timestamp", "num_samples", "layer_names", "tensor_shapes")
REQUIRED = ("config.json", "tokenizer_config.json", "optimizer.pt", "scheduler.pt", "rng_state.pth",
            "trainer_state.json")
problems = []


def check(holds, *words):
    if not holds:
        problems.append(" ".join(map(str, words)))


def load(path):
    if path.suffix != ".safetensors":
        try:
            return torch.load(path, map_location="cpu")
        except (ModuleNotFoundError,
                AttributeError) as error:  # classes that are not installed (training_args.bin)
            return {} if path.name == "training_args.bin" else check(False, path, error)
    data = bytearray(path.read_bytes())
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__", None)
    return {
        name: torch.frombuffer(data, dtype=torch.float32, offset=8 + size + entry["data_offsets"][0],
                               count=(entry["data_offsets"][1] - entry["data_offsets"][0]) // 4).reshape(
                                   entry["shape"])
        for name, entry in header.items()
    }


def tensors_in(value, name=""):
    if isinstance(value, torch.Tensor):
        yield name, value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from tensors_in(part, f"{name}.{key}")
    elif isinstance(value, (list, tuple)):
        for i, part in enumerate(value):
            yield from tensors_in(part, f"{name}.{i}")


def look_at(path, name, tensor, statistics):
    """Numbers, and a hash for identity (crc32: the fastest that Python has built in)."""
    check(tensor.numel() > 0, path, name, "is empty")
    if tensor.is_floating_point():
        check(bool(torch.isfinite(tensor).all()), path, name, "has NaN or infinities")
    check(tensor.dim() < 2 or bool(tensor.any()), path, name, "is all zero")
    if statistics and tensor.numel() > 1:
        values = tensor.float()
        values.min().item(), values.max().item(), values.mean().item(), values.std().item()
    return zlib.crc32(tensor.contiguous().numpy().data)


def representations(root, statistics):
    hashes = collections.defaultdict(dict)
    shapes = collections.defaultdict(set)
    for directory in sorted(root.glob("representations/*/step_*")):
        metadata = json.loads((directory / "metadata.json").read_text())
        check(all(field in metadata for field in FIELDS), directory, "metadata.json is not complete")
        check(metadata["step"] == int(directory.name.split("_")[1]), directory, "step differs")
        check(directory.parent.name == f"{metadata['method']}_{metadata['task_name']}", directory,
              "task or method differs")
        found = {path.stem for path in directory.glob("*.pt")}
        check(found >= set(metadata["layer_names"]), directory, "lacks layers")
        each = []
        for path in sorted(directory.glob("*.pt")):
            check(path.stat().st_size >= 1000, path, "is small")
            tensor = load(path)
            check(
                list(tensor.shape) == metadata["tensor_shapes"].get(path.stem), path,
                "shape differs from metadata.json")
            shapes[directory.parent, path.stem].add((tuple(tensor.shape), tensor.dtype))
            each.append(look_at(path, "", tensor, statistics))
        hashes[directory.parent][directory.name] = tuple(each)
    check(all(len(kinds) == 1 for kinds in shapes.values()), "shapes differ between steps")
    for directory, steps in hashes.items():
        check(len(set(steps.values())) == len(steps), directory, "two steps are identical")
        numbers = sorted(int(name.split("_")[1]) for name in steps)
        check(all(b - a == 100 for a, b in zip(numbers, numbers[1:])), directory, "steps are missing")


def checkpoints(root, statistics):
    weights_seen = set()
    for directory in sorted(root.glob("*/checkpoint-*")):
        step = int(re.search(r"\d+$", directory.name)[0])
        for name in REQUIRED:
            check((directory / name).exists(), directory, "lacks", name)
        config = json.loads((directory / "config.json").read_text())
        state = json.loads((directory / "trainer_state.json").read_text())
        path = next(path for path in (directory / "model.safetensors", directory / "pytorch_model.bin")
                    if path.exists())
        weights = load(path)
        weights_seen.add(tuple(look_at(path, name, tensor, statistics) for name, tensor in weights.items()))
        layers = {int(name.split(".")[2]) for name in weights if name.startswith("model.layers.")}
        check(layers == set(range(config["num_hidden_layers"])), path, "layers differ from config.json")
        check(weights["model.embed_tokens.weight"].shape == (config["vocab_size"], config["hidden_size"]),
              path, "vocabulary differs")
        optimizer, scheduler = load(directory / "optimizer.pt"), load(directory / "scheduler.pt")
        for name, tensor in tensors_in(optimizer):
            look_at(directory / "optimizer.pt", name, tensor, statistics)
        for name in ("rng_state.pth", "training_args.bin"):
            for inner, tensor in tensors_in(load(directory / name)):
                look_at(directory / name, inner, tensor, statistics)
        steps = {step, state["global_step"], scheduler["last_epoch"]
                 } | {int(s["step"])
                      for s in optimizer["state"].values()}
        check(steps == {step}, directory, "steps disagree:", steps)
        held = sorted(tuple(state["exp_avg"].shape) for state in optimizer["state"].values())
        check(held == sorted(tuple(tensor.shape) for tensor in weights.values()), directory,
              "optimizer's shapes differ from the weights'")
    check(len(weights_seen) == len(list(root.glob("*/checkpoint-*"))), "two checkpoints are identical")


def main():
    root, what, threads = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    torch.set_num_threads(threads)
    representations(root, what == "statistics")
    checkpoints(root, what == "statistics")
    print(f"{len(problems)} problems", *problems[:5], sep="; ")


if __name__ == "__main__":
    main()
