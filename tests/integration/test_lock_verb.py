# SPDX-License-Identifier: MIT
"""`agora lock NAME -- CMD` and `agora call`: exit codes, the token, signals, and the loss of the lock."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

import harness

AGORA = os.path.join(os.path.dirname(harness.SERVER), "agora")
WAIT = "import signal; signal.pause()"


class Verb(harness.Case):
    def command(self, *words):
        return [AGORA, "--server", f"unix:{self.server.unix}", *words]

    def run_verb(self, *words, **options):
        return subprocess.run(self.command(*words), capture_output=True, text=True,
                              timeout=harness.DEADLINE_S * 2, check=False, **options)

    def start(self, *words, **options):
        """Starts `agora lock` and returns its process; the test ends it."""
        running = subprocess.Popen(self.command("lock", *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, preexec_fn=harness.die_with_parent, **options)
        self.addCleanup(running.stdout.close)
        self.addCleanup(running.stderr.close)
        self.addCleanup(running.wait)
        self.addCleanup(running.kill)
        return running

    def locked(self, name):
        try:
            return self.c.call("lock.locked", name)
        except harness.Failure:
            return False


class Lock(Verb):
    def test_exit_codes_are_those_of_the_command(self):
        for words, code in ((["true"], 0), (["sh", "-c", "exit 3"], 3), (["sh", "-c", "kill -9 $$"], 137),
                            (["no-such-command"], 127), (["/etc/passwd"], 126)):
            with self.subTest(words=words):
                self.assertEqual(self.run_verb("lock", "codes", "--", *words).returncode, code)
                self.assertFalse(self.locked("codes"))

    def test_the_command_runs_under_the_lock_with_its_token(self):
        script = f"echo $AGORA_TOKEN; {AGORA} --server unix:{self.server.unix} call lock.holder k; echo -- --x"
        found = self.run_verb("lock", "k", "--timeout", "5", "--", "sh", "-c", script)
        self.assertEqual((found.returncode, found.stderr), (0, ""))
        token, holder, last = found.stdout.splitlines()
        self.assertIn(f'"token":{token}', holder)
        self.assertEqual(last, "-- --x")
        self.assertFalse(self.locked("k"))

    def test_options_of_the_command_stay_its_own(self):
        self.assertEqual(self.run_verb("lock", "k", "--", "echo", "--timeout", "-n").stdout, "--timeout -n\n")
        self.assertEqual(self.run_verb("lock", "--timeout", "1", "k", "--", "echo", "[a,b]").stdout, "[a,b]\n")

    def test_a_lock_that_is_not_free_in_time_is_75(self):
        self.c.call("object.create", "lock", "busy")
        self.c.call("lock.acquire", "busy")
        for timeout in ("0", "0.05"):
            found = self.run_verb("lock", "busy", "--timeout", timeout, "--", "echo", "ran")
            self.assertEqual((found.returncode, found.stdout), (75, ""))
            self.assertIn("busy", found.stderr)

    def test_a_lost_lock_ends_the_command_and_is_75(self):
        running = self.start("lost", "--", sys.executable, "-c", f"print('up', flush=True); {WAIT}")
        self.assertEqual(running.stdout.readline(), "up\n")
        session = self.c.call("lock.holder", "lost")["session"]
        admin = self.new_client(kind="typed", unix=True)
        self.assertEqual(admin.ask(f"server.end_session {session}"), "null")
        self.assertEqual(running.wait(harness.DEADLINE_S * 2), 75)
        self.assertIn("lost", running.stderr.read())

    def test_signals_reach_the_command(self):
        running = self.start("s", "--", sys.executable, "-c", f"print('up', flush=True); {WAIT}")
        self.assertEqual(running.stdout.readline(), "up\n")
        running.send_signal(signal.SIGTERM)
        self.assertEqual(running.wait(harness.DEADLINE_S), 128 + signal.SIGTERM)
        harness.until(lambda: not self.locked("s"), "the end of the lock")

    def test_a_signal_ends_the_wait_for_the_lock(self):
        self.c.call("object.create", "lock", "w")
        self.c.call("lock.acquire", "w")
        running = self.start("w", "--", "true")
        harness.until(lambda: self.c.call("server.waits"), "the wait")
        running.send_signal(signal.SIGINT)
        self.assertEqual(running.wait(harness.DEADLINE_S), 128 + signal.SIGINT)
        harness.until(lambda: not self.c.call("server.waits"), "the end of the wait")

    def test_a_killed_holder_takes_its_command_along(self):
        running = self.start("h", "--", sys.executable, "-c", f"import os; print(os.getpid(), flush=True); {WAIT}")
        child = int(running.stdout.readline())
        running.kill()
        self.assertEqual(running.stdout.read(), "")  # the command has ended: it had the pipe open
        harness.until(lambda: not self.locked("h"), "the end of the lock")
        self.assertFalse(os.path.exists(f"/proc/{child}/fd/1"))

    def test_bad_use(self):
        self.assertEqual(self.run_verb("lock", "k").returncode, 64)
        self.assertEqual(self.run_verb("lock", "k", "--").returncode, 64)
        for words in (["k", "true"], ["k", "-x", "--", "true"], ["", "--", "true"]):
            with self.subTest(words=words):
                self.assertEqual(self.run_verb("lock", *words).returncode, 64)
        for timeout in ("-1", "x", "nan", "inf", ""):
            with self.subTest(timeout=timeout):
                found = self.run_verb("lock", "k", f"--timeout={timeout}", "--", "true")
                self.assertEqual(found.returncode, 64)
                self.assertIn("seconds", found.stderr.lower())
                self.assertLess(len(found.stderr), 200)
        self.c.call("object.create", "dict", "d")
        found = self.run_verb("lock", "d", "--", "true")
        self.assertEqual(found.returncode, 1)
        self.assertIn("d", found.stderr)
        gone = subprocess.run([AGORA, "--server", "unix:/nonexistent", "lock", "k", "--", "true"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(gone.returncode, 69)


class Impostor(Verb):
    SOURCE = (
        "import os, socket, sys\n"
        "os.setuid(65534)\n"
        "s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); print('up', flush=True)\n"
        "while True:\n"
        "    c = s.accept()[0]; print(len(c.recv(4096)), flush=True); c.close()\n"
    )

    @unittest.skipUnless(os.geteuid() == 0, "only root can play another user")
    def test_another_users_server_gets_nothing_unless_it_is_named(self):
        folder = tempfile.mkdtemp(prefix="agora-")
        self.addCleanup(shutil.rmtree, folder)
        os.chmod(folder, 0o777)
        path = os.path.join(folder, "s")
        impostor = subprocess.Popen([sys.executable, "-c", self.SOURCE, path], stdout=subprocess.PIPE,
                                    preexec_fn=harness.die_with_parent)
        self.addCleanup(impostor.stdout.close)
        self.addCleanup(impostor.wait)
        self.addCleanup(impostor.kill)
        self.assertEqual(harness.read_line(impostor.stdout), "up\n")
        for words in (["call", "dict.set", "secrets", "password", "x"], ["lock", "k", "--", "true"],
                      ["bench", "-n", "1"]):
            with self.subTest(words=words):
                found = subprocess.run([AGORA, "--server", f"unix:{path}", *words], capture_output=True, text=True,
                                       timeout=harness.DEADLINE_S * 2, check=False)
                self.assertEqual(found.returncode, 69)
                self.assertIn("user 65534", found.stderr)
                self.assertEqual(harness.read_line(impostor.stdout), "0\n")
        for words in (["call", "ping"], ["lock", "k", "--", "true"]):
            subprocess.run([AGORA, "--server", f"unix:{path}", "--peer-uid", "65534", *words],
                           capture_output=True, timeout=harness.DEADLINE_S * 2, check=False)
            self.assertGreater(int(harness.read_line(impostor.stdout)), 0)


class Call(Verb):
    def test_a_call_whose_result_would_end_with_it_is_refused(self):
        self.c.call("object.create", "lock", "k")
        self.c.call("object.create", "queue", "q")
        self.c.call("queue.put", "q", 1)
        for words in (["lock.acquire", "k"], ["lock.acquire", "k", "timeout=0"], ["queue.reserve", "q"],
                      ["object.watch", "k"], ["object.create", "dict"], ["object.create", "dict", "e", "ephemeral=true"]):
            with self.subTest(words=words):
                found = self.run_verb("call", *words)
                self.assertEqual((found.returncode, found.stdout), (64, ""))
                self.assertTrue(found.stderr.startswith(f"agora: {words[0]}: "))
        self.assertEqual(self.run_verb("call", "queue.size", "q").stdout, "1\n")
        self.assertEqual(self.run_verb("call", "object.create", "dict", "e").returncode, 0)
        self.assertEqual(self.run_verb("call", "lock.release", "k").returncode, 1)

