# SPDX-License-Identifier: MIT
"""The server and its host: restarts, signals, sockets that are removed, memory and files that run short."""
import json
import os
import resource
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import unittest

import harness
from harness import DEADLINE_S, SERVER, Failure, Json, die_with_parent, outcome, read_line, until
from sanitized import NOT_SANITIZED

BIG = 1_000_000  # The bytes of a value that lies in memory of its own.


def limited(what, most):
    """Returns a function for the child before exec: dies with its parent and has that limit."""

    def prepare():
        die_with_parent()
        resource.setrlimit(what, (most, most))

    return prepare


class HostCase(unittest.TestCase):
    """A test case that starts servers with prepared surroundings."""

    def setUp(self):
        signal.alarm(harness.ALARM)
        self.directory = tempfile.mkdtemp(prefix="agora-")
        self.addCleanup(shutil.rmtree, self.directory, True)
        self.path = os.path.join(self.directory, "run", "s")

    def start(self, *options, preexec=die_with_parent, path=None, wrap=(), **how):
        """Starts a server on self.path; its log goes to self.log."""
        self.log = os.path.join(self.directory, "log")
        how.setdefault("stderr", open(self.log, "ab"))
        process = subprocess.Popen(
            [*wrap, SERVER, "--no-tcp", "--unix", path or self.path, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            preexec_fn=preexec,
            **how,
        )
        how["stderr"].close() if hasattr(how["stderr"], "close") else None
        self.addCleanup(self.kill, process)
        self.assertTrue(read_line(process.stdout).startswith("ready "), self.log_text())
        return process

    def log_text(self):
        with open(self.log, errors="replace") as file:
            return file.read()

    def kill(self, process):
        if process.poll() is None:
            process.kill()
        process.wait(DEADLINE_S)
        process.stdout.close()

    def end(self, process, number=signal.SIGTERM):
        process.send_signal(number)
        return process.wait(DEADLINE_S)

    def client(self, path=None):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(DEADLINE_S)
        self.addCleanup(sock.close)
        sock.connect(path or self.path)
        return Json(sock)

    def refusal(self, *options, **how):
        """Returns the status and the message of a server that does not start."""
        done = subprocess.run(
            [SERVER, *options],
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            stdin=subprocess.DEVNULL,
            preexec_fn=die_with_parent,
            **how,
        )
        self.assertEqual(done.stdout, "")
        return done.returncode, done.stderr


class Restarts(HostCase):
    def test_tokens_grow_over_quick_restarts(self):
        last = 0
        for _ in range(12):
            process = self.start()
            c = self.client()
            c.call("object.create", "lock", "k")
            token = c.call("lock.acquire", "k")["token"]
            self.assertGreater(token, last)
            self.assertLess(token, 1 << 53)
            last = token
            self.kill(process)

    def test_a_session_of_an_earlier_life_is_lost_whatever_its_token(self):
        process = self.start()
        c = self.client()
        opened = c.call("session.open", 60)
        self.kill(process)
        self.start()
        fresh = self.client()
        self.assertNotEqual(fresh.call("session.open", 60)["session"], opened["session"])
        for token in (opened["token"], "another"):
            with self.assertRaises(Failure) as caught:
                self.client().call("session.resume", opened["session"], token)
            self.assertEqual(caught.exception.kind, "SessionLost")

    def test_a_live_session_with_a_wrong_token_is_unauthenticated(self):
        self.start()
        opened = self.client().call("session.open", 60)
        with self.assertRaises(Failure) as caught:
            self.client().call("session.resume", opened["session"], "another")
        self.assertEqual(caught.exception.kind, "Unauthenticated")


class Signals(HostCase):
    def test_an_orderly_end_is_told_to_all_waiting_calls(self):
        for how in ("SIGTERM", "SIGINT", "server.shutdown"):
            with self.subTest(how=how):
                process = self.start()
                admin = self.client()
                admin.call("object.create", "queue", "q")
                plain, opened, typed = self.client(), self.client(), self.client()
                opened.call("session.open", 60)
                waiting = [(c, c.start("queue.get", "q")) for c in (plain, opened)]
                typed.send("queue.get q")
                until(lambda: len(admin.call("server.waits")) == 3, "three waiting calls")
                if how == "server.shutdown":
                    admin.start(how)
                else:
                    process.send_signal(getattr(signal, how))
                for c, number in waiting:
                    with self.assertRaises(Failure) as caught:
                        c.finish(number)
                    self.assertEqual(caught.exception.kind, "SessionLost")
                    self.assertEqual(caught.exception.data["done"], "no")
                self.assertTrue(typed.line().startswith("SessionLost: "))
                self.assertEqual(process.wait(DEADLINE_S), 0)

    def test_blocked_and_ignored_signals_end_the_server_all_the_same(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            for ignore in (False, True):
                with self.subTest(signal=number, ignored=ignore):

                    def prepare():
                        die_with_parent()
                        if ignore:
                            signal.signal(number, signal.SIG_IGN)
                        else:
                            signal.pthread_sigmask(signal.SIG_BLOCK, [number])

                    self.assertEqual(self.end(self.start(preexec=prepare), number), 0)
                    self.assertFalse(os.path.exists(self.path))

    def test_sighup_is_logged_and_ends_nothing(self):
        for mask in ((), (signal.SIGHUP,)):

            def prepare():
                die_with_parent()
                signal.pthread_sigmask(signal.SIG_BLOCK, mask)

            process = self.start(preexec=prepare)
            c = self.client()
            c.call("object.create", "event", "e")
            waiting = c.start("event.wait", "e")
            before = self.log_text().count("SIGHUP")
            process.send_signal(signal.SIGHUP)
            until(lambda: self.log_text().count("SIGHUP") > before, "a line about SIGHUP")
            self.client().call("event.set", "e")
            self.assertTrue(c.finish(waiting))
            self.assertEqual(self.end(process), 0)


class Sockets(HostCase):
    def reachable(self, path=None):
        try:
            return self.client(path).call("ping") == "pong"
        except OSError:
            return False

    def test_a_removed_or_renamed_socket_is_made_again(self):
        process = self.start()
        held = self.client()
        held.call("object.create", "value", "v", ["q", 7])
        for remove in (os.unlink, lambda path: os.rename(path, path + ".old")):
            remove(self.path)
            until(self.reachable, "the socket")
            self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)
            self.assertEqual(self.client().call("value.get", "v"), 7)
            self.assertEqual(held.call("value.get", "v"), 7)
        self.assertEqual(self.end(process), 0)
        self.assertFalse(os.path.exists(self.path))
        self.assertEqual(os.listdir(os.path.dirname(self.path)), ["s.old"])

    def test_a_second_server_is_refused_even_if_the_socket_was_removed(self):
        self.start()
        os.unlink(self.path)
        status, message = self.refusal("--no-tcp", "--unix", self.path)
        self.assertEqual(status, 69)
        self.assertIn("live server", message)
        until(self.reachable, "the socket of the first server")

    def test_a_server_leaves_the_socket_of_its_successor_alone(self):
        first = self.start()
        shutil.rmtree(os.path.dirname(self.path))
        second = self.start()
        until(lambda: "another server" in self.log_text(), "the first server's notice")
        self.assertEqual(self.end(first), 0)
        self.assertTrue(self.reachable())
        self.assertEqual(self.end(second), 0)
        self.assertEqual(os.listdir(os.path.dirname(self.path)), [])

    def test_a_removed_lock_is_made_again_by_its_holder(self):
        self.start()
        os.unlink(self.path + ".lock")
        os.unlink(self.path)
        until(self.reachable, "the socket")
        self.assertEqual(self.refusal("--no-tcp", "--unix", self.path)[0], 69)

    def test_a_file_in_place_of_the_socket_is_left_alone(self):
        process = self.start()
        os.unlink(self.path)
        with open(self.path, "w") as file:
            file.write("precious")
        until(lambda: "no longer at its path" in self.log_text(), "a line about it")
        self.assertEqual(self.end(process), 0)
        with open(self.path) as file:
            self.assertEqual(file.read(), "precious")

    def test_one_of_many_servers_that_start_at_once_serves(self):
        for _ in range(4):
            os.makedirs(os.path.dirname(self.path), 0o700, exist_ok=True)
            with socket.socket(socket.AF_UNIX) as stale:
                stale.bind(self.path)
            started = [
                subprocess.Popen(
                    [SERVER, "--no-tcp", "--unix", self.path, "--log-level", "off"],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    preexec_fn=die_with_parent,
                )
                for _ in range(12)
            ]
            for process in started:
                self.addCleanup(self.kill, process)
            ready = [process for process in started if read_line(process.stdout)]
            self.assertEqual(len(ready), 1)
            self.assertTrue(self.reachable())
            refused = [process.wait(DEADLINE_S) for process in started if process is not ready[0]]
            self.assertEqual(refused, [69] * 11)
            self.assertEqual(self.end(ready[0]), 0)

    def test_a_directory_that_others_can_write_to_is_refused(self):
        folder = os.path.dirname(self.path)
        os.mkdir(folder)
        for mode in (0o777, 0o770, 0o707):
            os.chmod(folder, mode)
            status, message = self.refusal("--no-tcp", "--unix", self.path)
            self.assertEqual(status, 69)
            self.assertIn("writable by other users", message)
        os.chmod(folder, 0o1777)
        self.assertEqual(self.end(self.start()), 0)

    def test_a_writable_parent_directory_is_refused(self):
        os.chmod(self.directory, 0o777)
        self.assertIn(self.directory, self.refusal("--no-tcp", "--unix", self.path)[1])
        os.chmod(self.directory, 0o700)

    @unittest.skipUnless(os.geteuid() == 0, "only root can give a directory away")
    def test_a_directory_of_another_user_is_refused(self):
        folder = os.path.dirname(self.path)
        os.mkdir(folder, 0o755)
        os.chown(folder, 65534, 65534)
        self.assertIn("belongs to user 65534", self.refusal("--no-tcp", "--unix", self.path)[1])

    def test_links_on_the_way_to_the_socket_are_followed(self):
        folder = os.path.dirname(self.path)
        os.mkdir(folder, 0o700)
        os.symlink("run", os.path.join(self.directory, "one"))
        os.symlink(os.path.join(self.directory, "one", "..", "one"), os.path.join(self.directory, "two"))
        path = os.path.join(self.directory, "two", "s")
        self.start(path=path)
        self.assertTrue(self.reachable(path))
        self.assertTrue(self.reachable())
        os.symlink("loop", os.path.join(self.directory, "loop"))
        looping = os.path.join(self.directory, "loop", "s")
        self.assertEqual(self.refusal("--no-tcp", "--unix", looping)[0], 69)

    @unittest.skipUnless(os.geteuid() == 0, "only root can give files away")
    def test_links_and_locks_of_another_user_are_refused(self):
        shared = os.path.join(self.directory, "shared")
        os.mkdir(shared)
        os.chmod(shared, 0o1777)
        os.mkdir(os.path.dirname(self.path), 0o700)
        link = os.path.join(shared, "link")
        os.symlink(os.path.dirname(self.path), link)
        os.chown(link, 65534, 65534, follow_symlinks=False)
        status, message = self.refusal("--no-tcp", "--unix", os.path.join(link, "s"))
        self.assertEqual(status, 69)
        self.assertIn(f"{link} belongs to user 65534", message)
        path = os.path.join(shared, "s")
        with open(path + ".lock", "w"):
            pass
        os.chown(path + ".lock", 65534, 65534)
        status, message = self.refusal("--no-tcp", "--unix", path)
        self.assertEqual(status, 69)
        self.assertIn("65534" if "belongs" in message else "Permission denied", message)
        # A link in a directory that its own user may write to leads to a safe directory only today.
        os.chmod(shared, 0o755)
        os.chown(shared, 65534, 65534)
        os.chown(link, 0, 0, follow_symlinks=False)
        status, message = self.refusal("--no-tcp", "--unix", os.path.join(link, "s"))
        self.assertEqual(status, 69)
        self.assertIn(f"{shared} belongs to user 65534", message)


class Addresses(HostCase):
    def test_all_addresses_are_refused_as_beyond_loopback(self):
        for address in ("*:7117", ":7117", "*:0", "0.0.0.0:0", "[::]:0"):
            with self.subTest(address=address):
                status, message = self.refusal("--no-unix", "--listen", address)
                self.assertEqual(status, 64, message)
                self.assertIn("loopback", message)
                self.assertIn(address, message)

    def test_an_ipv6_address_without_brackets_is_explained(self):
        for address in ("::1", "::1:7117"):
            status, message = self.refusal("--no-unix", "--listen", address)
            self.assertEqual(status, 64)
            self.assertIn("brackets", message)

    def test_owner_fd_that_is_no_number_is_explained_briefly(self):
        for text in ("x", "-1", "99999999999"):
            status, message = self.refusal("--no-unix", "--owner-fd", text)
            self.assertEqual(status, 64)
            self.assertIn("descriptor", message)
            self.assertLess(len(message), 200)

    def test_names_with_c1_control_characters_are_refused(self):
        self.start()
        c = self.client()
        for character in ("\x80", "\x9f", "\x1f", "\x7f"):
            with self.assertRaises(Failure) as caught:
                c.call("object.create", "list", f"a{character}b")
            self.assertEqual(caught.exception.kind, "ValueError")
        c.call("object.create", "list", "a\u00a0b")


@NOT_SANITIZED
class Memory(HostCase):
    def fill(self, c, kind="list", size=BIG):
        """Appends values until the server refuses one; returns their number and the failure."""
        c.call("object.create", kind, "filled")
        for count in range(100_000):
            try:
                c.call(f"{kind}.append", "filled", "y" * size)
            except Failure as failure:
                return count, failure
        self.fail("the server takes any number of values")

    def test_a_limited_file_size_does_not_end_the_server(self):
        for kib in (64, 1024, 4096):
            process = self.start(
                "--memory-max", "24mb", preexec=limited(resource.RLIMIT_FSIZE, kib << 10)
            )
            c = self.client()
            count, failure = self.fill(c)
            self.assertEqual(failure.kind, "OutOfMemory")
            self.assertGreater(count, 10)
            self.assertEqual(c.call("list.len", "filled"), count)
            self.assertEqual(self.end(process), 0)

    def test_a_system_that_refuses_memory_does_not_end_the_server(self):
        for options in ((), ("--memory-max", "10gb"), ("--memory-max", "10gb", "--no-shared-memory")):
            with self.subTest(options=options):
                process = self.start(*options, preexec=limited(resource.RLIMIT_AS, 100 << 20))
                c = self.client()
                for kind, method, size in (("list", "append", BIG), ("set", "add", 2000)):
                    c.call("object.create", kind, kind)
                    for number in range(1_000_000):
                        try:
                            if kind == "set":
                                values = [f"{number}-{i}-{'v' * size}" for i in range(1000)]
                                c.call("set.update", "set", values)
                            else:
                                c.call("list.append", "list", "y" * size)
                        except Failure as failure:
                            self.assertIn(failure.kind, ("OutOfMemory", "Overloaded"))
                            break
                        except (AssertionError, OSError):
                            c = self.client()
                            break
                    c = self.client()
                    length = c.call(f"{kind}.len", kind)
                    if kind == "list":
                        self.assertGreater(length, 0)
                    c.call("object.delete", kind)
                self.assertIsNone(process.poll(), self.log_text())
                self.assertEqual(self.client().call("ping"), "pong")
                self.assertEqual(self.end(process), 0)

    def test_large_messages_beyond_the_memory_are_refused_and_the_rest_lives(self):
        process = self.start("--memory-max", "40mb", preexec=limited(resource.RLIMIT_AS, 200 << 20))
        c = self.client()
        c.call("object.create", "list", "L")
        clients = [self.client() for _ in range(12)]
        # Half of each message first: the server holds them all at once.
        message = json.dumps({"id": 1, "method": "list.append", "params": ["L", "z" * 20_000_000]})
        for half in (message[: len(message) // 2], message[len(message) // 2 :] + "\n"):
            for client in clients:
                try:
                    client.sock.sendall(half.encode())
                except OSError:
                    pass
        self.assertEqual(self.client().call("ping"), "pong")
        self.assertIsNone(process.poll(), self.log_text())
        for client in clients:
            client.close()
        until(lambda: self.client().call("server.stats")["sessions"] <= 20, "the ends of the clients")
        self.assertEqual(self.end(process), 0)

    def memory_of(self, process):
        """Returns the memory of the process, shared memory included, in bytes."""
        with open(f"/proc/{process.pid}/smaps_rollup") as file:
            rows = dict(line.split(":", 1) for line in file if "kB" in line)
        return int(rows["Rss"].split()[0]) << 10

    def test_memory_goes_back_to_the_system_once_the_server_is_empty(self):
        for options in ((), ("--no-shared-memory",)):
            with self.subTest(options=options):
                process = self.start("--memory-max", "256mb", *options)
                c = self.client()
                empty = self.memory_of(process)
                c.call("object.create", "list", "L")
                for _ in range(60):
                    c.call("list.append", "L", "y" * BIG)
                full = self.memory_of(process) - empty
                self.assertGreater(full, 50 << 20)
                reserved = c.call("server.stats")["bytes_reserved"]
                c.call("list.clear", "L")
                until(lambda: self.memory_of(process) - empty < full / 10, "its memory")
                self.assertLess(c.call("server.stats")["bytes_reserved"], reserved / 10)
                for _ in range(60):
                    c.call("list.append", "L", "y" * BIG)
                self.assertEqual(c.call("list.len", "L"), 60)
                self.assertEqual(self.end(process), 0)

    def test_memory_goes_back_from_between_values_on_the_heap(self):
        process = self.start("--memory-max", "256mb", "--no-shared-memory")
        c = self.client()
        empty = self.memory_of(process)
        for number in range(80):
            c.call("object.create", "list", f"L{number}")
            c.call("list.append", f"L{number}", "y" * BIG)
        full = self.memory_of(process) - empty
        for number in range(80):
            if number % 20:
                c.call("object.delete", f"L{number}")
        until(lambda: self.memory_of(process) - empty < full * 0.15, "its memory")
        self.assertEqual(len(c.call("list.get", "L20", 0)), BIG)
        self.assertEqual(self.end(process), 0)

    def test_reserved_memory_stays_near_the_cap(self):
        for options in ((), ("--no-shared-memory",)):
            for size in (BIG, 100_000, 3_000):
                with self.subTest(options=options, size=size):
                    cap = 32 << 20
                    process = self.start("--memory-max", str(cap), *options)
                    c = self.client()
                    empty = self.memory_of(process)
                    count, failure = self.fill(c, size=size)
                    self.assertEqual(failure.kind, "OutOfMemory")
                    self.assertGreater(count * size, cap * 0.8)
                    self.assertLessEqual(
                        c.call("server.stats")["bytes_reserved"], cap * 1.25 + (16 << 20)
                    )
                    self.assertLessEqual(self.memory_of(process) - empty, cap * 1.25 + (16 << 20))
                    self.assertEqual(self.end(process), 0)


class Files(HostCase):
    def test_a_full_file_system_for_the_log_does_not_end_the_server(self):
        with open("/dev/full", "wb") as full:
            process = self.start(stderr=full)
        self.assertEqual(self.client().call("ping"), "pong")
        process.send_signal(signal.SIGHUP)
        self.assertEqual(self.client().call("ping"), "pong")
        self.assertEqual(self.end(process), 0)

    def test_closed_standard_descriptors_are_no_danger(self):
        def prepare():
            die_with_parent()
            os.close(0)
            os.close(2)

        process = self.start(preexec=prepare, close_fds=True)
        c = self.client()
        for _ in range(3):
            process.send_signal(signal.SIGHUP)
            self.assertEqual(c.call("ping"), "pong")
        self.assertEqual(self.end(process), 0)

    @unittest.skipUnless(os.geteuid() == 0, "only root can mount")
    def test_a_read_only_file_system_is_named(self):
        folder = os.path.dirname(self.path)
        os.mkdir(folder, 0o700)
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o ro none "$1" && exec "$2" --no-tcp --unix "$1/s"']
            + ["sh", folder, SERVER],
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            preexec_fn=die_with_parent,
        )
        self.assertEqual(done.returncode, 69, done.stderr)
        self.assertIn("Read-only file system", done.stderr)

    @unittest.skipUnless(os.geteuid() == 0, "only root can unmount /proc")
    @NOT_SANITIZED
    def test_the_server_needs_no_proc(self):
        owner = os.pidfd_open(os.getpid())
        self.addCleanup(os.close, owner)
        process = self.start(
            "--owner-fd",
            str(owner),
            wrap=["unshare", "-m", "sh", "-c", 'umount -l /proc && exec "$0" "$@"'],
            pass_fds=[owner],
        )
        c = self.client()
        self.assertEqual(c.call("ping"), "pong")
        self.assertGreater(c.call("server.stats")["bytes_max"], 0)
        self.assertEqual(self.end(process), 0)


if __name__ == "__main__":
    unittest.main()
