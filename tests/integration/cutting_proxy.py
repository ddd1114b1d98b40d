# SPDX-License-Identifier: MIT
"""A proxy that breaks connections after a chosen number of bytes, and a client that resumes and resends."""
import select
import socket
import threading

import msgpack

from harness import DEADLINE_S, Failure

FOREVER = 1 << 60


class CuttingProxy:
    """Relays connections to the server; each breaks once its budget of bytes in one direction is spent.

    For each connection `budgets()` returns (bytes to the server, bytes to the client). The bytes beyond a budget
    are lost, in the other direction too: the proxy closes both sides at that moment.
    """

    def __init__(self, connect, budgets):
        self.connect, self.budgets = connect, budgets
        self.cuts, self.passed = 0, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.wake, self._end = socket.socketpair()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def close(self):
        self._end.close()
        self.thread.join(DEADLINE_S)
        self.listener.close()
        self.wake.close()

    def _run(self):
        while True:
            ready = select.select([self.listener, self.wake], [], [])[0]
            if self.wake in ready:
                return
            client, _ = self.listener.accept()
            server = self.connect()
            for sock in (client, server):
                if sock.family == socket.AF_INET:
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                self._relay(client, server, list(self.budgets()))
            except OSError:
                pass
            finally:
                client.close()
                server.close()

    def _relay(self, client, server, left):
        """Relays one connection until either side or the budget ends it."""
        passed = [0, 0]
        self.passed.append(passed)
        while True:
            ready = select.select([client, server, self.wake], [], [])[0]
            if self.wake in ready:
                return
            for direction, (source, sink) in enumerate(((client, server), (server, client))):
                if source not in ready:
                    continue
                data = source.recv(1 << 16)
                if not data:
                    return
                sink.sendall(data[: left[direction]])
                passed[direction] += min(len(data), left[direction])
                left[direction] -= len(data)
                if left[direction] <= 0:
                    self.cuts += 1
                    return


class ExactlyOnce:
    """A MessagePack client with one session: it resumes after a disconnect and resends the unanswered calls."""

    def __init__(self, port):
        self.port = port
        self.sock = None
        self.session = None
        self.number = 0
        self.unanswered = {}  # number -> the bytes of the call, in the order of numbers.
        self.results = {}
        self.resumed = 0

    def close(self):
        if self.sock:
            self.sock.close()

    def call(self, method, *params):
        return self.run([(method, params)])[0]

    def run(self, calls):
        """Sends several calls in one write; returns their results in order, however often the connection breaks."""
        numbers = []
        for method, params in calls:
            self.number += 1
            numbers.append(self.number)
            self.unanswered[self.number] = msgpack.packb([0, self.number, method, list(params)])
        fresh = self._acknowledgement() + b"".join(self.unanswered[n] for n in numbers)
        while self.unanswered:
            try:
                if self.sock is None:
                    self._connect()
                    fresh = self._acknowledgement() + b"".join(self.unanswered.values())
                self.sock.sendall(fresh)
                fresh = b""
                while self.unanswered:
                    self._receive()
            except TimeoutError:
                raise AssertionError(f"no reply to {list(self.unanswered)}") from None
            except (OSError, EOFError):
                self.close()
                self.sock = None
        done = [self.results.pop(n) for n in numbers]
        for result in done:
            if isinstance(result, Failure):
                raise result
        return done

    def _connect(self):
        self.sock = socket.create_connection(("127.0.0.1", self.port), DEADLINE_S)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.unpacker = msgpack.Unpacker(raw=False, strict_map_key=False)
        opening = ["session.open", [60]] if self.session is None else ["session.resume", self.session]
        self.sock.sendall(msgpack.packb([0, 0, *opening]))
        message = self._message()
        if message[2] is not None:
            raise Failure(*message[2])
        if self.session is None:
            self.session = [message[3]["session"], message[3]["token"]]
        else:
            self.resumed += 1

    def _message(self):
        while True:
            try:
                return self.unpacker.unpack()
            except msgpack.OutOfData:
                data = self.sock.recv(1 << 16)
                if not data:
                    raise EOFError from None
                self.unpacker.feed(data)

    def _receive(self):
        _, number, error, result = self._message()
        if self.unanswered.pop(number, None) is None:
            raise AssertionError(f"a second reply to call {number}")
        self.results[number] = result if error is None else Failure(*error)

    def _acknowledgement(self):
        """Returns the acknowledgement that goes before each write: all calls below the first unanswered one."""
        through = min(self.unanswered) - 1
        return msgpack.packb([2, "session.acknowledge", [through]]) if through else b""
