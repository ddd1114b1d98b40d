# SPDX-License-Identifier: MIT
"""Scripts of calls to one object, each with its result or error; played with positional and with named parameters."""
import catalogue
from harness import Case, Failure


class Fails:
    """The expected type of an error, or several types of which one must come."""

    def __init__(self, kind):
        self.kind = kind

    def __repr__(self):
        return f"Fails({self.kind})"


class Some:
    """An expected list in any order."""

    def __init__(self, *values):
        self.values = values

    def __repr__(self):
        return f"Some{self.values}"

    def __eq__(self, other):
        return isinstance(other, list) and sorted(map(repr, other)) == sorted(map(repr, self.values))


F = Fails
ANY = object()
BAD = F(("InvalidParams", "TypeError"))  # A parameter of the wrong kind, as the catalogue or the object shows.


class Player(Case):
    """Plays `scripts`: name -> ((type, args, options), [(method, arguments after the name, expected)])."""

    scripts = {}

    def play(self, script, named):
        (kind, args, options), steps = self.scripts[script]
        name = self.new(kind, *args, **options)
        for number, (method, arguments, expected) in enumerate(steps):
            method = f"{kind}.{method}"
            with self.subTest(step=number, call=f"{method}{arguments}"):
                before = self.c.call("object.version", name)
                arguments = [name, *arguments]
                try:
                    result = (
                        self.c.call(method, **catalogue.by_name(method, arguments))
                        if named
                        else self.c.call(method, *arguments)
                    )
                except Failure as failure:
                    self.check_failure(failure, expected)
                    self.assertEqual(
                        self.c.call("object.version", name), before, "an error changed the version"
                    )
                    continue
                self.check_result(result, expected)
                if "r" in catalogue.METHODS[method][2]:
                    self.assertEqual(
                        self.c.call("object.version", name), before, "a read changed the version"
                    )

    def check_failure(self, failure, expected):
        self.assertIsInstance(expected, Fails, f"{failure.kind}: {failure}")
        kinds = expected.kind if isinstance(expected.kind, tuple) else (expected.kind,)
        self.assertIn(failure.kind, kinds, failure)
        self.assertEqual(failure.data["done"], "no")

    def check_result(self, result, expected):
        self.assertNotIsInstance(expected, Fails, f"gave {result!r} instead of {expected}")
        if isinstance(expected, Some):
            self.assertEqual(expected, result)
        elif expected is not ANY:
            self.assertEqual((result, type(result)), (expected, type(expected)))


def add_tests(case):
    """Adds two tests to the case for each of its scripts."""
    for script in case.scripts:
        for named in (False, True):

            def test(self, script=script, named=named):
                self.play(script, named)

            suffix = "by_name" if named else "by_position"
            setattr(case, f"test_{script.replace(' ', '_')}_{suffix}", test)
