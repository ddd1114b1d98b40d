# SPDX-License-Identifier: MIT
"""`agora bench`: its output, the number of its calls, and that it leaves no objects behind."""
import json
import os
import signal
import subprocess

import harness

AGORA = os.path.join(os.path.dirname(harness.SERVER), "agora")


class Bench(harness.Case):
    def bench(self, *options, address=None):
        """Runs `agora bench` to its end."""
        return subprocess.run(
            [AGORA, "--server", address or f"unix:{self.server.unix}", "bench", *options],
            capture_output=True, text=True, timeout=harness.DEADLINE_S * 3, check=False)

    def objects(self):
        return [each["name"] for each in self.c.call("object.list")["items"]]

    def test_every_test_prints_a_line_and_no_object_stays(self):
        found = self.bench("-c", "3", "-n", "600", "-P", "4", "-d", "100", "--keys", "50", "--json")
        self.assertEqual((found.returncode, found.stderr), (0, ""))
        lines = [json.loads(line) for line in found.stdout.splitlines()]
        self.assertEqual([line["test"] for line in lines], ["get", "set", "incr", "queue", "lock"])
        for line in lines:
            self.assertGreaterEqual(line["requests"], 600)
            self.assertLess(line["requests"], 600 + 3 * 4 * 2)
            self.assertGreater(line["requests_per_second"], 0)
            self.assertLessEqual(line["p50_ms"], line["p99_ms"])
            self.assertLessEqual(line["p99_ms"], line["max_ms"])
        self.assertEqual(self.objects(), [])

    def test_the_server_counts_the_calls(self):
        before = self.c.call("server.stats")["calls"]
        self.assertEqual(self.bench("-c", "2", "-n", "1000", "-t", "set,lock", "--keys", "1").returncode, 0)
        made = self.c.call("server.stats")["calls"] - before
        self.assertGreaterEqual(made, 2000)
        self.assertLess(made, 2100)

    def test_text_over_tcp(self):
        found = self.bench("-n", "10", "-c", "1", "-t", "get", address=f"tcp://127.0.0.1:{self.server.port}")
        self.assertEqual(found.returncode, 0, found.stderr)
        self.assertRegex(
            found.stdout,
            r"^get +10 requests in [\d.]+ s: \d+ requests/s, latency p50 [\d.]+ ms, p99 [\d.]+ ms, max [\d.]+ ms\n$")

    def test_a_large_value(self):
        found = self.bench("-n", "8", "-c", "2", "-d", str(4 << 20), "--keys", "2", "-t", "get,set,queue")
        self.assertEqual((found.returncode, found.stderr), (0, ""))

    def test_a_killed_bench_leaves_no_object(self):
        with subprocess.Popen([AGORA, "--server", f"unix:{self.server.unix}", "bench", "-n", "2000000000"],
                              stdout=subprocess.DEVNULL, preexec_fn=harness.die_with_parent) as running:
            harness.until(self.objects, "an object of the load")
            running.send_signal(signal.SIGKILL)
        harness.until(lambda: not self.objects(), "the end of its objects")

    def test_a_bad_option_is_named_in_the_error(self):
        for options, words in ((("-t", "fly"), "fly"), (("-c", "0"), "-c"), (("-P", "x"), "x"),
                               (("-d", "33000000", "-c", "100"), "1 GiB")):
            found = self.bench(*options)
            self.assertNotEqual(found.returncode, 0)
            self.assertIn(words, found.stderr)
            self.assertEqual(found.stdout, "")
        self.assertEqual(self.objects(), [])

    def test_a_missing_server_is_named_in_the_error(self):
        found = self.bench(address="unix:/nowhere/at/all")
        self.assertEqual(found.returncode, 69)
        self.assertIn("/nowhere/at/all", found.stderr)
