"""A user's own C++ class, loaded by agorad --plugin: the account of docs/examples/user_type."""
import os
import subprocess
import unittest

from harness import Case, Failure, SERVER

PLUGIN = os.path.join(os.path.dirname(os.path.dirname(SERVER)), "lib", "account.so")


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
        self.assertEqual(self.json("account.deposit", "savings", 50), 150)
        self.assertEqual(self.json("account.withdraw", "savings", 20), 130)
        self.assertEqual(self.json("account.balance", "savings"), 130)
        self.json("object.create", "account", "empty")
        self.assertEqual(self.json("account.balance", "empty"), 0)
        self.assertEqual(self.json("object.value", "savings"), 130)
        self.assertEqual(self.json("object.version", "savings"), 3)

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
    """The path of a shared library that surely is there."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        return next(line.split()[-1] for line in maps if "/libc" in line)


class BadPlugins(unittest.TestCase):
    def refused(self, path):
        run = subprocess.run([SERVER, "--no-tcp", "--unix", "/nowhere/x", "--plugin", path],
                             capture_output=True, text=True, timeout=30)
        self.assertNotEqual(run.returncode, 0)
        return run.stderr

    def test_a_missing_file_is_named(self):
        self.assertIn("/no/such.so", self.refused("/no/such.so"))

    def test_a_library_that_is_no_plugin_is_refused(self):
        self.assertIn("no plugin of agora", self.refused(math_library()))


if __name__ == "__main__":
    unittest.main()
