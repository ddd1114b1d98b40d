# SPDX-License-Identifier: MIT
"""Processes that are killed, cut off in mid-message, or half closed: no grant goes to a dead process."""
import json
import signal
import unittest

import msgpack

from harness import Case, Failure, Worker, until


def call(method, *params, number=1):
    return json.dumps({"id": number, "method": method, "params": list(params)}) + "\n"


class Death(Case):
    def worker(self, sent, unix=False):
        worker = Worker(self.server, sent, unix)
        self.addCleanup(worker.kill)
        return worker

    def await_sessions(self, count):
        until(lambda: len(self.c.call("server.sessions")) == count, f"{count} sessions")

    def test_a_killed_waiter_takes_no_item(self):
        for unix in (False, True):
            for method, rest in (("queue.get", []), ("queue.get_many", [5])):
                with self.subTest(unix=unix, method=method):
                    queue, living = self.new("queue"), self.new_client()
                    dead = self.worker(call(method, queue, *rest), unix)
                    self.await_waiters(queue, 1)
                    number = living.start("queue.get", queue)
                    self.await_waiters(queue, 2)
                    dead.kill()
                    self.await_waiters(queue, 1)
                    self.c.call("queue.put", queue, "item")
                    self.assertEqual(living.finish(number), "item")

    def test_no_item_put_after_the_end_was_seen_is_lost(self):
        queue = self.new("queue")
        dead = [self.worker(call("queue.get", queue) * 5, unix=bool(i % 2)) for i in range(6)]
        self.await_waiters(queue, 30)
        for worker in dead:
            worker.kill()
        until(lambda: not self.waiters(queue), "the end of all waiters")
        self.c.call("queue.put_many", queue, list(range(100)))
        self.assertEqual(self.c.call("queue.get_many", queue, 1000), list(range(100)))

    def test_a_killed_put_that_waited_puts_nothing(self):
        queue = self.new("queue", maxsize=1)
        self.c.call("queue.put", queue, "mine")
        dead = self.worker(
            call("queue.put", queue, "dead") + call("queue.put_many", queue, ["dead 2"])
        )
        self.await_waiters(queue, 2)
        dead.kill()
        until(lambda: not self.waiters(queue), "the end of the waiters")
        self.assertEqual(self.c.call("queue.get", queue), "mine")
        self.fails("Empty", "queue.get", queue, 0)

    def test_a_change_whose_reply_a_killed_process_received_stands(self):
        queue = self.new("queue")
        dead = self.worker("".join(call("queue.put", queue, n, number=n) for n in range(200)))
        for n in range(200):
            self.assertEqual(json.loads(dead.receive())["id"], n)
        dead.kill()
        self.assertEqual(self.c.call("queue.get_many", queue, 1000), list(range(200)))

    def test_the_lock_of_a_dead_owner_passes_on_and_reports_owner_died_exactly_once(self):
        for unix in (False, True):
            with self.subTest(unix=unix):
                lock = self.new("lock")
                dead = self.worker(call("lock.acquire", lock), unix)
                token = json.loads(dead.receive())["result"]["token"]
                others = [self.new_client(unix=not unix) for _ in range(3)]
                numbers = []
                for count, other in enumerate(others, 1):
                    numbers.append(other.start("lock.acquire", lock))
                    self.await_waiters(lock, count)
                dead.kill()
                said = []
                for other, number in zip(others, numbers):
                    grant = other.finish(number)
                    self.assertGreater(grant["token"], token)
                    token = grant["token"]
                    said.append(grant["owner_died"])
                    other.call("lock.release", lock)
                self.assertEqual(said, [True, False, False])

    def test_a_free_lock_remembers_the_death_of_its_owner_until_the_next_grant(self):
        lock = self.new("lock")
        dead = self.worker(call("lock.acquire", lock))
        dead.receive()
        dead.kill()
        until(lambda: not self.c.call("lock.locked", lock), "the release")
        self.assertIsNone(self.c.call("lock.holder", lock))
        for died in (True, False):
            self.assertIs(self.c.call("lock.acquire", lock, 0)["owner_died"], died)
            self.c.call("lock.release", lock)

    def test_a_lock_that_breaks_stays_broken_until_reset(self):
        lock = self.new("lock", on_owner_death="break")
        dead = self.worker(call("lock.acquire", lock))
        dead.receive()
        waiter = self.new_client()
        number = waiter.start("lock.acquire", lock)
        self.await_waiters(lock, 1)
        dead.kill()
        with self.assertRaises(Failure) as caught:
            waiter.finish(number)
        self.assertEqual(
            (caught.exception.kind, caught.exception.data["done"]), ("OwnerDied", "no")
        )
        for timeout in (None, 0, 0.01):
            self.fails("OwnerDied", "lock.acquire", lock, timeout)
        self.c.call("lock.reset", lock)
        self.assertIsInstance(self.c.call("lock.acquire", lock, 0)["token"], int)

    def test_a_released_lock_reports_no_owner_death(self):
        lock = self.new("lock")
        dead = self.worker(call("lock.acquire", lock) + call("lock.release", lock, number=2))
        dead.receive(), dead.receive()
        before = len(self.c.call("server.sessions"))
        dead.kill()
        self.await_sessions(before - 1)
        self.assertIs(self.c.call("lock.acquire", lock)["owner_died"], False)

    def test_a_dead_waiter_never_gets_the_lock(self):
        held, wanted = self.new("lock"), self.new("lock")
        self.c.call("lock.acquire", wanted)
        dead = self.worker(call("lock.acquire", held) + call("lock.acquire", wanted, number=2))
        dead.receive()
        self.await_waiters(wanted, 1)
        dead.kill()
        until(lambda: not self.waiters(wanted), "the end of the waiter")
        self.assertIs(self.c.call("lock.acquire", held, 5)["owner_died"], True)
        self.c.call("lock.release", wanted)
        self.assertFalse(self.c.call("lock.locked", wanted))
        self.assertIs(self.c.call("lock.acquire", wanted, 0)["owner_died"], False)

    def test_a_chain_of_dead_waiters_is_skipped(self):
        lock, living = self.new("lock"), self.new_client()
        self.c.call("lock.acquire", lock)
        dead = []
        for count in range(1, 5):
            dead.append(self.worker(call("lock.acquire", lock), unix=bool(count % 2)))
            self.await_waiters(lock, count)
        number = living.start("lock.acquire", lock)
        self.await_waiters(lock, 5)
        for worker in dead:
            worker.kill()
        self.await_waiters(lock, 1)
        self.c.call("lock.release", lock)
        self.assertIs(living.finish(number)["owner_died"], False)

    def test_a_stopped_process_keeps_its_lock_until_it_dies(self):
        lock, waiter = self.new("lock"), self.new_client()
        slow = self.worker(call("lock.acquire", lock))
        slow.receive()
        slow.process.send_signal(signal.SIGSTOP)
        self.assertIsNone(waiter.call("lock.acquire", lock, 0.05))
        number = waiter.start("lock.acquire", lock)
        self.await_waiters(lock, 1)
        slow.kill()
        self.assertIs(waiter.finish(number)["owner_died"], True)

    def test_half_a_message_and_a_kill_change_nothing(self):
        name = self.new("dict")
        first = self.c.call("object.version", name)
        packed = msgpack.packb([0, 1, "dict.set", [name, "k", "x" * 100]])
        line = call("dict.set", name, "k", "x" * 100)
        before = len(self.c.call("server.sessions"))
        for half in (
            line[:40],
            line[:-3],
            packed[:20],
            packed[:-1],
            f"dict.set {name} k"[:-3],
            call("ping") + line[:50],
            msgpack.packb([0, 1, "ping", []]) + packed[:-1],
        ):
            for unix in (False, True):
                with self.subTest(half=half[:60], unix=unix):
                    self.worker(half, unix).kill()
                    self.await_sessions(before)
        self.assertEqual(
            (self.c.call("dict.len", name), self.c.call("object.version", name)), (0, first)
        )

    def test_a_kill_in_the_middle_of_a_large_reply_harms_no_other_client(self):
        name = self.new("dict")
        self.c.call("dict.set", name, "k", "x" * 3000000)
        dead = self.worker(call("dict.get", name, "k") * 5)
        dead.kill()
        self.assertEqual(len(self.c.call("dict.get", name, "k")), 3000000)

    def test_waiters_are_served_in_order_across_transports_and_deaths(self):
        for kind in ("queue", "lock"):
            with self.subTest(kind=kind):
                name = self.new(kind)
                if kind == "lock":
                    self.c.call("lock.acquire", name)
                waiters, numbers, dead = [], [], []
                method = "queue.get" if kind == "queue" else "lock.acquire"
                for i in range(9):
                    if i % 3 == 1:
                        dead.append(self.worker(call(method, name), unix=bool(i % 2)))
                        self.await_waiters(name, i + 1)
                        continue
                    client = self.new_client(unix=bool(i % 2), kind="pack" if i % 4 == 0 else "json")
                    waiters.append(client)
                    numbers.append(client.start(method, name))
                    self.await_waiters(name, i + 1)
                for worker in dead:
                    worker.kill()
                self.await_waiters(name, 6)
                if kind == "queue":
                    self.c.call("queue.put_many", name, list(range(6)))
                    self.assertEqual(
                        [c.finish(n) for c, n in zip(waiters, numbers)], list(range(6))
                    )
                else:
                    self.c.call("lock.release", name)
                    tokens = []
                    for client, number in zip(waiters, numbers):
                        grant = client.finish(number)
                        tokens.append(grant["token"])
                        self.assertIs(grant["owner_died"], False)
                        client.call("lock.release", name)
                    self.assertEqual(tokens, sorted(set(tokens)))

    def test_ephemeral_and_anonymous_objects_end_with_their_creator(self):
        dead = self.worker(
            call("object.create", "dict", "mine", [], {"ephemeral": True})
            + call("object.create", "list", number=2)
            + call("object.create", "dict", "everybody's", number=3)
        )
        dead.receive()
        anonymous = json.loads(dead.receive())["result"]
        dead.receive()
        waiter = self.new_client()
        number = waiter.start("dict.wait_for", "mine", "k")
        self.await_waiters("mine", 1)
        self.assertTrue(self.c.call("object.exists", anonymous))
        dead.kill()
        with self.assertRaises(Failure) as caught:
            waiter.finish(number)
        self.assertEqual((caught.exception.kind, caught.exception.data["done"]), ("NotFound", "no"))
        self.assertFalse(self.c.call("object.exists", "mine"))
        self.assertFalse(self.c.call("object.exists", anonymous))
        self.assertTrue(self.c.call("object.exists", "everybody's"))

    def test_an_ephemeral_object_with_the_last_reference_ends_the_referenced_object(self):
        dead = self.worker(call("object.create", "dict", "holder", [], {"ephemeral": True}))
        dead.receive()
        ref = self.c.call("object.create", "list")
        self.c.call("dict.set", "holder", "r", ref)
        self.c.call("object.release", ref)
        self.assertTrue(self.c.call("object.exists", ref))
        dead.kill()
        until(lambda: not self.c.call("object.exists", ref), "the end of the referred object")

    def test_many_deaths_leave_no_sessions_waiters_or_descriptors(self):
        import os

        folder = f"/proc/{self.server.process.pid}/fd"
        queue = self.new("queue")
        before, open_before = len(self.c.call("server.sessions")), len(os.listdir(folder))
        for _ in range(3):
            workers = [self.worker(call("queue.get", queue), unix=bool(i % 2)) for i in range(5)]
            self.await_waiters(queue, 5)
            for worker in workers:
                worker.kill()
            until(lambda: not self.waiters(queue), "the end of the waiters")
        self.await_sessions(before)
        until(
            lambda: len(os.listdir(folder)) <= open_before,
            "the descriptors of the dead to be closed",
        )


class HalfClose(Case):
    """A client that shuts its sending side down after its calls, as `nc -N` does."""

    def test_calls_before_the_end_of_input_are_answered_then_the_connection_closes(self):
        for unix in (False, True):
            with self.subTest(unix=unix):
                with self.server.json(unix) as c:
                    c.send(call("ping", number=1) + call("help", "errors", number=2).rstrip())
                    c.shut_down_write()
                    self.assertEqual(
                        [c.message()["id"], c.message()["id"], c.message()], [1, 2, None]
                    )
                with self.server.typed(unix) as t:
                    t.send("ping\nping")
                    t.shut_down_write()
                    self.assertEqual([t.line(), t.line(), t.line()], ['"pong"', '"pong"', None])
                with self.server.pack(unix) as p:
                    p.send([0, 1, "ping", []], [0, 2, "ping", []])
                    p.sock.shutdown(1)
                    self.assertEqual(
                        [p.message(), p.message(), p.message()],
                        [[1, 1, None, "pong"], [1, 2, None, "pong"], None],
                    )

    def test_a_thousand_calls_and_a_large_reply_before_the_end_of_input_all_come(self):
        name = self.new("dict", {"k": "x" * 2000000})
        with self.server.json() as c:
            c.sock.sendall(
                b"".join(call("ping", number=n).encode() for n in range(1000))
                + call("dict.get", name, "k").encode()
            )
            c.shut_down_write()
            replies = c.rest().splitlines()
        self.assertEqual(len(replies), 1001)
        self.assertEqual([json.loads(a)["id"] for a in replies[:1000]], list(range(1000)))

    def test_waiting_calls_end_with_the_input_and_the_connection_closes(self):
        queue = self.new("queue")
        with self.server.json() as c:
            c.send(call("queue.get", queue, number=1) + call("ping", number=2).rstrip())
            c.shut_down_write()
            messages = [json.loads(line) for line in c.rest().splitlines()]
        self.assertEqual([m["result"] for m in messages if m["id"] == 2], ["pong"])
        for message in (m for m in messages if m["id"] == 1):
            self.assertEqual(
                (message["error"]["data"]["type"], message["error"]["data"]["done"]),
                ("SessionLost", "no"),
            )
        self.assertEqual(self.waiters(queue), [])
        self.c.call("queue.put", queue, 1)
        self.assertEqual(self.c.call("queue.size", queue), 1)

    def test_a_typed_wait_ends_with_the_input(self):
        queue = self.new("queue")
        with self.server.typed() as t:
            t.send(f"ping\nqueue.get {queue}")
            t.shut_down_write()
            lines = t.rest().decode().splitlines()
        self.assertEqual(lines[0], '"pong"')
        self.assertTrue(all(line.startswith("SessionLost: ") for line in lines[1:]), lines)
        self.assertEqual(self.waiters(queue), [])

    def test_a_typed_line_held_back_behind_a_wait_is_run_at_the_end_of_input(self):
        queue, name = self.new("queue"), self.new("dict")
        with self.server.typed() as t:
            t.send(f"queue.get {queue}\ndict.set {name} k 1")
            t.shut_down_write()
            t.rest()
        self.assertEqual(self.c.call("dict.len", name), 1, "it was received and need not wait")

    def test_the_lock_of_a_half_closed_connection_is_given_back(self):
        lock = self.new("lock")
        with self.server.json() as c:
            c.send(call("lock.acquire", lock).rstrip())
            c.shut_down_write()
            self.assertEqual(c.message()["id"], 1)
            self.assertIsNone(c.message())
        self.assertIs(self.c.call("lock.acquire", lock, 5)["owner_died"], True)

    def test_a_batch_with_a_waiting_call_at_the_end_of_input_closes(self):
        queue = self.new("queue")
        with self.server.json() as c:
            c.send(
                json.dumps(
                    [
                        {"id": 1, "method": "queue.get", "params": [queue]},
                        {"id": 2, "method": "ping"},
                    ]
                )
            )
            c.shut_down_write()
            c.rest()
        self.assertEqual(self.waiters(queue), [])


if __name__ == "__main__":
    unittest.main()
