# SPDX-License-Identifier: MIT
"""Locks, semaphores, conditions and barriers between several clients: which waiters are served, in which order."""
import unittest

from harness import Case, Failure


class SyncCase(Case):
    def start(self, name, count, method, *params, unix=None):
        """Starts a new client as the count-th waiter on the object; returns its pending call."""
        client = self.new_client(unix=bool(count % 2) if unix is None else unix)
        number = client.start(method, name, *params)
        self.await_waiters(name, count)
        return Pending(client, number)

    def broken(self, pending):
        with self.assertRaises(Failure) as caught:
            pending.outcome()
        self.assertEqual(caught.exception.kind, "BrokenBarrier")


class Pending:
    """A waiting call and its client."""

    def __init__(self, client, number):
        self.client, self.number = client, number

    def outcome(self):
        return self.client.finish(self.number)


class Rlock(SyncCase):
    def test_levels_are_counted_and_the_last_release_passes_the_lock_on(self):
        name = self.new("rlock")
        tokens = [self.c.call("rlock.acquire", name)["token"] for _ in range(3)]
        waiter = self.start(name, 1, "rlock.acquire")
        for _ in range(2):
            self.c.call("rlock.release", name)
            self.assertEqual(len(self.waiters(name)), 1)
        self.c.call("rlock.release", name)
        grant = waiter.outcome()
        self.assertGreater(grant["token"], max(tokens))
        self.assertIs(grant["owner_died"], False)
        self.fails("NotOwner", "rlock.release", name)

    def test_owners_within_a_session_are_apart(self):
        name = self.new("rlock")
        self.c.call("rlock.acquire", name, None, "one")
        self.assertIsNone(self.c.call("rlock.acquire", name, 0, "two"))
        self.assertTrue(self.c.call("rlock.acquire", name, 0, "one"))
        self.assertEqual(self.c.call("rlock.holder", name)["owner"], "one")

    def test_waiters_are_served_first_come_first_served(self):
        name = self.new("rlock")
        self.c.call("rlock.acquire", name)
        waiters = [self.start(name, n, "rlock.acquire") for n in range(1, 6)]
        self.c.call("rlock.release", name)
        last = 0
        for waiter in waiters:
            grant = waiter.outcome()
            self.assertGreater(grant["token"], last)
            last = grant["token"]
            waiter.client.call("rlock.release", name)

    def test_any_client_may_release_an_unchecked_rlock(self):
        name, other = self.new("rlock", owner_checked=False), self.new_client()
        self.c.call("rlock.acquire", name)
        other.call("rlock.release", name)
        self.assertFalse(self.c.call("rlock.locked", name))


class Rwlock(SyncCase):
    def state(self, name):
        return self.c.call("rwlock.state", name)

    def test_readers_share_and_a_writer_is_alone(self):
        name, a, b = self.new("rwlock"), self.new_client(), self.new_client(unix=True)
        tokens = [c.call("rwlock.acquire_read", name)["token"] for c in (a, b)]
        self.assertNotEqual(*tokens)
        self.assertEqual(set(self.state(name)), {"readers", "writer", "waiting"})
        self.assertIsNone(self.c.call("rwlock.acquire_write", name, 0.01))
        writer = self.start(name, 1, "rwlock.acquire_write")
        a.call("rwlock.release_read", name)
        self.assertEqual(len(self.waiters(name)), 1)
        b.call("rwlock.release_read", name)
        self.assertGreater(writer.outcome()["token"], max(tokens))
        self.assertIsNone(a.call("rwlock.acquire_read", name, 0))
        self.assertIsNone(a.call("rwlock.acquire_write", name, 0))
        writer.client.call("rwlock.release_write", name)
        self.assertTrue(a.call("rwlock.acquire_read", name, 0))

    def test_waiting_writers_go_before_new_readers(self):
        name, reader = self.new("rwlock"), self.new_client()
        reader.call("rwlock.acquire_read", name)
        writer = self.start(name, 1, "rwlock.acquire_write")
        late = self.start(name, 2, "rwlock.acquire_read")
        self.assertIsNone(self.c.call("rwlock.acquire_read", name, 0))
        self.assertIsNone(self.c.call("rwlock.acquire_read", name, 0.01))
        reader.call("rwlock.release_read", name)
        writer.outcome()
        self.assertEqual(len(self.waiters(name)), 1)
        writer.client.call("rwlock.release_write", name)
        late.outcome()

    def test_an_owner_that_reads_reads_again_past_waiting_writers(self):
        name, reader = self.new("rwlock"), self.new_client()
        reader.call("rwlock.acquire_read", name)
        writer = self.start(name, 1, "rwlock.acquire_write")
        self.assertTrue(reader.call("rwlock.acquire_read", name))
        reader.call("rwlock.release_read", name)
        self.assertEqual(len(self.waiters(name)), 1)
        reader.call("rwlock.release_read", name)
        self.assertTrue(writer.outcome())

    def test_all_waiting_readers_come_in_together(self):
        name = self.new("rwlock")
        self.c.call("rwlock.acquire_write", name)
        readers = [self.start(name, n, "rwlock.acquire_read") for n in range(1, 5)]
        self.c.call("rwlock.release_write", name)
        self.assertEqual(len({r.outcome()["token"] for r in readers}), 4)
        self.assertIsNone(self.c.call("rwlock.acquire_write", name, 0))

    def test_a_writer_that_gives_up_lets_the_readers_behind_it_in(self):
        name = self.new("rwlock")
        self.c.call("rwlock.acquire_read", name)
        writer = self.start(name, 1, "rwlock.acquire_write", 0.3)
        reader = self.start(name, 2, "rwlock.acquire_read")
        self.assertIsNone(writer.outcome())
        self.assertTrue(reader.outcome())


class Semaphore(SyncCase):
    def test_a_waiter_for_many_permits_holds_back_the_waiters_behind_it(self):
        name = self.new("semaphore", 0)
        many = self.start(name, 1, "semaphore.acquire", 3)
        one = self.start(name, 2, "semaphore.acquire", 1)
        self.c.call("semaphore.release", name, 2)
        self.assertEqual(len(self.waiters(name)), 2)
        self.assertEqual(self.c.call("semaphore.value", name), 2)
        self.c.call("semaphore.release", name, 1)
        self.assertIs(many.outcome(), True)
        self.assertEqual(len(self.waiters(name)), 1)
        self.c.call("semaphore.release", name)
        self.assertIs(one.outcome(), True)
        self.assertEqual(self.c.call("semaphore.value", name), 0)

    def test_a_waiter_that_gives_up_lets_the_waiters_behind_it_go(self):
        name = self.new("semaphore", 1)
        many = self.start(name, 1, "semaphore.acquire", 5, 0.3)
        one = self.start(name, 2, "semaphore.acquire")
        self.assertIs(many.outcome(), False)
        self.assertIs(one.outcome(), True)

    def test_any_client_may_release(self):
        name, holder = self.new("semaphore", 1), self.new_client()
        holder.call("semaphore.acquire", name)
        self.c.call("semaphore.release", name)
        self.assertEqual(self.c.call("semaphore.value", name), 1)

    def test_one_release_serves_several_in_order(self):
        name = self.new("semaphore", 0)
        waiters = [self.start(name, n, "semaphore.acquire") for n in range(1, 5)]
        self.c.call("semaphore.release", name, 3)
        self.assertEqual([w.outcome() for w in waiters[:3]], [True] * 3)
        self.assertEqual(len(self.waiters(name)), 1)


class Condition(SyncCase):
    def waiter(self, name, count, *params):
        """Starts a client that acquires the condition's lock and waits on the condition, as the count-th."""
        client = self.new_client(unix=bool(count % 2))
        client.call("condition.acquire", name)
        number = client.start("condition.wait", name, *params)
        self.await_waiters(name, count)
        return Pending(client, number)

    def notify(self, name, method="notify", *params):
        self.c.call("condition.acquire", name)
        self.c.call("condition." + method, name, *params)
        self.c.call("condition.release", name)

    def woken(self, pending, name):
        self.assertIs(pending.outcome(), True)
        pending.client.call("condition.release", name)

    def test_notify_wakes_as_many_as_it_says_in_order(self):
        name = self.new("condition")
        waiters = [self.waiter(name, n) for n in range(1, 6)]
        self.notify(name)
        self.woken(waiters[0], name)
        self.notify(name, "notify", 2)
        self.woken(waiters[1], name)
        self.woken(waiters[2], name)
        self.await_waiters(name, 2)
        self.notify(name, "notify_all")
        self.woken(waiters[3], name)
        self.woken(waiters[4], name)

    def test_a_notify_without_waiters_is_not_kept(self):
        name = self.new("condition")
        self.notify(name, "notify", 5)
        self.c.call("condition.acquire", name)
        self.assertIs(self.c.call("condition.wait", name, 0.02), False)

    def test_a_woken_waiter_waits_for_the_lock(self):
        name = self.new("condition")
        waiter = self.waiter(name, 1)
        self.c.call("condition.acquire", name)
        self.c.call("condition.notify", name)
        lock = self.c.call("object.info", name)["options"]["lock"]
        self.assertTrue(self.c.call("rlock.locked", lock))
        self.c.call("condition.release", name)
        self.woken(waiter, name)
        self.assertFalse(self.c.call("rlock.locked", lock))

    def test_a_wait_releases_all_levels_and_reacquires_them(self):
        name, waiter = self.new("condition"), self.new_client()
        for _ in range(3):
            waiter.call("condition.acquire", name)
        number = waiter.start("condition.wait", name)
        self.await_waiters(name, 1)
        self.notify(name)
        self.assertIs(waiter.finish(number), True)
        for _ in range(2):
            waiter.call("condition.release", name)
            self.assertIsNone(self.c.call("condition.acquire", name, 0))
        waiter.call("condition.release", name)
        self.assertTrue(self.c.call("condition.acquire", name, 0))

    def test_a_timed_out_wait_reacquires_the_lock_however_long_that_takes(self):
        name = self.new("condition")
        waiter = self.waiter(name, 1, 0.3)
        self.assertTrue(self.c.call("condition.acquire", name, 5))
        self.fails("Timeout", "dict.wait_for", self.new("dict"), "k", 0.4)
        self.c.call("condition.release", name)
        self.assertIs(waiter.outcome(), False)
        self.assertIsNone(self.c.call("condition.acquire", name, 0))

    def test_two_conditions_share_a_named_lock(self):
        for kind in ("lock", "rlock"):
            with self.subTest(kind):
                lock = self.new(kind)
                name, other = self.new("condition", lock={"$ref": lock}), self.new_client()
                other.call(f"{kind}.acquire", lock)
                self.assertIsNone(self.c.call("condition.acquire", name, 0))
                number = other.start("condition.wait", name)
                self.await_waiters(name, 1)
                grant = self.c.call("condition.acquire", name)
                self.assertEqual(self.c.call(f"{kind}.holder", lock)["token"], grant["token"])
                self.c.call("condition.notify_all", name)
                self.c.call(f"{kind}.release", lock, "", grant["token"])
                self.assertIs(other.finish(number), True)
                other.call(f"{kind}.release", lock)

    def test_owners_within_a_session_are_apart(self):
        name, c = self.new("condition"), self.new_client()
        c.call("condition.acquire", name, None, "one")
        waiting = c.start("condition.wait", name, None, "one")
        self.await_waiters(name, 1)
        c.call("condition.acquire", name, None, "two")
        self.fails("RuntimeError", "condition.notify", name, 1, "one", client=c)
        c.call("condition.notify", name, 1, "two")
        released = c.start("condition.release", name, "two")
        replies = {m["id"]: m["result"] for m in (c.message(), c.message())}
        self.assertEqual(replies, {released: None, waiting: True})


class Barrier(SyncCase):
    def test_each_party_gets_an_index_once_a_generation(self):
        name = self.new("barrier", 3)
        for _ in range(3):
            waiters = [self.start(name, n, "barrier.wait") for n in (1, 2)]
            self.assertEqual(self.c.call("barrier.state", name)["waiting"], 2)
            indices = [self.c.call("barrier.wait", name)] + [w.outcome() for w in waiters]
            self.assertEqual(sorted(indices), [0, 1, 2])
            self.assertEqual(
                self.c.call("barrier.state", name), {"parties": 3, "waiting": 0, "broken": False}
            )

    def test_a_time_out_breaks_the_barrier_for_all(self):
        name = self.new("barrier", 3)
        first = self.start(name, 1, "barrier.wait")
        second = self.start(name, 2, "barrier.wait", 0.3)
        self.broken(second)
        self.broken(first)
        self.assertIs(self.c.call("barrier.state", name)["broken"], True)
        self.fails("BrokenBarrier", "barrier.wait", name)
        self.c.call("barrier.reset", name)
        again = [self.start(name, n, "barrier.wait") for n in (1, 2)]
        self.c.call("barrier.wait", name)
        self.assertEqual(len({w.outcome() for w in again}), 2)

    def test_the_timeout_of_the_barrier_breaks_it(self):
        name = self.new("barrier", 2, timeout=0.03)
        with self.assertRaises(Failure) as caught:
            self.c.call("barrier.wait", name)
        self.assertEqual(caught.exception.kind, "BrokenBarrier")
        self.assertIs(self.c.call("barrier.state", name)["broken"], True)

    def test_abort_breaks_the_barrier(self):
        name = self.new("barrier", 2)
        waiter = self.start(name, 1, "barrier.wait")
        self.c.call("barrier.abort", name)
        self.broken(waiter)
        self.assertIs(self.c.call("barrier.state", name)["broken"], True)
        self.c.call("barrier.reset", name)
        self.assertIs(self.c.call("barrier.state", name)["broken"], False)

    def test_a_waiter_that_disconnects_breaks_the_barrier(self):
        name = self.new("barrier", 3)
        gone, waiter = (self.start(name, n, "barrier.wait") for n in (1, 2))
        gone.client.close()
        self.broken(waiter)


if __name__ == "__main__":
    unittest.main()
