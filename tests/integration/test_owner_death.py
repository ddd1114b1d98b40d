# SPDX-License-Identifier: MIT
"""The table of owner death in docs/concepts/sessions-and-death.md, with real processes that are killed or stopped.

A row is a generator: it sets up objects, yields the processes to kill, and then checks the outcome.
Over the Unix socket the server detects a death at once, so each row is a test. Over TCP it detects a death by the
ttl, so the processes of all rows die together in one test.
"""
import json
import unittest

from harness import Failure, until
from sessions import SessionCase


class Rows(SessionCase):
    unix, opening = True, [3600]

    def process(self):
        return self.agent(self.unix, self.opening)

    def waiter(self, name, count, method, *params):
        """Starts a live client as the count-th waiter; returns a getter of its outcome, and the client."""
        client = self.new_client(unix=bool(count % 2), kind="json")
        number = client.start(method, name, *params)
        self.await_waiters(name, count)
        return lambda: client.finish(number), client

    def row_lock(self):
        for kind in ("lock", "rlock"):
            lock, dead = self.new(kind), self.process()
            token = dead.call(f"{kind}.acquire", lock)["token"]
            if kind == "rlock":
                dead.call(f"{kind}.acquire", lock)
            heirs = [self.waiter(lock, n, f"{kind}.acquire") for n in (1, 2)]
            yield [dead]
            for died, (grant, client) in zip((True, False), heirs):
                got = grant()
                self.assertIs(got["owner_died"], died, kind)
                self.assertGreater(got["token"], token)
                token = got["token"]
                client.call(f"{kind}.release", lock)
            self.assertFalse(self.c.call(f"{kind}.locked", lock))

    def row_free_lock_remembers(self):
        lock, dead = self.new("rlock"), self.process()
        dead.call("rlock.acquire", lock)
        yield [dead]
        until(lambda: not self.c.call("rlock.locked", lock), "the release")
        for died in (True, False):
            self.assertIs(self.c.call("rlock.acquire", lock, 0)["owner_died"], died)
            self.c.call("rlock.release", lock)

    def row_lock_that_breaks(self):
        for kind in ("lock", "rlock"):
            lock, dead = self.new(kind, on_owner_death="break"), self.process()
            dead.call(f"{kind}.acquire", lock)
            grant, _ = self.waiter(lock, 1, f"{kind}.acquire")
            yield [dead]
            self.assert_call_fails(grant, "OwnerDied")
            self.fails("OwnerDied", f"{kind}.acquire", lock, 0)
            self.c.call(f"{kind}.reset", lock)
            self.assertTrue(self.c.call(f"{kind}.acquire", lock, 0))

    def row_rwlock_writer(self):
        lock, dead = self.new("rwlock"), self.process()
        dead.call("rwlock.acquire_write", lock)
        readers = [self.waiter(lock, n, "rwlock.acquire_read") for n in (1, 2, 3)]
        yield [dead]
        grants = [grant() for grant, _ in readers]
        self.assertEqual(sorted(g["owner_died"] for g in grants), [False, False, True])
        self.assertEqual(len({g["token"] for g in grants}), 3)

    def row_rwlock_reader(self):
        lock, dead = self.new("rwlock"), self.process()
        dead.call("rwlock.acquire_read", lock)
        dead.call("rwlock.acquire_read", lock)
        grant, client = self.waiter(lock, 1, "rwlock.acquire_write")
        yield [dead]
        self.assertIs(grant()["owner_died"], True)
        client.call("rwlock.release_write", lock)
        self.assertIs(self.c.call("rwlock.acquire_write", lock, 0)["owner_died"], False)

    def row_rwlock_that_breaks(self):
        """With on_owner_death="break" the lock stays broken: `OwnerDied` until `reset`."""
        for mode in ("read", "write"):
            lock, dead = self.new("rwlock", on_owner_death="break"), self.process()
            dead.call(f"rwlock.acquire_{mode}", lock)
            grant, _ = self.waiter(lock, 1, "rwlock.acquire_write")
            yield [dead]
            self.assert_call_fails(grant, "OwnerDied")
            self.fails("OwnerDied", "rwlock.acquire_read", lock, 0)
            self.fails("OwnerDied", "rwlock.acquire_write", lock)
            self.c.call("rwlock.reset", lock)
            self.assertTrue(self.c.call("rwlock.acquire_write", lock, 0))

    def row_rwlock_one_of_two_readers(self):
        lock, dead, living = self.new("rwlock"), self.process(), self.new_client()
        dead.call("rwlock.acquire_read", lock)
        living.call("rwlock.acquire_read", lock)
        grant, _ = self.waiter(lock, 1, "rwlock.acquire_write")
        yield [dead]
        self.await_end_of(dead)
        self.assertEqual(len(self.waiters(lock)), 1)
        living.call("rwlock.release_read", lock)
        self.assertIs(grant()["owner_died"], True)

    def row_rwlock_waiting_writer(self):
        lock, dead = self.new("rwlock"), self.process()
        self.c.call("rwlock.acquire_read", lock)
        dead.start("rwlock.acquire_write", lock)
        self.await_waiters(lock, 1)
        grant, client = self.waiter(lock, 2, "rwlock.acquire_read")
        yield [dead]
        self.assertIs(grant()["owner_died"], False)
        client.call("rwlock.release_read", lock)

    def row_waiting_for_a_lock(self):
        lock, dead = self.new("lock"), self.process()
        self.c.call("lock.acquire", lock)
        dead.start("lock.acquire", lock)
        self.await_waiters(lock, 1)
        grant, _ = self.waiter(lock, 2, "lock.acquire")
        yield [dead]
        self.await_waiters(lock, 1)
        self.c.call("lock.release", lock)
        self.assertIs(grant()["owner_died"], False)

    def row_semaphore_owned(self):
        name, dead = self.new("semaphore", 4), self.process()
        dead.call("semaphore.acquire", name, 3)
        dead.call("semaphore.release", name, 1)
        grant, _ = self.waiter(name, 1, "semaphore.acquire", 4)
        yield [dead]
        self.assertIs(grant(), True)
        self.assertEqual(self.c.call("semaphore.value", name), 0)

    def row_semaphore_released_by_another(self):
        """Another session's release is booked against the holder: only the rest comes back."""
        name, dead = self.new("semaphore", 3), self.process()
        dead.call("semaphore.acquire", name, 2)
        self.c.call("semaphore.release", name)
        self.assertEqual(self.c.call("semaphore.value", name), 2)
        yield [dead]
        until(lambda: self.c.call("semaphore.value", name) == 3, "the permits of the dead")

    def row_semaphore_as_a_signal(self):
        name, dead = self.new("semaphore", 3, owned=False), self.process()
        dead.call("semaphore.acquire", name, 2)
        yield [dead]
        self.await_end_of(dead)
        self.assertEqual(self.c.call("semaphore.value", name), 1)

    def row_semaphore_waiting(self):
        name, dead = self.new("semaphore", 1), self.process()
        dead.start("semaphore.acquire", name, 2)
        self.await_waiters(name, 1)
        grant, _ = self.waiter(name, 2, "semaphore.acquire", 1)
        yield [dead]
        self.assertIs(grant(), True)

    def row_condition_waiting(self):
        name, dead = self.new("condition"), self.process()
        dead.call("condition.acquire", name)
        dead.start("condition.wait", name)
        self.await_waiters(name, 1)
        living = self.new_client()
        living.call("condition.acquire", name)
        number = living.start("condition.wait", name)
        self.await_waiters(name, 2)
        yield [dead]
        self.await_waiters(name, 1)
        self.assertIs(self.c.call("condition.acquire", name)["owner_died"], False)
        self.c.call("condition.notify", name)
        self.c.call("condition.release", name)
        self.assertIs(living.finish(number), True)

    def row_condition_holding_its_lock(self):
        name, dead = self.new("condition"), self.process()
        dead.call("condition.acquire", name)
        client = self.new_client()
        number = client.start("condition.acquire", name)
        until(lambda: self.waits_of("condition.acquire") or self.waits_of("rlock.acquire"), "a wait")
        yield [dead]
        self.assertIs(client.finish(number)["owner_died"], True)

    def row_barrier(self):
        name, dead = self.new("barrier", 3), self.process()
        dead.start("barrier.wait", name)
        self.await_waiters(name, 1)
        grant, _ = self.waiter(name, 2, "barrier.wait")
        yield [dead]
        self.assert_call_fails(grant, "BrokenBarrier", None)
        self.assertIs(self.c.call("barrier.state", name)["broken"], True)
        self.fails("BrokenBarrier", "barrier.wait", name)
        self.c.call("barrier.reset", name)
        self.assertIs(self.c.call("barrier.state", name)["broken"], False)

    def row_barrier_of_another_generation(self):
        """A process that has passed the barrier does not break it when it dies."""
        name, dead = self.new("barrier", 2), self.process()
        number = dead.start("barrier.wait", name)
        self.await_waiters(name, 1)
        self.assertEqual({self.c.call("barrier.wait", name), dead.finish(number)}, {0, 1})
        yield [dead]
        self.await_end_of(dead)
        self.assertIs(self.c.call("barrier.state", name)["broken"], False)

    def row_queue_waiting(self):
        name, dead = self.new("queue"), self.process()
        dead.start("queue.get", name)
        dead.start("queue.reserve", name)
        self.await_waiters(name, 2)
        grant, _ = self.waiter(name, 3, "queue.get")
        yield [dead]
        self.await_waiters(name, 1)
        self.c.call("queue.put_many", name, ["a", "b"])
        self.assertEqual((grant(), self.c.call("queue.get", name)), ("a", "b"))

    def row_queue_reserved(self):
        name, dead = self.new("queue"), self.process()
        self.c.call("queue.put_many", name, ["a", "b", "c", "d"])
        self.assertEqual(dead.call("queue.reserve", name)["item"], "a")
        taken = dead.call("queue.reserve", name)
        self.assertEqual((taken["item"], taken["deliveries"]), ("b", 1))
        self.assertIsNone(dead.call("queue.acknowledge", name, taken["id"]))
        self.assertEqual(dead.call("queue.reserve", name)["item"], "c")
        yield [dead]
        until(lambda: self.c.call("queue.size", name) == 3, "the items of the dead")
        again = [self.c.call("queue.reserve", name) for _ in range(3)]
        self.assertEqual([(r["item"], r["deliveries"]) for r in again], [("a", 2), ("c", 2), ("d", 1)])

    def row_queue_reserved_goes_to_a_waiter(self):
        name, dead = self.new("queue"), self.process()
        self.c.call("queue.put", name, "a")
        dead.call("queue.reserve", name)
        grant, _ = self.waiter(name, 1, "queue.reserve")
        yield [dead]
        self.assertEqual(grant()["item"], "a")

    def row_queue_got_but_unacknowledged(self):
        for order, items in (("fifo", [1, 2, 3]), ("priority", [3, 1, 2])):
            name, dead = self.new("queue", order=order), self.process()
            for item in items:
                self.c.call("queue.put", name, item, None, item)
            for item in (1, 2, 3):
                self.assertEqual(dead.call("queue.get", name), item)
            dead.call("session.acknowledge", 0, [2])
            yield [dead]
            until(lambda: self.c.call("queue.size", name) == 2, "the items of the dead")
            self.assertEqual(self.c.call("queue.reserve", name)["deliveries"], 2)
            self.assertEqual(self.c.call("queue.get", name), 3)

    def row_queue_the_sixteenth_delivery(self):
        name, dead = self.new("queue"), self.process()
        self.c.call("queue.put", name, "poison")
        for count in range(1, 16):
            taken = self.c.call("queue.reserve", name)
            self.assertEqual(taken["deliveries"], count)
            self.c.call("queue.requeue", name, taken["id"])
        self.assertEqual(dead.call("queue.reserve", name)["deliveries"], 16)
        yield [dead]
        until(lambda: len(self.c.call("queue.dead_letters", name)) == 1, "the dead-letter list")
        self.fails("Empty", "queue.get", name, 0)
        self.assertEqual(self.c.call("queue.redrive", name), 1)
        self.assertEqual(self.c.call("queue.get", name, 0), "poison")

    def row_queue_waiting_put(self):
        name, dead = self.new("queue", maxsize=1), self.process()
        self.c.call("queue.put", name, 1)
        dead.start("queue.put", name, "dead")
        self.await_waiters(name, 1)
        yield [dead]
        self.await_waiters(name, 0)
        self.assertEqual(self.c.call("queue.get_many", name, 10), [1])

    def row_pipe(self):
        name, dead = self.new("pipe"), self.process()
        dead.call("pipe.send", name, 1, "a")
        dead.call("pipe.send", name, 1, "b")
        grant, client = self.waiter_on_pipe(name)
        yield [dead]
        self.assertEqual((grant(), client.call("pipe.receive", name, 0)), ("a", "b"))
        self.fails("EndOfStream", "pipe.receive", name, 0, client=client)
        self.fails("EndOfStream", "pipe.send", name, 0, "c", client=client)

    def row_pipe_that_is_waited_on(self):
        name, dead, client = self.new("pipe"), self.process(), self.new_client()
        dead.call("pipe.send", name, 1, "a")
        self.assertEqual(client.call("pipe.receive", name, 0), "a")
        number = client.start("pipe.receive", name, 0)
        self.await_waiters(name, 1)
        yield [dead]
        self.assert_call_fails(lambda: client.finish(number), "EndOfStream")

    def row_pipe_used_by_two(self):
        name, dead, living, client = self.new("pipe"), self.process(), self.new_client(), self.new_client()
        dead.call("pipe.send", name, 1, "a")
        living.call("pipe.send", name, 1, "b")
        self.assertEqual([client.call("pipe.receive", name, 0) for _ in "ab"], ["a", "b"])
        yield [dead]
        self.await_end_of(dead)
        self.fails("Timeout", "pipe.receive", name, 0, 0, client=client)
        living.call("pipe.send", name, 1, "c")
        self.assertEqual(client.call("pipe.receive", name, 0), "c")
        living.close()
        self.fails("EndOfStream", "pipe.receive", name, 0, client=client)

    def row_event_latch_counter_and_dict_waits_are_gone(self):
        waits = [
            (self.new("event"), "event.wait", []),
            (self.new("latch", 1), "latch.wait", []),
            (self.new("counter"), "counter.wait_at_least", [1]),
            (self.new("dict"), "dict.wait_for", ["k"]),
        ]
        dead = self.process()
        for name, method, rest in waits:
            dead.start(method, name, *rest)
            self.await_waiters(name, 1)
        yield [dead]
        for name, _, _ in waits:
            self.await_waiters(name, 0)

    def waiter_on_pipe(self, name):
        client = self.new_client()
        return lambda: client.call("pipe.receive", name, 0), client

    def waits_of(self, method):
        return [w for w in self.c.call("server.waits") if w["method"] == method]

    def await_end_of(self, agent):
        ended = agent.opened["session"]
        until(
            lambda: ended not in [s["id"] for s in self.c.call("server.sessions")],
            "the end of the dead session",
        )


ROWS = [name for name in dir(Rows) if name.startswith("row_")]


class OverUnix(Rows):
    """The server detects the death by a pidfd, although the ttl is an hour."""


def _test(row):
    def test(self):
        for dead in getattr(self, row)():
            for process in dead:
                process.kill()

    return test


for _row in ROWS:
    setattr(OverUnix, "test_" + _row.removeprefix("row_"), _test(_row))


class OverTcp(Rows):
    """The server detects the death by the ttl of one second."""

    unix, opening = False, [1]

    def test_every_row(self):
        left = {row: getattr(self, row)() for row in ROWS}
        while left:
            dying = {}
            for row, steps in left.items():
                with self.subTest(row):
                    dead = next(steps, None)
                    if dead is not None:
                        dying[row] = dead
            for process in (p for dead in dying.values() for p in dead):
                process.kill()
            left = {row: left[row] for row in dying}


class Stopped(SessionCase):
    """A process that is stopped for longer than its ttl loses its session before it can do harm."""

    def test_a_stopped_process_loses_its_session_and_its_guarded_writes(self):
        for unix in (False, True):
            with self.subTest(unix=unix):
                self.stop_one(unix)

    def stop_one(self, unix):
        lock, name, waiter = self.new("lock"), self.new("dict"), self.new_client()
        slow = self.agent(unix, [1])
        mine = slow.call("lock.acquire", lock)["token"]
        guard = [lock, mine]
        self.guarded(slow, name, guard, "before")
        self.assertIsNone(slow.finish(slow.number))
        number = waiter.start("lock.acquire", lock)
        self.await_waiters(lock, 1)
        slow.stop()
        grant = waiter.finish(number)
        self.assertIs(grant["owner_died"], True)
        self.assertGreater(grant["token"], mine)
        self.guarded(slow, name, guard, "after")
        slow.cont()
        self.assert_call_fails(lambda: slow.finish(slow.number), "SessionLost", None)
        slow.send_line("reconnect")
        self.guarded(slow, name, guard, "after")
        self.await_stale(slow)
        self.assertEqual(self.c.call("dict.get", name, "k"), "before")
        self.assertEqual(self.c.call("lock.holder", lock)["token"], grant["token"])
        waiter.call("lock.release", lock, "", grant["token"])
        self.assertIs(self.c.call("lock.acquire", lock, 0)["owner_died"], False)

    def guarded(self, agent, name, guard, value):
        """Sends a write that takes effect only while the writer's grant is valid."""
        agent.number += 1
        message = {"id": agent.number, "method": "dict.set", "params": [name, "k", value]}
        agent.send_line(json.dumps(dict(message, guard=guard)))

    def await_stale(self, agent):
        message = agent.receive()
        while message == "end" or message.get("id") != agent.number:
            message = agent.receive()
        self.assertEqual(message["error"]["data"]["type"], "StaleToken")
        self.assertEqual(message["error"]["data"]["done"], "no")

    def test_a_stopped_process_holds_nothing_and_gets_nothing_on_waking(self):
        queue, semaphore = self.new("queue"), self.new("semaphore", 1)
        slow = self.agent(False, [1])
        slow.call("semaphore.acquire", semaphore)
        waiting = slow.start("queue.get", queue)
        self.await_waiters(queue, 1)
        slow.stop()
        self.await_waiters(queue, 0)
        self.assertIs(self.c.call("semaphore.acquire", semaphore, 1, 5), True)
        self.c.call("queue.put", queue, "item")
        slow.cont()
        self.assert_call_fails(lambda: slow.finish(waiting), "SessionLost", "no")
        self.assertEqual(self.c.call("queue.get", queue, 0), "item")

    def test_a_shorter_stop_loses_nothing(self):
        lock = self.new("lock")
        slow = self.agent(True, [3600])
        token = slow.call("lock.acquire", lock)["token"]
        slow.stop()
        self.assertIsNone(self.c.call("lock.acquire", lock, 0.1))
        slow.cont()
        self.assertIsNone(slow.call("lock.release", lock, "", token))
        with self.assertRaises(Failure) as caught:
            slow.call("lock.release", lock, "", token)
        self.assertEqual(caught.exception.kind, "NotLocked")


if __name__ == "__main__":
    unittest.main()
