"""Pickles made to run something, to fill the memory, or to hang their reader. None of them may do so; none is
ever unpickled here."""
import collections
import datetime
import pathlib
import pickle
import struct

from . import pickle_writer as p
from .zip_writer import torch_zip

DATA = {"0": struct.pack("<4f", 1, 2, 3, 4)}
ARGUMENT = p.text("echo this must never run")


def zipped(pickled, data=None):
    return torch_zip(pickled, DATA if data is None else data)


# How a pickle can call `module.attribute`; each gives opcodes that leave one value on the stack.
CALLS = {
    "reduce": lambda m, a: p.name(m, a) + p.tuple_of(ARGUMENT) + p.REDUCE,
    "stack_global": lambda m, a: p.stack_name(m, a) + p.tuple_of(ARGUMENT) + p.REDUCE,
    "inst": lambda m, a: p.MARK + ARGUMENT + f"i{m}\n{a}\n".encode(),
    "obj": lambda m, a: p.MARK + p.name(m, a) + ARGUMENT + b"o",
    "newobj": lambda m, a: p.name(m, a) + p.tuple_of(ARGUMENT) + p.NEWOBJ,
    "newobj_ex": lambda m, a: p.name(m, a) + p.tuple_of(ARGUMENT) + p.EMPTY_DICT + b"\x92",
    "build": lambda m, a: p.name(m, a) + p.EMPTY_TUPLE + p.NEWOBJ + p.dict_of({"a": ARGUMENT}) + p.BUILD,
    "named_only": lambda m, a: p.name(m, a),
}
GLOBALS = [
    "os.system", "posix.system", "nt.system", "os.popen", "os.execv", "subprocess.Popen", "subprocess.run",
    "subprocess.check_output", "builtins.eval", "builtins.exec", "__builtin__.eval", "builtins.compile",
    "builtins.__import__", "builtins.open", "runpy._run_code", "runpy.run_path", "importlib.import_module",
    "operator.attrgetter", "operator.methodcaller", "torch.load", "torch.hub.load", "torch.jit.load",
    "bdb.Bdb", "pdb.set_trace", "pty.spawn", "socket.socket", "shutil.rmtree", "pickle.loads",
    "marshal.loads", "types.CodeType", "types.FunctionType", "ctypes.CDLL", "webbrowser.open",
    "code.InteractiveInterpreter", "pip.main", "numpy.testing._private.utils.runstring", "sys.modules",
    "cloudpickle.cloudpickle._make_function", "cProfile.run", "timeit.timeit",
    "asyncio.unix_events._UnixSubprocessTransport", "requests.get", "urllib.request.urlopen"
]


def calls(s):

    def add(name, body, words, verdict="ok", version=2, data=None):
        s.add(f"hostile/{name}.pt", zipped(p.whole(body, version), data), "torch_zip", verdict,
              "hostile_global; " + words)

    for how, call in CALLS.items():
        for target in ("os.system", "builtins.eval"):
            add(f"{how}_{target.replace('.', '_')}", call(*target.rsplit(".", 1)), target, version=4)
    for target in GLOBALS:
        module, attribute = target.rsplit(".", 1)
        add(f"global_{target.replace('.', '_')}",
            p.dict_of({"w": p.tensor(), "evil": CALLS["reduce"](module, attribute)}), target)
    os_system = CALLS["reduce"]("os", "system")
    add("in_storage_location", p.tensor(location=os_system), "os.system", "ok/damaged")
    add("in_persistent_id", os_system + p.PERSID, "os.system", "ok/damaged")
    add("in_backward_hooks", p.tensor(hooks=os_system), "os.system")
    add("in_state_of_ordered_dict", p.HOOKS + p.dict_of({"_metadata": os_system}) + p.BUILD, "os.system")
    add("dropped_again", os_system + p.POP + p.tensor(), "os.system")
    add("as_key", p.EMPTY_DICT + os_system + p.integer(1) + p.SETITEM, "os.system")
    add("behind_memo",
        p.name("os", "system") + p.put(7) + p.POP + p.get(7) + p.tuple_of(ARGUMENT) + p.REDUCE, "os.system")
    add("dotted_attribute",
        p.stack_name("torch", "serialization.os.system") + p.tuple_of(ARGUMENT) + p.REDUCE, "os.system",
        version=4)
    add("module_through_torch",
        p.name("torch.serialization", "os.system") + p.tuple_of(ARGUMENT) + p.REDUCE, "os.system")
    add(
        "getattr_on_a_module",
        p.name("builtins", "getattr") + p.tuple_of(
            p.name("importlib", "import_module") + p.tuple_of(p.text("os")) + p.REDUCE, p.text("system")) +
        p.REDUCE, "importlib")
    # Extension registry: a global that has no name in the file.
    s.add("hostile/extension_code.pt", zipped(p.whole(b"\x82\x05" + p.tuple_of(ARGUMENT) + p.REDUCE)),
          "torch_zip", "ok/damaged/refused", "-")
    two = p.whole(p.tensor())[:-1] + p.STOP + p.whole(os_system)  # torch stops at the first STOP
    s.add("hostile/after_stop.pt", zipped(two), "torch_zip", "ok/damaged", "-")
    raw = p.whole(os_system)
    s.add("hostile/bare_pickle.pt", raw, "pickle", "ok", "hostile_global; os.system")
    s.add("hostile/bare_pickle.bin",
          p.whole(p.stack_name("builtins", "exec") + p.tuple_of(ARGUMENT) + p.REDUCE, 4), "pickle", "ok",
          "hostile_global; builtins.exec")
    s.add("hostile/bare_protocol_0.pt", b"cos\nsystem\n(S'echo this must never run'\ntR.", "pickle", "ok",
          "hostile_global; os.system")
    head = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + pickle.dumps(
        {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}, 2)
    s.add("hostile/legacy.pt", head + raw + pickle.dumps([], 2), "torch_legacy", "ok",
          "hostile_global; os.system")
    # What honest files ask for must not be called hostile.
    enum = p.name("__builtin__", "getattr") + p.tuple_of(
        p.name("transformers.trainer_utils", "IntervalStrategy"), p.text("STEPS")) + p.REDUCE
    s.add("ok/enum_by_getattr.pt", zipped(p.whole(enum)), "torch_zip", "ok")


def bombs(s):

    def add(name, body, verdict="ok/refused/damaged", words="", version=4):
        s.add(f"bombs/{name}.pt", zipped(body if body.startswith(b"\x80") else p.whole(body, version)),
              "torch_zip", verdict, words)

    levels = [p.tuple_of(*[p.text("ha")] * 10) + p.put(0)]
    levels += [p.POP + p.tuple_of(*[p.get(i)] * 10) + p.put(i + 1) for i in range(40)]
    add("billion_laughs_tuples", b"".join(levels))
    lists = [p.EMPTY_LIST + p.put(0)] + [
        p.POP + p.EMPTY_LIST + p.MARK + p.get(i) * 10 + p.APPENDS + p.put(i + 1) for i in range(40)
    ]
    add("billion_laughs_lists", b"".join(lists))
    dicts = [p.tensor() + p.put(0)
             ] + [p.POP + p.dict_of({k: p.get(i)
                                     for k in "abcdefgh"}) + p.put(i + 1) for i in range(40)]
    add("billion_laughs_dicts_of_tensors", b"".join(dicts))
    add(
        "doubling_name", b"".join([p.dict_of({"n" * 1000: p.tensor()}) + p.put(0)] + [
            p.POP + p.dict_of({"n" * 1000: p.get(i), "m" * 1000: p.get(i)}) + p.put(i + 1) for i in range(25)
        ]))
    add("deep_tuples", p.EMPTY_TUPLE + b"\x85" * 300_000)
    add("deep_lists", p.EMPTY_LIST * 200_000 + p.APPEND * 199_999)
    add("deep_dicts", (p.EMPTY_DICT + p.text("k")) * 50_000 + p.NONE + p.SETITEM * 50_000)
    add("deep_reduce", p.HOOKS[:-2] * 20_000 + p.EMPTY_TUPLE + p.REDUCE, "damaged/ok/refused")
    add("marks", p.MARK * 500_000, "damaged/refused")
    add("duplicates", p.EMPTY_LIST + b"2" * 500_000)
    add("memo_endless", p.NONE + b"\x94" * 500_000)
    add("memo_far_index", p.NONE + p.put(2**32 - 1))
    add("memo_negative", p.NONE + b"p-1\n")
    add("list_in_itself", p.EMPTY_LIST + p.put(0) + p.get(0) + p.APPEND)
    add("dict_in_itself", p.EMPTY_DICT + p.put(0) + p.text("me") + p.get(0) + p.SETITEM)
    add("two_in_each_other",
        p.EMPTY_LIST + p.put(0) + p.EMPTY_LIST + p.put(1) + p.get(0) + p.APPEND + p.APPEND)
    add("object_in_its_state", p.HOOKS + p.put(0) + p.dict_of({"_metadata": p.get(0)}) + p.BUILD)
    for name, opcode in (("binunicode", b"X" + b"\xff" * 4), ("binunicode8",
                                                              b"\x8d" + struct.pack("<Q", 2**63 - 1)),
                         ("binunicode8_2_64", b"\x8d" + b"\xff" * 8), ("binbytes", b"B" + b"\xff" * 4),
                         ("binbytes8",
                          b"\x8e" + struct.pack("<Q", 2**62)), ("bytearray8",
                                                                b"\x96" + struct.pack("<Q", 2**40)),
                         ("binstring", b"T" + struct.pack("<i", 2**31 - 1)), ("binstring_negative",
                                                                              b"T" + struct.pack("<i", -1)),
                         ("long4", b"\x8b" + struct.pack("<i", 2**31 - 1)), ("long4_negative",
                                                                             b"\x8b" + struct.pack("<i", -5)),
                         ("line", b"V" + b"a" * 1000), ("global_line", b"c" + b"o" * 1000)):
        add(f"announced_{name}", p.proto(4) + opcode + b"abc", "damaged", "pickle or pkl")
    add("announced_frame", p.proto(4) + b"\x95" + struct.pack("<Q", 2**63) + p.NONE + p.STOP, "ok/damaged")
    add("long_with_2000_digits", p.proto(2) + b"I" + b"9" * 2000 + b"\n.", "ok/damaged")
    add("long1_of_255_bytes", p.proto(2) + b"\x8a\xff" + b"\x7f" * 255 + p.STOP, "ok")


def broken(s):

    def add(name, body, words="pickle or pkl", verdict="damaged", data=None):
        s.add(f"bad/pickle_{name}.pt", zipped(body, data), "torch_zip", verdict, words)

    good = p.whole(p.dict_of({"w": p.tensor(), "n": p.integer(5)}))
    add("empty", b"")
    add("no_stop", good[:-1])
    add("stop_only", p.STOP)
    add("stack_underflow", p.proto() + p.REDUCE + p.STOP)
    add("pop_nothing", p.proto() + p.POP * 3 + p.STOP)
    add("no_mark", p.proto() + p.NONE + p.TUPLE + p.STOP)
    add("appends_to_text", p.whole(p.text("x") + p.MARK + p.NONE + p.APPENDS), verdict="damaged/ok")
    add("setitems_odd", p.whole(p.EMPTY_DICT + p.MARK + p.text("k") + p.SETITEMS))
    add("opcode_unknown", p.proto() + b"\xf7" + p.STOP)
    add("protocol_99", b"\x80\x63" + p.NONE + p.STOP, verdict="damaged/refused/ok")
    add("memo_unknown", p.whole(p.get(5)))
    add("text_not_utf8", p.whole(p.dict_of({"a": p.text(b"\xff\xfe\xc0")})), "-", "ok/damaged")
    add("garbage", bytes(range(256)) * 4)
    for at in range(1, len(good), 9):
        add(f"cut_{at:03}", good[:at])

    def tensor(name, words, verdict="damaged", **options):
        s.add(f"bad/tensor_{name}.pt", zipped(p.whole(p.dict_of({"w": p.tensor(**options)}))), "torch_zip",
              verdict, words)

    tensor("beyond_storage", "w or storage", shape=(5, ))
    tensor("offset_beyond", "w or storage", offset=1)
    tensor("offset_negative", "w or offset", offset=-1)
    tensor("offset_2_63", "w or offset", offset=2**63)
    tensor("stride_beyond", "w or storage", shape=(2, 2), strides=(3, 1))
    tensor("stride_negative", "w or stride", strides=(-1, ))
    tensor("stride_overflow", "w or storage or stride", shape=(2, 2), strides=(2**63 - 1, 1))
    tensor("shape_negative", "w or shape", shape=(-4, ))
    tensor("shape_overflow", "w or storage or shape", shape=(2**33, 2**33), strides=(2**33, 1))
    tensor("strides_missing", "w or stride", shape=(2, 2), strides=(1, ))
    tensor("storage_longer_than_data", "data/0 or storage or w", numel=5)
    tensor("storage_missing", "data/9 or 9", key="9")
    tensor("storage_key_is_path", "storage or data or w", key="../../../etc/passwd")
    tensor("storage_type_unknown", "w or storage", "damaged/refused/ok", kind="TurnipStorage")
    tensor("numel_2_62", "data/0 or storage or w", shape=(2**62, ), numel=2**62)
    extra = torch_zip(good, {"0": DATA["0"], "1": bytes(64)})
    s.add("bad/storage_nobody_names.pt", extra, "torch_zip", "ok/damaged", "-")
    longer = torch_zip(good, {"0": DATA["0"] + bytes(16)})
    s.add("bad/data_longer_than_storage.pt", longer, "torch_zip", "ok/damaged", "-")


def honest(s):
    """Classes that a file may well name: listed, not hostile."""
    names = [("transformers.training_args", "TrainingArguments"), ("peft.tuners.lora.config", "LoraConfig"),
             ("my_project.model", "Model")]
    for module, attribute in names:
        body = p.name(module, attribute) + p.EMPTY_TUPLE + p.NEWOBJ + p.dict_of({"a": p.integer(1)}) + p.BUILD
        s.add(f"ok/class_{module.replace('.', '_')}_{attribute}.pt", zipped(p.whole(body)), "torch_zip", "ok")
    s.save("ok/paths_and_times.pt",
           {"path": pathlib.PurePosixPath("/a/b"), "time": datetime.datetime(2024, 5, 6, 7, 8, 9)})
    s.save("ok/counter.pt",
           {"count": collections.Counter("abca"), "default": collections.defaultdict(int, {"a": 1})})
    s.add("ok/plain_pickle.pkl", pickle.dumps({"a": [1, 2.5, "x"]}, 4), "pickle", "ok")


def make(s):
    calls(s)
    bombs(s)
    broken(s)
    honest(s)
