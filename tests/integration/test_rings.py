# SPDX-License-Identifier: MIT
"""Calls through rings, by a client that was written from docs/protocol/shared-memory.md."""
import os
import signal
import subprocess
import sys
import unittest

from harness import Case, Failure, Json, Pack, Text, read_line, until
from rings import READ, READER_WAITS, SIZE, WRITTEN, connect_through_ring, request_ring

HOLDER = """
import sys
sys.path.insert(0, sys.argv[1])
import harness
from rings import connect_through_ring

class AtPath:
    def __init__(self, path):
        self.unix = path
    connect = harness.Server.connect

c = harness.Pack(connect_through_ring(AtPath(sys.argv[2])))
c.call("session.open")
c.call("lock.acquire", sys.argv[3])
print("held", flush=True)
c.call("lock.acquire", sys.argv[4])
"""


class Rings(Case):
    def ring(self, form="pack"):
        sock = connect_through_ring(self.server, form)
        self.addCleanup(sock.close)
        return sock

    def test_rings_carry_all_three_protocols(self):
        pack, json, text = Pack(self.ring()), Json(self.ring("json")), Text(self.ring("typed"))
        name = pack.call("object.create", "dict", "forms") and "forms"
        pack.call("dict.set", name, "a", [1, {"b": None}])
        self.assertEqual(json.call("dict.get", name, "a"), [1, {"b": None}])
        text.send("dict.get forms a")
        self.assertIn('"b"', text.line())

    def test_a_value_larger_than_the_ring(self):
        c = Pack(self.ring())
        large = os.urandom(1 << 20)
        c.call("object.create", "dict", "large")
        c.call("dict.set", "large", "k", large)
        self.assertEqual(c.call("dict.get", "large", "k"), large)

    def test_replies_that_the_client_does_not_take_wait(self):
        c = Pack(self.ring())
        c.call("object.create", "dict", "pile")
        c.call("dict.set", "pile", "k", "x" * 10000)
        numbers = [c.start("dict.get", "pile", "k") for _ in range(200)]  # 2 MB of replies
        for number in numbers:
            self.assertEqual(len(c.finish(number)), 10000)

    def test_the_reply_to_a_waiting_call_wakes_the_client(self):
        c = Pack(self.ring())
        c.call("object.create", "queue", "q")
        waiting = c.start("queue.get", "q")
        self.c.call("queue.put", "q", 5)
        self.assertEqual(c.finish(waiting), 5)

    def test_a_killed_holder_loses_its_lock_and_its_owner_slot(self):
        self.c.call("object.create", "lock", "one")
        self.c.call("object.create", "lock", "two")
        self.c.call("lock.acquire", "two")
        here = os.path.dirname(os.path.abspath(__file__))
        holder = subprocess.Popen([sys.executable, "-c", HOLDER, here, self.server.unix, "one", "two"],
                                  stdout=subprocess.PIPE)
        self.addCleanup(holder.wait)
        self.addCleanup(holder.kill)
        self.assertEqual(read_line(holder.stdout), "held\n")
        holder.stdout.close()
        until(lambda: self.c.call("object.info", "two")["waiters"] == 1, "the wait")
        holder.send_signal(signal.SIGKILL)
        with self.server.json() as next_owner:
            next_owner.call("lock.acquire", "one")
        until(lambda: self.c.call("object.info", "two")["waiters"] == 0, "the end of the wait")

    def test_calls_in_the_ring_at_the_end_of_the_connection_are_run(self):
        self.c.call("object.create", "list", "last")
        sock = self.ring()
        c = Pack(sock)
        c.call("ping")
        for i in range(50):
            c.send([2, "list.append", ["last", i]])
        c.close()
        until(lambda: self.c.call("list.len", "last") == 50, "the last calls")

    def test_corrupt_positions_end_the_connection_and_no_other(self):
        for offset, value in ((WRITTEN, SIZE + 1), (WRITTEN, 2**64 - 1)):
            sock = self.ring()
            Pack(sock).call("ping")
            sock.store(0, offset, sock.written + value & 2**64 - 1)
            sock.ring_doorbell(0, READER_WAITS)
            while sock.await_doorbell():
                pass
        sock = self.ring()
        c = Pack(sock)
        c.call("object.create", "dict", "much")
        c.call("dict.set", "much", "k", "x" * 2 * SIZE)
        sock.store(1, READ, 2**63)  # More bytes of replies than the server has written.
        c.start("dict.get", "much", "k")
        while sock.await_doorbell():
            pass
        self.assertEqual(self.c.call("ping"), "pong")

    def test_rewriting_every_shared_word_harms_no_other_client(self):
        other = Pack(self.ring())
        for word in range(0, 256, 4):
            sock = self.ring()
            c = Pack(sock)
            c.call("ping")
            sock.memory[word : word + 4] = b"\xff\xff\xff\x7f"
            c.start("ping")
            sock.sock.close()
            self.assertEqual(other.call("ping"), "pong")

    def connections(self):
        """Returns the number of the server's descriptors: its sockets and rings."""
        return len(os.listdir(f"/proc/{self.server.process.pid}/fd"))

    def test_an_end_of_the_connection_together_with_the_first_doorbell(self):
        self.assertEqual(self.c.call("ping"), "pong")
        before = self.connections()
        sock = self.ring()
        self.addCleanup(self.server.process.send_signal, signal.SIGCONT)
        self.server.process.send_signal(signal.SIGSTOP)
        Pack(sock).start("ping")
        sock.close()
        self.server.process.send_signal(signal.SIGCONT)
        until(lambda: self.connections() == before, "the end of the connection")

    def test_an_end_of_the_connection_while_replies_wait_for_ring_space(self):
        self.c.call("object.create", "dict", "untaken")
        self.c.call("dict.set", "untaken", "k", "x" * 10000)
        before = self.connections()
        sock = self.ring()
        c = Pack(sock)
        for _ in range(50):
            c.start("dict.get", "untaken", "k")
        until(lambda: sock.available() == SIZE, "a full ring")
        sock.close()
        until(lambda: self.connections() == before, "the end of the connection")

    def test_session_ring_is_the_first_call_and_once_for_a_connection(self):
        sock = self.server.connect(unix=True)
        self.addCleanup(sock.close)
        c = Pack(sock)
        c.call("session.open")
        with self.assertRaises(Failure) as caught:
            c.call("session.ring")
        self.assertIn("before its session", str(caught.exception))
        with self.assertRaises(Failure):
            Pack(self.ring()).call("session.ring")

    def test_session_ring_is_refused_over_tcp(self):
        with self.server.pack() as c, self.assertRaises(Failure) as caught:
            c.call("session.ring")
        self.assertEqual(caught.exception.kind, "Forbidden")

    def test_a_client_that_does_not_use_the_ring_keeps_the_socket(self):
        sock = self.server.connect(unix=True)
        self.addCleanup(sock.close)
        os.close(request_ring(sock)[1][0])
        c = Pack(sock)
        c.last = 1
        self.assertEqual(c.call("ping"), "pong")

    def test_a_connection_beyond_the_last_ring_uses_the_socket(self):
        socks = []
        self.addCleanup(lambda: [sock.close() for sock in socks])
        for _ in range(400):
            sock = self.server.connect(unix=True)
            socks.append(sock)
            _, descriptors = request_ring(sock)
            if not descriptors:
                break
            os.close(descriptors[0])
        else:
            self.fail("400 rings")
        c = Pack(sock)
        c.last = 1
        self.assertEqual(c.call("ping"), "pong")


if __name__ == "__main__":
    unittest.main()
