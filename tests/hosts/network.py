# SPDX-License-Identifier: MIT
"""Hosts in one machine: network namespaces whose virtual Ethernet cables meet at a bridge."""
import atexit
import ctypes
import os
import select
import signal
import subprocess
import tempfile
import time

DEADLINE_S = 30.0  # until a test stops waiting for an event that must come


class NotPermitted(Exception):
    """This machine allows no network namespaces, or the test does not run as root."""


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=DEADLINE_S)


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Program:
    """A process on a host, asked by lines."""

    def __init__(self, words):
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
        self.rest = b""

    def line(self):
        """Returns the next line of its output; None at its end."""
        end = time.monotonic() + DEADLINE_S
        while b"\n" not in self.rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise AssertionError(f"no line within {DEADLINE_S} s; got {self.rest!r}")
            piece = os.read(self.process.stdout.fileno(), 65536)
            if not piece:
                return None
            self.rest += piece
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode()

    def ask(self, word):
        self.process.stdin.write(word.encode() + b"\n")
        self.process.stdin.flush()
        return self.line()

    def end(self, with_signal=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        self.process.wait(DEADLINE_S)
        self.process.stdin.close()
        self.process.stdout.close()


class Host:
    """One namespace with one cable."""

    def __init__(self, network, number):
        self.space = f"{network.prefix}-h{number}"
        self.address, self.address6 = f"10.77.0.{number}", f"fd77::{number}"
        self.programs, self.hosts_file = [], None
        network.add_space(self.space)
        cable = f"h{number}"
        run("ip", "link", "add", "eth0", "netns", self.space, "type", "veth",
            "peer", "name", cable, "netns", network.bridge)
        run("ip", "-n", network.bridge, "link", "set", cable, "master", "br0", "up")
        run("ip", "-n", self.space, "address", "add", self.address + "/24", "dev", "eth0")
        run("ip", "-n", self.space, "link", "set", "lo", "up")
        self.connect()

    def connect(self):
        run("ip", "-n", self.space, "link", "set", "eth0", "up")
        # The kernel forgets the IPv6 address of a cable that is pulled.
        run("ip", "-n", self.space, "-6", "address", "replace", self.address6 + "/64", "dev", "eth0", "nodad")

    def cut(self):
        """Pulls the cable: no end of a connection reaches its peer."""
        run("ip", "-n", self.space, "link", "set", "eth0", "down")

    def words(self, *command):
        words = ["ip", "netns", "exec", self.space]
        if self.hosts_file:
            words += ["unshare", "-m", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', self.hosts_file]
        return [*words, *command]

    def start(self, *command):
        self.programs.append(Program(self.words(*command)))
        return self.programs[-1]

    def run(self, *command, **environment):
        """Runs a program to its end; returns its status and all that it has printed."""
        done = subprocess.run(self.words(*command), capture_output=True, text=True, timeout=DEADLINE_S * 2,
                              env={**os.environ, **environment})
        return done.returncode, done.stdout + done.stderr

    def unconfirmed_bytes(self):
        """Returns how many bytes this host has sent whose receipt no peer has confirmed yet."""
        rows = run(*self.words("ss", "-Htn", "state", "established")).stdout.splitlines()
        return sum(int(row.split()[1]) for row in rows)

    def end_programs(self):
        while self.programs:
            self.programs.pop().end(signal.SIGKILL)


class Network:
    """Hosts that reach each other."""

    def __init__(self):
        if os.geteuid() != 0:
            raise NotPermitted("it needs root")
        self.prefix, self.spaces, self.hosts = f"agora-{os.getpid()}", [], []
        self.bridge = self.prefix + "-net"
        atexit.register(self.remove)
        try:
            self.add_space(self.bridge)
            run("ip", "-n", self.bridge, "link", "add", "br0", "type", "bridge")
            run("ip", "-n", self.bridge, "link", "set", "br0", "up")
        except (OSError, subprocess.SubprocessError) as error:
            self.remove()
            raise NotPermitted(f"no network namespaces here: {getattr(error, 'stderr', '') or error}") from None

    def add_space(self, name):
        run("ip", "netns", "add", name)
        self.spaces.append(name)

    def add_host(self):
        self.hosts.append(Host(self, len(self.hosts) + 1))
        return self.hosts[-1]

    def remove(self):
        for host in self.hosts:
            host.end_programs()
        while self.spaces:
            subprocess.run(["ip", "netns", "delete", self.spaces.pop()], capture_output=True, check=False)


def written_file(text):
    with tempfile.NamedTemporaryFile("w", prefix="agora-hosts-", delete=False) as file:
        file.write(text)
    atexit.register(os.unlink, file.name)
    return file.name
