# SPDX-License-Identifier: MIT
"""Each kind of memory that a client can make grow, filled by itself under a cap of 64 MiB (docs/internals/memory.md).

The server's resident memory stays under 1.25 times the cap, 32 MiB and one largest message; the call is refused with
the right error; other sessions go on; and everything goes back afterwards.
"""
import json
import socket
import unittest

from harness import Case, Failure, Json, Server, until
from test_host import NOT_SANITIZED

MIB = 1 << 20
CAP = 64 * MIB
FRAME = 64 * MIB
RSS_MAX = CAP * 5 // 4 + 32 * MIB + FRAME


def resident(server):
    with open(f"/proc/{server.process.pid}/status") as file:
        for line in file:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return 0


@NOT_SANITIZED
class MemoryKinds(Case):
    options = ("--memory-max", "64mb")

    def setUp(self):
        # Each kind begins with a server of its own: what a test leaves after a failure is no part of the next one.
        self.server.stop()
        type(self).server = Server(*self.options)
        super().setUp()
        self.left = []
        self.other = self.new_client()
        self.guard = self.new("lock", local=False)
        self.count = self.new("counter")
        self.before = self.other.call("server.stats")
        self.peak = 0

    def note_peak(self):
        self.peak = max(self.peak, resident(self.server))

    def client(self):
        client = Json(self.server.connect())
        self.left.append(client)
        return client

    def opened(self):
        client = self.client()
        client.call("session.open", 3600)
        client.last = 1000
        return client

    def fill(self, call, most, *errors):
        """Calls call(i) until it is refused; returns the error's type. None if it never is."""
        for i in range(most):
            try:
                call(i)
            except Failure as failure:
                self.note_peak()
                self.assertIn(failure.kind, errors)
                self.assertEqual(failure.data["done"], "no")
                return failure.kind
            if i % 16 == 0:
                self.note_peak()
        self.note_peak()
        return None

    def batches(self, client, method, params_of, count, size=500):
        """Sends calls in batches until one is refused; returns the refusal's type."""
        for begin in range(0, count, size):
            calls = [
                {"id": i, "method": method, "params": params_of(i)} for i in range(begin, begin + size)
            ]
            client.send(json.dumps(calls))
            replies = client.message()
            self.note_peak()
            for reply in replies:
                if "error" in reply:
                    return reply["error"]["data"]["type"]
        return None

    def others_go_on(self):
        self.note_peak()
        self.assertLess(self.peak, RSS_MAX, f"{self.peak // MIB} MiB")
        self.assertEqual(self.other.call("ping"), "pong")
        self.other.call("counter.add", self.count)
        self.assertTrue(self.other.call("lock.acquire", self.guard)["token"])
        self.other.call("lock.release", self.guard)

    def goes_back(self, *names):
        """Ends all clients of the test, deletes its objects, and awaits the memory of before."""
        for client in self.left:
            client.close()
        for name in names:
            self.other.call("object.delete", name)
        listed = [s["id"] for s in self.admin("server.sessions") if s["client"] == ""]
        own = {self.session_of(c) for c in (self.other, self.c)}
        for session in listed:
            if session not in own:
                try:
                    self.admin("server.end_session", session)
                except Failure as failure:
                    self.assertEqual(failure.kind, "SessionLost")

        def is_back():
            now = self.other.call("server.stats")
            return (
                now["bytes_used"] <= self.before["bytes_used"] + 5 * MIB
                and now["objects"] == self.before["objects"]
                and now["waiters"] == 0
            )

        until(is_back, "the memory of before")

    def admin(self, method, *params):
        with self.server.json(unix=True) as c:
            return c.call(method, *params)

    def session_of(self, client):
        """Returns the id of the client's session, through a lock that it holds for a moment."""
        client.call("lock.acquire", self.guard)
        holder = client.call("lock.holder", self.guard)
        client.call("lock.release", self.guard)
        return holder["session"]

    # ---- content and objects ---------------------------------------------------------------

    def test_content(self):
        name = self.new("dict")
        refused = self.fill(
            lambda i: self.c.call("dict.set", name, i, "x" * MIB), 100, "OutOfMemory"
        )
        self.assertEqual(refused, "OutOfMemory")
        self.others_go_on()
        self.goes_back(name)

    def test_names_of_objects(self):
        client = self.client()
        refused = self.batches(
            client,
            "object.create",
            lambda i: ["counter", "%0500d" % i, [], {"ephemeral": True}],
            100_000,
        )
        self.assertEqual(refused, "OutOfMemory")
        self.others_go_on()
        self.goes_back()

    def test_items_of_waiting_puts(self):
        name = self.new("queue", maxsize=1)
        self.c.call("queue.put", name, 0)
        client = self.client()
        for _ in range(100):
            client.start("queue.put", name, "x" * MIB)
        self.await_refusal(client, "OutOfMemory")
        self.others_go_on()
        self.goes_back(name)

    def await_refusal(self, client, *kinds):
        """Reads messages until one is an error of these types."""
        while True:
            message = client.message()
            self.note_peak()
            if "error" in message:
                self.assertIn(message["error"]["data"]["type"], kinds)
                return

    # ---- waits and grants ------------------------------------------------------------------

    def test_awaited_keys(self):
        name = self.new("dict")
        client = self.client()
        for i in range(40):
            client.start("dict.wait_for", name, "%08d" % i + "k" * (4 * MIB))
            self.note_peak()
        self.await_refusal(client, "OutOfMemory")
        self.others_go_on()
        self.goes_back(name)

    def test_waits_and_their_owners(self):
        name = self.new("rwlock")
        self.c.call("rwlock.acquire_write", name)
        client = self.client()
        for begin in range(0, 60_000, 1000):
            lines = [
                json.dumps(
                    {
                        "id": i,
                        "method": "rwlock.acquire_write",
                        "params": {"name": name, "owner": "%0500d" % i},
                    }
                )
                for i in range(begin, begin + 1000)
            ]
            client.send("\n".join(lines))
            self.note_peak()
        self.await_refusal(client, "OutOfMemory")
        self.others_go_on()
        page = self.admin("server.waits", "list", None, 10)
        self.assertEqual(len(page), 10)
        further = self.admin("server.waits", "list", page[-1]["number"], 10)
        self.assertGreater(further[0]["number"], page[-1]["number"])
        self.goes_back(name)

    def test_grants_of_a_lock(self):
        name = self.new("rwlock")
        client = self.client()
        refused = self.batches(
            client,
            "rwlock.acquire_read",
            lambda i: {"name": name, "owner": "%0500d" % i},
            150_000,
            1000,
        )
        self.assertEqual(refused, "OutOfMemory")
        self.others_go_on()
        [lock] = [each for each in self.admin("server.locks") if each["name"] == name]
        self.assertEqual(len(lock["holders"]), 101)
        self.assertGreater(lock["holders"][100]["more"], 10_000)
        self.goes_back(name)

    # ---- sessions --------------------------------------------------------------------------

    def test_kept_replies(self):
        name = self.new("dict")
        self.c.call("dict.set", name, "k", "x" * 12_000)
        refused = None
        for _ in range(60):
            client = self.opened()
            refused = self.fill(
                lambda i, client=client: client.call("dict.set_default", name, "k", "x"),
                1000,
                "SessionBacklog",
                "OutOfMemory",
            )
            if refused:
                break
        self.assertIsNotNone(refused)
        self.others_go_on()
        self.goes_back(name)

    def test_kept_errors(self):
        name = self.new("dict")
        client = self.opened()
        for i in range(40):
            try:
                client.call("dict.delete", name, "%08d" % i + "k" * (2 * MIB))
            except Failure as failure:
                self.assertEqual(failure.kind, "KeyError")
                self.assertLess(len(failure.data["key"]), 2000)
            self.note_peak()
        client.close()
        used = self.other.call("server.stats")["bytes_used"]
        self.assertLess(used - self.before["bytes_used"], MIB)
        self.others_go_on()
        self.goes_back(name)

    def test_released_names_of_ended_sessions(self):
        for _ in range(8):
            client = self.opened()
            for begin in range(0, 5000, 1000):
                create = [
                    {
                        "method": "object.create",
                        "params": ["counter", "%0500d" % i, [], {"ephemeral": True}],
                    }
                    for i in range(begin, begin + 1000)
                ]
                client.send(json.dumps(create))
            client.call("session.close")
            self.note_peak()
        used = self.other.call("server.stats")["bytes_used"]
        self.assertLess(used - self.before["bytes_used"], 4 * MIB)
        self.others_go_on()
        self.goes_back()

    def test_texts_of_a_session(self):
        client = self.client()
        for params in (["x" * 513], ["a", "x" * (10 * MIB)]):
            with self.assertRaises(Failure) as caught:
                client.call("session.open", 10, *params)
            self.assertEqual(caught.exception.kind, "ValueError")
        self.others_go_on()
        self.goes_back()

    def test_watched_keys(self):
        name = self.new("dict")
        client = self.client()
        refused = self.fill(
            lambda i: client.call("object.watch", name, None, "%08d" % i + "k" * MIB),
            100,
            "OutOfMemory",
        )
        self.assertEqual(refused, "OutOfMemory")
        self.others_go_on()
        client.close()
        self.other.call("object.delete", name)
        self.goes_back()

    def test_history_of_topics(self):
        names = [self.new("topic") for _ in range(4)]
        client = self.opened()
        for name in names:
            client.call("topic.subscribe", name)
        client.close()
        for i in range(100):
            self.c.call("topic.publish", names[i % 4], "x" * MIB)
            self.note_peak()
        self.assertLess(self.other.call("server.stats")["bytes_used"], CAP + 2 * MIB)
        self.others_go_on()
        self.goes_back(*names)

    # ---- input and output ------------------------------------------------------------------

    def send_until_closed(self, client, data):
        """Sends the bytes, unless the server closes the connection before."""
        try:
            client.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def is_closed(self, client):
        """Returns whether the server has closed the connection, which got no reply."""
        client.sock.setblocking(False)
        try:
            while client.sock.recv(1 << 16):
                pass
            return True
        except BlockingIOError:
            return False
        except ConnectionResetError:
            return True

    def test_unfinished_messages(self):
        part = b"{no JSON" + b"x" * (20 * MIB)
        for _ in range(10):
            self.send_until_closed(self.client(), part)
            self.note_peak()
        self.others_go_on()
        self.assertGreaterEqual(sum(self.is_closed(each) for each in self.left), 7)
        self.goes_back()

    def test_unread_replies(self):
        name = self.new("list")
        for _ in range(1500):
            self.c.call("list.append", name, "x" * 10_000)
        for _ in range(10):
            client = self.client()
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            copy = json.dumps({"id": 1, "method": "list.copy", "params": [name]}) + "\n"
            self.send_until_closed(client, 4 * copy.encode())
            self.other.call("ping")
            self.note_peak()
        self.others_go_on()
        self.goes_back(name)

    def test_replies_of_a_batch(self):
        name = self.new("dict")
        self.c.call("dict.set", name, "k", "x" * (20 * MIB))
        calls = [{"id": i, "method": "dict.get", "params": [name, "k"]} for i in range(200)]
        client = self.client()
        client.send(json.dumps(calls))
        self.other.call("ping")
        self.note_peak()
        replies = self.large_line(client)
        self.note_peak()
        self.assertEqual(replies.count(b'"result":"xxx'), 3)
        self.assertEqual(replies.count(b'"type":"TooLarge","done":"yes"'), 197)
        self.others_go_on()
        self.goes_back(name)

    def large_line(self, client):
        """Reads a line of many megabytes, which the line() of the client would copy over and over."""
        client.sock.settimeout(60)
        line = bytearray()
        while not line.endswith(b"\n"):
            piece = client.sock.recv(1 << 20)
            self.assertTrue(piece, "end of file in a line")
            line += piece
        return bytes(line)

    def test_replies_to_many_waits(self):
        name = self.new("dict")
        client = self.client()
        for _ in range(20):
            client.start("dict.wait_for", name, "k")
        self.await_waiters(name, 20)
        self.c.call("dict.set", name, "k", "x" * (20 * MIB))
        self.note_peak()
        replies = 0
        while replies < 20:
            replies += self.large_line(client).count(b'"result":"xxx')
            self.note_peak()
        self.others_go_on()
        self.goes_back(name)

    def test_notices_to_many_subscribers(self):
        name = self.new("topic")
        for _ in range(30):
            self.client().call("topic.subscribe", name)
        self.c.call("topic.publish", name, "x" * (10 * MIB))
        self.note_peak()
        self.others_go_on()
        self.goes_back(name)

    def test_typed_lines_behind_one_that_waits(self):
        name = self.new("queue")
        client = self.client()
        client.send(f"queue.get {name}")
        self.await_waiters(name, 1)
        client.sock.setblocking(False)
        try:
            for _ in range(40):
                client.sock.send(b"ping " + b"x" * (30 * MIB) + b"\n")
        except (BlockingIOError, ConnectionResetError):
            pass  # the server reads no more
        self.others_go_on()
        self.goes_back(name)


if __name__ == "__main__":
    unittest.main()
