# SPDX-License-Identifier: MIT
"""TLS beside plain text on one port: protocols, versions, certificates, and hostile clients."""
import hashlib
import os
import signal
import socket
import ssl
import subprocess
import time
import unittest

import harness
from harness import DEADLINE_S, Json, Pack, Text, until
from tls import Authority, wrap


def log_of(server):
    with open(server.log_path) as file:
        return file.read()


class TlsCase(harness.Case):
    @classmethod
    def setUpClass(cls):
        cls.authority = Authority()
        cls.options = cls.authority.server_options()
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.authority.remove()

    def tls(self, kind=Json, **context):
        client = kind(wrap(self.server, self.authority.context(**context)))
        self.addCleanup(client.close)
        return client

    def s_client(self, *options, text=b"ping\nquit\n"):
        """Runs the openssl program as a client; returns all that it prints."""
        words = ["openssl", "s_client", "-connect", f"127.0.0.1:{self.server.port}", "-CAfile", self.authority.ca]
        done = subprocess.run([*words, *options], input=text, capture_output=True, timeout=DEADLINE_S * 3)
        return (done.stdout + done.stderr).decode()


class Tls(TlsCase):
    def test_every_protocol_over_both_versions(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            self.assertEqual(self.tls(Text, version=version).ask("ping"), '"pong"')
            self.assertEqual(self.tls(Json, version=version).call("ping"), "pong")
            self.assertEqual(self.tls(Pack, version=version).call("ping"), "pong")

    def test_the_session_is_listed_with_its_transport(self):
        c = self.tls()
        c.call("ping")
        self.assertIn("tls", [each["transport"] for each in c.call("server.sessions")])

    def test_plain_text_is_served_beside_it_on_loopback(self):
        self.assertEqual(self.c.call("ping"), "pong")

    def test_an_older_version_is_refused(self):
        text = self.s_client("-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")
        self.assertNotIn("pong", text)
        self.assertIn("alert protocol version", text)

    def test_openssl_s_client_is_the_telnet_of_tls(self):
        self.assertIn('"pong"', self.s_client("-quiet"))

    def test_nothing_is_compressed_and_no_session_of_tls_is_resumed(self):
        text = self.s_client("-tls1_2", "-reconnect", text=b"")
        self.assertIn("Compression: NONE", text)
        self.assertNotIn("Reused", text)

    def test_a_client_cannot_renegotiate(self):
        # s_client renegotiates when it reads a line R; the server refuses by an alert, and goes on.
        text = self.s_client("-tls1_2", text=b"R\n")
        self.assertIn("RENEGOTIATING", text)
        self.assertIn("no renegotiation", text)

    def test_large_messages_pass_in_both_directions(self):
        c = self.tls(Pack)
        large = "x" * 9_000_000
        c.call("object.create", "dict", "large")
        c.call("dict.set", "large", "a", large)
        self.assertEqual(c.call("dict.get", "large", "a"), large)

    def test_many_calls_before_the_first_reply_is_read(self):
        c = self.tls(Text)
        c.sock.sendall(b"ping\n" * 20_000)
        for _ in range(20_000):
            self.assertEqual(c.line(), '"pong"')

    def test_calls_that_come_with_the_end_of_the_handshake_get_replies(self):
        for _ in range(30):
            self.assertIn('"pong"', self.s_client("-quiet"))

    def test_an_orderly_end_lets_the_calls_before_it_run(self):
        name = self.new("counter")
        c = self.tls(Text)
        self.assertEqual(c.ask("ping"), '"pong"')
        c.send(f"counter.add {name} 5")
        self.assertEqual(c.line(), "5")
        raw = c.sock.unwrap()  # sends close_notify, and waits for the server's
        self.addCleanup(raw.close)
        self.assertEqual(raw.recv(1), b"")

    def test_a_line_that_is_cut_off_is_not_run(self):
        name = self.new("counter")
        c = self.tls(Text)
        c.send("ping")
        c.line()
        c.sock.sendall(f"counter.add {name} 5".encode())  # no line feed, as in the middle of 50
        before = len(self.c.call("server.sessions"))
        c.sock.shutdown(socket.SHUT_RDWR)
        until(lambda: len(self.c.call("server.sessions")) < before, "the end of the session")
        self.assertEqual(self.c.call("counter.add", name, 0), 0)

    def test_garbage_instead_of_a_handshake_ends_the_connection(self):
        for garbage in (b"\x16", b"\x16\x03\x01\xff\xff", b"\x16" + bytes(70_000), b"\x16\x03\x01\x00\x02\x01\x00"):
            with self.server.connect() as raw:
                try:
                    raw.sendall(garbage)
                    raw.shutdown(socket.SHUT_WR)
                    while raw.recv(4096):
                        pass
                except OSError:  # the server may have closed the connection by then
                    pass
        self.assertEqual(self.tls().call("ping"), "pong")

    def test_garbage_within_tls_ends_the_connection(self):
        c = self.tls(Text)
        self.assertEqual(c.ask("ping"), '"pong"')
        raw = socket.socket(fileno=os.dup(c.sock.fileno()))
        self.addCleanup(raw.close)
        raw.settimeout(DEADLINE_S)
        raw.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))
        while raw.recv(4096):
            pass

    def test_tls_within_tls_is_no_protocol(self):
        c = self.tls(Text)
        c.sock.sendall(b"\x16\x03\x01")
        self.assertEqual(c.rest(), b"")


class StalledHandshakes(TlsCase):
    def test_stalled_handshakes_hinder_nobody_and_end_after_ten_seconds(self):
        stalled = [self.server.connect() for _ in range(200)]
        for each in stalled:
            each.settimeout(DEADLINE_S * 3)
            self.addCleanup(each.close)
            each.sendall(b"\x16\x03\x01\x02\x00\x01")
        began = time.monotonic()
        for _ in range(20):
            self.assertEqual(self.tls().call("ping"), "pong")
            self.assertEqual(self.c.call("ping"), "pong")
        for each in stalled:
            self.assertEqual(each.recv(100), b"")
        self.assertGreater(time.monotonic() - began, 5)
        self.assertIn("longer than 10 s", log_of(self.server))


class Reload(TlsCase):
    def served(self):
        with wrap(self.server, self.authority.context()) as sock:
            return hashlib.sha256(sock.getpeercert(binary_form=True)).hexdigest()

    def test_sighup_reads_the_certificate_again(self):
        before, old = self.served(), self.tls()
        self.authority.issue("server", "DNS:localhost", "IP:127.0.0.1")
        self.server.process.send_signal(signal.SIGHUP)
        until(lambda: self.served() != before, "the new certificate")
        self.assertEqual(old.call("ping"), "pong")
        now = self.served()
        with open(self.authority.path("server.pem"), "w") as file:
            file.write("no certificate\n")
        self.server.process.send_signal(signal.SIGHUP)
        until(lambda: "stay as they were" in log_of(self.server), "the refusal")
        self.assertEqual(self.served(), now)


class ClientCertificates(TlsCase):
    @classmethod
    def setUpClass(cls):
        authority = Authority()
        cls.given = authority.issue("worker", "URI:agora:write", subject="/O=agora test/CN=worker 1")
        cls.authority = authority
        cls.options = authority.server_options("server", "--tls-client-ca", authority.ca)
        harness.Case.setUpClass.__func__(cls)

    def setUp(self):
        signal.alarm(harness.ALARM)
        self.addCleanup(self.check_server_alive)

    def test_a_client_with_a_certificate_is_served(self):
        self.assertEqual(self.tls(certificate=self.given).call("ping"), "pong")

    def test_a_client_without_one_is_refused(self):
        with self.assertRaises((ssl.SSLError, ConnectionError, AssertionError)):
            self.tls().call("ping")

    def test_a_certificate_of_another_authority_is_refused(self):
        other = Authority("another authority")
        self.addCleanup(other.remove)
        stranger = other.issue("stranger", "URI:agora:admin")
        with self.assertRaises((ssl.SSLError, ConnectionError, AssertionError)):
            self.tls(certificate=stranger).call("ping")

    def test_plain_text_gets_one_line_that_names_tls(self):
        for greeting in (b"ping\n", b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n', b"\x94\x00\x01\xa4ping\x90"):
            with self.server.connect() as raw:
                raw.sendall(greeting)
                lines = raw.makefile("rb").readlines()
                self.assertEqual(len(lines), 1)
                self.assertIn(b"takes TLS only", lines[0])


class Options(unittest.TestCase):
    def setUp(self):
        signal.alarm(harness.ALARM)

    def refused(self, *options):
        """Returns what agorad says when it refuses its command line."""
        done = subprocess.run([harness.SERVER, "--no-unix", "--listen", "127.0.0.1:0", *options],
                              capture_output=True, timeout=DEADLINE_S * 3)
        self.assertEqual(done.returncode, 64, done.stderr)
        return done.stderr.decode()

    def test_options_that_do_not_fit_are_named(self):
        authority = Authority()
        self.addCleanup(authority.remove)
        certificate, key = authority.issue("server", "DNS:localhost")
        other = authority.issue("other", "DNS:localhost")[1]
        self.assertIn("--tls-key", self.refused("--tls-cert", certificate))
        self.assertIn("--tls-cert", self.refused("--tls-client-ca", authority.ca))
        self.assertIn("--tls-cert /none", self.refused("--tls-cert", "/none", "--tls-key", key))
        self.assertIn("--tls-key /none", self.refused("--tls-cert", certificate, "--tls-key", "/none"))
        self.assertIn(f"--tls-key {other}", self.refused("--tls-cert", certificate, "--tls-key", other))
        self.assertIn("--tls-client-ca /none", self.refused(
            "--tls-cert", certificate, "--tls-key", key, "--tls-client-ca", "/none"))

    def test_an_address_beyond_loopback_needs_proof_of_its_clients(self):
        done = subprocess.run([harness.SERVER, "--no-unix", "--listen", "0.0.0.0:0"], capture_output=True,
                              timeout=DEADLINE_S * 3)
        self.assertEqual(done.returncode, 64)
        self.assertIn(b"--tls-client-ca", done.stderr)


del TlsCase  # it has no test of its own
