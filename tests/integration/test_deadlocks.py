# SPDX-License-Identifier: MIT
"""Each shape of a deadlock is reported with its cycle, and no deadlock is reported without a cycle."""
import unittest

from harness import Case, Failure
from sessions import Opened


class DeadlockCase(Case):
    def held(self, kind="lock", client=None, owner="", **options):
        """Creates an object that the client holds; returns its name."""
        name = self.new(kind, **options)
        method = f"{kind}.acquire_write" if kind == "rwlock" else f"{kind}.acquire"
        self.assertTrue((client or self.c).call(method, name, None, owner))
        return name

    def wait(self, client, count, name, owner="", method="lock.acquire"):
        """Makes the client the count-th waiter on the object."""
        number = client.start(method, name, None, owner)
        self.await_waiters(name, count)
        return number

    def deadlock(self, client, method, *params):
        """Asserts that the call closes a cycle; returns the cycle as (owner, lock) pairs."""
        try:
            failure = self.fails("Deadlock", method, *params, client=client)
        except TimeoutError:
            raise AssertionError(f"{method} {params} waits for ever") from None
        self.cycle = failure.data["cycle"]
        for entry in self.cycle:
            self.assertEqual(set(entry), {"session", "host", "pid", "owner", "lock"})
        return [(e["owner"], e["lock"]) for e in self.cycle]


class Shapes(DeadlockCase):
    def test_an_owner_that_waits_for_its_own_lock(self):
        for timeout in (0.5, None):
            with self.subTest(timeout=timeout):
                name = self.held("lock", owner="me")
                self.assertEqual(
                    self.deadlock(self.c, "lock.acquire", name, timeout, "me"), [("me", name)]
                )
                self.assertIsNone(self.c.call("lock.acquire", name, 0, "me"))
                self.assertIsNone(self.c.call("lock.release", name, "me"))

    def test_a_cycle_of_two_across_sessions_and_transports(self):
        for kind in ("lock", "rlock"):
            with self.subTest(kind):
                other, acquire = self.new_client(unix=True), f"{kind}.acquire"
                a, b = self.held(kind, owner="one"), self.held(kind, other, "two")
                waiting = self.wait(other, 1, a, "two", acquire)
                self.assertIsNone(self.c.call(acquire, b, 0, "one"))
                found = self.deadlock(self.c, acquire, b, 5, "one")
                self.assertEqual(found, [("one", b), ("two", a)])
                self.assertEqual(len({e["session"] for e in self.cycle}), 2)
                self.assertEqual(len(self.waiters(a)), 1, "nothing else is disturbed")
                self.c.call(f"{kind}.release", a, "one")
                self.assertIs(other.finish(waiting)["owner_died"], False)

    def test_a_cycle_of_two_owners_of_one_session(self):
        a, b = self.held(owner="one"), self.held(owner="two")
        waiting = self.wait(self.c, 1, a, "two")
        number = self.c.start("lock.acquire", b, None, "one")
        with self.assertRaises(Failure) as caught:
            self.c.finish(number)
        self.assertEqual(caught.exception.kind, "Deadlock")
        cycle = caught.exception.data["cycle"]
        self.assertEqual([(e["owner"], e["lock"]) for e in cycle], [("one", b), ("two", a)])
        self.c.send('{"method":"lock.release","params":["%s","one"]}' % a)
        self.assertTrue(self.c.finish(waiting))

    def test_a_cycle_of_three(self):
        second, third = self.new_client(unix=True), self.new_client()
        a, b, c = self.held(owner="one"), self.held("rlock", second, "two"), self.held("lock", third, "three")
        self.wait(second, 1, c, "two")
        self.wait(third, 1, a, "three")
        found = self.deadlock(self.c, "rlock.acquire", b, None, "one")
        self.assertEqual(found, [("one", b), ("two", c), ("three", a)])
        self.assertEqual(len({e["session"] for e in self.cycle}), 3)

    def test_opened_sessions_are_in_cycles_too_even_while_cut_off(self):
        session = Opened(self.server, opening=[60])
        self.addCleanup(session.close)
        a, b = self.held(owner="one"), self.new("lock")
        session.call("lock.acquire", b, None, "two")
        number = session.start("lock.acquire", a, None, "two")
        self.await_waiters(a, 1)
        session.cut()
        self.assertEqual(self.deadlock(self.c, "lock.acquire", b, None, "one"), [("one", b), ("two", a)])
        self.assertEqual(self.cycle[1]["session"], session.session)
        session.resume()
        self.c.call("lock.release", a, "one")
        self.assertTrue(session.retry(number))

    def test_a_cycle_behind_another_waiter(self):
        """A waiter in the middle of the wait queue is in the cycle through the holder."""
        other, bystander = self.new_client(), self.new_client()
        a, b = self.held(owner="one"), self.held("lock", other, "two")
        self.wait(bystander, 1, a, "bystander")
        self.wait(other, 2, a, "two")
        found = self.deadlock(self.c, "lock.acquire", b, None, "one")
        self.assertEqual((found[0], found[-1]), (("one", b), ("two", a)))

    def test_a_release_moves_the_edges_to_the_next_holder(self):
        """A waiter that waits for the new holder only after a release is in the cycle too."""
        first, second = self.new_client(), self.new_client(unix=True)
        a, b = self.held(owner="zero"), self.held("lock", second, "two")
        waiting = self.wait(first, 1, a, "one")
        self.wait(second, 2, a, "two")
        self.c.call("lock.release", a, "zero")
        self.assertTrue(first.finish(waiting))
        found = self.deadlock(first, "lock.acquire", b, None, "one")
        self.assertEqual(found, [("one", b), ("two", a)])


class ReadersAndWriters(DeadlockCase):
    def test_an_upgrade_by_the_same_owner_is_a_deadlock(self):
        for mine, wanted in (("read", "write"), ("write", "read"), ("write", "write")):
            with self.subTest(mine=mine, wanted=wanted):
                name = self.new("rwlock")
                self.c.call(f"rwlock.acquire_{mine}", name, None, "me")
                self.assertIsNone(self.c.call(f"rwlock.acquire_{wanted}", name, 0, "me"))
                for timeout in (None, 0.5):
                    found = self.deadlock(
                        self.c, f"rwlock.acquire_{wanted}", name, timeout, "me"
                    )
                    self.assertEqual(found[0], ("me", name))
                self.c.call(f"rwlock.release_{mine}", name, "me")

    def test_two_readers_of_two_rwlocks_that_want_to_write(self):
        other = self.new_client(unix=True)
        a, b = self.new("rwlock"), self.new("rwlock")
        self.c.call("rwlock.acquire_read", a, None, "one")
        other.call("rwlock.acquire_read", b, None, "two")
        self.wait(other, 1, a, "two", "rwlock.acquire_write")
        self.assertEqual(
            self.deadlock(self.c, "rwlock.acquire_write", b, None, "one"), [("one", b), ("two", a)]
        )

    def test_a_writer_waits_for_every_reader(self):
        """A waiting writer has an edge to the second reader as well as to the first."""
        reader, writer = self.new_client(), self.new_client(unix=True)
        a = self.new("rwlock")
        b = self.held("lock", writer, "writer")
        self.c.call("rwlock.acquire_read", a, None, "first")
        reader.call("rwlock.acquire_read", a, None, "second")
        self.wait(writer, 1, a, "writer", "rwlock.acquire_write")
        self.assertEqual(
            self.deadlock(reader, "lock.acquire", b, None, "second"),
            [("second", b), ("writer", a)],
        )

    def test_a_reader_behind_a_waiting_writer_waits_for_it(self):
        """Waiters of a rwlock have edges to all holders and to the incompatible waiters ahead of them."""
        writer, reader = self.new_client(), self.new_client(unix=True)
        a, b, c = self.new("rwlock"), self.held("lock", writer, "writer"), self.new("lock")
        self.c.call("rwlock.acquire_read", a, None, "holder")
        reader.call("lock.acquire", c, None, "reader")
        self.wait(writer, 1, a, "writer", "rwlock.acquire_write")
        self.wait(reader, 2, a, "reader", "rwlock.acquire_read")
        found = self.deadlock(self.c, "lock.acquire", c, None, "holder")
        self.assertEqual(found[:2], [("holder", c), ("reader", a)])
        self.assertIn(found[2:], ([], [("writer", a)]))
        self.assertTrue(self.c.call("lock.locked", b))


class Conditions(DeadlockCase):
    def setUp(self):
        super().setUp()
        self.condition = self.new("condition")
        self.other = self.new_client(unix=True)

    def test_an_acquire_against_a_wait_that_reacquires_its_lock(self):
        """one holds L and waits on the condition. two notifies, then acquires L while it holds the condition's lock."""
        lock = self.held(owner="one")
        self.c.call("condition.acquire", self.condition, None, "one")
        waiting = self.c.start("condition.wait", self.condition, None, "one")
        self.await_waiters(self.condition, 1)
        self.other.call("condition.acquire", self.condition, None, "two")
        self.other.call("condition.notify", self.condition, 1, "two")
        found = self.deadlock(self.other, "lock.acquire", lock, None, "two")
        self.assertEqual((found[0], len(found), found[1][0]), (("two", lock), 2, "one"))
        self.other.call("condition.release", self.condition, "two")
        self.assertIs(self.c.finish(waiting), True)

    def test_the_newest_acquire_gives_way_where_a_wait_closes_the_cycle(self):
        """condition.wait always reacquires the lock, without Deadlock."""
        lock = self.held(owner="one")
        self.c.call("condition.acquire", self.condition, None, "one")
        waiting = self.c.start("condition.wait", self.condition, 0.5, "one")
        self.await_waiters(self.condition, 1)
        self.other.call("condition.acquire", self.condition, None, "two")
        self.deadlock(self.other, "lock.acquire", lock, None, "two")
        self.other.call("condition.release", self.condition, "two")
        self.assertIs(self.c.finish(waiting), False)

    def test_a_wait_for_a_notify_is_no_edge(self):
        lock = self.held(owner="one")
        self.c.call("condition.acquire", self.condition, None, "one")
        waiting = self.c.start("condition.wait", self.condition, None, "one")
        self.await_waiters(self.condition, 1)
        self.other.call("condition.acquire", self.condition, None, "two")
        self.assertIsNone(self.other.call("lock.acquire", lock, 0.1, "two"))
        self.other.call("condition.notify", self.condition, 1, "two")
        self.other.call("condition.release", self.condition, "two")
        self.assertIs(self.c.finish(waiting), True)

    def test_the_lock_of_a_condition_is_in_cycles_as_any_other(self):
        lock = self.held(owner="one")
        self.other.call("condition.acquire", self.condition, None, "two")
        number = self.other.start("lock.acquire", lock, None, "two")
        self.await_waiters(lock, 1)
        found = self.deadlock(self.c, "condition.acquire", self.condition, None, "one")
        self.assertEqual((len(found), found[1]), (2, ("two", lock)))
        self.c.call("lock.release", lock, "one")
        self.assertTrue(self.other.finish(number))


class NoDeadlock(DeadlockCase):
    """Without a cycle of owner-checked locks, no deadlock is reported."""

    def times_out(self, client, method, *params):
        self.assertIsNone(client.call(method, *params))

    def test_a_timeout_of_zero_never_waits(self):
        other = self.new_client()
        a, b = self.held(owner="one"), self.held("lock", other, "two")
        self.wait(other, 1, a, "two")
        self.times_out(self.c, "lock.acquire", b, 0, "one")
        self.times_out(self.c, "lock.acquire", a, 0, "one")

    def test_locks_whose_owner_is_not_checked(self):
        """docs/reference/lock.md: with owner_checked=false any client may release, and no deadlock is detected."""
        for kind in ("lock", "rlock"):
            other = self.new_client()
            a = self.held(kind, owner="one", owner_checked=False)
            b = self.held(kind, other, "two", owner_checked=False)
            self.wait(other, 1, a, "two", f"{kind}.acquire")
            self.times_out(self.c, f"{kind}.acquire", b, 0.05, "one")
        name = self.held(owner_checked=False)
        self.times_out(self.c, "lock.acquire", name, 0.05)

    def test_semaphores(self):
        other = self.new_client()
        a, b = self.new("semaphore", 1), self.new("semaphore", 1)
        self.c.call("semaphore.acquire", a)
        other.call("semaphore.acquire", b)
        number = other.start("semaphore.acquire", a)
        self.await_waiters(a, 1)
        self.assertIs(self.c.call("semaphore.acquire", b, 1, 0.05), False)
        self.c.call("semaphore.release", a)
        self.assertIs(other.finish(number), True)

    def test_a_chain_is_no_cycle(self):
        second, third = self.new_client(), self.new_client()
        a, b = self.held(owner="one"), self.held("lock", second, "two")
        self.wait(second, 1, a, "two")
        self.wait(third, 1, b, "three")
        self.times_out(third, "lock.acquire", self.held("lock", self.new_client(), "four"), 0, "three")
        free = self.new("lock")
        self.assertTrue(self.c.call("lock.acquire", free, None, "one"))

    def test_a_release_or_a_time_out_breaks_the_cycle_before_it_closes(self):
        other = self.new_client()
        a, b = self.held(owner="one"), self.held("lock", other, "two")
        number = other.start("lock.acquire", a, 0.3, "two")
        self.await_waiters(a, 1)
        self.assertIsNone(other.finish(number))
        self.times_out(self.c, "lock.acquire", b, 0.05, "one")
        number = other.start("lock.acquire", a, None, "two")
        self.await_waiters(a, 1)
        self.c.call("lock.release", a, "one")
        self.assertTrue(other.finish(number))
        self.times_out(self.c, "lock.acquire", b, 0.05, "one")

    def test_two_owners_of_one_session_are_distinct(self):
        other = self.new_client()
        a, b = self.held(owner="one"), self.held("lock", other, "two")
        self.wait(other, 1, a, "two")
        self.times_out(self.c, "lock.acquire", b, 0.05, "another thread")

    def test_a_re_entry_into_an_rlock(self):
        name, other = self.held("rlock", owner="one"), self.new_client()
        self.wait(other, 1, name, "two", "rlock.acquire")
        self.assertTrue(self.c.call("rlock.acquire", name, None, "one"))

    def test_readers_of_one_rwlock(self):
        name, other, writer = self.new("rwlock"), self.new_client(), self.new_client()
        lock = self.held("lock", other, "two")
        for client, owner in ((self.c, "one"), (other, "two")):
            client.call("rwlock.acquire_read", name, None, owner)
        self.wait(writer, 1, name, "writer", "rwlock.acquire_write")
        self.times_out(self.c, "lock.acquire", lock, 0.05, "one")
        self.assertTrue(self.c.call("rwlock.acquire_read", name, None, "one"))

    def test_a_dead_session_is_no_longer_in_the_graph(self):
        gone = self.new_client()
        a, b = self.held(owner="one"), self.held("lock", gone, "two")
        self.wait(gone, 1, a, "two")
        gone.close()
        self.await_waiters(a, 0)
        self.assertIs(self.c.call("lock.acquire", b, None, "one")["owner_died"], True)


class Graph(DeadlockCase):
    def test_server_waits_shows_the_edges(self):
        a, other, third = self.held(owner="one"), self.new_client(), self.new_client()
        self.wait(other, 1, a, "two")
        self.wait(third, 2, a, "three")
        first, second = self.waiters(a)
        self.assertEqual([h["owner"] for h in first["for"]], ["one"])
        self.assertIn("one", [h["owner"] for h in second["for"]])
        dot = self.c.call("server.waits", "dot")
        self.assertIn("digraph", dot)
        self.assertIn(a, dot)


if __name__ == "__main__":
    unittest.main()
