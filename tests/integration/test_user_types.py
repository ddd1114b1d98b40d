# SPDX-License-Identifier: MIT
"""A C++ class of a user, loaded by agorad --plugin: the account of docs/examples/user_type."""
import json
import os
import shutil
import subprocess
import tempfile
import unittest

from harness import Case, Failure, SERVER

LIBRARIES = os.path.join(os.path.dirname(os.path.dirname(SERVER)), "lib")
PLUGIN = os.path.join(LIBRARIES, "account.so")
BAD_PLUGIN = os.path.join(LIBRARIES, "bad_plugin.so")


@unittest.skipUnless(os.path.exists(PLUGIN), "the example plugin is not built")
class Account(Case):
    options = ("--plugin", PLUGIN)

    def setUp(self):
        super().setUp()
        self.json = self.c.call
        for name in ("savings", "empty", "a", "b"):
            self.json("object.delete", name)

    def error(self, *call):
        with self.assertRaises(Failure) as caught:
            self.json(*call)
        return caught.exception

    def test_methods_results_and_defaults(self):
        self.json("object.create", "account", "savings", [100])
        version = self.json("object.version", "savings")
        self.assertEqual(self.json("account.deposit", "savings", 50), 150)
        self.assertEqual(self.json("account.withdraw", "savings", 20), 130)
        self.assertEqual(self.json("account.balance", "savings"), 130)
        self.json("object.create", "account", "empty")
        self.assertEqual(self.json("account.balance", "empty"), 0)
        self.assertEqual(self.json("object.value", "savings"), 130)
        self.assertEqual(self.json("object.version", "savings"), version + 2)

    def test_exceptions_arrive_as_user_errors_with_type_and_text(self):
        self.json("object.create", "account", "savings", [10])
        error = self.error("account.withdraw", "savings", 20)
        self.assertEqual(error.code, 30)
        self.assertEqual(error.kind, "UserError")
        self.assertEqual(error.data["exception"], "std::out_of_range")
        self.assertEqual(error.data["text"], "there are only 10 cents")
        error = self.error("object.create", "account", "debts", [-1])
        self.assertEqual(error.data["exception"], "std::invalid_argument")
        self.assertEqual(self.json("object.exists", "debts"), False)

    def test_bad_parameters_are_refused_before_the_method_runs(self):
        self.json("object.create", "account", "savings", [10])
        self.assertEqual(self.error("account.deposit", "savings", "much").code, -32602)
        self.assertEqual(self.error("account.deposit", "savings").code, -32602)
        self.assertEqual(self.error("account.deposit", "savings", 2**63).kind, "ValueError")
        self.assertEqual(self.json("account.balance", "savings"), 10)

    def test_help_and_catalogue_know_it(self):
        self.assertIn("Adds cents", self.json("help", "account.deposit"))
        self.assertIn("account", [t["name"] for t in self.json("server.methods")["types"]])

    def test_a_transaction_that_fails_leaves_it_as_it_was(self):
        self.json("object.create", "account", "a", [100])
        self.json("object.create", "account", "b", [0])
        calls = [["account.deposit", ["b", 500]], ["account.withdraw", ["a", 500]]]
        error = self.error("transaction.run", calls)
        self.assertEqual((error.kind, error.data["index"]), ("UserError", 1))
        self.assertEqual(self.json("account.balance", "b"), 0)
        calls = [["account.deposit", ["b", 60]], ["account.withdraw", ["a", 60]]]
        self.assertEqual(self.json("transaction.run", calls), [60, 40])


def math_library():
    """Returns the path of a shared library that every system has."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        return next(line.split()[-1] for line in maps if "/libc" in line)


class BadPlugins(unittest.TestCase):
    def refused(self, *paths, fault=""):
        """Asserts that agorad ends cleanly without a ready line; returns its error text."""
        options = [word for path in paths for word in ("--plugin", path)]
        run = subprocess.run([SERVER, "--no-tcp", "--unix", "/nowhere/x", *options],
                             capture_output=True, text=True, timeout=30,
                             env={**os.environ, "AGORA_PLUGIN_FAULT": fault})
        self.assertEqual(run.returncode, os.EX_UNAVAILABLE, run.stderr)
        self.assertEqual(run.stdout, "")
        self.assertEqual(run.stderr.count("\n"), 1, run.stderr)
        self.assertTrue(run.stderr.startswith("agorad: "), run.stderr)
        return run.stderr

    def test_a_missing_file_is_named(self):
        self.assertIn("/no/such.so", self.refused("/no/such.so"))
        self.assertIn("such.so", self.refused("such.so"))

    def test_a_file_that_is_no_library_is_refused(self):
        for path in (__file__, os.path.dirname(__file__), "/dev/null", ""):
            with self.subTest(path=path):
                self.assertIn("plugin " + path + ": cannot be loaded", self.refused(path))

    def test_a_library_that_is_no_plugin_is_refused(self):
        self.assertIn("no plugin of agora", self.refused(math_library()))

    def test_a_plugin_that_other_users_could_replace_is_refused(self):
        folder = tempfile.mkdtemp(prefix="agora-")
        self.addCleanup(shutil.rmtree, folder)
        path = os.path.join(folder, "p.so")
        shutil.copy(BAD_PLUGIN, path)
        os.chmod(path, 0o666)
        self.assertIn(f"{path} is writable by other users", self.refused(path))
        os.chmod(path, 0o644)
        os.chmod(folder, 0o777)
        self.assertIn(f"{folder} is writable by other users", self.refused(path))
        os.chmod(folder, 0o755)
        self.assertIn("describes no types", self.refused(path, fault="none"))

    def test_a_plugin_whose_description_is_wrong_is_refused(self):
        wanted = {
            "version": "another version of agora: its interface is 77, expected 1",
            "throws": "the description of its types failed: there is no licence",
            "throws a number": "the description of its types failed: it threw no std::exception",
            "none": "describes no types",
            "taken": '"dict": there is a type of that name',
            "twice": '"trap": there is a type of that name',
            "no word": '"Trap": its name must be a lower-case word',
            "same method": '"trap": two methods are named number',
            "guard": 'the parameter "guard" of touch is taken',
            "same parameter": 'the parameter "first" of the constructor is there twice',
            "order": 'the parameter "second" of the constructor must be given',
        }
        for fault, text in wanted.items():
            with self.subTest(fault=fault):
                self.assertIn(text, self.refused(BAD_PLUGIN, fault=fault))

    def test_two_plugins_with_one_type_are_refused(self):
        self.assertIn('"account": there is a type of that name', self.refused(PLUGIN, PLUGIN))


class Traps(Case):
    """A plugin whose methods fail: the caller gets each failure, and the server goes on."""

    options = ("--plugin", BAD_PLUGIN)

    def setUp(self):
        super().setUp()
        self.c.call("object.delete", "t")
        self.c.call("object.create", "trap", "t", [5])

    def fails(self, method, *params):
        with self.assertRaises(Failure) as caught:
            self.c.call(method, *params)
        self.assertIsInstance(self.c.call("trap.number", "t"), int)
        return caught.exception

    def test_a_constructor_that_throws_makes_no_object(self):
        error = self.fails("object.create", "trap", "u", [-1])
        self.assertEqual((error.kind, error.data["done"]), ("UserError", "no"))
        self.assertIn("unknown type", str(error))
        self.assertFalse(self.c.call("object.exists", "u"))

    def test_exceptions_without_type_or_text(self):
        error = self.fails("trap.throw_number", "t")
        self.assertEqual((error.kind, error.data["done"]), ("UserError", "unknown"))
        self.assertEqual(self.c.call("trap.number", "t"), 6)
        error = self.fails("trap.throw_silently", "t")
        self.assertEqual((error.data["text"], error.data["done"]), ("", "no"))
        error = self.fails("trap.throw_no_text", "t")
        self.assertEqual(error.data["text"], "caf?")

    def test_results_that_are_no_values(self):
        for method in ("no_text", "no_value", "two_values"):
            with self.subTest(method=method):
                error = self.fails("trap." + method, "t")
                self.assertEqual(error.kind, "UserError")
                self.assertIn("what trap." + method + " gave is no value", str(error))

    def test_a_codec_that_overwrites_other_results_spoils_no_other_reply(self):
        self.c.call("object.create", "dict", "d")
        self.c.call("dict.set", "d", "k", "value")
        calls = [("dict.get", ["d", "k"]), ("trap.greedy", ["t"]), ("dict.get", ["d", "k"])] * 8
        self.c.send("\n".join(json.dumps({"id": 1000 + i, "method": method, "params": params})
                              for i, (method, params) in enumerate(calls)))
        replies = [json.loads(self.c.line()).get("result") for _ in calls]
        self.assertEqual(replies, ["value", 7, "value"] * 8)

    def test_a_codec_that_throws(self):
        self.assertEqual(self.fails("trap.touch", "t", 1).kind, "UserError")

    def test_a_transaction_rolls_back_the_calls_before_the_failed_one(self):
        calls = [["object.create", ["dict", "made"]], ["trap.throw_number", ["t"]]]
        self.assertEqual(self.fails("transaction.run", calls).data["index"], 1)
        self.assertFalse(self.c.call("object.exists", "made"))
        self.assertEqual(self.c.call("trap.number", "t"), 5)


if __name__ == "__main__":
    unittest.main()
