# SPDX-License-Identifier: MIT
"""Starts an agorad and calls it through its three protocols; knows nothing of the server's code.

Every wait here ends: sockets time out, polls have a deadline, and an alarm ends a test that hangs.
"""
import atexit
import ctypes
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import msgpack

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
SERVER = os.environ.get("AGORA_SERVER", os.path.join(ROOT, "build", "release", "bin", "agorad"))
DEADLINE_S = 10.0  # Seconds until a test stops waiting for an event that must come.
ALARM = int(os.environ.get("AGORA_TEST_ALARM", "60"))  # Seconds until a test is ended.

_running = set()


class Alarm(BaseException):
    """A test ran too long. Derives from BaseException, so that no test catches it."""


def _on_alarm(_signal, _frame):
    raise Alarm("the watchdog of tests/integration ended this test")


def _end_all():
    for server in list(_running):
        server.stop()


signal.signal(signal.SIGALRM, _on_alarm)
signal.alarm(ALARM)
atexit.register(_end_all)


def die_with_parent():
    """Called in a child before exec: the kernel kills the child when this process ends, however it ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Failure(Exception):
    """An error reply."""

    def __init__(self, code, kind, message, data):
        super().__init__(f"{kind}: {message}")
        self.code, self.kind, self.message, self.data = code, kind, message, data or {}


def until(condition, awaited="the awaited state"):
    """Polls condition() until its result is true, and returns that result."""
    end = time.monotonic() + DEADLINE_S
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"{awaited} did not come within {DEADLINE_S} s")
        select.select([], [], [], 0.003)


class Server:
    """A running agorad on a free port and a socket in a directory of its own."""

    def __init__(self, *options, stderr=None, preexec=die_with_parent):
        """Sends the log to `stderr`, by default to a file; `preexec` runs in the child before the program."""
        self.directory = tempfile.mkdtemp(prefix="agora-")
        self.unix = os.path.join(self.directory, "s")
        self.log_path = os.path.join(self.directory, "log")
        self.log = open(self.log_path, "wb")
        arguments = [SERVER, "--listen", "127.0.0.1:0", "--unix", self.unix, *options]
        self.process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self.log if stderr is None else stderr,
            preexec_fn=preexec,
        )
        _running.add(self)
        self.ready = read_line(self.process.stdout)
        found = re.fullmatch(r"ready tcp=127\.0\.0\.1:(\d+) unix=(\S+)\n", self.ready)
        if not found:
            self.stop()
            raise AssertionError(f"unexpected ready line {self.ready!r}")
        self.port = int(found.group(1))

    def connect(self, unix=False):
        """Returns a connected socket whose time-out is DEADLINE_S."""
        if unix:
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(DEADLINE_S)
            sock.connect(self.unix)
            return sock
        return socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE_S)

    def descriptors(self):
        """Returns how many descriptors the server has open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def json(self, unix=False):
        return Json(self.connect(unix))

    def typed(self, unix=False):
        return Text(self.connect(unix))

    def pack(self, unix=False):
        return Pack(self.connect(unix))

    def stop(self):
        """Ends the server, removes its directory, and returns its exit status."""
        _running.discard(self)
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(DEADLINE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
        status = self.process.wait()
        self.process.stdout.close()
        self.log.close()
        shutil.rmtree(self.directory, ignore_errors=True)
        return status


def read_line(stream):
    """Reads a line of text from a child's pipe, with a deadline."""
    line, end = b"", time.monotonic() + DEADLINE_S
    while not line.endswith(b"\n"):
        left = max(0.0, end - time.monotonic())
        if not select.select([stream], [], [], left)[0]:
            raise AssertionError(f"no line within {DEADLINE_S} s; got {line!r}")
        byte = os.read(stream.fileno(), 1)
        if not byte:
            break
        line += byte
    return line.decode()


class Text:
    """A connection of text lines: the client for typed lines, and the base of the JSON client."""

    def __init__(self, sock):
        self.sock, self.buffer = sock, b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, line):
        self.sock.sendall((line if isinstance(line, bytes) else line.encode()) + b"\n")

    def line(self):
        """Reads the next line without its line feed; returns None at end of file."""
        while b"\n" not in self.buffer:
            piece = self.sock.recv(1 << 16)
            if not piece:
                assert not self.buffer, f"end of file inside a line: {self.buffer!r}"
                return None
            self.buffer += piece
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.decode()

    def ask(self, line):
        """Sends a typed line and returns its reply of one line."""
        self.send(line)
        return self.line()

    def reply_lines(self, line, mark="no.such.method.as.a.mark"):
        """Sends a typed line and returns all lines of its reply. The server replies to typed lines in order."""
        self.send(line)
        self.send(mark)
        found = []
        while True:
            reply = self.line()
            if reply is None or mark in reply:
                return found
            found.append(reply)

    def rest(self):
        """Reads all bytes up to end of file."""
        try:
            while piece := self.sock.recv(1 << 16):
                self.buffer += piece
        except ConnectionResetError:
            pass
        whole, self.buffer = self.buffer, b""
        return whole

    def shut_down_write(self):
        self.sock.shutdown(socket.SHUT_WR)


class Json(Text):
    """JSON-RPC, one message a line."""

    def __init__(self, sock):
        super().__init__(sock)
        self.last = 0

    def start(self, method, *params, **named):
        """Sends a call and returns its id."""
        self.last += 1
        message = {"jsonrpc": "2.0", "id": self.last, "method": method}
        if params or named:
            message["params"] = list(params) if not named else named
        self.send(json.dumps(message))
        return self.last

    def message(self):
        line = self.line()
        return None if line is None else json.loads(line)

    def raw(self, line):
        """Sends a line unchanged and returns the next message, parsed."""
        self.send(line)
        return self.message()

    def finish(self, number):
        """Returns the outcome of the call with that id, whose reply must be the next message."""
        message = self.message()
        assert message is not None, "end of file instead of a reply"
        assert message["id"] == number, f"expected the reply to {number}, got {message}"
        return outcome(message)

    def call(self, method, *params, **named):
        return self.finish(self.start(method, *params, **named))


def outcome(message):
    """Returns the result in a JSON-RPC reply, or raises its error as a Failure."""
    if "error" in message:
        error = message["error"]
        data = error.get("data") or {}
        raise Failure(error["code"], data.get("type"), error["message"], data)
    return message["result"]


class Pack:
    """A client for MessagePack-RPC over python3-msgpack; it also sends raw bytes."""

    def __init__(self, sock):
        self.sock, self.last = sock, 0
        self.unpacker = msgpack.Unpacker(raw=False, strict_map_key=False, timestamp=0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, *messages):
        self.sock.sendall(
            b"".join(m if isinstance(m, bytes) else msgpack.packb(m) for m in messages)
        )

    def message(self):
        """Reads the next message; returns None at end of file."""
        while True:
            try:
                return self.unpacker.unpack()
            except msgpack.OutOfData:
                try:
                    piece = self.sock.recv(1 << 16)
                except ConnectionResetError:
                    return None
                if not piece:
                    return None
                self.unpacker.feed(piece)

    def start(self, method, *params):
        self.last += 1
        self.send([0, self.last, method, list(params)])
        return self.last

    def finish(self, number):
        message = self.message()
        assert message is not None, "end of file instead of a reply"
        kind, msgid, error, result = message
        assert (kind, msgid) == (1, number), f"expected the reply to {number}, got {message}"
        if error is not None:
            code, name, text, data = error
            raise Failure(code, name, text, data)
        return result

    def call(self, method, *params):
        return self.finish(self.start(method, *params))


class Case(unittest.TestCase):
    """A test case with one server for its class and one JSON client for each test."""

    options = ()
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.server = Server(*cls.options)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    _names = 0

    def setUp(self):
        signal.alarm(ALARM)
        self.addCleanup(self.check_server_alive)
        self.c = self.server.json()
        self.addCleanup(self.c.close)

    def check_server_alive(self):
        """Fails the test in which the server ended, and starts a new server for the next test."""
        try:
            with self.server.json(unix=True) as c:
                c.call("ping")
        except (OSError, AssertionError):
            status = self.server.process.wait(DEADLINE_S)
            with open(self.server.log_path) as file:
                log = file.read()
            self.server.stop()
            type(self).server = Server(*self.options)
            raise AssertionError(
                f"the server ended during this test with status {status}; its log:\n{log}"
            ) from None

    def new(self, kind, *args, **options):
        """Creates an object under a fresh name and returns the name."""
        Case._names += 1
        name = f"{kind}-{Case._names}"
        self.c.call("object.create", kind, name, list(args), options)
        return name

    def fails(self, kind, method, *params, client=None, done="no", **named):
        """Asserts that the call fails with that error type and that value of `done`; returns the Failure."""
        try:
            result = (client or self.c).call(method, *params, **named)
        except Failure as failure:
            self.assertEqual((failure.kind, failure.code), (kind, CODES[kind]), failure.message)
            self.assertEqual(failure.data.get("done"), done)
            self.assertEqual(failure.data.get("type"), kind)
            return failure
        self.fail(f"{method} {params} {named} gave {result!r}, not {kind}")

    def new_client(self, unix=False, kind="json"):
        client = getattr(self.server, kind)(unix)
        self.addCleanup(client.close)
        return client

    def waiters(self, name):
        """Returns the entries of server.waits about an object, in order."""
        with self.server.json(unix=True) as c:
            return [w for w in c.call("server.waits") if reference_name(w["object"]) == name]

    def await_waiters(self, name, count):
        return until(
            lambda: len(self.waiters(name)) == count and (self.waiters(name) or True),
            f"{count} waiters on {name}",
        )


def reference_name(value):
    return value["$ref"] if isinstance(value, dict) else value


CODES = {
    "ParseError": -32700,
    "InvalidRequest": -32600,
    "MethodNotFound": -32601,
    "InvalidParams": -32602,
    "InternalError": -32603,
}
CODES.update(
    {
        name: number
        for number, name in enumerate(
            "KeyError IndexError ValueError TypeError Empty Full Timeout NotFound Exists WrongType NotOwner "
            "NotLocked BrokenBarrier Deadlock OwnerDied StaleToken Conflict Cancelled ShutDown EndOfStream "
            "SessionLost SessionBacklog Unauthenticated Forbidden TooLarge OutOfMemory Overloaded Unavailable "
            "StorageFailed UserError AttributeError StopIteration RuntimeError".split(),
            1,
        )
    }
)


class Worker:
    """A process with one connection: sends the given bytes and prints all that it receives, until it is killed."""

    SOURCE = (
        "import base64,socket,sys\n"
        "a=sys.argv[1]\n"
        "s=socket.create_connection(('127.0.0.1',int(a[1:]))) if a[0]==':' else socket.socket(1)\n"
        "a[0]!=':' and s.connect(a)\n"
        "s.sendall(base64.b64decode(sys.argv[2]))\n"
        "print('sent',flush=True)\n"
        "while True:\n"
        " d=s.recv(65536)\n"
        " if not d: print('end',flush=True); sys.stdin.read(); break\n"
        " sys.stdout.buffer.write(d); sys.stdout.flush()\n"
    )

    def __init__(self, server, sent, unix=False):
        import base64

        address = server.unix if unix else f":{server.port}"
        sent = sent.encode() if isinstance(sent, str) else sent
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-S",
                "-E",
                "-c",
                self.SOURCE,
                address,
                base64.b64encode(sent).decode(),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=die_with_parent,
        )
        assert read_line(self.process.stdout) == "sent\n"

    def receive(self):
        """Returns the next line that the worker received from the server."""
        return read_line(self.process.stdout).rstrip("\n")

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(DEADLINE_S)
        self.process.stdin.close()
        self.process.stdout.close()
