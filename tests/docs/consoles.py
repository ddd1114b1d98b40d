#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Replays every ```console block of README.md and docs/**/*.md against a fresh server.

usage: consoles.py AGORAD [PAGE...]

A block is a telnet session; each block has a server of its own:

  > dict.get jobs k            a typed line, sent over the only connection of the block
  1                            its reply, line for line
  A> lock.acquire door         the same in a block with several clients: A, B ...
  B< {"token":...}             the reply to a waiting call of B, caused by another client

`...` inside a line stands for any text; a line that is only `...` for any number of lines. A line
without a reply must be a call that waits (server.stats counts it) or `quit`.
"""
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from snippets import ROOT, blocks, pages  # noqa: E402

DEADLINE_S = 20.0  # for each reply; never a measure of speed
MARK = "end-of-this-reply"


class Mismatch(Exception):
    pass


class Client:
    """One connection that sends typed lines."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, timeout=DEADLINE_S)
        self.rest = b""

    def send(self, line):
        self.socket.sendall(line.encode() + b"\n")

    def line(self):
        while b"\n" not in self.rest:
            got = self.socket.recv(65536)
            if not got:
                raise Mismatch("the server closed the connection")
            self.rest += got
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode()

    def reply(self):
        """Reads all lines up to the reply to a marker call, sent after the pending line."""
        self.send(f"dict.len {MARK}")
        lines = []
        while True:
            line = self.line()
            if line.startswith(f"NotFound: there is no object {MARK}"):
                return lines
            lines.append(line)

    def await_end(self):
        while self.socket.recv(65536):
            pass

    def close(self):
        self.socket.close()


class Session:
    """One server and its clients."""

    def __init__(self, agorad, folder):
        self.process = subprocess.Popen(
            [agorad, "--listen", "127.0.0.1:0", "--unix", f"{folder}/agora.sock",
             "--log-level", "warn"], stdout=subprocess.PIPE, text=True)
        self.clients = {}
        ready = self.process.stdout.readline()
        found = re.match(r"ready tcp=(127\.0\.0\.1):(\d+) ", ready)
        if not found:
            self.close()
            raise Mismatch(f"the server said: {ready!r}")
        self.address = (found.group(1), int(found.group(2)))
        self.watcher = self.client("the watcher")

    def client(self, name):
        if name not in self.clients:
            self.clients[name] = Client(self.address)
        return self.clients[name]

    def waiters(self):
        self.watcher.send("server.stats")
        return int(re.search(r'"waiters":(\d+)', self.watcher.line()).group(1))

    def wait_for_waiters(self, count):
        end = time.monotonic() + DEADLINE_S
        while self.waiters() < count:
            if time.monotonic() > end:
                raise Mismatch("the line has no reply on the page, but it does not wait")

    def close(self):
        for client in self.clients.values():
            client.close()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(DEADLINE_S)
        self.process.stdout.close()


def steps(block):
    """Returns [(kind, client, text, expected lines)]; kind is `>` (typed) or `<` (later reply)."""
    found = []
    for line in block.rstrip("\n").split("\n"):
        typed = re.match(r"^([A-Z]?)>(?: (.*))?$", line)
        later = re.match(r"^([A-Z])< (.*)$", line)
        if typed:
            found.append((">", typed.group(1), typed.group(2) or "", []))
        elif later:
            found.append(("<", later.group(1), later.group(2), []))
        elif found and found[-1][0] == ">":
            found[-1][3].append(line)
        else:
            raise Mismatch(f"a reply before the first typed line: {line}")
    return found


def pattern(lines):
    parts = []
    for line in lines:
        parts.append("(?:.*\n)*?" if line == "..." else
                     ".*".join(re.escape(piece) for piece in line.split("...")) + "\n")
    return re.compile("".join(parts))


def compare(typed, expected, got):
    if pattern(expected).fullmatch("".join(line + "\n" for line in got)) is None:
        raise Mismatch(f"> {typed}\npage:\n  " + "\n  ".join(expected) +
                       "\nserver:\n  " + "\n  ".join(got))


def replay(session, block):
    for kind, name, text, expected in steps(block):
        client = session.client(name)
        if kind == "<":
            compare(f"({name} waits)", [text], [client.line()])
        elif expected:
            client.send(text)
            compare(text, expected, client.reply())
        elif text == "quit":
            client.send(text)
            client.await_end()
        else:
            before = session.waiters()
            client.send(text)
            session.wait_for_waiters(before + 1)


def run(agorad, page):
    """Returns the number of blocks of a page, and their problems."""
    found = blocks(page.read_text(), "console")
    problems = []
    for line, block in found:
        with tempfile.TemporaryDirectory() as folder:
            try:
                session = Session(agorad, folder)
                try:
                    replay(session, block)
                finally:
                    session.close()
            except (Mismatch, OSError) as problem:
                problems.append(f"{page.relative_to(ROOT)}:{line}: {problem}")
    return len(found), problems


def main(arguments):
    if not arguments or not os.access(arguments[0], os.X_OK):
        sys.exit(__doc__)
    count, problems = 0, []
    for page in [pathlib.Path(name).resolve() for name in arguments[1:]] or pages():
        blocks_here, wrong = run(arguments[0], page)
        count += blocks_here
        problems += wrong
    if count == 0 and len(arguments) == 1:
        problems.append("no console block was found")
    for problem in problems:
        print(problem)
    print(f"{count} console blocks, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
