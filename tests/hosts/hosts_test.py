#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A server on one host and clients on two others, over TLS with client certificates.

usage: hosts_test.py AGORAD AGORA WORKER; exits with 77, which ctest reports as skipped, where the
machine has no network namespaces or this is not root.
"""
import os
import pathlib
import re
import shutil
import signal
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
AGORAD, AGORA, WORKER = sys.argv[1:4]
os.environ["AGORA_SERVER"] = AGORAD
sys.path[:0] = [str(ROOT / "tests" / "hosts"), str(ROOT / "tests" / "integration")]
from network import DEADLINE_S, Network, NotPermitted, written_file  # noqa: E402
from harness import until  # noqa: E402
from tls import Authority  # noqa: E402

PORT = "7117"  # each host has its own ports
NAME = "agora.test"
TTL_S = "2"


class Hosts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.network = NETWORK
        cls.server_host, cls.b, cls.c = (cls.network.add_host() for _ in range(3))
        cls.authority = Authority()
        host = cls.server_host
        names = (f"DNS:{NAME}", f"IP:{host.address}", f"IP:{host.address6}")
        cls.certificate = cls.authority.issue("server", *names)
        cls.worker_certificate = cls.authority.issue("worker", "URI:agora:write")
        cls.server = cls.serve(PORT, cls.certificate, "--tls-client-ca", cls.authority.ca)

    @classmethod
    def tearDownClass(cls):
        cls.network.remove()
        cls.authority.remove()

    @classmethod
    def serve(cls, port, certificate, *options):
        program = cls.server_host.start(AGORAD, "--listen", f"*:{port}", "--no-unix", "--log-level", "error", "--tls-cert",
                                        certificate[0], "--tls-key", certificate[1], *options)
        assert program.line().startswith("ready tcp=")
        return program

    def setUp(self):
        signal.alarm(120)
        for host in (self.server_host, self.b, self.c):
            host.connect()

    def tearDown(self):
        for host in (self.b, self.c):
            host.end_programs()
            host.connect()
            host.hosts_file = None

    def address(self, port=PORT, scheme="tls"):
        return f"{scheme}://{self.server_host.address}:{port}"

    def worker(self, host, verb, address=None, certificate=None):
        pair = certificate or self.worker_certificate
        return host.start(WORKER, address or self.address(), self.authority.ca, *pair, TTL_S, verb)

    def call(self, host, *words, address=None, ca=None, certificate=None):
        pair = certificate or self.worker_certificate
        return host.run(AGORA, "--server", address or self.address(), "--ca-file", ca or self.authority.ca,
                        "--cert", pair[0], "--key", pair[1], "call", *words)

    def test_programs_on_two_hosts_share_objects(self):
        self.assertEqual(self.worker(self.b, "world").line(), "all 5 5")
        self.assertEqual(self.worker(self.c, "world").line(), "all 10 10")
        self.assertEqual(self.call(self.b, "dict.get", "d", "all"), (0, "10\n"))

    def test_ipv6_and_names(self):
        six = f"tls://[{self.server_host.address6}]:{PORT}"
        self.assertEqual(self.call(self.b, "ping", address=six), (0, '"pong"\n'))
        self.b.hosts_file = written_file(f"{self.server_host.address} {NAME}\n")
        self.assertEqual(self.call(self.b, "ping", address=f"tls://{NAME}:{PORT}"), (0, '"pong"\n'))
        status, text = self.call(self.b, "ping", address=f"tls://nowhere.test:{PORT}")
        self.assertEqual(status, 69)
        self.assertIn('the name "nowhere.test" has no address', text)

    def test_an_address_of_a_name_that_does_not_answer_costs_a_quarter_of_a_second(self):
        # The worker gives up after 2 s; the kernel gives the silent address up after 3 s.
        self.b.hosts_file = written_file(f"fd77::77 {NAME}\n{self.server_host.address} {NAME}\n")
        self.assertEqual(self.worker(self.b, "lock", f"tls://{NAME}:{PORT}").ask("ping"), "pong")

    def test_the_second_of_several_addresses_serves(self):
        several = f"tls://10.77.0.77:{PORT},{self.server_host.address}:{PORT}"
        self.assertEqual(self.worker(self.b, "lock", several).ask("ping"), "pong")

    def test_a_cut_shorter_than_the_ttl_loses_nothing(self):
        before = int(self.call(self.c, "object.create", "dict", "sums") and
                     self.call(self.c, "dict.add", "sums", "sum", "0")[1])
        counting = self.worker(self.b, "count")
        self.assertEqual(counting.line(), "counting")
        for number in range(0, 400, 100):
            self.assertEqual(counting.line(), f"round {number}")
            self.b.cut()
            self.b.connect()
        self.assertEqual(counting.line(), "added 1200")
        self.assertEqual(self.call(self.c, "dict.get", "sums", "sum"), (0, f"{before + 1200}\n"))

    def test_a_partition_longer_than_the_ttl_passes_the_lock_on_with_a_larger_token(self):
        first, second = self.worker(self.b, "lock"), self.worker(self.c, "lock")
        old = int(first.ask("lock").removeprefix("token "))
        self.assertEqual(first.ask("write"), "written")
        self.b.cut()
        new = int(second.ask("lock").removeprefix("token "))
        self.assertGreater(new, old)
        self.assertEqual(first.line(), "lost")
        self.b.connect()
        self.assertEqual(first.ask("held"), "not held")
        self.assertTrue(first.ask("write").startswith("error "))  # the old token
        self.assertEqual(second.ask("write"), "written")
        self.assertEqual(first.ask("ping"), "pong")  # in its next session
        self.assertEqual(second.ask("unlock"), "released")
        self.assertGreater(int(first.ask("lock").removeprefix("token ")), new)

    def test_a_host_that_dies_releases_its_lock(self):
        first, second = self.worker(self.b, "lock"), self.worker(self.c, "lock")
        self.assertTrue(first.ask("lock").startswith("token "))
        self.b.cut()
        self.b.end_programs()  # no packet tells the server
        self.assertTrue(second.ask("lock").startswith("token "))

    def test_a_connection_without_a_session_that_vanishes_is_noticed_by_keepalive(self):
        pair = self.worker_certificate
        typed = self.b.start("openssl", "s_client", "-quiet", "-connect", f"{self.server_host.address}:{PORT}",
                             "-CAfile", self.authority.ca, "-cert", pair[0], "-key", pair[1])
        self.assertEqual(typed.ask("object.create lock gate"), '{"$ref":"gate"}')
        self.assertIn('"token"', typed.ask("lock.acquire gate"))
        # A reply that the client's kernel has not confirmed yet would be sent again, for minutes.
        until(lambda: self.server_host.unconfirmed_bytes() == 0, "the confirmation of the reply")
        self.b.cut()
        second = self.c.start("openssl", "s_client", "-quiet", "-connect", f"{self.server_host.address}:{PORT}",
                              "-CAfile", self.authority.ca, "-cert", pair[0], "-key", pair[1])
        self.assertIn('"token"', second.ask("lock.acquire gate"))

    def test_a_server_that_vanishes_is_noticed_within_the_ttl(self):
        first = self.worker(self.b, "lock")
        self.assertTrue(first.ask("lock").startswith("token "))
        self.server_host.cut()
        self.assertEqual(first.line(), "lost")
        self.server_host.connect()
        self.assertEqual(first.ask("ping"), "pong")

    def test_wrong_certificates_are_named(self):
        expired = self.authority.issue("expired", f"IP:{self.server_host.address}", days="-1")
        elsewhere = self.authority.issue("elsewhere", "DNS:elsewhere.test")
        for port, certificate, reason in ((7118, expired, "has expired"),
                                          (7119, elsewhere, "is for elsewhere.test, not for 10.77.0.1")):
            self.serve(port, certificate, "--tls-client-ca", self.authority.ca)
            status, text = self.call(self.b, "ping", address=self.address(port))
            self.assertEqual(status, 69)
            self.assertIn(reason, text)
        other = Authority("another authority")
        self.addCleanup(other.remove)
        stranger = other.issue("stranger", "URI:agora:write")
        self.assertIn("does not trust the authority", self.call(self.b, "ping", certificate=stranger)[1])
        self.assertIn("is signed by none of ca_file", self.call(self.b, "ping", ca=other.ca)[1])

    def test_plain_text_and_tls_do_not_mix(self):
        status, text = self.b.run(AGORA, "--server", self.address(scheme="tcp"), "call", "ping")
        self.assertIn("takes TLS only", text)
        plain = self.server_host.start(AGORAD, "--listen", "127.0.0.1:7120", "--no-unix")
        self.assertTrue(plain.line().startswith("ready"))
        status, text = self.server_host.run(AGORA, "--server", "tls://127.0.0.1:7120", "call", "ping")
        self.assertEqual(status, 69)
        self.assertIn("it may serve plain text only", text)

    def test_without_proof_of_its_clients_no_other_host_is_served(self):
        status, text = self.server_host.run(AGORAD, "--listen", "0.0.0.0:7121", "--no-unix")
        self.assertEqual(status, 64)
        self.assertIn("--tls-client-ca", text)

    def test_the_guide_works_as_it_stands(self):
        page = (ROOT / "docs" / "guides" / "several-hosts.md").read_text()
        certificates, serving, working, telnet = re.findall(r"^```sh\n(.*?)^```$", page, re.M | re.S)
        folder = tempfile.mkdtemp(prefix="agora-guide-")
        self.addCleanup(shutil.rmtree, folder)
        names = written_file(f"127.0.0.1 localhost\n{self.c.address} agora.example\n")
        self.b.hosts_file = names
        begin = f'cd {folder}; PATH="{os.path.dirname(AGORAD)}:$PATH"; XDG_RUNTIME_DIR={folder}; export XDG_RUNTIME_DIR\n'
        self.assertEqual(self.c.run("sh", "-ec", begin + certificates)[0], 0)
        server = self.c.start("sh", "-ec", begin + "exec " + serving)
        self.assertTrue(server.line().startswith("ready tcp="))
        status, text = self.b.run("sh", "-ec", begin + working)
        self.assertEqual((status, text), (0, '{"$ref":"jobs"}\nnull\n"done"\nonly one host runs this\n'))
        status, text = self.b.run("sh", "-ec", begin + telnet)
        self.assertEqual(status, 0, text)
        self.assertIn('"done"', text)
        server.end()

    def test_openssl_is_the_telnet_of_another_host(self):
        pair = self.worker_certificate
        script = ('printf "ping\\nquit\\n" | openssl s_client -quiet -connect "$1" -CAfile "$2" -cert "$3" '
                  '-key "$4" 2>/dev/null')
        target = f"{self.server_host.address}:{PORT}"
        status, text = self.b.run("sh", "-c", script, "sh", target, self.authority.ca, *pair)
        self.assertEqual((status, text), (0, '"pong"\n'))


try:
    NETWORK = Network()
except NotPermitted as reason:
    print(f"skipped: {reason}")
    sys.exit(77)

if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])
