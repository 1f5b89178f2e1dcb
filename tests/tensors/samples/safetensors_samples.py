"""safetensors, good and bad. Format: https://github.com/huggingface/safetensors#format"""
import json
import struct

import numpy as np

from .sample_set import statistics

# Name in the header, our name, bytes of an element, numpy's type where it has one.
TYPES = [("F64", "float64", 8, np.float64), ("F32", "float32", 4, np.float32),
         ("F16", "float16", 2, np.float16), ("BF16", "bfloat16", 2, None),
         ("C64", "complex64", 8, np.complex64), ("I64", "int64", 8, np.int64), ("I32", "int32", 4, np.int32),
         ("I16", "int16", 2, np.int16), ("I8", "int8", 1, np.int8), ("U64", "uint64", 8, np.uint64),
         ("U32", "uint32", 4, np.uint32), ("U16", "uint16", 2, np.uint16), ("U8", "uint8", 1, np.uint8),
         ("BOOL", "bool", 1, np.bool_), ("F8_E4M3", "float8_e4m3fn", 1, None),
         ("F8_E5M2", "float8_e5m2", 1, None), ("F8_E8M0", "float8_e8m0fnu", 1, None)]


def pack(header, data=b"", length=None, pad=True):
    """`header` as bytes, text, or what json.dumps takes; `length`: a wrong one."""
    if not isinstance(header, (bytes, str)):
        header = json.dumps(header, separators=(",", ":"))
    if isinstance(header, str):
        header = header.encode()
    if pad:
        header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def entry(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


def write(tensors, metadata=None):
    """A file of numpy arrays: name -> (dtype, array or (bytes, shape))."""
    header, data = ({"__metadata__": metadata} if metadata else {}), b""
    for name, (dtype, value) in tensors.items():
        raw, shape = value if isinstance(value, tuple) else (value.tobytes(), value.shape)
        header[name] = entry(dtype, shape, len(data), len(data) + len(raw))
        data += raw
    return pack(header, data)


def good(s):
    random = np.random.default_rng(1)
    everything = {}
    for dtype, ours, size, kind in TYPES:
        if kind is not None:
            values = (random.standard_normal(24) *
                      50).astype(kind) if kind != np.bool_ else random.random(24) > 0.5
            if np.dtype(kind).kind == "u":
                values = random.integers(0, 100, 24).astype(kind)
            tensor, numbers = values.reshape(4, 6), statistics(values)
        else:
            tensor = (random.integers(0x30, 0x40, 24 * size).astype(np.uint8).tobytes(), (4, 6))
            numbers = None
            if dtype == "BF16":
                numbers = statistics(
                    (np.frombuffer(tensor[0], np.uint16).astype(np.uint32) << 16).view(np.float32))
        everything[dtype.lower()] = (dtype, tensor)
        name = f"safetensors/type_{dtype.lower()}.safetensors"
        s.add(name, write({"x": (dtype, tensor)}), "safetensors", "ok")
        s.expect_tensor(name, "x", ours, (4, 6), numbers)
    for dtype, shape in (("F4", (4, 6)), ("F6_E2M3", (4, 4)), ("F6_E3M2",
                                                               (4, 4))):  # less than a byte an element
        bits = 4 if dtype == "F4" else 6
        count = shape[0] * shape[1] * bits // 8
        s.add(f"safetensors/type_{dtype.lower()}.safetensors",
              write({"x": (dtype, (bytes(range(1, count + 1)), shape))}), "safetensors", "ok/refused")
    f32 = np.arange(1, 13, dtype=np.float32).reshape(3, 4)
    s.add("safetensors/all_types.safetensors", write(everything), "safetensors", "ok")
    s.add("safetensors/metadata.safetensors",
          write({"x": ("F32", f32)}, {"format": "pt", "note": "é\n\u0000"}), "safetensors", "ok")
    s.add(
        "safetensors/empty_tensors.safetensors",
        write({
            "a": ("F32", np.zeros((0, 5), np.float32)), "b": ("F32", f32), "c": ("I8", np.zeros(0, np.int8))
        }), "safetensors", "ok")
    s.add("safetensors/scalar.safetensors", write({"x": ("F32", np.float32(2.5).reshape(()))}), "safetensors",
          "ok")
    s.add(
        "safetensors/unaligned.safetensors",
        write({"byte": ("U8", np.ones(3, np.uint8)), "x": ("F32", f32), "y":
               ("F64", f32.astype(np.float64))}), "safetensors", "ok")
    s.add("safetensors/header_unpadded.safetensors", pack({"x": entry("U8", [3], 0, 3)}, b"abc", pad=False),
          "safetensors", "ok")
    s.add("safetensors/no_tensors.safetensors", pack({}), "safetensors", "ok")
    s.add("safetensors/order_reversed.safetensors",
          pack({"b": entry("U8", [2], 2, 4), "a": entry("U8", [2], 0, 2)}, b"abcd"), "safetensors", "ok")
    s.add("safetensors/escaped_names.safetensors",
          pack('{"\\u0061\\/\\"\\n":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"a"), "safetensors",
          "ok")
    many = {f"layers.{i}.weight": ("F32", f32[0, :1] + i) for i in range(20_000)}
    s.add("safetensors/twenty_thousand.safetensors", write(many), "safetensors", "ok")
    s.add("findings/nan.safetensors", write({"good": ("F32", f32), "bad": ("F32", f32 * np.nan)}),
          "safetensors", "ok", "nan; bad")
    s.add("findings/zeros.safetensors", write({"good": ("F32", f32), "flat": ("F32", f32 * 0)}),
          "safetensors", "ok", "zero; flat")


def lengths(bad):
    body = {"x": entry("F32", [4], 0, 16)}
    whole = pack(body, bytes(range(16)))
    bad("length_0", pack(b"", length=0), "header or zero")
    bad("length_1", pack(b"{", pad=False), "header or json")
    bad("length_over_100_mb", pack(body, bytes(16), length=100_000_001), "header", "damaged/refused")
    bad("length_beyond_file", pack(body, bytes(16), length=10_000), "header")
    bad("length_2_63", pack(body, bytes(16), length=2**63), "header", "damaged/refused")
    bad("length_2_64", pack(body, bytes(16), length=2**64 - 1), "header", "damaged/refused")
    for cut in (1, 7, 8, 9, 20, len(whole) - 16, len(whole) - 1):
        # Below nine bytes there is nothing to know the format by but its name.
        bad(f"cut_{cut}_of_{len(whole)}", whole[:cut], "truncated" if cut > 8 else "",
            "damaged" if cut > 8 else "damaged/unknown", "-")
    bad("trailing_bytes", whole + b"more", "trailing or after or follow or beyond")
    bad("trailing_many", whole + bytes(4096), "trailing or after or follow or beyond")
    bad("all_data_missing", pack({"x": entry("F32", [1000], 0, 4000)}), "truncated or beyond or missing")


def structure(bad):
    four = bytes(range(16))
    bad("not_json", pack("{not json at all}", four), "json or header")
    bad("not_an_object", pack("[1,2,3]", four, pad=False), "", "damaged/unknown", "-")
    bad("space_before", pack(" " + json.dumps({"x": entry("F32", [4], 0, 16)}), four), "", "damaged/unknown",
        "-")
    bad("json_cut", pack('{"x":{"dtype":"F32","shape":[4],"data_offs', four), "json or header")
    bad("json_after_json", pack('{"x":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}{}', four),
        "json or header")
    bad(
        "duplicate_tensor",
        pack(
            '{"x":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},'
            '"x":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}', four), "twice or duplicate or two")
    bad("duplicate_field", pack('{"x":{"dtype":"F32","dtype":"I32","shape":[4],"data_offsets":[0,16]}}',
                                four), "twice or duplicate or two")
    bad("dtype_unknown", pack({"x": entry("F33", [4], 0, 16)}, four), "F33", "damaged/refused")
    bad("dtype_missing", pack({"x": {"shape": [4], "data_offsets": [0, 16]}}, four), "dtype")
    bad("dtype_number", pack({"x": {"dtype": 4, "shape": [4], "data_offsets": [0, 16]}}, four), "dtype or x")
    bad("shape_missing", pack({"x": {"dtype": "F32", "data_offsets": [0, 16]}}, four), "shape")
    bad("offsets_missing", pack({"x": {"dtype": "F32", "shape": [4]}}, four), "offsets")
    bad("offsets_three", pack({"x": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16, 16]}}, four),
        "offsets")
    bad("entry_is_list", pack({"x": [1, 2]}, four), "list")
    bad("entry_is_null", pack({"x": None}, four), "x or null")
    bad("nested_10000", pack('{"x":' + "[" * 10_000 + "]" * 10_000 + "}", four), "", "damaged/refused")
    bad("nested_objects", pack('{"a":' * 10_000 + "1" + "}" * 10_000, four), "", "damaged/refused")
    bad(
        "metadata_deep",
        pack(
            '{"__metadata__":{"a":' + '{"a":' * 1000 + '"b"' + "}" * 1000 + '},"x":'
            '{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}', four), "metadata or object")
    bad("metadata_number",
        pack('{"__metadata__":{"a":5},"x":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}', four),
        "metadata")
    bad("name_not_utf8", pack(b'{"\xff\xfe":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}', four),
        "json or utf-8 or header")
    bad("name_surrogate", pack('{"\\ud800":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}', four), "",
        "damaged/ok")


def offsets(bad):
    four = bytes(range(16))

    def raw(shape, begin_end, dtype="F32"):
        return pack(f'{{"x":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{begin_end}}}}}', four)

    bad("overlap", pack({"a": entry("U8", [12], 0, 12), "b": entry("U8", [12], 4, 16)}, four), "overlap")
    bad("overlap_whole", pack({"a": entry("U8", [16], 0, 16), "b": entry("U8", [16], 0, 16)}, four),
        "overlap")
    bad("hole", pack({"a": entry("U8", [4], 0, 4), "b": entry("U8", [4], 12, 16)}, four),
        "hole or gap or none")
    bad("hole_at_start", pack({"a": entry("U8", [12], 4, 16)}, four), "hole or gap or none")
    bad("begin_after_end", raw("[4]", "[16,0]"), "offsets or begin or end or x")
    bad("size_disagrees", raw("[3]", "[0,16]"), "16")
    bad("beyond_file", raw("[8]", "[0,32]"), "truncated or beyond")
    for name, shape in (("shape_overflow_2_63", "[9223372036854775808,4]"), ("shape_overflow_product",
                                                                             "[4294967296,4294967296,4]"),
                        ("shape_overflow_bytes", "[4611686018427387904]"), ("shape_overflow_to_16",
                                                                            "[4611686018427387908]"),
                        ("shape_beyond_64_bits", "[184467440737095516160]"), ("shape_many_dimensions",
                                                                              str([1] * 5000))):
        bad(name, raw(shape, "[0,16]"), "", "damaged/refused")
    bad("shape_zero_and_huge", raw("[0,9223372036854775807,9223372036854775807]", "[0,0]"), "")
    bad("shape_negative", raw("[-4]", "[0,16]"), "shape or x")
    bad("shape_float", raw("[4.0]", "[0,16]"), "shape or x")
    bad("shape_text", raw('["4"]', "[0,16]"), "shape or x")
    bad("offset_negative", raw("[4]", "[-16,0]"), "offset or x")
    bad("offset_float", raw("[4]", "[0.0,16.0]"), "offset or x")
    bad("offset_exponent", raw("[4]", "[0,1.6e1]"), "offset or x")
    bad("offset_overflow", raw("[4]", "[18446744073709551600,18446744073709551616]"), "")
    bad("offset_2_64", raw("[4]", "[18446744073709551600,18446744073709551615]"), "")
    bad("offset_wraps", raw("[4]", "[9223372036854775807,9223372036854775823]"), "")


def make(s):

    def bad(name, data, words, verdict="damaged", kind="safetensors"):
        s.add(f"safetensors_bad/{name}.safetensors", data, kind, verdict, words)

    good(s)
    lengths(bad)
    structure(bad)
    offsets(bad)
