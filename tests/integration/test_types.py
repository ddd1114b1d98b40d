# SPDX-License-Identifier: MIT
"""Set, namespace, array and the other types: every method, its result and each named error, on one object."""
import random
import unittest

from harness import Case, reference_name, until
from steps import ANY, BAD, F, Player, Some, add_tests

HUGE = 2**62

SCRIPTS = {
    "set": (
        ("set", [[1, "a", 1.0]], {}),
        [
            ("len", [], 2),
            ("items", [], Some(1, "a")),
            ("copy", [], Some(1, "a")),
            ("add", [2], True),
            ("add", [2.0], False),
            ("add", [True], True),
            ("add", [{"m": 1}], F("TypeError")),
            ("add", [[1, {"m": 1}]], F("TypeError")),
            ("add", [[1, [2]]], True),
            ("contains", [[1, [2]]], True),
            ("contains", [[1, [3]]], False),
            ("contains", [{"m": 1}], F("TypeError")),
            ("contains", ["1"], False),
            ("discard", [[1, [2]]], True),
            ("discard", [[1, [2]]], False),
            ("remove", [True], None),
            ("remove", [True], F("KeyError")),
            ("items", [], Some(1, "a", 2)),
            ("update", [["b", 2, "b"]], None),
            ("update", [5], BAD),
            ("update", [[{"m": 1}, "c"]], F("TypeError")),
            ("items", [], Some(1, "a", 2, "b")),
            ("union", [[1, 9]], Some(1, "a", 2, "b", 9)),
            ("union", [[]], Some(1, "a", 2, "b")),
            ("intersection", [[1.0, "b", 7]], Some(1, "b")),
            ("difference", [[1, "b", 7]], Some("a", 2)),
            ("symmetric_difference", [[1, "b", 7, 7]], Some("a", 2, 7)),
            ("len", [], 4),
            ("is_subset", [[1, 2, "a", "b", "c"]], True),
            ("is_subset", [[1, 2, "a"]], False),
            ("is_superset", [[1, 2, 2.0, 1]], True),
            ("is_superset", [[1, 3]], False),
            ("is_superset", [[]], True),
            ("is_disjoint", [[3, "1"]], True),
            ("is_disjoint", [[3, 1.0]], False),
            ("scan", [None, 0], F(("ValueError", "InvalidParams"))),
            ("intersection_update", [[1, 2, "b", 8]], None),
            ("items", [], Some(1, 2, "b")),
            ("difference_update", [["b", 9]], None),
            ("items", [], Some(1, 2)),
            ("symmetric_difference_update", [[2, 3]], None),
            ("items", [], Some(1, 3)),
            ("clear", [], None),
            ("len", [], 0),
            ("items", [], []),
            ("pop", [], F("KeyError")),
            ("add", ["only"], True),
            ("pop", [], "only"),
            ("is_subset", [[]], True),
        ],
    ),
    "namespace": (
        ("namespace", [{"a": 1}], {}),
        [
            ("get", ["a"], 1),
            ("get", ["x"], F("AttributeError")),
            ("set", ["b", [1, {"m": None}]], None),
            ("get", ["b"], [1, {"m": None}]),
            ("contains", ["b"], True),
            ("contains", ["x"], False),
            ("attributes", [], Some("a", "b")),
            ("set", ["a", 2], None),
            ("get", ["a"], 2),
            ("delete", ["a"], None),
            ("delete", ["a"], F("AttributeError")),
            ("attributes", [], ["b"]),
            ("get", [1], BAD),
        ],
    ),
    "array of a size": (
        ("array", ["i", 4], {}),
        [
            ("len", [], 4),
            ("slice", [], [0, 0, 0, 0]),
            ("set", [0, 5], None),
            ("set", [-1, -7], None),
            ("get", [0], 5),
            ("get", [3], -7),
            ("get", [-4], 5),
            ("get", [4], F("IndexError")),
            ("get", [-5], F("IndexError")),
            ("get", [HUGE], F("IndexError")),
            ("get", [1.0], BAD),
            ("get", [True], BAD),
            ("set", [4, 1], F("IndexError")),
            ("set", [1, 2**31], F("ValueError")),
            ("set", [1, -(2**31) - 1], F("ValueError")),
            ("set", [1, 1.5], F("TypeError")),
            ("set", [1, "1"], F("TypeError")),
            ("slice", [], [5, 0, 0, -7]),
            ("slice", [1, 3], [0, 0]),
            ("slice", [None, None, 2], [5, 0]),
            ("slice", [None, None, -1], [-7, 0, 0, 5]),
            ("slice", [None, None, 0], F("ValueError")),
            ("slice", [2, 100], [0, -7]),
            ("set_slice", [1, 3, None, [1, 2]], None),
            ("slice", [], [5, 1, 2, -7]),
            ("set_slice", [1, 3, None, [1]], F("ValueError")),
            ("set_slice", [1, 3, None, [1, 2, 3]], F("ValueError")),
            ("set_slice", [None, None, 2, [8, 9]], None),
            ("set_slice", [None, None, -2, [3, 4]], None),
            ("set_slice", [None, None, 0, [3, 4]], F("ValueError")),
            ("slice", [], [8, 4, 9, 3]),
            ("set_slice", [0, 2, None, [0, 2**31]], F("ValueError")),
            ("set_slice", [0, 2, None, [0, "x"]], F("TypeError")),
            ("set_slice", [0, 2, None, 5], BAD),
            ("slice", [], [8, 4, 9, 3]),
            ("add", [0, -10], -2),
            ("add", [4, 1], F("IndexError")),
            ("add", [0, "1"], BAD),
            ("set", [2, 2**31 - 1], None),
            ("add", [2, 1], F("ValueError")),
            ("get", [2], 2**31 - 1),
            ("compare_and_set", [0, -2, 6], True),
            ("compare_and_set", [0, -2, 7], False),
            ("compare_and_set", [0, 6.0, 7], True),
            ("compare_and_set", [9, 0, 1], F("IndexError")),
            ("fill", [1], None),
            ("slice", [], [1, 1, 1, 1]),
            ("fill", [2**31], F("ValueError")),
            ("fill", ["x"], F("TypeError")),
            ("slice", [], [1, 1, 1, 1]),
        ],
    ),
    "array of a list": (
        ("array", ["d", [1, 2.5]], {}),
        [
            ("len", [], 2),
            ("slice", [], [1.0, 2.5]),
            ("add", [0, 0.5], 1.5),
            ("set", [1, {"$float": "nan"}], None),
            ("get", [1], {"$float": "nan"}),
        ],
    ),
    "array that wraps": (
        ("array", ["B", [255, 0]], {"wrap": True}),
        [
            ("add", [0, 1], 0),
            ("add", [1, -1], 255),
            ("set", [0, 258], None),
            ("get", [0], 2),
            ("fill", [-1], None),
            ("slice", [], [255, 255]),
        ],
    ),
    "counter": (
        ("counter", [], {}),
        [
            ("get", [], 0),
            ("add", [], 1),
            ("add", [5], 6),
            ("add", [-10], -4),
            ("add", [1.5], BAD),
            ("add", ["1"], BAD),
            ("add", [True], BAD),
            ("get", [], -4),
            ("wait_at_least", [-4], -4),
            ("wait_at_least", [-9], -4),
            ("wait_at_least", [-3, 0], F("Timeout")),
            ("wait_at_least", [0, 0.01], F("Timeout")),
            ("wait_at_least", [0, -1], F("ValueError")),
            ("wait_at_least", ["0"], BAD),
            ("wait_at_least", [], F("InvalidParams")),
            ("add", [4], 0),
            ("wait_at_least", [0], 0),
        ],
    ),
    "counter with a start": (("counter", [41], {}), [("add", [], 42), ("get", [], 42)]),
    "latch": (
        ("latch", [3], {}),
        [
            ("count", [], 3),
            ("wait", [0], False),
            ("wait", [0.01], False),
            ("wait", [-1], F("ValueError")),
            ("wait", ["1"], BAD),
            ("count_down", [], None),
            ("count", [], 2),
            ("count_down", [3], F("ValueError")),
            ("count_down", [HUGE], F("ValueError")),
            ("count", [], 2),
            ("count_down", [2], None),
            ("count", [], 0),
            ("wait", [], True),
            ("wait", [0], True),
            ("count_down", [], F("ValueError")),
        ],
    ),
    "semaphore": (
        ("semaphore", [2], {"bound": 3}),
        [
            ("value", [], 2),
            ("acquire", [], True),
            ("acquire", [2, 0], False),
            ("acquire", [2, 0.01], False),
            ("value", [], 1),
            ("acquire", [1, 0], True),
            ("acquire", [1, 0], False),
            ("acquire", [1, -1], F("ValueError")),
            ("acquire", [0], F("ValueError")),
            ("acquire", [-1], F("ValueError")),
            ("acquire", ["1"], BAD),
            ("acquire", [1.0], BAD),
            ("release", [0], F("ValueError")),
            ("release", [-2], F("ValueError")),
            ("release", [4], F("ValueError")),
            ("release", [HUGE], F("ValueError")),
            ("value", [], 0),
            ("release", [3], None),
            ("value", [], 3),
            ("release", [], F("ValueError")),
            ("value", [], 3),
        ],
    ),
    "semaphore without a bound": (
        ("semaphore", [], {}),
        [("value", [], 1), ("release", [10], None), ("value", [], 11), ("acquire", [11], True)],
    ),
    "semaphore of none": (
        ("semaphore", [0], {"owned": False}),
        [("acquire", [1, 0], False), ("release", [], None), ("acquire", [1, 0], True)],
    ),
    "rlock": (
        ("rlock", [], {}),
        [
            ("locked", [], False),
            ("holder", [], None),
            ("release", [], F("NotLocked")),
            ("acquire", [], ANY),
            ("acquire", [0], ANY),
            ("acquire", [None], ANY),
            ("locked", [], True),
            ("acquire", [0, "other"], None),
            ("acquire", [0.01, "other"], None),
            ("acquire", [-1, "other"], F("ValueError")),
            ("acquire", ["1"], BAD),
            ("release", ["other"], F("NotOwner")),
            ("release", ["", 1], F("StaleToken")),
            ("release", [], None),
            ("release", [], None),
            ("acquire", [0, "other"], None),
            ("locked", [], True),
            ("release", [], None),
            ("locked", [], False),
            ("release", [], F("NotLocked")),
            ("reset", [], None),
            ("acquire", [0, "other"], ANY),
            ("acquire", [0], None),
            ("release", ["other"], None),
            ("locked", [], False),
        ],
    ),
    "rwlock": (
        ("rwlock", [], {}),
        [
            ("release_read", [], F("NotLocked")),
            ("release_write", [], F("NotLocked")),
            ("acquire_read", [], ANY),
            ("acquire_read", [0], ANY),
            ("acquire_read", [0, "b"], ANY),
            ("acquire_write", [0, "c"], None),
            ("acquire_write", [0.01, "c"], None),
            ("acquire_write", [-1, "c"], F("ValueError")),
            ("acquire_write", [0], None),
            ("acquire_write", [], F("Deadlock")),
            ("acquire_write", [1], F("Deadlock")),
            ("release_read", ["c"], F("NotOwner")),
            ("release_read", [], None),
            ("release_read", ["b"], None),
            ("acquire_write", [0, "c"], None),
            ("release_read", [], None),
            ("acquire_write", [0, "c"], ANY),
            ("acquire_read", [0, "c"], None),
            ("acquire_read", [None, "c"], F("Deadlock")),
            ("acquire_write", [None, "c"], F("Deadlock")),
            ("acquire_write", [0, "c"], None),
            ("acquire_read", [0], None),
            ("acquire_read", [0.01], None),
            ("acquire_read", ["1"], BAD),
            ("release_write", [], F("NotOwner")),
            ("release_write", ["c"], None),
            ("acquire_read", [0], ANY),
        ],
    ),
    "condition": (
        ("condition", [], {}),
        [
            ("wait", [], F("RuntimeError")),
            ("wait", [0], F("RuntimeError")),
            ("notify", [], F("RuntimeError")),
            ("notify_all", [], F("RuntimeError")),
            ("release", [], F("NotLocked")),
            ("acquire", [], ANY),
            ("acquire", [0], ANY),
            ("notify", [], None),
            ("notify", [3], None),
            ("notify_all", [], None),
            ("wait", [0], False),
            ("wait", [0.01], False),
            ("wait", [-1], F("ValueError")),
            ("wait", ["1"], BAD),
            ("wait", [0, "other"], F("RuntimeError")),
            ("notify", [1, "other"], F("RuntimeError")),
            ("notify_all", ["other"], F("RuntimeError")),
            ("acquire", [0, "other"], None),
            ("release", ["other"], F("NotOwner")),
            ("release", [], None),
            ("acquire", [0, "other"], None),
            ("release", [], None),
            ("release", [], F("NotLocked")),
            ("acquire", [0, "other"], ANY),
        ],
    ),
    "barrier of one": (
        ("barrier", [1], {}),
        [
            ("wait", [], 0),
            ("wait", [0], 0),
            ("state", [], {"parties": 1, "waiting": 0, "broken": False}),
            ("abort", [], None),
            ("wait", [], F("BrokenBarrier")),
            ("state", [], {"parties": 1, "waiting": 0, "broken": True}),
            ("reset", [], None),
            ("wait", [], 0),
        ],
    ),
    "barrier of two": (
        ("barrier", [2], {}),
        [
            ("wait", [-1], F("ValueError")),
            ("wait", ["1"], BAD),
            ("state", [], {"parties": 2, "waiting": 0, "broken": False}),
        ],
    ),
    "pipe": (
        ("pipe", [], {}),
        [
            ("poll", [0], False),
            ("poll", [1, 0.01], False),
            ("poll", [0, -1], F("ValueError")),
            ("receive", [0, 0], F("Timeout")),
            ("receive", [1, 0.01], F("Timeout")),
            ("receive", [1, -1], F("ValueError")),
            ("send", [0, {"a": [1]}], None),
            ("send", [0, None], None),
            ("poll", [0], False),
            ("poll", [1], True),
            ("send", [1, "back"], None),
            ("receive", [1], {"a": [1]}),
            ("receive", [1, 0], None),
            ("poll", [1], False),
            ("receive", [0], "back"),
            ("send", [2, 1], F(("ValueError", "InvalidParams"))),
            ("receive", [-1, 0], F(("ValueError", "InvalidParams"))),
            ("poll", [7], F(("ValueError", "InvalidParams"))),
            ("close", [2], F(("ValueError", "InvalidParams"))),
            ("send", ["0", 1], BAD),
            ("send", [1, "last"], None),
            ("close", [1], None),
            ("receive", [0], "last"),
            ("receive", [0], F("EndOfStream")),
            ("receive", [0, 0], F("EndOfStream")),
            ("send", [0, 1], F("EndOfStream")),
        ],
    ),
    "pipe of one way": (
        ("pipe", [False], {}),
        [
            ("send", [0, 1], F("ValueError")),
            ("receive", [1], F("ValueError")),
            ("send", [1, "x"], None),
            ("receive", [0], "x"),
        ],
    ),
    "topic": (
        ("topic", [], {}),
        [
            ("publish", ["news"], 0),
            ("last", [], "news"),
            ("subscribe", [], None),
            ("unsubscribe", [], None),
            ("publish", [{"a": 1}], 0),
            ("last", [], {"a": 1}),
        ],
    ),
}


class Scripts(Player):
    scripts = SCRIPTS


add_tests(Scripts)


class Creation(Case):
    def test_bad_contents_and_options_are_refused_and_create_nothing(self):
        table = [
            ("set", [5], {}),
            ("set", [[{"m": 1}]], {}),
            ("namespace", [[1]], {}),
            ("array", ["z", 3], {}),
            ("array", ["i", -1], {}),
            ("array", ["i", [1, "x"]], {}),
            ("array", ["i", [2**31]], {}),
            ("array", [], {}),
            ("array", ["i", 3], {"size": 3}),
            ("semaphore", [-1], {}),
            ("semaphore", ["1"], {}),
            ("semaphore", [1], {"owner": True}),
            ("barrier", [0], {}),
            ("barrier", [-1], {}),
            ("barrier", [], {}),
            ("barrier", [2], {"timeout": -1}),
            ("latch", [-1], {}),
            ("latch", [], {}),
            ("counter", ["1"], {}),
            ("queue", [], {"order": "random"}),
            ("queue", [], {"maxsize": "3"}),
            ("pipe", ["yes"], {}),
            ("rwlock", [], {"on_owner_death": "cry"}),
            ("rlock", [], {"on_owner_death": "cry"}),
            ("topic", [], {"maxsize": 1}),
        ]
        for kind, arguments, options in table:
            with self.subTest(kind=kind, args=arguments, options=options):
                with self.assertRaises(Exception) as caught:
                    self.c.call("object.create", kind, "refused", arguments, options)
                self.assertIn(caught.exception.kind, ("ValueError", "TypeError", "InvalidParams"))
                self.assertEqual(caught.exception.data["done"], "no")
                self.assertFalse(self.c.call("object.exists", "refused"))

    def test_the_lock_of_a_condition_is_a_lock_or_an_rlock(self):
        """docs/reference/condition.md: the option `lock` names a lock or an rlock; other types are a WrongType."""
        for kind in ("dict", "rwlock", "semaphore"):
            wrong = {"$ref": self.new(kind)}
            self.fails("WrongType", "object.create", "condition", "refused", [], {"lock": wrong})
        for kind in ("lock", "rlock"):
            lock = self.new(kind)
            name = self.new("condition", lock={"$ref": lock})
            options = self.c.call("object.info", name)["options"]
            self.assertEqual(reference_name(options["lock"]), lock)
        own = self.c.call("object.info", self.new("condition"))["options"]["lock"]
        self.assertEqual(self.c.call("object.type", own), "rlock")
        self.assertRegex(reference_name(own), "^#")


class Sets(Case):
    def test_the_other_set_may_be_a_reference(self):
        a, b = self.new("set", [1, 2, 3]), self.new("set", [3, 4])
        other = {"$ref": b}
        ask = lambda method: self.c.call("set." + method, a, other)
        self.assertEqual(ask("union"), Some(1, 2, 3, 4))
        self.assertEqual(ask("intersection"), [3])
        self.assertEqual(ask("difference"), Some(1, 2))
        self.assertEqual(ask("symmetric_difference"), Some(1, 2, 4))
        self.assertEqual(
            (ask("is_subset"), ask("is_superset"), ask("is_disjoint")), (False, False, False)
        )
        self.assertIsNone(ask("update"))
        self.assertIs(ask("is_superset"), True)
        self.assertIsNone(ask("intersection_update"))
        self.assertEqual(self.c.call("set.items", a), Some(3, 4))
        self.assertIs(ask("is_subset"), True)
        self.c.call("set.difference_update", a, {"$ref": a})
        self.assertEqual(self.c.call("set.len", a), 0)
        self.fails("WrongType", "set.union", a, {"$ref": self.new("dict")})
        self.fails("NotFound", "set.union", a, {"$ref": "missing"})

    def test_scan_visits_every_value_once(self):
        name = self.new("set", list(range(100)))
        seen, cursor = [], None
        while True:
            page = self.c.call("set.scan", name, cursor, 7)
            self.assertEqual(set(page), {"items", "cursor"})
            self.assertLessEqual(len(page["items"]), 7)
            seen += page["items"]
            if (cursor := page["cursor"]) is None:
                break
        self.assertEqual(sorted(seen), list(range(100)))

    def test_versions_grow_only_with_a_change(self):
        name = self.new("set", [1])
        for method, value, grows in (
            ("add", 1, 0),
            ("add", 2, 1),
            ("discard", 9, 0),
            ("discard", 2, 1),
        ):
            before = self.c.call("object.version", name)
            self.c.call("set." + method, name, value)
            self.assertEqual(self.c.call("object.version", name), before + grows, (method, value))

    def test_python_agrees_about_random_operations(self):
        seed = random.SystemRandom().randrange(1 << 32)
        chance, name, model = random.Random(seed), self.new("set"), set()
        print(f"seed {seed}")
        for _ in range(400):
            other = [chance.randrange(12) for _ in range(chance.randrange(6))]
            method = chance.choice(
                "update intersection_update difference_update symmetric_difference_update "
                "union intersection difference symmetric_difference add discard".split()
            )
            if method in ("add", "discard"):
                value = chance.randrange(12)
                expected = (value not in model) == (method == "add")
                getattr(model, method)(value)
                self.assertIs(self.c.call("set." + method, name, value), expected, seed)
            else:
                expected = getattr(model, method)(other)
                result = self.c.call("set." + method, name, other)
                if expected is not None:
                    result, expected = sorted(result), sorted(expected)
                self.assertEqual(result, expected, seed)
            self.assertEqual(sorted(self.c.call("set.items", name)), sorted(model), seed)


class Arrays(Case):
    def test_every_typecode_keeps_its_range(self):
        bits = {"b": 8, "h": 16, "i": 32, "l": 64, "q": 64}
        for code, width in bits.items():
            for typecode, low, high in (
                (code, -(2 ** (width - 1)), 2 ** (width - 1) - 1),
                (code.upper(), 0, 2**width - 1),
            ):
                with self.subTest(typecode=typecode):
                    name = self.new("array", typecode, [low, high])
                    self.assertEqual(self.c.call("array.slice", name), [low, high])
                    self.fails("ValueError", "array.add", name, 1, 1)
                    self.fails("ValueError", "array.add", name, 0, -1)
                    self.assertEqual(self.c.call("array.slice", name), [low, high])

    def test_bools_bytes_and_floats(self):
        flags = self.new("array", "?", 2)
        self.assertEqual(self.c.call("array.slice", flags), [False, False])
        self.c.call("array.set", flags, 1, True)
        self.assertIs(self.c.call("array.get", flags, 1), True)
        letters = self.new("array", "c", [{"$bytes": "YQ=="}, {"$bytes": "Yg=="}])
        self.assertEqual(self.c.call("array.get", letters, 1), {"$bytes": "Yg=="})
        single = self.new("array", "f", [0.1])
        self.assertAlmostEqual(self.c.call("array.get", single, 0), 0.1, places=6)

    def test_python_agrees_about_slices(self):
        seed = random.SystemRandom().randrange(1 << 32)
        chance, model = random.Random(seed), list(range(7))
        name = self.new("array", "q", model)
        for _ in range(300):
            bounds = [chance.choice([None, *range(-9, 10)]) for _ in range(2)]
            step = chance.choice([None, 1, 2, 3, -1, -2, -3])
            piece = slice(*bounds, step)
            self.assertEqual(self.c.call("array.slice", name, *bounds, step), model[piece], seed)
            values = [chance.randrange(100) for _ in model[piece]]
            model[piece] = values
            self.c.call("array.set_slice", name, *bounds, step, values)
            self.assertEqual(self.c.call("array.slice", name), model, seed)


class Contents(Case):
    def test_the_whole_content_as_a_plain_value(self):
        value = lambda *made: self.c.call("object.value", self.new(*made))
        self.assertEqual(value("set", [2, 1]), Some(1, 2))
        self.assertEqual(value("namespace", {"a": [1]}), {"a": [1]})
        self.assertEqual(value("array", "h", [1, 2]), [1, 2])
        self.assertEqual(value("counter", 7), 7)

    def test_waiting_ends_with_the_state_that_is_waited_for(self):
        latch, counter = self.new("latch", 2), self.new("counter")
        waiters = [self.new_client(unix=bool(n % 2)) for n in range(4)]
        numbers = [w.start("latch.wait", latch) for w in waiters[:2]]
        numbers += [w.start("counter.wait_at_least", counter, n) for n, w in zip((2, 5), waiters[2:])]
        self.await_waiters(latch, 2)
        self.await_waiters(counter, 2)
        self.c.call("latch.count_down", latch)
        self.assertEqual(len(self.waiters(latch)), 2)
        self.c.call("latch.count_down", latch)
        self.assertEqual([w.finish(n) for w, n in zip(waiters[:2], numbers)], [True, True])
        self.c.call("counter.add", counter, 3)
        self.assertEqual(waiters[2].finish(numbers[2]), 3)
        self.assertEqual(len(self.waiters(counter)), 1)
        self.c.call("counter.add", counter, 7)
        self.assertEqual(waiters[3].finish(numbers[3]), 10)

    def test_waiters_on_a_deleted_object_of_every_type_get_notfound(self):
        table = [
            ("latch", [1], "latch.wait", []),
            ("counter", [], "counter.wait_at_least", [1]),
            ("semaphore", [0], "semaphore.acquire", []),
            ("barrier", [2], "barrier.wait", []),
            ("pipe", [], "pipe.receive", [0]),
            ("pipe", [], "pipe.poll", [0, None]),
            ("queue", [], "queue.reserve", []),
        ]
        for kind, arguments, method, rest in table:
            with self.subTest(method):
                name, other = self.new(kind, *arguments), self.new_client()
                number = other.start(method, name, *rest)
                self.await_waiters(name, 1)
                self.c.call("object.delete", name)
                with self.assertRaises(Exception) as caught:
                    other.finish(number)
                self.assertEqual(caught.exception.kind, "NotFound")
                self.assertEqual(caught.exception.data["done"], "no")

    def test_expired_objects_are_gone(self):
        name = "short-lived-set"
        self.c.call("object.create", "set", name, [[1]], {"ttl": 0.02})
        until(lambda: not self.c.call("object.exists", name), "the end of the set")


if __name__ == "__main__":
    unittest.main()
