"""Shared by the benches of local sources: live runs of every kind as files, a redflagd that follows them, and a webhook that alerts come to."""
import json
import os
import pathlib
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "local"))
from protobuf_writer import number, text

# ---- formats, each by its own description ----


def crc32c_table():
    for index in range(256):
        for _ in range(8):
            index = index >> 1 ^ (0x82F63B78 if index & 1 else 0)
        yield index


CRC32C = list(crc32c_table())


def masked_crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC32C[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def tf_record(data):
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc32c(length)) + data + struct.pack("<I", masked_crc32c(data))


def tf_event(step, tag, value):
    summary = text(1, text(1, tag) + b"\x15" + struct.pack("<f", value))
    return tf_record(b"\x09" + struct.pack("<d", time.time()) + number(2, step) + text(5, summary))


class WandbBlocks:
    """The bytes of a run file as the SDK's datastore lays them out."""
    BLOCK = 32768

    def __init__(self):
        self.at, self.head = 7, b":W&B" + bytes([0xE1, 0xBE, 0])

    def record(self, data):
        out, self.head, first = self.head, b"", True
        while True:
            left = self.BLOCK - self.at % self.BLOCK
            if left < 7:
                out += bytes(left)
                self.at += left
                left = self.BLOCK
            here = min(len(data), left - 7)
            last = here == len(data)
            kind = bytes([(1 if last else 2) if first else (4 if last else 3)])
            out += struct.pack("<IH", zlib.crc32(kind + data[:here]), here) + kind + data[:here]
            self.at += 7 + here
            if last:
                return out
            data, first = data[here:], False

    def left(self):
        return self.BLOCK - self.at % self.BLOCK


# ---- runs ----


def logged(step, number, loss=None):
    """What a healthy training would log; the curves of two runs differ."""
    wobble = ((step * 7919 + number * 104729) % 1000) / 1000
    return {
        "loss": 0.4 + 2.0 / (1 + step / 400) + 0.15 * wobble if loss is None else loss,
        "grad_norm": 1.0 + 0.3 * wobble,
        "learning_rate": 2e-5,
    }


def prefixed(name):
    """As HF Trainer's callbacks name a metric for W&B and TensorBoard."""
    return "eval/" + name[len("eval_"):] if name.startswith("eval_") else "train/" + name


class Run:
    """One run's files. begin() makes them with a few healthy rows; row() logs one more; each is one write."""
    logged = staticmethod(logged)  # what is in a row

    def __init__(self, root, number):
        self.number, self.step, self.name = number, 0, f"{self.kind}{number:04d}"
        self.root = pathlib.Path(root)

    def begin(self):
        self.open()
        for _ in range(3):
            self.row()

    def row(self, loss=None):
        self.step += 10
        data = self.encoded(self.logged(self.step, self.number, loss))
        os.write(self.file, data)
        return time.monotonic()

    def open_file(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def end(self):
        os.close(self.file)


class Console(Run):
    kind = "console"

    def open(self):
        self.open_file(self.root / "console" / f"{self.name}.log")

    def encoded(self, row):
        words = " | ".join(f"{name} {value:.5g}" for name, value in row.items())
        return f"step {self.step} | {words}\n".encode()


class ConsoleError(Console):
    """The line that a script prints when it is out of GPU memory; rows as of Console."""
    kind = "error"

    def encoded(self, row):
        if row["loss"] != row["loss"]:
            return b"torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 23.69 GiB total capacity)\n"
        return super().encoded(row)


class TrainerLog(Run):
    kind = "jsonl"

    def open(self):
        self.open_file(self.root / "out" / self.name / "trainer_log.jsonl")

    def encoded(self, row):
        return (json.dumps({"current_steps": self.step, "total_steps": 100000, **row}) + "\n").encode()


class TrainerState(Run):
    """Written anew with each checkpoint, in a directory of its own."""
    kind = "state"

    def open(self):
        self.history = []

    def row(self, loss=None):
        self.step += 10
        self.history.append({"step": self.step, "epoch": self.step / 1000, **self.logged(self.step, self.number, loss)})
        return self.save()

    def save(self):
        path = self.root / "out" / self.name / f"checkpoint-{self.step}" / "trainer_state.json"
        path.parent.mkdir(parents=True)
        text = json.dumps({"global_step": self.step, "max_steps": 100000, "log_history": self.history}, indent=2).encode()
        time.sleep(0.05)  # a checkpoint's tensors are written before
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.write(file, text)
        done = time.monotonic()
        os.close(file)
        return done

    def end(self):
        pass


class Tensorboard(Run):
    """SummaryWriter: an event for each scalar; those of a row come in one write, at its flush()."""
    kind = "tfevents"

    def open(self):
        self.open_file(self.root / "out" / self.name / "events.out.tfevents.1790000000.host.1.0")
        os.write(self.file, tf_record(b"\x09" + struct.pack("<d", time.time()) + text(3, "brain.Event:2")))

    def encoded(self, row):
        return b"".join(tf_event(self.step, prefixed(name), value) for name, value in row.items())


class Wandb(Run):
    """A row at a time, as the older SDK writes."""
    kind = "wandb"

    def open(self):
        directory = self.root / "wandb" / f"run-20261123_025156-{self.name}"
        self.open_file(directory / f"run-{self.name}.wandb")
        self.blocks = WandbBlocks()
        run = text(1, self.name) + text(2, "ent") + text(3, "proj") + text(8, self.name) + text(17, number(1, int(time.time())))
        os.write(self.file, self.blocks.record(text(17, run)))

    def record(self, row):
        items = {"_step": self.step, "_timestamp": time.time(), **{prefixed(name): value for name, value in row.items()}}
        return text(2, b"".join(text(1, text(1, name) + text(16, json.dumps(value))) for name, value in items.items()))

    def encoded(self, row):
        return self.blocks.record(self.record(row))


class WandbBlock(Wandb):
    """Whole blocks of 32 KiB, as the newer SDK writes: many rows in one write, and the last one cut."""
    kind = "block"
    rest = b""

    def encoded(self, row):
        told, out, block = row["loss"], self.rest, self.blocks.left()
        begin = self.blocks.at - len(self.rest)
        size = block + len(self.rest) if self.rest else block
        while self.blocks.left() > 600:
            self.step += 1
            out += self.blocks.record(self.record(logged(self.step, self.number)))
        self.step += 1
        out += self.blocks.record(self.record({**logged(self.step, self.number), "loss": told}))
        while self.blocks.at // WandbBlocks.BLOCK == begin // WandbBlocks.BLOCK:
            self.step += 1
            out += self.blocks.record(self.record(logged(self.step, self.number)))
        cut = len(out) - self.blocks.at % WandbBlocks.BLOCK
        self.rest = out[cut:]
        return out[:cut]


class UnixConnection:

    def __init__(self, path):
        self.link = socket.socket(socket.AF_UNIX)
        self.link.settimeout(10)
        self.link.connect(str(path))

    def post(self, body):
        """When the request was written."""
        self.link.sendall(b"POST /v1/observations HTTP/1.1\r\nHost: redflag\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        written = time.monotonic()
        answer = b""
        while part := self.link.recv(65536):
            answer += part
        self.link.close()
        if b'"accepted":1' not in answer.replace(b" ", b""):
            raise SystemExit(f"a pushed line was not accepted: {answer[:300]!r}")
        return written


class Push(Run):
    kind = "push"
    socket_path = None  # of the daemon

    def open(self):
        pass

    def row(self, loss=None):
        self.step += 10
        line = {"run": self.name, "step": self.step, "time": time.time(), "metrics": logged(self.step, self.number, loss)}
        return UnixConnection(self.socket_path).post(json.dumps(line).encode())

    def end(self):
        pass


LIVE = (Console, TrainerLog, Tensorboard, Wandb)  # kinds that a line at a time goes to


# ---- the daemon and its sink ----


class Sink:
    """A webhook on loopback: notes when each alert has arrived."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Condition()
        self.arrived = {}  # (run's name or subject, rule): when
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            link, _ = self.listener.accept()
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(link,), daemon=True).start()

    def serve(self, link):
        waiting = b""
        while True:
            while b"\r\n\r\n" not in waiting:
                if not (part := link.recv(65536)):
                    return
                waiting += part
            head, body = waiting.split(b"\r\n\r\n", 1)
            length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
            while len(body) < length:
                body += link.recv(65536)
            now = time.monotonic()
            link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            waiting = body[length:]
            message = json.loads(body[:length])
            with self.lock:
                for alert in message["alerts"]:
                    self.arrived.setdefault(((message.get("run") or {}).get("name", ""), alert["rule"]), now)
                self.lock.notify_all()

    def when(self, run, rule, patience):
        """None: it did not come."""
        with self.lock:
            self.lock.wait_for(lambda: self.key(run, rule) is not None, patience)
            key = self.key(run, rule)
            return None if key is None else self.arrived[key]

    def key(self, run, rule):
        """A file's run is called by its last names (out/state0001, console/error0001.log)."""
        return next((key for key in self.arrived if key[1] == rule and run in key[0]), None)


class Daemon:
    """redflagd on a scratch directory; `sink`: where alerts from `least` on go, at once (alerts.group_wait: 0s)."""

    def __init__(self, program, scratch, sink, least="critical", host=False):
        self.scratch = pathlib.Path(scratch)
        self.runs = self.scratch / "runs"
        (self.runs / "console").mkdir(parents=True, exist_ok=True)
        state = self.scratch / "state"
        state.mkdir(exist_ok=True)
        self.socket = state / "redflag.sock"
        receivers = f"[{{type: webhook, url: 'http://127.0.0.1:{sink.port}/', min_severity: {least}}}]"
        config = self.scratch / "redflag.yaml"
        config.write_text(f"""wandb: {{enabled: false}}
host: {{enabled: {str(host).lower()}}}
local:
  enabled: true
  directories: [{self.runs}]
  logs: ['{self.runs}/console/*.log']
alerts: {{group_wait: 0s, receivers: {receivers}}}
store: {{state_directory: {state}}}
api: {{socket: {self.socket}}}
log: {{file: {self.scratch}/log}}
""")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("WANDB_", "REDFLAG_"))}
        self.process = subprocess.Popen([str(program), "--config", str(config)], env=environment)
        end = time.monotonic() + 10
        while not self.socket.exists():
            if time.monotonic() > end or self.process.poll() is not None:
                raise SystemExit(f"redflagd did not start; see {self.scratch}/log")
            time.sleep(0.02)

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self):
        with open(f"/proc/{self.process.pid}/status") as file:
            return {line.split(":")[0]: int(line.split()[1]) / 1024 for line in file if line.startswith(("VmRSS", "VmHWM"))}

    def stop(self):
        self.process.terminate()
        if self.process.wait(30) != 0:
            raise SystemExit(f"redflagd ended with {self.process.returncode}; see {self.scratch}/log")


def write_lines(root, count, per_second, seconds):
    """`count` live runs of mixed kinds, each a line so often, spread evenly over time; for a process of its own."""
    runs = [LIVE[number % len(LIVE)](root, 5000 + number) for number in range(count)]
    for run in runs:
        run.begin()
    begin, lines = time.monotonic(), 0
    while True:
        due = begin + lines / (count * per_second)
        if due > begin + seconds:
            break
        if (rest := due - time.monotonic()) > 0:
            time.sleep(rest)
        runs[lines % count].row()
        lines += 1
    return lines
