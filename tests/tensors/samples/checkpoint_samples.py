"""Directories as HF's Trainer, PEFT and sharded saving leave them: whole, and each with one thing wrong."""
import dataclasses
import enum
import json
import random
import shutil
import sys
import types

import numpy as np
import torch

from .safetensors_samples import write as write_safetensors

VOCABULARY, HIDDEN, LAYERS, HEADS, INNER, STEP = 32, 8, 2, 4, 16, 20
CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": VOCABULARY, "hidden_size":
    HIDDEN, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "num_key_value_heads": 2,
    "intermediate_size": INNER, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu",
    "tie_word_embeddings": False, "torch_dtype": "float32", "max_position_embeddings": 128
}


def llama(config=None):
    """Random weights under HF's names."""
    c = config or CONFIG
    hidden, inner = c["hidden_size"], c["intermediate_size"]
    kv = hidden * c["num_key_value_heads"] // c["num_attention_heads"]
    shapes = {"model.embed_tokens.weight": (c["vocab_size"], hidden)}
    for i in range(c["num_hidden_layers"]):
        at = f"model.layers.{i}."
        shapes.update({
            f"{at}self_attn.q_proj.weight": (hidden, hidden), f"{at}self_attn.k_proj.weight": (kv, hidden),
            f"{at}self_attn.v_proj.weight": (kv, hidden), f"{at}self_attn.o_proj.weight": (hidden, hidden),
            f"{at}mlp.gate_proj.weight": (inner, hidden), f"{at}mlp.up_proj.weight": (inner, hidden),
            f"{at}mlp.down_proj.weight": (hidden, inner), f"{at}input_layernorm.weight": (hidden, ),
            f"{at}post_attention_layernorm.weight": (hidden, )
        })
    shapes["model.norm.weight"] = (hidden, )
    shapes["lm_head.weight"] = (c["vocab_size"], hidden)
    return {
        name: torch.ones(shape) if len(shape) == 1 else torch.randn(shape) * 0.05
        for name, shape in shapes.items()
    }


def as_safetensors(weights, metadata=None):
    return write_safetensors({name: ("F32", weight.detach().numpy())
                              for name, weight in weights.items()}, metadata or {"format": "pt"})


def train(weights, steps):
    """Weights, optimizer and scheduler after `steps` steps; two parameter groups as HF makes them."""
    parameters = {name: torch.nn.Parameter(weight.clone()) for name, weight in weights.items()}
    decayed = [p for name, p in parameters.items() if "norm" not in name]
    other = [p for name, p in parameters.items() if "norm" in name]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.01}, {"params": other, "weight_decay": 0.0}], lr=5e-5)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: max(0.0, 1 - step / 100))
    for _ in range(steps):
        for parameter in parameters.values():
            parameter.grad = torch.randn_like(parameter) * 1e-3
        optimizer.step()
        scheduler.step()
    return {name: p.detach()
            for name, p in parameters.items()}, optimizer.state_dict(), scheduler.state_dict()


def training_arguments():
    """An object of transformers.training_args.TrainingArguments, a class made up here for the time of saving."""
    arguments, utilities = types.ModuleType("transformers.training_args"), types.ModuleType(
        "transformers.trainer_utils")
    utilities.IntervalStrategy = enum.Enum("IntervalStrategy",
                                           {"NO": "no", "STEPS": "steps", "EPOCH": "epoch"},
                                           module="transformers.trainer_utils")
    fields = [("output_dir", str), ("learning_rate", float), ("per_device_train_batch_size", int),
              ("seed", int), ("save_steps", int), ("save_strategy", utilities.IntervalStrategy),
              ("device", torch.device), ("report_to", list)]
    arguments.TrainingArguments = dataclasses.make_dataclass("TrainingArguments", fields)
    arguments.TrainingArguments.__module__ = "transformers.training_args"
    for name, module in (("transformers", types.ModuleType("transformers")),
                         ("transformers.training_args", arguments), ("transformers.trainer_utils",
                                                                     utilities)):
        sys.modules[name] = module
    return arguments.TrainingArguments("out", 5e-5, 16, 42, STEP, utilities.IntervalStrategy.STEPS,
                                       torch.device("cpu"), ["wandb"])


def add_json(s, name, value, words=""):
    s.add(name, (json.dumps(value, indent=2) + "\n").encode(),
          "shard_index" if name.endswith(".index.json") else "json", "ok", words)


def model_files(s, at, weights, config=None):
    add_json(s, f"{at}/config.json", config or CONFIG)
    add_json(s, f"{at}/tokenizer_config.json", {"tokenizer_class": "LlamaTokenizer", "model_max_length": 128})
    s.add(f"{at}/model.safetensors", as_safetensors(weights), "safetensors", "ok")
    for name, weight in weights.items():
        s.judge_tensor(f"{at}/model.safetensors", name, weight)


def trainer_state(step):
    log = [{"epoch": i / 10, "learning_rate": 5e-5 * (1 - i / 100), "loss": 2.0 / i, "step": i}
           for i in range(5, step + 1, 5)]
    return {
        "best_metric": None, "epoch": step / 10, "global_step": step, "is_world_process_zero": True,
        "log_history": log, "max_steps": 100, "num_train_epochs": 10, "total_flos": 1e9
    }


def resumable(s, at, step=STEP, state_step=None, scheduler_step=None, wrong_shape=False):
    weights, optimizer, scheduler = train(llama(), step)
    if scheduler_step is not None:
        scheduler["last_epoch"], scheduler["_step_count"] = scheduler_step, scheduler_step + 1
    if wrong_shape:
        optimizer["state"][3]["exp_avg"] = torch.ones(3, 5)
    model_files(s, at, weights)
    s.save(f"{at}/optimizer.pt", optimizer)
    s.save(f"{at}/scheduler.pt", scheduler)
    s.save(
        f"{at}/rng_state.pth", {
            "python": random.Random(1).getstate(), "numpy": np.random.RandomState(1).get_state(), "cpu":
            torch.random.get_rng_state()
        }, judge=False)
    s.save(f"{at}/training_args.bin", training_arguments(), judge=False)
    add_json(s, f"{at}/trainer_state.json", trainer_state(step if state_step is None else state_step))


def checkpoints(s):
    for name, words, options in (("good", "clean", {}), ("state_step_differs", "step; 30", {"state_step":
                                                                                            30}),
                                 ("scheduler_step_differs", "scheduler", {"scheduler_step": 7}),
                                 ("optimizer_shape_differs", "shape", {"wrong_shape": True})):
        at = f"checkpoints/{name}/checkpoint-{STEP}"
        resumable(s, at, **options)
        s.expect_directory(at, words)
    for gone in ("optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json", "config.json",
                 "model.safetensors"):
        at = f"checkpoints/without_{gone.split('.')[0]}/checkpoint-{STEP}"
        copy(s, f"checkpoints/good/checkpoint-{STEP}", at, without=gone)
        s.expect_directory(at, gone)
    at = "checkpoints/directory_step_differs/checkpoint-500"
    copy(s, f"checkpoints/good/checkpoint-{STEP}", at)
    s.expect_directory(at, "step; 500")
    at = "checkpoints/pickled/final_model"
    model = llama()
    add_json(s, f"{at}/config.json", CONFIG)
    add_json(s, f"{at}/tokenizer_config.json", {})
    s.save(f"{at}/pytorch_model.bin", model)
    s.expect_directory(at)
    at = "checkpoints/config_of_another/final_model"
    model_files(s, at, model, dict(CONFIG, num_hidden_layers=24))
    s.expect_directory(at, "24 or layers")
    at = "checkpoints/weights_nan/final_model"
    model["model.layers.1.mlp.up_proj.weight"][0, 0] = float("nan")
    model_files(s, at, model)
    s.files = [(f, k, v, "nan; up_proj" if f == f"{at}/model.safetensors" else w) for f, k, v, w in s.files]
    s.expect_directory(at, "nan")


def copy(s, source, target, without=None):
    """Another directory of the same files, expectations included."""
    for name, kind, verdict, words in [known for known in s.files if known[0].startswith(source + "/")]:
        if name.rsplit("/", 1)[1] == without:
            continue
        shutil.copyfile(s.path(name), s.path(name.replace(source, target)))
        s.expect(name.replace(source, target), kind, verdict, "" if words == "-" else words)


def sharded(s):
    weights = llama()
    names = list(weights)
    parts = [names[:10], names[10:]]

    def add(case, words, form="safetensors", swap=False, missing=None, total=0, index=None):
        at = f"sharded/{case}/final_model"
        files = [
            f"model-0000{i + 1}-of-00002.safetensors"
            if form == "safetensors" else f"pytorch_model-0000{i + 1}-of-00002.bin" for i in (0, 1)
        ]
        for i, file in enumerate(files):
            held = {name: weights[name] for name in parts[1 - i if swap else i]}
            if i == missing:
                continue
            if form == "safetensors":
                s.add(f"{at}/{file}", as_safetensors(held), "safetensors", "ok")
            else:
                s.save(f"{at}/{file}", held)
        mapping = {name: files[i] for i in (0, 1) for name in parts[i]}
        mapping.update(index or {})
        stem = "model.safetensors" if form == "safetensors" else "pytorch_model.bin"
        add_json(
            s, f"{at}/{stem}.index.json", {
                "metadata": {"total_size": sum(w.numel() * 4
                                               for w in weights.values()) + total}, "weight_map": mapping
            })
        add_json(s, f"{at}/config.json", CONFIG)
        add_json(s, f"{at}/tokenizer_config.json", {})
        s.expect_directory(at, words)

    add("good", "clean")
    add("good_pickled", "clean", form="bin")
    add("shard_missing", "model-00002-of-00002.safetensors", missing=1)
    add("shards_swapped", "model.embed_tokens.weight or shard", swap=True)
    add("total_size_wrong", "total_size or size", total=4)
    add("tensor_not_in_shard", "ghost", index={"ghost.weight": "model-00001-of-00002.safetensors"})
    add("shard_outside", "passwd or outside or shard", index={"ghost.weight": "../../../../etc/passwd"})
    at = "sharded/index_bad/final_model"
    s.add(f"{at}/model.safetensors.index.json", b'{"metadata":{"total_size":4},"weight_map":{"a":', "-",
          "damaged", "json")
    s.add("sharded/index_list/final_model/model.safetensors.index.json",
          b'{"metadata":{},"weight_map":["a"]}', "-", "damaged", "weight_map")


def adapters(s):
    config = {
        "peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"], "task_type":
        "CAUSAL_LM", "base_model_name_or_path": "somebody/tiny-llama", "bias": "none", "lora_dropout": 0.05
    }
    weights = {}
    for i in range(LAYERS):
        for target, rows in (("q_proj", HIDDEN), ("v_proj", HIDDEN // 2)):
            at = f"base_model.model.model.layers.{i}.self_attn.{target}"
            weights[f"{at}.lora_A.weight"] = torch.randn(4, HIDDEN)
            weights[f"{at}.lora_B.weight"] = torch.randn(rows, 4) * 0.01

    def add(case, words, weights, config, file="adapter_model.safetensors"):
        at = f"adapters/{case}/final_adapter"
        if config:
            add_json(s, f"{at}/adapter_config.json", config)
        if file.endswith(".bin"):
            s.save(f"{at}/{file}", weights)
        else:
            s.add(f"{at}/{file}", as_safetensors(weights), "safetensors", "ok")
        s.expect_directory(at, words)

    add("good", "clean", weights, config)
    add("good_pickled", "clean", weights, config, "adapter_model.bin")
    add("config_missing", "adapter_config.json", weights, None)
    add("rank_differs", "rank or r or lora_A", weights, dict(config, r=16))
    add("half_missing", "lora_B", {name: w for i, (name, w) in enumerate(weights.items()) if i != 3}, config)
    # lora_B begins as zeros; all of them still zero at the end: nothing was trained.
    add("untrained", "zero or lora_B",
        {name: w * 0 if "lora_B" in name else w
         for name, w in weights.items()}, config)


def damaged_json(s):
    s.add("json/good/config.json", b'{"a": 1}', "json", "ok")
    s.add("json/cut/config.json", b'{"a": 1, "b": [', "json", "damaged", "json")
    s.add("json/empty/config.json", b"", "empty", "damaged/unknown", "empty or 0 bytes")
    s.add("json/zeros/metadata.json", bytes(300), "-", "damaged/unknown", "-")
    s.add("json/nan/trainer_state.json",
          b'{"global_step": 5, "log_history": [{"loss": NaN, "step": 5}], "best_metric": -Infinity}', "json",
          "ok")
    s.add("json/deep/config.json", b"[" * 100_000 + b"]" * 100_000, "json", "damaged/refused")
    s.add("json/not_utf8/config.json", b'{"a": "\xff\xfe"}', "json", "ok/damaged")


def make(s):
    checkpoints(s)
    sharded(s)
    adapters(s)
    damaged_json(s)
