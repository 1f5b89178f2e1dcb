#!/usr/bin/env python3
"""Something right for the fuzzers of local readers to begin with; usage: fuzz_seeds.py TARGET CORPUS DICTIONARY [SAMPLES]

With SAMPLES (a directory tree) the files in it that fit the target are added, cut to 60 kB.
"""
import pathlib
import struct
import sys

from protobuf_writer import number, text, varint

target, corpus, dictionary = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
samples = pathlib.Path(sys.argv[4]) if len(sys.argv) > 4 else None


def item(key, value, newer=False):
    return text(1, text(2 if newer else 1, key) + text(16, value))


def wandb_seeds():
    time = number(1, 1790000000) + number(2, 5000)
    records = [
        text(17, text(1, "id") + text(2, "ent") + text(3, "proj") + text(4, item("lr", "1e-4")) + text(8, "name") + text(10, "tag")
             + text(17, time) + number(18, 1)),
        text(2, item("loss", "NaN") + item("_step", "3") + item("a", '{"b": 1, "_type": "x"}') + text(2, number(1, 3))),
        text(2, item("loss", "0.5", True) + text(1, text(2, "h") + text(2, "_type") + text(16, '"histogram"'))),
        text(3, item("loss", "0.5") + text(2, text(1, "gone"))),
        text(5, item("task", '"rte"') + text(2, text(1, "old"))),
        text(7, text(2, time) + text(3, text(1, "cpu") + text(16, "12.5"))),
        text(13, number(1, 1) + text(2, time) + text(3, "line\r\n")),
        text(10, text(1, "t") + text(2, "x") + text(3, "WARN") + number(4, 1000)),
        text(18, number(1, 1) + number(2, 77)), text(23, b""),
    ]
    for record in records:
        assert len(record) < 255 * 8
        yield b"\x01\x05" + bytes([len(record) // 8 + 1]) + record
    yield b"\x01\x07" + b"".join(records)


def tf_seeds():
    head = b"\x09" + struct.pack("<d", 1.79e9)
    values = [
        text(1, "train/loss") + b"\x15" + struct.pack("<f", 0.5),
        text(1, "t") + text(8, number(1, 1) + text(4, struct.pack("<f", 1.5))) + text(9, text(1, text(1, "scalars"))),
        text(1, "h") + text(8, number(1, 19) + text(13, varint(15360))),
        text(1, "args/text_summary") + text(8, number(1, 7) + text(8, '{"lr": 1}')) + text(9, text(1, text(1, "text"))),
        text(1, "hp") + text(9, text(1, text(1, "hparams") + text(2, text(3, text(1, text(1, "lr") + text(2, b"\x11" + struct.pack("<d", 1.0))))))),
    ]
    for value in values:
        event = head + number(2, 10) + text(5, text(1, value))
        yield b"\x01\x01" + bytes([len(event) + 1]) + event
    yield b"\x01\x01" + b"".join(bytes([len(e) + 1]) + e for e in (head + number(2, 10) + text(5, text(1, v)) for v in values[:2]))


CONSOLE = [
    "\r 45%|####5     | 90/200 [00:31<00:38,  2.83it/s, loss=0.41]\r\n{'loss': 0.5, 'grad_norm': nan, 'epoch': 1.0}\n",
    "Epoch [20/50], Loss: 0.9286, Accuracy: 79.32%\nTest Accuracy: 78.18%\nstep 100 | loss 1.23 | lr 3e-05\n",
    "Epoch 2/10\n 50/100 [=====>.....] - ETA: 5s - loss: 0.5\n\x1b[1m100/100\x1b[0m \u2501\u2501 1s 10ms/step - loss: 0.4 - val_loss: 0.5\n",
    'Traceback (most recent call last):\n  File "a.py", line 3, in main\n    x()\nValueError: bad\n\nDuring handling of the above exception, '
    'another exception occurred:\n\nTraceback (most recent call last):\n  File "b.py", line 1, in f\ntorch.OutOfMemoryError: CUDA out of memory.\n',
    "  + Exception Group Traceback (most recent call last):\n  |   File \"x.py\", line 3, in <module>\n  | ExceptionGroup: many (2 sub-exceptions)\n"
    "  +-+---------------- 1 ----------------\n    | ValueError: 1\n    +------------------------------------\n",
    "[rank0]: Traceback (most recent call last):\n[rank1]: Traceback (most recent call last):\n[rank0]:   File \"t.py\", line 1, in f\n[rank0]: ValueError\n",
    "2026-11-23T02:11:11.123Z [E ProcessGroupNCCL.cpp] Watchdog caught collective operation timeout\nKilled\n",
    "--- Logging error ---\nTraceback (most recent call last):\nOSError: x\nCall stack:\n  File \"a\"\nMessage: 'm'\nArguments: ()\n",
    '{"loss": 0.5, "step": 3, "x": NaN}\n iteration 100/ 500 | learning rate: 1.5E-04 | lm loss: 8.6E+00 | grad norm: 1.2 |\n',
]
JSON = [
    '{"log_history": [{"loss": 0.5, "step": 1, "grad_norm": NaN}, {"eval_loss": 1e309, "step": 2}], "global_step": 2, "max_steps": 2}',
    '{"current_steps": 10, "loss": 1.0, "a": {"b": -Infinity, "_type": "h"}, "t": "x\\u00e9\\ud83d\\ude00", "l": [1, {}], "n": null}\n{"loss": 2}\n',
    '{"a": 1, "a": 2.5e-3, "b": "NaN"}',
]

seeds = {"wandb_file": list(wandb_seeds()) if target == "wandb_file" else [], "tfevents": list(tf_seeds()) if target == "tfevents" else [],
         "console": [b"\x03" + t.encode() for t in CONSOLE], "trainer_json": [b"\x03" + t.encode() for t in JSON]}[target]
for index, seed in enumerate(seeds):
    (corpus / f"seed-{index}").write_bytes(seed)

fits = {"wandb_file": ("*.wandb", b"\0\3"), "tfevents": ("*tfevents*", b"\0\3"), "console": ("*.log", b"\3"), "trainer_json": ("*.json*", b"\3")}
if samples:
    pattern, head = fits[target]
    for index, path in enumerate(sorted(p for p in samples.rglob(pattern) if p.is_file())):
        (corpus / f"sample-{index}").write_bytes(head + path.read_bytes()[:60000])

words = {
    "console": ["Traceback (most recent call last):", "During handling of the above exception", "%|", "it/s]", "{'loss': ", "Epoch ", "[rank0]: ",
                "CUDA out of memory", "Killed", "\\x1b[", "\\x0d", "loss=", "ValueError: ", "nan", "  File \\\"a.py\\\", line 1, in f"],
    "trainer_json": ['\\"log_history\\"', "NaN", "-Infinity", "1e309", '\\"_type\\"', '\\"step\\"', "\\\\ud83d", "null"],
    "wandb_file": ['\\"_step\\"', "NaN", "._type", "_wandb"], "tfevents": ["scalars", "hparams", "text", "train/loss", "train/epoch"],
}[target]
dictionary.write_text("".join(f'"{word}"\n' for word in words))
