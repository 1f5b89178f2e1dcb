"""torch zips that torch 1.13 cannot write: the layouts of 2.x, zip64, checksums switched off or wrong, types
of 2.x."""
import os
import struct
import zlib

import numpy as np

from . import pickle_writer as p
from .sample_set import statistics
from .zip_writer import Entry, end_records, torch_entries, torch_zip, write_zip

VALUES = np.linspace(-1, 2, 256, dtype=np.float32)
PICKLE = p.whole(p.tensor(shape=(16, 16), strides=(16, 1), numel=256))


def good(s, name, data, words="", verdict="ok", kind="torch_zip"):
    s.add(name, data, kind, verdict, words)
    if verdict == "ok":
        s.expect_tensor(name, "", "float32", (16, 16), statistics(VALUES))


def entries(**options):
    return torch_entries(PICKLE, {"0": VALUES.tobytes()}, **options)


def changed(which, **fields):
    """The entries of layout 3 with `fields` set on those whose name ends in `which`."""
    out = entries(layout=3)
    for entry in out:
        if entry.name.endswith(which):
            for field, value in fields.items():
                setattr(entry, field, value)
    return out


def layouts(s):
    for layout, torch in ((1, "1.13"), (2, "2.1"), (3, "2.6")):
        good(s, f"ok/layout_torch_{torch}.pt", write_zip(entries(layout=layout)).data)
    good(s, "ok/layout_descriptors.pt", write_zip(entries(layout=1), descriptors=True).data)
    good(s, "ok/layout_named_by_stem.pt", write_zip(entries(layout=3, name="model_0")).data)
    good(s, "bad/layout_name_nested.pt",
         write_zip(entries(layout=1, name="a/b")).data, verdict="ok/damaged/unknown", kind="-")
    good(s, "ok/layout_comment.pt",
         write_zip(entries(layout=1), comment=b"a comment PK\5\6 with a signature").data)
    good(s, "ok/layout_unaligned.pt", write_zip(changed("data/0", local_extra=b"")).data)
    good(s, "refused/byteorder_big.pt",
         torch_zip(PICKLE, {"0": VALUES.byteswap().tobytes()}, layout=2, byteorder=b"big"), words="big",
         verdict="refused")
    good(s, "bad/byteorder_odd.pt", torch_zip(PICKLE, {"0": VALUES.tobytes()}, layout=2, byteorder=b"middle"),
         words="byteorder", verdict="damaged/refused")
    deflated = entries(layout=1)
    deflated[1].deflate = True
    good(s, "refused/deflated_data.pt",
         write_zip(deflated).data, words="deflate or compress", verdict="refused")
    for entry in deflated:
        entry.deflate = True
    good(s, "refused/deflated_all.pt",
         write_zip(deflated).data, words="deflate or compress", verdict="refused")
    good(s, "refused/encrypted.pt",
         write_zip(changed("data/0", flags=1)).data, words="encrypt", verdict="refused")


def zip64(s):
    forced = entries(layout=3)
    for entry in forced:
        entry.zip64 = True
    good(s, "ok/zip64_fields.pt", write_zip(forced).data)
    good(s, "ok/zip64_end.pt", write_zip(entries(layout=3), zip64_end=True).data)
    good(s, "ok/zip64_both.pt", write_zip(forced, zip64_end=True).data)
    good(s, "bad/zip64_size_2_63.pt",
         write_zip(changed("data/0", zip64=True, announced=2**63)).data, "data/0 or size", "damaged")
    good(s, "bad/zip64_offset_2_64.pt",
         write_zip(changed("data/0", zip64=True, offset=2**64 - 8)).data, "data/0 or offset", "damaged")
    whole = write_zip(forced, zip64_end=True)
    end = whole.boundaries[-1][0]
    good(s, "bad/zip64_locator_astray.pt",
         whole.data[:end + 56] + struct.pack("<IIQI", 0x07064B50, 0, 2**63, 1) + whole.data[end + 76:],
         "zip64 or end record or central", "damaged")
    good(s, "bad/zip64_field_missing.pt",
         write_zip(changed("data/0", announced=0xFFFFFFFF)).data, "data/0 or zip64", "damaged")


def checksums(s):
    off = entries(layout=3)
    for entry in off:
        entry.crc = 0
    good(s, "ok/checksums_off.pt", write_zip(off).data)
    good(s, "bad/checksum_wrong_one.pt",
         write_zip(changed("data/0", crc=0x12345678)).data, "data/0; checksum or crc", "damaged")
    wrong = entries(layout=3)
    for entry in wrong:
        entry.crc = zlib.crc32(entry.data) ^ 0x55AA
    good(s, "findings/checksums_wrong_all.pt", write_zip(wrong).data, "checksum_mismatch")
    flipped = bytearray(write_zip(entries(layout=3)).data)
    flipped[flipped.find(VALUES.tobytes()) + 100] ^= 0x10
    good(s, "bad/flipped_bit.pt", bytes(flipped), "data/0; checksum or crc", "damaged")
    several = torch_entries(p.whole(p.dict_of({f"w{i}": p.tensor(key=str(i))
                                               for i in range(4)})),
                            {str(i): struct.pack("<4f", *range(i, i + 4))
                             for i in range(4)})
    several[3].crc = 1
    s.add("bad/checksum_wrong_one_of_four.pt",
          write_zip(several).data, "torch_zip", "damaged", "data/2; checksum or crc")


def types_of_2x(s):
    """_rebuild_tensor_v3 with dtype objects. Float8 by hand: 1.0 is 0x38 in E4M3, 0x3c in E5M2."""

    def add(name, dtype, reported, values, numbers, where="ok", words="", **options):
        data = values.tobytes()
        pickle = p.whole(p.tensor_v3(dtype, values.shape, (1, ), len(data), **options))
        s.add(f"{where}/{name}", torch_zip(pickle, {"0": data}, layout=3), "torch_zip", "ok", words)
        s.expect_tensor(f"{where}/{name}", "", reported, values.shape, numbers)

    e4m3 = np.array([0x38, 0xB8, 0x00, 0x7E], dtype=np.uint8)  # 1, -1, 0, 448
    add("v3_float8_e4m3fn.pt", "float8_e4m3fn", "float8_e4m3fn", e4m3,
        statistics(np.array([1.0, -1.0, 0.0, 448.0])))
    e5m2 = np.array([0x3C, 0xBC, 0x00, 0x7B], dtype=np.uint8)  # 1, -1, 0, 57344
    add("v3_float8_e5m2.pt", "float8_e5m2", "float8_e5m2", e5m2,
        statistics(np.array([1.0, -1.0, 0.0, 57344.0])))
    nan = np.array([0x38, 0x7F, 0x00], dtype=np.uint8)
    add("v3_float8_e4m3fn_nan.pt", "float8_e4m3fn", "float8_e4m3fn", nan,
        statistics(np.array([1.0, np.nan, 0.0])), "findings", "nan")
    infinite = np.array([0x3C, 0x7C, 0xFC, 0x7D], dtype=np.uint8)
    add("v3_float8_e5m2_inf.pt", "float8_e5m2", "float8_e5m2", infinite,
        statistics(np.array([1.0, np.inf, -np.inf, np.nan])), "findings", "inf; nan")
    for dtype, kind in (("uint16", np.uint16), ("uint32", np.uint32), ("uint64", np.uint64)):
        values = np.array([0, 7, np.iinfo(kind).max], dtype=kind)
        add(f"v3_{dtype}.pt", dtype, dtype, values, statistics(values.astype(np.float64)))
    values = np.array([1, 2, 3], dtype=np.float32)
    add("v3_module_torch.pt", "float32", "float32", values, statistics(values), module="torch")
    add("v3_metadata.pt", "float32", "float32", values, statistics(values), metadata=p.EMPTY_DICT)


def huge(s):
    """A sparse file beyond 4 GiB: one storage of 4.5 GiB, all zero but its last number."""
    name, size = "huge/over_4_gib.pt", 9 << 29
    pickle = p.whole(p.tensor(shape=(size // 4, ), numel=size // 4))
    small = write_zip([Entry("archive/data.pkl", pickle, crc=0), Entry("archive/version", b"3\n", crc=0)])
    at = small.boundaries[4][0]  # of the central directory
    extra = struct.pack("<HHQQ", 1, 16, size, size)
    local = struct.pack("<IHHHHHIIIHH", 0x04034B50, 45, 0, 0, 0, 0x21, 0, 0xFFFFFFFF, 0xFFFFFFFF, 14,
                        len(extra)) + b"archive/data/0" + extra
    central = small.data[at:small.boundaries[-1][0]]
    central += struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 0x032D, 45, 0, 0, 0, 0x21, 0, 0xFFFFFFFF,
                           0xFFFFFFFF, 14, 28, 0, 0, 0, 0, 0xFFFFFFFF) + b"archive/data/0" + struct.pack(
                               "<HHQQQ", 1, 24, size, size, at)
    with open(s.path(name), "wb") as file:
        file.write(small.data[:at] + local)
        file.seek(size - 4, os.SEEK_CUR)
        file.write(struct.pack("<f", 1.5))
        start = file.tell()
        file.write(central + end_records(3, len(central), start, True, at=start + len(central)))
    s.expect(name, "torch_zip", "ok")


def make(s):
    layouts(s)
    zip64(s)
    checksums(s)
    types_of_2x(s)
