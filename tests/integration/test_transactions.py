# SPDX-License-Identifier: MIT
"""transaction.run: all or nothing over every type, requirements, and rollback that no other client sees."""
import unittest

from harness import Case, Failure
from sessions import Opened

# type -> (args, options, calls before, the changing call, a reading call that shows the change)
CHANGES = {
    "dict": ([{"a": 1}], {}, [], ("set", ["a", 2]), ("copy", [])),
    "dict pop_item": ([{"a": 1, "b": 2}], {}, [], ("pop_item", []), ("items", [])),
    "dict clear": ([{"a": 1, "b": 2}], {}, [], ("clear", []), ("items", [])),
    "dict update": ([{"a": 1}], {}, [], ("update", [{"a": 3, "c": 4}]), ("items", [])),
    "list": ([[1, 2, 3]], {}, [], ("append", [4]), ("copy", [])),
    "list pop": ([[1, 2, 3]], {}, [], ("pop", [0]), ("copy", [])),
    "list sort": ([[3, 1, 2]], {}, [], ("sort", []), ("copy", [])),
    "list clear": ([[3, 1, 2]], {}, [], ("clear", []), ("copy", [])),
    "list slice": ([[3, 1, 2]], {}, [], ("set_slice", [0, 1, None, [7, 8, 9]]), ("copy", [])),
    "list repeat": ([[3, 1, 2]], {}, [], ("repeat", [3]), ("copy", [])),
    "set": ([[1]], {}, [], ("add", [2]), ("items", [])),
    "set update": ([[1]], {}, [], ("symmetric_difference_update", [[1, 2]]), ("items", [])),
    "namespace": ([{"a": 1}], {}, [], ("set", ["a", 2]), ("get", ["a"])),
    "namespace delete": ([{"a": 1}], {}, [], ("delete", ["a"]), ("attributes", [])),
    "value": (["i", 1], {}, [], ("add", [5]), ("get", [])),
    "value any": (["any", [1]], {}, [], ("set", ["x"]), ("get", [])),
    "array": (["i", [1, 2]], {}, [], ("set", [0, 9]), ("slice", [])),
    "array fill": (["i", [1, 2]], {}, [], ("fill", [9]), ("slice", [])),
    "queue put": ([], {}, [("put", [1])], ("put", [2, 0]), ("size", [])),
    "queue get": ([], {}, [("put", [1]), ("put", [2])], ("get", [0]), ("peek", [])),
    "queue get_many": ([], {}, [("put_many", [[1, 2]])], ("get_many", [2, 0]), ("size", [])),
    "queue put_many": ([], {}, [], ("put_many", [[1, 2], 0]), ("size", [])),
    "queue reserve": ([], {}, [("put", [1])], ("reserve", [0]), ("size", [])),
    "queue clear": ([], {}, [("put", [1])], ("clear", []), ("size", [])),
    "queue priority": ([], {"order": "priority"}, [("put", [1, None, 5])], ("put", [2, 0, 1]), ("peek", [])),
    "pipe": ([], {}, [], ("send", [0, 1, 0]), ("poll", [1, 0])),
    "pipe receive": ([], {}, [("send", [0, 1])], ("receive", [1, 0]), ("poll", [1, 0])),
    "topic": ([], {}, [("publish", [1])], ("publish", [2]), ("last", [])),
    "lock": ([], {}, [], ("acquire", [0]), ("locked", [])),
    "lock release": ([], {}, [("acquire", [])], ("release", []), ("locked", [])),
    "rlock": ([], {}, [], ("acquire", [0]), ("locked", [])),
    "rlock release": ([], {}, [("acquire", [])], ("release", []), ("locked", [])),
    "rwlock": ([], {}, [], ("acquire_write", [0]), ("state", [])),
    "rwlock release": ([], {}, [("acquire_read", [])], ("release_read", []), ("state", [])),
    "semaphore": ([3], {}, [], ("acquire", [2, 0]), ("value", [])),
    "semaphore release": ([3], {}, [], ("release", [2]), ("value", [])),
    "event": ([], {}, [], ("set", []), ("is_set", [])),
    "barrier": ([2], {}, [], ("abort", []), ("state", [])),
    "latch": ([3], {}, [], ("count_down", [2]), ("count", [])),
    "counter": ([1], {}, [], ("add", [5]), ("get", [])),
}


class TransactionCase(Case):
    def run_all(self, *calls, require=None, client=None):
        calls = [list(c) for c in calls]
        return (client or self.c).call("transaction.run", calls, *([require] if require else []))

    def assert_rolled_back(self, kind, index, *calls, require=None, client=None):
        """Asserts that the transaction fails with that error and index, and with done "no"."""
        with self.assertRaises(Failure) as caught:
            self.run_all(*calls, require=require, client=client)
        failure = caught.exception
        self.assertEqual((failure.kind, failure.data["done"]), (kind, "no"), failure)
        if index is not None:
            self.assertEqual(failure.data["index"], index)
        return failure


class Types(TransactionCase):
    """Each type may appear: rolled back, an object is as before; committed, it is as after the call alone."""

    def prepare(self, script):
        args, options, before, (method, rest), (reading, arguments) = CHANGES[script]
        kind = script.split()[0]
        name = self.new(kind, *args, **options)
        for setup, params in before:
            self.c.call(f"{kind}.{setup}", name, *params)
        read = lambda: self.c.call(f"{kind}.{reading}", name, *arguments)
        return name, [f"{kind}.{method}", [name, *rest]], read

    def test_a_rolled_back_call_leaves_no_change(self):
        for script in CHANGES:
            with self.subTest(script):
                name, call, read = self.prepare(script)
                before, version = read(), self.c.call("object.version", name)
                self.assert_rolled_back("KeyError", 1, call, ["dict.delete", [self.new("dict"), "x"]])
                self.assertEqual(read(), before)
                self.assertEqual(self.c.call("object.version", name), version)
                self.run_all(call)
                self.assertNotEqual(read(), before)

    def test_the_results_are_those_of_the_calls_alone(self):
        for script in CHANGES:
            with self.subTest(script):
                _, alone, seen_alone = self.prepare(script)
                _, inside, seen_inside = self.prepare(script)
                expected, (got,) = self.c.call(alone[0], *alone[1]), self.run_all(inside)
                if isinstance(expected, dict):
                    self.assertEqual(set(got), set(expected))
                else:
                    self.assertEqual(got, expected)
                if script.split()[0] != "rwlock":
                    self.assertEqual(seen_inside(), seen_alone())

    def test_a_long_transaction_over_all_types_is_rolled_back_as_a_whole(self):
        prepared = [self.prepare(script) for script in CHANGES]
        before = [read() for _, _, read in prepared]
        versions = [self.c.call("object.version", name) for name, _, _ in prepared]
        calls = [call for _, call, _ in prepared]
        self.assert_rolled_back("IndexError", len(calls), *calls, ["list.get", [self.new("list"), 3]])
        self.assertEqual([read() for _, _, read in prepared], before)
        self.assertEqual([self.c.call("object.version", name) for name, _, _ in prepared], versions)
        self.assertEqual(len(self.run_all(*calls)), len(calls))

    def test_condition_and_its_notify_may_appear(self):
        name = self.new("condition")
        grant, none = self.run_all(["condition.acquire", [name, 0]], ["condition.notify", [name]])
        self.assertEqual((set(grant), none), ({"token", "owner_died"}, None))
        self.assert_rolled_back(
            "KeyError", 1, ["condition.release", [name]], ["dict.delete", [self.new("dict"), 1]]
        )
        self.assertIsNone(self.new_client().call("condition.acquire", name, 0))


class Rules(TransactionCase):
    def test_later_calls_see_earlier_ones(self):
        d, q = self.new("dict"), self.new("queue")
        result = self.run_all(
            ["dict.add", [d, "k"]],
            ["dict.add", [d, "k", 5]],
            ["dict.get", [d, "k"]],
            ["queue.put", [q, "x", 0]],
            ["queue.get", [q, 0]],
            ["dict.len", [d]],
        )
        self.assertEqual(result, [1, 6, 6, None, "x", 1])

    def test_a_transaction_without_calls_returns_an_empty_list(self):
        self.assertEqual(self.c.call("transaction.run", []), [])

    def test_a_transaction_creates_and_deletes_objects(self):
        old = self.new("dict", {"a": 1})
        fresh = old + "-fresh"
        self.assert_rolled_back(
            "IndexError",
            3,
            ["object.create", ["list", fresh]],
            ["list.append", [fresh, 1]],
            ["object.delete", [old]],
            ["list.get", [fresh, 5]],
        )
        self.assertFalse(self.c.call("object.exists", fresh))
        self.assertEqual(self.c.call("dict.get", old, "a"), 1)
        result = self.run_all(
            ["object.create", ["list", fresh]],
            ["list.append", [fresh, 1]],
            ["object.delete", [old]],
        )
        self.assertEqual(result, [{"$ref": fresh}, None, True])
        self.assertEqual(self.c.call("list.copy", fresh), [1])
        self.assertFalse(self.c.call("object.exists", old))

    def test_a_requirement_that_fails_is_a_conflict_with_its_index(self):
        d = self.new("dict", {"k": 1})
        q = self.new("queue")
        good, bad = ["dict.get", [d, "k"], 1], ["queue.size", [q], 3]
        change = ["dict.set", [d, "k", 2]]
        self.assert_rolled_back("Conflict", 0, change, require=[bad])
        self.assert_rolled_back("Conflict", 1, change, require=[good, bad])
        self.assert_rolled_back("Conflict", 1, change, require=[good, bad, bad])
        self.assertEqual(self.c.call("dict.get", d, "k"), 1)
        self.assertEqual(self.run_all(change, require=[good]), [None])
        self.assert_rolled_back("Conflict", 0, change, require=[good])
        self.assertEqual(self.run_all(change, require=[["dict.get", [d, "k"], 2.0]]), [None])

    def test_requirements_are_checked_before_the_calls(self):
        d = self.new("dict", {"k": 1})
        self.assertEqual(
            self.run_all(["dict.set", [d, "k", 2]], require=[["dict.get", [d, "k"], 1]]), [None]
        )

    def test_versions_make_an_optimistic_retry(self):
        d = self.new("dict", {"k": 1})
        version = self.c.call("object.version", d)
        self.new_client().call("dict.set", d, "k", 10)
        change = ["dict.set", [d, "k", 2]]
        self.assert_rolled_back("Conflict", 0, change, require=[["object.version", [d], version]])
        now = self.c.call("object.version", d)
        self.run_all(change, require=[["object.version", [d], now]])
        self.assertEqual(self.c.call("dict.get", d, "k"), 2)

    def test_a_requirement_only_reads(self):
        d = self.new("dict", {"k": 1})
        self.assert_rolled_back("ValueError", None, require=[["dict.pop", [d, "k"], 1]])
        self.assertEqual(self.c.call("dict.len", d), 1)

    def test_a_method_that_may_not_appear_is_refused_and_nothing_is_done(self):
        d, q, lock = self.new("dict"), self.new("queue"), self.new("lock")
        change = ["dict.set", [d, "k", 1]]
        for bad in (
            ["transaction.run", [[]]],
            ["queue.get", [q]],
            ["queue.get", [q, None]],
            ["queue.get", [q, 1]],
            ["queue.put", [q, 1]],
            ["lock.acquire", [lock]],
            ["lock.acquire", [lock, 0.5]],
            ["condition.wait", [self.new("condition"), 5]],
            ["server.info", []],
            ["server.shutdown", []],
            ["session.ping", []],
            ["session.close", []],
            ["ping", []],
        ):
            with self.subTest(bad[0]):
                self.assert_rolled_back("ValueError", None, change, bad)
                self.assertEqual(self.c.call("dict.len", d), 0)
        self.assertEqual(self.c.call("ping"), "pong")

    def test_unknown_methods_and_bad_parameters_roll_all_calls_back(self):
        d = self.new("dict")
        change = ["dict.set", [d, "k", 1]]
        for bad in (["dict.st", [d]], ["dict.set", [d]], ["dict.get", [d, "k", 1, 2]]):
            with self.subTest(bad):
                with self.assertRaises(Failure) as caught:
                    self.run_all(change, bad)
                self.assertIn(
                    caught.exception.kind, ("MethodNotFound", "InvalidParams", "ValueError")
                )
                self.assertEqual(self.c.call("dict.len", d), 0)
        self.assert_rolled_back("NotFound", 1, change, ["dict.len", ["missing"]])
        self.assert_rolled_back("WrongType", 1, change, ["list.len", [d]])
        for shape in (5, "x", {"a": 1}, [5], [["dict.len"]], [[d]], [["dict.len", 5]]):
            with self.subTest(shape=shape), self.assertRaises(Failure):
                self.c.call("transaction.run", shape)
        self.assertEqual(self.c.call("dict.len", d), 0)

    def test_an_acquire_of_a_held_lock_returns_null_and_no_error(self):
        lock, d = self.new("lock"), self.new("dict")
        self.new_client().call("lock.acquire", lock)
        self.assertEqual(self.run_all(["lock.acquire", [lock, 0]], ["dict.add", [d, "k"]]), [None, 1])

    def test_a_call_that_would_wait_rolls_all_calls_back(self):
        d, q = self.new("dict"), self.new("queue", maxsize=1)
        self.assert_rolled_back("Empty", 1, ["dict.add", [d, "k"]], ["queue.get", [q, 0]])
        self.assert_rolled_back("Full", 1, ["queue.put", [q, 1, 0]], ["queue.put", [q, 2, 0]])
        self.assertEqual((self.c.call("dict.len", d), self.c.call("queue.size", q)), (0, 0))

    def test_a_lent_value_is_refused_by_name(self):
        """docs/concepts/shared-memory.md: a local value in a transaction is a ValueError that names local=false."""
        lent = self.new("value", "i", 1, local=True)
        failure = self.assert_rolled_back("ValueError", None, ["value.add", [lent, 1]])
        self.assertIn("local", str(failure))
        self.assertEqual(self.c.call("value.get", lent), 1)


class Sight(TransactionCase):
    """Waiters see all effects of a transaction at once, and none of a rolled back one."""

    def test_a_rolled_back_call_wakes_no_waiter(self):
        q, d, e, n = self.new("queue"), self.new("dict"), self.new("event"), self.new("counter")
        s, lock = self.new("semaphore", 0), self.new("lock")
        self.c.call("lock.acquire", lock)
        waits = [
            (q, "queue.get", []),
            (d, "dict.wait_for", ["k"]),
            (e, "event.wait", []),
            (n, "counter.wait_at_least", [1]),
            (s, "semaphore.acquire", []),
            (lock, "lock.acquire", []),
        ]
        clients = []
        for name, method, rest in waits:
            client = self.new_client()
            clients.append((client, client.start(method, name, *rest)))
            self.await_waiters(name, 1)
        calls = [
            ["queue.put", [q, "item", 0]],
            ["dict.set", [d, "k", 5]],
            ["event.set", [e]],
            ["counter.add", [n]],
            ["semaphore.release", [s]],
            ["lock.release", [lock]],
        ]
        self.assert_rolled_back("KeyError", 6, *calls, ["dict.delete", [d, "absent"]])
        for name, _, _ in waits:
            self.assertEqual(len(self.waiters(name)), 1, name)
        self.run_all(*calls)
        results = [client.finish(number) for client, number in clients]
        self.assertEqual(results[:5], ["item", 5, True, 1, True])
        self.assertIs(results[5]["owner_died"], False)

    def test_a_rolled_back_get_leaves_the_item_its_position_and_its_deliveries(self):
        q = self.new("queue")
        self.c.call("queue.put_many", q, ["a", "b"])
        self.assert_rolled_back(
            "Empty", 2, ["queue.reserve", [q, 0]], ["queue.get", [q, 0]], ["queue.get", [q, 0]]
        )
        first = self.c.call("queue.reserve", q)
        self.assertEqual((first["item"], first["deliveries"]), ("a", 1))

    def test_a_reservation_is_acknowledged_together_with_its_result(self):
        jobs, results = self.new("queue"), self.new("dict")
        self.c.call("queue.put", jobs, "file")
        job = self.c.call("queue.reserve", jobs)
        done = (["dict.set", [results, "file", 7]], ["queue.acknowledge", [jobs, job["id"]]])
        self.assertEqual(self.run_all(*done), [None, None])
        self.assert_rolled_back("NotFound", 1, *done)
        self.assertIsNone(self.c.call("queue.join", jobs, 0))

    def test_watchers_get_no_notice_of_rolled_back_calls(self):
        d, watcher = self.new("dict"), Opened(self.server, kind="pack")
        self.addCleanup(watcher.close)
        watcher.call("object.watch", d)
        self.assert_rolled_back("KeyError", 1, ["dict.set", [d, "k", 1]], ["dict.delete", [d, "x"]])
        self.run_all(["dict.set", [d, "a", 1]], ["dict.set", [d, "b", 1]])
        version = self.c.call("object.version", d)
        keys = []
        while not keys or keys[-1] != (version, "b"):
            notice = watcher.next_notice()
            keys.append((notice["version"], notice.get("key")))
        self.assertNotIn("k", [key for _, key in keys])

    def test_a_resent_transaction_is_run_once(self):
        d = self.new("dict")
        for kind in ("json", "pack"):
            session = Opened(self.server, kind=kind)
            self.addCleanup(session.close)
            number = session.start("transaction.run", [["dict.add", [d, kind]]] * 3)
            self.assertEqual(session.finish(number), [1, 2, 3])
            self.assertEqual(session.retry(number), [1, 2, 3])
            failing = session.start("transaction.run", [["dict.delete", [d, "absent"]]])
            with self.assertRaises(Failure) as caught:
                session.finish(failing)
            self.assertEqual((caught.exception.kind, caught.exception.data["index"]), ("KeyError", 0))


if __name__ == "__main__":
    unittest.main()
