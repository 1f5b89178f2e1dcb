"""What torch.save itself writes: every type, views, shared storages, containers, modules, old formats."""
import argparse
import collections
import warnings

import numpy as np
import torch

FLOATS = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
COMPLEX = [torch.complex64, torch.complex128]
INTEGERS = [torch.int8, torch.uint8, torch.int16, torch.int32, torch.int64]


def of_type(dtype, count=64):
    if dtype == torch.bool:
        return torch.rand(count) > 0.5
    if dtype in INTEGERS:
        return torch.randint(-100 if dtype != torch.uint8 else 0, 100, (count, )).to(dtype).reshape(8, -1)
    return torch.randn(count,
                       dtype=torch.complex128 if dtype in COMPLEX else torch.float64).to(dtype).reshape(
                           8, -1)


def types(s):
    for dtype in FLOATS + COMPLEX + INTEGERS + [torch.bool]:
        name = str(dtype).split(".")[1]
        s.save(f"ok/type_{name}.pt", of_type(dtype))
        s.save(f"ok/type_{name}_legacy.pt", of_type(dtype), kind="torch_legacy",
               _use_new_zipfile_serialization=False)
        s.save(f"ok/type_{name}_empty.pt", torch.empty(0, 7, dtype=dtype))
    scale = dict(scale=0.1, zero_point=3)
    for dtype in (torch.qint8, torch.quint8, torch.qint32):
        s.save(f"ok/type_{str(dtype).split('.')[1]}.pt",
               torch.quantize_per_tensor(torch.randn(64), dtype=dtype, **scale))
    channels = torch.quantize_per_channel(torch.randn(4, 5),
                                          torch.rand(4) + 0.1, torch.zeros(4, dtype=torch.long), 0,
                                          torch.qint8)
    s.save("ok/type_qint8_channels.pt", channels)
    s.save("ok/types_all.pt",
           {str(dtype).split(".")[1]: of_type(dtype)
            for dtype in FLOATS + COMPLEX + INTEGERS + [torch.bool]})


def contents(s):
    """Files that are whole, with something in them that a person has to hear of."""
    for dtype in FLOATS:
        name = str(dtype).split(".")[1]
        bad = of_type(dtype, 1024)
        bad.view(-1)[17] = float("nan")
        s.save(f"findings/nan_{name}.pt", bad, words="nan")
        bad = of_type(dtype, 1024)
        bad.view(-1)[1023], bad.view(-1)[0] = float("inf"), -float("inf")
        s.save(f"findings/inf_{name}.pt", bad, words="inf")
        s.save(f"findings/all_nan_{name}.pt", torch.full((1000, ), float("nan"), dtype=dtype), words="nan")
        s.save(f"findings/zeros_{name}.pt", torch.zeros(64, 32, dtype=dtype), words="all_zero or zero")
    complex_nan = of_type(torch.complex64)
    complex_nan.view(-1)[3] = complex(1, float("nan"))
    s.save("findings/nan_complex64.pt", complex_nan, words="nan")
    s.save("findings/negative_zeros.pt", -torch.zeros(16, 32), words="all_zero or zero")
    tiny = torch.full((100, ), 1e-40)  # subnormal, not zero
    s.save("ok/subnormal.pt", tiny)
    s.save("ok/largest.pt", torch.full((100, ), torch.finfo(torch.float32).max))
    state = {f"layer.{i}.weight": torch.randn(8, 8) for i in range(6)}
    state["layer.4.weight"][2, 3] = float("nan")
    s.save("findings/nan_in_one_of_six.pt", state, words="nan; layer.4.weight")
    s.save("findings/nan_legacy.pt", state, kind="torch_legacy", words="nan; layer.4.weight",
           _use_new_zipfile_serialization=False)


def views(s):
    base = torch.randn(16, 32)
    s.save("ok/view_transposed.pt", base.t())
    s.save("ok/view_slice.pt", base[3:9, ::2])
    s.save("ok/view_offset.pt", base.view(-1)[100:])
    s.save("ok/view_stride_0.pt", torch.randn(1).expand(1000, 1000))
    s.save("ok/view_petabytes.pt", torch.as_strided(torch.randn(1), (2**50, ), (0, )), judge=False)
    s.save("ok/view_overlapping.pt", torch.randn(100).as_strided((90, 11), (1, 1)))
    tied = torch.randn(32, 8)
    s.save("ok/shared.pt",
           {"embed.weight": tied, "lm_head.weight": tied, "row": tied[3], "columns": tied.t()})
    s.save("ok/shared_types.pt", {"f32": base.view(-1)[:8].clone(), "halves": base.view(-1)[8:16].clone()})
    s.save("ok/permuted_4d.pt", torch.randn(2, 3, 4, 5).permute(3, 1, 0, 2))
    s.save("ok/channels_last.pt", torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last))
    s.save("ok/conjugate.pt", torch.randn(8, dtype=torch.complex64).conj(), judge=False)


def containers(s):
    state = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8),
                                torch.nn.Linear(8, 2)).state_dict()
    s.save("ok/state_dict.pt", state)
    s.save("ok/state_dict_no_metadata.pt", collections.OrderedDict(state))
    s.save("ok/nested.pt", {"a": [torch.ones(2), {"b": (torch.arange(3), 5, "x")}], "c": None})
    s.save("ok/int_keys.pt", {0: torch.ones(2), 7: torch.zeros(1) + 2, -1: torch.full((1, ), 3.0)})
    s.save("ok/odd_keys.pt", {(1, 2): torch.ones(1), 2.5: 1, True: 2, None: 3, b"bytes": 4}, judge=False)
    s.save(
        "ok/scalars.pt", {
            "i": 1, "big": 10**30, "f": 0.5, "nan": float("nan"), "s": "text", "t": True, "n": None, "c":
            1 + 2j, "bytes": b"\x00\xff", "set": {1, 2}, "frozen": frozenset([3]), "range": slice(1, 2)
        })
    s.save("ok/scalar_tensor.pt", torch.tensor(3.25))
    s.save("ok/only_a_number.pt", 42)
    s.save("ok/empty_dict.pt", {})
    s.save("ok/empty_tensor.pt", torch.empty(0))
    s.save("ok/parameter.pt", torch.nn.Parameter(torch.randn(5)), judge=False)
    s.save("ok/parameters.pt", dict(torch.nn.Linear(3, 4).named_parameters()))
    s.save("ok/requires_grad.pt", torch.randn(6, requires_grad=True))
    s.save(
        "ok/size_and_device.pt", {
            "size": torch.Size([1, 2]), "device": torch.device("cpu"), "dtype": torch.bfloat16, "layout":
            torch.strided, "x": torch.ones(1)
        })
    s.save("ok/namespace.pt", argparse.Namespace(lr=1e-3, layers=[1, 2], name="x"))
    s.save("ok/names_utf8.pt",
           {"слой.0": torch.ones(2), "层": torch.full((2, ), 2.0), "tab\tin name": torch.ones(1)}, judge=False)
    s.save("ok/name_with_dots/a.b.c.pt", torch.ones(3))
    s.save("ok/thousand.pt", {f"t{i}": torch.full((1, ), float(i + 1)) for i in range(1000)}, judge=False)
    itself = {"x": torch.ones(2)}
    itself["itself"] = itself
    s.save("ok/contains_itself.pt", itself, judge=False)


def others(s):
    s.save(
        "ok/numpy.pt", {
            "f8": np.linspace(0, 1, 7),
            "i4": np.arange(5, dtype=np.int32), "b": np.array([True, False]), "f2": np.ones(
                3, dtype=np.float16), "c8": np.ones(2, dtype=np.complex64), "fortran": np.asfortranarray(
                    np.arange(6.0).reshape(2, 3)), "empty": np.zeros(0), "scalar": np.float64(2.5), "text":
            np.array(["ab"]), "objects": np.array([1, "x"], dtype=object), "big": np.arange(3, dtype=">f8")
        })
    sparse = torch.sparse_coo_tensor([[0, 1], [1, 0]], [1.0, 2.0], (3, 3))
    s.save("ok/sparse_coo.pt", sparse)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        s.save("ok/sparse_csr.pt", torch.eye(4).to_sparse_csr())
    module = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.LayerNorm(8), torch.nn.GELU())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        s.save("ok/whole_module.pt", module, judge=False)
        s.save("ok/whole_module_legacy.pt", module, kind="torch_legacy", judge=False,
               _use_new_zipfile_serialization=False)
    for protocol in (2, 3, 4, 5):
        s.save(f"ok/protocol_{protocol}.pt",
               {"w": torch.randn(6), "text": "é" * 300, "bytes": b"\x00" * 300, "n": 2**70},
               pickle_protocol=protocol)
        s.save(f"ok/protocol_{protocol}_legacy.pt", {"w": torch.randn(6), "text": "é" * 300},
               kind="torch_legacy", pickle_protocol=protocol, _use_new_zipfile_serialization=False)
    shared = torch.randn(10)
    s.save("ok/shared_legacy.pt", {"all": shared, "half": shared[5:], "other": torch.arange(4)},
           kind="torch_legacy", _use_new_zipfile_serialization=False)
    s.save("ok/scalar_legacy.pt", 42, kind="torch_legacy", _use_new_zipfile_serialization=False)
    scripted = torch.jit.script(
        torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2)))
    torch.jit.save(scripted, str(s.path("torchscript/script.pt")))
    s.expect("torchscript/script.pt", "torchscript", "ok")
    torch.jit.save(torch.jit.trace(torch.nn.Conv1d(2, 3, 2), torch.randn(1, 2, 9)),
                   str(s.path("torchscript/trace.pt")))
    s.expect("torchscript/trace.pt", "torchscript", "ok")


def make(s):
    types(s)
    contents(s)
    views(s)
    containers(s)
    others(s)
