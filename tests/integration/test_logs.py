# SPDX-License-Identifier: MIT
"""The log: the server never waits for its reader, and a client cannot flood it."""
import fcntl
import os
import re
import signal
import socket
import unittest

import harness
from harness import DEADLINE_S, Server, until


class Logs(unittest.TestCase):
    def setUp(self):
        signal.alarm(harness.ALARM)

    def server(self, *options, **how):
        server = Server(*options, **how)
        self.addCleanup(server.stop)
        return server

    def client(self, server):
        client = server.json()
        self.addCleanup(client.close)
        return client

    def text_of(self, server):
        with open(server.log_path, errors="replace") as file:
            return file.read()

    def refuse(self, server, count):
        """Opens connections that the server refuses, each with a sentence."""
        for _ in range(count):
            with socket.create_connection(("127.0.0.1", server.port), DEADLINE_S) as sock:
                sock.settimeout(DEADLINE_S)
                self.assertTrue(sock.recv(200).startswith(b"Overloaded: "))

    def full_pipe(self):
        """Returns the ends of a pipe that takes no more bytes."""
        ends = os.pipe()
        fcntl.fcntl(ends[1], fcntl.F_SETPIPE_SZ, 4096)
        os.write(ends[1], b"." * 4096)
        return ends

    def test_an_unread_pipe_stops_neither_the_server_nor_its_end(self):
        read, write = self.full_pipe()
        self.addCleanup(os.close, read)
        server = self.server("--connections-max", "1", stderr=write)
        os.close(write)
        client = self.client(server)
        self.assertEqual(client.call("ping"), "pong")
        self.refuse(server, 100)
        self.assertEqual(client.call("ping"), "pong")
        self.assertEqual(server.stop(), 0)

    def test_lines_come_once_the_pipe_is_read(self):
        read, write = self.full_pipe()
        server = self.server(stderr=write)
        os.close(write)
        self.assertEqual(self.client(server).call("ping"), "pong")
        with os.fdopen(read, "rb") as pipe:
            pipe.read(4096)
            self.assertIn(b"is ready", pipe.readline())

    def test_lines_beyond_the_buffer_are_counted(self):
        read, write = self.full_pipe()
        server = self.server(stderr=write)
        os.close(write)
        client = self.client(server)
        # Each SIGHUP is a line; 1,200 lines are more than the buffer holds.
        for _ in range(1200):
            server.process.send_signal(signal.SIGHUP)
            self.assertEqual(client.call("ping"), "pong")
        with os.fdopen(read, "rb") as pipe:
            seen = b""
            lost = None
            while not lost:
                seen += os.read(pipe.fileno(), 65536)
                lost = re.search(rb"agorad: ([\d,]+) lines of the log were lost", seen)
        self.assertGreater(int(lost[1].replace(b",", b"")), 0)

    def test_a_full_disk_and_a_closed_stream_lose_lines_only(self):
        with open("/dev/full", "wb") as full:
            server = self.server("--connections-max", "1", stderr=full)
        client = self.client(server)
        self.refuse(server, 20)
        self.assertEqual(client.call("ping"), "pong")
        self.assertEqual(server.stop(), 0)
        prepare = lambda: (harness.die_with_parent(), os.close(2))
        server = self.server("--connections-max", "1", preexec=prepare)
        client = self.client(server)
        self.refuse(server, 20)
        self.assertEqual(client.call("ping"), "pong")

    def test_refused_connections_are_one_line_and_a_sum(self):
        server = self.server("--connections-max", "1")
        client = self.client(server)
        self.assertEqual(client.call("ping"), "pong")
        self.refuse(server, 300)
        server.process.terminate()
        self.assertEqual(server.process.wait(DEADLINE_S), 0)
        text = self.text_of(server)
        self.assertEqual(text.count("refused a connection"), 2, text[-500:])
        self.assertIn("refused 299 connections in the last minute", text[-500:])

    def test_the_last_words_are_written(self):
        server = self.server()
        self.client(server)
        server.process.terminate()
        self.assertEqual(server.process.wait(DEADLINE_S), 0)
        self.assertTrue(self.text_of(server).endswith("ended\n"))


if __name__ == "__main__":
    unittest.main()
