# SPDX-License-Identifier: MIT
"""Logins by key and token, by a client that is written from the contract alone; addresses; key files that change."""
import hmac
import hashlib
import json
import os
import re
import signal
import socket
import struct
import subprocess
import tempfile
import time

import catalogue
import harness
from harness import until
from tls import Authority, wrap

AGORA = os.path.join(os.path.dirname(harness.SERVER), "agora")
KEYS = {name: hashlib.sha256(name.encode()).digest() for name in ("ci", "root", "reader", "jobs")}
FILE = (
    f"# the keys\nci write {KEYS['ci'].hex()}\nroot admin {KEYS['root'].hex()}\n"
    f"reader read {KEYS['reader'].hex()}\njobs write {KEYS['jobs'].hex()} names=jobs.\n")


def field(data):
    return struct.pack(">I", len(data)) + data


def proof(label, key, server, name, server_nonce, client_nonce, binding=b""):
    message = label + b"\0" + b"".join(
        map(field, (server.encode(), name.encode(), server_nonce, client_nonce, binding)))
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def token(name, expiry, key=None):
    text = str(expiry).encode()
    made = hmac.new(key or KEYS[name], b"agora1 token\0" + field(name.encode()) + field(text), hashlib.sha256)
    return f"agora1.{name}.{expiry}.{made.hexdigest()}"


def log_in(client, name, key=None, binding=b""):
    """Logs a client of the harness in, and checks the server's proof. Returns the role."""
    found = client.call("session.challenge")
    server_nonce, own = bytes.fromhex(found["nonce"]), os.urandom(32)
    mine = proof(b"agora1 client", key or KEYS[name], found["server"], name, server_nonce, own, binding)
    reply = client.call("session.login", name, own.hex(), mine)
    theirs = proof(b"agora1 server", key or KEYS[name], found["server"], name, server_nonce, own, binding)
    assert reply["proof"] == theirs, reply
    return reply["role"]


def write_keys(path, text=FILE, mode=0o600):
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    os.chmod(path, mode)


class WithKeys(harness.Case):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="agora-keys-")
        cls.keys = os.path.join(cls.folder.name, "keys")
        write_keys(cls.keys)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def setUp(self):
        write_keys(self.keys)
        self.server = harness.Server("--key-file", self.keys)
        self.addCleanup(self.server.stop)

    def fails(self, kind, client, *call):
        with self.assertRaises(harness.Failure) as caught:
            client.call(*call)
        self.assertEqual(caught.exception.kind, kind, caught.exception.message)
        return caught.exception

    def agora(self, *words, env=None, **more):
        return subprocess.run([AGORA, *words], capture_output=True, text=True, check=False,
                              timeout=harness.DEADLINE_S * 2, env={**os.environ, **(env or {})}, **more)

    @property
    def tcp(self):
        return f"tcp://127.0.0.1:{self.server.port}"


class Login(WithKeys):
    def test_json_and_msgpack_clients_log_in(self):
        for client in (self.server.json(), self.server.pack()):
            with client:
                self.fails("Unauthenticated", client, "object.list")
                self.assertEqual(log_in(client, "ci"), "write")
                self.assertEqual(client.call("object.exists", "x"), False)
                self.fails("Forbidden", client, "server.shutdown")
                info = client.call("session.info")
                self.assertEqual((info["id"], info["role"], info["transport"]), ("ci", "write", "tcp"))
                self.assertRegex(info["peer"], r"^127\.0\.0\.1:\d+$")

    def test_the_unix_socket_needs_no_login_and_may_take_one(self):
        with self.server.json(unix=True) as local:
            info = local.call("session.info")
            self.assertEqual((info["id"], info["role"]), (f"uid:{os.geteuid()}", "admin"))
            self.assertEqual(log_in(local, "reader"), "read")
            self.fails("Forbidden", local, "object.create", "dict", "d")

    def test_a_token_logs_in_over_loopback(self):
        made = self.agora("token", "--key-file", self.keys, "--id", "reader", "--ttl", "10m")
        self.assertEqual(made.returncode, 0, made.stderr)
        text = made.stdout.strip()
        expiry = int(text.split(".")[2])
        self.assertEqual(text, token("reader", expiry))
        self.assertLess(abs(expiry - time.time() - 600), 60)
        with self.server.typed() as person:
            self.assertEqual(person.ask(f"session.login_token {text}"), '{"role":"read"}')
            self.assertEqual(person.ask("object.exists x"), "false")

    def test_a_session_is_resumed_by_its_own_identity_only(self):
        first = self.server.json()
        log_in(first, "ci")
        opened = first.call("session.open", 30)
        first.close()
        with self.server.json() as other:
            log_in(other, "root")
            self.fails("Unauthenticated", other, "session.resume", opened["session"], opened["token"])
        with self.server.json(unix=True) as local:
            self.fails("Unauthenticated", local, "session.resume", opened["session"], opened["token"])
        with self.server.json() as same:
            log_in(same, "ci")
            self.assertEqual(same.call("session.resume", opened["session"], opened["token"])["last_seen"], 0)

    def test_a_prefix_covers_the_guard(self):
        with self.server.json() as root, self.server.json() as limited:
            log_in(root, "root")
            log_in(limited, "jobs")
            for kind, name in (("lock", "secret"), ("lock", "jobs.l"), ("dict", "jobs.d")):
                root.call("object.create", kind, name)
            token = root.call("lock.acquire", "jobs.l")["token"]
            write = {"name": "jobs.d", "key": "k", "value": 1}
            with self.assertRaises(harness.Failure) as caught:
                limited.call("dict.set", **write, guard=["secret", 1])
            self.assertEqual(caught.exception.kind, "Forbidden")
            self.assertIsNone(limited.call("dict.set", **write, guard=["jobs.l", token]))

    def test_connections_beyond_64_of_one_address_close_the_oldest(self):
        oldest = self.server.connect()
        others = [self.server.connect() for _ in range(64)]
        self.assertEqual(oldest.recv(1), b"")
        for other in others:
            other.close()
        oldest.close()

    def test_a_logged_in_connection_outlives_a_flood(self):
        with self.server.json() as client:
            log_in(client, "ci")
            flood = [self.server.connect() for _ in range(80)]
            self.assertEqual(client.call("object.exists", "x"), False)
            for each in flood:
                each.close()

    def test_swapped_keys_close_the_connections_of_removed_and_changed_ones(self):
        clients = {name: self.server.json() for name in ("ci", "reader", "jobs")}
        for name, client in clients.items():
            log_in(client, name)
        new = hashlib.sha256(b"new").digest()
        write_keys(self.keys, FILE.replace(KEYS["ci"].hex(), new.hex()).replace("reader read", "# reader read"))
        self.server.process.send_signal(signal.SIGHUP)
        self.assertIn("no longer valid", clients["ci"].rest().decode())
        self.assertIn("no longer valid", clients["reader"].rest().decode())
        self.assertEqual(clients["jobs"].call("object.exists", "jobs.x"), False)
        with self.server.json() as again:
            self.fails("Unauthenticated", again, "session.login", "ci", "0" * 64, "0" * 64)
            self.assertEqual(log_in(again, "ci", new), "write")
        for client in clients.values():
            client.close()

    def test_a_broken_key_file_leaves_the_old_keys(self):
        write_keys(self.keys, FILE + "broken line\n")
        self.server.process.send_signal(signal.SIGHUP)
        until(lambda: "the keys stay as they were" in self.log(), "the log line")
        self.assertIn("line 6: ", self.log())
        with self.server.json() as client:
            self.assertEqual(log_in(client, "ci"), "write")

    def log(self):
        with open(self.server.log_path, encoding="utf-8") as log:
            return log.read()

    def test_logins_and_refusals_are_logged_without_secrets(self):
        with self.server.json() as client:
            self.fails("Unauthenticated", client, "session.login", "ci\nforged", "0" * 64, "0" * 64)
            log_in(client, "ci")
        until(lambda: "login of ci from 127.0.0.1" in self.log(), "the log line")
        self.assertIn("refused a login as ? from 127.0.0.1", self.log())
        self.assertNotIn("forged", self.log())
        self.assertNotIn(KEYS["ci"].hex(), self.log())


class OverTls(WithKeys):
    """Logins over TLS are bound to the server's certificate; certificates of clients give roles."""

    def setUp(self):
        write_keys(self.keys, FILE + "cert:CN=web\\20one read names=web.\n")
        self.authority = Authority()
        self.addCleanup(self.authority.remove)
        self.server = harness.Server(
            "--key-file", self.keys, *self.authority.server_options("server", "--tls-client-ca", self.authority.ca))
        self.addCleanup(self.server.stop)

    def connect(self, certificate=None):
        sock = wrap(self.server, self.authority.context(certificate))
        client = harness.Json(sock)
        self.addCleanup(client.close)
        return client, hashlib.sha256(sock.getpeercert(binary_form=True)).digest()

    def test_the_proof_covers_the_certificate(self):
        client, binding = self.connect()
        self.fails("Unauthenticated", client, "object.list")
        for wrong in (b"", hashlib.sha256(b"another").digest()):
            with self.assertRaises(harness.Failure):
                log_in(client, "ci", binding=wrong)
        self.assertEqual(log_in(client, "ci", binding=binding), "write")
        self.assertEqual(client.call("session.info")["transport"], "tls")

    def test_a_line_of_the_key_file_gives_a_certificate_its_role(self):
        by_line, _ = self.connect(self.authority.issue("web", subject="/CN=web one"))
        info = by_line.call("session.info")
        self.assertEqual((info["id"], info["role"], info["names"]), ("cert:CN=web\\20one", "read", "web."))
        by_name, _ = self.connect(self.authority.issue("job", "URI:agora:write"))
        self.assertEqual(by_name.call("session.info")["role"], "write")
        none, binding = self.connect(self.authority.issue("none"))
        self.fails("Unauthenticated", none, "session.info")
        self.assertEqual(log_in(none, "reader", binding=binding), "read")
        write_keys(self.keys, FILE)
        self.server.process.send_signal(signal.SIGHUP)
        self.assertIn("no longer valid", by_line.rest().decode())
        self.assertEqual(by_name.call("ping"), "pong")

    def test_programs_log_in_over_tls(self):
        for verb in (["call", "session.info"], ["bench", "-c", "2", "-n", "50", "-t", "get"], ["lock", "l", "--", "true"]):
            done = self.agora("--server", f"tls://localhost:{self.server.port}", "--ca-file", self.authority.ca,
                              "--key-file", self.keys, *verb)
            self.assertEqual(done.returncode, 0, done.stderr + done.stdout)


class Roles(harness.Case):
    READ = {"object." + name for name in "watch unwatch watch_names unwatch_names hold release".split()} | {
        "topic.subscribe", "topic.unsubscribe", "event.wait", "latch.wait", "counter.wait_at_least", "dict.wait_for",
        "pipe.poll", "queue.join"}
    ADMIN = {"server.end_session", "server.shutdown"}

    def test_each_method_has_the_role_of_the_contract(self):
        for kind in self.c.call("server.methods")["types"]:
            for method in kind["methods"]:
                name = method["name"]
                flags = catalogue.METHODS.get(name, (name, [], ""))[2].split()
                reads = "r" in flags or name in self.READ or name.startswith("session.")
                expected = "admin" if name in self.ADMIN else "read" if reads else "write"
                self.assertEqual(method["role"], expected, name)

    def test_help_tells_the_role(self):
        with self.server.typed() as person:
            self.assertIn("Role: admin", "\n".join(person.reply_lines("help server.shutdown")))
            self.assertIn("Role: read", "\n".join(person.reply_lines("help dict.get")))


class Command(WithKeys):
    def test_keygen_prints_a_line_that_the_server_takes(self):
        made = self.agora("keygen", "--id", "new.1", "--role", "read", "--names", "a/")
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertRegex(made.stdout, r"^new\.1 read [0-9a-f]{64} names=a/\n$")
        write_keys(self.keys, made.stdout)
        self.server.process.send_signal(signal.SIGHUP)
        key = bytes.fromhex(made.stdout.split()[2])
        with self.server.json() as client:
            found = client.call("session.challenge")
            self.assertEqual(len(found["nonce"]), 64)
            until(lambda: self.try_login("new.1", key) == "read", "the new key")

    def try_login(self, name, key):
        with self.server.json() as client:
            try:
                return log_in(client, name, key)
            except harness.Failure:
                return None

    def test_keygen_refuses_what_the_server_would(self):
        for words in (["--id", "a b"], ["--id", "a#"], ["--id", "a", "--role", "owner"], ["--id", "a", "--names", "b c"],
                      ["--id", "a", "--role", "admin", "--names", "b"], ["--id", "x" * 65]):
            made = self.agora("keygen", *words)
            self.assertEqual((made.returncode, made.stdout), (64, ""), words)
            self.assertRegex(made.stderr, "^agora: keygen: .+\n$")

    def test_token_refuses_bad_options(self):
        for words, text in ((["--ttl", "25h"], "24 h"), (["--ttl", "x"], "24 h"), (["--id", "nobody"], "no key with the id"),
                            (["--key-file", "/nowhere"], "No such file")):
            made = self.agora("token", "--key-file", self.keys, *words) if "--key-file" not in words else self.agora("token", *words)
            self.assertEqual((made.returncode, made.stdout), (64, ""), words)
            self.assertIn(text, made.stderr)

    def test_calls_log_in_by_options_and_environment(self):
        call = ["--server", self.tcp, "--key-file", self.keys, "--key-id", "reader", "call", "session.info"]
        self.assertEqual(json.loads(self.agora(*call).stdout)["id"], "reader")
        found = self.agora("call", "session.info", env={
            "AGORA_ADDRESS": self.tcp, "AGORA_KEY_FILE": self.keys, "AGORA_KEY_ID": "root"})
        self.assertEqual(json.loads(found.stdout)["role"], "admin")
        first = self.agora("--server", self.tcp, "--key-file", self.keys, "call", "session.info")
        self.assertEqual(json.loads(first.stdout)["id"], "ci")

    def test_calls_without_the_right_key_say_what_to_do(self):
        none = self.agora("--server", self.tcp, "call", "object.list")
        self.assertEqual(none.returncode, 1)
        self.assertIn("--key-file", none.stdout)
        wrong = os.path.join(self.folder.name, "wrong")
        write_keys(wrong, f"ci write {'0' * 64}\n")
        refused = self.agora("--server", self.tcp, "--key-file", wrong, "call", "object.list")
        self.assertEqual(refused.returncode, 69)
        self.assertIn("no such key, or the proof is wrong", refused.stderr)

    def test_a_load_logs_in_on_each_connection(self):
        found = self.agora("--server", self.tcp, "--key-file", self.keys, "bench", "-c", "2", "-n", "100", "-t", "get,lock")
        self.assertEqual(found.returncode, 0, found.stderr)

    def test_a_command_runs_under_a_lock(self):
        with self.server.json() as client:
            log_in(client, "ci")
            found = self.agora("--server", self.tcp, "--key-file", self.keys, "lock", "nightly", "--", "true")
            self.assertEqual(found.returncode, 0, found.stderr)
            self.assertEqual(client.call("object.exists", "nightly"), True)


class Listening(WithKeys):
    def setUp(self):
        write_keys(self.keys)

    def run_agorad(self, *options):
        """Runs agorad to its end."""
        return subprocess.run([harness.SERVER, "--no-unix", *options], capture_output=True, text=True, check=False,
                              timeout=harness.DEADLINE_S, preexec_fn=harness.die_with_parent)

    def start(self, *options):
        """Starts agorad without a Unix socket. Returns its addresses."""
        process = subprocess.Popen([harness.SERVER, "--no-unix", *options], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, preexec_fn=harness.die_with_parent)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        self.process = process
        ready = harness.read_line(process.stdout)
        self.assertRegex(ready, "^ready ", process.stderr.read1() if not ready else "")
        return re.findall(r"tcp=(\S+)", ready)

    def test_an_address_beyond_loopback_is_refused_with_what_to_do(self):
        for address in ("0.0.0.0:0", "*:0", ":0", "[::]:0"):
            found = self.run_agorad("--listen", address)
            self.assertEqual(found.returncode, 64, address)
            self.assertIn("--key-file", found.stderr)
            self.assertIn("agora keygen", found.stderr)
        found = self.run_agorad("--listen", "0.0.0.0:0", "--key-file", self.keys)
        self.assertEqual(found.returncode, 64)
        self.assertIn("--tls-cert", found.stderr)
        self.assertIn("--allow-plaintext", found.stderr)

    def test_a_key_file_that_others_read_or_that_does_not_parse_is_refused(self):
        write_keys(self.keys, mode=0o640)
        found = self.run_agorad("--listen", "127.0.0.1:0", "--key-file", self.keys)
        self.assertEqual(found.returncode, 64)
        self.assertIn("chmod 600", found.stderr)
        write_keys(self.keys, "\n\nci owner 00\n")
        found = self.run_agorad("--listen", "127.0.0.1:0", "--key-file", self.keys)
        self.assertEqual(found.returncode, 64)
        self.assertIn("line 3: ", found.stderr)

    def test_plain_text_beyond_loopback_is_warned_of(self):
        addresses = self.start("--listen", "0.0.0.0:0", "--key-file", self.keys, "--allow-plaintext")
        self.assertRegex(addresses[0], r"^0\.0\.0\.0:\d+$")
        self.assertIn("take a connection over", self.process.stderr.readline().decode())
        client = harness.Json(socket.create_connection(("127.0.0.1", int(addresses[0].split(":")[1])), timeout=10))
        with client:
            self.assertEqual(log_in(client, "ci"), "write")

    def test_several_addresses_names_and_ipv6(self):
        addresses = self.start("--listen", "127.0.0.1:0", "--listen", "localhost:0", "--listen", "[::1]:0")
        self.assertEqual(len(addresses), 3)
        for address in addresses:
            host, port = address.rsplit(":", 1)
            with harness.Json(socket.create_connection((host.strip("[]"), int(port)), timeout=10)) as client:
                self.assertEqual(client.call("ping"), "pong")
                self.assertEqual(client.call("session.info")["id"], "loopback")

    def test_all_addresses_serve_ipv4_and_ipv6(self):
        addresses = self.start("--listen", "*:0", "--key-file", self.keys, "--allow-plaintext")
        port = int(addresses[0].rsplit(":", 1)[1])
        for host in ("127.0.0.1", "::1"):
            with harness.Json(socket.create_connection((host, port), timeout=10)) as client:
                self.assertEqual(client.call("ping"), "pong")
                self.assertEqual(log_in(client, "ci"), "write")

    def test_a_name_without_an_address_is_refused(self):
        found = self.run_agorad("--listen", "no-such-host.invalid:0")
        self.assertEqual(found.returncode, 64)
        self.assertIn("no-such-host.invalid", found.stderr)


class UnixGroup(harness.Case):
    def test_members_of_the_group_write(self):
        if os.geteuid() != 0:
            self.skipTest("takes root: it runs a client as another user")
        folder = tempfile.mkdtemp(prefix="agora-group-", dir="/run")
        self.addCleanup(os.rmdir, folder)
        os.chmod(folder, 0o755)
        path = os.path.join(folder, "made", "s")
        process = subprocess.Popen(
            [harness.SERVER, "--no-tcp", "--unix", path, "--unix-group", "games", "--remove-directory"],
            stdout=subprocess.PIPE, preexec_fn=harness.die_with_parent)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        self.assertRegex(harness.read_line(process.stdout), "^ready ")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o660)
        self.assertEqual(os.stat(os.path.dirname(path)).st_mode & 0o777, 0o710)
        import grp
        gid = grp.getgrnam("games").gr_gid
        program = ("import socket,sys; s=socket.socket(socket.AF_UNIX); s.settimeout(10); s.connect(sys.argv[1]); "
                   "s.sendall(b'session.info\\nserver.shutdown\\nquit\\n'); print(s.makefile().read())")

        def ask(uid, gids):
            return subprocess.run(["/usr/bin/python3", "-c", program, path], user=uid, group=65534, extra_groups=gids,
                                  capture_output=True, text=True, check=False, timeout=20)
        member = ask(65534, [gid])
        self.assertIn('"id":"uid:65534","role":"write"', member.stdout, member.stderr)
        self.assertIn("Forbidden: server.shutdown", member.stdout)
        self.assertNotEqual(ask(65534, []).returncode, 0)

    def test_a_group_that_does_not_exist_is_refused(self):
        found = subprocess.run([harness.SERVER, "--no-tcp", "--unix", "/tmp/agora-none/s", "--unix-group", "no-such-group"],
                               capture_output=True, text=True, check=False, timeout=harness.DEADLINE_S)
        self.assertEqual(found.returncode, 64)
        self.assertIn("no-such-group", found.stderr)
