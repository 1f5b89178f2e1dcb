"""Pickles put together from single opcodes: what no pickler would write. Opcodes: Python's pickletools.py."""
import struct

MARK, STOP, REDUCE, BUILD, TUPLE, NEWOBJ, PERSID = b"(", b".", b"R", b"b", b"t", b"\x81", b"Q"
EMPTY_TUPLE, EMPTY_DICT, EMPTY_LIST, NONE, FALSE, TRUE = b")", b"}", b"]", b"N", b"\x89", b"\x88"
SETITEM, SETITEMS, APPEND, APPENDS, POP = b"s", b"u", b"a", b"e", b"0"


def proto(version=2):
    return b"\x80" + bytes([version])


def name(module, attribute):
    """GLOBAL"""
    return f"c{module}\n{attribute}\n".encode()


def text(value):
    """BINUNICODE"""
    data = value if isinstance(value, bytes) else value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def stack_name(module, attribute):
    """STACK_GLOBAL"""
    return text(module) + text(attribute) + b"\x93"


def integer(value):
    """BININT1, BININT2, BININT or LONG1"""
    if 0 <= value < 256:
        return b"K" + bytes([value])
    if 0 <= value < 65536:
        return b"M" + struct.pack("<H", value)
    if -(2**31) <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def number(value):
    return b"G" + struct.pack(">d", value)


def tuple_of(*parts):
    return MARK + b"".join(parts) + TUPLE


def integers(values):
    return tuple_of(*(integer(value) for value in values))


def dict_of(items):
    """Keys are text, values opcodes."""
    return EMPTY_DICT + MARK + b"".join(text(key) + value for key, value in items.items()) + SETITEMS


def put(index):
    return b"r" + struct.pack("<I", index)


def get(index):
    return b"j" + struct.pack("<I", index)


def storage(kind="FloatStorage", key="0", numel=4, location=None, module="torch"):
    return tuple_of(text("storage"), name(module, kind), text(key), location or text("cpu"),
                    integer(numel)) + PERSID


HOOKS = name("collections", "OrderedDict") + EMPTY_TUPLE + REDUCE


def tensor(shape=(4, ), strides=(1, ), offset=0, hooks=HOOKS, **of_storage):
    """_rebuild_tensor_v2, as torch pickles a tensor."""
    return name("torch._utils", "_rebuild_tensor_v2") + tuple_of(
        storage(**of_storage), integer(offset), integers(shape), integers(strides), FALSE, hooks) + REDUCE


def tensor_v3(dtype, shape, strides, nbytes, key="0", offset=0, module="torch.storage", metadata=b""):
    """_rebuild_tensor_v3: torch 2.x writes it for types without a storage class (float8, uint16, …)."""
    return name("torch._utils", "_rebuild_tensor_v3") + tuple_of(
        storage("UntypedStorage", key, nbytes, module=module), integer(offset), integers(shape),
        integers(strides), FALSE, HOOKS, name("torch", dtype), metadata) + REDUCE


def whole(body, version=2):
    return proto(version) + body + STOP
