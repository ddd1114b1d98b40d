# SPDX-License-Identifier: MIT
"""Opened sessions: a client that may disconnect and resume, and processes that hold a session until they are killed.

Calls before `session.open` or `session.resume` carry no number, so those two calls have an id outside the numbering.
"""
import functools
import json
import os
import signal
import subprocess
import sys

from harness import DEADLINE_S, Case, Failure, die_with_parent, outcome, read_line, until

TRANSPORTS = [(unix, kind) for unix in (False, True) for kind in ("json", "pack")]


def request(number, method, params):
    """Returns a JSON call, or a notification if number is None."""
    message = {"jsonrpc": "2.0", "method": method, "params": list(params)}
    if number is not None:
        message["id"] = number
    return message


class Opened:
    """A session over JSON or MessagePack, over TCP or a Unix socket; it outlives its connections."""

    def __init__(self, server, unix=False, kind="json", opening=()):
        self.server, self.unix, self.kind = server, unix, kind
        self.number = 0  # The last number given to a call.
        self.sent = {}  # number -> (method, params), for resends.
        self.replies = {}  # number -> the reply, until finish() takes it.
        self.notices = []  # The parameters of all notices, in order of arrival.
        self.connect()
        self.opened = self.unnumbered_call("session.open", *opening)
        self.session, self.token = self.opened["session"], self.opened["token"]

    def connect(self):
        self.client = getattr(self.server, self.kind)(self.unix)

    def unnumbered_call(self, method, *params):
        """Makes a call outside the session's numbering: `session.open` or `session.resume`."""
        number = "bare" if self.kind == "json" else 0
        self.transmit(number, method, params)
        while number not in self.replies:
            self.receive()
        return self.result_of(self.replies.pop(number))

    def transmit(self, number, method, params):
        if self.kind == "json":
            self.client.send(json.dumps(request(number, method, params)))
        elif number is None:
            self.client.send([2, method, list(params)])
        else:
            self.client.send([0, number, method, list(params)])

    def notify(self, method, *params):
        self.transmit(None, method, params)

    def start(self, method, *params):
        """Sends a call and returns its number."""
        self.number += 1
        self.sent[self.number] = (method, params)
        self.transmit(self.number, method, params)
        return self.number

    def resend(self, number):
        self.transmit(number, *self.sent[number])

    def receive(self):
        """Receives one message: a reply or a notice."""
        message = self.client.message()
        if message is None:
            raise EOFError("end of file instead of a message")
        if self.kind == "json":
            if message.get("method") == "notice":
                self.notices.append(message["params"])
            else:
                self.replies[message.get("id")] = message
        elif message[0] == 2:
            assert message[1] == "notice", message
            self.notices.append(message[2][0])
        else:
            self.replies[message[1]] = message

    def result_of(self, message):
        if self.kind == "json":
            return outcome(message)
        if message[2] is not None:
            raise Failure(*message[2])
        return message[3]

    def finish(self, number):
        """Returns the outcome of that call; keeps other replies and notices that arrive before it."""
        while number not in self.replies:
            self.receive()
        return self.result_of(self.replies.pop(number))

    def call(self, method, *params):
        return self.finish(self.start(method, *params))

    def retry(self, number):
        """Sends that call again and returns its outcome."""
        self.resend(number)
        return self.finish(number)

    def next_notice(self):
        """Returns the next notice, in order of arrival."""
        while not self.notices:
            self.receive()
        return self.notices.pop(0)

    def cut(self):
        """Closes the connection. The process lives, so the session does too."""
        self.client.close()

    def resume(self, session=None, token=None):
        """Resumes this session over a new connection. Does not close the old one."""
        self.connect()
        return self.unnumbered_call("session.resume", session or self.session, token or self.token)

    def close(self):
        self.client.close()


class Agent:
    """A process with one connection that sends the lines of its standard input, and prints all that it receives.

    Given parameters for `session.open`, it opens a session and sends heartbeats, as a library would.
    """

    SOURCE = r"""
import json, os, select, socket, sys
address, opening = sys.argv[1], json.loads(sys.argv[2])
def connect():
    if address[0] == ':':
        return socket.create_connection(('127.0.0.1', int(address[1:])))
    s = socket.socket(socket.AF_UNIX)
    s.connect(address)
    return s
s, lines_in = connect(), b''
if opening is not None:
    s.sendall(json.dumps({'id': 'open', 'method': 'session.open', 'params': opening}).encode() + b'\n')
while True:
    for ready in select.select([s, 0], [], [], 0.2)[0] or [None]:
        if ready is None and opening is not None:
            s.sendall(b'{"method":"session.ping"}\n')
        elif ready == 0:
            lines_in += os.read(0, 1 << 16)
            *lines, lines_in = lines_in.split(b'\n')
            for line in lines:
                if line == b'reconnect':
                    s, opening = connect(), None
                elif line == b'sync':
                    os.write(1, b'"sync"\n')
                elif line == b'fork':
                    child = os.fork()
                    if child == 0:
                        select.select([], [], [], 60)
                        os._exit(0)
                    os.write(1, b'%d\n' % child)
                else:
                    s.sendall(line + b'\n')
        elif ready is s:
            try:
                received = s.recv(1 << 16)
            except ConnectionError:
                received = b''
            if not received:
                os.write(1, b'"end"\n')
                silent = socket.socketpair()
                s, opening = silent[0], None
            os.write(1, received)
"""

    def __init__(self, server, unix=False, opening=None):
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-S",
                "-E",
                "-c",
                self.SOURCE,
                server.unix if unix else f":{server.port}",
                json.dumps(opening),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=die_with_parent,
        )
        self.number = 0
        self.child = None
        self.opened = outcome(self.receive()) if opening is not None else None

    def send_line(self, line):
        """Makes the process send that line. The lines `reconnect`, `fork` and `sync` are commands instead."""
        os.write(self.process.stdin.fileno(), line.encode() + b"\n")

    def start(self, method, *params):
        self.number += 1
        self.send_line(json.dumps(request(self.number, method, params)))
        return self.number

    def receive(self):
        """Returns the next message that the process received; "end" at the end of its connection."""
        return json.loads(read_line(self.process.stdout))

    def finish(self, number):
        message = self.receive()
        assert message != "end", "end of file instead of a reply"
        assert message["id"] == number, f"expected the reply to {number}, got {message}"
        return outcome(message)

    def call(self, method, *params):
        return self.finish(self.start(method, *params))

    def await_sent(self):
        """Returns once the process has written all lines to its socket."""
        self.send_line("sync")
        message = self.receive()
        assert message == "sync", message

    def fork(self):
        """Makes the process fork a child that inherits all its descriptors and lives on."""
        self.send_line("fork")
        self.child = self.receive()

    def stop(self):
        self.process.send_signal(signal.SIGSTOP)

    def cont(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        """Kills the process. A child of it lives until close()."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(DEADLINE_S)

    def close(self):
        self.kill()
        if self.child:
            os.kill(self.child, signal.SIGKILL)
            self.child = None
        self.process.stdin.close()
        self.process.stdout.close()


def each_transport(test):
    """Runs a test over TCP and over the Unix socket, in JSON and in MessagePack."""

    @functools.wraps(test)
    def run(self):
        for unix, kind in TRANSPORTS:
            with self.subTest(unix=unix, kind=kind):
                test(self, unix, kind)

    return run


def each_protocol(test):
    @functools.wraps(test)
    def run(self):
        for kind in ("json", "pack"):
            with self.subTest(kind=kind):
                test(self, kind)

    return run


class SessionCase(Case):
    def opened(self, unix=False, kind="json", opening=()):
        session = Opened(self.server, unix, kind, opening)
        self.addCleanup(session.close)
        return session

    def agent(self, unix=False, opening=None):
        agent = Agent(self.server, unix, opening)
        self.addCleanup(agent.close)
        return agent

    def assert_call_fails(self, call, kind, done="no"):
        """Asserts that call() fails with that error type; returns the Failure."""
        with self.assertRaises(Failure) as caught:
            call()
        failure = caught.exception
        self.assertEqual(failure.data["type"], kind, failure)
        if done is not None:
            self.assertEqual(failure.data["done"], done, failure)
        return failure

    def refused(self, session, number, reason=None):
        """Asserts that a resend of that call is an invalid request."""
        session.resend(number)
        while not ({number, None} & set(session.replies)):
            session.receive()
        key = number if number in session.replies else None
        with self.assertRaises(Failure) as caught:
            session.result_of(session.replies.pop(key))
        self.assertEqual(caught.exception.code, -32600, caught.exception)
        self.assertEqual(caught.exception.data["type"], "InvalidRequest")
        if reason:
            self.assertEqual(caught.exception.data["reason"], reason)
            self.assertEqual(caught.exception.data["done"], "unknown")

    def session_exists(self, session):
        return session.session in [s["id"] for s in self.c.call("server.sessions")]

    def await_session_end(self, session):
        until(lambda: not self.session_exists(session), "the end of the session")
