# SPDX-License-Identifier: MIT
"""Start and stop: the ready line, refusals with one clear line, stale sockets, signals, limits."""
import os
import resource
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
import unittest

import harness
from harness import DEADLINE_S, SERVER, Json, Server, die_with_parent, read_line, until


class Lifecycle(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="agora-")
        self.addCleanup(shutil.rmtree, self.directory, True)
        self.path = os.path.join(self.directory, "s")

    def run_to_exit(self, *options, **how):
        """Runs a server that is expected to end at once; returns its status, output and errors."""
        done = subprocess.run(
            [SERVER, *options],
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            stdin=subprocess.DEVNULL,
            preexec_fn=die_with_parent,
            **how,
        )
        return done.returncode, done.stdout, done.stderr

    def start(self, *options, preexec=die_with_parent, **how):
        process = subprocess.Popen(
            [SERVER, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            preexec_fn=preexec,
            **how,
        )
        self.addCleanup(self.end, process)
        return process, read_line(process.stdout)

    def end(self, process):
        if process.poll() is None:
            process.kill()
        process.wait(DEADLINE_S)
        process.stdout.close()

    def refused(self, *options, names=(), **how):
        """Asserts that the server refuses to start, with one line on standard error that names the cause."""
        status, output, errors = self.run_to_exit(*options, **how)
        self.assertNotEqual(status, 0, output)
        self.assertGreater(status, 0, f"ended by a signal: {errors}")
        self.assertNotIn("ready", output)
        lines = [line for line in errors.splitlines() if line.strip()]
        self.assertEqual(len(lines), 1, errors)
        for name in names:
            self.assertIn(str(name), errors)

    def server(self):
        server = Server()
        self.addCleanup(server.stop)
        return server

    def test_help_exits_zero_and_names_every_option(self):
        for flag in ("--help", "-h"):
            status, output, _ = self.run_to_exit(flag)
            self.assertEqual(status, 0)
            for option in ("--listen", "--no-tcp", "--unix", "--no-unix", "--owner-fd", "--help"):
                self.assertIn(option, output)
            self.assertIn("ready tcp=", output)

    def test_version_exits_zero(self):
        status, output, _ = self.run_to_exit("--version")
        self.assertEqual(status, 0)
        self.assertRegex(output, r"\d+\.\d+\.\d+")

    def test_unknown_options_and_bad_numbers_are_refused(self):
        for options in (
            ["--no-such"],
            ["--listen"],
            ["word"],
            ["--connections-max", "x"],
            ["--connections-max", "-1"],
            ["--connections-max", "0"],
            ["--frame-max", "1"],
            ["--frame-max", "1e30gb"],
            ["--memory-max", "-5"],
            ["--log-level", "loud"],
            ["--owner-fd", "-1"],
            ["--listen", "127.0.0.1:0", "--no-tcp"],
            ["--unix", self.path, "--no-unix"],
        ):
            with self.subTest(options=options):
                status, output, errors = self.run_to_exit(*options)
                self.assertGreater(status, 0)
                self.assertNotIn("ready", output)
                self.assertTrue(errors.strip() or output.strip())

    def test_bad_addresses_are_refused(self):
        for address in (
            "127.0.0.1:99999",
            "127.0.0.1:-1",
            "127.0.0.1:x",
            "127.0.0.1",
            ":",
            "",
            "127.0.0.1:",
            "no such host:0",
        ):
            with self.subTest(address=address):
                status, output, errors = self.run_to_exit("--listen", address, "--unix", self.path)
                self.assertGreater(status, 0)
                self.assertNotIn("ready", output)
                self.assertTrue(errors.strip())
                self.assertFalse(os.path.exists(self.path))

    def ping(self, path=None, port=None):
        """Makes a call, to show that the server has started."""
        if port is None:
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(DEADLINE_S)
            sock.connect(path or self.path)
        else:
            sock = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S)
        with Json(sock) as c:
            self.assertEqual(c.call("ping"), "pong")

    def test_the_ready_line_leaves_out_disabled_listeners(self):
        process, line = self.start("--no-tcp", "--unix", self.path)
        self.assertEqual(line, f"ready unix={self.path}\n")
        self.ping()
        process.terminate()
        self.assertEqual(process.wait(DEADLINE_S), 0)
        process, line = self.start("--no-unix", "--listen", "127.0.0.1:0")
        self.assertRegex(line, r"^ready tcp=127\.0\.0\.1:\d+\n$")
        self.ping(port=int(line.rsplit(":", 1)[1]))
        process.terminate()
        self.assertEqual(process.wait(DEADLINE_S), 0)
        self.assertEqual(process.stdout.read(), b"", "more than one line on standard output")

    def test_a_server_without_any_listener_is_refused(self):
        status, output, errors = self.run_to_exit("--no-tcp", "--no-unix")
        self.assertGreater(status, 0)
        self.assertNotIn("ready", output)

    def test_sigterm_and_sigint_end_the_server_cleanly_with_clients_and_waiters(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=number):
                process, line = self.start("--listen", "127.0.0.1:0", "--unix", self.path)
                port = int(line.split("127.0.0.1:")[1].split()[0])
                c = Json(socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S))
                self.addCleanup(c.close)
                c.call("object.create", "queue", "q")
                waiting = c.start("queue.get", "q")
                self.assertEqual(c.call("ping"), "pong")
                process.send_signal(number)
                self.assertEqual(process.wait(DEADLINE_S), 0)
                self.assertFalse(os.path.exists(self.path))
                message = c.message()
                if message is not None:
                    self.assertEqual(
                        (message["id"], message["error"]["data"]["done"]), (waiting, "no")
                    )
                    self.assertIsNone(c.message())
                with self.assertRaises(ConnectionRefusedError):
                    socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S)

    def test_a_sigterm_right_after_the_ready_line_exits_zero(self):
        for _ in range(5):
            process, _ = self.start("--no-tcp", "--unix", self.path)
            process.terminate()
            self.assertEqual(process.wait(DEADLINE_S), 0)
            self.assertFalse(os.path.exists(self.path))

    def test_the_unix_socket_is_for_its_user_only(self):
        folder = os.path.join(self.directory, "run")
        os.mkdir(folder, 0o755)
        for mask in (0o022, 0o000):
            path = os.path.join(folder, f"s{mask}")
            self.start(
                "--no-tcp", "--unix", path, preexec=lambda: (die_with_parent(), os.umask(mask))
            )
            mode = os.stat(path).st_mode
            self.assertTrue(stat.S_ISSOCK(mode))
            self.assertEqual(stat.S_IMODE(mode), 0o600)

    def test_the_default_socket_lies_in_the_runtime_directory(self):
        environment = {**os.environ, "XDG_RUNTIME_DIR": self.directory}
        process, line = self.start("--no-tcp", env=environment)
        path = os.path.join(self.directory, "agora", "agora.sock")
        self.assertEqual(line, f"ready unix={path}\n")
        self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode), 0o700)
        self.ping(path)
        process.terminate()
        self.assertEqual(process.wait(DEADLINE_S), 0)
        self.assertFalse(os.path.exists(path))

    def test_a_live_socket_is_refused_and_left_alone(self):
        server = self.server()
        self.refused("--no-tcp", "--unix", server.unix, names=[server.unix])
        with server.json(unix=True) as c:
            self.assertEqual(c.call("ping"), "pong")

    def test_a_stale_socket_file_is_replaced(self):
        process, _ = self.start("--no-tcp", "--unix", self.path)
        process.kill()
        process.wait(DEADLINE_S)
        self.assertTrue(os.path.exists(self.path))
        process, line = self.start("--no-tcp", "--unix", self.path)
        self.assertEqual(line, f"ready unix={self.path}\n")
        c = socket.socket(socket.AF_UNIX)
        c.settimeout(DEADLINE_S)
        c.connect(self.path)
        with Json(c) as json:
            self.assertEqual(json.call("ping"), "pong")

    def test_a_file_that_is_no_socket_is_refused_and_left_alone(self):
        with open(self.path, "w") as file:
            file.write("precious")
        self.refused("--no-tcp", "--unix", self.path, names=[self.path])
        with open(self.path) as file:
            self.assertEqual(file.read(), "precious")
        os.unlink(self.path)
        os.mkdir(self.path)
        self.refused("--no-tcp", "--unix", self.path, names=[self.path])
        self.assertTrue(os.path.isdir(self.path))

    def test_a_link_to_a_file_is_refused_and_the_file_left_alone(self):
        target = os.path.join(self.directory, "target")
        with open(target, "w") as file:
            file.write("precious")
        os.symlink(target, self.path)
        self.refused("--no-tcp", "--unix", self.path, names=[self.path])
        with open(target) as file:
            self.assertEqual(file.read(), "precious")

    def test_a_taken_port_is_refused_and_leaves_no_socket(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            self.refused("--listen", f"127.0.0.1:{port}", "--unix", self.path, names=[port])
            self.assertFalse(os.path.exists(self.path))
        server = self.server()
        self.refused("--listen", f"127.0.0.1:{server.port}", "--no-unix", names=[server.port])

    def test_addresses_beyond_loopback_are_refused(self):
        for address in ("0.0.0.0:0", "192.0.2.1:0", "8.8.8.8:0", "[::]:0"):
            with self.subTest(address=address):
                self.refused("--listen", address, "--no-unix", names=["loopback"])

    def test_a_socket_path_too_long_or_impossible_is_refused(self):
        self.refused("--no-tcp", "--unix", "/tmp/" + "x" * 120, names=["107"])
        self.refused(
            "--no-tcp",
            "--unix",
            os.path.join(self.directory, "x" * (108 - len(self.directory) - 1)),
            names=["107"],
        )
        longest = os.path.join(self.directory, "y" * (107 - len(self.directory) - 1))
        _, line = self.start("--no-tcp", "--unix", longest)
        self.assertEqual(line, f"ready unix={longest}\n")
        with open(os.path.join(self.directory, "file"), "w"):
            pass
        self.refused(
            "--no-tcp", "--unix", os.path.join(self.directory, "file", "s"), names=["file/s"]
        )

    def test_the_server_ends_when_its_owner_ends(self):
        owner = subprocess.Popen(["cat"], stdin=subprocess.PIPE, preexec_fn=die_with_parent)
        descriptor = os.pidfd_open(owner.pid)
        try:
            process, _ = self.start(
                "--no-tcp",
                "--unix",
                self.path,
                "--owner-fd",
                str(descriptor),
                pass_fds=[descriptor],
            )
            self.assertIsNone(process.poll())
            with Json(self.connect()) as c:
                self.assertEqual(c.call("ping"), "pong")
        finally:
            owner.kill()
            owner.wait(DEADLINE_S)
            owner.stdin.close()
            os.close(descriptor)
        self.assertEqual(process.wait(DEADLINE_S), 0)
        self.assertFalse(os.path.exists(self.path))

    def connect(self):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(DEADLINE_S)
        sock.connect(self.path)
        return sock

    def test_an_owner_that_has_ended_already_ends_the_server_too(self):
        owner = subprocess.Popen(["true"])
        descriptor = os.pidfd_open(owner.pid)
        owner.wait(DEADLINE_S)
        done = subprocess.run(
            [SERVER, "--no-tcp", "--unix", self.path, "--owner-fd", str(descriptor)],
            pass_fds=[descriptor],
            capture_output=True,
            timeout=DEADLINE_S,
            stdin=subprocess.DEVNULL,
        )
        os.close(descriptor)
        self.assertEqual(done.returncode, 0)
        self.assertFalse(os.path.exists(self.path))

    def test_an_invalid_owner_descriptor_is_refused(self):
        self.refused("--no-tcp", "--unix", self.path, "--owner-fd", "99", names=["owner"])
        with open("/dev/null") as file:
            self.refused(
                "--no-tcp",
                "--unix",
                self.path,
                "--owner-fd",
                str(file.fileno()),
                names=["owner"],
                pass_fds=[file.fileno()],
            )

    def test_the_directory_is_removed_on_request_if_it_is_empty(self):
        folder = os.path.join(self.directory, "own")
        os.mkdir(folder, 0o700)
        process, _ = self.start(
            "--no-tcp", "--unix", os.path.join(folder, "s"), "--remove-directory"
        )
        self.ping(os.path.join(folder, "s"))
        process.terminate()
        self.assertEqual(process.wait(DEADLINE_S), 0)
        self.assertFalse(os.path.exists(folder))
        os.mkdir(folder, 0o700)
        process, _ = self.start(
            "--no-tcp", "--unix", os.path.join(folder, "s"), "--remove-directory"
        )
        with open(os.path.join(folder, "other"), "w"):
            pass
        self.ping(os.path.join(folder, "s"))
        process.terminate()
        self.assertEqual(process.wait(DEADLINE_S), 0)
        self.assertEqual(os.listdir(folder), ["other"])

    def test_the_soft_descriptor_limit_is_raised_to_the_hard_one(self):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        process, _ = self.start(
            "--no-tcp",
            "--unix",
            self.path,
            preexec=lambda: (
                die_with_parent(),
                resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard)),
            ),
        )
        self.assertEqual(resource.prlimit(process.pid, resource.RLIMIT_NOFILE), (hard, hard))

    def test_one_connection_too_many_is_refused_and_the_others_go_on(self):
        server = Server("--connections-max", "3")
        self.addCleanup(server.stop)
        clients = [server.json() for _ in range(3)]
        for c in clients:
            self.addCleanup(c.close)
            self.assertEqual(c.call("ping"), "pong")
        with server.json() as extra:
            try:
                extra.start("ping")
                self.assertNotIn(b"pong", extra.rest())
            except (BrokenPipeError, ConnectionResetError):
                pass
        self.assertEqual(clients[0].call("ping"), "pong")
        clients.pop().close()

        def free():
            with server.json() as c:
                try:
                    return c.call("ping")
                except (AssertionError, OSError, ValueError, harness.Failure):
                    return None

        until(free, "a free connection")

    def test_a_server_without_free_descriptors_neither_spins_nor_ends(self):
        process, _ = self.start(
            "--no-tcp",
            "--unix",
            self.path,
            preexec=lambda: (
                die_with_parent(),
                resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40)),
            ),
        )
        first, others = Json(self.connect()), []
        self.assertEqual(first.call("ping"), "pong")
        try:
            for _ in range(80):
                others.append(self.connect())
        except OSError:
            pass

        def used():
            with open(f"/proc/{process.pid}/stat") as file:
                return sum(map(int, file.read().rsplit(")", 1)[1].split()[11:13]))

        before, start = used(), time.monotonic()
        while time.monotonic() - start < 0.3:
            self.assertEqual(first.call("ping"), "pong")
            harness.select.select([], [], [], 0.05)
        self.assertLess(used() - before, 15, "it spins")
        for sock in others:
            sock.close()

        def again():
            try:
                with Json(self.connect()) as c:
                    return c.call("ping")
            except (AssertionError, OSError, ValueError, harness.Failure):
                return None

        until(again, "a free connection after the others closed")
        self.assertEqual(first.call("ping"), "pong")
        first.close()

    def test_an_unread_standard_error_does_not_end_the_server(self):
        read, write = os.pipe()
        os.close(read)
        process = subprocess.Popen(
            [SERVER, "--no-tcp", "--unix", self.path],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=write,
            preexec_fn=die_with_parent,
        )
        self.addCleanup(self.end, process)
        os.close(write)
        self.assertEqual(read_line(process.stdout), f"ready unix={self.path}\n")
        try:
            self.ping()
        except OSError:
            self.fail(f"it ended with status {process.wait(DEADLINE_S)}")

    def test_an_unread_standard_output_does_not_end_the_server(self):
        read, write = os.pipe()
        os.close(read)
        process = subprocess.Popen(
            [SERVER, "--no-tcp", "--unix", self.path],
            stdin=subprocess.DEVNULL,
            stdout=write,
            stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent,
        )
        os.close(write)

        def up():
            if process.poll() is not None:
                return True
            try:
                self.ping()
                return True
            except OSError:
                return False

        try:
            until(up, "the server")
            self.assertIsNone(process.poll(), "it ended with that status")
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(DEADLINE_S)


class WithoutSharedMemory(unittest.TestCase):
    def test_the_same_calls_work_on_the_heap(self):
        server = Server("--no-shared-memory")
        self.addCleanup(server.stop)
        with server.json() as c:
            c.call("object.create", "dict", "d")
            for n in range(2000):
                c.send('{"method":"dict.set","params":["d",%d,"%s"]}' % (n, "x" * (n % 300)))
            self.assertEqual(c.call("dict.len", "d"), 2000)
            self.assertEqual(c.call("dict.get", "d", 1999), "x" * (1999 % 300))


if __name__ == "__main__":
    unittest.main()
