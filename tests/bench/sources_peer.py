"""The same files read with Python as people do it today; usage: sources_peer.py KIND FILE

json.loads for JSON lines, json.load for trainer_state.json, the protobuf package (its C++ parser) for event files and run files, with
classes of the same fields that tensorboard and the W&B SDK have; re and ast.literal_eval for console logs. Checksums: zlib's for run
files, as the SDK's own reader does; none for event files (Python has no CRC-32C; tensorboard without TensorFlow computes it in Python).
"""
import ast
import json
import re
import struct
import sys
import time
import zlib

kind, path = sys.argv[1], sys.argv[2]


def number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def jsonl():
    with open(path) as file:
        for line in file:
            yield [value for value in json.loads(line).values() if number(value)]


def trainer_state():
    with open(path) as file:
        for row in json.load(file)["log_history"]:
            yield [value for value in row.values() if number(value)]


def trainer_state_again():
    """What happens at each save: all of it was told but the last row."""
    global begin
    with open(path) as file:
        told = len(json.load(file)["log_history"]) - 1
    begin = time.process_time()
    with open(path) as file:
        for row in json.load(file)["log_history"][told:]:
            yield [value for value in row.values() if number(value)]


def messages(**wanted):
    """Protobuf classes made at run time: NAME=[(field, number, type or message, repeated)]."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    file = descriptor_pb2.FileDescriptorProto(name="bench.proto", package="bench", syntax="proto3")
    types = descriptor_pb2.FieldDescriptorProto
    for name, fields in wanted.items():
        message = file.message_type.add(name=name)
        for field, index, kind_, repeated in fields:
            added = message.field.add(name=field, number=index, label=types.LABEL_REPEATED if repeated else types.LABEL_OPTIONAL)
            if hasattr(types, "TYPE_" + kind_.upper()):
                added.type = getattr(types, "TYPE_" + kind_.upper())
            else:
                added.type, added.type_name = types.TYPE_MESSAGE, ".bench." + kind_
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return {name: factory.GetPrototype(pool.FindMessageTypeByName("bench." + name)) for name in wanted}


def tfevents():
    event_class = messages(Value=[("tag", 1, "string", False), ("simple_value", 2, "float", False)], Summary=[("value", 1, "Value", True)],
                           Event=[("wall_time", 1, "double", False), ("step", 2, "int64", False), ("summary", 5, "Summary", False)])["Event"]
    with open(path, "rb") as file:
        step, row = None, []
        while len(header := file.read(12)) == 12:
            length, = struct.unpack("<Q", header[:8])
            event = event_class.FromString(file.read(length))
            file.read(4)
            for value in event.summary.value:
                if event.step != step and row:
                    yield row
                    row = []
                step = event.step
                row.append(value.simple_value)
        if row:
            yield row


def wandb():
    item = [("key", 1, "string", False), ("nested_key", 2, "string", True), ("value_json", 16, "string", False)]
    record_class = messages(Item=item, History=[("item", 1, "Item", True)], Summary=[("update", 1, "Item", True)],
                            Record=[("history", 2, "History", False), ("summary", 3, "Summary", False)])["Record"]
    with open(path, "rb") as file:
        file.read(7)
        offset, whole = 7, b""
        while True:
            left = 32768 - offset % 32768
            if left < 7:
                file.read(left)
                offset += left
            header = file.read(7)
            if len(header) < 7:
                return
            checksum, length, chunk = struct.unpack("<IHB", header)
            data = file.read(length)
            offset += 7 + length
            assert zlib.crc32(data, zlib.crc32(header[6:])) == checksum
            whole = data if chunk <= 2 else whole + data
            if chunk in (2, 3):
                continue
            record = record_class.FromString(whole)
            if record.HasField("history"):
                row = {(entry.key or ".".join(entry.nested_key)): json.loads(entry.value_json) for entry in record.history.item}
                yield [value for value in row.values() if number(value)]


def console():
    bar = re.compile(r"^\s*(?P<percent>\d+)%\|[^|]*\|\s*(?P<done>\d+)/(?P<total>\d+) \[(?P<rest>[^\]]*)\]")
    pattern = re.compile("CUDA out of memory|Killed|No space left on device|NCCL|Segmentation fault|Traceback|Xid|Bus error|nan|SIGTERM")
    step = 0
    with open(path, errors="replace", newline="") as file:
        for line in file:
            for part in line.rstrip("\n").split("\r"):
                if found := bar.match(part):
                    step = int(found["done"])
                elif part.startswith("{"):
                    row = ast.literal_eval(part)
                    yield [value for value in row.values() if number(value)]
                elif pattern.search(part):
                    pass


begin = time.process_time()
rows, total = 0, 0.0
for values in {"jsonl": jsonl, "trainer_state": trainer_state, "trainer_state_again": trainer_state_again, "tfevents": tfevents, "wandb_older": wandb, "wandb_newer": wandb, "console": console}[kind]():
    rows += 1
    for value in values:
        total += value
print(f"seconds {time.process_time() - begin:.4f} rows {rows} sum {total:.9g}")
