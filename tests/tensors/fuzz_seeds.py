#!/usr/bin/python3
"""Seeds and words for the fuzzers of tensor files, from samples.

usage: fuzz_seeds.py TARGET CORPUS DICTIONARY DIRECTORY...
The forms are those that tests/fuzz/TARGET.cpp takes. Only small files: a fuzzer turns over thousands a second.
"""
import io
import pathlib
import struct
import sys
import zipfile
import zlib

LARGEST = 20_000

WORDS = {
    "pickle": [
        "ctorch._utils\n_rebuild_tensor_v2\n", "ctorch._utils\n_rebuild_tensor_v3\n",
        "ctorch._utils\n_rebuild_parameter\n", "ctorch._utils\n_rebuild_qtensor\n",
        "ctorch._utils\n_rebuild_sparse_tensor\n", "ctorch\nFloatStorage\n", "ctorch\nBFloat16Storage\n",
        "ctorch\nComplexDoubleStorage\n", "ctorch.storage\nUntypedStorage\n", "ccollections\nOrderedDict\n",
        "cnumpy\ndtype\n", "cnumpy.core.multiarray\n_reconstruct\n", "c_codecs\nencode\n", "cos\nsystem\n",
        "storage", "cpu", "\x80\x02", "\x80\x05", "\x95", "\x8c", "\x8d", "\x8e", "\x96", "\x93", "\x94",
        "\x81", "\x92", "\x85", "\x86", "\x87", "\x8a", "\x8b", "tQ", "tR", "}(", "u."
    ],
    "safetensors": [
        '"dtype"', '"shape"', '"data_offsets"', '"__metadata__"', '"F32"', '"BF16"', '"F8_E4M3"', '"F4"',
        '"BOOL"', "[0,0]", "18446744073709551615", "9223372036854775808", "\\u0000", "1e3", "-1"
    ],
}
WORDS["torch_zip"] = WORDS["pickle"] + [
    "PK\x01\x02", "PK\x03\x04", "PK\x05\x06", "PK\x06\x06", "PK\x06\x07", "archive/data.pkl", "/data/0",
    "\xff\xff\xff\xff", "\x01\x00\x18\x00"
]
WORDS["torch_legacy"] = WORDS["pickle"] + ["\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "M\xe9\x03."]


def pickle_and_data(raw):
    """data.pkl, and the bytes of the storages one after the other; None when that is not what it is."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            names = archive.namelist()
            pickles = [name for name in names if name.endswith("data.pkl")]
            data = [archive.read(name) for name in names if "/data/" in name]
            return archive.read(pickles[0]), b"".join(data)
    except Exception:  # damaged on purpose: zipfile trips over it in many ways
        return None


def forms(target, name, raw):
    """What of this file the target can begin with."""
    if target == "safetensors":
        if name.endswith(".safetensors") and len(raw) > 8:
            yield b"\1" + raw
            header = raw[8:8 + struct.unpack("<Q", raw[:8])[0]]
            yield b"\0" + struct.pack("<H", (len(raw) - 8 - len(header)) & 0xFFFF) + header
    elif target == "torch_legacy":
        if raw[:2] in (b"\x80\2", b"\x80\3", b"\x80\4", b"\x80\5"):
            yield raw
    elif raw[:2] == b"PK":
        parts = pickle_and_data(raw)
        if target == "torch_zip":
            yield b"\1" + raw
        if parts and len(parts[0]) < 65536:
            yield parts[0] if target == "pickle" else b"\0" + struct.pack("<H", len(
                parts[0])) + parts[0] + parts[1] * 2


def main():
    target, corpus, dictionary, *directories = sys.argv[1], *map(pathlib.Path, sys.argv[2:])
    corpus.mkdir(parents=True, exist_ok=True)
    quoted = ("".join(f"\\x{ord(letter):02x}" for letter in word) for word in WORDS[target])
    dictionary.write_text("".join(f'"{word}"\n' for word in quoted))
    count = 0
    for path in sorted(path for directory in directories for path in directory.rglob("*") if path.is_file()):
        raw = path.read_bytes() if path.stat().st_size <= LARGEST else b""
        for seed in forms(target, path.name, raw):
            (corpus / f"seed-{zlib.crc32(seed):08x}").write_bytes(seed)
            count += 1
    print(f"{count} seeds")


if __name__ == "__main__":
    main()
