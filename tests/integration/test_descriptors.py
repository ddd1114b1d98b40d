# SPDX-License-Identifier: MIT
"""Connections and descriptors: none is lost to a client that leaves, and none is lost to a flood."""
import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

import harness
from harness import DEADLINE_S, Failure, Json, Server, until

NOBODY = 65534
LAST_PID = "/proc/sys/kernel/ns_last_pid"


def limited(descriptors):
    """Returns a function for the child before exec: it dies with its parent and has that limit."""

    def prepare():
        harness.die_with_parent()
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))

    return prepare


class DescriptorCase(unittest.TestCase):
    def setUp(self):
        signal.alarm(harness.ALARM)

    def server(self, *options, **how):
        server = Server(*options, **how)
        self.addCleanup(server.stop)
        return server

    def client(self, server, unix=False):
        client = server.json(unix)
        self.addCleanup(client.close)
        self.assertEqual(client.call("ping"), "pong")
        return client

    def refusal(self, server, unix=False):
        """Returns all that the server sends to a new connection before it closes."""
        with server.connect(unix) as sock:
            text = b""
            while part := sock.recv(4096):
                text += part
        return text.decode()


class Connections(DescriptorCase):
    def test_clients_over_tcp_leave_32_connections_to_the_unix_socket(self):
        server = self.server("--connections-max", "3")
        tcp = [self.client(server) for _ in range(3)]
        self.assertIn("Overloaded: ", self.refusal(server))
        unix = [self.client(server, unix=True) for _ in range(32)]
        self.assertIn("Overloaded: ", self.refusal(server, unix=True))
        for client in (*tcp, *unix):
            self.assertEqual(client.call("ping"), "pong")

    def test_a_client_that_comes_after_another_has_left_is_never_refused(self):
        for unix in (False, True):
            with self.subTest(unix=unix):
                server = self.server("--connections-max", "3")
                kept = [self.client(server, unix) for _ in range(2 if not unix else 34)]
                for _ in range(300):
                    with server.json(unix) as client:
                        self.assertEqual(client.call("ping"), "pong")
                self.assertEqual(kept[0].call("ping"), "pong")

    def test_a_client_is_held_until_the_calls_of_the_one_that_left_have_run(self):
        server = self.server("--connections-max", "3")
        kept = [self.client(server) for _ in range(2)]
        kept[0].call("object.create", "counter", "n")
        for _ in range(20):
            with server.connect() as leaving:
                leaving.sendall(b'{"method":"counter.add","params":["n"]}\n' * 1000)
            with server.json() as client:
                self.assertEqual(client.call("ping"), "pong")
        until(lambda: kept[0].call("counter.get", "n") == 20_000, "the calls of all that left")

    def test_a_half_closed_connection_that_reads_nothing_holds_no_client_up(self):
        server = self.server("--connections-max", "2")
        kept = self.client(server)
        kept.call("object.create", "dict", "d")
        kept.call("dict.set", "d", "k", "x" * 1_000_000)
        with server.connect() as half:
            half.sendall(b'{"id":1,"method":"dict.get","params":["d","k"]}\n' * 60)
            half.shutdown(socket.SHUT_WR)
            self.assertIn("Overloaded: ", self.refusal(server))
        self.assertEqual(kept.call("ping"), "pong")

    def test_the_last_descriptor_is_refused_with_a_sentence(self):
        server = self.server("--connections-max", "1000", preexec=limited(100))
        clients = []
        self.addCleanup(lambda: [client.close() for client in clients])
        refused = None
        while refused is None:
            sock = server.connect()
            clients.append(sock)
            sock.sendall(b"ping\n")
            if (reply := sock.recv(200)) != b'"pong"\n':
                refused = reply
        self.assertIn(b"Overloaded: ", refused)
        self.assertEqual(self.client(server, unix=True).call("ping"), "pong")


class Sessions(DescriptorCase):
    def leave(self, server, count):
        """Opens `count` sessions over the Unix socket and leaves; they live on for an hour."""
        for _ in range(count):
            with server.json(unix=True) as client:
                client.call("session.open", 3600)

    def test_sessions_of_one_process_share_its_pidfd(self):
        server = self.server(preexec=limited(200))
        admin = self.client(server, unix=True)
        before = server.descriptors()
        self.leave(server, 400)
        self.assertLess(server.descriptors(), before + 10)
        self.assertEqual(self.client(server).call("ping"), "pong")
        self.assertGreater(admin.call("server.stats")["sessions"], 400)

    def test_at_most_1024_sessions_of_one_user_wait_without_a_connection(self):
        server = self.server()
        admin = self.client(server, unix=True)
        with server.json(unix=True) as first:
            first.call("object.create", "lock", "k")
            opened = first.call("session.open", 3600)
            first.call("lock.acquire", "k")
        with server.json() as other:
            apart = other.call("session.open", 3600)
        self.leave(server, 1023)
        self.assertEqual(admin.call("server.stats")["sessions"], 1026)
        self.assertTrue(admin.call("lock.locked", "k"))
        self.leave(server, 1)
        until(lambda: not admin.call("lock.locked", "k"), "the end of the first session")
        with self.assertRaises(Failure) as caught:
            self.client(server, unix=True).call("session.resume", opened["session"], opened["token"])
        self.assertEqual(caught.exception.kind, "SessionLost")
        again = self.client(server)
        again.call("session.resume", apart["session"], apart["token"])

    def connected_by_a_dead_process(self, server):
        """Returns a socket whose process has ended, and its process id."""
        ours, its = socket.socketpair()
        with ours, its:
            pid = os.fork()
            if pid == 0:
                try:
                    with server.connect(unix=True) as sock:
                        socket.send_fds(its, [b"x"], [sock.fileno()])
                finally:
                    os._exit(0)
            fds = socket.recv_fds(ours, 1, 1)[1]
            os.waitpid(pid, 0)
        sock = socket.socket(socket.AF_UNIX, fileno=fds[0])
        sock.settimeout(DEADLINE_S)
        return sock, pid

    def end(self, pid):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

    def process_with_id(self, wanted):
        """Starts a process that gets that id; returns false if another process was faster."""
        with open(LAST_PID, "w") as file:
            file.write(str(wanted - 1))
        pid = os.fork()
        if pid == 0:
            harness.die_with_parent()
            signal.pause()
            os._exit(0)
        self.addCleanup(self.end, pid)
        return pid == wanted

    @unittest.skipUnless(os.access(LAST_PID, os.W_OK), "it cannot choose a process id")
    def test_a_process_with_the_id_of_a_dead_one_does_not_keep_its_sessions(self):
        server = self.server()
        admin = self.client(server, unix=True)
        while True:
            sock, pid = self.connected_by_a_dead_process(server)
            if self.process_with_id(pid):
                break
            sock.close()
        with Json(sock) as client:
            session = client.call("session.open", 3600)["session"]
            until(
                lambda: session not in str(admin.call("server.sessions")),
                "the end of the dead process's session",
            )

    def test_the_sessions_of_a_killed_process_all_end(self):
        server = self.server()
        admin = self.client(server, unix=True)
        pid = os.fork()
        if pid == 0:
            try:
                harness.die_with_parent()
                self.leave(server, 50)
                kept = [server.json(unix=True) for _ in range(50)]
                for client in kept:
                    client.call("session.open", 3600)
                signal.pause()
            finally:
                os._exit(1)
        self.addCleanup(os.waitpid, pid, 0)
        until(lambda: admin.call("server.stats")["sessions"] == 101, "its sessions")
        os.kill(pid, signal.SIGKILL)
        until(lambda: admin.call("server.stats")["sessions"] == 1, "the end of its sessions")


class Passing(DescriptorCase):
    def as_nobody(self, work):
        """Runs `work` in a child of another user; returns whether it ended without an exception."""
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                harness.die_with_parent()
                os.setuid(NOBODY)
                work()
                status = 0
            except BaseException as error:
                print("in the child:", repr(error), flush=True)
            finally:
                os._exit(status)
        return os.waitpid(pid, 0)[1] == 0

    def lowly(self):
        """The server's process is of another user, without root's right to pass any number of descriptors."""
        limited(150)()
        os.setuid(NOBODY)
        harness.die_with_parent()

    @unittest.skipUnless(os.geteuid() == 0, "only root can play another user")
    def test_descriptors_left_unread_by_one_client_do_not_cut_off_another(self):
        folder = tempfile.mkdtemp(prefix="agora-")
        self.addCleanup(shutil.rmtree, folder, True)
        os.chown(folder, NOBODY, NOBODY)
        path = os.path.join(folder, "s")
        process = subprocess.Popen(
            [harness.SERVER, "--no-tcp", "--unix", path],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            preexec_fn=self.lowly,
        )
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertTrue(harness.read_line(process.stdout).startswith("ready "))

        def work():
            unread = socket.socketpair()
            for _ in range(2):
                socket.send_fds(unread[0], [b"x"], [0] * 250)
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(DEADLINE_S)
            sock.connect(path)
            client = Json(sock)
            client.call("session.ring")
            opened = client.call("session.open", 60)
            assert client.call("ping") == "pong"
            client.call("session.map", opened["session"], opened["token"], 0)
            assert client.call("ping") == "pong"
            # Once they are read, descriptors come again.
            for end in unread:
                end.close()
            again = socket.socket(socket.AF_UNIX)
            again.settimeout(DEADLINE_S)
            again.connect(path)
            again.sendall(b'{"id":1,"method":"session.ring","params":[]}\n')
            assert len(socket.recv_fds(again, 4096, 4)[1]) == 1

        self.assertTrue(self.as_nobody(work))


if __name__ == "__main__":
    unittest.main()
