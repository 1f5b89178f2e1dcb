"""Small random models, written out in plain PyTorch, saved as checkpoints; what they give; and representations with
their similarity computed by NumPy. Independent of redflag-forward: nothing is shared but the file formats.

usage: reference.py DIRECTORY      (python3-torch and numpy)
Writes DIRECTORY/CASE/… and DIRECTORY/expected.json: {"logits": {CASE: {"shape", "values"}}, "drift": {CASE: {…}}}.
"""
import json
import math
import os
import struct
import sys

import numpy as np
import torch
import torch.nn.functional as F

OUT = sys.argv[1]
IDS = torch.tensor([1, 2, 3, 4, 5])
EXPECTED = {"logits": {}, "drift": {}}
NAMES = {torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16", torch.float64: "F64"}


# --- Files ---


def raw(tensor):
    tensor = tensor.contiguous()
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.view(torch.int16)
    return tensor.numpy().tobytes()


def save_safetensors(path, weights):
    header, blobs, at = {}, [], 0
    for name, tensor in weights.items():
        blob = raw(tensor)
        header[name] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def save_shards(directory, weights, parts=2, stem="model", ending="safetensors", swapped=False):
    names = list(weights)
    size = -(-len(names) // parts)
    index = {}
    for i in range(parts):
        file = f"{stem}-{i + 1:05}-of-{parts:05}.{ending}"
        held = {name: weights[name] for name in names[i * size : (i + 1) * size]}
        where = f"{stem}-{parts - i:05}-of-{parts:05}.{ending}" if swapped else file
        (save_safetensors if ending == "safetensors" else lambda p, w: torch.save(w, p))(f"{directory}/{where}", held)
        index.update({name: file for name in held})
    with open(f"{directory}/{stem}.{ending}.index.json", "w") as out:
        json.dump({"metadata": {"total_size": 1}, "weight_map": index}, out)


def case(name, config, file="config.json"):
    directory = f"{OUT}/{name}"
    os.makedirs(directory, exist_ok=True)
    with open(f"{directory}/{file}", "w") as out:
        json.dump(config, out)
    return directory


def expect(name, logits):
    if logits.dim() == 2:
        logits = logits.unsqueeze(0)
    EXPECTED["logits"][name] = {"shape": list(logits.shape), "values": logits.flatten().tolist()}


def write(name, config, weights, logits, formats=("safetensors", "bin")):
    directory = case(name, config)
    if "safetensors" in formats:
        save_safetensors(f"{directory}/model.safetensors", weights)
    if "bin" in formats:
        torch.save(weights, f"{directory}/pytorch_model.bin")
    if logits is not None:
        expect(name, logits)
    return directory


# --- Models: a dictionary of weights, and functions over it ---


class Random:
    def __init__(self, seed):
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, *shape, scale=None):
        return torch.randn(*shape, generator=self.generator) * (scale or 1 / math.sqrt(shape[-1]))

    def norm(self, width):
        return 1 + 0.1 * torch.randn(width, generator=self.generator)


def linear(w, module, x):
    y = x @ w[module + ".weight"].T
    if module + ".bias" in w:
        y = y + w[module + ".bias"]
    for lora in w.get("lora", []):
        if module in lora["pairs"]:
            a, b = lora["pairs"][module]
            y = y + lora["scaling"] * ((x @ a.T) @ b.T)
    return y


def norm(w, module, x, eps):
    return F.layer_norm(x, (x.shape[-1],), w[module + ".weight"], w[module + ".bias"], eps)


def attend(q, k, v, scale, causal):
    outputs = []
    for head in range(q.shape[0]):
        scores = q[head] @ k[head].T * scale
        if causal:
            for i in range(scores.shape[0]):
                scores[i, i + 1 :] = -math.inf
        outputs.append(torch.softmax(scores, -1) @ v[head])
    return torch.cat(outputs, -1)


def heads_of(x, count):
    return torch.stack(x.chunk(count, -1))


def llama_weights(c, seed, prefix="model."):
    r, w = Random(seed), {}
    d = c.get("head_dim") or c["hidden_size"] // c["num_attention_heads"]
    h, kv = c["num_attention_heads"] * d, c["num_key_value_heads"] * d
    w[prefix + "embed_tokens.weight"] = r(c["vocab_size"], c["hidden_size"], scale=1)
    for i in range(c["num_hidden_layers"]):
        at = f"{prefix}layers.{i}."
        w[at + "input_layernorm.weight"] = r.norm(c["hidden_size"])
        w[at + "post_attention_layernorm.weight"] = r.norm(c["hidden_size"])
        for name, rows, columns in (("q", h, c["hidden_size"]), ("k", kv, c["hidden_size"]), ("v", kv, c["hidden_size"]), ("o", c["hidden_size"], h)):
            w[f"{at}self_attn.{name}_proj.weight"] = r(rows, columns, scale=2 / math.sqrt(columns))
            if c.get("attention_bias"):
                w[f"{at}self_attn.{name}_proj.bias"] = r(rows, scale=0.3)
        for name in ("gate", "up"):
            w[f"{at}mlp.{name}_proj.weight"] = r(c["intermediate_size"], c["hidden_size"])
        w[f"{at}mlp.down_proj.weight"] = r(c["hidden_size"], c["intermediate_size"])
    w[prefix + "norm.weight"] = r.norm(c["hidden_size"])
    return w, r


def frequencies(c, d):
    inv = 1.0 / c.get("rope_theta", 10000.0) ** (torch.arange(0, d, 2).float() / d)
    scaling = c.get("rope_scaling") or {}
    if scaling.get("rope_type", scaling.get("type")) == "linear":
        return inv / scaling["factor"]
    if scaling.get("rope_type") == "llama3":
        old, low, high = scaling["original_max_position_embeddings"], scaling["low_freq_factor"], scaling["high_freq_factor"]
        wavelength = 2 * math.pi / inv
        scaled = torch.where(wavelength > old / low, inv / scaling["factor"], inv)
        smooth = (old / wavelength - low) / (high - low)
        smoothed = (1 - smooth) * scaled / scaling["factor"] + smooth * scaled
        medium = ~(wavelength < old / high) * ~(wavelength > old / low)
        return torch.where(medium, smoothed, scaled)
    return inv


def llama_hidden(c, w, prefix="model."):
    d = c.get("head_dim") or c["hidden_size"] // c["num_attention_heads"]
    groups = c["num_attention_heads"] // c["num_key_value_heads"]
    angles = torch.outer(torch.arange(len(IDS)).float(), frequencies(c, d))
    turn = torch.polar(torch.ones_like(angles), angles)  # rotary positions as complex numbers

    def rotate(x):
        half = torch.complex(x[..., : d // 2], x[..., d // 2 :]) * turn
        return torch.cat([half.real, half.imag], -1)

    def rms(x, name):
        return w[name] * x / torch.sqrt((x * x).mean(-1, keepdim=True) + c["rms_norm_eps"])

    x = w[prefix + "embed_tokens.weight"][IDS]
    for i in range(c["num_hidden_layers"]):
        at = f"{prefix}layers.{i}."
        y = rms(x, at + "input_layernorm.weight")
        q = rotate(heads_of(linear(w, at + "self_attn.q_proj", y), c["num_attention_heads"]))
        k = rotate(heads_of(linear(w, at + "self_attn.k_proj", y), c["num_key_value_heads"]))
        v = heads_of(linear(w, at + "self_attn.v_proj", y), c["num_key_value_heads"])
        k = torch.stack([k[h // groups] for h in range(q.shape[0])])
        v = torch.stack([v[h // groups] for h in range(q.shape[0])])
        x = x + linear(w, at + "self_attn.o_proj", attend(q, k, v, d**-0.5, True))
        y = rms(x, at + "post_attention_layernorm.weight")
        gate = linear(w, at + "mlp.gate_proj", y)
        x = x + linear(w, at + "mlp.down_proj", gate * torch.sigmoid(gate) * linear(w, at + "mlp.up_proj", y))
    return rms(x, prefix + "norm.weight")


LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 97, "hidden_size": 48,
         "intermediate_size": 80, "num_hidden_layers": 3, "num_attention_heads": 6, "num_key_value_heads": 2,
         "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "hidden_act": "silu", "rope_theta": 10000.0,
         "tie_word_embeddings": False}


def llama_cases():
    w, r = llama_weights(LLAMA, 1)
    w["lm_head.weight"] = r(97, 48)
    logits = llama_hidden(LLAMA, w) @ w["lm_head.weight"].T
    write("llama", LLAMA, w, logits)
    defects(w)

    c = dict(LLAMA, tie_word_embeddings=True, head_dim=10, attention_bias=True, rope_theta=500000.0)
    c["rope_scaling"] = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 200}
    w, r = llama_weights(c, 2)
    directory = case("llama_tied_sharded", c)
    save_shards(directory, w)
    save_shards(directory, w, parts=3, stem="pytorch_model", ending="bin")
    expect("llama_tied_sharded", llama_hidden(c, w) @ w["model.embed_tokens.weight"].T)

    c = dict(LLAMA, architectures=["LlamaForSequenceClassification"], id2label={"0": "a", "1": "b", "2": "c"},
             rope_scaling={"type": "linear", "factor": 4.0})
    w, r = llama_weights(c, 3)
    w["score.weight"] = r(3, 48)
    write("llama_classifier", c, w, llama_hidden(c, w)[-1] @ w["score.weight"].T)
    EXPECTED["logits"]["llama_classifier"]["shape"] = [1, 3]

    c = dict(LLAMA, architectures=["MistralForCausalLM"], model_type="mistral", sliding_window=4096)
    for dtype, name in ((torch.bfloat16, "mistral_bf16"), (torch.float16, "mistral_f16")):
        w, r = llama_weights(c, 4)
        w["lm_head.weight"] = r(97, 48)
        stored = {key: value.to(dtype) for key, value in w.items()}
        used = {key: value.float() for key, value in stored.items()}
        write(name, c, stored, llama_hidden(c, used) @ used["lm_head.weight"].T)

    c = dict(LLAMA, architectures=["LlamaModel"])
    w, r = llama_weights(c, 5, prefix="")
    write("llama_bare", c, w, llama_hidden(c, w, prefix=""))
    # Views: every matrix lies transposed in its file.
    w, r = llama_weights(LLAMA, 6)
    w["lm_head.weight"] = r(97, 48)
    views = {key: value.T.contiguous().T if value.dim() == 2 else value for key, value in w.items()}
    write("llama_views", LLAMA, views, llama_hidden(LLAMA, w) @ w["lm_head.weight"].T, formats=("bin",))


def defects(w):
    broken = dict(w)
    broken["model.layers.1.mlp.up_proj.weight"] = w["model.layers.1.mlp.up_proj.weight"].clone()
    broken["model.layers.1.mlp.up_proj.weight"][3, 4] = math.nan
    write("nan_weight", LLAMA, broken, None, formats=("safetensors",))
    save_shards(case("swapped_shards", LLAMA), w, swapped=True)
    write("missing_tensor", LLAMA, {k: v for k, v in w.items() if k != "model.layers.2.self_attn.k_proj.weight"}, None, formats=("bin",))
    write("unexpected_tensor", LLAMA, dict(w, **{"model.layers.3.mlp.up_proj.weight": torch.ones(80, 48)}), None, formats=("safetensors",))
    write("wrong_shape", dict(LLAMA, vocab_size=98), w, None, formats=("safetensors",))
    write("wrapped_names", LLAMA, {"module." + k: v for k, v in w.items()}, None, formats=("bin",))
    directory = write("formats_differ", LLAMA, w, None, formats=("safetensors",))
    torch.save({k: v + (0.001 if k == "model.norm.weight" else 0) for k, v in w.items()}, f"{directory}/pytorch_model.bin")
    write("unknown_architecture", dict(LLAMA, architectures=["MambaForCausalLM"]), w, None, formats=("bin",))
    write("quantised", dict(LLAMA, quantization_config={"load_in_4bit": True}), w, None, formats=("bin",))


GPT2 = {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": 83, "n_embd": 36, "n_layer": 3, "n_head": 4,
        "n_positions": 16, "layer_norm_epsilon": 1e-5, "activation_function": "gelu_new"}


def gpt2_weights(c, seed, prefix="transformer."):
    r, w, d = Random(seed), {}, c["n_embd"]
    w[prefix + "wte.weight"] = r(c["vocab_size"], d, scale=1)
    w[prefix + "wpe.weight"] = r(c["n_positions"], d, scale=0.5)
    for i in range(c["n_layer"]):
        at = f"{prefix}h.{i}."
        for name in ("ln_1", "ln_2"):
            w[at + name + ".weight"], w[at + name + ".bias"] = r.norm(d), r(d, scale=0.2)
        for name, inner, outer in (("attn.c_attn", d, 3 * d), ("attn.c_proj", d, d), ("mlp.c_fc", d, 4 * d), ("mlp.c_proj", 4 * d, d)):
            w[at + name + ".weight"], w[at + name + ".bias"] = r(inner, outer, scale=2 / math.sqrt(inner)), r(outer, scale=0.2)
        w[at + "attn.bias"] = torch.ones(1, 1, 16, 16)  # the mask that older versions saved along
    w[prefix + "ln_f.weight"], w[prefix + "ln_f.bias"] = r.norm(d), r(d, scale=0.2)
    return w, r


def gelu_new(x):
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def gpt2_hidden(c, w, prefix="transformer."):
    def conv(module, x):  # [in, out], the other way round than a linear layer
        turned = {module + ".weight": w[module + ".weight"].T, module + ".bias": w[module + ".bias"], "lora": w.get("lora", [])}
        return linear(turned, module, x)

    x = w[prefix + "wte.weight"][IDS] + w[prefix + "wpe.weight"][: len(IDS)]
    for i in range(c["n_layer"]):
        at = f"{prefix}h.{i}."
        q, k, v = conv(at + "attn.c_attn", norm(w, at + "ln_1", x, 1e-5)).chunk(3, -1)
        scale = (c["n_embd"] // c["n_head"]) ** -0.5
        mixed = attend(heads_of(q, c["n_head"]), heads_of(k, c["n_head"]), heads_of(v, c["n_head"]), scale, True)
        x = x + conv(at + "attn.c_proj", mixed)
        x = x + conv(at + "mlp.c_proj", gelu_new(conv(at + "mlp.c_fc", norm(w, at + "ln_2", x, 1e-5))))
    return norm(w, prefix + "ln_f", x, 1e-5)


def gpt2_cases():
    w, r = gpt2_weights(GPT2, 11)
    write("gpt2", GPT2, w, gpt2_hidden(GPT2, w) @ w["transformer.wte.weight"].T)
    w, r = gpt2_weights(GPT2, 12, prefix="")
    write("gpt2_without_prefix", GPT2, w, gpt2_hidden(GPT2, w, prefix="") @ w["wte.weight"].T)
    c = dict(GPT2, architectures=["GPT2ForSequenceClassification"])
    w, r = gpt2_weights(c, 13)
    w["score.weight"] = r(2, 36)
    write("gpt2_classifier", c, w, gpt2_hidden(c, w)[-1] @ w["score.weight"].T)
    EXPECTED["logits"]["gpt2_classifier"]["shape"] = [1, 2]


BERT = {"architectures": ["BertForSequenceClassification"], "model_type": "bert", "vocab_size": 61, "hidden_size": 40, "num_hidden_layers": 2,
        "num_attention_heads": 5, "intermediate_size": 72, "max_position_embeddings": 20, "type_vocab_size": 2,
        "layer_norm_eps": 1e-12, "hidden_act": "gelu", "pad_token_id": 0}


def bert_weights(c, seed, prefix, pooler=False):
    r, w, d = Random(seed), {}, c["hidden_size"]

    def dense(name, out, inner):
        w[name + ".weight"], w[name + ".bias"] = r(out, inner, scale=2 / math.sqrt(inner)), r(out, scale=0.2)

    def layer_norm(name):
        w[name + ".weight"], w[name + ".bias"] = r.norm(d), r(d, scale=0.2)

    for name, rows in (("word", c["vocab_size"]), ("position", c["max_position_embeddings"]), ("token_type", c["type_vocab_size"])):
        w[f"{prefix}embeddings.{name}_embeddings.weight"] = r(rows, d, scale=1)
    layer_norm(prefix + "embeddings.LayerNorm")
    for i in range(c["num_hidden_layers"]):
        at = f"{prefix}encoder.layer.{i}."
        for name in ("query", "key", "value"):
            dense(at + "attention.self." + name, d, d)
        dense(at + "attention.output.dense", d, d)
        layer_norm(at + "attention.output.LayerNorm")
        dense(at + "intermediate.dense", c["intermediate_size"], d)
        dense(at + "output.dense", d, c["intermediate_size"])
        layer_norm(at + "output.LayerNorm")
    if pooler:
        dense(prefix + "pooler.dense", d, d)
    return w, dense, layer_norm


def bert_hidden(c, w, prefix):
    positions = torch.arange(len(IDS))
    if c["model_type"] == "roberta":  # counted from the padding's id on; token 1 of the input is padding here
        mask = (IDS != c["pad_token_id"]).long()
        positions = torch.cumsum(mask, 0) * mask + c["pad_token_id"]
    eps = c["layer_norm_eps"]
    e = prefix + "embeddings."
    x = w[e + "word_embeddings.weight"][IDS] + w[e + "position_embeddings.weight"][positions] + w[e + "token_type_embeddings.weight"][0]
    x = norm(w, e + "LayerNorm", x, eps)
    for i in range(c["num_hidden_layers"]):
        at = f"{prefix}encoder.layer.{i}."
        q, k, v = (heads_of(linear(w, at + "attention.self." + n, x), c["num_attention_heads"]) for n in ("query", "key", "value"))
        mixed = attend(q, k, v, q.shape[-1] ** -0.5, False)
        x = norm(w, at + "attention.output.LayerNorm", x + linear(w, at + "attention.output.dense", mixed), eps)
        y = linear(w, at + "intermediate.dense", x)
        y = 0.5 * y * (1 + torch.erf(y / math.sqrt(2)))
        x = norm(w, at + "output.LayerNorm", x + linear(w, at + "output.dense", y), eps)
    return x


def bert_cases():
    def gelu(y):
        return 0.5 * y * (1 + torch.erf(y / math.sqrt(2)))

    for family, c, seed in (("bert", BERT, 21), ("roberta", dict(BERT, model_type="roberta", pad_token_id=1, type_vocab_size=1, layer_norm_eps=1e-5), 31)):
        prefix, cls = family + ".", family.capitalize()
        # Sequence classification
        w, dense, layer_norm = bert_weights(c, seed, prefix, pooler=family == "bert")
        x = bert_hidden(c, w, prefix)
        if family == "bert":
            dense("classifier", 2, 40)
            logits = linear(w, "classifier", torch.tanh(linear(w, "bert.pooler.dense", x[:1])))
        else:
            dense("classifier.dense", 40, 40)
            dense("classifier.out_proj", 2, 40)
            logits = linear(w, "classifier.out_proj", torch.tanh(linear(w, "classifier.dense", x[:1])))
        write(family + "_classifier", dict(c, architectures=[cls + "ForSequenceClassification"]), w, logits)
        EXPECTED["logits"][family + "_classifier"]["shape"] = [1, 2]
        # Question answering
        w, dense, layer_norm = bert_weights(c, seed + 1, prefix)
        dense("qa_outputs", 2, 40)
        write(family + "_qa", dict(c, architectures=[cls + "ForQuestionAnswering"]), w, linear(w, "qa_outputs", bert_hidden(c, w, prefix)))
        # Masked language model, tied
        w, dense, layer_norm = bert_weights(c, seed + 2, prefix)
        top = "lm_head." if family == "roberta" else "cls.predictions."
        inner = top + ("dense" if family == "roberta" else "transform.dense")
        last = top + ("layer_norm" if family == "roberta" else "transform.LayerNorm")
        dense(inner, 40, 40)
        layer_norm(last)
        w[top + "bias"] = torch.linspace(-1, 1, 61)
        x = norm(w, last, gelu(linear(w, inner, bert_hidden(c, w, prefix))), c["layer_norm_eps"])
        logits = x @ w[prefix + "embeddings.word_embeddings.weight"].T + w[top + "bias"]
        if family == "bert":  # the names of BERT's first years
            w = {k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): v for k, v in w.items()}
        write(family + "_mlm", dict(c, architectures=[cls + "ForMaskedLM"]), w, logits)
        # Bare
        w, dense, layer_norm = bert_weights(c, seed + 3, "", pooler=True)
        write(family + "_bare", dict(c, architectures=[cls + "Model"]), w, bert_hidden(c, w, ""))


# --- Adapters ---


def lora_pairs(w, modules, rank, seed, turned=False):
    r, pairs = Random(seed), {}
    for module in modules:
        out, inner = w[module + ".weight"].T.shape if turned else w[module + ".weight"].shape
        pairs[module] = (r(rank, inner), r(out, rank))
    return pairs


def write_adapter(name, config, pairs, others, ending=""):
    directory = case(name, config, "adapter_config.json")
    tensors = {f"base_model.model.{m}.lora_{x}{ending}.weight": t for m, ab in pairs.items() for x, t in zip("AB", ab)}
    tensors.update({"base_model.model." + k: v for k, v in others.items()})
    save_safetensors(f"{directory}/adapter_model.safetensors", tensors)
    torch.save(tensors, f"{directory}/adapter_model.bin")
    return directory


def adapter_cases():
    # Causal language model on the base model "llama", by a relative path
    w, r = llama_weights(LLAMA, 1)
    w["lm_head.weight"] = r(97, 48)
    modules = [f"model.layers.{i}.self_attn.{n}_proj" for i in range(3) for n in "qv"]
    pairs = lora_pairs(w, modules, 4, 41)
    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 4, "lora_alpha": 16, "target_modules": ["q_proj", "v_proj"], "base_model_name_or_path": "../llama"}
    used = dict(w, lora=[{"pairs": pairs, "scaling": 16 / 4}])
    write_adapter("lora_llama", config, pairs, {})
    expect("lora_llama", llama_hidden(LLAMA, used) @ w["lm_head.weight"].T)
    write_adapter("lora_incomplete", config, {m: p for m, p in pairs.items() if "layers.1.self_attn.v" not in m}, {})
    write_adapter("lora_without_base", dict(config, base_model_name_or_path="somebody/llama"), pairs, {})

    # Classification on the same base model: the head comes with the adapter
    score = Random(42)(2, 48)
    write_adapter("lora_llama_classifier", dict(config, task_type="SEQ_CLS", use_rslora=True, modules_to_save=["score"]), pairs,
                  {"score.modules_to_save.default.weight": score}, ending=".default")
    used = dict(w, lora=[{"pairs": pairs, "scaling": 16 / math.sqrt(4)}])
    expect("lora_llama_classifier", llama_hidden(LLAMA, used)[-1] @ score.T)
    EXPECTED["logits"]["lora_llama_classifier"]["shape"] = [1, 2]

    # GPT-2, whose weights lie the other way round
    w, r = gpt2_weights(GPT2, 11)
    pairs = lora_pairs(w, [f"transformer.h.{i}.attn.c_attn" for i in range(3)], 8, 43, turned=True)
    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 8, "lora_alpha": 8, "fan_in_fan_out": True, "target_modules": ["c_attn"], "base_model_name_or_path": f"{OUT}/gpt2"}
    write_adapter("lora_gpt2", config, pairs, {})
    used = dict(w, lora=[{"pairs": pairs, "scaling": 1.0}])
    expect("lora_gpt2", gpt2_hidden(GPT2, used) @ w["transformer.wte.weight"].T)


# --- Representations ---


def cka(x, y):
    x, y = x - x.mean(0), y - y.mean(0)
    return np.linalg.norm(y.T @ x) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))


def cosine(x, y):
    return float(np.mean(np.sum(x * y, 1) / (np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1))))


def drift_cases():
    rng = np.random.default_rng(7)
    # layer 0: more rows than columns; 1: fewer; 2: tokens, flattened; 3: a dictionary, in bf16; 4: strong mean
    shapes = [(200, 24), (30, 120), (6, 10, 32), (50, 40), (64, 64)]
    base = [rng.standard_normal(shape) * rng.uniform(0.5, 2, shape[-1]) for shape in shapes]
    base[4] += 50
    steps = {"base_pretrained_mrpc/step_000000": base}
    steps["full_finetune_mrpc/step_000100"] = [b + 0.2 * rng.standard_normal(b.shape) for b in base]
    steps["full_finetune_mrpc/step_000200"] = [b + 0.6 * rng.standard_normal(b.shape) for b in base]
    kept = {}
    for step, layers in steps.items():
        directory = f"{OUT}/representations/{step}"
        os.makedirs(directory)
        for i, layer in enumerate(layers):
            tensor = torch.tensor(layer, dtype=torch.bfloat16 if i == 3 else torch.float32)
            torch.save({"hidden": tensor, "step": 1} if i == 3 else tensor, f"{directory}/layer_{i}.pt")
            kept[step, i] = tensor.double().reshape(-1, tensor.shape[-1]).numpy()
    now, before, first = "full_finetune_mrpc/step_000200", "full_finetune_mrpc/step_000100", "base_pretrained_mrpc/step_000000"
    rows = []
    for i in range(len(shapes)):
        x = kept[now, i]
        s = np.linalg.svd(x, compute_uv=False)
        t = np.linalg.svd(x - x.mean(0), compute_uv=False)
        rows.append({"layer": f"layer_{i}", "cosine_base": cosine(x, kept[first, i]), "cka_base": cka(x, kept[first, i]),
                     "cosine_previous": cosine(x, kept[before, i]), "cka_previous": cka(x, kept[before, i]),
                     "top_share": s[0] ** 2 / np.sum(s**2), "centred_top_share": t[0] ** 2 / np.sum(t**2),
                     "effective_rank": np.sum(t**2) ** 2 / np.sum(t**4)})
    EXPECTED["drift"]["representations/" + now] = rows

    # layer 0: one direction; 1: all rows equal; 2: healthy; 3: identical to the step before; 4: another width
    directory = f"{OUT}/collapsed/step_20"
    os.makedirs(directory), os.makedirs(f"{OUT}/collapsed/step_9")
    outer = np.outer(rng.standard_normal(40), rng.standard_normal(20)) + 1e-4 * rng.standard_normal((40, 20))
    healthy = rng.standard_normal((40, 20))
    for i, layer in enumerate([outer, np.tile(rng.standard_normal(20), (40, 1)), healthy, healthy, healthy]):
        torch.save(torch.tensor(layer, dtype=torch.float32), f"{directory}/layer_{i}.pt")
        earlier = healthy[:, :10] if i == 4 else healthy + (0 if i == 3 else 0.1 * rng.standard_normal((40, 20)))
        torch.save(torch.tensor(earlier, dtype=torch.float32).contiguous(), f"{OUT}/collapsed/step_9/layer_{i}.pt")


# --- TorchScript: what runs, and what has to be kept from running wild ---


class Tokens(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(50, 6)

    def forward(self, ids, attention_mask):
        return {"logits": self.table(ids) * attention_mask.unsqueeze(-1)}


class Numbers(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(7, 3)

    def forward(self, x):
        return self.layer(x), x


class NotANumber(torch.nn.Module):
    def forward(self, x):
        return torch.log(-x.float())


class Writes(torch.nn.Module):
    def __init__(self, path: str):
        super().__init__()
        self.path = path

    def forward(self, x):
        torch.save(x, self.path)
        return x.float()


class Endless(torch.nn.Module):
    def forward(self, x):
        y = x.float()
        while bool((y > -1).any()):
            y = torch.sin(y)
        return y


class Bomb(torch.nn.Module):
    def forward(self, x):
        kept = [x.float()]
        for i in range(10000):
            kept.append(torch.ones(64, 1024, 1024) * x.sum())
        return kept


def script_cases():
    os.makedirs(f"{OUT}/script")
    torch.manual_seed(51)
    tokens, numbers = Tokens(), Numbers()
    modules = {"tokens": tokens, "numbers": numbers, "nan": NotANumber(), "writes": Writes(f"{OUT}/script/written"),
               "endless": Endless(), "bomb": Bomb()}
    for name, module in modules.items():
        torch.jit.script(module).save(f"{OUT}/script/{name}.pt")
    with torch.no_grad():
        EXPECTED["script"] = {"tokens": tokens(IDS.unsqueeze(0), torch.ones(1, 5))["logits"].flatten().tolist()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    llama_cases()
    gpt2_cases()
    bert_cases()
    adapter_cases()
    drift_cases()
    script_cases()
    with open(f"{OUT}/expected.json", "w") as out:
        json.dump(EXPECTED, out)
