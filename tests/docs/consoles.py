#!/usr/bin/env python3
"""Types every ```console block of README.md and docs/**/*.md into a fresh server and compares.

usage: consoles.py AGORAD [PAGE...]

A block is a telnet session; each block has a server of its own:

  > dict.get jobs k            what the person types, at the one connection of the block
  1                            the answer, line for line
  A> lock.acquire door         the same in a block with several people: A, B ...
  B< {"token":...}             an answer that comes to B because of what somebody else did

`...` inside a line stands for any text; a line that is only `...` for any number of lines. A line
without an answer must be one that waits (the server says so) or `quit`.
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

PATIENCE = 20.0  # seconds for any one answer; never a measure of speed
MARK = "end-of-this-answer"


class Mismatch(Exception):
    pass


class Person:
    """One connection that types lines."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, timeout=PATIENCE)
        self.rest = b""

    def type(self, line):
        self.socket.sendall(line.encode() + b"\n")

    def line(self):
        while b"\n" not in self.rest:
            got = self.socket.recv(65536)
            if not got:
                raise Mismatch("the server closed the connection")
            self.rest += got
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode()

    def answer(self):
        """All lines up to the answer of a marker that stands behind them in line."""
        self.type(f"dict.len {MARK}")
        lines = []
        while True:
            line = self.line()
            if line.startswith(f"NotFound: there is no object {MARK}"):
                return lines
            lines.append(line)

    def ends(self):
        while self.socket.recv(65536):
            pass

    def close(self):
        self.socket.close()


class Session:
    """One server, and the people who type at it."""

    def __init__(self, agorad, folder):
        self.process = subprocess.Popen(
            [agorad, "--listen", "127.0.0.1:0", "--unix", f"{folder}/agora.sock",
             "--log-level", "warn"], stdout=subprocess.PIPE, text=True)
        self.people = {}
        ready = self.process.stdout.readline()
        found = re.match(r"ready tcp=(127\.0\.0\.1):(\d+) ", ready)
        if not found:
            self.close()
            raise Mismatch(f"the server said: {ready!r}")
        self.address = (found.group(1), int(found.group(2)))
        self.watcher = self.person("the watcher")

    def person(self, name):
        if name not in self.people:
            self.people[name] = Person(self.address)
        return self.people[name]

    def waiters(self):
        self.watcher.type("server.stats")
        return int(re.search(r'"waiters":(\d+)', self.watcher.line()).group(1))

    def wait_for_waiters(self, count):
        end = time.monotonic() + PATIENCE
        while self.waiters() < count:
            if time.monotonic() > end:
                raise Mismatch("the line has no answer on the page, but it does not wait")

    def close(self):
        for person in self.people.values():
            person.close()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)
        self.process.stdout.close()


def steps(block):
    """[(kind, person, text, expected lines)]; kind is `>` (typed) or `<` (comes by itself)."""
    found = []
    for line in block.rstrip("\n").split("\n"):
        typed = re.match(r"^([A-Z]?)>(?: (.*))?$", line)
        comes = re.match(r"^([A-Z])< (.*)$", line)
        if typed:
            found.append((">", typed.group(1), typed.group(2) or "", []))
        elif comes:
            found.append(("<", comes.group(1), comes.group(2), []))
        elif found and found[-1][0] == ">":
            found[-1][3].append(line)
        else:
            raise Mismatch(f"an answer before anything was typed: {line}")
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


def perform(session, block):
    for kind, name, text, expected in steps(block):
        person = session.person(name)
        if kind == "<":
            compare(f"({name} waits)", [text], [person.line()])
        elif expected:
            person.type(text)
            compare(text, expected, person.answer())
        elif text == "quit":
            person.type(text)
            person.ends()
        else:
            before = session.waiters()
            person.type(text)
            session.wait_for_waiters(before + 1)


def run(agorad, page):
    """The number of blocks of a page, and what is wrong with them."""
    found = blocks(page.read_text(), "console")
    problems = []
    for line, block in found:
        with tempfile.TemporaryDirectory() as folder:
            try:
                session = Session(agorad, folder)
                try:
                    perform(session, block)
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
