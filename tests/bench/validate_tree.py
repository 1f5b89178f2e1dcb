"""Figures for validate_tree.sh, which see. usage: validate_tree.py REDFLAG REPEATS DIRECTORY

Rounds are interleaved; the page cache is warm for all. Memory is the sum over the process and its children,
looked at every 10 ms: "anonymous" is their own, "resident" has pages of mapped files with it. The Python
loops are python_tree.py: "checks" does what is needed for the same findings, "and statistics" also the
minimum, maximum, mean and deviation that redflag reports.
"""
import json
import pathlib
import sys

import measure

HERE = pathlib.Path(__file__).parent
TASKS = ("mrpc", "sst2", "rte", "squad_v2")
STEPS = (100, 200, 300, 400)
LAYERS, SAMPLES, WIDTH = 24, 512, 2048  # 4 MiB of float32 each
CONFIG = {
    "vocab_size": 8000, "hidden_size": 512, "num_hidden_layers": 6, "num_attention_heads": 8,
    "num_key_value_heads": 8, "intermediate_size": 1376
}


def make_representations(root):
    import torch

    for task in TASKS:
        for step in STEPS:
            at = root / "representations" / f"full_finetune_{task}" / f"step_{step:06}"
            at.mkdir(parents=True)
            names = [f"layer_{i}" for i in range(LAYERS)]
            for name in names:
                torch.save(torch.randn(SAMPLES, WIDTH), at / f"{name}.pt")
            (at / "metadata.json").write_text(
                json.dumps(
                    {
                        "step": step, "task_name": task, "method": "full_finetune", "timestamp":
                        "2025-09-22T19:28:53.780061", "num_samples": SAMPLES, "layer_names": names,
                        "tensor_shapes": {name: [SAMPLES, WIDTH]
                                          for name in names}
                    }, indent=2))


def make_checkpoints(root):
    import torch

    from samples import checkpoint_samples as hf

    config = dict(hf.CONFIG, **CONFIG)
    for step in STEPS:
        at = root / "full_ft_mrpc_seed42" / f"checkpoint-{step}"
        at.mkdir(parents=True)
        weights, optimizer, scheduler = hf.train(hf.llama(config), 1)
        for state in optimizer["state"].values():
            state["step"] = torch.tensor(float(step))
        scheduler["last_epoch"], scheduler["_step_count"] = step, step + 1
        if step % 200 == 0:
            (at / "model.safetensors").write_bytes(hf.as_safetensors(weights))
        else:
            torch.save(weights, at / "pytorch_model.bin")
        torch.save(optimizer, at / "optimizer.pt")
        torch.save(scheduler, at / "scheduler.pt")
        torch.save({"cpu": torch.random.get_rng_state()}, at / "rng_state.pth")
        torch.save(hf.training_arguments(), at / "training_args.bin")
        for name, value in (("config", config), ("trainer_state", hf.trainer_state(step)),
                            ("tokenizer_config", {})):
            (at / f"{name}.json").write_text(json.dumps(value))


def make(root):
    import torch

    sys.path.insert(0, str(HERE.parent / "tensors"))
    torch.manual_seed(1)
    fresh = root.with_name(root.name + ".new")
    make_representations(fresh)
    make_checkpoints(fresh)
    fresh.rename(root)


def main():
    redflag, repeats, root = pathlib.Path(sys.argv[1]).absolute(), int(sys.argv[2]), pathlib.Path(
        sys.argv[3]).absolute()
    if not root.exists():
        make(root)
    files = [path for path in root.rglob("*") if path.is_file()]
    for path in files:
        measure.warm(path)
    size = sum(path.stat().st_size for path in files) / 1e9
    print(f"{measure.about_machine()}; {len(files)} files, {size:.2f} GB; medians of {repeats}")
    loop = ["/usr/bin/python3", str(HERE / "python_tree.py"), str(root)]
    commands = {
        "redflag inspect": [str(redflag), "inspect", str(root)],
        # The checklist over the same files; nothing but them is known, so most lines end as NOT CHECKED.
        "redflag validate --once": [str(redflag), "validate", "--once", "--results", str(root)], "Python, checks, 1 thread":
        loop + ["checks", "1"], "Python, checks, 2 threads": loop + ["checks", "2"],
        "Python, and statistics, 2 threads": loop + ["statistics", "2"]
    }
    rounds = {name: [] for name in commands}
    said = {}
    for _ in range(repeats):
        for name, command in commands.items():
            # An exit code tells of findings (there are no base representations, for one): no failure of the bench.
            seconds, peak, out = measure.run(command, watch=True, check=False)
            rounds[name].append((seconds, peak.anonymous, peak.all))
            said[name] = out.decode(errors="replace").strip().splitlines()[-1:]
    ours = measure.median([seconds for seconds, _, _ in rounds["redflag inspect"]])
    print(f"  {'':36}{'seconds':>9}{'GB/s':>8}{'anonymous MB':>14}{'resident MB':>13}{'times ours':>12}")
    for name, values in rounds.items():
        seconds, anonymous, resident = (measure.median([value[i] for value in values]) for i in range(3))
        print(
            f"  {name:36}{seconds:9.3f}{size / seconds:8.2f}{anonymous:14.0f}{resident:13.0f}{seconds / ours:12.1f}"
        )
    for name, line in said.items():
        print(f"  {name} ends: {' '.join(line)[:160]}")


if __name__ == "__main__":
    main()
