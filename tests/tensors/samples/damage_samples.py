"""Files cut short at every border of their parts, overwritten, or of another kind altogether."""
import gzip
import io
import struct
import tarfile
import zlib

import numpy as np
import torch

from . import pickle_writer as p
from .zip_writer import Entry, torch_entries, torch_zip, write_zip

HTML = (b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head>"
        b'<body><form action="/login">...</form></body></html>\n')
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360606060000000050001a5f64540"
    "0000000049454e44ae426082")
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize 4400216536\n" % (
    b"4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393")


def cuts(s):
    values = np.arange(1, 1025, dtype=np.float32)
    entries = torch_entries(p.whole(p.tensor(shape=(1024, ), numel=1024)), {"0": values.tobytes()}, layout=2)
    for name, whole in (("v2", write_zip(entries)), ("v1", write_zip(entries, descriptors=True))):
        places = {at: part for at, part in whole.boundaries}
        for at in sorted({cut
                          for at in places for cut in (at - 1, at, at + 1, at + 17)}
                         | {len(whole.data) - 1, len(whole.data) // 2}):
            if 0 < at < len(whole.data):
                known = at >= 4
                s.add(f"cut/zip_{name}_{at:05}.pt", whole.data[:at], "-",
                      "damaged" if known else "damaged/unknown", "truncated" if known else "-")
    buffer = io.BytesIO()
    torch.save({"w": torch.arange(300.0), "b": torch.ones(300)}, buffer, _use_new_zipfile_serialization=False)
    legacy = buffer.getvalue()
    s.add("ok/legacy_for_cuts.pt", legacy, "torch_legacy", "ok")
    stops = [i + 1 for i, byte in enumerate(legacy) if byte == ord(".")][:6]
    for at in sorted({cut
                      for at in stops for cut in (at - 1, at, at + 1)}
                     | {len(legacy) - n
                        for n in (1, 4, 8, 9, 1200)} | {len(legacy) // 2, 20, 100, 300}):
        if 13 < at < len(legacy):
            s.add(f"cut/legacy_{at:05}.pt", legacy[:at], "-", "damaged",
                  "truncated or ends or cut or announced")
    s.add("bad/legacy_trailing.pt", legacy + bytes(64), "torch_legacy", "ok/damaged", "-")
    longer = bytearray(legacy)
    at = len(legacy) - 300 * 4 - 8  # the count of the last storage
    longer[at:at + 8] = struct.pack("<q", 2**60)
    s.add("bad/legacy_count_huge.pt", bytes(longer), "torch_legacy", "damaged",
          "truncated or beyond or storage")
    longer[at:at + 8] = struct.pack("<q", -5)
    s.add("bad/legacy_count_negative.pt", bytes(longer), "torch_legacy", "damaged",
          "storage or count or negative or elements")
    s.add("bad/legacy_protocol.pt", legacy.replace(b"M\xe9\x03", b"M\xea\x03", 1), "torch_legacy",
          "damaged/refused", "1002 or protocol")


def overwritten(s):
    pickle, data = p.whole(p.tensor(shape=(1024, ), numel=1024)), np.arange(1, 1025,
                                                                            dtype=np.float32).tobytes()
    whole = torch_zip(pickle, {"0": data}, layout=2)
    size = len(whole)
    middle = whole.find(data)
    s.add("bad/zeros_all.pt", bytes(size), "-", "damaged/unknown", "zero")
    s.add("bad/zeros_second_half.pt", whole[:size // 2] + bytes(size - size // 2), "-", "damaged",
          "truncated or zero or central or end record")
    s.add("bad/zeros_first_half.pt", bytes(size // 2) + whole[size // 2:], "-", "damaged", "-")
    s.add("bad/zeros_one_block.pt", whole[:middle + 1024] + bytes(2048) + whole[middle + 3072:], "torch_zip",
          "damaged", "data/0; checksum or crc")
    s.add("bad/trailing_zeros.pt", whole + bytes(100_000), "-", "damaged/ok", "-")
    s.add("bad/twice_the_file.pt", whole + whole, "-", "damaged/ok/refused", "-")
    s.add("bad/prefix.pt", b"junk before the zip" + whole, "-", "damaged/unknown", "-")
    s.add("bad/garbage.pt",
          np.random.default_rng(5).integers(0, 256, 5000).astype(np.uint8).tobytes(), "unknown",
          "unknown/damaged", "-")
    s.add("bad/one_byte.pt", b"P", "-", "unknown/damaged", "-")
    s.add("bad/newline.pt", b"\n", "-", "unknown/damaged", "-")
    s.add("bad/empty.pt", b"", "empty", "damaged/unknown", "empty or 0 bytes")
    s.add("bad/empty.safetensors", b"", "empty", "damaged/unknown", "empty or 0 bytes")
    s.add("bad/no_entries.pt", write_zip([]).data, "-", "damaged/unknown", "-")


def structure(s):
    pickle, storages = p.whole(p.tensor()), {"0": struct.pack("<4f", 1, 2, 3, 4)}

    def add(name, entries, words, verdict="damaged", kind="torch_zip", **options):
        s.add(f"bad/zip_{name}.pt", write_zip(entries, **options).data, kind, verdict, words)

    def entries(**changes):
        out = torch_entries(pickle, storages)
        for field, value in changes.items():
            setattr(out[1], field, value)
        return out

    add("no_data_pkl", entries()[1:], "data.pkl", "damaged/unknown", "-")
    add("foreign", [Entry("word/document.xml", b"<w/>"),
                    Entry("[Content_Types].xml", b"<t/>")], "-", "unknown/damaged", "-")
    add("no_version", entries()[:2], "version", "ok/damaged")
    add("version_99", torch_entries(pickle, storages, version=b"99\n"), "version; 99", "refused/damaged")
    add("version_text", torch_entries(pickle, storages, version=b"three\n"), "version", "damaged/refused")
    add("name_twice", entries() + [entries()[1]], "twice or duplicate or two")
    add("pickle_twice", entries() + [Entry("archive/data.pkl", pickle)], "twice or duplicate or two")
    add("local_name_differs", entries(local_name="archive/data/1"), "data/0 or name")
    add("size_4_gib", entries(announced=0xFFFFFFF0), "data/0 or size")
    add("size_one_more", entries(announced=17), "-")
    add("offset_beyond", entries(offset=0x7FFFFFFF), "data/0 or offset")
    add("offset_of_another", entries(offset=0), "data/0 or name or overlap")
    add("method_99", entries(method=99), "data/0 or method or compress", "refused/damaged")
    deflated = entries(deflate=True, announced=2**32 - 16)
    add("deflate_lie_4_gib", deflated, "deflate or compress or size", "refused/damaged")
    add("two_archives", entries() + torch_entries(pickle, storages, name="other"), "-", "ok/damaged")
    add("names_absolute",
        entries() + [Entry("/etc/passwd", b"x"), Entry("../../up", b"y")], "-", "ok/damaged")
    add("sixty_thousand_entries",
        entries() + [Entry(f"archive/x/{i}", b"", local_extra=b"") for i in range(60_000)], "-",
        "ok/damaged/refused")
    add("sixty_thousand_sizes", [Entry("archive/data.pkl", pickle * 1)] +
        [Entry(f"archive/data/{i}", b"\0\0\x80?" * 4, local_extra=b"") for i in range(20_000)], "-",
        "ok/damaged/refused")
    overlapping = write_zip(entries()).data
    end = overlapping.rfind(b"PK\5\6")
    fields = list(struct.unpack("<IHHHHIIH", overlapping[end:end + 22]))
    for name, index, value in (("end_count_more", 4, 9), ("end_count_less", 4, 1),
                               ("end_size_huge", 5, 0xFFFFFFF0), ("end_offset_huge", 6, 0xFFFFFFF0),
                               ("end_offset_less", 6, fields[6] - 10), ("end_disk_2", 1,
                                                                        2), ("end_comment_lie", 7, 500)):
        changed = list(fields)
        changed[index] = value
        s.add(f"bad/zip_{name}.pt", overlapping[:end] + struct.pack("<IHHHHIIH", *changed), "-",
              "ok/damaged" if name == "end_disk_2" else "damaged", "-")


def foreign(s):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:  # torch.save before 0.1.10
        for name in ("sys_info", "pickle", "tensors", "storages"):
            data = p.whole(p.NONE)
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    s.add("foreign/tar.pt", buffer.getvalue(), "-", "refused/unknown", "tar")
    s.add("foreign/gzip.pt", gzip.compress(b"x" * 5000, mtime=0), "-", "refused/unknown", "gzip")
    s.add("foreign/zlib.pt", zlib.compress(b"x" * 5000), "-", "unknown/damaged", "-")
    s.add("foreign/login_page.bin", HTML, "-", "unknown/damaged", "html")
    s.add("foreign/login_page.safetensors", HTML, "-", "unknown/damaged", "html")
    s.add("foreign/error_page.pt", b"\n\n  <html><body>404 Not Found</body></html>", "-", "unknown/damaged",
          "html")
    s.add("foreign/error.json.bin", b'{"error": "Repository not found"}', "-", "unknown/damaged/ok", "-")
    s.add("foreign/picture.pt", PNG, "-", "unknown/damaged", "png")
    s.add("foreign/text.pt", b"this is no checkpoint\n" * 20, "-", "unknown/damaged", "-")
    s.add("foreign/elf.pt", b"\x7fELF\x02\x01\x01" + bytes(500), "-", "unknown/damaged", "-")
    s.add("foreign/gguf.bin", b"GGUF\x03\0\0\0" + bytes(500), "-", "unknown/refused/damaged", "-")
    s.add("foreign/hdf5.bin", b"\x89HDF\r\n\x1a\n" + bytes(500), "-", "unknown/refused/damaged", "-")
    s.add("foreign/npy.pt", b"\x93NUMPY\x01\0" + bytes(500), "-", "unknown/refused/damaged", "-")
    s.add("lfs/pytorch_model.bin", LFS, "lfs_pointer", "refused", "lfs")
    s.add("lfs/model.safetensors", LFS, "lfs_pointer", "refused", "lfs")
    s.add("lfs/crlf.pt", LFS.replace(b"\n", b"\r\n"), "lfs_pointer", "refused", "lfs")


def make(s):
    cuts(s)
    overwritten(s)
    structure(s)
    foreign(s)
