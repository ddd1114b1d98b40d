"""Opened sessions: a client whose connections may be cut, and processes that hold one until they are killed.

Calls made before `session.open` or `session.resume` carry no number, so those two go under an id of their own.
"""
import functools
import json
import os
import signal
import subprocess
import sys

from harness import PATIENCE, Case, Failure, die_with_parent, outcome, read_line, until

WAYS = [(unix, kind) for unix in (False, True) for kind in ("json", "pack")]


def request(number, method, params):
    """A JSON call, or a notification if number is None."""
    message = {"jsonrpc": "2.0", "method": method, "params": list(params)}
    if number is not None:
        message["id"] = number
    return message


class Opened:
    """A session over JSON or MessagePack, over TCP or a Unix socket; it outlives its connections."""

    def __init__(self, server, unix=False, kind="json", opening=()):
        self.server, self.unix, self.kind = server, unix, kind
        self.number = 0  # The last number given to a call.
        self.sent = {}  # number -> (method, params), to send again.
        self.replies = {}  # number -> the reply as it came, until somebody asks for it.
        self.notices = []  # The parameters of all notices, in the order of arrival.
        self.connect()
        self.opened = self.bare("session.open", *opening)
        self.session, self.token = self.opened["session"], self.opened["token"]

    def connect(self):
        self.client = getattr(self.server, self.kind)(self.unix)

    def bare(self, method, *params):
        """A call outside the session's numbering: only `session.open` and `session.resume`."""
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
        """Sends a call and gives its number."""
        self.number += 1
        self.sent[self.number] = (method, params)
        self.transmit(self.number, method, params)
        return self.number

    def resend(self, number):
        self.transmit(number, *self.sent[number])

    def receive(self):
        """Takes one message in: a reply or a notice."""
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
        """The outcome of that call; other replies and notices that come before it are kept."""
        while number not in self.replies:
            self.receive()
        return self.result_of(self.replies.pop(number))

    def call(self, method, *params):
        return self.finish(self.start(method, *params))

    def again(self, number):
        """Sends that call again and gives the outcome."""
        self.resend(number)
        return self.finish(number)

    def next_notice(self):
        """The next notice, in order."""
        while not self.notices:
            self.receive()
        return self.notices.pop(0)

    def cut(self):
        """Breaks the connection; the process lives, so the session does too."""
        self.client.close()

    def resume(self, session=None, token=None):
        """A new connection for this session. The old one is left as it is."""
        self.connect()
        return self.bare("session.resume", session or self.session, token or self.token)

    def close(self):
        self.client.close()


class Agent:
    """A process with one connection that relays the lines which it is told, and prints what it hears.

    It opens a session if given its parameters, and pings as a library would, so it lives until it is ended.
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
s, told = connect(), b''
if opening is not None:
    s.sendall(json.dumps({'id': 'open', 'method': 'session.open', 'params': opening}).encode() + b'\n')
while True:
    for ready in select.select([s, 0], [], [], 0.2)[0] or [None]:
        if ready is None and opening is not None:
            s.sendall(b'{"method":"session.ping"}\n')
        elif ready == 0:
            told += os.read(0, 1 << 16)
            *lines, told = told.split(b'\n')
            for line in lines:
                if line == b'reconnect':
                    s, opening = connect(), None
                elif line == b'said':
                    os.write(1, b'"said"\n')
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
                heard = s.recv(1 << 16)
            except ConnectionError:
                heard = b''
            if not heard:
                os.write(1, b'"end"\n')
                silent = socket.socketpair()
                s, opening = silent[0], None
            os.write(1, heard)
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
        self.opened = outcome(self.heard()) if opening is not None else None

    def tell(self, line):
        """Has the process send that line (or `reconnect`, `fork`, `said`); it does so once it runs."""
        os.write(self.process.stdin.fileno(), line.encode() + b"\n")

    def start(self, method, *params):
        self.number += 1
        self.tell(json.dumps(request(self.number, method, params)))
        return self.number

    def heard(self):
        """The next message that the process got; "end" at the end of its connection."""
        return json.loads(read_line(self.process.stdout))

    def finish(self, number):
        message = self.heard()
        assert message != "end", "end of file instead of a reply"
        assert message["id"] == number, f"expected the reply to {number}, got {message}"
        return outcome(message)

    def call(self, method, *params):
        return self.finish(self.start(method, *params))

    def await_sent(self):
        """Returns once all that the process was told to send is in its socket."""
        self.tell("said")
        message = self.heard()
        assert message == "said", message

    def fork(self):
        """Gives the process a child that lives on with all its descriptors."""
        self.tell("fork")
        self.child = self.heard()

    def stop(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        """Ends the process at once; a child of it lives until close()."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE)

    def close(self):
        self.kill()
        if self.child:
            os.kill(self.child, signal.SIGKILL)
            self.child = None
        self.process.stdin.close()
        self.process.stdout.close()


def each_way(test):
    """Runs a test over TCP and over the Unix socket, in JSON and in MessagePack."""

    @functools.wraps(test)
    def run(self):
        for unix, kind in WAYS:
            with self.subTest(unix=unix, kind=kind):
                test(self, unix, kind)

    return run


def each_kind(test):
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

    def lost(self, what, kind, done="no"):
        """what() fails with that type; gives the Failure."""
        with self.assertRaises(Failure) as caught:
            what()
        failure = caught.exception
        self.assertEqual(failure.data["type"], kind, failure)
        if done is not None:
            self.assertEqual(failure.data["done"], done, failure)
        return failure

    def refused(self, session, number, reason=None):
        """Sending that call again is an invalid request."""
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

    def is_there(self, session):
        return session.session in [s["id"] for s in self.c.call("server.sessions")]

    def await_end(self, session):
        until(lambda: not self.is_there(session), "the end of the session")
