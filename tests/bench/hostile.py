#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures what one hostile client does to the others: hostile.py AGORAD [--minutes M] [--seconds S] [CASE...]

Each case has a fresh server and one client that does its worst for S seconds. Another process pings meanwhile, a
thousand times a second at most. The table has that process's latencies (p50, p99, worst), the longest time without
any reply, and the server's peak of resident memory above its cap (--memory-max 256mb).

Then M minutes of random calls over the whole catalogue look for the calls that keep the server busy for the longest
time for each byte sent. The ten worst become cases of the table. --minutes 0 leaves the search out.
"""
import argparse
import itertools
import json
import multiprocessing
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time

CAP_MIB = 256
P99_MS, WORST_MS = 10, 250  # the bounds
CASES = {}
numbers = itertools.count()


def case(function):
    CASES[function.__name__] = function
    return function


class Server:
    def __init__(self, agorad, directory):
        self.path = f"{directory}/{next(numbers)}.sock"
        self.process = subprocess.Popen(
            [agorad, "--unix", self.path, "--listen", "127.0.0.1:0", "--memory-max", f"{CAP_MIB}mb"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        ready = self.process.stdout.readline().split()
        self.port = int(next(word for word in ready if word.startswith("tcp=")).rsplit(":", 1)[1])

    def peak_mib(self):
        try:
            with open(f"/proc/{self.process.pid}/status") as status:
                return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
        except (OSError, StopIteration):
            return float("nan")

    def alive(self):
        return self.process.poll() is None

    def stop(self):
        if self.alive():
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class Client:
    """A JSON connection over TCP: the role write, as every user of the host has it."""

    def __init__(self, server, timeout=120):
        self.socket = socket.create_connection(("127.0.0.1", server.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(timeout)
        self.input = b""
        self.number = 0

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def line(self):
        parts = [self.input]
        while b"\n" not in parts[-1]:
            parts.append(self.socket.recv(1 << 20))
            if not parts[-1]:
                raise EOFError("the server has closed the connection")
        line, self.input = b"".join(parts).split(b"\n", 1)
        return line

    def message(self, method, *params):
        self.number += 1
        return json.dumps({"id": self.number, "method": method, "params": params}) + "\n"

    def call(self, method, *params):
        self.send(self.message(method, *params))
        while True:
            reply = json.loads(self.line())
            if isinstance(reply, dict) and reply.get("id") == self.number:
                return reply

    def flood(self, lines, seconds, in_flight=16):
        """Sends the lines again and again with so many in flight, and reads all replies."""
        end = time.monotonic() + seconds
        turns = itertools.cycle(lines)
        for _ in range(in_flight):
            self.send(next(turns))
        while time.monotonic() < end:
            self.line()
            self.send(next(turns))

    def close(self):
        self.socket.close()


def ping_forever(port, results, stop):
    client = Client(argparse.Namespace(port=port), timeout=300)
    latencies = []
    while not stop.is_set():
        begin = time.perf_counter()
        try:
            client.call("ping")
        except (OSError, EOFError):
            break
        latencies.append((time.perf_counter() - begin) * 1000)
        time.sleep(0.001)  # the pace of the other client
    latencies.sort()
    results.put(latencies)


def fill(client, name, elements):
    """Makes a list of the numbers below `elements`."""
    client.call("object.create", "list", name)
    for begin in range(0, elements, 100_000):
        client.call("list.extend", name, list(range(begin, min(begin + 100_000, elements))))


# ---- the cases of the review ------------------------------------------------------------------

@case
def idle(server, seconds):
    time.sleep(seconds)


@case
def batch_of_large_replies(server, seconds):  # A1
    client = Client(server)
    client.call("object.create", "dict", "d")
    client.call("dict.set", "d", "k", "x" * (20 << 20))
    client.send(json.dumps([{"id": i, "method": "dict.get", "params": ["d", "k"]} for i in range(400)]) + "\n")
    time.sleep(seconds)


@case
def waits_of_many_holders(server, seconds):  # A2
    client, waiting = Client(server), Client(server)
    client.call("object.create", "rwlock", "w")
    for i in range(1_000):
        client.send(client.message("rwlock.acquire_read", "w", None, "o" * 500 + str(i)))
    for _ in range(1_000):
        client.line()
    waiting.send("".join(waiting.message("rwlock.acquire_write", "w", None, str(i)) for i in range(10_000)))
    client.flood([client.message("server.waits")], seconds, 2)


@case
def large_value_for_many_waits(server, seconds):  # A3
    client, other = Client(server), Client(server)
    client.call("object.create", "dict", "d")
    client.send("".join(client.message("dict.wait_for", "d", "k") for _ in range(100)))
    other.call("dict.set", "d", "k", "x" * (20 << 20))
    time.sleep(seconds)


@case
def large_notice_for_many(server, seconds):  # A3b
    publisher = Client(server)
    publisher.call("object.create", "topic", "t")
    subscribers = [Client(server) for _ in range(60)]
    for each in subscribers:
        each.call("topic.subscribe", "t")
    publisher.send(publisher.message("topic.publish", "t", "x" * (30 << 20)))
    time.sleep(seconds)


@case
def typed_lines_behind_a_wait(server, seconds):  # B1, B2
    client, other = Client(server), Client(server)
    other.call("object.create", "queue", "q")
    client.send("queue.get q\n")
    client.socket.settimeout(0.5)
    try:
        client.send(b"a\n" * 4_000_000)
    except TimeoutError:
        pass
    other.call("queue.put", "q", 1)
    time.sleep(seconds)


@case
def kept_errors(server, seconds):  # B3
    client = Client(server)
    client.call("object.create", "dict", "d")
    client.call("session.open", 3600)
    client.number = 100
    for i in range(40):
        client.send(client.message("dict.delete", "d", str(i) + "k" * (20 << 20)))
        client.line()
    client.close()
    time.sleep(seconds)


@case
def released_names(server, seconds):  # B5
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        client = Client(server)
        client.call("session.open", 3600)
        lines = [client.message("object.create", "event", f"{i}" + "n" * 500, None, {"ephemeral": True})
                 for i in range(10_000)]
        for begin in range(0, len(lines), 500):
            client.send("".join(lines[begin:begin + 500]))
            for _ in range(500):
                client.line()
        client.call("session.close")
        client.close()


@case
def large_keys_of_waits(server, seconds):  # B6
    client = Client(server)
    client.call("object.create", "dict", "d")
    for i in range(60):
        client.send(client.message("dict.wait_for", "d", str(i) + "k" * (20 << 20)))
    time.sleep(seconds)


@case
def unfinished_messages(server, seconds):  # B9
    clients = [Client(server) for _ in range(20)]
    for each in clients:
        try:
            each.send(b'{"id":1,"method":"ping","params":["' + b"x" * (60 << 20))
        except OSError:
            pass
    time.sleep(seconds)


@case
def left_sessions(server, seconds):  # B10
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        client = Client(server)
        client.call("session.open", 3600)
        client.close()


@case
def pattern_of_stars(server, seconds):  # C1
    client = Client(server)
    for begin in range(0, 20_000, 500):
        for i in range(begin, begin + 500):
            client.send(client.message("object.create", "event", f"{i}-" + "a" * 100))
        for _ in range(500):
            client.line()
    client.flood([client.message("object.list", "*" * 100_000 + "x"),
                  client.message("object.list", "*" + "a" * 400 + "?x"),
                  client.message("object.list", "*" + "a?" * 200 + "x")], seconds)


@case
def count_of_a_long_needle(server, seconds):  # C2
    client = Client(server)
    fill(client, "l", 100_000)
    client.flood([client.message("list.count", "l", [1.0] * 10_000)], seconds)


@case
def deadlock_search(server, seconds):  # C3
    client, other, third = Client(server), Client(server), Client(server)
    for name in ("a", "b", "m"):
        client.call("object.create", "rwlock", name)
    other.call("rwlock.acquire_write", "b")
    owners = 10_000
    for method, name in (("rwlock.acquire_read", "a"), ("rwlock.acquire_read", "b")):
        for begin in range(0, owners, 500):
            client.send("".join(client.message(method, name, None, f"{i:05}") for i in range(begin, begin + 500)))
            for _ in range(500 if name == "a" else 0):
                client.line()
    third.call("rwlock.acquire_write", "m")
    other.send(other.message("rwlock.acquire_write", "m"))
    end = time.monotonic() + seconds
    for i in range(60_000):
        if time.monotonic() > end:
            break
        third.send(third.message("rwlock.acquire_write", "a"))
        if i % 64 == 63:
            third.send(third.message("ping"))
            third.line()


@case
def transaction_of_searches(server, seconds):  # C4
    client = Client(server)
    fill(client, "l", 1_000_000)
    client.flood([client.message("transaction.run", [["list.count", ["l", -1]]] * 300)], seconds, 1)


@case
def batch_of_searches(server, seconds):  # C4
    client = Client(server)
    fill(client, "l", 1_000_000)
    batch = json.dumps([{"id": i, "method": "list.count", "params": ["l", -1]} for i in range(50)]) + "\n"
    client.flood([batch], seconds, 1)


@case
def lines_of_searches(server, seconds):  # C4
    client = Client(server)
    fill(client, "l", 1_000_000)
    client.flood([client.message("ping")], 0.2, 64)
    client.flood([client.message("list.count", "l", -1)], seconds, 300)


@case
def searches_of_many_connections(server, seconds):
    client = Client(server)
    fill(client, "l", 1_000_000)
    clients = [Client(server) for _ in range(100)]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for each in clients:
            each.send(each.message("list.count", "l", -1))
        for each in clients:
            each.line()


@case
def sessions_and_waits(server, seconds):  # C5
    clients = [Client(server) for _ in range(2_000)]
    clients[0].call("object.create", "event", "e")
    clients[0].send("".join(clients[0].message("event.wait", "e") for _ in range(30_000)))
    clients[5].flood([clients[5].message("server.sessions")], seconds, 4)


# ---- long work that is allowed ----------------------------------------------------------------

@case
def sort_of_numbers(server, seconds):
    client = Client(server)
    fill(client, "l", 1_000_000)
    client.flood([client.message("list.sort", "l", i % 2 == 0) for i in range(2)], seconds, 2)


@case
def sort_of_texts(server, seconds):
    client = Client(server)
    client.call("object.create", "list", "l")
    shuffle = random.Random(1)
    for _ in range(10):
        client.call("list.extend", "l", [f"{shuffle.randrange(10):020}{shuffle.random()}" for _ in range(30_000)])
    client.flood([client.message("list.sort", "l", i % 2 == 0) for i in range(2)], seconds, 2)


@case
def union_of_sets(server, seconds):
    client = Client(server)
    for name in ("s", "t"):
        client.call("object.create", "set", name)
        for begin in range(0, 400_000, 100_000):
            client.call("set.update", name, list(range(begin, begin + 100_000)))
    client.flood([client.message("set.symmetric_difference", "s", {"$ref": "t"})], seconds, 2)


@case
def large_updates(server, seconds):
    client = Client(server)
    client.call("object.create", "dict", "d")
    line = client.message("dict.update", "d", [[i, i] for i in range(300_000)])
    client.flood([line, client.message("dict.clear", "d")], seconds, 1)


@case
def clear_and_delete(server, seconds):
    client = Client(server)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        fill(client, "l", 1_000_000)
        client.call("list.clear", "l")
        fill(client, "l", 1_000_000)
        client.call("object.delete", "l")


@case
def end_of_a_session_with_many_waits(server, seconds):
    end = time.monotonic() + seconds
    Client(server).call("object.create", "event", "e")
    while time.monotonic() < end:
        client = Client(server)
        for begin in range(0, 65_000, 1_000):
            client.send("".join(client.message("event.wait", "e") for _ in range(begin, begin + 1_000)))
        client.call("ping")
        client.close()


@case
def delete_of_an_object_with_many_waits(server, seconds):
    client, other = Client(server), Client(server)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        client.call("object.create", "lock", "l")
        other.call("lock.acquire", "l")
        for begin in range(0, 65_000, 1_000):
            client.send("".join(client.message("lock.acquire", "l", None, f"{begin + i}") for i in range(1_000)))
        client.call("ping")
        other.call("object.delete", "l")
        for _ in range(65_000):
            client.line()


@case
def event_with_many_waits(server, seconds):
    client, other = Client(server), Client(server)
    client.call("object.create", "event", "e")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for begin in range(0, 65_000, 1_000):
            client.send("".join(client.message("event.wait", "e") for _ in range(1_000)))
        client.call("ping")
        other.call("event.set", "e")
        for _ in range(65_000):
            client.line()
        other.call("event.clear", "e")


@case
def unknown_methods(server, seconds):
    client = Client(server)
    client.flood(["a" * 60 + "\n"], seconds, 64)


# ---- the random search ------------------------------------------------------------------------

OBJECTS = {
    "list": "l", "dict": "d", "set": "s", "queue": "q", "array": "a", "value": "v", "namespace": "n", "lock": "k",
    "rlock": "rk", "rwlock": "rw", "semaphore": "sm", "condition": "c", "event": "e", "barrier": "b", "latch": "lt",
    "counter": "ct", "pipe": "p", "topic": "t",
}
LEFT_OUT = {"server.shutdown", "server.end_session", "session.close", "session.open", "session.resume", "quit"}


def prepare(server):
    client = Client(server)
    arguments = {"array": ["q", 100_000], "value": ["q", 0], "barrier": [2], "latch": [5], "condition": []}
    for kind, name in OBJECTS.items():
        client.call("object.create", kind, name, arguments.get(kind, []))
    for begin in range(0, 200_000, 50_000):
        some = list(range(begin, begin + 50_000))
        client.call("list.extend", "l", some)
        client.call("set.update", "s", some)
        client.call("dict.update", "d", [[i, i] for i in some])
        client.call("queue.put_many", "q", some)
    for i in range(2_000):
        client.send(client.message("object.create", "event", f"name-{i}"))
        client.line()
    return client


def all_of_one_kind(generator):
    """Returns a call of a random method, as often as a transaction may have it."""
    inner = generator.call()
    return [[inner["method"], inner["params"]]] * generator.random.randrange(1, 100)


class Generator:
    """Makes calls of random methods with random arguments, and variants of them."""

    def __init__(self, methods, seed):
        self.methods = [each for each in methods if each["name"] not in LEFT_OUT and not each["admin"]]
        self.random = random.Random(seed)

    def value(self, depth=0):
        pick = self.random.randrange(11 if depth < 3 else 7)
        size = 2 ** self.random.randrange(14)
        simple = [None, True, self.random.randrange(-10, 10), 2 ** self.random.randrange(63), 1.5, "x" * size,
                  {"$ref": self.random.choice(list(OBJECTS.values()))}]
        if pick < len(simple):
            return simple[pick]
        if pick == 7:
            return [self.value(3)] * size
        if pick == 8:
            return [self.value(depth + 1) for _ in range(self.random.randrange(4))]
        if pick == 9:
            return {str(i): self.value(3) for i in range(min(size, 500))}
        return self.random.choice(["*" * size, "?" * size, "*a" * size])

    def argument(self, parameter, kind):
        name = parameter["name"]
        if name == "name":
            return OBJECTS.get(kind, self.random.choice(list(OBJECTS.values())))
        if name == "timeout":
            return 0
        by_kind = {
            "int": lambda: self.random.choice([0, 1, -1, 1_000, 100_000, 1_000_000, 2 ** 62]),
            "list": lambda: [self.value(2)] * 2 ** self.random.randrange(12),
            "text": lambda: self.random.choice(["", "x" * 2 ** self.random.randrange(12), "*" * 400 + "x"]),
            "bool": lambda: self.random.choice([True, False]),
        }
        return by_kind.get(parameter["type"], self.value)()

    def call(self):
        method = self.random.choice(self.methods)
        kind = method["name"].split(".")[0]
        parameters = method["parameters"]
        count = len(parameters) if self.random.random() < 0.7 else self.random.randrange(len(parameters) + 1)
        params = [self.argument(each, kind) for each in parameters[:count]]
        if method["name"] == "transaction.run":
            params = [all_of_one_kind(self)]
        return {"method": method["name"], "params": params}

    def variant(self, call):
        changed = json.loads(json.dumps(call))
        if changed["params"]:
            place = self.random.randrange(len(changed["params"]))
            if place > 0 or not isinstance(changed["params"][0], str):
                changed["params"][place] = self.value()
        return changed


def search(agorad, directory, minutes, seed=16):
    """Returns the ten calls that keep the server busy for the longest time for each byte, one for each method."""
    end = time.monotonic() + minutes * 60
    worst = {}
    server = Server(agorad, directory)
    client = prepare(server)
    catalogue = client.call("server.methods")["result"]
    generator = Generator([each for kind in catalogue["types"] for each in kind["methods"]], seed)
    tried = 0
    while time.monotonic() < end:
        if tried % 2_000 == 1_999 or not server.alive():
            server.stop()
            server = Server(agorad, directory)
            client = prepare(server)
        known = [entry[1] for entry in worst.values()]
        call = generator.variant(random.choice(known)) if known and tried % 3 == 0 else generator.call()
        tried += 1
        try:
            took = measure(client, call)
        except (OSError, EOFError, ValueError):
            client = Client(server) if server.alive() else client
            continue
        size = len(json.dumps(call))
        score = took / size
        if call["method"] not in worst or worst[call["method"]][0] < score:
            worst[call["method"]] = (score, call, took, size)
    server.stop()
    print(f"{tried:,} calls tried")
    return sorted(worst.values(), key=lambda entry: -entry[0])[:10]


def measure(client, call):
    """Returns the seconds from the sending of a call to the reply of a ping behind it."""
    line = client.message(call["method"], *call["params"])
    begin = time.perf_counter()
    client.send(line)
    client.call("ping")
    return time.perf_counter() - begin


def found_case(call):
    def run(server, seconds):
        client = prepare(server)
        client.flood([client.message(call["method"], *call["params"])], seconds, 16)
    return run


# ---- the table --------------------------------------------------------------------------------

def attack(function, server, seconds):
    try:
        function(server, seconds)
    except (OSError, EOFError) as error:
        print(f"  ({function.__name__}: {error!r})", file=sys.stderr)


def run_case(agorad, directory, name, function, seconds):
    server = Server(agorad, directory)
    results, stop = multiprocessing.Queue(), multiprocessing.Event()
    pinger = multiprocessing.Process(target=ping_forever, args=(server.port, results, stop))
    hostile = multiprocessing.Process(target=attack, args=(function, server, seconds))
    pinger.start()
    hostile.start()
    hostile.join(seconds * 10 + 120)
    if hostile.is_alive():
        hostile.kill()
    stop.set()
    latencies = results.get(timeout=300)
    pinger.join()
    peak = server.peak_mib()
    alive = server.alive()
    server.stop()
    p50, p99 = (latencies[int(len(latencies) * part)] for part in (0.5, 0.99))
    worst = latencies[-1]
    verdict = "" if alive and p99 < P99_MS and worst < WORST_MS else "  over" if alive else "  DIED"
    print(f"{name:44} {p50:9.2f} {p99:9.2f} {worst:9.1f} {peak - CAP_MIB:9.0f}{verdict}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("agorad")
    parser.add_argument("cases", nargs="*", help="words; only cases whose names contain one of them run")
    parser.add_argument("--minutes", type=float, default=10, help="time for the random search, 10 by default")
    parser.add_argument("--seconds", type=float, default=5, help="time for each case, 5 by default")
    options = parser.parse_intermixed_args()
    print(f"{'one hostile client':44} {'p50 ms':>9} {'p99 ms':>9} {'worst ms':>9} {'MiB > cap':>9}")
    with tempfile.TemporaryDirectory(prefix="agora-hostile-") as directory:
        os.chmod(directory, 0o700)
        for name, function in CASES.items():
            if options.cases and not any(word in name for word in options.cases):
                continue
            run_case(options.agorad, directory, name.replace("_", " "), function, options.seconds)
        if options.minutes == 0 or options.cases:
            return
        for _, call, took, size in search(options.agorad, directory, options.minutes):
            text = json.dumps(call["params"])
            print(f"{call['method']}: {took * 1000:.1f} ms for {size} bytes: {text[:60]}")
            run_case(options.agorad, directory, "  " + call["method"], found_case(call), options.seconds)


if __name__ == "__main__":
    main()
