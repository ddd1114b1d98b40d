# SPDX-License-Identifier: MIT
"""Bad input: the error names its cause, nothing changes, and the connection is usable afterwards."""
import json
import unittest

from harness import Case, Failure
from sanitized import NOT_SANITIZED

BIG = 2**62
DEEP = [[[[{"a": 1}]]]]

# kind, args, options; bad calls: (method, arguments after the name, error types, a text that the message must contain)
TABLE = {
    "dict": (
        [{"a": 1}],
        {},
        [
            ("get", [[1, {"b": 2}]], "TypeError", ""),
            ("set", [{"x": 1}, 1], "TypeError", "map"),
            ("set", ["k", {"$ref": "nowhere"}], "NotFound", "nowhere"),
            ("set", ["k", [1, [{"$ref": "nowhere"}]]], "NotFound", "nowhere"),
            ("update", [[["a", 2], [{"m": 1}, 3]]], "TypeError", ""),
            ("update", [[["a", 2], ["b", {"$ref": "nowhere"}]]], "NotFound", "nowhere"),
            ("update", [[["a", 2], ["b"]]], ("ValueError", "TypeError", "InvalidParams"), ""),
            ("add", ["a", None], ("InvalidParams", "TypeError"), "amount"),
            ("add", ["a", True], ("InvalidParams", "TypeError"), "amount"),
            ("add", ["a", 2**63 + 5], (), ""),
            ("delete_many", [["a", {"m": 1}]], "TypeError", ""),
            ("delete_many", ["a"], "InvalidParams", "keys"),
            ("get_many", [{"a": 1}], "InvalidParams", "keys"),
            ("scan", [None, -1], ("ValueError", "InvalidParams"), "count"),
            ("scan", ["x"], ("InvalidParams", "ValueError"), "cursor"),
            ("wait_for", ["z", "soon"], "InvalidParams", "timeout"),
            ("wait_for", ["z", {"$float": "nan"}], "ValueError", "timeout"),
            ("wait_for", ["z", -0.001], "ValueError", "timeout"),
            ("get", [], "InvalidParams", "key"),
            ("get", ["a", "b"], "InvalidParams", ""),
            ("set", ["k"], "InvalidParams", "value"),
        ],
    ),
    "list": (
        [[1, "two", 3]],
        {},
        [
            ("get", [BIG], "IndexError", ""),
            ("get", [-BIG], "IndexError", ""),
            ("get", [2**64 - 1], ("IndexError", "InvalidParams"), ""),
            ("get", [None], "InvalidParams", "index"),
            ("get", [0.0], "InvalidParams", "index"),
            ("get", [False], "InvalidParams", "index"),
            ("set", [3, 1], "IndexError", "3"),
            ("set", [0, {"$ref": "nowhere"}], "NotFound", "nowhere"),
            ("delete", [-4], "IndexError", "-4"),
            ("pop", [3], "IndexError", "3"),
            ("insert", ["0", 1], "InvalidParams", "index"),
            ("extend", ["abc"], "InvalidParams", "values"),
            ("extend", [[1, {"$ref": "nowhere"}]], "NotFound", "nowhere"),
            ("set_slice", [0, 3, 2, [1]], "ValueError", ""),
            ("set_slice", [0, 3, None, [{"$ref": "nowhere"}]], "NotFound", "nowhere"),
            ("set_slice", [0, 1, None, 5], "InvalidParams", "values"),
            ("slice", [0, 1, 0], "ValueError", "step"),
            ("slice", [0.5], "InvalidParams", "start"),
            ("delete_slice", [0, 3, 0], "ValueError", "step"),
            ("remove", [9], "ValueError", ""),
            ("index", [9], "ValueError", ""),
            ("sort", [], "TypeError", ""),
            ("sort", [1], "InvalidParams", "reverse"),
            ("repeat", [BIG], "TooLarge", ""),
            ("repeat", [1.0], "InvalidParams", "n"),
            ("add", [1, 1], "TypeError", ""),
            ("add", [0, "1"], ("InvalidParams", "TypeError"), "amount"),
            ("add", [BIG, 1], "IndexError", ""),
            ("compare_and_set", [BIG, 1, 1], "IndexError", ""),
            ("compare_and_set", [0, 1, {"$ref": "nowhere"}], "NotFound", "nowhere"),
        ],
    ),
    "value": (
        ["B", 7],
        {},
        [
            ("set", [256], "ValueError", "256"),
            ("set", [-1], "ValueError", "-1"),
            ("set", ["7"], "TypeError", ""),
            ("set", [None], "TypeError", ""),
            ("set", [7.0], "TypeError", ""),
            ("set", [True], "TypeError", ""),
            ("set", [[7]], "TypeError", ""),
            ("add", [249], "ValueError", ""),
            ("add", [-8], "ValueError", ""),
            ("add", [2**63], "ValueError", ""),
            ("add", ["1"], ("InvalidParams", "TypeError"), "amount"),
            ("exchange", [300], "ValueError", "300"),
            ("exchange", [{"a": 1}], "TypeError", ""),
            ("compare_and_set", [7, 256], "ValueError", "256"),
            ("compare_and_set", [7, "x"], "TypeError", ""),
            ("set", [], "InvalidParams", "value"),
            ("set", [1, 2], "InvalidParams", ""),
        ],
    ),
    "queue": (
        [],
        {"maxsize": 2},
        [
            ("put", [1, -1], "ValueError", "timeout"),
            ("put", [1, "1"], "InvalidParams", "timeout"),
            ("put", [1, {"$float": "nan"}], "ValueError", "timeout"),
            ("put", [{"$ref": "nowhere"}], "NotFound", "nowhere"),
            ("put_many", [[1, {"$ref": "nowhere"}]], "NotFound", "nowhere"),
            ("put_many", [[1, 2, 3]], "ValueError", ""),
            ("put_many", [5], "InvalidParams", "items"),
            ("get", [-1], "ValueError", "timeout"),
            ("get", [True], "InvalidParams", "timeout"),
            ("get_many", [0], "ValueError", "max"),
            ("get_many", [-1], "ValueError", "max"),
            ("get_many", [1.5], "InvalidParams", "max"),
            ("get_many", [], "InvalidParams", "max"),
            ("task_done", [], "ValueError", ""),
            ("peek", [], "Empty", ""),
            ("join", [-5], "ValueError", "timeout"),
            ("close", [1], "InvalidParams", ""),
        ],
    ),
    "lock": (
        [],
        {},
        [
            ("acquire", [-1], "ValueError", "timeout"),
            ("acquire", [0, 7], "InvalidParams", "owner"),
            ("acquire", ["x"], "InvalidParams", "timeout"),
            ("acquire", [{"$float": "-inf"}], "ValueError", "timeout"),
            ("release", [], "NotLocked", ""),
            ("release", ["", "x"], "InvalidParams", "token"),
            ("release", ["", 5], "NotLocked", ""),
            ("release", ["", 1.0], "InvalidParams", "token"),
            ("holder", [1], "InvalidParams", ""),
        ],
    ),
    "event": (
        [],
        {},
        [
            ("wait", [-1], "ValueError", "timeout"),
            ("wait", [None, 1], "InvalidParams", ""),
            ("wait", [[]], "InvalidParams", "timeout"),
            ("set", [1], "InvalidParams", ""),
        ],
    ),
}


class BadCalls(Case):
    def content(self, kind, name):
        if kind in ("dict", "list", "value", "queue"):
            return self.c.call("object.value", name)
        return self.c.call("lock.holder" if kind == "lock" else "event.is_set", name)

    def play(self, kind):
        args, options, calls = TABLE[kind]
        name = self.new(kind, *args, **options)
        state = lambda: (self.c.call("object.version", name), self.content(kind, name))
        before = state()
        for method, arguments, kinds, word in calls:
            if not kinds:
                continue
            with self.subTest(call=f"{kind}.{method}{arguments}"):
                try:
                    result = self.c.call(f"{kind}.{method}", name, *arguments)
                    raise AssertionError(f"gave {result!r}")
                except Failure as failure:
                    self.assertIn(
                        failure.kind, (kinds,) if isinstance(kinds, str) else kinds, failure
                    )
                    self.assertEqual(failure.data["done"], "no")
                    self.assertIn(word, str(failure))
                self.assertEqual(state(), before)
        for method, arguments, kinds, word in calls:
            if not kinds:
                continue
            self.c.send(json.dumps({"method": f"{kind}.{method}", "params": [name, *arguments]}))
        self.assertEqual(state(), before, "bad notifications changed something")


for _kind in TABLE:
    setattr(
        BadCalls,
        f"test_bad_calls_of_a_{_kind}_change_nothing",
        lambda self, kind=_kind: self.play(kind),
    )


class Timeouts(Case):
    def test_a_very_long_timeout_is_a_long_wait_or_a_value_error_but_never_short(self):
        for timeout in (1e9, 1e18, 1e308, {"$float": "inf"}, 2**63, 2**64 - 1):
            with self.subTest(timeout=timeout):
                queue, other = self.new("queue"), self.new_client()
                number = other.start("queue.get", queue, timeout)
                if self.c.call("ping") and self.waiters(queue):
                    self.c.call("queue.put", queue, 1)
                    self.assertEqual(other.finish(number), 1)
                else:
                    with self.assertRaises(Failure) as caught:
                        other.finish(number)
                    self.assertEqual(caught.exception.kind, "ValueError")

    def test_a_tiny_timeout_ends(self):
        self.fails("Empty", "queue.get", self.new("queue"), 5e-324)
        self.fails("Empty", "queue.get", self.new("queue"), -0.0)


class Arithmetic(Case):
    def test_a_sum_beyond_64_bits_is_refused_or_exact(self):
        for start, amount in (
            (2**63 - 1, 1),
            (2**64 - 1, 1),
            (-(2**63), -1),
            (2**63, 2**63),
            (1, 2**64 - 1),
            (-1, 2**64 - 1),
            (2**64 - 1, -(2**63)),
        ):
            with self.subTest(start=start, amount=amount):
                name = self.new("dict", {"n": start})
                try:
                    self.assertEqual(self.c.call("dict.add", name, "n", amount), start + amount)
                except Failure as failure:
                    self.assertEqual(failure.kind, "ValueError")
                    self.assertFalse(-(2**63) <= start + amount < 2**64, "it fits")
                    self.assertEqual(self.c.call("dict.get", name, "n"), start)

    def test_python_agrees_about_slices(self):
        import itertools

        values = list(range(7))
        name = self.new("list", values)
        ends = (None, 0, 1, 3, 6, 7, 9, -1, -3, -7, -9, BIG, -BIG)
        for start, stop, step in itertools.product(ends, ends, (None, 1, 2, -1, -2, 10, -10)):
            number = self.c.start("list.slice", name, start, stop, step)
            self.assertEqual(self.c.finish(number), values[start:stop:step], (start, stop, step))

    def test_python_agrees_about_slice_assignment_and_deletion(self):
        for start, stop, step, new in (
            (0, 0, None, [8]),
            (2, 1, None, [8, 9]),
            (-2, None, None, []),
            (None, None, 2, [1, 2, 3, 4]),
            (None, None, -1, [6, 5, 4, 3, 2, 1, 0]),
            (9, 12, None, [5]),
            (5, 2, 1, [7]),
            (6, 0, -2, [1, 2, 3]),
        ):
            values = list(range(7))
            name = self.new("list", values)
            with self.subTest(slice=(start, stop, step)):
                self.c.call("list.set_slice", name, start, stop, step, new)
                values[start:stop:step] = new
                self.assertEqual(self.c.call("list.copy", name), values)
                self.c.call("list.delete_slice", name, start, stop, step)
                del values[start:stop:step]
                self.assertEqual(self.c.call("list.copy", name), values)


class Equality(Case):
    def test_values_compare_as_documented(self):
        pairs = [
            (1, 1.0, True),
            (True, 1, False),
            (False, 0, False),
            (2, "2", False),
            ("a", {"$bytes": "YQ=="}, False),
            (0, -0.0, True),
            (None, False, False),
            ({"$float": "nan"}, {"$float": "nan"}, True),
            ({"a": 1, "b": 2}, {"b": 2, "a": 1.0}, True),
            ([1, 2], [1.0, 2], True),
            ([1], [1, 2], False),
            (2**64 - 1, 1.8446744073709552e19, False),
            (2**53, 9007199254740992.0, True),
            (2**53 + 1, 9007199254740992.0, False),
            ("ä", "a\u0308", False),
            ({"$map": [[1, 2]]}, {"$map": [[1.0, 2.0]]}, True),
            ({}, [], False),
            ("", None, False),
        ]
        for left, right, same in pairs:
            with self.subTest(left=left, right=right):
                name = self.new("list", [left])
                self.assertIs(self.c.call("list.contains", name, right), same)
                self.assertEqual(self.c.call("list.count", name, right), int(same))
                self.assertIs(self.c.call("list.compare_and_set", name, 0, right, "new"), same)

    def test_an_entry_keeps_the_first_form_of_its_key(self):
        name = self.new("dict")
        for key, other in ((1.0, 1), (5, 5.0), (-0.0, 0), ([1.0], [1])):
            self.c.call("dict.set", name, key, "x")
            self.c.call("dict.set", name, other, "y")
            self.assertEqual(self.c.call("dict.get", name, key), "y")
        self.assertEqual(json.dumps(self.c.call("dict.keys", name)), "[1.0, 5, -0.0, [1.0]]")

    def test_every_hashable_value_is_a_key(self):
        name = self.new("dict")
        keys = [
            None,
            True,
            1,
            1.5,
            "",
            "a",
            {"$bytes": "AA=="},
            {"$ref": name},
            [],
            [1, [2, None]],
            {"$float": "nan"},
            {"$float": "inf"},
        ]
        for number, key in enumerate(keys):
            self.c.call("dict.set", name, key, number)
        self.assertEqual(
            [self.c.call("dict.get", name, key) for key in keys], list(range(len(keys)))
        )
        self.assertEqual(self.c.call("dict.len", name), len(keys))
        for key in ({}, {"a": 1}, [{}], {"$opaque": ["AA==", []]}):
            self.fails("TypeError", "dict.set", name, key, 1)


class Pressure(Case):
    options = ("--memory-max", "4mb")

    def test_the_memory_cap_refuses_and_changes_nothing_and_deletes_still_work(self):
        name, piece, kept = self.new("dict"), "x" * 100000, 0
        while kept < 200:
            try:
                self.c.call("dict.set", name, f"k{kept}", piece)
                kept += 1
            except Failure as failure:
                self.assertEqual((failure.kind, failure.data["done"]), ("OutOfMemory", "no"))
                break
        self.assertLess(kept, 60)
        self.assertGreater(kept, 5)
        self.assertEqual(self.c.call("dict.len", name), kept)
        self.assertEqual(self.c.call("dict.get", name, "k0"), piece)
        self.assertEqual(
            self.c.call("dict.delete_many", name, [f"k{n}" for n in range(kept)]), kept
        )
        self.c.call("dict.set", name, "again", piece)
        self.c.call("object.delete", name)


class Frames(Case):
    options = ("--frame-max", "4096")

    def test_a_line_over_the_limit_is_refused_and_other_connections_go_on(self):
        name = self.new("dict")
        for end in (b"\n", b""):
            with self.server.json() as c:
                try:
                    c.sock.sendall(
                        b'{"id":1,"method":"dict.set","params":["%s","k","%s"]}'
                        % (name.encode(), b"x" * 20000)
                        + end
                    )
                    reply = c.message()
                except (BrokenPipeError, ConnectionResetError):
                    reply = None
                if reply is not None:
                    self.assertEqual(reply["error"]["data"]["type"], "TooLarge")
        self.assertEqual(self.c.call("dict.len", name), 0)
        self.c.call("dict.set", name, "k", "x" * 3000)

    def test_a_msgpack_message_over_the_limit_is_refused(self):
        name = self.new("dict")
        with self.server.pack() as p:
            try:
                p.send([0, 1, "dict.set", [name, "k", "x" * 20000]])
                reply = p.message()
            except (BrokenPipeError, ConnectionResetError):
                reply = None
            if reply is not None:
                self.assertEqual(reply[2][1], "TooLarge")
        self.assertEqual(self.c.call("dict.len", name), 0)


class Flood(Case):
    def test_long_values_travel_whole_both_ways(self):
        name, text = self.new("dict"), "ä" * 4000000
        with self.server.json(unix=True) as c:
            c.call("dict.set", name, "k", text)
        self.assertEqual(self.c.call("dict.get", name, "k"), text)
        with self.server.pack() as p:
            self.assertEqual(p.call("dict.get", name, "k"), text)

    def test_a_whole_read_of_too_many_elements_names_slice_or_scan(self):
        name = self.new("list", [0] * 1000)
        self.fails("TooLarge", "list.repeat", name, 1100)
        self.c.call("list.repeat", name, 550)
        for _ in range(550):
            self.c.call("list.extend", name, [0] * 1000)
        failure = self.fails("TooLarge", "list.copy", name)
        self.assertRegex(str(failure), "slice|scan")
        self.fails("TooLarge", "object.value", name)
        self.assertEqual(self.c.call("list.slice", name, 1099990), [0] * 10)
        self.c.call("list.clear", name)
        self.assertEqual(self.c.call("list.len", name), 0)


class Backlog(Case):
    """Back-pressure: the server keeps 8 MiB and one reply for a slow client, then stops reading from it."""

    @NOT_SANITIZED
    def test_a_client_that_does_not_read_harms_no_other_and_costs_no_more_than_the_bound(self):
        name = self.new("dict", {"k": "x" * (5 << 20)})
        before = self.resident()
        reader = self.new_client()
        request = (
            json.dumps({"id": 1, "method": "dict.get", "params": [name, "k"]}).encode() + b"\n"
        )
        reader.sock.sendall(request * 30)
        for _ in range(50):
            self.assertEqual(self.c.call("ping"), "pong")
        grown = self.resident() - before
        for _ in range(30):
            self.assertEqual(len(reader.message()["result"]), 5 << 20)
        self.assertLess(grown >> 20, 40, "MiB kept for 30 replies of 5 MiB; the bound is 8 + 5")

    def resident(self):
        with open(f"/proc/{self.server.process.pid}/statm") as file:
            return int(file.read().split()[1]) * 4096


if __name__ == "__main__":
    unittest.main()
