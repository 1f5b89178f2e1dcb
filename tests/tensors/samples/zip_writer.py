"""Zip files byte by byte, as torch's writer lays them out, or with whatever field wrong. Format: PKWARE's
APPNOTE.TXT."""
import dataclasses
import struct
import zlib

FULL32 = 0xFFFFFFFF
FULL16 = 0xFFFF


@dataclasses.dataclass
class Entry:
    name: str
    data: bytes
    deflate: bool = False
    crc: int = None  # None: the right one
    announced: int = None  # size in the central directory (and in zip64 fields); None: the right one
    offset: int = None  # of the local header, as the central directory tells it
    zip64: bool = False  # sizes and offset in extra fields
    flags: int = 0
    method: int = None
    local_name: str = None  # another name in the local header
    local_extra: bytes = None


@dataclasses.dataclass
class Zip:
    """`data` is the file; `boundaries` the offsets at which its parts begin, with their names."""
    data: bytes
    boundaries: list


def local_header(entry, raw, crc, at):
    """torch pads the extra field so that the data begins at a multiple of 64."""
    name = (entry.local_name or entry.name).encode()
    extra = b"" if not entry.zip64 else struct.pack("<HHQQ", 1, 16, len(entry.data), len(raw))
    if entry.local_extra is not None:
        extra += entry.local_extra
    else:
        gap = -(at + 30 + len(name) + len(extra) + 4) % 64
        extra += b"FB" + struct.pack("<H", gap) + b"Z" * gap
    sizes = (FULL32, FULL32) if entry.zip64 else (len(raw), len(entry.data))
    method = entry.method if entry.method is not None else (8 if entry.deflate else 0)
    if entry.flags & 8:  # sizes follow in a data descriptor
        sizes, crc = (0, 0), 0
    return struct.pack("<IHHHHHIIIHH", 0x04034B50, 45 if entry.zip64 else 20, entry.flags, method, 0, 0x21,
                       crc, *sizes, len(name), len(extra)) + name + extra


def central_header(entry, raw, crc, at):
    name = entry.name.encode()
    size = entry.announced if entry.announced is not None else len(entry.data)
    stored = size if entry.announced is not None and not entry.deflate else len(raw)
    offset = entry.offset if entry.offset is not None else at
    extra = b""
    if entry.zip64:
        extra = struct.pack("<HHQQQ", 1, 24, size, stored, offset)
        size = stored = offset = FULL32
    method = entry.method if entry.method is not None else (8 if entry.deflate else 0)
    return struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 0x031E,
                       45 if entry.zip64 else 20, entry.flags, method, 0, 0x21, crc, stored, size, len(name),
                       len(extra), 0, 0, 0, 0, offset) + name + extra


def end_records(count, size, offset, zip64, comment=b"", at=0):
    records = b""
    if zip64:
        records = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 0x031E, 45, 0, 0, count, count, size, offset)
        records += struct.pack("<IIQI", 0x07064B50, 0, at, 1)
        count, size, offset = FULL16, FULL32, FULL32
    return records + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count, count, size, offset,
                                 len(comment)) + comment


def write_zip(entries, zip64_end=False, comment=b"", descriptors=False, prefix=b""):
    """The zip of `entries`; descriptors: sizes and checksums after the data, as torch 1.x writes them."""
    out = bytearray(prefix)
    boundaries, central = [], []
    for entry in entries:
        if descriptors:
            entry = dataclasses.replace(entry, flags=entry.flags | 0x808)
        raw = entry.data
        if entry.deflate:
            packer = zlib.compressobj(9, zlib.DEFLATED, -15)
            raw = packer.compress(entry.data) + packer.flush()
        crc = entry.crc if entry.crc is not None else zlib.crc32(entry.data)
        at = len(out)
        out += local_header(entry, raw, crc, at)
        boundaries += [(at, f"header of {entry.name}"), (len(out), f"data of {entry.name}")]
        out += raw
        if entry.flags & 8:
            boundaries.append((len(out), f"descriptor of {entry.name}"))
            out += struct.pack("<IIII", 0x08074B50, crc, len(raw), len(entry.data))
        central.append(central_header(entry, raw, crc, at))
    at = len(out)
    for header in central:
        boundaries.append((len(out), "central directory"))
        out += header
    end = len(out)
    boundaries.append((end, "end record"))
    out += end_records(len(entries), end - at, at, zip64_end, comment, end)
    return Zip(bytes(out), boundaries)


def torch_entries(pickle, storages, name="archive", version=b"3\n", layout=1, byteorder=b"little"):
    """Entries in the order of torch 1.13 (layout 1), 2.1 (2) or 2.6 (3). `storages`: bytes by key."""
    entries = [Entry(f"{name}/data.pkl", pickle)]
    if layout >= 3:
        entries += [Entry(f"{name}/.format_version", b"1"), Entry(f"{name}/.storage_alignment", b"64")]
    if layout >= 2:
        entries.append(Entry(f"{name}/byteorder", byteorder))
    entries += [Entry(f"{name}/data/{key}", data) for key, data in storages.items()]
    entries.append(Entry(f"{name}/version", version))
    if layout >= 2:
        entries.append(Entry(f"{name}/.data/serialization_id", b"0636457737946401051300000025273995036293"))
    return entries


def torch_zip(pickle, storages, **options):
    return write_zip(torch_entries(pickle, storages, **options)).data
