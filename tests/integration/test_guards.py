# SPDX-License-Identifier: MIT
"""`guard: [lock, token]` on every changing method: a call is refused unless the named grant is still valid."""
import json
import unittest

import msgpack
from msgpack import ExtType

import catalogue
from harness import Case, Failure, outcome

# type -> (args, options, calls before each of the methods, {changing method: arguments after the name})
CHANGES = {
    "dict": (
        [{"k": 1}],
        {},
        [],
        {
            "set": ["k", 2],
            "set_default": ["n", 1],
            "delete": ["k"],
            "pop": ["k"],
            "pop_item": [],
            "update": [{"n": 1}],
            "clear": [],
            "add": ["k"],
            "compare_and_set": ["k", 1, 2],
            "delete_many": [["k"]],
            "expire": ["k", 0],
            "wait_for": ["k"],
        },
    ),
    "list": (
        [[1, 2]],
        {},
        [],
        {
            "set": [0, 5],
            "delete": [0],
            "set_slice": [0, 1, None, [7]],
            "delete_slice": [0, 1, None],
            "append": [3],
            "extend": [[3]],
            "insert": [0, 0],
            "pop": [],
            "remove": [1],
            "reverse": [],
            "sort": [True],
            "clear": [],
            "repeat": [2],
            "add": [0, 1],
            "compare_and_set": [0, 1, 2],
        },
    ),
    "set": (
        [[1]],
        {},
        [],
        {
            "add": [2],
            "discard": [1],
            "remove": [1],
            "pop": [],
            "clear": [],
            "update": [[2]],
            "intersection_update": [[]],
            "difference_update": [[1]],
            "symmetric_difference_update": [[1, 2]],
        },
    ),
    "namespace": ([{"a": 1}], {}, [], {"set": ["a", 2], "delete": ["a"]}),
    "value": (["i", 1], {}, [], {"set": [2], "add": [1], "exchange": [2], "compare_and_set": [1, 2]}),
    "array": (
        ["i", [1, 2]],
        {},
        [],
        {
            "set": [0, 5],
            "set_slice": [0, 1, None, [5]],
            "add": [0, 1],
            "compare_and_set": [0, 1, 5],
            "fill": [7],
        },
    ),
    "queue": (
        [],
        {},
        [("put", [1])],
        {
            "put": [2],
            "put_many": [[2]],
            "get": [],
            "get_many": [5],
            "reserve": [],
            "clear": [],
            "task_done": [],
            "close": [],
            "redrive": [],
        },
    ),
    "queue of none": ([], {}, [], {"join": [], "purge_dead_letters": []}),
    "pipe": (
        [],
        {},
        [("send", [0, "x"])],
        {"send": [0, 1], "receive": [1], "poll": [1], "close": [0]},
    ),
    "topic": ([], {}, [], {"publish": [1], "subscribe": [], "unsubscribe": []}),
    "lock": ([], {}, [], {"acquire": [], "reset": []}),
    "lock held": ([], {}, [("acquire", [])], {"release": []}),
    "rlock": ([], {}, [], {"acquire": [], "reset": []}),
    "rlock held": ([], {}, [("acquire", [])], {"release": []}),
    "rwlock": ([], {}, [], {"acquire_read": [], "acquire_write": [], "reset": []}),
    "rwlock read": ([], {}, [("acquire_read", [])], {"release_read": []}),
    "rwlock written": ([], {}, [("acquire_write", [])], {"release_write": []}),
    "semaphore": ([3], {}, [], {"acquire": [], "release": []}),
    "condition": ([], {}, [], {"acquire": []}),
    "condition held": (
        [],
        {},
        [("acquire", [])],
        {"release": [], "wait": [0], "notify": [], "notify_all": []},
    ),
    "event": ([], {}, [], {"set": [], "clear": [], "wait": [0]}),
    "barrier": ([1], {}, [], {"wait": [], "reset": [], "abort": []}),
    "latch": ([1], {}, [], {"count_down": [], "wait": [0]}),
    "counter": ([], {}, [], {"add": [], "wait_at_least": [0]}),
}
LEASED = ("lock.extend", "rlock.extend")
RESERVED = ("queue.acknowledge", "queue.requeue", "queue.reject", "queue.touch")
FROM_ANY = ("queue.get_any", "queue.reserve_any")


class GuardCase(Case):
    def setUp(self):
        super().setUp()
        self.lock = self.new("lock")
        self.token = self.c.call("lock.acquire", self.lock)["token"]
        self.pack = self.new_client(kind="pack")

    def changing_calls(self):
        """Yields each changing method, with a function that makes an object and returns the arguments of the call."""
        for script, (args, options, before, methods) in CHANGES.items():
            kind = script.split()[0]
            for method, rest in methods.items():
                yield f"{kind}.{method}", lambda: self.prepare(kind, args, options, before, rest)
        for method in RESERVED:
            yield method, self.reserved
        for method in FROM_ANY:
            yield method, lambda: [[self.prepare("queue", [], {}, [("put", [1])], [])[0]]]
        for method in LEASED:
            yield method, lambda: self.leased(method.split(".")[0])

    def prepare(self, kind, args, options, before, rest):
        name = self.new(kind, *args, **options)
        for setup, params in before:
            self.c.call(f"{kind}.{setup}", name, *params)
        return [name, *rest]

    def reserved(self):
        name = self.prepare("queue", [], {}, [("put", [1])], [])[0]
        return [name, self.c.call("queue.reserve", name)["id"]]

    def leased(self, kind):
        name = self.new(kind)
        return [name, self.c.call(f"{kind}.acquire", name)["token"], 60]

    def by_member(self, method, params, guard):
        message = {"id": 1, "method": method, "params": params, "guard": guard}
        return outcome(self.c.raw(json.dumps(message)))

    def by_parameter(self, method, params, guard):
        named = dict(catalogue.by_name(method, params), guard=guard)
        return outcome(self.c.raw(json.dumps({"id": 1, "method": method, "params": named})))

    def by_option(self, method, params, guard):
        option = ExtType(3, msgpack.packb({"guard": guard}))
        self.pack.send([0, 1, method, [*params, option]])
        return self.pack.finish(1)

    @property
    def ways(self):
        return (self.by_member, self.by_parameter, self.by_option)

    def refused(self, kind, way, method, params, guard):
        with self.assertRaises(Failure, msg=f"{method} {way.__name__}") as caught:
            way(method, params, guard)
        failure = caught.exception
        self.assertEqual((failure.kind, failure.data["done"]), (kind, "no"), failure)
        return failure


class Methods(GuardCase):
    def test_the_table_has_every_changing_method(self):
        own = {method for method, _ in self.changing_calls()}
        changing = {
            name
            for name, _, flags in catalogue.METHODS.values()
            if "r" not in flags and name.split(".")[0] in catalogue.TYPES
        }
        self.assertEqual(own, changing)

    def test_a_stale_guard_refuses_each_method_and_changes_nothing(self):
        for method, make_params in self.changing_calls():
            params = make_params()
            name = params[0][0] if isinstance(params[0], list) else params[0]
            before = self.c.call("object.version", name)
            for way in self.ways:
                with self.subTest(method, way=way.__name__):
                    self.refused("StaleToken", way, method, params, [self.lock, self.token - 1])
                    self.assertEqual(self.c.call("object.version", name), before)

    def test_a_valid_guard_lets_each_method_through(self):
        for method, make_params in self.changing_calls():
            for way in (self.by_member, self.by_parameter):
                with self.subTest(method, way=way.__name__):
                    way(method, make_params(), [self.lock, self.token])

    def test_a_valid_guard_over_messagepack(self):
        for method, make_params in self.changing_calls():
            kind, name = method.split(".")
            if name in ("release", "release_read", "release_write", "notify", "notify_all"):
                continue  # The object to release was acquired over the other connection.
            if method in ("condition.wait", *RESERVED, *LEASED):
                continue
            with self.subTest(method):
                self.by_option(method, make_params(), [self.lock, self.token])

    def test_the_methods_of_every_object_take_a_guard(self):
        calls = [
            ("object.create", lambda: ["dict", self.new("dict") + "-guarded"]),
            ("object.delete", lambda: [self.new("dict")]),
            ("object.expire", lambda: [self.new("dict"), 3600]),
            ("transaction.run", lambda: [[["dict.add", [self.new("dict"), "k"]]]]),
        ]
        for method, params in calls:
            for way in self.ways:
                with self.subTest(method, way=way.__name__):
                    arguments = params()
                    stale = [self.lock, self.token + 1]
                    self.refused("StaleToken", way, method, arguments, stale)
                    if method == "object.create":
                        self.assertFalse(self.c.call("object.exists", arguments[1]))
                    elif method != "transaction.run":
                        self.assertTrue(self.c.call("object.exists", arguments[0]))
                    way(method, arguments, [self.lock, self.token])


class Grants(GuardCase):
    def setUp(self):
        super().setUp()
        self.name = self.new("dict")

    def set(self, guard, way=None):
        return (way or self.by_member)("dict.set", [self.name, "k", 1], guard)

    def stale(self, guard):
        for way in self.ways:
            self.refused("StaleToken", way, "dict.set", [self.name, "k", 2], guard)

    def test_a_released_grant_is_stale(self):
        self.set([self.lock, self.token])
        self.c.call("lock.release", self.lock)
        self.stale([self.lock, self.token])
        self.assertGreater(self.c.call("lock.acquire", self.lock)["token"], self.token)
        self.stale([self.lock, self.token])

    def test_any_client_may_name_a_valid_grant(self):
        self.assertIsNone(self.set([self.lock, self.token], self.by_option))
        self.assertIsNone(self.set([{"$ref": self.lock}, self.token]))
        self.pack.send(
            [
                0,
                1,
                "dict.set",
                [
                    self.name,
                    "k",
                    3,
                    ExtType(3, msgpack.packb({"guard": [ExtType(1, self.lock.encode()), self.token]})),
                ],
            ]
        )
        self.assertIsNone(self.pack.finish(1))

    def test_a_lock_that_is_gone_or_new_is_stale(self):
        self.stale(["missing", 1])
        self.c.call("object.delete", self.lock)
        self.stale([self.lock, self.token])
        self.c.call("object.create", "lock", self.lock)
        self.stale([self.lock, self.token])
        token = self.c.call("lock.acquire", self.lock)["token"]
        self.stale([self.lock, self.token])
        self.assertIsNone(self.set([self.lock, token]))

    def test_an_object_that_is_no_lock_is_the_wrong_type(self):
        for kind in ("dict", "event", "semaphore"):
            for way in self.ways:
                self.refused("WrongType", way, "dict.set", [self.name, "k", 1], [self.new(kind), 1])
        self.assertEqual(self.c.call("dict.len", self.name), 0)

    def test_rlocks_and_rwlocks_guard_too(self):
        rlock = self.new("rlock")
        token = self.c.call("rlock.acquire", rlock)["token"]
        self.set([rlock, token])
        self.c.call("rlock.release", rlock)
        self.stale([rlock, token])
        rwlock = self.new("rwlock")
        token = self.c.call("rwlock.acquire_write", rwlock)["token"]
        self.set([rwlock, token])
        self.c.call("rwlock.release_write", rwlock)
        self.stale([rwlock, token])
        tokens = [c.call("rwlock.acquire_read", rwlock)["token"] for c in (self.c, self.pack)]
        for token in tokens:
            self.set([rwlock, token])
        self.c.call("rwlock.release_read", rwlock)
        self.stale([rwlock, tokens[0]])
        self.set([rwlock, tokens[1]])

    def test_the_grant_of_a_dead_owner_is_stale(self):
        other, lock = self.new_client(), self.new("lock")
        token = other.call("lock.acquire", lock)["token"]
        self.set([lock, token])
        other.close()
        self.assertIs(self.c.call("lock.acquire", lock, 5)["owner_died"], True)
        self.stale([lock, token])

    def test_reads_may_carry_a_guard(self):
        """The server checks the guard of a reading call too."""
        params = [self.name, "k", "nothing"]
        for way in self.ways:
            self.assertEqual(way("dict.get_or", params, [self.lock, self.token]), "nothing")
            self.refused("StaleToken", way, "dict.get_or", params, [self.lock, self.token + 1])

    def test_the_grant_of_a_waiter_is_valid_and_the_one_before_it_stale(self):
        waiter = self.new_client()
        number = waiter.start("lock.acquire", self.lock)
        self.await_waiters(self.lock, 1)
        self.set([self.lock, self.token])
        self.c.call("lock.release", self.lock)
        grant = waiter.finish(number)
        self.stale([self.lock, self.token])
        self.set([self.lock, grant["token"]])

    def test_malformed_guards_are_refused_and_nothing_is_changed(self):
        for guard in (5, "x", [], [self.lock], [self.lock, "1"], [1, self.token], [self.lock, 1.5], {}):
            for way in self.ways:
                with self.subTest(guard=guard, way=way.__name__):
                    with self.assertRaises(Failure):
                        way("dict.set", [self.name, "k", 1], guard)
                    self.assertEqual(self.c.call("dict.len", self.name), 0)
        self.assertEqual(self.pack.call("ping"), "pong")

    def test_a_batch_guards_each_call_by_itself(self):
        calls = [
            {"id": n, "method": "dict.set", "params": [self.name, n, n], "guard": [self.lock, token]}
            for n, token in ((1, self.token), (2, self.token + 1), (3, self.token))
        ]
        replies = {a["id"]: a for a in self.c.raw(json.dumps(calls))}
        self.assertEqual(replies[2]["error"]["data"]["type"], "StaleToken")
        self.assertEqual(self.c.call("dict.keys", self.name), [1, 3])

    def test_a_guarded_notification_that_is_stale_does_nothing(self):
        for token in (self.token + 1, self.token):
            message = {"method": "dict.add", "params": [self.name, "n"], "guard": [self.lock, token]}
            self.c.send(json.dumps(message))
        self.assertEqual(self.c.call("dict.get", self.name, "n"), 1)


if __name__ == "__main__":
    unittest.main()
